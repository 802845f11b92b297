//! What calls are asked with, beside their bodies.

use super::schemas::{Schemas, reflow};
use crate::api::operation::{Operation, SchemaOf};
use crate::http::routes::Route;
use axum::http::Method;
use schemars::SchemaGenerator;
use serde_json::{Value, json};

/// The names in braces of a path.
pub fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

pub fn parameters(route: &Route, operation: &Operation, schemas: &mut Schemas) -> Vec<Value> {
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
    let uuid = json!({ "type": "string", "format": "uuid" });
    let id = json!("01890a5d-ac96-774b-bcce-b302099a8057");
    let (description, schema, example) = match name {
        "model" => ("The model's slug.", slug, json!("adult-income")),
        "policy" => ("The policy's slug.", slug, json!("classification-high-risk")),
        "version" => ("The label of the model's version.", text, json!("v7")),
        "run" => ("The run's id, or its digest.", text, id),
        "launch" => ("The launch's number, such as L-3.", text, json!("L-3")),
        "mitigation" => ("The mitigation's number, such as M-2.", text, json!("M-2")),
        "key_result" => ("The key result's id.", uuid, id),
        "upload" => ("The upload's id.", uuid, id),
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
