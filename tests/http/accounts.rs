//! Set-up, log-in, log-out, sessions and passwords.

use app::domain::Role;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use server::store::throttle::FailedLogin;
use std::net::SocketAddr;
use tests::{Answer, Client, PASSWORD, each_db};
use time::Duration;

const WRONG: &str = "not the password at all";

/// The path of a link that was printed or shown.
pub fn path_of(link: &str) -> String {
    let rest = link.split_once("://").expect("a link").1;
    format!("/{}", rest.split_once('/').expect("with a path").1)
}

async fn try_from(client: &Client, address: &str, email: &str) -> Answer {
    let peer: SocketAddr = format!("{address}:40000").parse().expect("an address");
    let request = Request::post("/login")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .extension(ConnectInfo(peer));
    client.send(request, Body::from(format!("email={email}&password=wrong"))).await
}

each_db!(the_set_up_link_makes_the_first_admin_once, |server| {
    let link = server::actions::setup_link(&server.app).await.expect("asks").expect("nobody yet");
    let path = path_of(&link);
    let visitor = server.visitor();
    visitor.get(&path).await.assert_status(200).assert_contains("Set up Evenhand");

    let short = [("name", "Ann"), ("email", "ann"), ("password", "short"), ("again", "other")];
    let refused = visitor.post(&path, &short).await;
    refused.assert_status(422).assert_contains("ann@example.org").assert_contains("value=\"Ann\"");
    refused.assert_contains("type the same password again").assert_lacks("short");

    let form = [
        ("name", "Ann"),
        ("email", "Ann@Example.org"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    visitor.post(&path, &form).await.assert_redirect("/");
    visitor.get("/account").await.assert_status(200).assert_contains("ann@example.org");
    visitor.get("/people").await.assert_status(200);

    let again = server.visitor();
    again.post(&path, &form).await.assert_status(410).assert_contains("does not work");
    again.get(&path).await.assert_status(410);
    assert_eq!(server::actions::setup_link(&server.app).await.expect("asks"), None);
});

each_db!(a_set_up_link_dies_after_an_hour_and_at_the_next_start, |server| {
    let first = server::actions::setup_link(&server.app).await.expect("asks").expect("nobody yet");
    let second = server::actions::setup_link(&server.app).await.expect("asks").expect("nobody yet");
    let visitor = server.visitor();
    visitor.get(&path_of(&first)).await.assert_status(410);
    visitor.get(&path_of(&second)).await.assert_status(200);
    server.app.clock.advance(Duration::HOUR);
    visitor.get(&path_of(&second)).await.assert_status(410);
});

each_db!(whoever_logs_in_goes_on_to_where_they_were_but_never_to_another_host, |server| {
    let (_, email) = server.somebody(None).await;
    let visitor = server.visitor();
    visitor.get("/account/tokens").await.assert_redirect("/login?next=%2Faccount%2Ftokens");
    visitor
        .get("/login?next=%2Faccount%2Ftokens")
        .await
        .assert_contains("value=\"/account/tokens\"");
    let log_in = async |next: &str| {
        let form = [("email", email.as_str()), ("password", PASSWORD), ("next", next)];
        server.visitor().post("/login", &form).await
    };
    log_in("/account/tokens").await.assert_redirect("/account/tokens");
    log_in("//evil.example").await.assert_redirect("/");
    log_in("/\\evil.example").await.assert_redirect("/");
});

each_db!(a_wrong_password_and_an_unknown_address_get_the_same_answer_at_the_same_cost, |server| {
    let (ann, email) = server.somebody(None).await;
    let cost = async |email: &str| {
        let before = server.app.hashing.done();
        let form = [("email", email), ("password", WRONG)];
        let answer = server.visitor().post("/login", &form).await;
        answer.assert_status(422);
        (server.app.hashing.done() - before, answer.text().replace(email, "…"))
    };
    let known = cost(&email).await;
    assert_eq!(known.0, 1);
    assert_eq!(cost("nobody@example.org").await, known);

    let admin = server.signed_in(Role::Admin).await;
    admin.post(&format!("/people/{ann}/disable"), &[]).await.assert_status(303);
    let form = [("email", email.as_str()), ("password", PASSWORD)];
    let disabled = server.visitor().post("/login", &form).await;
    disabled.assert_status(422);
    assert_eq!(disabled.text().replace(&email, "…"), known.1, "also with the right password");
});

each_db!(whoever_logs_out_is_out_also_with_the_old_cookie, |server| {
    let ann = server.signed_in(Role::Engineer).await;
    let cookie = ann.cookie("evenhand").expect("a session");
    ann.get("/account").await.assert_status(200);
    ann.post("/logout", &[]).await.assert_redirect("/login");
    assert_eq!(ann.cookie("evenhand"), None);

    let thief = server.visitor();
    thief.set_cookie("evenhand", &cookie);
    thief.get("/account").await.assert_redirect("/login?next=%2Faccount");
});

each_db!(a_session_that_somebody_else_planted_opens_nothing, |server| {
    let (_, email) = server.somebody(None).await;
    let attacker = server.log_in(&server.somebody(None).await.1).await;
    let planted = attacker.cookie("evenhand").expect("a session");

    let victim = server.visitor();
    victim.set_cookie("evenhand", &planted);
    let form = [("email", email.as_str()), ("password", PASSWORD)];
    victim.post("/login", &form).await.assert_redirect("/");
    assert_ne!(victim.cookie("evenhand").expect("a session"), planted);
    attacker.get("/account").await.assert_redirect("/login?next=%2Faccount");
    victim.get("/account").await.assert_contains(&email);
});

each_db!(a_form_from_another_site_is_refused, |server| {
    let ann = server.signed_in(Role::Admin).await;
    let request = Request::post("/logout")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .header(header::ORIGIN, "https://evil.example");
    ann.send(request, Body::empty()).await.assert_status(403);
    ann.get("/account").await.assert_status(200);
});

each_db!(after_five_failures_each_attempt_has_to_wait_longer, |server| {
    let (_, email) = server.somebody(None).await;
    let visitor = server.visitor();
    let wrong = [("email", email.as_str()), ("password", WRONG)];
    let right = [("email", email.as_str()), ("password", PASSWORD)];
    for _ in 0..5 {
        visitor.post("/login", &wrong).await.assert_status(422);
    }
    let refused = visitor.post("/login", &right).await;
    refused.assert_status(429).assert_contains("Try again in 1 seconds");
    assert_eq!(refused.headers[header::RETRY_AFTER], "1");

    server.app.clock.advance(Duration::seconds(1));
    visitor.post("/login", &wrong).await.assert_status(422);
    server.app.clock.advance(Duration::seconds(1));
    assert_eq!(visitor.post("/login", &right).await.headers[header::RETRY_AFTER], "1");
    server.app.clock.advance(Duration::seconds(1));
    visitor.post("/login", &right).await.assert_redirect("/");

    // A success forgets the failures.
    visitor.post("/login", &wrong).await.assert_status(422);
    visitor.post("/login", &right).await.assert_redirect("/");
});

each_db!(attempts_at_the_same_moment_are_throttled_as_if_they_came_in_turn, |server| {
    let (_, email) = server.somebody(None).await;
    let wrong = [("email", email.as_str()), ("password", WRONG)];
    let visitor = server.visitor();
    let attempts = (0..12).map(|_| visitor.post("/login", &wrong));
    let answers = tests::at_once(attempts).await;
    let tried = answers.iter().filter(|answer| answer.status == 422).count();
    assert_eq!(tried, 5, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
});

each_db!(an_address_that_guesses_at_many_accounts_has_to_wait_and_others_do_not, |server| {
    let visitor = server.visitor();
    for i in 0..100 {
        let email = format!("guess-{i}%40example.org");
        try_from(&visitor, "203.0.113.9", &email).await.assert_status(422);
    }
    try_from(&visitor, "203.0.113.9", "one-more%40example.org").await.assert_status(429);
    try_from(&visitor, "203.0.113.10", "one-more%40example.org").await.assert_status(422);
});

each_db!(a_failed_log_in_is_logged_apart_and_what_is_no_address_is_not_kept, |server| {
    let visitor = server.visitor();
    let before = server.app.store.audit_head().await.expect("the head").size;
    visitor.post("/login", &[("email", "my secret words"), ("password", WRONG)]).await;
    visitor.post("/login", &[("email", "eve@example.org"), ("password", WRONG)]).await;
    assert_eq!(server.app.store.audit_head().await.expect("the head").size, before);

    let log = server.app.store.failed_logins(10).await.expect("the log");
    let subjects: Vec<_> = log.iter().map(|FailedLogin { subject, .. }| subject.as_str()).collect();
    assert!(subjects.contains(&"") && subjects.contains(&"eve@example.org"), "{subjects:?}");

    server.app.clock.advance(Duration::days(31));
    let now = server::clock::micros(server.app.clock.now());
    server.app.store.sweep_failed_logins(now).await.expect("swept");
    assert!(server.app.store.failed_logins(10).await.expect("the log").is_empty());
});

each_db!(a_person_sees_and_ends_their_own_sessions_and_no_one_elses, |server| {
    let (_, email) = server.somebody(None).await;
    let desk = server.log_in(&email).await;
    let phone = server.log_in(&email).await;
    let other = server.signed_in(Role::Viewer).await;

    let page = desk.get("/account/sessions").await;
    page.assert_contains("this one").assert_contains("End all others");
    let hash = hidden(&page.text(), "hash");
    other.post("/account/sessions/end", &[("hash", &hash)]).await.assert_status(404);
    phone.get("/account").await.assert_status(200);
    desk.post("/account/sessions/end", &[("hash", &hash)])
        .await
        .assert_redirect("/account/sessions");
    phone.get("/account").await.assert_redirect("/login?next=%2Faccount");

    let third = server.log_in(&email).await;
    desk.post("/account/sessions/end-others", &[]).await.assert_redirect("/account/sessions");
    third.get("/account").await.assert_redirect("/login?next=%2Faccount");
    desk.get("/account/sessions").await.assert_lacks("End all others");
});

each_db!(a_new_password_needs_the_old_one_and_ends_the_other_sessions, |server| {
    const NEW: &str = "a horse with no name";
    let (_, email) = server.somebody(None).await;
    let desk = server.log_in(&email).await;
    let phone = server.log_in(&email).await;
    let form = |old| [("old", old), ("password", NEW), ("again", NEW)];
    desk.post("/account/password", &form(WRONG))
        .await
        .assert_status(422)
        .assert_contains("this is not your password");
    phone.get("/account").await.assert_status(200);

    desk.post("/account/password", &form(PASSWORD)).await.assert_redirect("/account");
    desk.get("/account").await.assert_status(200).assert_contains("Your password is changed");
    phone.get("/account").await.assert_redirect("/login?next=%2Faccount");
    let log_in = async |password| {
        server.visitor().post("/login", &[("email", &email), ("password", password)]).await
    };
    log_in(PASSWORD).await.assert_status(422);
    log_in(NEW).await.assert_redirect("/");
});

each_db!(a_session_ends_after_twelve_idle_hours_and_after_seven_days_of_use, |server| {
    let idle = server.signed_in(Role::Viewer).await;
    let busy = server.signed_in(Role::Viewer).await;
    for _ in 0..15 {
        server.app.clock.advance(Duration::hours(11));
        busy.get("/account").await.assert_status(200);
    }
    idle.get("/account").await.assert_redirect("/login?next=%2Faccount");
    server.app.clock.advance(Duration::hours(4));
    busy.get("/account").await.assert_redirect("/login?next=%2Faccount");
});

/// The value of the first hidden field with this name.
pub fn hidden(html: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let from = html.find(&start).unwrap_or_else(|| panic!("no field {name} in {html}"));
    html[from + start.len()..].split('"').next().unwrap_or_default().to_owned()
}
