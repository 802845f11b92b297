//! `evenhand gate`: an exit code to stop a build on, a table to read, a summary to post.

use crate::stub::{Reply, Stub};
use crate::{Ended, evenhand, text};
use serde_json::{Value, json};
use std::net::TcpListener;

const TOKEN: &str = "eh_0123456789abcdef";

fn gate(server: &str, more: &[&str]) -> Ended {
    let env = [("EVENHAND_SERVER", server), ("EVENHAND_TOKEN", TOKEN)];
    let args = ["gate", "--model", "income", "--model-version", "4.0"];
    evenhand(&env, &[&args, more].concat())
}

fn rule(id: &str, verdict: &str) -> Value {
    json!({
        "rule": id, "name": format!("Rule {id}"), "metric": "true_positive_rate",
        "requirement": "the gap in true positive rate by sex to the best group is at most 0.05",
        "mode": "block", "burden": "safety",
        "bound": {"min": null, "max": 0.05, "words": "at most 0.05"},
        "applies": true, "verdict": verdict, "waived": false,
        "reason": format!("{verdict}: Female against Male"), "run": "r",
        "parts": [{
            "slice": {"sex": "Female"}, "verdict": verdict, "value": -0.09,
            "interval": {"low": -0.13, "high": -0.05, "level": 0.95, "method": "newcombe"},
            "measured": "−0.090 [−0.13, −0.05]", "n": 1610, "positives": 600,
            "reference": {"sex": "Male"}, "reason": "Female against Male",
            "rows_needed": {"denominator": 400, "rows": 3400},
            "would_decide": "about 400 positives more (3,400 rows) would decide", "waiver": null,
        }],
    })
}

fn readiness(verdict: &str, rules: &[Value]) -> Value {
    json!({
        "model": "income", "version": "4.0", "verdict": verdict,
        "sentence": "Blocked: 1 rule fails.", "valid_until": "2027-01-01T00:00:00Z",
        "runs": ["0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"], "runs_looked_at": 3,
        "policy": {"policy": "high-risk", "version": 2, "digest": "sha256:ab"},
        "rules": rules, "something_new": {"in": "a later version"},
    })
}

fn says(status: u16, body: &Value) -> Reply {
    Reply::Answer { status, headers: "", body: body.to_string() }
}

#[test]
fn each_verdict_has_its_exit_code() {
    for (verdict, code) in [("pass", 0), ("fail", 1), ("not_enough_evidence", 2)] {
        let stub = Stub::new([says(200, &readiness(verdict, &[rule("gap", verdict)]))]);
        let ended = gate(&stub.url, &[]);
        ended.assert_code(code);
        assert_eq!(ended.err.is_empty(), code == 0, "{ended:#?}");
        let asked = &stub.asked()[0];
        assert!(asked.line.starts_with("GET "), "{}", asked.line);
        assert_eq!(asked.path(), "/api/v1/models/income/versions/4.0/readiness");
        assert_eq!(asked.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    }
}

#[test]
fn a_person_reads_verdict_requirement_sentence_and_rows_needed_of_every_rule() {
    let mut warns = rule("shadowed", "fail");
    warns["mode"] = json!("warn");
    let mut waived = rule("lifted", "fail");
    waived["waived"] = json!(true);
    let mut elsewhere = rule("elsewhere", "pass");
    elsewhere["applies"] = json!(false);
    let rules = [rule("gap", "not_enough_evidence"), warns, waived, elsewhere];
    let uploads = |state: &str| says(200, &json!({ "items": [{ "state": state }] }));
    let answer = says(200, &readiness("not_enough_evidence", &rules));
    let stub = Stub::new([uploads("waiting"), uploads("done"), answer]);
    let ended = gate(&stub.url, &["--wait"]);
    ended
        .assert_code(2)
        .assert_out("income 4.0: not enough evidence\nBlocked: 1 rule fails.\n")
        .assert_out("high-risk@2")
        .assert_out("1 taken of 3 runs")
        .assert_out("2027-01-01T00:00:00Z")
        .assert_out(&format!("{}/models/income/versions/4.0", stub.url))
        .assert_out("not enough evidence  gap              3,400  the gap in true positive rate")
        .assert_out("not_enough_evidence: Female against Male")
        .assert_out("fail (warns only)")
        .assert_out("fail, waived")
        .assert_out("does not apply")
        .assert_out("waited for")
        .assert_out("1 upload\n")
        .assert_err("income 4.0 may not launch: not enough evidence");
}

#[test]
fn uploads_are_waited_for_through_a_restart_and_those_that_became_no_run_are_named() {
    let uploads = |items: Value| Reply::Answer {
        status: 200,
        headers: "retry-after: 0\r\n",
        body: json!({ "items": items }).to_string(),
    };
    let one = |id: &str, state: &str| json!({ "id": id, "state": state });
    let stub = Stub::new([
        uploads(json!([one("a", "waiting"), one("b", "waiting"), one("c", "refused")])),
        Reply::BreakWhileAnswering,
        uploads(json!([one("a", "refused"), one("b", "waiting"), one("c", "refused")])),
        uploads(json!([
            one("a", "refused"),
            json!({ "id": "b", "state": "done", "run": { "id": "r" } }),
            one("c", "refused"),
        ])),
        says(200, &readiness("pass", &[])),
    ]);
    let ended = gate(&stub.url, &["--wait"]);
    ended
        .assert_code(0)
        .assert_err("waiting until the server has read 2 uploads")
        .assert_out("2 uploads\n")
        .assert_out(&format!("became no run  {}/uploads/a\n", stub.url));
    assert!(!ended.out.contains("uploads/b") && !ended.out.contains("uploads/c"), "{ended:#?}");
}

#[test]
fn a_script_gets_the_servers_json_and_nothing_else() {
    let body = readiness("fail", &[rule("gap", "fail")]);
    let stub = Stub::new([says(200, &body)]);
    let ended = gate(&stub.url, &["--json"]);
    assert_eq!(serde_json::from_str::<Value>(&ended.assert_code(1).out).unwrap(), body);
}

#[test]
fn a_summary_is_put_behind_what_is_there_and_names_stay_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = text(&folder.path().join("summary.md"));
    let mut hostile = rule("gap", "fail");
    hostile["name"] = json!("a|b <img> @everyone");
    hostile["parts"][0]["slice"] = json!({"sex": "`x`|y"});
    let mut hole = rule("hole", "not_enough_evidence");
    hole["parts"] = json!([]);
    hole["reason"] = json!("cannot tell: no run on adult");
    let stub = Stub::new([
        says(200, &readiness("fail", &[hostile])),
        says(200, &readiness("not_enough_evidence", &[hole])),
    ]);
    gate(&stub.url, &["--summary", &file]).assert_code(1);
    let first = std::fs::read_to_string(&file).unwrap();
    let page = format!("{}/models/income/versions/4.0", stub.url);
    let expected = format!(
        "## ✗ income 4.0: fail\n\nBlocked\\: 1 rule fails.\n\n\
         | Rule | Verdict | Worst estimate | Bound | What is needed |\n\
         | --- | --- | --- | --- | --- |\n\
         | a\\|b \\<img\\> @\u{2060}everyone | ✗ fail \
         | \\`x\\`\\|y\\: −0.090 \\[−0.13, −0.05\\], n = 1,610 | at most 0.05 \
         | About 400 positives more (3,400 rows) would decide |\n\n\
         By policy high-risk version 2, holds until 2027-01-01T00\\:00\\:00Z. \
         [All slices and runs](<{page}>)\n"
    );
    assert_eq!(first, expected);
    gate(&stub.url, &["--summary", &file]).assert_code(2);
    let both = std::fs::read_to_string(&file).unwrap();
    assert!(both.starts_with(&format!("{first}\n## ? income 4.0: not enough evidence")), "{both}");
    assert!(both.contains("| – | at most 0.05 | Cannot tell\\: no run on adult |"), "{both}");
}

#[test]
fn what_is_no_answer_is_neither_yes_nor_no() {
    let problem = |status: u16, detail: &str| {
        says(status, &json!({"title": "No", "status": status, "detail": detail}))
    };
    for (reply, said) in [
        (problem(404, "there is no such version"), "Check --model and --model-version"),
        (problem(401, "sign in first"), "The token was not accepted"),
        (problem(403, "you may not read"), "may not do this"),
        (problem(500, "broken"), "broken"),
        (says(200, &json!({"verdict": "perhaps"})), "no Evenhand server"),
        (says(200, &json!("hello")), "no Evenhand server"),
        (
            Reply::Answer { status: 302, headers: "location: /login\r\n", body: String::new() },
            "/login",
        ),
    ] {
        let stub = Stub::new([reply]);
        let ended = gate(&stub.url, &[]);
        ended.assert_code(3).assert_err(said);
        assert_eq!(ended.out, "");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    gate(&format!("http://{nobody}"), &[]).assert_code(3).assert_err("no server answers");
}

#[test]
fn a_command_line_that_makes_no_sense_does_not_read_as_missing_evidence() {
    evenhand(&[], &["gate", "--model", "income"]).assert_code(3).assert_err("--model-version");
    evenhand(&[], &["gate", "--help"]).assert_code(0).assert_out("2 not enough evidence");
    evenhand(&[], &["upload"]).assert_code(2);
    let env = [("EVENHAND_SERVER", "http://127.0.0.1:1")];
    let args = ["gate", "--model", "income", "--model-version", "4.0"];
    evenhand(&env, &args)
        .assert_code(3)
        .assert_err("there is no API token")
        .assert_err("Make one at http://127.0.0.1:1/account/tokens")
        .assert_err("evenhand admin token");
    let stub = Stub::new([says(200, &readiness("pass", &[]))]);
    gate(&stub.url, &["--summary", "/nowhere/summary.md"]).assert_code(3).assert_err("/nowhere");
}

#[test]
fn a_busy_server_is_asked_again() {
    let busy = Reply::Answer {
        status: 503,
        headers: "retry-after: 0\r\n",
        body: json!({"title": "Busy", "status": 503}).to_string(),
    };
    let pass = says(200, &readiness("pass", &[]));
    let stub = Stub::new([busy.clone(), Reply::BreakWhileAnswering, pass]);
    gate(&stub.url, &[]).assert_code(0).assert_err("(3 of 5)");
    assert_eq!(stub.asked().len(), 3);
    let stub = Stub::new(std::iter::repeat_n(busy, 6));
    gate(&stub.url, &[]).assert_code(3).assert_err("Busy");
    assert_eq!(stub.asked().len(), 5);
}
