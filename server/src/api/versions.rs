//! Register and read model versions.

use super::body::{Body, both};
use super::moment::Moment;
use super::operation::{Area, Operation};
use super::page::{Cursor, List, paged};
use super::query::Query;
use super::readiness::VersionReadiness;
use crate::actions::readiness;
use crate::actions::register_version::{self, find};
use crate::actions::registry::find_model;
use crate::auth::Actor;
use crate::error::Result;
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::versions::Version;
use app::domain::register::VersionInput;
use app::domain::{Permission, VersionId};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/models/{model}/versions", read, list)
        .describe(
            Operation::new(Area::Models, "listVersions", "List the versions of a model, newest first")
                .query::<Cursor>()
                .gives::<List<VersionAnswer>>(200, "A page of versions"),
        )
        .post("/api/v1/models/{model}/versions", Access::May(Permission::RegisterModel), add)
        .describe(
            Operation::new(Area::Models, "addVersion", "Register a version of a model")
                .takes::<NewVersion>()
                .gives::<VersionAnswer>(201, "The version")
                .refuses(409),
        )
        .get("/api/v1/models/{model}/versions/{version}", read, show)
        .describe(
            Operation::new(Area::Models, "getVersion", "Read a version of a model")
                .gives::<VersionAnswer>(200, "The version"),
        )
        .get("/api/v1/models/{model}/versions/{version}/readiness", read, ready)
        .describe(
            Operation::new(Area::Models, "getReadiness", "Ask whether a version may launch")
                .about(
                    "What the policy that applies says of the evidence as it stands: the verdict, \
                     and each rule with its estimates, bound, reason and the rows that would decide \
                     it. Estimates of small groups are hidden from whoever may not see them.",
                )
                .gives::<VersionReadiness>(200, "The verdict, rule by rule"),
        )
}

/// A version of a model.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Version")]
struct VersionAnswer {
    id: VersionId,
    /// What addresses it within the model; it never changes.
    label: String,
    commit: String,
    /// `sha256:` and 64 hexadecimal digits, or empty.
    artifact_digest: String,
    training_data: String,
    notes: String,
    /// How many runs it has that were not voided.
    runs: i64,
    created_at: Moment,
}

/// A version to be registered.
#[derive(JsonSchema)]
pub struct NewVersion {
    /// What addresses it within the model; it never changes.
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[!-~]+$"))]
    pub label: String,
    #[schemars(length(max = 200))]
    pub commit: Option<String>,
    /// `sha256:` and 64 hexadecimal digits.
    pub artifact_digest: Option<String>,
    #[schemars(length(max = 10000))]
    pub training_data: Option<String>,
    #[schemars(length(max = 10000))]
    pub notes: Option<String>,
}

fn shown(version: &Version) -> VersionAnswer {
    VersionAnswer {
        id: version.id,
        label: version.label.clone(),
        commit: version.commit_ref.clone(),
        artifact_digest: version.artifact_digest.clone(),
        training_data: version.training_data.clone(),
        notes: version.notes.clone(),
        runs: version.runs,
        created_at: Moment::of(version.created_at),
    }
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Path(slug): Path<String>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<List<VersionAnswer>>> {
    let model = find_model(&app, &actor, &slug).await?;
    let versions = app.store.versions_of(model.id).await?;
    Ok(Json(paged(&versions, &cursor, |version| version.label.clone())?.map(shown)))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path((slug, label)): Path<(String, String)>,
) -> Result<Json<VersionAnswer>> {
    let (_, version) = find(&app, find_model(&app, &actor, &slug).await?, &label).await?;
    Ok(Json(shown(&version)))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    Path(slug): Path<String>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<VersionAnswer>)> {
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
async fn ready(
    State(app): State<App>,
    actor: Actor,
    Path((slug, label)): Path<(String, String)>,
) -> Result<Json<VersionReadiness>> {
    let (model, version) = find(&app, find_model(&app, &actor, &slug).await?, &label).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let mut report = readiness::of(&app, &model, version.id, app.clock.now()).await?;
    report.hide_small_cells(&app, &actor, &lineage);
    Ok(Json(VersionReadiness::of(&model.slug, &version.label, &report)))
}
