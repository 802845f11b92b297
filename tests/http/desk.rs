//! From verdict to sign-off: a policy, what it says of real runs, who may sign, and what makes a
//! signature stale.

use app::domain::launch::{Content, State};
use app::domain::{Function, Grant, PersonId, Role, Scope};
use app::upload::canonical::canonical;
use server::actions::replay::{replay, replay_all};
use server::audit::sha256_hex;
use server::auth::Actor;
use server::store::Store;
use tests::{Client, Model, TEAM, TestServer, at_once, each_db};
use time::Duration;

pub const POLICY: &str = r#"schema = "evenhand.policy/v1"
name = "High risk"
sign_offs = ["responsible_ai", "legal_privacy"]
[applies_to]
tasks = ["binary_classification"]
risk_tiers = ["high"]
[[rule]]
id = "equal-opportunity"
metric = "true_positive_rate"
by = ["sex"]
disparity = "difference"
max = 0.05
least_n = 100
[[rule]]
id = "accuracy"
metric = "accuracy"
slices = [""]
min = 0.79
"#;

/// Everybody that a launch needs.
pub struct Desk {
    pub model: Model,
    /// Writes policies.
    pub head: Client,
    pub lead: Client,
    pub reviewer: Client,
    pub counsel: Client,
}

pub async fn reviewer(server: &TestServer, functions: &[Function]) -> (PersonId, Client) {
    let grant = Grant { role: Role::Reviewer, team: None };
    let (id, email) = server.somebody(Some(grant)).await;
    give(server, id, functions).await;
    (id, server.log_in(&email).await)
}

async fn give(server: &TestServer, id: PersonId, functions: &[Function]) {
    let permit = Actor::operator().permit(Scope::Organisation).unwrap();
    let by = server::audit::By::OPERATOR;
    let mut tx = server.app.store.begin(&by, &server.app.clock).await.unwrap();
    tx.set_functions(&permit, id, &[], functions).await.unwrap();
    tx.commit().await.unwrap();
}

/// A policy, a model with the mitigated version's run, its groups confirmed.
pub async fn desk(server: &TestServer) -> Desk {
    let model = server.model("income").await;
    let head = server.signed_in(Role::Lead).await;
    write(&head, POLICY).await;
    model.run("v1", "adult_v7_eqodds_thropt.csv", "adult-half@1994", "2026-10-01").await;
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    lead.post("/models/income/groups/accept", &[("all", "true")]).await.assert_status(303);
    let (_, reviewer_client) = reviewer(server, &[Function::ResponsibleAi]).await;
    let (_, counsel) = reviewer(server, &[Function::LegalPrivacy]).await;
    server.app.clock.advance(Duration::minutes(1));
    Desk { model, head, lead, reviewer: reviewer_client, counsel }
}

pub async fn write(head: &Client, source: &str) {
    let form = [("slug", "high-risk"), ("team", ""), ("source", source), ("note", "as agreed")];
    head.post("/policies/new", &form).await.assert_redirect("/policies/high-risk");
}

impl Desk {
    pub async fn request(&self) {
        let form = [("model", "income"), ("version", "v1"), ("summary", "To all new customers.")];
        self.lead.post("/launches/new", &form).await.assert_redirect("/launches/1");
    }

    async fn readiness(&self) -> serde_json::Value {
        let path = "/api/v1/models/income/versions/v1/readiness";
        self.model.engineer.get(path).await.json()
    }
}

async fn digest(server: &TestServer) -> String {
    let launch = server.app.store.launch(1).await.unwrap().unwrap();
    server.app.store.revisions(launch.id).await.unwrap()[0].digest.clone()
}

pub async fn sign(client: &Client, function: &str, decision: &str, digest: &str) -> tests::Answer {
    let form = [
        ("function", function),
        ("decision", decision),
        ("reason", "I looked at every rule."),
        ("digest", digest),
    ];
    client.post("/launches/1/sign", &form).await
}

async fn state(server: &TestServer) -> State {
    server.app.store.launch(1).await.unwrap().unwrap().state
}

each_db!(a_policy_with_mistakes_shows_each_at_its_line_and_is_not_saved, |server| {
    let head = server.signed_in(Role::Lead).await;
    let source = POLICY.replace("true_positive_rate", "true_postive_rate").replace("0.79", "1.79");
    let form = [("slug", "high-risk"), ("source", source.as_str()), ("note", "")];
    head.post("/policies/new", &form)
        .await
        .assert_status(422)
        .assert_contains("there is no metric `true_postive_rate`")
        .assert_contains("no model can be at least 1.79")
        .assert_contains("<code>metric = \"true_postive_rate\"</code>")
        .assert_contains("say why");
    assert!(server.app.store.policies().await.unwrap().is_empty());
    server.signed_in(Role::Engineer).await.get("/policies/new").await.assert_status(403);
});

each_db!(rules_that_nothing_can_meet_are_refused_each_at_its_line, |server| {
    let head = server.signed_in(Role::Lead).await;
    let refused = async |source: String, line: &str, says: &str| {
        let form = [("slug", "high-risk"), ("source", source.as_str()), ("note", "as agreed")];
        head.post("/policies/new", &form)
            .await
            .assert_status(422)
            .assert_contains(says)
            .assert_contains(&format!("<code>{line}</code>"));
    };
    let bounds = POLICY.replace("min = 0.79", "min = 0.9\nmax = 0.8");
    refused(bounds, "min = 0.9", "nothing is at least 0.9 and at most 0.8").await;
    let unequal = POLICY.replace("max = 0.05", "min = 0.01\nmax = 0.05");
    refused(unequal, "max = 0.05", "groups that are equal would not meet it").await;
    let exact = POLICY.replace("max = 0.05", "max = 0.0");
    refused(exact, "max = 0.0", "no sample can show that groups are exactly equal").await;
    let always = POLICY.replace("min = 0.79", "min = 0.0");
    refused(always, "min = 0.0", "every model is at least 0").await;
    assert!(server.app.store.policies().await.unwrap().is_empty());
});

each_db!(the_second_editor_of_a_policy_is_told_what_the_first_changed, |server| {
    let head = server.signed_in(Role::Lead).await;
    write(&head, POLICY).await;
    let stricter = POLICY.replace("0.05", "0.03");
    let edit = |source: String| {
        let head = &head;
        async move {
            let form = [("source", source.as_str()), ("note", "stricter"), ("version", "1")];
            head.post("/policies/high-risk/edit", &form).await
        }
    };
    edit(stricter).await.assert_status(303);
    edit(POLICY.replace("0.79", "0.85"))
        .await
        .assert_status(409)
        .assert_contains("at most 0.03 (was")
        .assert_contains("min = 0.85");
    head.get("/policies/high-risk/versions/1").await.assert_contains("Version 2 is the newest");
    let json = head.get("/api/v1/policies/high-risk/versions/2").await.json();
    assert_eq!(json["document"]["rules"][0]["bound"]["max"], 0.03);
});

each_db!(policies_that_would_leave_open_which_holds_or_go_in_circles_are_refused, |server| {
    let head = server.signed_in(Role::Lead).await;
    write(&head, POLICY).await;
    let add = |slug: &'static str, source: String| {
        let head = &head;
        async move {
            let form = [("slug", slug), ("source", source.as_str()), ("note", "why not")];
            head.post("/policies/new", &form).await
        }
    };
    add("other", POLICY.to_owned()).await.assert_status(422).assert_contains("has the policy");
    let base = "schema = \"evenhand.policy/v1\"\nname = \"x\"\nextends = ";
    add("child", format!("{base}\"high-risk\"\n")).await.assert_status(303);
    add("lost", format!("{base}\"high-rsk\"\n"))
        .await
        .assert_status(422)
        .assert_contains("is it `high-risk`?");
    let circle = POLICY.replace("name = \"High risk\"", "name = \"x\"\nextends = \"child\"");
    let form = [("source", circle.as_str()), ("note", "a circle"), ("version", "1")];
    head.post("/policies/high-risk/edit", &form)
        .await
        .assert_status(422)
        .assert_contains("would be a circle");
});

each_db!(readiness_says_of_each_rule_what_the_real_run_shows, |server| {
    let desk = desk(&server).await;
    let readiness = desk.readiness().await;
    assert_eq!(readiness["verdict"], "pass", "{readiness:#}");
    assert_eq!(readiness["policy"]["version"], 1);
    let rule = &readiness["rules"][0];
    assert_eq!(rule["verdict"], "pass");
    let part = &rule["parts"][0];
    assert_eq!((&part["slice"]["sex"], part["n"].as_u64()), (&"Female".into(), Some(610)));
    desk.lead
        .get("/models/income/versions/v1")
        .await
        .assert_contains("May launch: 2 rules pass.")
        .assert_contains("Female against Male");
    // The unmitigated version of the same model fails by sex.
    server.version("income", "v2").await;
    desk.model.run("v2", "adult_v4_hgb.csv", "adult-half@1994", "2026-10-02").await;
    let path = "/api/v1/models/income/versions/v2/readiness";
    let readiness = desk.model.engineer.get(path).await.json();
    assert_eq!(readiness["verdict"], "fail");
    assert!(readiness["rules"][0]["reason"].as_str().unwrap().starts_with("fails: Female"));
});

each_db!(findings_open_once_by_themselves_and_close_when_the_evidence_does, |server| {
    let desk = desk(&server).await;
    server.version("income", "v2").await;
    let run = desk.model.run("v2", "adult_v4_hgb.csv", "adult-half@1994", "2026-10-02").await;
    let open = async || {
        let all = server.app.store.findings().await.unwrap();
        all.into_iter().filter(|finding| finding.closed_at.is_none()).collect::<Vec<_>>()
    };
    let found = open().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].rule.as_str(), found[0].kind.as_str()), ("equal-opportunity", "fail"));
    let again = (0..8).map(|_| server::actions::findings::refresh(&server.app, None));
    for changed in at_once(again).await {
        assert_eq!(changed.unwrap(), 0, "nothing has changed");
    }
    desk.lead.get("/findings").await.assert_contains("equal-opportunity");
    let reason = [("reason", "the labels were shifted")];
    desk.lead.post(&format!("/runs/{run}/void"), &reason).await.assert_status(303);
    let found = open().await;
    assert!(found.iter().all(|finding| finding.kind == "not_enough_evidence"), "{found:?}");
});

each_db!(a_launch_is_approved_by_two_functions_and_then_launched, |server| {
    let desk = desk(&server).await;
    desk.request().await;
    let digest = digest(&server).await;
    desk.lead.get("/launches/1").await.assert_contains("waiting for").assert_contains("in review");
    // Its own lead may not sign it, whatever she holds; the door is closed to her role.
    sign(&desk.lead, "responsible_ai", "approve", &digest).await.assert_status(403);
    sign(&desk.reviewer, "legal_privacy", "approve", &digest)
        .await
        .assert_status(403)
        .assert_contains("you do not sign for legal &amp; privacy");
    sign(&desk.reviewer, "responsible_ai", "approve", &digest).await.assert_status(303);
    sign(&desk.reviewer, "responsible_ai", "approve", &digest)
        .await
        .assert_status(409)
        .assert_contains("already");
    assert_eq!(state(&server).await, State::InReview);
    desk.lead.post("/launches/1/decide", &[("step", "launch")]).await.assert_status(409);
    sign(&desk.counsel, "legal_privacy", "approve", &digest).await.assert_status(303);
    assert_eq!(state(&server).await, State::Approved);
    desk.lead.post("/launches/1/decide", &[("step", "launch")]).await.assert_status(303);
    assert_eq!(state(&server).await, State::Launched);
    desk.lead.post("/launches/1/decide", &[("step", "suspend")]).await.assert_status(422);
    let form = [("step", "roll_back"), ("reason", "complaints")];
    desk.lead.post("/launches/1/decide", &form).await.assert_status(303);
    assert_eq!(state(&server).await, State::RolledBack);
});

each_db!(new_evidence_makes_a_signature_stale_with_what_changed, |server| {
    let desk = desk(&server).await;
    desk.request().await;
    let old = digest(&server).await;
    sign(&desk.reviewer, "responsible_ai", "approve", &old).await.assert_status(303);
    desk.lead.post("/launches/1/request", &[]).await.assert_status(409);
    desk.model.run("v1", "adult_v4_hgb.csv", "adult-half@1994", "2026-10-20").await;
    desk.lead.get("/launches/1").await.assert_contains("Newer evidence");
    desk.lead.post("/launches/1/request", &[]).await.assert_status(303);
    desk.counsel.get("/launches/1").await.assert_contains("stale");
    sign(&desk.counsel, "legal_privacy", "approve", &old)
        .await
        .assert_status(409)
        .assert_contains("replaced run")
        .assert_contains("I looked at every rule.");
    let new = digest(&server).await;
    sign(&desk.reviewer, "responsible_ai", "approve", &new).await.assert_status(303);
    sign(&desk.counsel, "legal_privacy", "approve", &new).await.assert_status(303);
    // Everybody approves, but the unmitigated run fails: nothing is approved.
    assert_eq!(state(&server).await, State::InReview);
});

each_db!(a_log_in_older_than_five_minutes_signs_with_the_password_again, |server| {
    let desk = desk(&server).await;
    desk.request().await;
    let digest = digest(&server).await;
    server.app.clock.advance(Duration::minutes(6));
    sign(&desk.reviewer, "responsible_ai", "approve", &digest)
        .await
        .assert_status(422)
        .assert_contains("give your password again")
        .assert_contains("I looked at every rule.");
    let with = |password: &'static str| {
        let (reviewer, digest) = (&desk.reviewer, &digest);
        async move {
            let form = [
                ("function", "responsible_ai"),
                ("decision", "approve"),
                ("reason", "Looked at."),
                ("digest", digest.as_str()),
                ("password", password),
            ];
            reviewer.post("/launches/1/sign", &form).await
        }
    };
    with("wrong").await.assert_status(422).assert_contains("this is not your password");
    server.app.clock.advance(Duration::minutes(2));
    with(tests::PASSWORD).await.assert_status(303);
});

each_db!(whoever_made_what_is_judged_may_not_judge_it, |server| {
    let desk = desk(&server).await;
    // The uploader and the policy's editor are given what a reviewer has, before the request.
    let uploader = desk.model.engineer_id;
    let editor = server.app.store.policies().await.unwrap()[0].edited_by;
    let permit = Actor::operator().permit(Scope::Organisation).unwrap();
    let by = server::audit::By::OPERATOR;
    for person in [uploader, editor] {
        let mut tx = server.app.store.begin(&by, &server.app.clock).await.unwrap();
        let grant = Grant { role: Role::Reviewer, team: None };
        tx.grant_role(&permit, person, grant).await.unwrap();
        tx.set_functions(&permit, person, &[], &[Function::ResponsibleAi]).await.unwrap();
        tx.commit().await.unwrap();
    }
    server.app.clock.advance(Duration::minutes(1));
    desk.request().await;
    let digest = digest(&server).await;
    for (person, why) in [
        (uploader, "whoever uploaded one of its runs may not sign it"),
        (editor, "whoever edited its policy version last may not sign it"),
    ] {
        let email = server.app.store.person(person).await.unwrap().unwrap().email;
        let client = server.log_in(&email).await;
        sign(&client, "responsible_ai", "approve", &digest)
            .await
            .assert_status(403)
            .assert_contains(why);
    }
    // Whoever is made a reviewer after the request has to wait for the next one.
    server.app.clock.advance(Duration::minutes(1));
    let (_, late) = reviewer(&server, &[Function::ResponsibleAi]).await;
    sign(&late, "responsible_ai", "approve", &digest)
        .await
        .assert_status(403)
        .assert_contains("after this revision was requested");
    // A token cannot sign at all.
    let scopes = app::domain::token::TokenScope::ALL;
    let token = server.token(Role::Reviewer, scopes).await;
    let answer = sign(&token, "responsible_ai", "approve", &digest).await;
    assert!(answer.location().starts_with("/login"), "{}", answer.text());
    let launch = server.app.store.launch(1).await.unwrap().unwrap();
    assert!(server.app.store.sign_offs(launch.id).await.unwrap().is_empty(), "nobody has signed");
});

const JUDGE: &str =
    "insert into launch_people (revision_id, person_id, side) values ($1, $2, 'judges')";
const SIGN: &str = "insert into sign_off (id, revision_id, slot, person_id, side, decision, \
     reason, at) values ($1, $2, 'responsible_ai', $3, 'judges', 'approve', 'mine', 1)";

each_db!(the_database_itself_refuses_a_signature_by_a_maker, |server| {
    let desk = desk(&server).await;
    desk.request().await;
    let launch = server.app.store.launch(1).await.unwrap().unwrap();
    let revision = server.app.store.revisions(launch.id).await.unwrap()[0].id.0;
    let maker = desk.model.engineer_id.0;
    let id = server.app.clock.id();
    let refused = match &server.app.store {
        Store::Sqlite { write, .. } => (
            sqlx::query(JUDGE).bind(revision).bind(maker).execute(write).await.is_err(),
            sqlx::query(SIGN).bind(id).bind(revision).bind(maker).execute(write).await.is_err(),
        ),
        Store::Postgres(pool) => (
            sqlx::query(JUDGE).bind(revision).bind(maker).execute(pool).await.is_err(),
            sqlx::query(SIGN).bind(id).bind(revision).bind(maker).execute(pool).await.is_err(),
        ),
    };
    assert_eq!(refused, (true, true), "neither the other side nor the signature");
});

each_db!(voiding_a_run_takes_its_evidence_from_a_launch, |server| {
    let desk = desk(&server).await;
    desk.request().await;
    let runs = server.app.store.launch(1).await.unwrap().unwrap();
    let run = server.app.store.evidence_runs(runs.version_id).await.unwrap()[0].id;
    let reason = [("reason", "the labels were shifted by a row")];
    desk.lead.post(&format!("/runs/{run}/void"), &reason).await.assert_status(303);
    assert_eq!(state(&server).await, State::EvidenceVoid);
    let digest = digest(&server).await;
    sign(&desk.reviewer, "responsible_ai", "approve", &digest).await.assert_status(409);
    desk.lead.get("/").await.assert_contains("a run that it rests on was voided");
});

each_db!(a_change_loses_its_evidence_with_the_run_that_it_is_measured_from, |server| {
    let desk = desk(&server).await;
    let no_worse = "[[rule]]\nid = \"no-worse\"\nmetric = \"accuracy\"\nslices = [\"\"]\n\
         change = \"last_launched\"\nmin = -0.05\n";
    let source = format!("{POLICY}{no_worse}");
    let form = [("source", source.as_str()), ("note", "stricter"), ("version", "1")];
    desk.head.post("/policies/high-risk/edit", &form).await.assert_status(303);
    desk.request().await;
    let digest = digest(&server).await;
    sign(&desk.reviewer, "responsible_ai", "approve", &digest).await.assert_status(303);
    sign(&desk.counsel, "legal_privacy", "approve", &digest).await.assert_status(303);
    desk.lead.post("/launches/1/decide", &[("step", "launch")]).await.assert_status(303);
    let launched = server.app.store.launch(1).await.unwrap().unwrap();
    let measured_from = server.app.store.evidence_runs(launched.version_id).await.unwrap()[0].id;
    server.version("income", "v2").await;
    desk.model.run("v2", "adult_v4_hgb.csv", "adult-half@1994", "2026-10-02").await;
    let form = [("model", "income"), ("version", "v2"), ("summary", "To everybody.")];
    desk.lead.post("/launches/new", &form).await.assert_redirect("/launches/2");
    desk.lead.get("/launches/2").await.assert_contains("of v1, which changes are measured from");
    let void = format!("/runs/{measured_from}/void");
    desk.lead.get(&void).await.assert_contains("Launch L-1 of").assert_contains("Launch L-2 of");
    let reason = [("reason", "the labels were shifted by a row")];
    desk.lead.post(&void, &reason).await.assert_status(303);
    let second = server.app.store.launch(2).await.unwrap().unwrap();
    assert_eq!(second.state, State::EvidenceVoid);
    desk.lead.post("/launches/2/request", &[]).await.assert_status(303);
    desk.lead
        .get("/launches/2")
        .await
        .assert_contains("no longer counts")
        .assert_contains("the launched version has no run on adult-half@1994");
});

each_db!(a_waiver_lifts_one_bound_until_it_expires_and_then_it_blocks_again, |server| {
    let desk = desk(&server).await;
    server.version("income", "v2").await;
    desk.model.run("v2", "adult_v4_hgb.csv", "adult-half@1994", "2026-10-02").await;
    let engineer = {
        let id = desk.model.engineer_id;
        let email = server.app.store.person(id).await.unwrap().unwrap().email;
        (server.log_in(&email).await, email)
    };
    let ask = |slice: &'static str, expires: &'static str| {
        let engineer = &engineer;
        async move {
            let form = [
                ("model", "income"),
                ("version", "v2"),
                ("rule", "equal-opportunity"),
                ("slice", slice),
                ("reason", "The next model is in work."),
                ("control", "Every refusal is read by a person."),
                ("owner", engineer.1.as_str()),
                ("expires", expires),
            ];
            engineer.0.post("/waivers/new", &form).await
        }
    };
    ask("sex=Female", "2026-10-31").await.assert_status(422).assert_contains("is over already");
    ask("sex=Female", "2028-01-01").await.assert_status(422).assert_contains("at most 180 days");
    ask("sex=Male", "2026-11-10").await.assert_status(422).assert_contains("cover nothing");
    let asked = ask("sex=Female", "2026-11-10").await;
    asked.assert_status(303);
    let path = asked.location().to_owned();
    let approve = [("decision", "approve"), ("reason", "The control is in place.")];
    // Whoever asks is no approver, even as a lead.
    let permit = Actor::operator().permit(Scope::Organisation).unwrap();
    let by = server::audit::By::OPERATOR;
    let mut tx = server.app.store.begin(&by, &server.app.clock).await.unwrap();
    let grant = Grant { role: Role::Lead, team: None };
    tx.grant_role(&permit, desk.model.engineer_id, grant).await.unwrap();
    tx.commit().await.unwrap();
    engineer.0.post(&path, &approve).await.assert_status(403);
    let verdict = async || {
        let path = "/api/v1/models/income/versions/v2/readiness";
        desk.model.engineer.get(path).await.json()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict().await, "fail", "asked for is not approved");
    desk.lead.post(&path, &approve).await.assert_status(303);
    assert_eq!(verdict().await, "pass");
    server.app.clock.advance(Duration::days(12));
    assert_eq!(verdict().await, "fail", "it has expired");
});

each_db!(a_decision_replays_to_the_same_digest, |server| {
    let desk = desk(&server).await;
    desk.request().await;
    let launch = server.app.store.launch(1).await.unwrap().unwrap();
    let revision = server.app.store.revisions(launch.id).await.unwrap().remove(0);
    let content: Content = serde_json::from_str(&revision.content).unwrap();
    let text = canonical(&serde_json::to_value(&content).unwrap());
    assert_eq!(format!("sha256:{}", sha256_hex(&text)), revision.digest);
    let actor = Actor::operator();
    let (_, model, version) =
        server::actions::launches::find(&server.app, &actor, "1").await.unwrap();
    let now = server::actions::launches::cover(&server.app, &model, &version).await.unwrap();
    assert_eq!(now.digest, revision.digest);
    let readiness = serde_json::to_value(&now.report.readiness).unwrap().to_string();
    assert_eq!(readiness, revision.readiness, "to the last digit");
});

#[tokio::test]
async fn every_decision_of_the_demo_replays_to_what_was_signed() {
    let server = TestServer::demo().await;
    let store = &server.app.store;
    let mut replayed = 0;
    for launch in store.launches().await.unwrap() {
        for revision in store.revisions(launch.id).await.unwrap() {
            let again = replay(store, &launch, &revision).await.unwrap();
            let name = format!("L-{} revision {}", launch.number, revision.number);
            assert_eq!(again.digest, revision.digest, "{name}");
            let readiness = serde_json::to_value(&again.readiness).unwrap().to_string();
            assert_eq!(readiness, revision.readiness, "{name}");
            replayed += 1;
        }
    }
    assert!(replayed >= 4, "the demo tells of {replayed} only");
    // A count that somebody changes behind the log's back is found.
    let Store::Sqlite { write, .. } = store else { panic!("the demo is on SQLite") };
    let sql = "update estimate set numerator = numerator - 1 where metric = 'true_positive_rate'";
    sqlx::query(sql).execute(write).await.unwrap();
    let tally = replay_all(store).await.unwrap();
    assert_eq!(tally.same, 0, "{tally:?}");
    assert!(!tally.differ.is_empty(), "{tally:?}");
}
