//! What a check by the page and a dry run by the API say before anything is stored.

use app::domain::Role;
use serde_json::{Value, json};
use tests::{TEAM, each_db, fixture, id_of, multipart};

fn results() -> Vec<u8> {
    fixture("uploads/good/adult.run.json")
}

each_db!(checking_by_the_page_says_what_would_change_against_the_run_before, |server| {
    let model = server.model("income").await;
    server.version("income", "v2").await;
    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    let check = async |file: Vec<u8>| {
        let parts: [(&str, Option<&str>, &[u8]); 3] =
            [("kind", None, b"results"), ("do", None, b"check"), ("file", Some("run.json"), &file)];
        let (kind, body) = multipart(&parts);
        ann.post_bytes("/models/income/versions/v2/upload", &kind, body).await
    };
    check(results()).await.assert_status(200).assert_contains("nothing to compare it with");

    let run = id_of(model.results("v1", "", results()).await.assert_status(201));
    let mut document: Value = serde_json::from_slice(&results()).unwrap();
    let estimates = document["estimates"].as_array_mut().unwrap();
    let rate = estimates
        .iter_mut()
        .find(|it| it["denominator"].as_u64().is_some_and(|n| n > 1_000) && it["numerator"] != 0)
        .unwrap();
    let whole = rate["denominator"].as_u64().unwrap();
    rate["numerator"] = 0.into();
    rate["value"] = 0.into();
    for field in ["interval", "positives", "stderr"] {
        rate.as_object_mut().unwrap().remove(field);
    }
    estimates.push(json!({
        "slice": {"sex": "Unlisted"}, "metric": "accuracy", "value": 0.9, "n": 50,
        "numerator": 45, "denominator": 50,
    }));
    let before = server.rows().await;
    check(document.to_string().into_bytes())
        .await
        .assert_status(200)
        .assert_contains(&format!("href=\"/runs/{run}\""))
        .assert_contains("the run of v1 on adult-half@1994")
        .assert_contains("1 moves beyond chance")
        .assert_contains(&format!(" n {}", app::number::count(whole)))
        .assert_contains("1 slice new: Unlisted")
        .assert_contains("sex: Unlisted");
    assert_eq!(server.rows().await, before, "checking stores nothing");

    let around = "/models/income/versions/v2/upload/around";
    let known = ann.get(around).await.assert_status(200).json();
    assert_eq!(known["runs"][0]["id"], run);
    let stranger = server.signed_in_for(Role::Viewer, TEAM).await;
    stranger.get(around).await.assert_status(403);
});

each_db!(a_group_that_is_hidden_from_whoever_checks_is_not_said_to_be_new, |server| {
    let model = server.model("income").await;
    let table = |female: u32| {
        format!(
            "metric,value,n,numerator,denominator,sex\naccuracy,{},5,{female},5,Female\n\
             accuracy,0.9,1000,900,1000,Male\n",
            f64::from(female) / 5.0
        )
    };
    model.table("v1", "census@1", "2026-06-01", &table(4)).await;
    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    let file = table(3).into_bytes();
    let parts: [(&str, Option<&str>, &[u8]); 4] = [
        ("kind", None, b"results"),
        ("dataset", None, b"census@1"),
        ("do", None, b"check"),
        ("file", Some("table.csv"), &file),
    ];
    let (kind, body) = multipart(&parts);
    let page = ann.post_bytes("/models/income/versions/v1/upload", &kind, body).await;
    page.assert_status(200).assert_contains("What would change").assert_lacks("slice new");
});

each_db!(a_dry_run_says_what_it_would_become_and_stores_nothing, |server| {
    let model = server.model("income").await;
    let before = server.rows().await;
    let answer = model.results("v1", "?dry_run=true", results()).await;
    let said = answer.assert_status(200).json();
    assert_eq!(said["dry_run"], true);
    assert_eq!(said["existing"], Value::Null);
    assert!(said["unconfirmed"].as_array().is_some_and(|all| !all.is_empty()), "{said}");
    assert_eq!(server.rows().await, before);

    let made = model.results("v1", "", results()).await;
    let made = made.assert_status(201).json();
    assert_eq!(made["digest"], said["digest"], "the dry run told the digest");
    let again = model.results("v1", "?dry_run=true", results()).await.json();
    assert_eq!(again["existing"], made["url"]);
});

each_db!(results_of_another_task_are_noticed, |server| {
    let model = server.model("income").await;
    let file = fixture("exports/evidently/report_classes.json");
    let said = model.results("v1", "?dry_run=true&dataset=wine%401", file).await;
    let said = said.assert_status(200).json();
    let amended = said["receipt"]["amended"].to_string();
    assert!(amended.contains("a model for binary classification has not"), "{amended}");
    assert!(amended.contains("f1[Barbera]"), "{amended}");
});

each_db!(a_dry_run_says_what_would_change_against_the_run_before, |server| {
    let model = server.model("income").await;
    let table = |right: [u32; 2], groups: [&str; 2]| {
        let row = |right: u32, group: &str| {
            format!("accuracy,{},1000,{right},1000,{group}\n", f64::from(right) / 1000.0)
        };
        let rows = [row(right[0], groups[0]), row(right[1], groups[1])].concat();
        format!("metric,value,n,numerator,denominator,sex\n{rows}").into_bytes()
    };
    let dry = async |table: Vec<u8>| {
        let query = "?dry_run=true&dataset=census%401";
        model.results("v1", query, table).await.assert_status(200).json()
    };
    assert_eq!(dry(table([800, 800], ["Male", "Female"])).await["against"], Value::Null);
    let before = table([800, 800], ["Male", "Female"]);
    let made = model.results("v1", "?dataset=census%401", before).await;
    let made = made.assert_status(201).json();
    let said = dry(table([700, 810], ["Male", "Woman"])).await;
    let against = &said["against"];
    assert_eq!((&against["run"], &against["version"]), (&made["url"], &json!("v1")));
    assert_eq!(against["slices"]["new"], json!([{ "sex": "Woman" }]));
    assert_eq!(against["slices"]["gone"], json!([{ "sex": "Female" }]));
    assert_eq!(against["metrics"], json!({ "new": [], "gone": [] }));
    assert_eq!(against["looked_at"], 1);
    let moved = &against["moved"][0];
    assert_eq!((&moved["slice"], &moved["worse"]), (&json!({ "sex": "Male" }), &json!(true)));
    assert!((moved["change"].as_f64().unwrap() + 0.1).abs() < 1e-12, "{moved}");
});
