//! Groups that others replaced: what is measured by them afterwards, and what trends show.

use crate::desk::write;
use app::domain::Role;
use serde_json::{Value, json};
use tests::{Model, TEAM, TestServer, each_db, policy};

const DATA: &str = "faces@1";
const RULES: &str = r#"[[rule]]
id = "each-tone"
metric = "accuracy"
by = ["skin_tone"]
min = 0.5
"#;
const FOUR: [&str; 4] = ["dark", "light", "medium", "tan"];
const TEN: [&str; 10] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];

fn table(tones: &[&str]) -> String {
    let rows = tones.iter().map(|tone| format!("accuracy,0.9,1000,900,1000,{tone}\n"));
    let all = "metric,value,n,numerator,denominator,skin_tone\naccuracy,0.9,4000,3600,4000,\n";
    all.to_owned() + &rows.collect::<String>()
}

/// A model that was measured by four ranges of tones, which a lead accepted; ten took their place
/// in July.
async fn regrouped(server: &TestServer) -> Model {
    let model = server.model("income").await;
    let head = server.signed_in(Role::Lead).await;
    write(&head, &policy(RULES)).await;
    model.table("v1", DATA, "2026-06-01", &table(&FOUR)).await;
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    lead.post("/models/income/groups/accept", &[]).await.assert_status(303);
    regroup(server, &FOUR.join("\n"), &TEN.join("\n")).await.assert_status(303);
    model
}

async fn regroup(server: &TestServer, before: &str, after: &str) -> tests::Answer {
    let admin = server.signed_in(Role::Admin).await;
    let id = server.app.store.registry().await.unwrap().attribute("skin_tone").unwrap().id;
    let form = [
        ("before", before),
        ("after", after),
        ("since", "2026-07-01"),
        ("reason", "a finer scale"),
    ];
    admin.post(&format!("/attributes/{id}/regroupings"), &form).await
}

async fn verdict(model: &Model) -> Value {
    let path = "/api/v1/models/income/versions/v1/readiness";
    model.engineer.get(path).await.assert_status(200).json()
}

each_db!(what_is_measured_by_replaced_groups_satisfies_no_rule, |server| {
    let model = regrouped(&server).await;
    assert_eq!(verdict(&model).await["verdict"], "pass", "in June they were the groups");

    let path = format!("?dataset={}&evaluated_at=2026-08-01", "faces%401");
    let late = model.results("v1", &path, table(&FOUR)).await;
    let run = late.assert_status(201).json();
    let found = run["unconfirmed"].as_array().unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!((&found[0]["group"], &found[0]["replaced_by"]), (&json!("dark"), &json!(TEN)));
    let said = verdict(&model).await;
    assert_eq!(said["verdict"], "not_enough_evidence");
    let reason = said["rules"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("other groups had taken the place of"), "{reason}");
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    lead.get(run["url"].as_str().unwrap())
        .await
        .assert_contains("replaced by 1, 2, 3")
        .assert_lacks("Accept dark");

    let right = model.table("v1", DATA, "2026-08-02", &table(&TEN)).await;
    assert_eq!(verdict(&model).await["verdict"], "pass");
    lead.get(&format!("/runs/{right}")).await.assert_lacks("unconfirmed");
});

each_db!(a_trend_draws_the_groups_of_its_last_run_first_by_their_numbers, |server| {
    let model = regrouped(&server).await;
    model.table("v1", DATA, "2026-08-02", &table(&TEN)).await;
    let path = "/api/v1/models/income/trend?metric=accuracy";
    let trend = model.engineer.get(path).await.assert_status(200).json();
    let drawn: Vec<&str> = trend["slices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slice| slice["skin_tone"].as_str().unwrap())
        .collect();
    assert_eq!(drawn, TEN[..8]);
    let why = "skin_tone: dark, light, medium, tan → 1 … 10 (10 groups)";
    assert_eq!(trend["points"][1]["broken"], why);
});

each_db!(a_name_that_stands_for_a_group_is_no_new_group, |server| {
    let model = regrouped(&server).await;
    model.table("v1", DATA, "2026-08-02", &table(&["1", "One"])).await;
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    let alias = [("attribute", "skin_tone"), ("group", "One"), ("target", "1")];
    lead.post("/models/income/groups/alias", &alias).await.assert_status(303);
    let refused = regroup(&server, "2", "One\n2 a").await;
    refused.assert_status(422).assert_contains("`One` is another name of `1`");
    regroup(&server, "2", "2\n2 a").await.assert_status(422).assert_contains("on both sides");
});
