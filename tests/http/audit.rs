use app::domain::Role;
use app::domain::token::TokenScope;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use server::audit::check::{self, Witnesses};
use server::audit::checkpoint::Checkpoint;
use server::audit::{By, Entry};
use std::net::SocketAddr;
use tests::{TestServer, each_db};

async fn note(server: &TestServer, action: &'static str, id: usize, after: &str) {
    let mut tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap();
    tx.note(Entry::new(action, "thing", id).after(serde_json::json!({ "name": after })));
    tx.commit().await.unwrap();
}

each_db!(the_log_shows_who_did_what_and_escapes_what_it_shows, |server| {
    let reviewer = server.signed_in(Role::Reviewer).await;
    note(&server, "thing.renamed", 1, "<script>alert(1)</script>").await;
    let page = reviewer.get("/audit").await;
    page.assert_status(200).assert_contains("renamed a thing").assert_contains("the operator");
    page.assert_lacks("<script>alert").assert_contains("&lt;script&gt;alert(1)");
});

each_db!(the_log_is_filtered_by_action_object_person_and_day, |server| {
    note(&server, "thing.painted", 1, "alpha-one").await;
    server.app.clock.advance(time::Duration::days(2));
    note(&server, "thing.renamed", 2, "beta-two").await;
    let reviewer = server.signed_in(Role::Reviewer).await;
    for (query, there, not_there) in [
        ("action=thing.painted", "alpha-one", "beta-two"),
        ("kind=thing&object=2", "beta-two", "alpha-one"),
        ("from=2026-11-02", "beta-two", "alpha-one"),
        ("to=2026-11-01", "alpha-one", "beta-two"),
        ("from=2026-11-01&to=2026-11-01&action=thing.", "alpha-one", "beta-two"),
    ] {
        let page = reviewer.get(&format!("/audit?{query}")).await;
        page.assert_status(200).assert_contains(there);
        page.assert_lacks(not_there);
    }
    reviewer.get("/audit?from=soon").await.assert_status(422).assert_contains("soon");
    let nobody = reviewer.get("/audit?actor=nobody@example.org").await;
    nobody.assert_status(422).assert_contains("nobody@example.org");
});

each_db!(later_pages_do_not_shift_while_entries_are_added, |server| {
    let reviewer = server.signed_in(Role::Reviewer).await;
    for i in 0..60 {
        note(&server, "thing.counted", i, &format!("number-{i}-")).await;
    }
    let first = reviewer.get("/audit?action=thing.").await.text();
    assert!(first.contains("number-59-") && first.contains("number-10-"));
    assert!(!first.contains("number-9-"));
    let at = first.find("rel=\"next\"").expect("there is a second page");
    let href = first[at..].split('"').find(|part| part.starts_with("/audit?")).unwrap();
    note(&server, "thing.counted", 60, "number-60-").await;
    let second = reviewer.get(&href.replace("&amp;", "&")).await;
    second.assert_contains("number-9-").assert_contains("number-0-").assert_lacks("number-10-");
    second.assert_contains("51–60 of 60");
});

each_db!(an_export_verifies_against_the_checkpoint_and_key_that_the_page_shows, |server| {
    let admin = server.signed_in(Role::Admin).await;
    for i in 0..3 {
        note(&server, "thing.counted", i, "x").await;
    }
    let page = admin.get("/audit/verify").await;
    let key = server::audit::checkpoint::public_text(&server.app.key.public());
    page.assert_status(200).assert_contains("verifies").assert_contains(&key);
    let export = admin.get("/audit/export").await;
    export.assert_status(200);
    let note = admin.get("/api/v1/audit/checkpoint").await.assert_status(200).text();
    let kept = Checkpoint::open(&note, &server.app.key.public()).unwrap();
    let witnesses = Witnesses { key: None, kept: vec![kept] };
    let report = check::export(&export.body[..], &witnesses).unwrap();
    assert!(report.ok, "{report:?}");
    let size = server.app.store.audit_head().await.unwrap().size;
    assert_eq!(report.verified.unwrap().checkpointed, u64::try_from(size).unwrap());
});

each_db!(a_program_reads_the_log_from_where_it_stopped, |server| {
    for i in 0..5 {
        note(&server, "thing.counted", i, "x").await;
    }
    let program = server.token(Role::Reviewer, &[TokenScope::Read]).await;
    let total = program.get("/api/v1/audit?limit=3").await.json()["total"].as_i64().unwrap();
    let (mut seen, mut after) = (vec![], String::new());
    loop {
        let page = program.get(&format!("/api/v1/audit?limit=3{after}")).await.json();
        for item in page["items"].as_array().unwrap() {
            seen.push(item["position"].as_i64().unwrap());
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => after = format!("&after={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, (0..total).collect::<Vec<_>>());
    program.get("/api/v1/audit?limit=0").await.assert_status(400);
});

each_db!(who_may_not_read_the_log_reads_none_of_it, |server| {
    let engineer = server.signed_in(Role::Engineer).await;
    for path in ["/audit", "/audit/verify", "/audit/export", "/api/v1/audit"] {
        engineer.get(path).await.assert_status(403);
    }
});

each_db!(metrics_are_read_from_this_machine_and_count_routes_not_paths, |server| {
    let visitor = server.visitor();
    visitor.get("/healthz").await;
    visitor.get("/no/such/thing").await;
    visitor.get("/metrics").await.assert_status(403);
    let from = |ip: &str| ConnectInfo::<SocketAddr>(format!("{ip}:9").parse().unwrap());
    let ask = |ip: &str| Request::get("/metrics").extension(from(ip));
    visitor.send(ask("192.0.2.1"), Body::empty()).await.assert_status(403);
    let proxied = ask("127.0.0.1").header("x-forwarded-for", "192.0.2.1");
    visitor.send(proxied, Body::empty()).await.assert_status(403);
    let text = visitor.send(ask("127.0.0.1"), Body::empty()).await.assert_status(200).text();
    for line in [
        "evenhand_http_requests_total{route=\"/healthz\",method=\"GET\",status=\"200\"} 1",
        "evenhand_http_requests_total{route=\"none\",method=\"GET\",status=\"404\"} 1",
        "evenhand_uploads_total{outcome=\"accepted\"} 0",
        "evenhand_audit_entries 0",
        "evenhand_http_request_duration_seconds_bucket{route=\"/healthz\",method=\"GET\",le=\"+Inf\"} 1",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("/no/such"), "{text}");
});
