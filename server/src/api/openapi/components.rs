//! What calls share: headers, refusals and ways to say who asks.

use super::header_ref;
use crate::api::problem::{Kind, Problem};
use crate::auth::allowance;
use app::domain::token::TokenScope;
use serde_json::{Map, Value, json};

pub fn headers() -> Value {
    json!({
        "ETag": {
            "description": "Changes with what is shown. Send it in If-None-Match, or in If-Match of a change.",
            "schema": { "type": "string" }, "example": "\"3\"",
        },
        "Location": {
            "description": "Where the new thing is.",
            "schema": { "type": "string", "format": "uri-reference" },
        },
        "Retry-After": {
            "description": "Seconds after which another try makes sense.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "WWW-Authenticate": { "schema": { "type": "string" }, "example": "Bearer" },
        "X-Request-Id": {
            "description": "Under which the server's log knows the request.",
            "schema": { "type": "string", "format": "uuid" },
        },
        allowance::POLICY: {
            "description": "Requests that the token may make, `q`, in how many seconds, `w`. Not sent where nothing is limited.",
            "schema": { "type": "string" }, "example": "\"token\";q=6000;w=60",
        },
        allowance::LEFT: {
            "description": "Requests that are left, `r`, and the seconds until there are all of them again, `t`.",
            "schema": { "type": "string" }, "example": "\"token\";r=5990;t=42",
        },
    })
}

pub fn refusal(kind: &Kind) -> Value {
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), header_ref("X-Request-Id"));
    let more = match kind.status {
        401 => Some("WWW-Authenticate"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    };
    headers.extend(more.map(|name| (name.to_owned(), header_ref(name))));
    let example = Problem {
        r#type: kind.uri(),
        title: kind.title,
        status: kind.status,
        detail: kind.example.to_owned(),
        errors: if kind.status == 422 { wrong_twice() } else { vec![] },
        request_id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
    };
    json!({
        "description": format!("{}. {}", kind.title, kind.about),
        "headers": headers,
        "content": { "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" },
            "example": example,
        }},
    })
}

/// One in a document, one in a table.
fn wrong_twice() -> Vec<metrics::Problem> {
    vec![
        metrics::Problem::new("unknown_metric", "there is no metric `true_postive_rate`")
            .at_pointer("/estimates/3/metric")
            .expected("`true_positive_rate`"),
        metrics::Problem::new("not_a_number", "`n/a` is no number")
            .at_cell(Some(7), Some("value"))
            .expected("a number, or an empty cell"),
    ]
}

pub fn security_schemes() -> Value {
    let scopes: Vec<String> = TokenScope::ALL
        .iter()
        .map(|scope| format!("`{}`: {}", scope.as_str(), scope.label()))
        .collect();
    json!({
        "token": {
            "type": "http", "scheme": "bearer", "bearerFormat": "eh_…",
            "description": format!(
                "A token from your account page. Beside each call stands the scope that it needs. {}.",
                scopes.join("; ")
            ),
        },
        "session": {
            "type": "apiKey", "in": "cookie", "name": "evenhand",
            "description": "The session of a person who is signed in; it may do what the person may.",
        },
    })
}
