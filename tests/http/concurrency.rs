//! Many people at one desk at once: whatever comes first, it ends as if one had acted after the
//! other, in the order that the audit log tells.

use crate::desk::{self, POLICY, write};
use app::domain::launch::{Decision, State, Step};
use app::domain::{Function, Grant, Role};
use serde_json::Value;
use server::actions::replay::replay;
use server::audit::check::{self, Witnesses};
use server::audit::verify::StoredEntry;
use server::error::Error;
use server::store::launches::Launch;
use std::collections::{BTreeMap, BTreeSet};
use tests::{Answer, Client, Model, PASSWORD, TEAM, TestServer, at_once, each_db};

/// True positives among women and men of the mitigated version and of the first, as they were
/// counted in the real predictions: only the first needs a waiver.
const COUNTS: [(&str, u64, u64); 2] = [("v1", 506, 2770), ("v2", 207, 1307)];

/// Everybody at the desk, each their own person.
struct Desk {
    model: Model,
    /// Asks for launches and launches.
    lead: Client,
    /// Edits policies and voids runs.
    head: Client,
    /// Approves and ends waivers.
    approver: Client,
    /// Asks for waivers.
    asker: Client,
    asker_email: String,
    reviewers: [Client; 2],
    counsel: Client,
}

async fn reviewer(server: &TestServer, function: Function) -> Client {
    desk::reviewer(server, &[function]).await.1
}

async fn desk(server: &TestServer) -> Desk {
    let model = server.model("income").await;
    server.version("income", "v2").await;
    let head = server.signed_in(Role::Lead).await;
    write(&head, POLICY).await;
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    let grant = Grant { role: Role::Engineer, team: Some(server.team(TEAM).await) };
    let (_, asker_email) = server.somebody(Some(grant)).await;
    let desk = Desk {
        lead,
        head,
        approver: server.signed_in(Role::Lead).await,
        asker: server.log_in(&asker_email).await,
        asker_email,
        reviewers: [
            reviewer(server, Function::ResponsibleAi).await,
            reviewer(server, Function::ResponsibleAi).await,
        ],
        counsel: reviewer(server, Function::LegalPrivacy).await,
        model,
    };
    for version in ["v1", "v2"] {
        desk.upload(version, 0).await.assert_status(201);
    }
    desk.lead.post("/models/income/groups/accept", &[("all", "true")]).await.assert_status(303);
    server.app.clock.advance(time::Duration::minutes(1));
    desk
}

impl Desk {
    /// The `k`th run of a version, later than those before it and a little more accurate.
    async fn upload(&self, version: &str, k: u64) -> Answer {
        let (_, women, men) = COUNTS.iter().find(|(known, ..)| *known == version).unwrap();
        let right = 13_500 + k;
        let rate = |hits: u64, of: u64| hits as f64 / of as f64;
        let csv = format!(
            "metric,value,n,numerator,denominator,sex\n\
             accuracy,{},16281,{right},16281,\n\
             true_positive_rate,{},610,{women},610,Female\n\
             true_positive_rate,{},3311,{men},3311,Male\n",
            rate(right, 16_281),
            rate(*women, 610),
            rate(*men, 3311),
        );
        let at = format!("2026-10-{:02}T{:02}:00:00Z", 1 + k / 24 % 30, k % 24);
        let query = format!("?dataset=adult-half%401994&evaluated_at={at}");
        self.model.results(version, &query, csv).await
    }

    async fn ask_launch(&self, version: &str) -> Answer {
        let form = [("model", "income"), ("version", version), ("summary", "To all customers.")];
        self.lead.post("/launches/new", &form).await
    }

    async fn ask_again(&self, launch: i64) -> Answer {
        self.lead.post(&format!("/launches/{launch}/request"), &[]).await
    }

    async fn ask_waiver(&self) -> Answer {
        let form = [
            ("model", "income"),
            ("version", "v2"),
            ("rule", "equal-opportunity"),
            ("slice", "sex=Female"),
            ("reason", "The next model is in work."),
            ("control", "Every refusal is read by a person."),
            ("owner", self.asker_email.as_str()),
            ("expires", "2026-11-30"),
        ];
        self.asker.post("/waivers/new", &form).await
    }

    async fn decide_waiver(&self, path: &str, decision: &str) -> Answer {
        let form = [("decision", decision), ("reason", "The control is what it should be.")];
        self.approver.post(path, &form).await
    }

    /// A waiver that is in force; its path.
    async fn waive(&self) -> String {
        let asked = self.ask_waiver().await;
        let path = asked.assert_status(303).location().to_owned();
        self.decide_waiver(&path, "approve").await.assert_status(303);
        path
    }

    async fn edit_policy(&self, server: &TestServer, k: u64) -> Answer {
        let newest = patiently(async || server.app.store.policies().await).await.remove(0);
        let source = POLICY.replace("0.79", &format!("0.7{}", k % 10));
        let version = newest.number.to_string();
        let form = [("source", source.as_str()), ("note", "on trial"), ("version", &version)];
        self.head.post("/policies/high-risk/edit", &form).await
    }

    async fn void_newest(&self, server: &TestServer, version: &str) -> Answer {
        let launch = newest(server, if version == "v1" { 1 } else { 2 }).await.0;
        let store = &server.app.store;
        let runs = patiently(async || store.evidence_runs(launch.version_id).await).await;
        let Some(run) = runs.first() else { return self.lead.get("/launches").await };
        let reason = [("reason", "the labels were shifted by a row")];
        self.head.post(&format!("/runs/{}/void", run.id), &reason).await
    }
}

/// Asks again where all connections to the database were in use for too long.
async fn patiently<T>(ask: impl AsyncFn() -> server::error::Result<T>) -> T {
    loop {
        match ask().await {
            Err(Error::Database(sqlx::Error::PoolTimedOut)) => {}
            answer => return answer.unwrap(),
        }
    }
}

/// A launch with the digest of its newest revision.
async fn newest(server: &TestServer, number: i64) -> (Launch, String) {
    let store = &server.app.store;
    let launch = patiently(async || store.launch(number).await).await.unwrap();
    let revisions = patiently(async || store.revisions(launch.id).await).await;
    let digest = revisions.first().map(|revision| revision.digest.clone()).unwrap_or_default();
    (launch, digest)
}

/// Signs what the page shows at this moment.
async fn sign(
    server: &TestServer,
    client: &Client,
    launch: i64,
    function: Function,
    decision: &str,
) -> Answer {
    let digest = newest(server, launch).await.1;
    let form = [
        ("function", function.as_str()),
        ("decision", decision),
        ("reason", "I looked at every rule."),
        ("digest", &digest),
        ("password", PASSWORD),
    ];
    client.post(&format!("/launches/{launch}/sign"), &form).await
}

/// What one of fifty does in a round; every tenth has the same part.
async fn act(server: &TestServer, desk: &Desk, actor: u64, round: u64) -> Answer {
    let (launch, version) = if (actor / 10).is_multiple_of(2) { (1, "v1") } else { (2, "v2") };
    let [first, second] = &desk.reviewers;
    match actor % 10 {
        0 => sign(server, first, launch, Function::ResponsibleAi, "approve").await,
        1 => sign(server, &desk.counsel, launch, Function::LegalPrivacy, "approve").await,
        2 => desk.ask_again(launch).await,
        3 => {
            let form = [("step", "launch")];
            desk.lead.post(&format!("/launches/{launch}/decide"), &form).await
        }
        4 => desk.upload(version, 1 + actor + round * 50).await,
        5 if actor < 30 => desk.void_newest(server, version).await,
        6 => desk.edit_policy(server, actor + round).await,
        7 => {
            let asked = desk.ask_waiver().await;
            match asked.status.as_u16() {
                303 => desk.decide_waiver(asked.location(), "approve").await,
                _ => asked,
            }
        }
        8 => {
            let waivers = patiently(async || server.app.store.waivers().await).await;
            let in_force = |it: &&server::store::waivers::Waiver| {
                it.approved_at.is_some() && it.revoked_at.is_none()
            };
            match waivers.iter().find(in_force) {
                Some(waiver) => {
                    desk.decide_waiver(&format!("/waivers/{}", waiver.id), "revoke").await
                }
                None => desk.approver.get("/waivers").await,
            }
        }
        9 => {
            let decision = if actor == 49 { "reject" } else { "approve" };
            sign(server, second, launch, Function::ResponsibleAi, decision).await
        }
        _ => desk.lead.get(&format!("/launches/{launch}")).await,
    }
}

each_db!(fifty_at_once_end_as_if_one_after_the_other, |server| {
    let desk = desk(&server).await;
    desk.waive().await;
    for version in ["v1", "v2"] {
        desk.ask_launch(version).await.assert_status(303);
    }
    let actors = (0..50).map(|actor| {
        let (server, desk) = (&server, &desk);
        async move {
            let mut answers = vec![];
            for round in 0..3 {
                answers.push(act(server, desk, actor, round).await);
            }
            answers
        }
    });
    // Who waits for ever is ended by the runner of the tests.
    for answer in at_once(actors).await.iter().flatten() {
        // On a slow machine somebody may be told that the server is busy.
        let is_answer = answer.status.as_u16() < 500 || answer.status.as_u16() == 503;
        assert!(is_answer, "{}", answer.text());
    }
    tells_one_story(&server).await;

    // Nothing is stuck: on evidence that stays, the same people launch.
    desk.upload("v1", 700).await.assert_status(201);
    let fresh = desk.ask_launch("v1").await;
    fresh.assert_redirect("/launches/3");
    sign(&server, &desk.reviewers[0], 3, Function::ResponsibleAi, "approve")
        .await
        .assert_status(303);
    sign(&server, &desk.counsel, 3, Function::LegalPrivacy, "approve").await.assert_status(303);
    desk.lead.post("/launches/3/decide", &[("step", "launch")]).await.assert_status(303);
    tells_one_story(&server).await;
});

each_db!(a_run_that_is_voided_while_a_launch_is_asked_for_carries_none, |server| {
    let desk = desk(&server).await;
    let mut ends = BTreeSet::new();
    for k in 1..=12 {
        desk.upload("v1", k).await.assert_status(201);
        let version = server.app.store.launches().await.unwrap();
        let number = i64::try_from(version.len()).unwrap() + 1;
        let model = server.app.store.model_by_slug("income").await.unwrap().unwrap();
        let v1 = server.app.store.version_by_label(model.id, "v1").await.unwrap().unwrap();
        let run = server.app.store.evidence_runs(v1.id).await.unwrap().remove(0);
        let void = async {
            // Later each time, so that it meets the request at every step that it takes.
            for _ in 0..k * 3 {
                tokio::task::yield_now().await;
            }
            let reason = [("reason", "the labels were shifted by a row")];
            desk.head.post(&format!("/runs/{}/void", run.id), &reason).await
        };
        let (asked, voided) = tokio::join!(desk.ask_launch("v1"), void);
        asked.assert_status(303);
        voided.assert_status(303);
        ends.insert(newest(&server, number).await.0.state.as_str());
    }
    assert!(ends.iter().all(|state| ["in_review", "evidence_void"].contains(state)), "{ends:?}");
    tells_one_story(&server).await;
});

each_db!(a_waiver_that_is_ended_while_a_launch_is_asked_for_or_signed_lifts_nothing, |server| {
    let desk = desk(&server).await;
    desk.waive().await;
    desk.ask_launch("v2").await.assert_redirect("/launches/1");
    let in_force = async || {
        let waivers = server.app.store.waivers().await.unwrap();
        waivers.iter().find(|it| it.revoked_at.is_none()).map(|it| format!("/waivers/{}", it.id))
    };
    sign(&server, &desk.counsel, 1, Function::LegalPrivacy, "approve").await.assert_status(303);
    let path = in_force().await.unwrap();
    let (_, ended) = tokio::join!(
        sign(&server, &desk.reviewers[0], 1, Function::ResponsibleAi, "approve"),
        desk.decide_waiver(&path, "revoke")
    );
    ended.assert_status(303);
    // Whichever was first, what rested on the waiver is not launched any more.
    desk.lead.post("/launches/1/decide", &[("step", "launch")]).await.assert_status(409);
    sign(&server, &desk.reviewers[1], 1, Function::ResponsibleAi, "approve")
        .await
        .assert_status(409);
    for _ in 0..6 {
        let path = desk.waive().await;
        let (_, ended) = tokio::join!(desk.ask_again(1), desk.decide_waiver(&path, "revoke"));
        ended.assert_status(303);
    }
    tells_one_story(&server).await;
});

each_db!(two_policies_written_at_once_never_both_hold, |server| {
    let head = server.signed_in(Role::Lead).await;
    let add = |slug: &'static str| {
        let head = &head;
        async move {
            let form = [("slug", slug), ("source", POLICY), ("note", "as agreed")];
            head.post("/policies/new", &form).await.status.as_u16()
        }
    };
    let mut answers = at_once(["one", "two", "three", "four"].map(add)).await;
    answers.sort_unstable();
    assert_eq!(answers, [303, 422, 422, 422]);
    assert_eq!(server.app.store.policies().await.unwrap().len(), 1);
});

/// How a launch stands at a point of the log.
#[derive(Debug)]
struct Told {
    state: State,
    revision: i64,
    runs: BTreeSet<String>,
    /// Who holds each slot of the newest revision, and whether they approve.
    held: BTreeMap<String, (String, bool)>,
}

/// Walks the log from its first entry and lets nothing happen that may not happen there; what it
/// ends in is what the tables hold.
async fn tells_one_story(server: &TestServer) {
    let store = &server.app.store;
    let witnesses = Witnesses { key: Some(server.app.key.public()), kept: vec![] };
    let report = check::database(&mut store.snapshot().await.unwrap(), &witnesses).await.unwrap();
    assert!(report.breach.is_none(), "{report:?}");

    let (mut launches, mut revisions) = (BTreeMap::new(), BTreeMap::new());
    for launch in store.launches().await.unwrap() {
        let all = store.revisions(launch.id).await.unwrap();
        let numbers: Vec<i64> = all.iter().rev().map(|revision| revision.number).collect();
        assert_eq!(numbers, (1..=launch.revision).collect::<Vec<_>>(), "no gap, none twice");
        for revision in all {
            // What it covers is what the log had accepted and not taken back at that point.
            let again = replay(store, &launch, &revision).await.unwrap();
            assert!(again.is(&revision).unwrap(), "L-{}.{}", launch.number, revision.number);
            let makers = store.makers(revision.id).await.unwrap();
            let makers: BTreeSet<_> = makers.iter().map(|it| it.person_id.to_string()).collect();
            let slots = store.slots(revision.id).await.unwrap();
            let content = server::actions::launches::content_of(&revision).unwrap();
            revisions.insert(
                revision.id.to_string(),
                (launch.id.to_string(), revision.number, makers, slots, content),
            );
        }
        launches.insert(launch.id.to_string(), launch);
    }

    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    let (mut voided, mut revoked) = (BTreeSet::new(), BTreeSet::new());
    let mut policy = 0;
    let log = store.audit_entries(0, 1_000_000).await.unwrap();
    for entry in &log {
        let (id, after) = (entry.object_id.clone(), detail(entry, "after"));
        let content_at = |launch: &str, number: i64| {
            let of = |it: &&(String, i64, _, _, app::domain::launch::Content)| {
                it.0 == launch && it.1 == number
            };
            revisions.values().find(of).unwrap()
        };
        match entry.action.as_str() {
            "policy.saved" => policy += 1,
            "run.voided" => drop(voided.insert(id)),
            "waiver.revoked" => drop(revoked.insert(id)),
            "launch.drafted" => {
                let (runs, held) = (BTreeSet::new(), BTreeMap::new());
                let new = Told { state: State::Draft, revision: 0, runs, held };
                assert!(told.insert(id, new).is_none());
            }
            "launch.requested" => {
                let launch = told.get_mut(&id).unwrap();
                launch.state = launch.state.after(Step::Request).expect("it may be asked for");
                launch.revision += 1;
                launch.held.clear();
                launch.runs = strings(&after["runs"]);
                assert_eq!(after["revision"], launch.revision);
                assert!(launch.runs.is_disjoint(&voided), "it rests on a run that was voided");
                let content = &content_at(&id, launch.revision).4;
                assert_eq!(content.policy.as_ref().unwrap().version, policy, "the newest policy");
                assert!(content.waivers.iter().all(|waiver| !revoked.contains(&waiver.id)));
            }
            "sign_off.given" => {
                let (launch, number, makers, _, content) =
                    &revisions[after["revision"].as_str().unwrap()];
                let launch = told.get_mut(launch).unwrap();
                assert_eq!(launch.revision, *number, "only the newest revision is signed");
                assert!(matches!(launch.state, State::InReview | State::Approved));
                let person = entry.actor_id.clone().unwrap();
                assert!(!makers.contains(&person), "nobody judges what they made");
                let approves = after["decision"] == Decision::Approve.as_str();
                if approves {
                    assert!(launch.runs.is_disjoint(&voided));
                    assert!(content.waivers.iter().all(|waiver| !revoked.contains(&waiver.id)));
                }
                let slot = after["slot"].as_str().unwrap().to_owned();
                for (other, (holder, _)) in &launch.held {
                    assert_eq!(*other == slot, *holder == person, "one person, one slot");
                }
                launch.held.insert(slot, (person, approves));
            }
            "launch.moved" => {
                let launch = told.get_mut(&id).unwrap();
                assert_eq!(detail(entry, "before")["state"], launch.state.as_str());
                let to: State = after["state"].as_str().unwrap().parse().unwrap();
                let leads = |step: &&Step| launch.state.after(**step) == Some(to);
                assert!(Step::ALL.iter().any(|step| leads(&step)), "{launch:?} to {to}");
                if matches!(to, State::Approved | State::Launched) {
                    let (.., slots, content) = content_at(&id, launch.revision);
                    assert_eq!(launch.held.len(), slots.len());
                    assert!(launch.held.values().all(|(_, approves)| *approves));
                    assert!(launch.runs.is_disjoint(&voided));
                    if to == State::Launched {
                        assert!(content.waivers.iter().all(|it| !revoked.contains(&it.id)));
                    }
                }
                launch.state = to;
            }
            _ => {}
        }
    }
    assert_eq!(told.len(), launches.len());
    for (id, launch) in &launches {
        let told = &told[id];
        assert_eq!((launch.state, launch.revision), (told.state, told.revision));
        let counts = matches!(
            launch.state,
            State::InReview | State::Approved | State::Launched | State::Suspended
        );
        assert!(!counts || told.runs.is_disjoint(&voided), "L-{} was not told", launch.number);
        let held = store.sign_offs(launch.id).await.unwrap();
        let held: BTreeMap<_, _> = held
            .iter()
            .filter(|line| line.holds && line.revision == launch.revision)
            .map(|line| {
                let approves = line.decision == Decision::Approve.as_str();
                (line.slot.clone(), (line.person_id.to_string(), approves))
            })
            .collect();
        assert_eq!(held, told.held, "L-{}", launch.number);
    }
}

fn detail(entry: &StoredEntry, side: &str) -> Value {
    let Some((_, detail)) = &entry.detail else { return Value::Null };
    serde_json::from_str::<Value>(detail).unwrap()[side].clone()
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}
