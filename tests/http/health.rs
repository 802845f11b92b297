use app::domain::Role;
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

each_db!(a_session_that_the_database_has_no_time_for_is_told_to_come_again, |server| {
    let ann = server.signed_in(Role::Viewer).await;
    ann.get("/models").await.assert_status(200);
    server.app.store.close().await;
    ann.get("/models").await.assert_status(503).assert_contains("Try again in a moment");
});
