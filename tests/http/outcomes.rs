//! Mitigations with their proof, and key results graded from the same evidence.

use app::domain::{Grant, Role};
use tests::{Client, Model, TEAM, TestServer, each_db};
use time::Duration;

const HALF: &str = "adult-half@1994";

async fn runs(server: &TestServer) -> (Model, Client, [String; 2]) {
    let model = server.model("income").await;
    server.app.clock.advance(Duration::minutes(1));
    server.version("income", "v2").await;
    let before = model.run("v1", "adult_v4_hgb.csv", HALF, "2026-10-01").await;
    let after = model.run("v2", "adult_v7_eqodds_thropt.csv", HALF, "2026-10-10").await;
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    lead.post("/models/income/groups/accept", &[("all", "true")]).await.assert_status(303);
    (model, lead, [before, after])
}

async fn email(server: &TestServer, role: Role) -> String {
    server.somebody(Some(Grant { role, team: None })).await.1
}

async fn mitigate(
    lead: &Client,
    owner: &str,
    state: &str,
    (before, after): (&str, &str),
    slice: &str,
) -> tests::Answer {
    let form = [
        ("model", "income"),
        ("kind", "post_processing"),
        ("title", "Thresholds by group"),
        ("hypothesis", "A threshold of its own for each group."),
        ("metric", "true_positive_rate"),
        ("slice", slice),
        ("change", "0.09"),
        ("owner", owner),
        ("state", state),
        ("before", before),
        ("after", after),
    ];
    lead.post("/mitigations/new", &form).await
}

each_db!(a_mitigation_shows_what_it_did_and_whom_it_harmed, |server| {
    let (_, lead, [before, after]) = runs(&server).await;
    let owner = email(&server, Role::Engineer).await;
    let shipped = mitigate(&lead, &owner, "shipped", (&before, &after), "sex=Female").await;
    shipped.assert_redirect("/mitigations/1");
    lead.get("/mitigations/1")
        .await
        .assert_contains("It worked: true positive rate of Female changed by +0.2")
        .assert_contains("got worse beyond chance")
        .assert_contains("false positive rate");
});

each_db!(runs_that_cannot_prove_anything_are_refused_or_said_to_be_so, |server| {
    let (model, lead, [before, after]) = runs(&server).await;
    let owner = email(&server, Role::Engineer).await;
    mitigate(&lead, &owner, "shipped", (&after, &before), "sex=Female")
        .await
        .assert_status(422)
        .assert_contains("evaluated before the one that it should come after");
    mitigate(&lead, &owner, "shipped", ("", ""), "sex=Female")
        .await
        .assert_status(422)
        .assert_contains("it is shipped once a run before and a run after");
    let elsewhere = model.run("v2", "adult_v7_eqodds_thropt.csv", "other@1", "2026-10-11").await;
    mitigate(&lead, &owner, "in_work", (&before, &elsewhere), "sex=Female")
        .await
        .assert_redirect("/mitigations/1");
    lead.get("/mitigations/1").await.assert_contains("which do not compare");
});

/// A new objective of the running quarter; its id.
async fn objective(server: &TestServer, lead: &Client, owner: &str) -> String {
    let form = [
        ("period", "2026-Q4"),
        ("team", TEAM),
        ("title", "No group is found less often"),
        ("kind", "committed"),
        ("owner", owner),
    ];
    lead.post("/objectives/new", &form).await.assert_redirect("/okrs?period=2026-Q4");
    server.app.store.objectives("2026-Q4").await.unwrap()[0].id.to_string()
}

async fn key_result(
    lead: &Client,
    owner: &str,
    objective: &str,
    metric: &str,
    target: &str,
) -> tests::Answer {
    let form = [
        ("objective", objective),
        ("title", "Women are found as often as men"),
        ("owner", owner),
        ("source", "live"),
        ("model", "income"),
        ("dataset", "adult-half"),
        ("metric", metric),
        ("slice", "sex=Female"),
        ("disparity", "difference"),
        ("target", target),
        ("counter_metric", "accuracy"),
        ("counter_min", "0.82"),
    ];
    lead.post("/key-results/new", &form).await
}

each_db!(a_live_key_result_is_graded_from_the_newest_run_and_held_back_by_its_counter, |server| {
    let model = server.model("income").await;
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    let owner = email(&server, Role::Lead).await;
    let objective = objective(&server, &lead, &owner).await;
    key_result(&lead, &owner, &objective, "true_positive_rate", "0")
        .await
        .assert_status(422)
        .assert_contains("it has no baseline");
    let baseline = model.run("v1", "adult_v4_hgb.csv", HALF, "2026-10-01").await;
    lead.post("/models/income/groups/accept", &[("all", "true")]).await.assert_status(303);
    key_result(&lead, &owner, &objective, "true_postive_rate", "0")
        .await
        .assert_status(422)
        .assert_contains("is it `true_positive_rate`?");
    key_result(&lead, &owner, &objective, "true_positive_rate", "0").await.assert_status(303);
    server.version("income", "v2").await;
    model.run("v2", "adult_v7_eqodds_thropt.csv", HALF, "2026-10-10").await;
    lead.get("/okrs?period=2026-Q4")
        .await
        .assert_contains("held back: its counter-metric fails")
        .assert_contains("grade 0.3");
    let void = [("reason", "the labels were shifted")];
    lead.post(&format!("/runs/{baseline}/void"), &void).await.assert_status(303);
    lead.get("/okrs?period=2026-Q4").await.assert_contains("the run of its baseline was voided");
});

each_db!(a_target_equal_to_the_baseline_and_a_quarter_that_is_none_are_refused, |server| {
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    let owner = email(&server, Role::Lead).await;
    let objective = objective(&server, &lead, &owner).await;
    let form = [
        ("objective", objective.as_str()),
        ("title", "Cards"),
        ("owner", &owner),
        ("source", "manual"),
        ("baseline", "2"),
        ("target", "2"),
    ];
    lead.post("/key-results/new", &form)
        .await
        .assert_status(422)
        .assert_contains("the target is the baseline");
    lead.get("/okrs?period=2026-Q7").await.assert_status(400);
});

each_db!(a_target_that_the_data_cannot_tell_from_its_baseline_cannot_be_graded, |server| {
    let model = server.model("income").await;
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    let owner = email(&server, Role::Lead).await;
    let objective = objective(&server, &lead, &owner).await;
    model.run("v1", "adult_v4_hgb.csv", HALF, "2026-10-01").await;
    lead.post("/models/income/groups/accept", &[("all", "true")]).await.assert_status(303);
    key_result(&lead, &owner, &objective, "true_positive_rate", "0").await.assert_status(303);
    let made = server.app.store.key_results("2026-Q4").await.unwrap();
    let baseline = made[0].baseline.unwrap();
    // Equal to the last digit it is refused, a hair beside it it is said to be no way at all.
    key_result(&lead, &owner, &objective, "true_positive_rate", &baseline.to_string())
        .await
        .assert_status(422)
        .assert_contains("the target is the baseline");
    let near = (baseline + 0.001).to_string();
    key_result(&lead, &owner, &objective, "true_positive_rate", &near).await.assert_status(303);
    lead.get("/okrs?period=2026-Q4")
        .await
        .assert_contains("shorter than the two intervals are wide")
        .assert_contains("cannot be graded");
});

each_db!(a_manual_key_result_is_graded_by_its_check_ins, |server| {
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    let owner = email(&server, Role::Lead).await;
    let objective = objective(&server, &lead, &owner).await;
    let form = [
        ("objective", objective.as_str()),
        ("title", "Cards"),
        ("owner", &owner),
        ("source", "manual"),
        ("baseline", "0"),
        ("target", "4"),
    ];
    let made = lead.post("/key-results/new", &form).await;
    let path = made.assert_status(303).location().to_owned();
    lead.get("/okrs").await.assert_contains("nobody has checked a value in");
    lead.post(&path, &[("value", "many"), ("confidence", "high")]).await.assert_status(422);
    lead.post(&path, &[("value", "2"), ("confidence", "high")]).await.assert_status(303);
    lead.get("/okrs").await.assert_contains("grade 0.5").assert_contains("on track");
});

#[tokio::test]
async fn an_executive_reads_the_quarter_and_reaches_the_evidence_in_two_clicks() {
    let server = TestServer::demo().await;
    let edgar = TestServer::log_in_to(&server.app, "edgar@evenhand.example").await;
    let page = edgar.get("/overview").await;
    page.assert_status(200)
        .assert_contains("held back")
        .assert_contains("The launch of Employment (ACS) v1 is blocked.")
        .assert_contains("Worst required slice per model");
    let text = page.text();
    let launch = text.find("href=\"/launches/").expect("a link to a launch");
    let path: String = text[launch + 6..].chars().take_while(|c| *c != '"').collect();
    let page = edgar.get(&path).await;
    page.assert_status(200).assert_contains("href=\"/runs/");
}

each_db!(voiding_a_run_first_shows_what_rests_on_it_and_then_tells_its_people, |server| {
    let (_, lead, [before, after]) = runs(&server).await;
    let (owner_id, owner) = server.somebody(Some(Grant { role: Role::Lead, team: None })).await;
    let emil = server.log_in(&owner).await;
    let objective = objective(&server, &lead, &owner).await;
    key_result(&lead, &owner, &objective, "true_positive_rate", "0.5").await.assert_status(303);
    mitigate(&lead, &owner, "shipped", (&before, &after), "sex=Female").await.assert_status(303);
    emil.get("/").await.assert_lacks("You should know");

    let page = lead.get(&format!("/runs/{after}/void")).await;
    page.assert_status(200)
        .assert_contains("2 things rest on this run")
        .assert_contains("Mitigation M-1: Thresholds by group")
        .assert_contains("its baseline is from this run");
    lead.post(&format!("/runs/{after}/void"), &[("reason", "")]).await.assert_status(422);
    assert!(server.app.store.notices(owner_id).await.unwrap().is_empty());
    let reason = [("reason", "the labels were <i>shifted</i>")];
    lead.post(&format!("/runs/{after}/void"), &reason).await.assert_status(303);
    lead.get(&format!("/runs/{after}")).await.assert_contains("Mitigation M-1");
    lead.get(&format!("/runs/{after}/void")).await.assert_status(409);

    emil.get("/")
        .await
        .assert_contains("You should know")
        .assert_contains("Mitigation M-1: Thresholds by group lost evidence")
        .assert_contains("Key result: Women are found as often as men lost evidence")
        .assert_contains("&lt;i&gt;shifted");
    emil.post("/notices/seen", &[]).await.assert_redirect("/");
    emil.get("/").await.assert_lacks("You should know");
    lead.get("/").await.assert_lacks("You should know");
});

each_db!(home_says_what_moved_beyond_chance_since_the_last_visit, |server| {
    let model = server.model("income").await;
    server.version("income", "v2").await;
    model.run("v1", "adult_v4_hgb.csv", HALF, "2026-10-01").await;
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    lead.get("/").await.assert_lacks("Since your last visit");
    server.app.clock.advance(Duration::hours(5));
    model.run("v2", "adult_v7_eqodds_thropt.csv", HALF, "2026-10-10").await;
    server.app.clock.advance(Duration::hours(5));
    lead.get("/")
        .await
        .assert_contains("Since your last visit")
        .assert_contains("income v2 on adult-half@1994")
        .assert_contains("got worse beyond chance");
    // A second look within the visit says the same; the next visit has nothing to tell.
    lead.get("/").await.assert_contains("income v2 on adult-half@1994");
    server.app.clock.advance(Duration::hours(5));
    lead.get("/").await.assert_contains("No run came in");
});

each_db!(a_version_that_another_took_the_place_of_closes_its_findings, |server| {
    let (model, lead, _) = runs(&server).await;
    let policy = include_str!("../../server/src/demo/policies/classification.toml");
    let form = [("slug", "high"), ("team", ""), ("source", policy), ("note", "as agreed")];
    let head = server.signed_in(Role::Lead).await;
    head.post("/policies/new", &form).await.assert_redirect("/policies/high");
    let open = async || {
        let all = server.app.store.findings().await.unwrap();
        all.into_iter().filter(|it| it.closed_at.is_none()).map(|it| it.version_label).collect()
    };
    let versions: Vec<String> = open().await;
    assert!(!versions.is_empty() && versions.iter().all(|it| it == "v2"), "{versions:?}");
    server.app.clock.advance(Duration::minutes(1));
    server.version("income", "v3").await;
    model.run("v3", "adult_v4_hgb.csv", HALF, "2026-10-20").await;
    let versions: Vec<String> = open().await;
    assert!(!versions.is_empty() && versions.iter().all(|it| it == "v3"), "{versions:?}");
    lead.get("/findings?state=closed").await.assert_contains("another version took its place");
});
