//! Register, describe and read models.

use super::body::{Body, both};
use super::etag;
use super::page::Cursor;
use crate::actions::register_model;
use crate::actions::registry::{find_model, visibility};
use crate::audit::timestamp;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::models::{Model, ModelFilter};
use app::domain::Permission;
use app::domain::register::ModelInput;
use app::form::FieldErrors;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query;
use serde::Deserialize;
use serde_json::{Value, json};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/models", read, list)
        .post("/api/v1/models", Access::May(Permission::RegisterModel), add)
        .get("/api/v1/models/{model}", read, show)
        .patch("/api/v1/models/{model}", Access::May(Permission::DescribeModel), change)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    q: String,
    team: Option<String>,
    task: Option<String>,
    risk_tier: Option<String>,
    stage: Option<String>,
    #[serde(flatten)]
    cursor: CursorText,
}

/// As [`Cursor`], in text: a flattened query has no numbers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CursorText {
    limit: Option<String>,
    cursor: Option<String>,
}

impl CursorText {
    fn parse(self) -> Result<Cursor> {
        let limit = self
            .limit
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| Error::BadRequest("limit is a whole number".to_owned()))?;
        Ok(Cursor { limit, cursor: self.cursor })
    }
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>> {
    fn word<T: std::str::FromStr<Err = String>>(text: Option<&String>) -> Result<Option<T>> {
        text.map(|text| text.parse()).transpose().map_err(Error::BadRequest)
    }
    let filter = ModelFilter {
        search: query.q.clone(),
        team: query.team.clone(),
        task: word(query.task.as_ref())?,
        risk_tier: word(query.risk_tier.as_ref())?,
        stage: word(query.stage.as_ref())?,
    };
    let cursor = query.cursor.parse()?;
    let limit = cursor.limit()?;
    let visible = visibility(&app, &actor).await?;
    let after = cursor.cursor.unwrap_or_default();
    // One more than asked for tells whether there are more.
    let asked = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
    let (mut models, total) = app.store.models_after(&visible, &filter, &after, asked).await?;
    let more = models.len() > limit;
    models.truncate(limit);
    let next = models.last().filter(|_| more).map(|model| model.slug.clone());
    let items: Vec<Value> = models.iter().map(summary).collect();
    Ok(Json(json!({ "items": items, "next_cursor": next, "total": total })))
}

/// A model as lists give it.
fn summary(model: &Model) -> Value {
    json!({
        "id": model.id,
        "slug": model.slug,
        "name": model.name,
        "team": model.team_slug,
        "task": model.task.as_str(),
        "risk_tier": model.risk_tier.as_str(),
        "stage": model.stage.as_str(),
        "positive_outcome": model.positive_outcome.as_str(),
        "architecture": model.architecture,
        "surface": model.surface,
        "intended_use": model.intended_use,
        "out_of_scope_use": model.out_of_scope_use,
        "restricted": model.restricted,
        "rows_kept_days": model.rows_kept_days.unwrap_or_default(),
        "version": model.version,
        "created_at": timestamp(from_micros(model.created_at)),
        "updated_at": timestamp(from_micros(model.updated_at)),
    })
}

/// A model with its owners and dependencies, and its version as the ETag.
async fn whole(app: &App, actor: &Actor, status: StatusCode, model: &Model) -> Result<Response> {
    let visible = visibility(app, actor).await?;
    let owners: Vec<String> =
        app.store.owners_of(model.id).await?.into_iter().map(|owner| owner.email).collect();
    let seen = |relatives: Vec<crate::store::models::Relative>| -> Vec<String> {
        relatives
            .into_iter()
            .filter(|other| visible.shows(other.team_id, other.restricted))
            .map(|other| other.slug)
            .collect()
    };
    let mut body = summary(model);
    body["owners"] = json!(owners);
    body["depends_on"] = json!(seen(app.store.dependencies_of(model.id).await?));
    body["depended_on_by"] = json!(seen(app.store.dependents_of(model.id).await?));
    Ok(etag::tagged((status, Json(body)).into_response(), model.version))
}

async fn show(State(app): State<App>, actor: Actor, Path(slug): Path<String>) -> Result<Response> {
    let model = find_model(&app, &actor, &slug).await?;
    whole(&app, &actor, StatusCode::OK, &model).await
}

/// Puts what was sent over an input; the rest stays.
fn read_over(input: &mut ModelInput, bytes: &[u8]) -> Result<FieldErrors> {
    let mut body = Body::parse(bytes)?;
    body.text("slug", &mut input.slug);
    body.text("name", &mut input.name);
    body.text("team", &mut input.team);
    body.text("task", &mut input.task);
    body.text("risk_tier", &mut input.risk_tier);
    body.text("stage", &mut input.stage);
    body.text("positive_outcome", &mut input.positive_outcome);
    body.text("architecture", &mut input.architecture);
    body.text("surface", &mut input.surface);
    body.text("intended_use", &mut input.intended_use);
    body.text("out_of_scope_use", &mut input.out_of_scope_use);
    body.texts("owners", &mut input.owners);
    body.texts("depends_on", &mut input.depends_on);
    body.flag("restricted", &mut input.restricted);
    body.number("rows_kept_days", &mut input.rows_kept_days);
    Ok(body.finish())
}

/// What is wrong with the JSON and with what it says, in one answer.
fn check(errors: FieldErrors, input: &ModelInput) -> Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    let others = input.check().err().unwrap_or_default();
    Err(both(errors, &others).into())
}

async fn add(State(app): State<App>, actor: Actor, bytes: Bytes) -> Result<Response> {
    let mut input = ModelInput::default();
    let errors = read_over(&mut input, &bytes)?;
    check(errors, &input)?;
    let model = register_model::register(&app, &actor, &input).await?;
    let mut response = whole(&app, &actor, StatusCode::CREATED, &model).await?;
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/models/{}", model.slug)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

async fn change(
    State(app): State<App>,
    actor: Actor,
    headers: HeaderMap,
    Path(slug): Path<String>,
    bytes: Bytes,
) -> Result<Response> {
    let model = find_model(&app, &actor, &slug).await?;
    etag::check(&headers, model.version, &format!("model `{slug}`"))?;
    let visible = visibility(&app, &actor).await?;
    let owners = app.store.owners_of(model.id).await?;
    let depends_on: Vec<_> = app
        .store
        .dependencies_of(model.id)
        .await?
        .into_iter()
        .filter(|other| visible.shows(other.team_id, other.restricted))
        .collect();
    let mut input = model.input(&owners, &depends_on);
    let errors = read_over(&mut input, &bytes)?;
    check(errors, &input)?;
    let model = register_model::describe(&app, &actor, &slug, model.version, &input).await?;
    whole(&app, &actor, StatusCode::OK, &model).await
}
