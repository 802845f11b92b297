//! API tokens: made and revoked on a page, used on the API.

use app::domain::token::TokenScope;
use app::domain::{Grant, Role};
use serde_json::json;
use tests::{Answer, Client, each_db};
use time::Duration;

const TEAMS: &str = "/api/v1/teams";

fn token_in(page: &Answer) -> String {
    let text = page.text();
    let from = text.find("eh_").expect("the page shows a token");
    text[from..from + 40].to_owned()
}

async fn make(client: &Client, scopes: &[&str], days: &str) -> String {
    let mut form = vec![("name", "nightly <i>run</i>"), ("team", ""), ("days", days)];
    form.extend(scopes.iter().map(|scope| ("scopes", *scope)));
    let page = client.post("/account/tokens", &form).await;
    page.assert_status(200).assert_contains("only once").assert_lacks("<i>run");
    assert_eq!(page.headers["cache-control"], "no-store");
    token_in(&page)
}

each_db!(a_token_is_shown_once_works_and_works_no_longer_when_revoked, |server| {
    let ann = server.signed_in(Role::Viewer).await;
    let token = make(&ann, &["read"], "90").await;
    let program = server.visitor().with_token(&token);
    program.get(TEAMS).await.assert_status(200);

    let list = ann.get("/account/tokens").await;
    list.assert_contains(&format!("…{}", &token[36..])).assert_lacks(&token);
    let text = list.text();
    let from = text.find("/account/tokens/").expect("a form that revokes");
    let action: String = text[from..].chars().take_while(|c| *c != '"').collect();

    let other = server.signed_in(Role::Viewer).await;
    other.post(&action, &[]).await.assert_status(404);
    program.get(TEAMS).await.assert_status(200);
    ann.post(&action, &[]).await.assert_redirect("/account/tokens");
    program.get(TEAMS).await.assert_status(401);
    ann.get("/account/tokens").await.assert_contains("revoked");
});

each_db!(a_token_form_says_everything_that_is_wrong_at_once, |server| {
    let ann = server.signed_in(Role::Viewer).await;
    let form = [("name", ""), ("team", "nowhere"), ("days", "366"), ("scopes", "everything")];
    let page = ann.post("/account/tokens", &form).await;
    page.assert_status(422).assert_contains("4 things need a look");
    page.assert_contains("from 1 to 365").assert_contains("`everything` is not one of");
    ann.post("/account/tokens", &[("name", "x"), ("days", "1")])
        .await
        .assert_status(422)
        .assert_contains("choose at least one");
});

each_db!(an_expired_token_and_one_that_is_none_of_ours_are_refused, |server| {
    let ann = server.signed_in(Role::Viewer).await;
    let program = server.visitor().with_token(&make(&ann, &["read"], "1").await);
    program.get(TEAMS).await.assert_status(200);
    server.app.clock.advance(Duration::DAY);
    let refused = program.get(TEAMS).await;
    refused.assert_status(401);
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert_eq!(refused.headers["www-authenticate"], "Bearer");

    let unknown = server::auth::token::generate();
    server.visitor().with_token(&unknown).get(TEAMS).await.assert_status(401);
    server.visitor().with_token("eh_nonsense").get(TEAMS).await.assert_status(401);
    server.visitor().get(TEAMS).await.assert_status(401);
});

each_db!(a_mistyped_token_is_refused_without_asking_the_database, |server| {
    let token = server::auth::token::generate();
    let last = if token.ends_with('0') { "1" } else { "0" };
    let mistyped = format!("{}{last}", &token[..39]);
    server.app.store.close().await;
    server.visitor().with_token(&mistyped).get(TEAMS).await.assert_status(401);
    server.visitor().with_token(&token).get(TEAMS).await.assert_status(503);
});

each_db!(a_token_of_somebody_disabled_is_refused, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let (bo, _) = server.somebody(Some(Grant { role: Role::Viewer, team: None })).await;
    let program =
        server.visitor().with_token(&server.token_of(bo, &[TokenScope::Read], None).await);
    program.get(TEAMS).await.assert_status(200);
    admin.post(&format!("/people/{bo}/disable"), &[]).await.assert_status(303);
    program.get(TEAMS).await.assert_status(401);
});

each_db!(a_token_does_what_its_scopes_and_its_persons_roles_both_allow, |server| {
    let new = json!({ "slug": "ads", "name": "Ads" });
    let reader = server.token(Role::Admin, &[TokenScope::Read]).await;
    let refused = reader.post_json(TEAMS, &new).await;
    refused.assert_status(403).assert_contains("models:write");
    assert_eq!(refused.json()["status"], 403);

    let engineer = server.token(Role::Engineer, &[TokenScope::ModelsWrite]).await;
    engineer
        .post_json(TEAMS, &new)
        .await
        .assert_status(403)
        .assert_contains("may not manage teams");

    let admin = server.token(Role::Admin, &[TokenScope::ModelsWrite]).await;
    admin.post_json(TEAMS, &new).await.assert_status(201);
});

each_db!(a_token_opens_no_page, |server| {
    let every: Vec<_> = TokenScope::ALL.to_vec();
    let admin = server.token(Role::Admin, &every).await;
    admin.get("/people").await.assert_redirect("/login?next=%2Fpeople");
    admin.get("/account/tokens").await.assert_redirect("/login?next=%2Faccount%2Ftokens");
});

each_db!(the_last_use_of_a_token_is_noted_once_a_minute, |server| {
    let (bo, _) = server.somebody(Some(Grant { role: Role::Viewer, team: None })).await;
    let program =
        server.visitor().with_token(&server.token_of(bo, &[TokenScope::Read], None).await);
    let used = async || server.app.store.tokens_of(bo).await.expect("tokens")[0].used_at;
    assert_eq!(used().await, None);
    program.get(TEAMS).await.assert_status(200);
    let first = used().await;
    assert!(first.is_some());
    server.app.clock.advance(Duration::seconds(59));
    program.get(TEAMS).await.assert_status(200);
    assert_eq!(used().await, first);
    server.app.clock.advance(Duration::seconds(1));
    program.get(TEAMS).await.assert_status(200);
    assert!(used().await > first);
});

each_db!(an_admin_sees_and_revokes_the_tokens_of_others, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let (bo, _) = server.somebody(Some(Grant { role: Role::Viewer, team: None })).await;
    let token = server.token_of(bo, &[TokenScope::Read], None).await;
    let page = admin.get(&format!("/people/{bo}")).await;
    page.assert_contains(&format!("…{}", &token[36..]));
    let id = server.app.store.tokens_of(bo).await.expect("tokens")[0].id;
    admin.post(&format!("/people/{bo}/tokens/{id}/revoke"), &[]).await.assert_status(303);
    server.visitor().with_token(&token).get(TEAMS).await.assert_status(401);
});
