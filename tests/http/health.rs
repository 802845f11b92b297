use tests::each_db;

each_db!(a_migrated_server_is_alive_and_ready, |server| {
    let visitor = server.visitor();
    visitor.get("/healthz").await.assert_status(200);
    visitor.get("/readyz").await.assert_status(200).assert_contains("ready");
});

each_db!(every_answer_carries_the_security_headers, |server| {
    let answer = server.visitor().get("/nowhere").await;
    answer.assert_status(404);
    for header in ["content-security-policy", "x-content-type-options", "referrer-policy"] {
        assert!(answer.headers.contains_key(header), "{header}");
    }
});
