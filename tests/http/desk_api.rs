//! The launch desk for programs: launches, mitigations, OKRs and policies through the API.

use crate::desk::{POLICY, desk, sign, write};
use app::domain::register::ModelInput;
use app::domain::token::TokenScope::{LaunchesWrite, MitigationsWrite, OkrsWrite, Read};
use app::domain::{Grant, PersonId, Role};
use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};
use tests::{Answer, Client, TEAM, TestServer, each_db};
use time::Duration;

const HALF: &str = "adult-half@1994";
const LAUNCHES: &str = "/api/v1/launches";
const MITIGATIONS: &str = "/api/v1/mitigations";

/// The places of what is wrong in an answer that says no.
fn pointers(answer: &Answer) -> Vec<String> {
    let body = answer.assert_status(422).json();
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
    let errors = body["errors"].as_array().expect("errors").iter();
    errors.map(|error| error["pointer"].as_str().unwrap_or_default().to_owned()).collect()
}

fn texts<'a>(items: &'a Value, field: &str) -> Vec<&'a str> {
    let items = items["items"].as_array().expect("items").iter();
    items.map(|item| item[field].as_str().unwrap_or_default()).collect()
}

/// A program of a lead, who is somebody, with one scope beside `read`.
async fn lead(server: &TestServer, scope: app::domain::token::TokenScope) -> (PersonId, Client) {
    let grant = Grant { role: Role::Lead, team: None };
    let person = server.somebody(Some(grant)).await.0;
    let token = server.token_of(person, &[Read, scope], None).await;
    (person, server.visitor().with_token(&token))
}

async fn email(server: &TestServer, person: PersonId) -> String {
    server.app.store.person(person).await.unwrap().unwrap().email
}

fn request(version: &str) -> Value {
    json!({ "model": "income", "version": version, "summary": "To all new customers." })
}

each_db!(a_program_asks_for_a_launch_and_reads_all_that_it_rests_on, |server| {
    let desk = desk(&server).await;
    let (_, program) = lead(&server, LaunchesWrite).await;
    let bad = json!({ "model": "incme", "summary": 5, "planned_for": "soon", "verson": "v1" });
    let wrong = program.post_json(LAUNCHES, &bad).await;
    assert_eq!(pointers(&wrong), ["/model", "/planned_for", "/summary", "/verson"]);
    wrong.assert_contains("did you mean `version`?");
    desk.model.engineer.post_json(LAUNCHES, &request("v1")).await.assert_status(403);

    let made = program.post_json(LAUNCHES, &request("v1")).await;
    assert_eq!(made.assert_status(201).location(), "/api/v1/launches/L-1");
    let launch = made.json();
    let id = launch["id"].as_str().unwrap();
    for name in ["L-1", "1", id] {
        assert_eq!(program.get(&format!("{LAUNCHES}/{name}")).await.json(), launch, "{name}");
    }
    for name in ["L-2", "-1", "one", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        program.get(&format!("{LAUNCHES}/{name}")).await.assert_status(404);
    }
    let revision = &launch["revision"];
    assert_eq!((launch["state"].as_str(), &launch["stale"]), (Some("in_review"), &json!(false)));
    assert!(revision["digest"].as_str().unwrap().starts_with("sha256:"), "{revision}");
    assert_eq!(revision["readiness"]["verdict"], "pass");
    assert_eq!(revision["readiness"]["rules"][0]["parts"][0]["slice"], json!({"sex": "Female"}));
    assert_eq!(revision["runs"][0]["dataset"]["name"], "adult-half");
    let makers = revision["makers"].as_array().unwrap();
    assert!(makers.iter().any(|maker| maker["part"] == "uploader"), "{makers:?}");
    let slots = launch["required_sign_offs"].as_array().unwrap();
    assert_eq!(slots.len(), 2, "{slots:?}");
    assert!(slots.iter().all(|slot| slot["held"].is_null()), "{slots:?}");
    assert_eq!(slots[0]["could_sign"], json!(["reviewer"]));
    assert_eq!(launch["blockers"].as_array().unwrap().len(), 2);
});

each_db!(a_program_sees_who_signed_and_that_newer_evidence_makes_it_stale, |server| {
    let desk = desk(&server).await;
    desk.request().await;
    let (_, program) = lead(&server, LaunchesWrite).await;
    let show = async || program.get("/api/v1/launches/L-1").await.assert_status(200).json();
    let digest = show().await["revision"]["digest"].as_str().unwrap().to_owned();
    sign(&desk.reviewer, "responsible_ai", "approve", &digest).await.assert_status(303);
    let form = [("text", "Looks fair to me.")];
    desk.lead.post("/launches/1/comment", &form).await.assert_status(303);
    desk.model.run("v1", "adult_v4_hgb.csv", HALF, "2026-10-20").await;

    let launch = show().await;
    let slots = launch["required_sign_offs"].as_array().unwrap();
    let slot = slots.iter().find(|slot| slot["function"] == "responsible_ai").unwrap();
    assert_eq!(slot["held"]["decision"], "approve");
    assert_eq!(slot["held"]["reason"], "I looked at every rule.");
    assert_eq!(launch["sign_offs"][0]["counts"], true);
    assert_eq!(launch["comments"][0]["text"], "Looks fair to me.");
    assert_eq!(launch["stale"], true);
    assert!(launch["changed_since"][0].as_str().unwrap().contains("replaced run"), "{launch:#}");

    desk.lead.post("/launches/1/request", &[]).await.assert_status(303);
    let launch = show().await;
    let slots = launch["required_sign_offs"].as_array().unwrap();
    let slot = slots.iter().find(|slot| slot["function"] == "responsible_ai").unwrap();
    assert_eq!((&slot["held"], &slot["stale"]["revision"]), (&Value::Null, &json!(1)));
    assert_eq!(
        (&launch["stale"], &launch["sign_offs"][0]["counts"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(launch["revisions"].as_array().unwrap().len(), 2);
});

each_db!(no_token_signs_decides_waives_or_writes_policy, |server| {
    let desk = desk(&server).await;
    desk.request().await;
    let token = server.token(Role::Lead, app::domain::token::TokenScope::ALL).await;
    for path in ["sign", "sign-offs", "decide", "waivers", "request"] {
        let answer = token.post_json(&format!("{LAUNCHES}/L-1/{path}"), &json!({})).await;
        assert!(matches!(answer.status.as_u16(), 404 | 405), "{path}: {}", answer.text());
    }
    for path in ["/api/v1/policies", "/api/v1/policies/high-risk/versions/1"] {
        token.post_json(path, &json!({})).await.assert_status(405);
    }
});

each_db!(lists_come_in_pages_and_refuse_what_they_do_not_know, |server| {
    let desk = desk(&server).await;
    let (_, program) = lead(&server, LaunchesWrite).await;
    for _ in 0..2 {
        program.post_json(LAUNCHES, &request("v1")).await.assert_status(201);
    }
    let mut draft = request("v1");
    draft["draft"] = json!(true);
    let made = program.post_json(LAUNCHES, &draft).await.assert_status(201).json();
    assert_eq!((&made["state"], &made["revision"]), (&json!("draft"), &Value::Null));

    let first = program.get("/api/v1/launches?limit=2").await.json();
    assert_eq!((texts(&first, "number"), &first["total"]), (vec!["L-3", "L-2"], &json!(3)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = program.get(&format!("/api/v1/launches?limit=2&cursor={cursor}")).await.json();
    assert_eq!((texts(&rest, "number"), &rest["next_cursor"]), (vec!["L-1"], &Value::Null));
    let open = program.get("/api/v1/launches?state=in_review&model=income").await.json();
    assert_eq!(texts(&open, "number"), ["L-2", "L-1"]);
    let by_team = program.get(&format!("/api/v1/launches?team={TEAM}")).await.json();
    assert_eq!(by_team["total"], 3);
    for (query, status) in [
        ("limit=0", 400),
        ("limit=1001", 400),
        ("cursor=L-9", 400),
        ("state=ready", 400),
        ("sate=draft", 400),
        ("team=nobody", 422),
    ] {
        program.get(&format!("/api/v1/launches?{query}")).await.assert_status(status);
    }

    let run = desk.model.run("v1", "adult_v4_hgb.csv", HALF, "2026-10-20").await;
    for list in ["estimates", "disparities"] {
        let path = format!("/api/v1/runs/{run}/{list}");
        let whole = program.get(&format!("{path}?limit=1000")).await.json();
        let (mut seen, mut cursor) = (vec![], String::new());
        loop {
            let page = program.get(&format!("{path}?limit=90{cursor}")).await.json();
            seen.extend(page["items"].as_array().unwrap().clone());
            assert_eq!(page["total"], whole["total"]);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert!(seen.len() > 180, "{list}: {}", seen.len());
        assert_eq!(json!(seen), whole["items"], "{list}");
        program.get(&format!("{path}?cursor=nowhere")).await.assert_status(400);
    }
});

const SMALL: &str = "metric,value,n,numerator,denominator,sex
accuracy,0.9,1000,900,1000,Female
accuracy,0.6,5,3,5,Male
";

each_db!(small_cells_are_hidden_from_whoever_may_not_see_them, |server| {
    let model = server.model("income").await;
    let head = server.signed_in(Role::Lead).await;
    let rule = "[[rule]]\nid = \"accuracy\"\nmetric = \"accuracy\"\nby = [\"sex\"]\nmin = 0.79\n\
                evidence = \"reported\"\n";
    let base = POLICY.split("[[rule]]").next().unwrap();
    write(&head, &format!("{base}{rule}")).await;
    model.table("v1", "census@1", "2026-10-01", SMALL).await;
    head.post("/models/income/groups/accept", &[("all", "true")]).await.assert_status(303);
    server.app.clock.advance(Duration::minutes(1));
    let (_, program) = lead(&server, LaunchesWrite).await;
    program.post_json(LAUNCHES, &request("v1")).await.assert_status(201);

    let male = |body: &Value| {
        let parts = body["rules"][0]["parts"].as_array().unwrap().clone();
        parts.into_iter().find(|part| part["slice"]["sex"] == "Male").unwrap()
    };
    let viewer = server.token(Role::Viewer, &[Read]).await;
    let launch = |body: Value| body["revision"]["readiness"].clone();
    let dry = |body: Value| body["items"][0]["revisions"][0]["now"].clone();
    let full = male(&launch(program.get("/api/v1/launches/L-1").await.json()));
    assert_eq!(full["n"], 5, "{full}");
    let hidden = male(&launch(viewer.get("/api/v1/launches/L-1").await.json()));
    for number in ["n", "value", "interval", "measured", "rows_needed"] {
        assert!(hidden[number].is_null(), "{number}: {hidden}");
    }
    assert_eq!(hidden["verdict"], full["verdict"]);

    let path = "/api/v1/policies/high-risk/dry-run";
    let says = |body: Value| dry(body)["rules"][0]["reason"].as_str().unwrap().to_owned();
    assert!(
        says(program.post_bytes(path, "application/toml", "").await.json()).contains("has 5 rows")
    );
    let veiled = says(viewer.post_bytes(path, "application/toml", "").await.json());
    assert!(!veiled.contains('5') && veiled.contains("Male"), "{veiled}");
});

each_db!(a_mitigation_is_recorded_changed_and_proved, |server| {
    let model = server.model("income").await;
    server.version("income", "v2").await;
    let before = model.run("v1", "adult_v4_hgb.csv", HALF, "2026-10-01").await;
    let after = model.run("v2", "adult_v7_eqodds_thropt.csv", HALF, "2026-10-10").await;
    let head = server.signed_in(Role::Lead).await;
    head.post("/models/income/groups/accept", &[("all", "true")]).await.assert_status(303);
    let (person, program) = lead(&server, MitigationsWrite).await;
    let bad = json!({
        "model": "income", "kind": "magic", "metric": "true_postive_rate", "change": "much",
        "slice": {"sex": 1}, "hypothesis": "h", "title": "t",
    });
    let wrong = program.post_json(MITIGATIONS, &bad).await;
    assert_eq!(pointers(&wrong), ["/change", "/kind", "/metric", "/slice"]);
    wrong.assert_contains("is it `true_positive_rate`?");
    let new = json!({
        "model": "income", "kind": "post_processing", "title": "Thresholds by group",
        "hypothesis": "A threshold of its own for each group.", "metric": "true_positive_rate",
        "slice": {"sex": "Female"}, "change": 0.09, "state": "in_work", "before": before,
    });
    model.engineer.post_json(MITIGATIONS, &new).await.assert_status(403);
    let made = program.post_json(MITIGATIONS, &new).await;
    assert_eq!(made.assert_status(201).location(), "/api/v1/mitigations/M-1");
    let body = made.json();
    assert_eq!(body["owner"], email(&server, person).await, "whoever records it, unless said");
    assert_eq!((&body["slice"], &body["change"]), (&json!({"sex": "Female"}), &json!(0.09)));
    assert_eq!((&body["proof"], &body["after_run"]), (&Value::Null, &Value::Null));

    let path = "/api/v1/mitigations/M-1";
    let patch = async |tag: &[(&str, &str)], change: Value| {
        program.json(Method::PATCH, path, tag, &change).await
    };
    let ship = json!({ "state": "shipped", "after": after });
    patch(&[], ship.clone()).await.assert_status(428);
    patch(&[("if-match", "\"7\"")], ship.clone()).await.assert_status(412);
    let tag = made.headers[header::ETAG].to_str().unwrap();
    let elsewhere = patch(&[("if-match", tag)], json!({ "model": "other" })).await;
    assert_eq!(pointers(&elsewhere), ["/model"]);
    let backwards = json!({ "before": after, "after": before });
    assert_eq!(pointers(&patch(&[("if-match", tag)], backwards).await), ["/after"]);
    let shipped = patch(&[("if-match", tag)], ship.clone()).await;
    let proof = &shipped.assert_status(200).json()["proof"];
    assert_eq!(proof["effect"], "worked", "{proof}");
    assert!(proof["target"]["interval"]["low"].as_f64().unwrap() > 0.0, "{proof}");
    assert!(!proof["worse"].as_array().unwrap().is_empty(), "{proof}");
    let basis = &proof["basis"];
    assert!(basis["rows"].is_u64() || basis["why"].is_string(), "{proof}");
    assert_eq!(shipped.json()["before_run"]["id"], json!(before));
    patch(&[("if-match", tag)], ship).await.assert_status(412);

    let tag = shipped.headers[header::ETAG].to_str().unwrap();
    let back = json!({ "state": "in_work", "after": null });
    let back = patch(&[("if-match", tag)], back).await.assert_status(200).json();
    assert_eq!((&back["after"], &back["proof"]), (&Value::Null, &Value::Null));
    let list = program.get("/api/v1/mitigations?state=in_work&model=income").await.json();
    assert_eq!((texts(&list, "number"), &list["total"]), (vec!["M-1"], &json!(1)));
    program.get("/api/v1/mitigations?state=lost").await.assert_status(400);
});

/// A live and a manual key result under one objective; the id of the manual one.
async fn key_results(server: &TestServer, program: &Client, model: &str) -> String {
    let (head, owner) = {
        let grant = Grant { role: Role::Lead, team: None };
        let (_, owner) = server.somebody(Some(grant)).await;
        (server.log_in(&owner).await, owner)
    };
    let new = json!({
        "period": "2026-Q4", "team": TEAM, "title": "No group is found less often",
        "kind": "aspirational",
    });
    let made = program.post_json("/api/v1/objectives", &new).await;
    let objective = made.assert_status(201).json()["id"].as_str().unwrap().to_owned();
    let shared = [
        ("objective", objective.as_str()),
        ("title", "Measured"),
        ("owner", &owner),
        ("target", "0"),
    ];
    let live = [
        ("source", "live"),
        ("model", model),
        ("dataset", "adult-half"),
        ("metric", "true_positive_rate"),
        ("slice", "sex=Female"),
        ("disparity", "difference"),
        ("counter_metric", "accuracy"),
        ("counter_min", "0.82"),
    ];
    head.post("/key-results/new", &[&shared[..], &live].concat()).await.assert_status(303);
    let manual = [("source", "manual"), ("baseline", "4")];
    let made = head.post("/key-results/new", &[&shared[..], &manual].concat()).await;
    made.assert_status(303).location().rsplit('/').next().unwrap().to_owned()
}

each_db!(a_quarter_is_read_with_grades_intervals_and_reasons, |server| {
    let model = server.model("income").await;
    let baseline = model.run("v1", "adult_v4_hgb.csv", HALF, "2026-10-01").await;
    let head = server.signed_in(Role::Lead).await;
    head.post("/models/income/groups/accept", &[("all", "true")]).await.assert_status(303);
    let (_, program) = lead(&server, OkrsWrite).await;
    let bad = json!({ "period": "2026-Q5", "team": "nobody", "kind": 1, "title": "" });
    let wrong = program.post_json("/api/v1/objectives", &bad).await;
    assert_eq!(pointers(&wrong), ["/kind", "/period", "/team", "/title"]);
    let manual = key_results(&server, &program, "income").await;
    server.version("income", "v2").await;
    model.run("v2", "adult_v7_eqodds_thropt.csv", HALF, "2026-10-10").await;

    let path = format!("/api/v1/key-results/{manual}/check-ins");
    let wrong = json!({ "value": "two", "confidence": "sure" });
    assert_eq!(pointers(&program.post_json(&path, &wrong).await), ["/confidence", "/value"]);
    let said = json!({ "value": 2, "confidence": "high", "note": "Half way." });
    model.engineer.post_json(&path, &said).await.assert_status(403);
    let stands = program.post_json(&path, &said).await.assert_status(201).json();
    assert_eq!((&stands["now"]["value"], &stands["grade"]["value"]), (&json!(2.0), &json!(0.5)));
    assert_eq!(stands["check_ins"][0]["note"], "Half way.");

    let okrs = program.get(&format!("/api/v1/okrs?period=2026-Q4&team={TEAM}")).await;
    let okrs = okrs.assert_status(200).json();
    let objective = &okrs["items"][0];
    let live =
        objective["key_results"].as_array().unwrap().iter().find(|it| it["source"] == "live");
    let live = live.unwrap();
    assert_eq!(live["baseline"]["run"], json!(baseline));
    assert_eq!(live["grade"]["value"], 0.3, "{live:#}");
    assert!(live["grade"]["interval"]["low"].is_number(), "{live:#}");
    assert!(live["grade"]["why"].as_str().unwrap().starts_with("held back"), "{live:#}");
    assert_eq!(live["counter_metric"]["holds"], false);
    assert!(live["now"]["n"].as_u64().unwrap() > 100 && live["now"]["interval"].is_object());
    assert_eq!(objective["grade"]["value"], 0.4, "the mean of its key results");
    assert_eq!((okrs["period"].as_str(), okrs["total"].as_u64()), (Some("2026-Q4"), Some(1)));

    let live = format!("/api/v1/key-results/{}/check-ins", live["id"].as_str().unwrap());
    let wrong = program.post_json(&live, &said).await;
    assert_eq!(pointers(&wrong), ["/value"]);
    let void = [("reason", "the labels were shifted")];
    head.post(&format!("/runs/{baseline}/void"), &void).await.assert_status(303);
    let okrs = program.get("/api/v1/okrs").await.json();
    let grade = &okrs["items"][0]["key_results"][0]["grade"];
    assert_eq!((&grade["value"], &grade["standing"]), (&Value::Null, &json!("cannot_be_graded")));

    assert_eq!(program.get("/api/v1/objectives").await.json()["total"], 1);
    assert_eq!(program.get("/api/v1/objectives?period=2026-Q3").await.json()["total"], 0);
    program.get("/api/v1/okrs?period=autumn").await.assert_status(400);
    program.get("/api/v1/okrs?team=nobody").await.assert_status(422);
});

each_db!(what_is_about_a_restricted_model_is_not_there_for_others, |server| {
    let input = ModelInput {
        slug: "income".to_owned(),
        name: "Income".to_owned(),
        restricted: true,
        ..ModelInput::default()
    };
    let model = server.model_from(input).await;
    let head = server.signed_in(Role::Lead).await;
    write(&head, POLICY).await;
    model.run("v1", "adult_v7_eqodds_thropt.csv", HALF, "2026-10-01").await;
    head.post("/models/income/groups/accept", &[("all", "true")]).await.assert_status(303);
    let (_, launches) = lead(&server, LaunchesWrite).await;
    launches.post_json(LAUNCHES, &request("v1")).await.assert_status(201);
    let (_, mitigations) = lead(&server, MitigationsWrite).await;
    let new = json!({
        "model": "income", "kind": "data", "title": "t", "hypothesis": "h",
        "metric": "accuracy", "change": 0.1,
    });
    mitigations.post_json(MITIGATIONS, &new).await.assert_status(201);
    let (_, okrs) = lead(&server, OkrsWrite).await;
    key_results(&server, &okrs, "income").await;
    let dry_run = "/api/v1/policies/high-risk/dry-run";
    let live = async |client: &Client| {
        let okrs = client.get("/api/v1/okrs").await.json();
        let all = okrs["items"][0]["key_results"].as_array().unwrap().clone();
        all.into_iter().find(|it| it["source"] == "live")
    };

    assert_eq!(launches.get(LAUNCHES).await.json()["total"], 1);
    let id = live(&launches).await.expect("a lead sees it")["id"].as_str().unwrap().to_owned();
    assert_eq!(launches.post_bytes(dry_run, "application/toml", "").await.json()["total"], 1);
    let elsewhere = server.team("other").await;
    let grant = Grant { role: Role::Lead, team: Some(elsewhere) };
    let person = server.somebody(Some(grant)).await.0;
    let scopes = app::domain::token::TokenScope::ALL;
    let outsider = server.visitor().with_token(&server.token_of(person, scopes, None).await);
    for list in [LAUNCHES, MITIGATIONS] {
        assert_eq!(outsider.get(list).await.json()["total"], 0, "{list}");
    }
    let dry = outsider.post_bytes(dry_run, "application/toml", "").await.json();
    assert_eq!((&dry["total"], &dry["not_applicable"]), (&json!(0), &json!(0)));
    assert!(live(&outsider).await.is_none());
    for path in ["launches/L-1", "mitigations/M-1"] {
        outsider.get(&format!("/api/v1/{path}")).await.assert_status(404);
    }
    let tag = [("if-match", "\"1\"")];
    let path = "/api/v1/mitigations/M-1";
    outsider.json(Method::PATCH, path, &tag, &json!({})).await.assert_status(404);
    let path = format!("/api/v1/key-results/{id}/check-ins");
    outsider.post_json(&path, &json!({ "confidence": "low" })).await.assert_status(404);
    assert_eq!(pointers(&outsider.post_json(LAUNCHES, &request("v1")).await), ["/model"]);
});

each_db!(a_policy_is_read_as_json_or_as_the_toml_that_was_written, |server| {
    let head = server.signed_in(Role::Lead).await;
    write(&head, POLICY).await;
    let viewer = server.token(Role::Viewer, &[Read]).await;
    let path = "/api/v1/policies/high-risk/versions/1";
    let get = async |accept: &str| {
        viewer.send(Request::get(path).header(header::ACCEPT, accept), Body::empty()).await
    };
    let toml = get("application/toml").await;
    assert_eq!(toml.text(), POLICY);
    assert_eq!(toml.headers[header::CONTENT_TYPE], "application/toml");
    assert_eq!(get("application/json").await.json()["document"]["name"], "High risk");
    assert_eq!(get("*/*").await.json()["version"], 1);
    assert_eq!(viewer.get(&format!("{path}?format=toml")).await.text(), POLICY);
    viewer.get(&format!("{path}?format=yaml")).await.assert_status(400);
    viewer.get("/api/v1/policies/high-risk/versions/2").await.assert_status(404);
});

each_db!(a_policy_is_tried_on_past_launches_on_the_evidence_of_then, |server| {
    let desk = desk(&server).await;
    desk.request().await;
    server.app.clock.advance(Duration::minutes(1));
    // The unmitigated model's run, which would fail, comes after the request.
    desk.model.run("v1", "adult_v4_hgb.csv", HALF, "2026-10-20").await;
    let viewer = server.token(Role::Viewer, &[Read]).await;
    let path = "/api/v1/policies/high-risk/dry-run";
    let before = server.rows().await;
    let policies = server.app.store.policy_versions("high-risk").await.unwrap().len();
    let same = viewer
        .post_bytes(&format!("{path}?version=1"), "application/toml", "")
        .await
        .assert_status(200)
        .json();
    assert_eq!((&same["policy"]["version"], &same["total"]), (&json!(1), &json!(1)));
    let revision = &same["items"][0]["revisions"][0];
    assert_eq!(same["items"][0]["launch"], "L-1");
    assert_eq!(revision["then"]["verdict"], "pass");
    assert_eq!(revision["now"]["verdict"], "pass", "{revision}");
    assert_eq!(revision["changes"], false);

    let tried =
        async |source: &str| viewer.post_bytes(path, "application/toml", source.to_owned()).await;
    let stricter =
        tried(&POLICY.replace("min = 0.79", "min = 0.95")).await.assert_status(200).json();
    let revision = &stricter["items"][0]["revisions"][0];
    assert_eq!((&revision["now"]["verdict"], &revision["changes"]), (&json!("fail"), &json!(true)));
    let rules = revision["now"]["rules"].as_array().unwrap();
    assert!(rules[1]["reason"].as_str().unwrap().starts_with("fails: Overall"), "{rules:?}");
    let elsewhere = tried(&POLICY.replace("[\"high\"]", "[\"limited\"]")).await.json();
    assert_eq!((&elsewhere["total"], &elsewhere["not_applicable"]), (&json!(0), &json!(1)));

    let wrong = tried(&POLICY.replace("true_positive_rate", "true_postive_rate")).await;
    let error = &wrong.assert_status(422).json()["errors"][0];
    assert_eq!(error["line"], 9, "{error}");
    let lost = POLICY.replace("name =", "extends = \"lost\"\nname =");
    tried(&lost).await.assert_status(422).assert_contains("there is no policy `lost`");
    viewer
        .post_bytes(&format!("{path}?version=1"), "application/toml", POLICY)
        .await
        .assert_status(400);
    viewer
        .post_bytes(&format!("{path}?version=2"), "application/toml", "")
        .await
        .assert_status(404);
    viewer
        .post_bytes("/api/v1/policies/none/dry-run", "application/toml", "")
        .await
        .assert_status(404);
    assert_eq!(server.rows().await, before, "nothing is stored, not even in the log");
    assert_eq!(server.app.store.policy_versions("high-risk").await.unwrap().len(), policies);
});
