//! `evenhand upload` and `evenhand validate` against a server that does what a bad day does.

use crate::stub::{Reply, Stub};
use crate::{Ended, evenhand, file, fixture};
use serde_json::{Value, json};
use std::net::TcpListener;

const TOKEN: &str = "eh_0123456789abcdef";
const RUN: &str = "0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";

fn adult() -> String {
    fixture("predictions/adult_v4_hgb.csv")
}

/// Runs a command on a file for a version of a model.
fn send(command: &str, server: &str, file: &str, more: &[&str]) -> Ended {
    let env = [("EVENHAND_SERVER", server), ("EVENHAND_TOKEN", TOKEN)];
    let args = [command, file, "--model", "income", "--model-version", "4.0"];
    evenhand(&env, &[&args, more].concat())
}

fn stored(new: bool) -> Reply {
    let body = json!({
        "id": RUN, "url": format!("/runs/{RUN}"), "digest": "sha256:ab12", "model": "income",
        "version": "4.0", "dataset": {"name": "adult-half", "version": "1994"},
        "format": "csv", "evaluated_at": "2026-06-01T00:00:00Z",
        "received_at": "2026-06-02T00:00:00Z", "new": new,
        "receipt": {
            "rows_read": 16281, "rows_used": 16280, "columns_ignored": ["id"],
            "dropped": [{"reason": "an attribute is empty", "rows": 1}],
            "attributes": [{"name": "sex", "groups": [{"name": "Female", "rows": 5413}]}],
        },
        "unconfirmed": [
            {"attribute": "race", "group": "Blak", "nearest": "Black"},
            {"attribute": "tone", "group": "dark", "nearest": null, "replaced_by": ["8", "9"]},
        ],
        "something_new": {"in": "a later version"},
    });
    let status = if new { 201 } else { 200 };
    Reply::Answer { status, headers: "", body: body.to_string() }
}

fn says(status: u16, headers: &'static str, body: &Value) -> Reply {
    Reply::Answer { status, headers, body: body.to_string() }
}

fn busy() -> Reply {
    says(503, "retry-after: 0\r\n", &json!({"title": "Busy", "status": 503}))
}

const SPEC: &str = r#"{"task": "binary_classification", "label": "label",
    "prediction": "prediction", "slices": ["sex"]}"#;

#[test]
fn predictions_arrive_whole_with_their_spec_and_everything_that_was_said() {
    let stub = Stub::new([stored(true)]);
    let more = [
        "--spec",
        SPEC,
        "--dataset",
        "adult-half@1994",
        "--evaluated-at",
        "2026-06-01",
        "--create-version",
        "--on-behalf",
        "ann@example.org",
    ];
    let ended = send("upload", &stub.url, &adult(), &more);
    ended
        .assert_code(0)
        .assert_out("uploaded")
        .assert_out(RUN)
        .assert_out(&format!("{}/runs/{RUN}", stub.url))
        .assert_out("sha256:ab12")
        .assert_out("16,281 read, 16,280 used")
        .assert_out("1 row: an attribute is empty")
        .assert_out("sex: Female (5,413)")
        .assert_out("1 group not confirmed yet")
        .assert_out("race=Blak  (near: Black)")
        .assert_out("1 group replaced by others; evaluate again with those:\n  tone=dark  (8, 9)");
    assert_eq!(ended.err, "", "no progress in a pipe");
    let asked = &stub.asked()[0];
    assert!(asked.line.starts_with("POST "), "{}", asked.line);
    assert_eq!(asked.path(), "/api/v1/models/income/versions/4.0/predictions");
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(asked.body, std::fs::read(adult()).unwrap());
    let spec: Value = serde_json::from_str(&asked.query("spec").unwrap()).unwrap();
    assert_eq!((&spec["label"], &spec["slices"]), (&json!("label"), &json!(["sex"])));
    for (name, value) in [
        ("dataset", Some("adult-half@1994")),
        ("evaluated_at", Some("2026-06-01T00:00:00Z")),
        ("create_version", Some("true")),
        ("on_behalf", Some("ann@example.org")),
        ("dry_run", None),
        ("format", None),
    ] {
        assert_eq!(asked.query(name).as_deref(), value, "{name}");
    }
}

#[test]
fn the_same_upload_again_is_told_to_be_the_same_run() {
    let stub = Stub::new([stored(false)]);
    let ended = send("upload", &stub.url, &adult(), &["--format", "long-csv"]);
    ended.assert_code(0).assert_out("already uploaded: same run").assert_out(RUN);
    let asked = &stub.asked()[0];
    assert_eq!(asked.path(), "/api/v1/models/income/versions/4.0/runs");
    assert_eq!(asked.query("format").as_deref(), Some("long-csv"));
}

#[test]
fn a_script_gets_the_servers_json_and_nothing_else() {
    let stub = Stub::new([stored(true)]);
    let ended = send("upload", &stub.url, &adult(), &["--json"]);
    let answer: Value = serde_json::from_str(&ended.assert_code(0).out).unwrap();
    assert_eq!(answer["id"], RUN);
}

#[test]
fn a_busy_server_and_a_broken_connection_are_tried_again_with_one_key() {
    let stub =
        Stub::new([busy(), Reply::BreakWhileReading, Reply::BreakWhileAnswering, stored(true)]);
    let ended = send("upload", &stub.url, &adult(), &[]);
    ended.assert_code(0).assert_out(RUN).assert_err("503").assert_err("(4 of 5)");
    let asked = stub.asked();
    assert_eq!(asked.len(), 4);
    let keys: Vec<_> = asked.iter().map(|asked| asked.header("idempotency-key")).collect();
    assert!(keys[0].is_some_and(|key| key.len() >= 32), "{keys:?}");
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(asked[3].body, std::fs::read(adult()).unwrap(), "the last try sends all of it");
}

#[test]
fn after_five_tries_the_server_was_asked_enough() {
    let stub = Stub::new(std::iter::repeat_n(busy(), 6));
    let ended = send("upload", &stub.url, &adult(), &[]);
    ended.assert_code(3).assert_err("Busy");
    assert_eq!(stub.asked().len(), 5);
}

#[test]
fn two_invocations_have_two_keys() {
    let stub = Stub::new([stored(true), stored(false)]);
    send("upload", &stub.url, &adult(), &[]).assert_code(0);
    send("upload", &stub.url, &adult(), &[]).assert_code(0);
    let asked = stub.asked();
    assert_ne!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
}

#[test]
fn a_server_that_wants_to_be_left_alone_for_an_hour_is() {
    let reply = says(429, "retry-after: 3600\r\n", &json!({"title": "Too many"}));
    let stub = Stub::new([reply, stored(true)]);
    let ended = send("upload", &stub.url, &adult(), &[]);
    ended.assert_code(3).assert_err("429").assert_err("3600 s");
    assert_eq!(stub.asked().len(), 1);
}

#[test]
fn every_problem_that_the_server_finds_is_printed_with_its_place() {
    let body = json!({
        "title": "Cannot be accepted", "status": 422, "detail": "2 problems in the input",
        "errors": [
            {"pointer": "/estimates/3/value", "code": "out_of_range", "message": "2 is no rate",
             "expected": "0..1"},
            {"line": 7, "column": "sco\u{1b}[2Jre", "code": "bad", "message": "`x` is no number"},
        ],
    });
    let stub = Stub::new([says(422, "", &body), says(422, "", &body)]);
    let ended = send("validate", &stub.url, &adult(), &[]);
    ended
        .assert_code(1)
        .assert_err("2 problems\n  /estimates/3/value: 2 is no rate (expected 0..1)\n")
        .assert_err("line 7, column sco\\u{1b}[2Jre: `x` is no number");
    let json = send("validate", &stub.url, &adult(), &["--json"]);
    let answer: Value = serde_json::from_str(&json.assert_code(1).out).unwrap();
    assert_eq!(answer["errors"][1]["line"], 7);
    assert_eq!(stub.asked().len(), 2, "a no is not asked for again");
}

#[test]
fn a_dry_run_says_what_would_be_accepted() {
    let body = json!({
        "dry_run": true, "digest": "sha256:cd34", "format": "run-json",
        "receipt": {"estimates": 1200, "slices": 12, "attributes": {"sex": ["Female", "Male"]}},
        "unconfirmed": [{"attribute": "sex", "group": "Femal", "nearest": "Female"}],
        "existing": format!("/runs/{RUN}"),
        "against": {
            "run": format!("/runs/{RUN}"), "version": "3.0", "looked_at": 340,
            "slices": {"new": [{"sex": "Femal"}], "gone": []},
            "metrics": {"new": [], "gone": ["f1"]},
            "moved": [
                {"metric": "accuracy", "slice": {"sex": "Male"}, "before": {"value": 0.9, "n": 100},
                 "after": {"value": 0.7, "n": 100}, "change": -0.2,
                 "interval": {"low": -0.3, "high": -0.1, "level": 0.95, "method": "newcombe"},
                 "worse": true},
                {"metric": "selection_rate", "slice": {}, "before": {"value": 0.5, "n": null},
                 "after": {"value": 0.7, "n": 100}, "change": 0.2,
                 "interval": {"low": 0.1, "high": 0.3, "level": 0.95, "method": "newcombe"},
                 "worse": null},
            ],
        },
    });
    let stub = Stub::new([says(200, "", &body)]);
    let ended = send("validate", &stub.url, &adult(), &[]);
    ended
        .assert_code(0)
        .assert_out("would be accepted")
        .assert_out(&format!("against       {}/runs/{RUN} of 3.0", stub.url))
        .assert_out("gone metrics  f1")
        .assert_out("2 of 340 series move beyond chance, 1 for the worse\n  accuracy        Male")
        .assert_out("worse\n")
        .assert_out("sha256:cd34")
        .assert_out("1,200 estimates on 12 slices")
        .assert_out("sex: Female, Male")
        .assert_out(&format!("{}/runs/{RUN}", stub.url))
        .assert_out("sex=Femal  (near: Female)");
    assert_eq!(stub.asked()[0].query("dry_run").as_deref(), Some("true"));
}

#[test]
fn a_token_that_is_not_accepted_is_heard_even_while_a_large_file_is_being_sent() {
    let folder = tempfile::tempdir().unwrap();
    let large = file(folder.path(), "large.csv", vec![b'x'; 64 << 20]);
    let body = json!({"title": "Sign in first", "status": 401, "detail": "sign in first"});
    let stub = Stub::new([Reply::AtOnce { status: 401, body: body.to_string() }]);
    let ended = send("upload", &stub.url, &large, &[]);
    ended.assert_code(3).assert_err("The token was not accepted");
    let body = json!({"title": "Not allowed", "detail": "you may not upload here"});
    let stub = Stub::new([says(403, "", &body)]);
    let ended = send("upload", &stub.url, &adult(), &[]);
    ended.assert_code(3).assert_err("you may not upload here");
}

#[test]
fn an_unknown_version_is_a_no_with_the_way_out() {
    let body = json!({"title": "Not found", "detail": "income has no version 4.0"});
    let stub = Stub::new([says(404, "", &body)]);
    let ended = send("upload", &stub.url, &adult(), &[]);
    ended.assert_code(1).assert_err("income has no version 4.0").assert_err("--create-version");
}

#[test]
fn where_no_server_listens_the_address_is_named_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let ended = send("upload", &url, &adult(), &[]);
    ended.assert_code(3).assert_err(&url).assert_err("--server or EVENHAND_SERVER");
    assert!(!ended.err.contains("trying again"), "{ended:#?}");
}

#[test]
fn what_is_no_evenhand_server_is_not_believed() {
    let page = |status| Reply::Answer { status, headers: "", body: "<html>Hello".to_owned() };
    for status in [200, 404, 418] {
        let stub = Stub::new([page(status)]);
        let ended = send("upload", &stub.url, &adult(), &[]);
        ended.assert_code(3).assert_err("perhaps no Evenhand server");
    }
    let elsewhere = "location: https://evenhand.example.org/\r\n";
    let stub = Stub::new([Reply::Answer { status: 308, headers: elsewhere, body: String::new() }]);
    let ended = send("upload", &stub.url, &adult(), &[]);
    ended.assert_code(3).assert_err("sends us to https://evenhand.example.org/");
}

#[test]
fn without_a_token_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::new([stored(true)]);
    let adult = adult();
    let args = ["upload", adult.as_str(), "--model", "income", "--model-version", "4.0"];
    let server = ("EVENHAND_SERVER", stub.url.as_str());
    evenhand(&[server], &args).assert_code(2).assert_err("no API token in EVENHAND_TOKEN");
    let wrong = ("EVENHAND_TOKEN", "ghp_1234");
    let ended = evenhand(&[server, wrong], &args);
    assert!(!ended.assert_code(2).assert_err("begins with eh_").err.contains("ghp_1234"));
    let far = ("EVENHAND_SERVER", "http://evenhand.example.org");
    let token = ("EVENHAND_TOKEN", TOKEN);
    evenhand(&[far, token], &args).assert_code(2).assert_err("--insecure-http");
    assert!(stub.asked().is_empty());
    let token = file(folder.path(), "token", format!("{TOKEN}\n"));
    evenhand(&[server], &[&args[..], &["--token-file", &token]].concat()).assert_code(0);
    assert_eq!(stub.asked()[0].header("authorization").map(str::len), Some(26));
}

#[test]
fn a_mistake_on_the_command_line_is_found_before_the_server_is_asked() {
    let stub = Stub::new([stored(true)]);
    let upload = |file: &str, more: &[&str]| send("upload", &stub.url, file, more);
    let adult = adult();
    upload(&adult, &["--spec", SPEC]).assert_code(2).assert_err("--dataset NAME@VERSION");
    upload(&adult, &["--dataset", "adult"]).assert_code(2).assert_err("such as adult-half@1994");
    upload(&adult, &["--evaluated-at", "soon"]).assert_code(2).assert_err("RFC 3339");
    upload(&adult, &["--format", "xlsx"]).assert_code(2).assert_err("run-json");
    upload("nowhere.csv", &[]).assert_code(1).assert_err("nowhere.csv: No such file");
    upload("/dev/null", &[]).assert_code(1).assert_err("is not a regular file");
    let spec = r#"{"task": "binary_classification", "label": "y", "scores": "p"}"#;
    let ended = upload(&adult, &["--spec", spec, "--dataset", "a@1"]);
    ended.assert_code(1).assert_err("has no `scores` (expected `score`)");
    assert!(stub.asked().is_empty());
}
