//! Register and read model versions.

use super::body::{Body, both};
use super::page::{Cursor, paged};
use crate::actions::readiness;
use crate::actions::register_version::{self, find};
use crate::actions::registry::find_model;
use crate::audit::timestamp;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::Result;
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::versions::Version;
use app::domain::Permission;
use app::domain::register::VersionInput;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum_extra::extract::Query;
use serde_json::{Value, json};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/models/{model}/versions", read, list)
        .post("/api/v1/models/{model}/versions", Access::May(Permission::RegisterModel), add)
        .get("/api/v1/models/{model}/versions/{version}", read, show)
        .get("/api/v1/models/{model}/versions/{version}/readiness", read, readiness)
}

fn shown(version: &Version) -> Value {
    json!({
        "id": version.id,
        "label": version.label,
        "commit": version.commit_ref,
        "artifact_digest": version.artifact_digest,
        "training_data": version.training_data,
        "notes": version.notes,
        "runs": version.runs,
        "created_at": timestamp(from_micros(version.created_at)),
    })
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Path(slug): Path<String>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<Value>> {
    let model = find_model(&app, &actor, &slug).await?;
    let versions = app.store.versions_of(model.id).await?;
    Ok(Json(paged(versions.iter(), &cursor, |version| version.label.clone(), shown)?))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path((slug, label)): Path<(String, String)>,
) -> Result<Json<Value>> {
    let (_, version) = find(&app, find_model(&app, &actor, &slug).await?, &label).await?;
    Ok(Json(shown(&version)))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    Path(slug): Path<String>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>)> {
    let mut input = VersionInput::default();
    let mut body = Body::parse(&bytes)?;
    body.text("label", &mut input.label);
    body.text("commit", &mut input.commit);
    body.text("artifact_digest", &mut input.artifact_digest);
    body.text("training_data", &mut input.training_data);
    body.text("notes", &mut input.notes);
    let errors = body.finish();
    if !errors.is_empty() {
        return Err(both(errors, &input.check().err().unwrap_or_default()).into());
    }
    let (_, version) = register_version::register(&app, &actor, &slug, &input).await?;
    Ok((StatusCode::CREATED, Json(shown(&version))))
}

/// Whether the version may launch, as its evidence stands, with every rule.
async fn readiness(
    State(app): State<App>,
    actor: Actor,
    Path((slug, label)): Path<(String, String)>,
) -> Result<Json<Value>> {
    let (model, version) = find(&app, find_model(&app, &actor, &slug).await?, &label).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let mut report = readiness::of(&app, &model, version.id, app.clock.now()).await?;
    report.hide_small_cells(&app, &actor, &lineage);
    Ok(Json(super::readiness::shown(&model.slug, &version.label, &report)))
}
