//! The contract as a page.

use super::openapi;
use super::problem::KINDS;
use crate::error::{Error, Result};
use crate::http::guard::session_actor;
use crate::http::{Access, Page, Routes};
use crate::state::App;
use app::pages::api::{
    AnswerView, ApiPage, ApiView, AreaView, BodyView, CallView, FieldView, KindView, ObjectView,
    RefusalView,
};
use app::pages::parts::Crumb;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use leptos::prelude::*;
use serde_json::{Map, Value};
use tower_sessions::Session;

/// Open to everybody, as the document is: whoever writes a client need not have an account yet.
pub fn routes(routes: Routes) -> Routes {
    routes.get("/api/docs", Access::Public, show)
}

async fn show(State(app): State<App>, mut parts: Parts) -> Result<Response> {
    if let Some(session) = parts.extensions.get::<Session>().cloned()
        && let Some(actor) = session_actor(&app, &session).await?
    {
        parts.extensions.insert(actor);
    }
    let page = Page::from_request_parts(&mut parts, &()).await?;
    let document: Value = serde_json::from_str(openapi::text(&app))
        .map_err(|error| Error::Internal(error.to_string()))?;
    let view = seen(&document, &app.base_url());
    let crumbs = vec![Crumb::here("API")];
    Ok(page.title("API").crumbs(crumbs).wide().html(move || view! { <ApiPage view=view /> }))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn seen(document: &Value, base: &str) -> ApiView {
    let names = document["tags"].as_array().into_iter().flatten();
    let areas = names.map(|tag| AreaView {
        name: text(&tag["name"]),
        about: text(&tag["description"]),
        calls: calls(document, &tag["name"]),
    });
    let objects = document["components"]["schemas"].as_object().into_iter().flatten();
    ApiView {
        version: text(&document["info"]["version"]),
        first: format!("curl -H \"Authorization: Bearer $EVENHAND_TOKEN\" {base}/api/v1/models"),
        about: document["info"]["description"]
            .as_str()
            .unwrap_or_default()
            .split("\n\n")
            // The page says the first in its own words.
            .skip(1)
            .map(str::to_owned)
            .collect(),
        areas: areas.collect(),
        refusals: KINDS
            .iter()
            .map(|kind| RefusalView {
                slug: kind.slug.to_owned(),
                status: kind.status,
                title: kind.title.to_owned(),
                about: kind.about.to_owned(),
            })
            .collect(),
        objects: objects
            .map(|(name, schema)| ObjectView {
                name: name.clone(),
                about: text(&schema["description"]),
                fields: fields(schema),
                kind: kind_of(schema),
            })
            .collect(),
        schemas: ["run", "counts", "policy"]
            .map(|name| {
                let path = format!("/api/v1/schemas/{name}.v1.json");
                (path.clone(), text(&document["paths"][&path]["get"]["summary"]))
            })
            .to_vec(),
    }
}

fn calls(document: &Value, area: &Value) -> Vec<CallView> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let mut calls = vec![];
    for (path, item) in paths {
        // Reading before writing.
        for method in ["get", "post", "patch"] {
            let said = &item[method];
            if said["tags"][0] == *area {
                calls.push(call(&method.to_uppercase(), path, said));
            }
        }
    }
    calls
}

fn call(method: &str, path: &str, said: &Value) -> CallView {
    let responses = said["responses"].as_object().cloned().unwrap_or_default();
    let (answers, refusals): (Vec<_>, Vec<_>) =
        responses.into_iter().partition(|(_, response)| response.get("$ref").is_none());
    CallView {
        id: text(&said["operationId"]),
        method: method.to_owned(),
        path: path.to_owned(),
        summary: text(&said["summary"]),
        about: text(&said["description"]),
        needs: match said["security"][0]["token"][0].as_str() {
            Some(scope) => format!("needs the scope {scope}"),
            None => "needs no token".to_owned(),
        },
        parameters: said["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        bodies: bodies(&said["requestBody"]),
        answers: answers
            .into_iter()
            .map(|(status, response)| AnswerView {
                status,
                says: text(&response["description"]),
                bodies: bodies(&response),
            })
            .collect(),
        refusals: refusals
            .into_iter()
            .map(|(status, response)| {
                let reference = text(&response["$ref"]);
                (status, reference.rsplit('/').next().unwrap_or_default().to_owned())
            })
            .collect(),
    }
}

fn parameter(parameter: &Value) -> FieldView {
    FieldView {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: kind_of(&parameter["schema"]),
        is_required: parameter["required"] == true,
        about: text(&parameter["description"]),
    }
}

fn bodies(holder: &Value) -> Vec<BodyView> {
    let content: Map<String, Value> = holder["content"].as_object().cloned().unwrap_or_default();
    content
        .into_iter()
        .map(|(media, body)| BodyView {
            kind: kind_of(&body["schema"]),
            example: body.get("example").and_then(|it| serde_json::to_string_pretty(it).ok()),
            media,
        })
        .collect()
}

fn fields(schema: &Value) -> Vec<FieldView> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name))
    };
    properties
        .map(|(name, schema)| FieldView {
            name: name.clone(),
            place: String::new(),
            kind: kind_of(schema),
            is_required: required(name),
            about: text(&schema["description"]),
        })
        .collect()
}

/// What a schema is, in words.
fn kind_of(schema: &Value) -> KindView {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        return KindView { words: name.clone(), object: Some(name) };
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(written).collect();
        return plain(words.join(", "));
    }
    if let Some(only) = schema.get("const") {
        return plain(written(only));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(parts) = schema[key].as_array() {
            let kinds: Vec<KindView> = parts.iter().map(kind_of).collect();
            let words: Vec<&str> = kinds.iter().map(|kind| kind.words.as_str()).collect();
            let object = kinds.iter().find_map(|kind| kind.object.clone());
            return KindView { words: words.join(" or "), object };
        }
    }
    match &schema["type"] {
        Value::Array(types) => {
            let each = types.iter().map(|of| {
                let mut schema = schema.clone();
                schema["type"] = of.clone();
                kind_of(&schema).words
            });
            plain(each.collect::<Vec<_>>().join(" or "))
        }
        Value::String(of) => match of.as_str() {
            "array" => {
                let of = kind_of(&schema["items"]);
                KindView { words: format!("list of {}", of.words), object: of.object }
            }
            "object" => match &schema["additionalProperties"] {
                Value::Object(_) => {
                    let of = kind_of(&schema["additionalProperties"]);
                    KindView { words: format!("object of {}", of.words), object: of.object }
                }
                _ => plain("object"),
            },
            "string" => match schema["format"].as_str() {
                Some("date-time") => plain("time"),
                Some("uuid") => plain("UUID"),
                _ => plain("text"),
            },
            "integer" => plain("whole number"),
            "boolean" => plain("true or false"),
            other => plain(other),
        },
        _ => KindView::default(),
    }
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn plain(words: impl Into<String>) -> KindView {
    KindView { words: words.into(), object: None }
}
