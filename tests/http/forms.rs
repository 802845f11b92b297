//! A form that comes when its session has ended: what was typed is given back, never sent unseen.

use app::domain::Role;
use tests::{Answer, Client, PASSWORD, TEAM, TestServer, each_db};
use time::Duration;

const SUMMARY: &str = "To all new customers & \"friends\",\r\nfrom <Monday> on.";

/// What a hidden field of a page holds, as a browser would send it.
fn hidden(page: &str, name: &str) -> String {
    let at = page.find(&format!("name=\"{name}\"")).expect("the field is there");
    let rest = &page[at..];
    let value = rest.split_once("value=\"").expect("it has a value").1;
    let value = value.split('"').next().unwrap();
    value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

async fn type_late(server: &TestServer) -> (Client, String, Answer) {
    server.model("income").await;
    let team = server.team(TEAM).await;
    let grant = app::domain::Grant { role: Role::Lead, team: Some(team) };
    let (_, email) = server.somebody(Some(grant)).await;
    let lead = server.log_in(&email).await;
    lead.get("/launches/new?model=income&version=v1").await.assert_status(200);
    server.app.clock.advance(Duration::hours(13));
    let form = [("model", "income"), ("version", "v1"), ("summary", SUMMARY)];
    let answer = lead.post("/launches/new", &form).await;
    (lead, email, answer)
}

async fn log_in(client: &Client, email: &str, password: &str, page: &str) -> Answer {
    let (path, typed) = (hidden(page, "path"), hidden(page, "typed"));
    let form = [
        ("email", email),
        ("password", password),
        ("path", path.as_str()),
        ("typed", typed.as_str()),
    ];
    client.post("/login", &form).await
}

each_db!(what_was_typed_when_the_session_ended_is_shown_again_and_sent_by_the_person, |server| {
    let (lead, email, answer) = type_late(&server).await;
    answer.assert_status(401).assert_contains("What you typed is kept");
    // Also over a password that was typed wrong.
    let wrong = log_in(&lead, &email, "wrong", &answer.text()).await;
    server.app.clock.advance(Duration::minutes(1));
    let again = log_in(&lead, &email, PASSWORD, &wrong.assert_status(422).text()).await;
    let page = again.assert_status(200).assert_contains("Show what I typed").text();
    assert!(page.contains("action=\"/launches/new?again=1\""), "{page}");
    let typed = ["model", "version", "summary"].map(|name| (name, hidden(&page, name)));
    assert_eq!(typed[2].1, SUMMARY);
    let form: Vec<_> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let shown = lead.post("/launches/new?again=1", &form).await;
    shown
        .assert_status(422)
        .assert_contains("Nothing was sent yet")
        .assert_contains("To all new customers &amp; \"friends\"")
        .assert_contains("<form")
        .assert_contains("action=\"/launches/new\"");
    assert!(server.app.store.launches().await.unwrap().is_empty());
    lead.post("/launches/new", &form).await.assert_redirect("/launches/1");
});

each_db!(a_password_is_never_given_back, |server| {
    let client = server.signed_in(Role::Engineer).await;
    server.app.clock.advance(Duration::hours(13));
    let form = [("old", PASSWORD), ("password", "new secret words"), ("again", "new secret words")];
    let answer = client.post("/account/password", &form).await;
    assert!(answer.location().starts_with("/login"), "{}", answer.text());
    let form = [("function", "product"), ("password", PASSWORD), ("reason", "Looked at.")];
    client
        .post("/launches/1/sign", &form)
        .await
        .assert_status(401)
        .assert_contains("reason=Looked")
        .assert_lacks(PASSWORD)
        .assert_lacks("correct");
});

each_db!(a_kept_form_leads_to_this_server_alone_and_only_by_its_own_button, |server| {
    let (lead, email, _) = type_late(&server).await;
    let form = [
        ("email", email.as_str()),
        ("password", PASSWORD),
        ("path", "https://evil.example/steal"),
        ("typed", "summary=x"),
    ];
    lead.post("/login", &form).await.assert_contains("action=\"/?again=1\"").assert_lacks("evil");
    // Whoever was never signed in is asked to, and what is too long is not kept.
    let visitor = server.visitor();
    let long = "x".repeat(300_000);
    let answer = visitor.post("/launches/new", &[("summary", &long)]).await;
    assert!(answer.location().starts_with("/login"));
    assert!(visitor.post("/launches/1/request", &[]).await.location().starts_with("/login"));
});
