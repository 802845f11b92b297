//! Models and versions, through pages and the API.

use app::domain::token::TokenScope;
use app::domain::{Grant, Role};
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use tests::{Answer, Client, TestServer, each_db};

const ALL: [TokenScope; 2] = [TokenScope::Read, TokenScope::ModelsWrite];

/// A model as a form sends it.
fn fields<'a>(slug: &'a str, name: &'a str, team: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("slug", slug),
        ("name", name),
        ("team", team),
        ("task", "binary_classification"),
        ("risk_tier", "high"),
        ("positive_outcome", "favourable"),
        ("stage", "development"),
    ]
}

fn with<'a>(
    mut fields: Vec<(&'a str, &'a str)>,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    fields.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    fields.extend_from_slice(more);
    fields
}

fn model(slug: &str) -> Value {
    json!({
        "slug": slug, "name": slug, "team": "lending",
        "task": "binary_classification", "risk_tier": "limited",
    })
}

async fn lead(server: &TestServer) -> Client {
    server.team("lending").await;
    server.signed_in(Role::Lead).await
}

/// The value of a hidden field of a page.
fn hidden(page: &Answer, name: &str) -> String {
    let html = page.text();
    let (_, rest) = html
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no hidden `{name}` in {html}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

each_db!(a_model_is_registered_and_shows_on_its_page_and_in_the_list, |server| {
    let ann = lead(&server).await;
    ann.get("/models").await.assert_contains("No model is registered yet");
    ann.get("/models/new").await.assert_status(200).assert_contains("lending");
    ann.post("/models/new", &fields("income", "Income classifier", "lending"))
        .await
        .assert_redirect("/models/income");
    ann.get("/models/income")
        .await
        .assert_status(200)
        .assert_contains("Income classifier is registered")
        .assert_contains("evenhand upload");
    ann.get("/models")
        .await
        .assert_contains("href=\"/models/income\"")
        .assert_contains("showing 1–1 of 1");
});

each_db!(everything_wrong_with_a_form_is_said_at_once_and_what_was_typed_stays, |server| {
    let ann = lead(&server).await;
    let wrong = with(
        fields("Bad Slug", "  ", "lending"),
        &[("task", ""), ("owners", "nobody"), ("surface", "home feed")],
    );
    let answer = ann.post("/models/new", &wrong).await;
    answer.assert_status(422).assert_contains("4 things need a look");
    for field in ["#f-slug", "#f-name", "#f-task", "#f-owners"] {
        answer.assert_contains(&format!("href=\"{field}\""));
    }
    answer.assert_contains("value=\"Bad Slug\"").assert_contains("value=\"home feed\"");
    ann.get("/models").await.assert_contains("No model is registered yet");
});

each_db!(a_taken_slug_is_said_at_its_field_and_is_a_conflict_for_programs, |server| {
    let ann = lead(&server).await;
    ann.post("/models/new", &fields("income", "One", "lending")).await.assert_status(303);
    ann.post("/models/new", &fields("income", "Two", "lending"))
        .await
        .assert_status(422)
        .assert_contains("there is already a model `income`");
    let program = server.token(Role::Lead, &ALL).await;
    program.post_json("/api/v1/models", &model("income")).await.assert_status(409);
});

each_db!(markup_in_every_name_shows_as_text, |server| {
    let ann = lead(&server).await;
    let markup = "<script>alert(1)</script>";
    let wicked = with(
        fields("wicked", markup, "lending"),
        &[
            ("architecture", markup),
            ("surface", markup),
            ("intended_use", markup),
            ("out_of_scope_use", markup),
        ],
    );
    ann.post("/models/new", &wicked).await.assert_status(303);
    ann.post(
        "/models/wicked/versions/new",
        &[("label", "<b>v1</b>"), ("commit", markup), ("notes", markup)],
    )
    .await
    .assert_status(422);
    ann.post(
        "/models/wicked/versions/new",
        &[("label", "<b>v1"), ("commit", markup), ("notes", markup), ("training_data", markup)],
    )
    .await
    .assert_redirect("/models/wicked/versions/%3Cb%3Ev1");
    for path in [
        "/models",
        "/models/wicked",
        "/models/wicked/edit",
        "/models/wicked/versions/%3Cb%3Ev1",
        "/models/wicked/versions/%3Cb%3Ev1/edit",
        "/models?q=%3Cscript%3Ealert(1)",
    ] {
        ann.get(path).await.assert_status(200).assert_lacks("<script>alert").assert_lacks("<b>v1");
    }
});

each_db!(the_second_of_two_editors_sees_theirs_and_hers_and_can_save_again, |server| {
    let ann = lead(&server).await;
    let bea = server.signed_in(Role::Lead).await;
    ann.post("/models/new", &with(fields("income", "Income", "lending"), &[("surface", "old")]))
        .await
        .assert_status(303);
    let page = bea.get("/models/income/edit").await;
    let (version, seen) = (hidden(&page, "version"), hidden(&page, "seen"));
    let base = [("version", version.as_str()), ("seen", seen.as_str())];

    // Ann changes the name and the surface and is first.
    let anns = with(fields("income", "Ann's name", "lending"), &base);
    ann.post("/models/income/edit", &with(anns, &[("surface", "Ann's surface")]))
        .await
        .assert_redirect("/models/income");

    // Bea, from the same page, changes the surface too, and the architecture.
    let beas = with(fields("income", "Income", "lending"), &base);
    let beas = with(beas, &[("surface", "Bea's surface"), ("architecture", "trees")]);
    let told = bea.post("/models/income/edit", &beas).await;
    told.assert_status(409)
        .assert_contains("Changed meanwhile")
        .assert_contains("you both changed it")
        .assert_contains("you had not touched it")
        // The form: hers where both changed or only she did, theirs where she did not touch it.
        .assert_contains("name=\"surface\" type=\"text\" value=\"Bea's surface\"")
        .assert_contains("name=\"architecture\" type=\"text\" value=\"trees\"")
        .assert_contains("name=\"name\" type=\"text\" value=\"Ann's name\"");
    bea.get("/models/income").await.assert_contains("Ann's surface").assert_lacks("trees");

    // She saves what stands in the form.
    let (version, seen) = (hidden(&told, "version"), hidden(&told, "seen"));
    let again = with(beas, &[("name", "Ann's name"), ("version", &version), ("seen", &seen)]);
    bea.post("/models/income/edit", &again).await.assert_redirect("/models/income");
    bea.get("/models/income")
        .await
        .assert_contains("Ann's name")
        .assert_contains("Bea's surface")
        .assert_contains("trees");
});

each_db!(a_circle_of_dependencies_is_refused, |server| {
    let ann = lead(&server).await;
    ann.post("/models/new", &fields("a", "A", "lending")).await.assert_status(303);
    for (slug, on) in [("b", "a"), ("c", "b")] {
        ann.post("/models/new", &with(fields(slug, slug, "lending"), &[("depends_on", on)]))
            .await
            .assert_status(303);
    }
    let page = ann.get("/models/a/edit").await;
    let version = hidden(&page, "version");
    let circle = with(fields("a", "A", "lending"), &[("depends_on", "c"), ("version", &version)]);
    ann.post("/models/a/edit", &circle).await.assert_status(422).assert_contains("a circle");
    ann.get("/models/a").await.assert_contains("href=\"/models/b\"").assert_lacks("/models/c\"");
    let itself = with(fields("d", "D", "lending"), &[("depends_on", "d")]);
    ann.post("/models/new", &itself).await.assert_status(422);
});

each_db!(a_restricted_model_is_not_there_for_anybody_outside_its_team, |server| {
    let ann = server.signed_in_for(Role::Lead, "lending").await;
    let secret = with(fields("secret", "Secret", "lending"), &[("restricted", "true")]);
    ann.post("/models/new", &secret).await.assert_redirect("/models/secret");
    ann.post("/models/secret/versions/new", &[("label", "v1")]).await.assert_status(303);
    let open = with(fields("open", "Open", "lending"), &[("depends_on", "secret")]);
    ann.post("/models/new", &open).await.assert_status(303);

    let bob = server.signed_in_for(Role::Lead, "search").await;
    for path in [
        "/models/secret",
        "/models/secret/edit",
        "/models/secret/versions/v1",
        "/models/secret/versions/new",
        "/api/v1/models/secret",
        "/api/v1/models/secret/versions",
    ] {
        bob.get(path).await.assert_status(404);
        ann.get(path).await.assert_status(200);
    }
    // Nor is it what a misspelt name was meant for.
    bob.get("/api/v1/models/secre").await.assert_status(404).assert_lacks("did you mean");
    ann.get("/api/v1/models/secre").await.assert_contains("did you mean secret?");
    bob.get("/models").await.assert_lacks("Secret").assert_contains("showing 1–1 of 1");
    bob.get("/models/open").await.assert_lacks("Secret");
    let listed = bob.get("/api/v1/models").await.json();
    assert_eq!(
        (listed["total"].as_u64(), listed["items"].as_array().map(Vec::len)),
        (Some(1), Some(1))
    );
    // Nor can its slug be found out by depending on it.
    let probe = with(fields("probe", "Probe", "search"), &[("depends_on", "secret")]);
    bob.post("/models/new", &probe).await.assert_contains("there is no model `secret`");

    let admin = server.signed_in(Role::Admin).await;
    admin.get("/models/secret").await.assert_status(200);
    let executive = server.signed_in(Role::Executive).await;
    executive.get("/models/secret").await.assert_status(404);
});

each_db!(an_editor_who_does_not_see_a_dependency_does_not_remove_it, |server| {
    let ann = server.signed_in_for(Role::Lead, "lending").await;
    let bob = server.signed_in_for(Role::Lead, "search").await;
    bob.post("/models/new", &fields("open", "Open", "search")).await.assert_status(303);
    let secret = with(fields("secret", "Secret", "lending"), &[("restricted", "true")]);
    ann.post("/models/new", &secret).await.assert_status(303);
    // Somebody who sees both ties them.
    let lead = server.signed_in(Role::Lead).await;
    let version = hidden(&lead.get("/models/open/edit").await, "version");
    let tied =
        with(fields("open", "Open", "search"), &[("depends_on", "secret"), ("version", &version)]);
    lead.post("/models/open/edit", &tied).await.assert_status(303);

    let page = bob.get("/models/open/edit").await;
    page.assert_lacks("secret");
    let version = hidden(&page, "version");
    let edited = with(fields("open", "Opened", "search"), &[("version", &version)]);
    bob.post("/models/open/edit", &edited).await.assert_status(303);
    ann.get("/models/open").await.assert_contains("Opened").assert_contains("/models/secret");
});

each_db!(a_team_member_registers_in_her_team_only, |server| {
    server.team("search").await;
    let ann = server.signed_in_for(Role::Engineer, "lending").await;
    ann.post("/models/new", &fields("x", "X", "search")).await.assert_status(403);
    ann.post("/models/new", &fields("x", "X", "lending")).await.assert_status(303);
    // An engineer registers and does not describe.
    ann.get("/models/x/edit").await.assert_status(403);
    let viewer = server.signed_in(Role::Viewer).await;
    viewer.get("/models/new").await.assert_status(403);
    viewer.get("/models").await.assert_lacks("Register a model");
});

each_db!(the_list_is_searched_filtered_sorted_and_paged_in_the_url, |server| {
    server.team("lending").await;
    server.team("search").await;
    let program = server.token(Role::Lead, &ALL).await;
    for i in 0..60 {
        let mut body = model(&format!("model-{i:02}"));
        body["team"] = json!(if i % 2 == 0 { "lending" } else { "search" });
        body["risk_tier"] = json!(if i == 7 { "high" } else { "minimal" });
        body["surface"] = json!(if i == 9 { "100%_sure" } else { "feed" });
        program.post_json("/api/v1/models", &body).await.assert_status(201);
    }
    let ann = server.signed_in(Role::Viewer).await;
    let first = ann.get("/models").await;
    first.assert_contains("showing 1–50 of 60").assert_lacks("/models/model-50\"");
    first.assert_contains("/models?page=2");
    ann.get("/models?page=2").await.assert_contains("showing 51–60 of 60");
    ann.get("/models?page=3").await.assert_status(200).assert_contains("showing 0 of 60");
    ann.get("/models?team=search&risk=high").await.assert_contains("showing 1–1 of 1");
    // What LIKE takes for a pattern is text here.
    ann.get("/models?q=%25_SURE").await.assert_contains("showing 1–1 of 1");
    ann.get("/models?q=nothing").await.assert_contains("No model fits");
    ann.get("/models?task=juggling").await.assert_status(400);
    let sorted = ann.get("/models?sort=risk&desc=true").await.text();
    let place = |slug: &str| sorted.find(&format!("href=\"/models/{slug}\"")).expect("is there");
    assert!(place("model-07") < place("model-00"));
    for sort in ["name", "team", "updated", "run", "nonsense"] {
        ann.get(&format!("/models?sort={sort}")).await.assert_status(200);
    }
});

each_db!(the_api_pages_through_every_model_once, |server| {
    server.team("lending").await;
    let program = server.token(Role::Lead, &ALL).await;
    for i in 0..7 {
        let body = model(&format!("m{i}"));
        program.post_json("/api/v1/models", &body).await.assert_status(201);
    }
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let page = program.get(&format!("/api/v1/models?limit=3{cursor}")).await.json();
        assert_eq!(page["total"], 7);
        for item in page["items"].as_array().unwrap() {
            seen.push(item["slug"].as_str().unwrap().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["m0", "m1", "m2", "m3", "m4", "m5", "m6"]);
    program.get("/api/v1/models?limit=0").await.assert_status(400);
});

each_db!(a_patch_needs_the_version_it_is_based_on, |server| {
    server.team("lending").await;
    let program = server.token(Role::Lead, &ALL).await;
    let made = program.post_json("/api/v1/models", &model("m")).await;
    made.assert_status(201);
    assert_eq!(made.headers["location"], "/api/v1/models/m");
    assert!(made.headers["etag"].to_str().unwrap().starts_with("\"1-"));

    let patch = |tag: Option<&'static str>, body: Value| {
        let program = &program;
        async move {
            let headers: Vec<_> = tag.map(|tag| ("if-match", tag)).into_iter().collect();
            program.json(Method::PATCH, "/api/v1/models/m", &headers, &body).await
        }
    };
    patch(None, json!({ "name": "New" })).await.assert_status(428);
    let changed = patch(Some("\"1\""), json!({ "name": "New", "stage": "production" })).await;
    changed.assert_status(200);
    assert!(changed.headers["etag"].to_str().unwrap().starts_with("\"2-"));
    assert_eq!(changed.json()["risk_tier"], "limited", "what was not sent stays");
    patch(Some("\"1\""), json!({ "name": "Old" })).await.assert_status(412);
    patch(Some("\"2\""), json!({ "slug": "n" })).await.assert_status(422);
    assert_eq!(program.get("/api/v1/models/m").await.json()["name"], "New");
});

each_db!(the_api_says_everything_wrong_at_once_with_pointers, |server| {
    server.team("lending").await;
    let program = server.token(Role::Lead, &ALL).await;
    let answer = program
        .post_json(
            "/api/v1/models",
            &json!({
                "slug": "UPPER", "name": 7, "team": "lending", "task": "juggling",
                "risk_teir": "high", "owners": "ann@example.org",
            }),
        )
        .await;
    answer.assert_status(422);
    let problem = answer.json();
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    for pointer in ["/slug", "/name", "/task", "/risk_tier", "/risk_teir", "/owners"] {
        assert!(pointers.contains(&pointer), "{pointer}: {problem}");
    }
    answer.assert_contains("did you mean `risk_tier`?");
    program.post_bytes("/api/v1/models", "application/json", "[1").await.assert_status(400);
    assert_eq!(program.get("/api/v1/models").await.json()["total"], 0);
});

each_db!(a_version_is_registered_once_and_its_notes_are_edited_with_the_version_read, |server| {
    let ann = lead(&server).await;
    ann.post("/models/new", &fields("m", "M", "lending")).await.assert_status(303);
    let digest = format!("sha256:{}", "0".repeat(64));
    ann.post(
        "/models/m/versions/new",
        &[("label", "v1"), ("commit", "abc"), ("artifact_digest", &digest)],
    )
    .await
    .assert_redirect("/models/m/versions/v1");
    ann.post("/models/m/versions/new", &[("label", "v1")])
        .await
        .assert_status(422)
        .assert_contains("already has a version");
    ann.post("/models/m/versions/new", &[("label", "v2"), ("artifact_digest", "sha1:1")])
        .await
        .assert_status(422);
    let page = ann.get("/models/m/versions/v1/edit").await;
    let (version, seen) = (hidden(&page, "version"), hidden(&page, "seen"));
    let save = |notes: &'static str| {
        let (ann, version, seen) = (&ann, version.clone(), seen.clone());
        async move {
            let form = [("notes", notes), ("version", &version), ("seen", &seen)];
            ann.post("/models/m/versions/v1/edit", &form).await
        }
    };
    save("first").await.assert_redirect("/models/m/versions/v1");
    save("second").await.assert_status(409).assert_contains("first").assert_contains("second");
    ann.get("/models/m/versions/v1").await.assert_contains("first").assert_contains("abc");
    ann.get("/models/m").await.assert_contains("/models/m/versions/v1");
});

each_db!(versions_are_registered_and_read_through_the_api, |server| {
    server.team("lending").await;
    let program = server.token(Role::Lead, &ALL).await;
    program.post_json("/api/v1/models", &model("m")).await.assert_status(201);
    let path = "/api/v1/models/m/versions";
    program.post_json(path, &json!({ "label": "v1" })).await.assert_status(201);
    program.post_json(path, &json!({ "label": "v1" })).await.assert_status(409);
    program
        .post_json(path, &json!({ "lable": "v2" }))
        .await
        .assert_status(422)
        .assert_contains("did you mean `label`?");
    let listed = program.get(path).await.json();
    assert_eq!(listed["items"][0]["label"], "v1");
    let reader = server.token(Role::Lead, &[TokenScope::Read]).await;
    reader.post_json(path, &json!({ "label": "v2" })).await.assert_status(403);
    reader.get(path).await.assert_status(200);
});

each_db!(every_write_is_in_the_audit_log, |server| {
    let ann = lead(&server).await;
    ann.post("/models/new", &fields("m", "M", "lending")).await.assert_status(303);
    ann.post("/models/m/versions/new", &[("label", "v1")]).await.assert_status(303);
    let version = hidden(&ann.get("/models/m/edit").await, "version");
    let edit = with(fields("m", "N", "lending"), &[("version", &version)]);
    ann.post("/models/m/edit", &edit).await.assert_status(303);
    let actions: Vec<String> = server
        .app
        .store
        .audit_entries(0, 1000)
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.action)
        .filter(|action| action.starts_with("model.") || action.starts_with("version."))
        .collect();
    assert_eq!(actions, ["model.registered", "version.registered", "model.described"]);
});

each_db!(a_token_of_one_team_registers_in_that_team_only, |server| {
    let lending = server.team("lending").await;
    server.team("search").await;
    let (person, _) = server.somebody(Some(Grant { role: Role::Lead, team: None })).await;
    let token = server.token_of(person, &ALL, Some(lending)).await;
    let program = server.visitor().with_token(&token);
    program.post_json("/api/v1/models", &model("m")).await.assert_status(201);
    let mut other = model("n");
    other["team"] = json!("search");
    program.post_json("/api/v1/models", &other).await.assert_status(403);
    let request = Request::get("/api/v1/models/m");
    program.send(request, Body::empty()).await.assert_status(200);
});
