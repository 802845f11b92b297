//! Read policies; they are written on pages only.

use super::page::{Cursor, paged};
use crate::audit::timestamp;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::policies::PolicyVersion;
use app::domain::Permission;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query;
use serde::Deserialize;
use serde_json::{Value, json};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes.get("/api/v1/policies", read, list).get(
        "/api/v1/policies/{policy}/versions/{number}",
        read,
        show,
    )
}

fn shown(version: &PolicyVersion) -> Value {
    json!({
        "id": version.id,
        "policy": version.slug,
        "version": version.number,
        "newest_version": version.newest,
        "team": version.team_name,
        "digest": version.digest,
        "extends": version.extends,
        "edited_by": version.edited_by_name,
        "edited_at": timestamp(from_micros(version.edited_at)),
        "note": version.note,
        "document": version.policy,
    })
}

async fn list(State(app): State<App>, Query(cursor): Query<Cursor>) -> Result<Json<Value>> {
    let mut policies = app.store.policies().await?;
    policies.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(Json(paged(policies.iter(), &cursor, |policy| policy.slug.clone(), shown)?))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    format: String,
}

/// One version: JSON, or the TOML that was written with `?format=toml`.
async fn show(
    State(app): State<App>,
    Path((slug, number)): Path<(String, i64)>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let versions = app.store.policy_versions(&slug).await?;
    let version = versions
        .iter()
        .find(|version| version.number == number)
        .ok_or_else(|| Error::not_found("version of a policy"))?;
    match asked.format.as_str() {
        "" | "json" => Ok(Json(shown(version)).into_response()),
        "toml" => {
            let plain = [(header::CONTENT_TYPE, "application/toml")];
            Ok((plain, version.source.clone()).into_response())
        }
        other => Err(Error::BadRequest(format!("`format` is json or toml, not `{other}`"))),
    }
}
