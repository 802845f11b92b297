//! The contract as OpenAPI 3.1, made of the table of routes and of what each says of itself.

mod components;
mod parameters;
mod schemas;

use super::operation::{ANY, Area, JSON, Operation, Payload};
use super::problem::{self, KINDS, Problem};
use crate::auth::allowance;
use crate::http::routes::Route;
use crate::http::{Access, Routes};
use crate::state::App;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parameters::{parameters, placeholders};
use rust_embed::RustEmbed;
use schemars::SchemaGenerator;
use schemas::Schemas;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// Examples of bodies, by operation: `listModels.json` comes back, `addModel.request.json` is sent.
/// They were recorded from the demo, lists cut to their first item.
#[derive(RustEmbed)]
#[folder = "src/api/examples"]
struct Examples;

pub fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/openapi.json", Access::Public, serve).describe(
        Operation::new(Area::Contract, "getOpenApi", "This contract as OpenAPI 3.1")
            .gives_raw(JSON, "An OpenAPI 3.1 document"),
    )
}

async fn serve(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, JSON)], text(&app)).into_response()
}

/// The document of this server, which is the same as long as it runs.
pub fn text(app: &App) -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| document(crate::http::routes(app).table()).to_string())
}

const ABOUT: &str = "Everything that a program may do in Evenhand.

Send `Authorization: Bearer eh_…` with a token from your account page. A token acts for a person: \
what it may do is its scopes, cut down to what that person may do now. No token signs off, waives, \
edits policies or attributes, or manages people.

Lists come in pages: `limit`, and `cursor` with the `next_cursor` of the page before. Times are RFC \
3339 in UTC; ids are UUIDs; models, teams and policies go by slug. A slice in a query is \
`attribute=group`, several joined by `;`, with `\\;`, `\\=` and `\\\\` as escapes; the empty text is \
overall.

What is read has an `ETag`; `If-None-Match` with it answers 304 while nothing has changed. Refusals \
and failures are `application/problem+json` (RFC 9457); any call can also answer 500, with the id \
under which the server's log says why.

Requests of a token are limited per minute. `RateLimit-Policy` and `RateLimit` (IETF draft \
ratelimit-headers) say how many there are, how many are left and in how many seconds they are full \
again; beyond them comes 429 with `Retry-After`.";

/// The document of these routes.
pub fn document(table: &[Route]) -> Value {
    let mut schemas = Schemas::default();
    let mut paths: Map<String, Value> = Map::new();
    for route in table {
        let Some(operation) = &route.operation else { continue };
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_lowercase()] = described(route, operation, &mut schemas);
    }
    schemas.answers.subschema_for::<Problem>();
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Evenhand",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The launch desk for responsible AI",
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server" }],
        "tags": Area::ALL
            .iter()
            .map(|area| json!({ "name": area.name(), "description": area.about() }))
            .collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "headers": components::headers(),
            "responses": KINDS
                .iter()
                .map(|kind| (kind.slug.to_owned(), components::refusal(kind)))
                .collect::<Map<_, _>>(),
            "securitySchemes": components::security_schemes(),
        },
    })
}

fn described(route: &Route, operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut value = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.area.name()],
        "parameters": parameters(route, operation, schemas),
        "responses": responses(route, operation, schemas),
        "security": security(route.access),
    });
    if !operation.about.is_empty() {
        value["description"] = json!(operation.about);
    }
    if !operation.bodies.is_empty() {
        value["requestBody"] = request_body(operation, schemas);
    }
    value
}

fn request_body(operation: &Operation, schemas: &mut Schemas) -> Value {
    let required = operation.bodies.iter().all(|body| body.required);
    let content: Map<String, Value> = operation
        .bodies
        .iter()
        .map(|body| {
            let mut media = content(body.media, &body.schema, &mut schemas.requests);
            if let Some(example) = example(&format!("{}.request.json", operation.id))
                && body.media == JSON
            {
                media["example"] = example;
            }
            (body.media.to_owned(), media)
        })
        .collect();
    json!({ "required": required, "content": content })
}

fn content(media: &str, payload: &Payload, generator: &mut SchemaGenerator) -> Value {
    match payload {
        Payload::Typed(schema) => json!({ "schema": schema(generator) }),
        Payload::Raw(says) => {
            let mut schema = json!({ "description": says });
            if media.ends_with("json") {
                schema["type"] = json!("object");
            } else if media != ANY {
                schema["type"] = json!("string");
            }
            json!({ "schema": schema })
        }
    }
}

fn example(file: &str) -> Option<Value> {
    serde_json::from_slice(&Examples::get(file)?.data).ok()
}

fn responses(route: &Route, operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut all = Map::new();
    for success in &operation.successes {
        let status = success.status.to_string();
        let mut media = content(success.media, &success.schema, &mut schemas.answers);
        // Where one call answers in two ways, each has an example of its own.
        let own = example(&format!("{}.{status}.json", operation.id));
        if let Some(example) = own.or_else(|| example(&format!("{}.json", operation.id)))
            && success.media == JSON
        {
            media["example"] = example;
        }
        let response = all.entry(status).or_insert_with(|| {
            let mut headers = always(route.access);
            if route.method != Method::POST {
                headers.insert("ETag".to_owned(), header_ref("ETag"));
            }
            if success.located {
                headers.insert("Location".to_owned(), header_ref("Location"));
            }
            json!({ "description": success.says, "headers": headers, "content": {} })
        });
        response["content"][success.media] = media;
    }
    if route.method == Method::GET {
        let mut headers = always(route.access);
        headers.insert("ETag".to_owned(), header_ref("ETag"));
        let unchanged = json!({ "description": "What you hold still holds", "headers": headers });
        all.insert("304".to_owned(), unchanged);
    }
    for status in refusals(route, operation) {
        let kind = problem::of(StatusCode::from_u16(status).unwrap_or_default());
        let reference = json!({ "$ref": format!("#/components/responses/{}", kind.slug) });
        all.insert(status.to_string(), reference);
    }
    Value::Object(all)
}

/// The refusals that a call can meet: those that follow from the route, and its own.
pub fn refusals(route: &Route, operation: &Operation) -> Vec<u16> {
    let mut all = operation.refusals.clone();
    all.push(503);
    if route.access != Access::Public {
        all.extend([401, 403, 429]);
    }
    if placeholders(route.path).next().is_some() {
        all.extend([400, 404]);
    }
    if operation.query.is_some() {
        all.push(400);
    }
    if !operation.bodies.is_empty() {
        all.extend([400, 413, 422]);
    }
    if route.method == Method::PATCH {
        all.extend([409, 412, 428]);
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The headers that every answer has to whoever this access lets in.
fn always(access: Access) -> Map<String, Value> {
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), header_ref("X-Request-Id"));
    if access != Access::Public {
        for name in [allowance::POLICY, allowance::LEFT] {
            headers.insert(name.to_owned(), header_ref(name));
        }
    }
    headers
}

fn header_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::SignedIn => json!([{ "token": [] }, { "session": [] }]),
        Access::May(permission) => match permission.token_scope() {
            Some(scope) => json!([{ "token": [scope] }, { "session": [] }]),
            None => json!([{ "session": [] }]),
        },
    }
}
