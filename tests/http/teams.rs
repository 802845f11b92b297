//! Teams on pages and in the API.

use crate::accounts::hidden;
use app::domain::Role;
use app::domain::token::TokenScope;
use serde_json::json;
use tests::each_db;

const TEAMS: &str = "/api/v1/teams";

each_db!(an_admin_makes_a_team_and_everybody_reads_it, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let form = [("slug", "home-feed"), ("name", "Home <em>feed</em>"), ("parent", "")];
    admin.post("/teams/new", &form).await.assert_redirect("/teams/home-feed");
    let child = [("slug", "ranking"), ("name", "Ranking"), ("parent", "home-feed")];
    admin.post("/teams/new", &child).await.assert_redirect("/teams/ranking");

    let viewer = server.signed_in_for(Role::Viewer, "ranking").await;
    let list = viewer.get("/teams").await;
    list.assert_contains("Home &lt;em&gt;feed&lt;/em&gt;").assert_contains("depth-1");
    list.assert_lacks("/teams/new");
    let page = viewer.get("/teams/ranking").await;
    page.assert_status(200).assert_contains("viewer").assert_lacks("Name and parent");
    viewer.post("/teams/ranking", &child).await.assert_status(403);
    viewer.post("/teams/new", &form).await.assert_status(403);
    viewer.get("/teams/nowhere").await.assert_status(404);
});

each_db!(a_team_form_says_what_is_wrong_and_keeps_what_was_typed, |server| {
    server.team("ads").await;
    let admin = server.signed_in(Role::Admin).await;
    let taken = [("slug", "ads"), ("name", "Other"), ("parent", "")];
    let page = admin.post("/teams/new", &taken).await;
    page.assert_status(422).assert_contains("a team with this slug already");
    page.assert_contains("value=\"Other\"");
    let bad = [("slug", "Not a slug"), ("name", ""), ("parent", "nowhere")];
    admin.post("/teams/new", &bad).await.assert_status(422).assert_contains("3 things need a look");
    admin
        .post("/teams/new", &[("slug", "new"), ("name", "New"), ("parent", "")])
        .await
        .assert_status(422);
});

each_db!(no_team_stands_below_itself, |server| {
    let admin = server.signed_in(Role::Admin).await;
    for (slug, parent) in [("a", ""), ("b", "a"), ("c", "b")] {
        admin.post("/teams/new", &[("slug", slug), ("name", slug), ("parent", parent)]).await;
    }
    for parent in ["a", "b", "c"] {
        let form = [("name", "a"), ("parent", parent), ("version", "1")];
        let page = admin.post("/teams/a", &form).await;
        page.assert_status(422).assert_contains("below itself");
    }
    let form = [("name", "c"), ("parent", "a"), ("version", "1")];
    admin.post("/teams/c", &form).await.assert_redirect("/teams/c");
});

each_db!(two_moves_at_the_same_moment_make_no_circle, |server| {
    let admin = server.signed_in(Role::Admin).await;
    server.team("a").await;
    server.team("b").await;
    let one = [("name", "a"), ("parent", "b"), ("version", "1")];
    let two = [("name", "b"), ("parent", "a"), ("version", "1")];
    let answers =
        tests::at_once([admin.post("/teams/a", &one), admin.post("/teams/b", &two)]).await;
    let mut codes: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [303, 422]);
});

each_db!(the_second_of_two_editors_of_a_team_is_told, |server| {
    let admin = server.signed_in(Role::Admin).await;
    server.team("ads").await;
    let edit = |name| [("name", name), ("parent", ""), ("version", "1")];
    admin.post("/teams/ads", &edit("Ads One")).await.assert_redirect("/teams/ads");
    let told = admin.post("/teams/ads", &edit("Ads Two")).await;
    told.assert_status(409).assert_contains("Ads One").assert_contains("value=\"Ads Two\"");
    assert_eq!(hidden(&told.text(), "version"), "2");
});

each_db!(the_api_makes_and_lists_teams, |server| {
    let admin = server.token(Role::Admin, &[TokenScope::Read, TokenScope::ModelsWrite]).await;
    let made = admin.post_json(TEAMS, &json!({ "slug": "home-feed", "name": "Home feed" })).await;
    made.assert_status(201);
    assert_eq!(made.json()["parent"], json!(null));
    let child = json!({ "slug": "ranking", "name": "Ranking", "parent": "home-feed" });
    assert_eq!(admin.post_json(TEAMS, &child).await.json()["parent"], "home-feed");

    let list = admin.get(&format!("{TEAMS}?limit=1")).await.json();
    assert_eq!((&list["total"], &list["next_cursor"]), (&json!(2), &json!("home-feed")));
    let rest = admin.get(&format!("{TEAMS}?limit=1&cursor=home-feed")).await.json();
    assert_eq!(
        (&rest["items"][0]["slug"], &rest["next_cursor"]),
        (&json!("ranking"), &json!(null))
    );
});

each_db!(the_api_says_everything_that_is_wrong_with_a_team_at_once, |server| {
    let admin = server.token(Role::Admin, &[TokenScope::ModelsWrite]).await;
    let bad = json!({ "slug": "Bad Slug", "name": "", "parent": "nowhere" });
    let refused = admin.post_json(TEAMS, &bad).await;
    refused.assert_status(422);
    let problem = refused.json();
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|error| error["pointer"].as_str().expect("a pointer"))
        .collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/name", "/parent", "/slug"]);
});
