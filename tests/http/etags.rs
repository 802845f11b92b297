//! What is read says when it has changed, and changes say what they were made from.

use app::domain::Role;
use app::domain::token::TokenScope;
use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::json;
use tests::{Answer, Client, each_db};

async fn ask(client: &Client, path: &str, held: &str) -> Answer {
    client.send(Request::get(path).header(header::IF_NONE_MATCH, held), Body::empty()).await
}

#[track_caller]
fn tag(answer: &Answer) -> String {
    answer.headers[header::ETAG].to_str().unwrap().to_owned()
}

each_db!(whoever_holds_an_answer_is_told_that_it_still_holds, |server| {
    let model = server.model("income").await;
    let csv = "metric,value,n\naccuracy,0.5,100\n";
    let run = model.table("v1", "census@1", "2026-06-01", csv).await;
    for path in [
        "/api/v1/models",
        "/api/v1/models/income",
        "/api/v1/models/income/versions/v1",
        "/api/v1/models/income/versions/v1/readiness",
        &format!("/api/v1/runs/{run}"),
        &format!("/api/v1/runs/{run}/estimates"),
        "/api/v1/openapi.json",
        "/api/v1/schemas/run.v1.json",
    ] {
        let read = model.engineer.get(path).await;
        read.assert_status(200);
        assert_eq!(read.headers[header::CACHE_CONTROL], "private, no-cache", "{path}");
        let tag = tag(&read);
        for held in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            let answer = ask(&model.engineer, path, &held).await;
            answer.assert_status(304);
            assert!(answer.body.is_empty(), "{path}");
            assert_eq!(answer.headers[header::ETAG], tag.as_str(), "{path}");
        }
        assert_eq!(
            ask(&model.engineer, path, "\"other\"").await.assert_status(200).body,
            read.body
        );
    }
});

each_db!(a_change_beside_a_model_changes_its_tag_and_hinders_no_edit, |server| {
    let lead = server.token(Role::Lead, TokenScope::ALL).await;
    server.model("income").await;
    let path = "/api/v1/models/income";
    let before = tag(&lead.get(path).await);
    let dependent = json!({ "slug": "ranker", "name": "Ranker", "team": tests::TEAM,
        "task": "ranking", "risk_tier": "high", "depends_on": ["income"] });
    lead.post_json("/api/v1/models", &dependent).await.assert_status(201);
    let after = ask(&lead, path, &before).await;
    assert_eq!(after.assert_status(200).json()["depended_on_by"], json!(["ranker"]));
    let change = json!({ "name": "Income" });
    let edited = lead.json(Method::PATCH, path, &[("if-match", &before)], &change).await;
    edited.assert_status(200);
    let late = lead.json(Method::PATCH, path, &[("if-match", &before)], &change).await;
    late.assert_status(412);
    assert_eq!(late.json()["type"], "/api/docs#changed-meanwhile");
    let either = format!("{before}, {}", tag(&edited));
    lead.json(Method::PATCH, path, &[("if-match", &either)], &change).await.assert_status(200);
});

each_db!(what_is_wrong_in_itself_is_said_before_what_it_was_made_from, |server| {
    let lead = server.token(Role::Lead, TokenScope::ALL).await;
    server.model("income").await;
    let new = json!({ "model": "income", "kind": "pre_processing", "title": "Weigh the rows",
        "hypothesis": "It closes the gap", "metric": "selection_rate", "change": 0.1 });
    let made = lead.post_json("/api/v1/mitigations", &new).await;
    let mitigation = made.assert_status(201).location().to_owned();
    let model = "/api/v1/models/income".to_owned();
    for (path, good, wrong) in [
        (&model, json!({ "name": "Income" }), json!({ "task": "singing" })),
        (&mitigation, json!({ "title": "Weigh rows" }), json!({ "kind": "singing" })),
    ] {
        for tags in [vec![], vec![("if-match", "\"99\"")]] {
            let unmade = if tags.is_empty() { 428 } else { 412 };
            for (body, status) in [
                (json!(["name"]), 400),
                (json!({ "nme": "Income" }), 422),
                (wrong.clone(), 422),
                (good.clone(), unmade),
            ] {
                lead.json(Method::PATCH, path, &tags, &body).await.assert_status(status);
            }
        }
    }
});

each_db!(a_method_that_is_not_there_is_told_which_are, |server| {
    let program = server.token(Role::Viewer, &[TokenScope::Read]).await;
    let answer = program.send(Request::delete("/api/v1/models"), Body::empty()).await;
    answer.assert_status(405);
    assert_eq!(answer.headers[header::ALLOW], "GET,HEAD,POST");
    assert_eq!(answer.json()["type"], "/api/docs#not-possible-here");
});
