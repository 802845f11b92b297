//! Register, describe and read models.

use super::body::{Body, both};
use super::etag;
use super::moment::Moment;
use super::operation::{Area, Operation};
use super::page::{Cursor, List};
use super::query::Query;
use crate::actions::register_model;
use crate::actions::registry::{find_model, visibility};
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::models::{Model, ModelFilter};
use app::domain::model::{PositiveOutcome, RiskTier, Stage, Task};
use app::domain::register::ModelInput;
use app::domain::{ModelId, Permission, SLUG_PATTERN};
use app::form::FieldErrors;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/models", read, list)
        .describe(
            Operation::new(Area::Models, "listModels", "List the models that you may see, by slug")
                .query::<ListQuery>()
                .gives::<List<ModelSummary>>(200, "A page of models"),
        )
        .post("/api/v1/models", Access::May(Permission::RegisterModel), add)
        .describe(
            Operation::new(Area::Models, "addModel", "Register a model")
                .takes::<NewModel>()
                .gives::<ModelAnswer>(201, "The model")
                .located()
                .refuses(409),
        )
        .get("/api/v1/models/{model}", read, show)
        .describe(
            Operation::new(Area::Models, "getModel", "Read a model")
                .gives::<ModelAnswer>(200, "The model"),
        )
        .patch("/api/v1/models/{model}", Access::May(Permission::DescribeModel), change)
        .describe(
            Operation::new(Area::Models, "changeModel", "Describe a model anew")
                .about(
                    "Send what changes; the rest stays. Null empties a field (RFC 7396). The slug \
                     never changes.",
                )
                .takes::<ModelChange>()
                .gives::<ModelAnswer>(200, "The model as it is now"),
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ListQuery {
    /// Only those whose slug or name contains this.
    q: String,
    /// Only those of the team with this slug.
    team: Option<String>,
    #[schemars(with = "Option<Task>")]
    task: Option<String>,
    #[schemars(with = "Option<RiskTier>")]
    risk_tier: Option<String>,
    #[schemars(with = "Option<Stage>")]
    stage: Option<String>,
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A model as lists give it.
#[derive(Serialize, JsonSchema)]
struct ModelSummary {
    id: ModelId,
    /// What addresses it; it never changes.
    slug: String,
    name: String,
    /// The slug of the team that owns it.
    team: String,
    task: Task,
    /// How much harm it could do; decides which policies apply.
    risk_tier: RiskTier,
    stage: Stage,
    /// What a positive prediction means for the person it is made of; decides which group is best.
    positive_outcome: PositiveOutcome,
    architecture: String,
    /// Where people meet it.
    surface: String,
    intended_use: String,
    out_of_scope_use: String,
    /// Whether only its team and admins may see it.
    restricted: bool,
    /// How many days the pruned rows of its runs are kept for comparison row by row; 0: not at all.
    rows_kept_days: i64,
    /// Raised by each change; the number in the ETag.
    version: i64,
    created_at: Moment,
    updated_at: Moment,
}

/// A model.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Model")]
struct ModelAnswer {
    #[serde(flatten)]
    summary: ModelSummary,
    /// E-mail addresses.
    owners: Vec<String>,
    /// Slugs of the models that it depends on, as far as you may see them.
    depends_on: Vec<String>,
    /// Slugs of the models that depend on it, as far as you may see them.
    depended_on_by: Vec<String>,
}

/// A model to be registered.
#[derive(JsonSchema)]
pub struct NewModel {
    /// What addresses it; it never changes.
    #[schemars(regex(pattern = SLUG_PATTERN))]
    pub slug: String,
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The slug of the team that owns it.
    pub team: String,
    pub task: Task,
    /// How much harm it could do; decides which policies apply.
    pub risk_tier: RiskTier,
    #[serde(flatten)]
    pub more: ModelMore,
}

/// What else can be said of a model.
#[derive(JsonSchema)]
pub struct ModelMore {
    pub stage: Option<Stage>,
    /// What a positive prediction means for the person it is made of: favourable unless it says
    /// otherwise.
    pub positive_outcome: Option<PositiveOutcome>,
    #[schemars(length(max = 200))]
    pub architecture: Option<String>,
    /// Where people meet it.
    #[schemars(length(max = 200))]
    pub surface: Option<String>,
    #[schemars(length(max = 10000))]
    pub intended_use: Option<String>,
    #[schemars(length(max = 10000))]
    pub out_of_scope_use: Option<String>,
    /// E-mail addresses of people with an account.
    #[schemars(length(max = 50))]
    pub owners: Option<Vec<String>>,
    /// Slugs of the models that it depends on.
    #[schemars(length(max = 100))]
    pub depends_on: Option<Vec<String>>,
    /// Whether only its team and admins may see it.
    pub restricted: Option<bool>,
    /// How many days the pruned rows of its runs are kept for comparison row by row: 180 unless it
    /// says otherwise; 0: not at all.
    #[schemars(range(min = 0, max = 3650))]
    pub rows_kept_days: Option<u32>,
}

/// What changes of a model.
#[derive(JsonSchema)]
pub struct ModelChange {
    /// The slug that it has: it never changes.
    pub slug: Option<String>,
    #[schemars(length(min = 1, max = 200))]
    pub name: Option<String>,
    /// The slug of the team that owns it.
    pub team: Option<String>,
    pub task: Option<Task>,
    /// How much harm it could do; decides which policies apply.
    pub risk_tier: Option<RiskTier>,
    #[serde(flatten)]
    pub more: ModelMore,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<ModelSummary>>> {
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
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let limit = cursor.limit()?;
    let visible = visibility(&app, &actor).await?;
    let after = cursor.cursor.unwrap_or_default();
    // One more than asked for tells whether there are more.
    let asked = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
    let (mut models, total) = app.store.models_after(&visible, &filter, &after, asked).await?;
    let more = models.len() > limit;
    models.truncate(limit);
    let next_cursor = models.last().filter(|_| more).map(|model| model.slug.clone());
    let items = models.iter().map(summary).collect();
    let total = usize::try_from(total).unwrap_or_default();
    Ok(Json(List { items, next_cursor, total }))
}

fn summary(model: &Model) -> ModelSummary {
    ModelSummary {
        id: model.id,
        slug: model.slug.clone(),
        name: model.name.clone(),
        team: model.team_slug.clone(),
        task: model.task,
        risk_tier: model.risk_tier,
        stage: model.stage,
        positive_outcome: model.positive_outcome,
        architecture: model.architecture.clone(),
        surface: model.surface.clone(),
        intended_use: model.intended_use.clone(),
        out_of_scope_use: model.out_of_scope_use.clone(),
        restricted: model.restricted,
        rows_kept_days: model.rows_kept_days.unwrap_or_default(),
        version: model.version,
        created_at: Moment::of(model.created_at),
        updated_at: Moment::of(model.updated_at),
    }
}

/// A model with its owners and dependencies, and its version as the ETag.
async fn whole(app: &App, actor: &Actor, status: StatusCode, model: &Model) -> Result<Response> {
    let visible = visibility(app, actor).await?;
    let owners =
        app.store.owners_of(model.id).await?.into_iter().map(|owner| owner.email).collect();
    let seen = |relatives: Vec<crate::store::models::Relative>| -> Vec<String> {
        relatives
            .into_iter()
            .filter(|other| visible.shows(other.team_id, other.restricted))
            .map(|other| other.slug)
            .collect()
    };
    let answer = ModelAnswer {
        summary: summary(model),
        owners,
        depends_on: seen(app.store.dependencies_of(model.id).await?),
        depended_on_by: seen(app.store.dependents_of(model.id).await?),
    };
    etag::tagged(status, &answer, model.version)
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
    let others = input.check().err().unwrap_or_default();
    Ok(both(errors, &others).into_result()?)
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
    // After the body: what is wrong in itself is wrong whatever it was made from.
    etag::check(&headers, model.version, &format!("model `{slug}`"))?;
    let model = register_model::describe(&app, &actor, &slug, model.version, &input).await?;
    whole(&app, &actor, StatusCode::OK, &model).await
}
