//! What checking a file by the page says before anything is stored.

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
