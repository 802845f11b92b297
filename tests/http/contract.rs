//! The published contract says what the server does.

use app::domain::token::TokenScope;
use axum::http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};
use server::http::Access;
use std::collections::{BTreeMap, BTreeSet};
use tests::{Database, TestServer};

async fn server() -> TestServer {
    TestServer::on(Database::Sqlite).await
}

async fn document(server: &TestServer) -> Value {
    server.visitor().get("/api/v1/openapi.json").await.assert_status(200).json()
}

/// Every call of the document: method, path, and what it says.
fn calls(document: &Value) -> Vec<(Method, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, said)| {
                (method.to_uppercase().parse().unwrap(), path.clone(), said)
            })
        })
        .collect()
}

#[tokio::test]
async fn every_route_of_the_api_is_in_the_document_and_nothing_else_is() {
    let server = server().await;
    let document = document(&server).await;
    let routes = server::http::routes(&server.app);
    let there: BTreeSet<(String, String)> = routes
        .table()
        .iter()
        .filter(|route| route.path.starts_with("/api/v1/"))
        .map(|route| (route.method.to_string(), route.path.to_owned()))
        .collect();
    let said: BTreeSet<(String, String)> =
        calls(&document).into_iter().map(|(method, path, _)| (method.to_string(), path)).collect();
    assert!(there.len() > 30, "{}", there.len());
    assert_eq!(said, there);
}

#[tokio::test]
async fn every_call_names_the_scope_that_the_server_asks_for() {
    let server = server().await;
    let document = document(&server).await;
    let routes = server::http::routes(&server.app);
    for route in routes.table().iter().filter(|route| route.path.starts_with("/api/v1/")) {
        let said = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        let scopes: Vec<&str> = match route.access {
            Access::Public => {
                assert_eq!(said["security"], json!([]), "{}", route.path);
                continue;
            }
            Access::SignedIn => vec![],
            Access::May(permission) => {
                permission.token_scope().into_iter().map(TokenScope::as_str).collect()
            }
        };
        assert_eq!(said["security"][0]["token"], json!(scopes), "{}", route.path);
    }
}

#[tokio::test]
async fn every_call_is_complete() {
    let server = server().await;
    let document = document(&server).await;
    let mut names = BTreeMap::new();
    for (method, path, said) in calls(&document) {
        let at = format!("{method} {path}");
        let name = said["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone(), at.clone()).is_none(), "{name} is there twice");
        assert!(!said["summary"].as_str().unwrap().is_empty(), "{at}");
        let parameters = said["parameters"].as_array().unwrap();
        for parameter in parameters {
            let place = format!("{at}: {}", parameter["name"]);
            assert!(parameter["schema"].is_object(), "{place}");
            if parameter["in"] == "path" {
                assert_eq!(parameter["required"], true, "{place}");
                assert_ne!(parameter["description"], "", "{place}");
            }
        }
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(in_path, path.matches('{').count(), "{at}");
        let responses = said["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{at}");
        assert_eq!(said["requestBody"].is_object(), matches!(method, Method::POST | Method::PATCH));
        if let Some(json) = said["requestBody"]["content"].get("application/json") {
            assert!(json["example"].is_object(), "{at} has no example of its body");
        }
        for (status, response) in responses {
            if let Some(json) = response["content"].get("application/json")
                && name != "getOpenApi"
            {
                assert!(json["example"].is_object(), "{at} has no example of {status}");
            }
        }
    }
}

/// A validator of one schema of the document.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn assert_valid(document: &Value, schema: &Value, value: &Value, what: &str) {
    let validator = validator(document, schema);
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_example_is_what_its_schema_says() {
    let server = server().await;
    let document = document(&server).await;
    let mut seen = 0;
    for (method, path, said) in calls(&document) {
        let contents = said["responses"]
            .as_object()
            .unwrap()
            .values()
            .chain(std::iter::once(&said["requestBody"]))
            .filter_map(|body| body["content"].as_object());
        for (media, content) in contents.flatten() {
            if let Some(example) = content.get("example") {
                seen += 1;
                let what = format!("{method} {path}, {media}");
                assert_valid(&document, &content["schema"], example, &what);
            }
        }
    }
    assert!(seen >= 40, "{seen}");
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let content = &response["content"]["application/problem+json"];
        assert_valid(&document, &content["schema"], &content["example"], name);
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let server = server().await;
    let document = document(&server).await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 30, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_page_shows_every_call_and_explains_every_refusal_to_everybody_without_scripts() {
    let server = server().await;
    let document = document(&server).await;
    let page = server.visitor().get("/api/docs").await;
    page.assert_status(200).assert_lacks("<script").assert_contains("class=\"narrow wide\"");
    for (method, path, said) in calls(&document) {
        let anchor = format!("id=\"{}\"", said["operationId"].as_str().unwrap());
        page.assert_contains(&anchor).assert_contains(&format!(">{path}<"));
        assert!(page.text().contains(&format!(">{method}<")), "{method}");
    }
    for (slug, response) in document["components"]["responses"].as_object().unwrap() {
        page.assert_contains(&format!("id=\"{slug}\""));
        let example = &response["content"]["application/problem+json"]["example"];
        assert_eq!(example["type"], format!("/api/docs#{slug}"));
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        page.assert_contains(&format!("id=\"object-{name}\""));
    }
    let text = page.text();
    let mut links = text.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
    assert!(
        links.all(|link| text.contains(&format!("id=\"{link}\""))),
        "every link leads somewhere"
    );
}

#[tokio::test]
async fn whoever_is_signed_in_reads_it_in_their_frame_and_finds_it_beside_their_tokens() {
    let server = server().await;
    let person = server.signed_in(app::domain::Role::Engineer).await;
    person.get("/api/docs").await.assert_status(200).assert_contains("aria-label=\"Main\"");
    person.get("/account/tokens").await.assert_contains("href=\"/api/docs\"");
}
