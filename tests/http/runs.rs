//! The run page, its downloads, small cells, voiding, and groups that nobody has confirmed.

use app::domain::Role;
use app::domain::register::ModelInput;
use app::domain::token::TokenScope;
use app::pages::parts::link::encode;
use serde_json::{Value, json};
use tests::{Client, Model, TEAM, TestServer, each_db, fixture, id_of};

const HALF: &str = "adult-half@1994";

/// One small cell, 7 of 409: what may not be had of it directly or by subtraction.
const SMALL: &str = "metric,value,n,numerator,denominator,sex\n\
    accuracy,0.5012224938875306,409,205,409,\n\
    accuracy,0.5,300,150,300,Female\n\
    accuracy,0.49019607843137253,102,50,102,Male\n\
    accuracy,0.7142857142857143,7,5,7,Nonbinary\n";

async fn real_run(server: &TestServer) -> (Model, String) {
    let model = server.model("income").await;
    let id = model.run("v1", "adult_v4_hgb.csv", HALF, "2026-06-01").await;
    (model, id)
}

each_db!(the_run_page_shows_each_value_with_n_and_interval_and_where_it_is_from, |server| {
    let (_, id) = real_run(&server).await;
    let vera = server.signed_in(Role::Viewer).await;
    let page = vera.get(&format!("/runs/{id}")).await;
    let digest = {
        let run = vera.get(&format!("/api/v1/runs/{id}")).await.json();
        run["digest"].as_str().unwrap().to_owned()
    };
    page.assert_status(200)
        .assert_contains("adult-half@1994")
        .assert_contains("evenhand-metrics")
        .assert_contains("by an API token")
        .assert_contains("16,281 rows read, 16,281 used")
        .assert_contains(&digest)
        .assert_contains("5,413")
        .assert_contains("2026-06-01");
    // The digest is an address too.
    vera.get(&format!("/runs/{digest}")).await.assert_status(200);
    vera.get("/runs/sha256:00").await.assert_status(404);
    vera.get("/runs/rubbish").await.assert_status(404);
});

each_db!(the_table_is_filtered_and_sorted_by_the_address, |server| {
    let (_, id) = real_run(&server).await;
    let vera = server.signed_in(Role::Viewer).await;
    let path = format!("/runs/{id}");
    let table = |page: String| {
        let from = page.find("id=\"slices\"").expect("the table's panel");
        page[from..page[from..].find("</table>").map_or(page.len(), |to| from + to)].to_owned()
    };
    let all = table(vera.get(&path).await.text());
    assert!(all.contains("Amer-Indian-Eskimo"));
    let few = table(vera.get(&format!("{path}?attribute=sex")).await.text());
    assert!(few.contains("Female") && !few.contains("Amer-Indian-Eskimo"), "{few}");
    let large = table(vera.get(&format!("{path}?least_n=10000")).await.text());
    assert!(large.contains("White") && !large.contains("Amer-Indian-Eskimo"), "{large}");
    let sorted = table(vera.get(&format!("{path}?attribute=race&sort=n&order=desc")).await.text());
    let place = |group: &str| sorted.rfind(group).unwrap_or_else(|| panic!("no {group}"));
    assert!(
        place("White") < place("Black") && place("Black") < place("Other"),
        "by n, largest first"
    );
    // Whatever stands in the address, there is an answer.
    for rubbish in ["?least_n=-1", "?sort=%3Cscript%3E", "?metrics=zzz&attribute=zzz", "?order=up"]
    {
        vera.get(&format!("{path}{rubbish}")).await.assert_status(200).assert_lacks("<script>");
    }
});

each_db!(a_download_reads_back_as_the_same_run, |server| {
    let (model, id) = real_run(&server).await;
    let items = model.engineer.get(&format!("/api/v1/runs/{id}/estimates?limit=1000")).await.json();
    let lena = server.signed_in_for(Role::Lead, TEAM).await;
    let document = lena.get(&format!("/runs/{id}/document.json")).await;
    document.assert_status(200);
    let attached = document.headers["content-disposition"].to_str().unwrap();
    assert!(attached.starts_with("attachment; filename=\"income-v1-2026-06-01.json\""));
    let again = model.results("v1", "", document.body.clone()).await;
    assert_eq!(id_of(again.assert_status(200)), id, "the document has the run's digest");

    server.version("income", "copy").await;
    let csv = lena.get(&format!("/runs/{id}/estimates.csv")).await;
    csv.assert_status(200);
    let query = format!("?dataset={}&evaluated_at=2026-06-01", encode(HALF));
    let copy = id_of(model.results("copy", &query, csv.body.clone()).await.assert_status(201));
    let copied =
        model.engineer.get(&format!("/api/v1/runs/{copy}/estimates?limit=1000")).await.json();
    assert_eq!(copied["items"], items["items"]);
});

each_db!(a_cell_that_a_spreadsheet_would_run_is_escaped_and_comes_back, |server| {
    let model = server.model("income").await;
    let csv = "metric,value,n,region\naccuracy,-0.5,100,'=HYPERLINK(\"x\")\naccuracy,0.5,100,'@b\n";
    let csv = csv.replace("-0.5", "0.25").replace("(\"x\")", "(x)");
    let id = model.table("v1", "d@1", "2026-06-01", &csv).await;
    let items = model.engineer.get(&format!("/api/v1/runs/{id}/estimates?limit=1000")).await.json();
    assert_eq!(items["items"][0]["slice"], json!({ "region": "=HYPERLINK(x)" }));
    let lena = server.signed_in_for(Role::Lead, TEAM).await;
    let trend = "/models/income/trend.csv?metric=accuracy&attribute=region";
    for path in [format!("/runs/{id}/estimates.csv"), trend.to_owned()] {
        let text = lena.get(&path).await.assert_status(200).text();
        for line in text.lines() {
            for cell in line.split(',') {
                let first = cell.trim_start_matches('"').chars().next();
                assert!(!matches!(first, Some('=' | '@' | '+')), "{path}: {cell}");
            }
        }
        assert!(text.contains("HYPERLINK"), "{text}");
    }
    let back = lena.get(&format!("/runs/{id}/estimates.csv")).await.body;
    let query = "?dataset=d%401&evaluated_at=2026-06-01";
    assert_eq!(id_of(model.results("v1", query, back).await.assert_status(200)), id);
});

/// Everywhere that a run's estimates can be read.
fn places(id: &str) -> [String; 11] {
    let trend =
        "metric=accuracy&attribute=sex&slice=sex%3DFemale&slice=sex%3DMale&slice=sex%3DNonbinary";
    let api = "metric=accuracy&slice=sex%3DFemale&slice=sex%3DMale&slice=sex%3DNonbinary";
    [
        format!("/runs/{id}"),
        format!("/runs/{id}/estimates.csv"),
        format!("/runs/{id}/document.json"),
        format!("/api/v1/runs/{id}/estimates"),
        format!("/api/v1/runs/{id}/disparities"),
        format!("/runs/{id}/differences"),
        format!("/api/v1/runs/{id}/differences"),
        format!("/models/income/trend?{trend}"),
        format!("/models/income/trend.csv?{trend}"),
        format!("/models/income/trend.svg?{trend}"),
        format!("/api/v1/models/income/trend?{api}"),
    ]
}

/// Whether an answer tells the small cell's value or what it was computed from.
fn tells(text: &str) -> bool {
    ["0.714", "71.4"].iter().any(|value| text.contains(value))
}

each_db!(a_small_cell_is_hidden_everywhere_from_whoever_may_not_see_it, |server| {
    let model = server.model("income").await;
    let id = model.table("v1", "d@1", "2026-06-01", SMALL).await;
    let mut outsiders: Vec<(Role, Client)> = vec![];
    for role in [Role::Engineer, Role::Viewer, Role::Executive, Role::Admin] {
        outsiders.push((role, server.signed_in(role).await));
    }
    for (role, client) in &outsiders {
        for place in places(&id) {
            let text = client.get(&place).await.assert_status(200).text();
            assert!(!tells(&text), "{role} reads a cell of 7 rows at {place}");
        }
        let items = client.get(&format!("/api/v1/runs/{id}/estimates?limit=1000")).await.json();
        let shown: Vec<(String, Value)> = items["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["slice"].to_string(), item["n"].clone()))
            .collect();
        // 409 − 300 − 102 = 7: Male goes too, so that nothing can be subtracted.
        assert_eq!(
            shown,
            [
                ("{}".to_owned(), json!(409)),
                (r#"{"sex":"Female"}"#.to_owned(), json!(300)),
                (r#"{"sex":"Male"}"#.to_owned(), Value::Null),
                (r#"{"sex":"Nonbinary"}"#.to_owned(), Value::Null),
            ],
            "{role}"
        );
    }
    let of_engineer =
        model.engineer.get(&format!("/api/v1/runs/{id}/estimates?limit=1000")).await.text();
    assert!(!tells(&of_engineer), "a token sees no more than its person");
});

each_db!(a_lead_and_a_reviewer_see_small_cells_everywhere, |server| {
    let model = server.model("income").await;
    let id = model.table("v1", "d@1", "2026-06-01", SMALL).await;
    for role in [Role::Lead, Role::Reviewer] {
        let client = server.signed_in(role).await;
        for place in places(&id) {
            let text = client.get(&place).await.assert_status(200).text();
            // What is beyond chance leaves out a group of seven.
            if place.contains("differences") || place.contains("explore") {
                continue;
            }
            // These two draw and compare it; the number itself stands in neither.
            if place.contains("disparities") || place.contains(".svg") {
                assert!(text.contains("Nonbinary"), "{role}: {place}");
                continue;
            }
            assert!(tells(&text), "{role} does not see the cell at {place}");
        }
    }
    // The lead of another team is nobody special here.
    let other = server.signed_in_for(Role::Lead, "elsewhere").await;
    for place in places(&id) {
        assert!(!tells(&other.get(&place).await.assert_status(200).text()), "{place}");
    }
});

each_db!(voiding_needs_a_reason_and_leaves_the_run_readable_but_out_of_the_trend, |server| {
    let model = server.model("income").await;
    server.version("income", "v2").await;
    let first = model.table("v1", "d@1", "2026-06-01", SMALL).await;
    let second =
        model.table("v2", "d@1", "2026-07-01", &SMALL.replace("0.5,300,150", "0.6,300,180")).await;
    let path = format!("/runs/{second}/void");
    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    ann.get(&format!("/runs/{second}")).await.assert_lacks("Void this run");
    ann.post(&path, &[("reason", "wrong file")]).await.assert_status(403);
    let other = server.signed_in_for(Role::Lead, "elsewhere").await;
    other.post(&path, &[("reason", "wrong file")]).await.assert_status(403);

    let lena = server.signed_in_for(Role::Lead, TEAM).await;
    lena.get(&format!("/runs/{second}")).await.assert_contains("Void this run");
    let before = server.rows().await;
    let refused = lena.post(&path, &[("reason", "  ")]).await;
    refused.assert_status(422).assert_contains("say what is wrong with this run");
    let long = "x".repeat(10_001);
    lena.post(&path, &[("reason", &long)]).await.assert_status(422).assert_contains(&long);
    assert_eq!(server.rows().await, before);

    let trend = "/api/v1/models/income/trend?metric=accuracy";
    let versions = |json: Value| -> Vec<String> {
        let points = json["points"].as_array().unwrap().clone();
        points.iter().map(|point| point["version"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(versions(lena.get(trend).await.json()), ["v1", "v2"]);
    let reason = "the labels were shifted by one row\n<b>twice</b>";
    lena.post(&path, &[("reason", reason)]).await.assert_redirect(&format!("/runs/{second}"));
    assert_eq!(versions(lena.get(trend).await.json()), ["v1"]);

    let page = ann.get(&format!("/runs/{second}")).await;
    page.assert_status(200)
        .assert_contains("This run is void")
        .assert_contains("shifted by one row")
        .assert_contains("&lt;b&gt;twice")
        .assert_lacks("<b>twice");
    let json = ann.get(&format!("/api/v1/runs/{second}")).await.json();
    assert_eq!(json["voided"]["reason"], reason);
    ann.get(&format!("/runs/{first}")).await.assert_lacks("This run is void");
    let entries = server.app.store.audit_entries(before["audit_entry"], 100).await.unwrap();
    assert!(entries.iter().any(|e| e.action == "run.voided" && e.object_id == second));

    let twice = lena.post(&path, &[("reason", "again")]).await;
    twice.assert_status(409).assert_contains("voided already");
});

each_db!(a_restricted_model_is_nowhere_for_others, |server| {
    let model = server
        .model_from(ModelInput {
            slug: "secret".to_owned(),
            name: "Secret scores".to_owned(),
            restricted: true,
            ..ModelInput::default()
        })
        .await;
    let id = model.table("v1", "d@1", "2026-06-01", SMALL).await;
    let places = [
        format!("/runs/{id}"),
        format!("/runs/{id}/estimates.csv"),
        format!("/runs/{id}/document.json"),
        format!("/runs/{id}/differences"),
        "/models/secret/trend".to_owned(),
        "/models/secret/trend.csv".to_owned(),
        "/models/secret/trend.svg".to_owned(),
        format!("/api/v1/runs/{id}"),
        format!("/api/v1/runs/{id}/estimates"),
        format!("/api/v1/runs/{id}/disparities"),
        "/api/v1/models/secret/runs".to_owned(),
        "/api/v1/models/secret/trend".to_owned(),
    ];
    for (role, team) in [
        (Role::Engineer, "elsewhere"),
        (Role::Lead, "elsewhere"),
        (Role::Executive, TEAM),
        (Role::Viewer, TEAM),
    ] {
        let client = server.signed_in_for(role, team).await;
        for place in &places {
            let answer = client.get(place).await;
            answer.assert_status(404).assert_lacks("Secret scores").assert_lacks("0.714");
        }
        client.get("/").await.assert_status(200).assert_lacks("Secret scores");
        let void = format!("/runs/{id}/void");
        let answer = client.post(&void, &[("reason", "x")]).await.status.as_u16();
        assert!([403, 404].contains(&answer), "{role}: {answer}");
    }
    for (role, team) in
        [(Role::Engineer, Some(TEAM)), (Role::Lead, Some(TEAM)), (Role::Admin, None)]
    {
        let client = match team {
            Some(team) => server.signed_in_for(role, team).await,
            None => server.signed_in(role).await,
        };
        for place in &places {
            client.get(place).await.assert_status(200);
        }
    }
});

each_db!(nobody_without_a_role_reads_a_run, |server| {
    let model = server.model("income").await;
    let id = model.table("v1", "d@1", "2026-06-01", SMALL).await;
    let email = server.somebody(None).await.1;
    let nobody = server.log_in(&email).await;
    nobody.get(&format!("/runs/{id}")).await.assert_status(403);
    server.visitor().get(&format!("/runs/{id}")).await.assert_status(303);
    server.visitor().get(&format!("/api/v1/runs/{id}")).await.assert_status(401);
});

each_db!(the_api_lists_runs_newest_first_in_pages, |server| {
    let model = server.model("income").await;
    for day in 1..=5 {
        let csv = SMALL.replace("0.5,300,150", &format!("0.{day},300,{}", day * 30));
        model.table("v1", "d@1", &format!("2026-06-0{day}"), &csv).await;
    }
    let first = model.engineer.get("/api/v1/models/income/runs?limit=3").await.json();
    assert_eq!(
        (first["total"].as_u64(), first["items"].as_array().map(Vec::len)),
        (Some(5), Some(3))
    );
    assert_eq!(first["items"][0]["evaluated_at"], "2026-06-05T00:00:00Z");
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = format!("/api/v1/models/income/runs?limit=3&cursor={cursor}");
    let rest = model.engineer.get(&next).await.json();
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(rest["next_cursor"], Value::Null);
    for bad in ["limit=0", "limit=1001", "limit=x", "cursor=nobody"] {
        let path = format!("/api/v1/models/income/runs?{bad}");
        model.engineer.get(&path).await.assert_status(400);
    }
});

each_db!(an_empty_choice_is_none, |server| {
    let program = server.token(Role::Viewer, &[TokenScope::Read]).await;
    for (list, name) in [
        ("models", "stage"),
        ("models", "limit"),
        ("launches", "state"),
        ("mitigations", "state"),
        ("okrs", "period"),
    ] {
        let answer = program.get(&format!("/api/v1/{list}?{name}=")).await;
        let said = format!("`{name}` is empty");
        assert!(answer.assert_status(400).json()["detail"].as_str().unwrap().contains(&said));
    }
    program.get("/api/v1/models?q=").await.assert_status(200);
});

each_db!(estimates_and_disparities_are_filtered_by_metric_slice_and_reference, |server| {
    let (model, id) = real_run(&server).await;
    let path =
        format!("/api/v1/runs/{id}/estimates?metric=accuracy&slice=sex%3DMale%3Brace%3DWhite");
    let items = model.engineer.get(&path).await.json();
    assert_eq!(items["total"], 1);
    assert_eq!(items["items"][0]["slice"], json!({ "race": "White", "sex": "Male" }));
    let overall = format!("/api/v1/runs/{id}/estimates?metric=accuracy&slice=");
    let items = model.engineer.get(&overall).await.json();
    assert_eq!((&items["total"], &items["items"][0]["slice"]), (&json!(1), &json!({})));
    for bad in ["slice=sex", "slice=sex%3DA%3Bsex%3DB"] {
        let path = format!("/api/v1/runs/{id}/estimates?{bad}");
        model.engineer.get(&path).await.assert_status(422);
    }
    let known: Value =
        serde_json::from_slice(&fixture("golden/fairlearn_adult_v4_hgb.json")).unwrap();
    let path = format!("/api/v1/runs/{id}/disparities?kind=difference&reference=best");
    let all = model.engineer.get(&path).await.json();
    let widest = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["metric"] == "selection_rate" && item["attributes"] == json!(["sex"]))
        .filter_map(|item| item["value"].as_f64())
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    let theirs = known["slices"]["sex"]["demographic_parity_difference"].as_f64().unwrap();
    assert!((widest - theirs).abs() < 1e-9, "{widest} and {theirs}: {all}");
    let bad = format!("/api/v1/runs/{id}/disparities?reference=nobody");
    model.engineer.get(&bad).await.assert_status(422);
});

each_db!(what_differs_beyond_chance_is_a_page_of_its_own_marked_exploratory, |server| {
    let (model, id) = real_run(&server).await;
    let vera = server.signed_in(Role::Viewer).await;
    vera.get(&format!("/runs/{id}")).await.assert_contains(&format!("/runs/{id}/differences"));
    vera.get(&format!("/runs/{id}/differences"))
        .await
        .assert_status(200)
        .assert_contains("Exploratory.")
        .assert_contains("Less everyone else")
        .assert_contains("expected to be chance after all");
    let path = format!("/api/v1/runs/{id}/differences?limit=5");
    let all = model.engineer.get(&path).await.assert_status(200).json();
    assert_eq!(all["exploratory"], true);
    assert_eq!(all["total"], all["tested"]);
    let first = &all["items"][0];
    assert_eq!((&first["found"], &first["disparity"]["reference"]), (&true.into(), &"rest".into()));
    assert!(first["adjusted"].as_f64() >= first["p_value"].as_f64(), "{first}");
    for bad in ["rate=0", "rate=1.5"] {
        let path = format!("/api/v1/runs/{id}/differences?{bad}");
        model.engineer.get(&path).await.assert_status(422);
    }
});

const LOWER: &str =
    "metric,value,n,sex\naccuracy,0.5,100,female\naccuracy,0.6,90,male\naccuracy,0.7,80,other\n";
const UPPER: &str = "metric,value,n,sex\naccuracy,0.5,100,Female\naccuracy,0.6,90,Male\n";

each_db!(a_first_run_proposes_its_groups_and_a_lead_accepts_them_with_one_click, |server| {
    let model = server.model("income").await;
    let id = model.table("v1", "d@1", "2026-06-01", UPPER).await;
    let page = format!("/runs/{id}");
    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    ann.get(&page)
        .await
        .assert_status(200)
        .assert_contains("2 groups are unconfirmed")
        .assert_contains("no known name is near")
        .assert_lacks("Accept all");
    let accept = "/models/income/groups/accept";
    ann.post(accept, &[]).await.assert_status(403);

    let lena = server.signed_in_for(Role::Lead, TEAM).await;
    lena.get(&page).await.assert_contains("Accept all that this model proposed");
    let before = server.rows().await["audit_entry"];
    lena.post(accept, &[("next", &page)]).await.assert_redirect(&page);
    let after = lena.get(&page).await;
    after.assert_contains("2 groups are confirmed").assert_lacks("unconfirmed");
    let entries = server.app.store.audit_entries(before, 10).await.unwrap();
    assert!(entries.iter().any(|entry| entry.action == "groups.accepted"));
    // Twice is once.
    lena.post(accept, &[("next", &page)]).await.assert_redirect(&page);
    lena.get(&page).await.assert_contains("Nothing was left to accept");
});

each_db!(a_lead_accepts_one_group_and_makes_another_an_alias_from_the_run_page, |server| {
    let model = server.model("income").await;
    model.table("v1", "d@1", "2026-06-01", UPPER).await;
    let lena = server.signed_in_for(Role::Lead, TEAM).await;
    lena.post("/models/income/groups/accept", &[]).await.assert_redirect("/models/income");

    let id = model.table("v1", "d@1", "2026-07-01", LOWER).await;
    let page = format!("/runs/{id}");
    lena.get(&page)
        .await
        .assert_contains("3 groups are unconfirmed")
        .assert_contains("nearest known: Female")
        .assert_contains("It is Female")
        .assert_contains("Accept other");
    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    let stranger = server.signed_in_for(Role::Lead, "elsewhere").await;
    let other = [("attribute", "sex"), ("group", "other"), ("next", &page)];
    let female = [("attribute", "sex"), ("group", "female"), ("target", "Female"), ("next", &page)];
    for client in [&ann, &stranger] {
        client.post("/models/income/groups/accept", &other).await.assert_status(403);
        client.post("/models/income/groups/alias", &female).await.assert_status(403);
    }
    lena.post("/models/income/groups/accept", &other).await.assert_redirect(&page);
    lena.get(&page).await.assert_contains("2 groups are unconfirmed");
    lena.post("/models/income/groups/alias", &female).await.assert_redirect(&page);
    let after = lena.get(&page).await;
    after.assert_contains("1 group is unconfirmed").assert_contains("nearest known: Male");
    // The page speaks of her by the canonical name now.
    let items = model.engineer.get(&format!("/api/v1/runs/{id}/estimates?limit=1000")).await.json();
    assert_eq!(items["items"][0]["slice"], json!({ "sex": "Female" }));
    let by_its_own = format!("/api/v1/runs/{id}/estimates?slice=sex%3Dfemale");
    assert_eq!(model.engineer.get(&by_its_own).await.json()["total"], 1);

    for wrong in [
        vec![("attribute", "sex"), ("group", "nobody")],
        vec![("attribute", "nothing"), ("group", "male")],
    ] {
        lena.post("/models/income/groups/accept", &wrong).await.assert_status(404);
    }
    let elsewhere = [("group", ""), ("next", "//evil.example")];
    lena.post("/models/income/groups/accept", &elsewhere).await.assert_redirect("/");
});

each_db!(a_mistyped_attribute_is_offered_as_an_alias_of_the_one_that_was_meant, |server| {
    let model = server.model("income").await;
    model.table("v1", "d@1", "2026-06-01", UPPER).await;
    let lena = server.signed_in_for(Role::Lead, TEAM).await;
    lena.post("/models/income/groups/accept", &[]).await.assert_redirect("/models/income");
    let id = model.table("v1", "d@1", "2026-07-01", &UPPER.replace("sex", "sexx")).await;
    let page = format!("/runs/{id}");
    lena.get(&page).await.assert_contains("It is the attribute sex");
    let fields = [("attribute", "sexx"), ("target", "sex"), ("next", &page)];
    lena.post("/models/income/groups/alias", &fields).await.assert_redirect(&page);
    lena.get(&page).await.assert_lacks("unconfirmed");
});
