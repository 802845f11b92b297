//! The JSON Schemas of the documents that people write.

use super::operation::{Area, Operation};
use crate::http::{Access, Routes};
use app::domain::policy::POLICY_SCHEMA;
use app::upload::RUN_SCHEMA;
use axum::http::header;
use axum::response::{IntoResponse, Response};

const SCHEMA: &str = "application/schema+json";

pub fn routes(routes: Routes) -> Routes {
    let said = |id, summary| {
        Operation::new(Area::Contract, id, summary).gives_raw(SCHEMA, "A JSON Schema (2020-12)")
    };
    routes
        .get("/api/v1/schemas/run.v1.json", Access::Public, async || published(RUN_SCHEMA))
        .describe(said("getRunSchema", "The JSON Schema of run documents"))
        .get("/api/v1/schemas/counts.v1.json", Access::Public, async || {
            published(metrics::counted::JSON_SCHEMA)
        })
        .describe(said("getCountsSchema", "The JSON Schema of a row of a file of counts"))
        .get("/api/v1/schemas/policy.v1.json", Access::Public, async || published(POLICY_SCHEMA))
        .describe(said("getPolicySchema", "The JSON Schema of policies, as their TOML reads"))
}

fn published(schema: &'static str) -> Response {
    ([(header::CONTENT_TYPE, SCHEMA)], schema).into_response()
}
