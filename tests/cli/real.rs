//! The client's commands against the server of the same build, each a process of its own.

use crate::{Ended, evenhand, file, fixture};
use app::domain::register::ModelInput;
use app::domain::token::TokenScope;
use app::domain::{Grant, Role};
use serde_json::Value;
use server::App;
use server::auth::Actor;
use server::auth::actor::Through;
use server::auth::password::Cost;
use server::clock::Clock;
use server::config::Config;
use server::store::Store;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use tests::{Database, TestServer, fresh, policy};

const SPEC: &str = r#"{"task": "binary_classification", "label": "label", "score": "score",
    "prediction": "prediction", "slices": ["sex", "race"]}"#;
const RULES: &str = r#"[[rule]]
id = "accuracy"
metric = "accuracy"
slices = [""]
min = 0.85
"#;
const DATASET: [&str; 2] = ["--dataset", "adult-half@1994"];

/// A server process with a model `income` on it, and a token of an engineer of its team.
struct Served {
    child: Child,
    url: String,
    token: String,
    /// Kept open: what the server prints later must have somewhere to go.
    out: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
    database: String,
}

impl Served {
    async fn start() -> Self {
        Self::start_told("").await
    }

    /// With a configuration file that says this.
    async fn start_told(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = fresh(Database::Sqlite, folder.path()).await;
        let token = fill(&database, &folder.path().join("audit-key")).await;
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        let (child, out, url) = Self::spawn(folder.path(), &database);
        Self { child, url, token, out, folder, database }
    }

    /// Kills the server in the middle of whatever it does, and starts it again.
    fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.out, self.url) = Self::spawn(self.folder.path(), &self.database);
    }

    fn spawn(folder: &Path, database: &str) -> (Child, BufReader<ChildStdout>, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_evenhand"))
            .args(["serve", "--listen", "127.0.0.1:0", "--database", database])
            .arg("--audit-key")
            .arg(folder.join("audit-key"))
            .arg("--config")
            .arg(folder.join("config.toml"))
            .env_clear()
            .env("EVENHAND_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("its first line").to_owned();
        (child, out, url)
    }

    fn send(&self, command: &str, file: &str, version: &str, more: &[&str]) -> Ended {
        let env = [("EVENHAND_SERVER", self.url.as_str()), ("EVENHAND_TOKEN", &self.token)];
        let args = [command, file, "--model", "income", "--model-version", version];
        evenhand(&env, &[&args, more].concat())
    }

    fn gate(&self, version: &str, more: &[&str]) -> Ended {
        let env = [("EVENHAND_SERVER", self.url.as_str()), ("EVENHAND_TOKEN", &self.token)];
        let args = ["gate", "--model", "income", "--model-version", version];
        evenhand(&env, &[&args, more].concat())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Fills a database before its server starts, at the machine's time, because the token must be
/// good in that process too.
async fn fill(database: &str, audit_key: &std::path::Path) -> String {
    let config = Config {
        audit_key: audit_key.to_owned(),
        database: database.to_owned(),
        // The real cost would be most of the test's time.
        password_cost: Cost { memory_kib: 8, passes: 1 },
        ..Config::default()
    };
    let store = Store::open(database).await.unwrap();
    let app = App::open(store, Clock::System, config).await.unwrap();
    let router = server::http::router(&app);
    let server = TestServer { app, router, folder: tempfile::tempdir().unwrap() };
    let team = server.team("credit").await;
    let grant = Grant { role: Role::Engineer, team: Some(team) };
    let (person, _) = server.somebody(Some(grant)).await;
    let operator = Actor::operator();
    assert!(matches!(operator.through, Through::Operator));
    let model = ModelInput {
        slug: "income".to_owned(),
        name: "Income".to_owned(),
        team: "credit".to_owned(),
        task: "binary_classification".to_owned(),
        risk_tier: "high".to_owned(),
        ..ModelInput::default()
    };
    server::actions::register_model::register(&server.app, &operator, &model).await.unwrap();
    server.version("income", "no-runs").await;
    let head = server.signed_in(Role::Lead).await;
    let source = policy(RULES);
    let policy = [("slug", "high-risk"), ("team", ""), ("source", &source), ("note", "as agreed")];
    head.post("/policies/new", &policy).await.assert_status(303);
    let scopes = [TokenScope::Read, TokenScope::ModelsWrite, TokenScope::RunsWrite];
    server.token_of(person, &scopes, Some(team)).await
}

fn adult() -> String {
    fixture("predictions/adult_v4_hgb.csv")
}

#[tokio::test]
async fn predictions_become_one_run_however_often_they_are_sent() {
    let served = Served::start().await;
    let with_spec = [&["--spec", SPEC], &DATASET[..]].concat();
    let unknown = served.send("upload", &adult(), "4.0", &with_spec);
    unknown.assert_code(1).assert_err("4.0").assert_err("--create-version");

    let creating = [&with_spec[..], &["--create-version"]].concat();
    let valid = served.send("validate", &adult(), "4.0", &creating);
    valid.assert_code(0).assert_out("would be accepted").assert_out("once the version is there");
    let first = served.send("upload", &adult(), "4.0", &creating);
    first
        .assert_code(0)
        .assert_out(": uploaded\n")
        .assert_out(&format!("{}/runs/", served.url))
        .assert_out("16,281 read, 16,281 used")
        .assert_out("sex: Female (5,413), Male (10,868)");

    let second = served.send("upload", &adult(), "4.0", &with_spec);
    second.assert_code(0).assert_out("already uploaded: same run");
    let run = |ended: &Ended| {
        let line = ended.out.lines().find(|line| line.trim_start().starts_with("run ")).unwrap();
        line.to_owned()
    };
    assert_eq!(run(&first), run(&second));
}

#[tokio::test]
async fn a_large_upload_that_was_acknowledged_survives_a_kill_and_is_waited_for() {
    let mut served = Served::start_told("answered_at_once = 1000\n").await;
    let how = [&["--spec", SPEC, "--create-version"], &DATASET[..]].concat();
    let sent = served.send("upload", &adult(), "4.0", &[&how[..], &["--no-wait"]].concat());
    sent.assert_code(0).assert_out("the server is still reading it").assert_out("/api/v1/uploads/");
    served.kill_and_start_again();
    // Nothing but the file on the disk knows of it now.
    served.gate("4.0", &["--wait"]).assert_out("waited for");
    let again = served.send("upload", &adult(), "4.0", &how);
    again.assert_code(0).assert_out("already uploaded: same run").assert_out("16,281 used");
    let left = std::fs::read_dir(served.folder.path().join("audit-key.uploads")).unwrap();
    assert_eq!(left.count(), 0, "a settled upload leaves no file");

    let waited = served.send("upload", &adult(), "4.1", &how);
    waited.assert_code(0).assert_out(": uploaded\n").assert_out("sex: Female (5,413)");
    let folder = tempfile::tempdir().unwrap();
    let broken = crate::text(&folder.path().join("broken.csv"));
    let rows = "1,0.5,1,Female,White\n".repeat(100);
    let text = format!("label,score,prediction,sex,race\n{rows}2,0.5,1,Male,White\n");
    std::fs::write(&broken, text).unwrap();
    let refused = served.send("upload", &broken, "4.1", &how);
    refused.assert_code(1).assert_err("line 102").assert_err("label");
}

#[tokio::test]
async fn a_run_that_was_evaluated_here_is_the_run_that_the_server_keeps() {
    let served = Served::start().await;
    let folder = tempfile::tempdir().unwrap();
    let out = crate::text(&folder.path().join("run.json"));
    let adult = adult();
    let args = ["evaluate", &adult, "--spec", SPEC, "--out", &out];
    let when = ["--evaluated-at", "2026-06-01"];
    evenhand(&[], &[&args[..], &DATASET, &when].concat()).assert_code(0);

    let sent = served.send("upload", &out, "4.0", &["--create-version", "--json"]);
    let run: Value = serde_json::from_str(&sent.assert_code(0).out).unwrap();
    assert_eq!(run["dataset"]["name"], "adult-half");
    assert_eq!(run["evaluated_at"].as_str().map(|at| &at[..10]), Some("2026-06-01"));
    assert_eq!(run["new"], true);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_comes_back_with_its_place() {
    let served = Served::start().await;
    let folder = tempfile::tempdir().unwrap();
    let rows = "label,score,prediction,sex,race\n1,0.5,1,Female,White\n2,0.5,1,Male,White\n\
                1,nan,1,Male,White\n";
    let bad = file(folder.path(), "bad.csv", rows);
    let more = [&["--spec", SPEC, "--create-version"], &DATASET[..]].concat();
    for command in ["validate", "upload"] {
        let ended = served.send(command, &bad, "4.0", &more);
        ended.assert_code(1).assert_err("line 3, column label").assert_err("line 4, column score");
    }
}

#[tokio::test]
async fn a_token_that_was_never_made_is_refused_in_words() {
    let mut served = Served::start().await;
    served.token = "eh_never_made".to_owned();
    let more = [&["--spec", SPEC, "--create-version"], &DATASET[..]].concat();
    let ended = served.send("upload", &adult(), "4.0", &more);
    ended.assert_code(3).assert_err("The token was not accepted");
}

#[tokio::test]
async fn a_build_stops_unless_the_evidence_passes_the_policy() {
    let mut served = Served::start().await;
    let more = [&["--spec", SPEC, "--create-version"], &DATASET[..]].concat();
    served.send("upload", &adult(), "4.0", &more).assert_code(0);
    let mitigated = fixture("predictions/adult_v7_eqodds_thropt.csv");
    served.send("upload", &mitigated, "4.1", &more).assert_code(0);
    let folder = tempfile::tempdir().unwrap();
    let file = crate::text(&folder.path().join("summary.md"));

    served
        .gate("4.0", &["--wait", "--summary", &file])
        .assert_code(0)
        .assert_out("income 4.0: pass")
        .assert_out("accuracy overall is at least 0.85")
        .assert_out("passes: Overall: 0.8");
    let fails = served.gate("4.1", &["--summary", &file]);
    fails.assert_code(1).assert_out("fails: Overall").assert_err("may not launch: fail");
    served
        .gate("no-runs", &["--summary", &file])
        .assert_code(2)
        .assert_out("the version has no run");
    let json: Value = serde_json::from_str(&served.gate("4.1", &["--json"]).out).unwrap();
    assert_eq!(json["rules"][0]["parts"][0]["slice"], serde_json::json!({}));

    let summary = std::fs::read_to_string(&file).unwrap();
    let headings: Vec<&str> = summary.lines().filter(|line| line.starts_with("## ")).collect();
    let expected = [
        "## ✓ income 4.0: pass",
        "## ✗ income 4.1: fail",
        "## ? income no-runs: not enough evidence",
    ];
    assert_eq!(headings, expected);
    assert!(summary.contains("| ✓ pass | Overall\\: 0.8"), "{summary}");
    assert!(summary.contains("n = 16,281 | at least 0.85 |"), "{summary}");

    served.gate("9.9", &[]).assert_code(3).assert_err("Check --model and --model-version");
    served.gate("no-run", &[]).assert_code(3).assert_err("did you mean no-runs?");
    served.token = "eh_never_made".to_owned();
    served.gate("4.0", &[]).assert_code(3).assert_err("The token was not accepted");
}
