//! The contract as OpenAPI 3.1, made of the table of routes and of what each says of itself.

use super::operation::{ANY, Area, JSON, Operation, Payload, SchemaOf};
use super::problem::{self, KINDS, Kind, Problem};
use crate::auth::allowance;
use crate::http::routes::Route;
use crate::http::{Access, Routes};
use crate::state::App;
use app::domain::token::TokenScope;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::catalogue::METRICS;
use rust_embed::RustEmbed;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
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
            "headers": headers(),
            "responses": KINDS
                .iter()
                .map(|kind| (kind.slug.to_owned(), refusal(kind)))
                .collect::<Map<_, _>>(),
            "securitySchemes": security_schemes(),
        },
    })
}

/// What is read and what is written differ: a field that may be left out of a request is always in
/// an answer. So there are two generators with one set of definitions.
struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            requests: settings.clone().for_deserialize().into_generator(),
            answers: settings.for_serialize().into_generator(),
        }
    }
}

impl Schemas {
    fn finish(mut self) -> Map<String, Value> {
        let mut all = self.requests.take_definitions(true);
        all.extend(self.answers.take_definitions(true));
        all.insert("MetricKey".to_owned(), metric_key());
        if let Some(estimate) = all.get_mut("Estimate") {
            estimate["properties"]["metric"] = json!({ "$ref": METRIC_KEY });
        }
        all.values_mut().for_each(reflow);
        all
    }
}

const METRIC_KEY: &str = "#/components/schemas/MetricKey";

/// What names a metric: the catalogue's keys, some at a cut-off, and what documents declare.
fn metric_key() -> Value {
    let (at_cutoff, plain): (Vec<&str>, Vec<&str>) =
        METRICS.iter().map(|metric| metric.key).partition(|key| key.ends_with("@k"));
    let names: Vec<&str> = at_cutoff.iter().filter_map(|key| key.strip_suffix("@k")).collect();
    json!({
        "description": "A metric's key: of the catalogue, there with its cut-off where it has one, \
            and in brackets the class, attribute or judgement where there are several; or one that \
            a run document declares.",
        "type": "string",
        "minLength": 1,
        "anyOf": [
            { "title": "Of the catalogue", "enum": plain },
            {
                "title": "Of the catalogue, at a cut-off",
                "pattern": format!("^({})@[1-9][0-9]*(\\[.+\\])?$", names.join("|")),
            },
            { "title": "Of several, or declared in a run document" },
        ],
    })
}

/// Comments of the code are wrapped, and name its words for what JSON calls null.
fn reflow(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                let paragraphs = text.split("\n\n").map(|text| text.replace('\n', " "));
                let joined = paragraphs.collect::<Vec<_>>().join("\n\n");
                *text = joined.replace("`None`", "null");
            }
            fields.values_mut().for_each(reflow);
        }
        Value::Array(items) => items.iter_mut().for_each(reflow),
        _ => {}
    }
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

/// The names in braces of a path.
pub fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn parameters(route: &Route, operation: &Operation, schemas: &mut Schemas) -> Vec<Value> {
    let mut all: Vec<Value> = placeholders(route.path).map(in_path).collect();
    if let Some(query) = operation.query {
        all.extend(in_query(query, &mut schemas.requests));
    }
    if operation.idempotent {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header",
            "description": "A name for this attempt, kept for 24 hours: sent again with the same \
                body, the answer is that of the first time; with another body, 409.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$" },
            "example": "nightly-2026-11-01",
        }));
    }
    if route.method == Method::GET {
        all.push(json!({
            "name": "If-None-Match", "in": "header",
            "description": "ETags that you hold: 304 without a body when one of them still holds.",
            "schema": { "type": "string" },
        }));
    }
    if route.method == Method::PATCH {
        // Not marked as required, for the answer without it is part of the contract: 428.
        all.push(json!({
            "name": "If-Match", "in": "header",
            "description": "The ETag of what the change was made from. Without it: 428.",
            "schema": { "type": "string" },
            "example": "\"1\"",
        }));
    }
    all
}

fn in_path(name: &str) -> Value {
    let slug = json!({ "type": "string", "pattern": app::domain::SLUG_PATTERN });
    let text = json!({ "type": "string", "minLength": 1 });
    let (description, schema, example) = match name {
        "model" => ("The model's slug.", slug, json!("adult-income")),
        "policy" => ("The policy's slug.", slug, json!("classification-high-risk")),
        "version" => ("The label of the model's version.", text, json!("v7")),
        "run" => {
            ("The run's id, or its digest.", text, json!("01890a5d-ac96-774b-bcce-b302099a8057"))
        }
        "launch" => ("The launch's number, such as L-3.", text, json!("L-3")),
        "mitigation" => ("The mitigation's number, such as M-2.", text, json!("M-2")),
        "key_result" => (
            "The key result's id.",
            json!({ "type": "string", "format": "uuid" }),
            json!("01890a5d-ac96-774b-bcce-b302099a8057"),
        ),
        "number" => (
            "The number of the policy's version, from 1.",
            json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX }),
            json!(1),
        ),
        _ => ("", text, Value::Null),
    };
    json!({
        "name": name, "in": "path", "required": true,
        "description": description, "schema": schema, "example": example,
    })
}

/// The fields of a query's type, as parameters.
fn in_query(schema: SchemaOf, generator: &mut SchemaGenerator) -> Vec<Value> {
    let schema = schema(generator).to_value();
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name))
    };
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let parameter = |(name, mut schema): (String, Value)| {
        let mut parameter = json!({ "name": name, "in": "query", "required": required(&name) });
        let fields = schema.as_object_mut();
        if let Some(fields) = fields {
            // In a query there is no null: what is not given is not there.
            if let Some(Value::Array(either)) = fields.remove("anyOf")
                && let Some(Value::Object(value)) = either.into_iter().next()
            {
                fields.extend(value);
            }
            if let Some(Value::Array(types)) = fields.get("type") {
                let first = types.first().cloned();
                fields.insert("type".to_owned(), first.unwrap_or_default());
            }
            fields.retain(|_, value| *value != Value::Null);
            if let Some(Value::Array(words)) = fields.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            for key in ["description", "example"] {
                if let Some(value) = fields.remove(key) {
                    parameter[key] = value;
                }
            }
        }
        reflow(&mut parameter);
        parameter["schema"] = schema;
        parameter
    };
    properties.into_iter().map(parameter).collect()
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
        if let Some(example) = example(&format!("{}.json", operation.id))
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

fn headers() -> Value {
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

fn refusal(kind: &Kind) -> Value {
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

fn security_schemes() -> Value {
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
