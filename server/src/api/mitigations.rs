//! Mitigations: recorded, changed, and proved by a run before and a run after.

use super::body::{Body, refuse};
use super::etag;
use super::moment::Moment;
use super::operation::{Area, Operation};
use super::page::{Cursor, List, cut};
use super::query::Query;
use super::runs::RunAnswer;
use crate::actions::mitigations::{self, MitigationInput, Proved};
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::mitigations::Mitigation;
use crate::store::models::Model;
use app::domain::mitigation::{Basis, Effect, Kind, Moved, Proof, State as Standing};
use app::domain::{MitigationId, Permission};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use metrics::{Estimate, Interval, Slice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let mitigate = Access::May(Permission::Mitigate);
    routes
        .get("/api/v1/mitigations", read, list)
        .describe(
            Operation::new(Area::Mitigations, "listMitigations", "List mitigations, newest first")
                .query::<ListQuery>()
                .gives::<List<MitigationSummary>>(200, "A page of mitigations"),
        )
        .post("/api/v1/mitigations", mitigate, add)
        .describe(
            Operation::new(Area::Mitigations, "addMitigation", "Record a mitigation")
                .takes::<NewMitigation>()
                .gives::<MitigationAnswer>(201, "The mitigation")
                .located()
                .refuses(404)
                .refuses(409),
        )
        .get("/api/v1/mitigations/{mitigation}", read, show)
        .describe(
            Operation::new(Area::Mitigations, "getMitigation", "Read a mitigation")
                .about("With its runs, what they prove, and whom it harmed.")
                .gives::<MitigationAnswer>(200, "The mitigation"),
        )
        .patch("/api/v1/mitigations/{mitigation}", mitigate, change)
        .describe(
            Operation::new(Area::Mitigations, "changeMitigation", "Change a mitigation")
                .about(
                    "Send what changes; the rest stays. Null empties a field (RFC 7396). The model \
                     never changes.",
                )
                .takes::<MitigationChange>()
                .gives::<MitigationAnswer>(200, "The mitigation as it is now"),
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ListQuery {
    #[schemars(with = "Option<Standing>")]
    state: Option<String>,
    /// Only those of the model with this slug.
    model: Option<String>,
    /// Only those for the finding with this id.
    finding: Option<String>,
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A mitigation to be recorded.
#[derive(JsonSchema)]
pub struct NewMitigation {
    /// The model's slug.
    pub model: String,
    pub kind: Kind,
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
    /// The metric that it is to move, by its key.
    pub metric: String,
    /// By how much the metric should change on the slice, with its sign.
    pub change: f64,
    #[serde(flatten)]
    pub more: MitigationMore,
}

/// What else can be said of a mitigation.
#[derive(JsonSchema)]
pub struct MitigationMore {
    #[schemars(length(max = 10000))]
    pub hypothesis: Option<String>,
    /// The slice that it is for, also in its text form; overall, unless it says otherwise.
    pub slice: Option<SliceInput>,
    /// The id of the finding that it answers.
    pub finding: Option<String>,
    /// An e-mail address: whoever asks, unless it says otherwise.
    pub owner: Option<String>,
    /// Proposed, unless it says otherwise.
    pub state: Option<Standing>,
    /// The id of the run before.
    pub before: Option<String>,
    /// The id of the run after.
    pub after: Option<String>,
}

/// A slice as an object, or in its text form.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "SliceOrText")]
pub enum SliceInput {
    Object(Slice),
    Text(String),
}

/// What changes of a mitigation.
#[derive(JsonSchema)]
pub struct MitigationChange {
    pub kind: Option<Kind>,
    #[schemars(length(min = 1, max = 200))]
    pub title: Option<String>,
    /// The metric that it is to move, by its key.
    pub metric: Option<String>,
    /// By how much the metric should change on the slice, with its sign.
    pub change: Option<f64>,
    #[serde(flatten)]
    pub more: MitigationMore,
}

/// A mitigation as lists give it.
#[derive(Serialize, JsonSchema)]
struct MitigationSummary {
    id: MitigationId,
    /// What people call it, such as M-2.
    number: String,
    /// Its page.
    url: String,
    /// The model's slug.
    model: String,
    /// The name of the team that owns the model.
    team: String,
    kind: Kind,
    title: String,
    hypothesis: String,
    /// The metric that it is to move, by its key.
    metric: String,
    slice: Option<Slice>,
    /// By how much the metric should change, with its sign.
    change: Option<f64>,
    /// The id of the finding that it answers.
    finding: Option<Uuid>,
    /// An e-mail address.
    owner: String,
    state: Standing,
    /// The id of the run before.
    before: Option<Uuid>,
    /// The id of the run after.
    after: Option<Uuid>,
    shipped_at: Option<Moment>,
    created_by: String,
    created_at: Moment,
    updated_at: Moment,
    /// Raised by each change; the number in the ETag.
    version: i64,
}

/// A mitigation with its runs and what they prove.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Mitigation")]
struct MitigationAnswer {
    #[serde(flatten)]
    summary: MitigationSummary,
    before_run: Option<RunAnswer>,
    after_run: Option<RunAnswer>,
    /// Null: not measured yet.
    proof: Option<ProofAnswer>,
}

/// What the run after shows against the run before.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Proof")]
struct ProofAnswer {
    /// Null: the runs do not compare; the sentence says why.
    effect: Option<Effect>,
    sentence: String,
    target: Option<MovedAnswer>,
    /// Slices that got worse beyond chance, the farthest first.
    worse: Vec<MovedAnswer>,
    /// How many series were looked at for that.
    looked_at: usize,
    basis: Option<BasisAnswer>,
}

/// What a proof rests on.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProofBasis")]
struct BasisAnswer {
    /// Whether the same rows are compared.
    paired: bool,
    /// Rows that both runs have, where they are compared.
    rows: Option<u64>,
    /// What is to be known of those that are not compared so.
    notes: Vec<String>,
    /// Why the runs are taken as independent samples.
    why: Option<String>,
}

/// One series from the run before to the run after.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Moved")]
struct MovedAnswer {
    /// The metric's key.
    metric: String,
    slice: Slice,
    before: Estimate,
    after: Estimate,
    /// After minus before.
    change: f64,
    interval: Interval,
    /// What the same rows say; null where the runs were taken as independent samples.
    paired: Option<PairedAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Paired")]
struct PairedAnswer {
    /// Rows that it rests on.
    n: u64,
    /// Two-sided p-value of no change.
    p: f64,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<MitigationSummary>>> {
    let state: Option<Standing> =
        query.state.map(|word| word.parse()).transpose().map_err(Error::BadRequest)?;
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let mitigations = mitigations::seen(&app, &actor).await?;
    let wanted = |it: &Mitigation| {
        state.is_none_or(|state| it.state == state)
            && query.model.as_ref().is_none_or(|model| it.model_slug == *model)
            && query
                .finding
                .as_ref()
                .is_none_or(|finding| it.finding_id.is_some_and(|id| id.to_string() == *finding))
    };
    Ok(Json(cut(&mitigations, wanted, &cursor, name)?.map(summary)))
}

/// What people call it.
fn name(mitigation: &Mitigation) -> String {
    format!("M-{}", mitigation.number)
}

fn summary(it: &Mitigation) -> MitigationSummary {
    MitigationSummary {
        id: it.id,
        number: name(it),
        url: format!("/mitigations/{}", it.number),
        model: it.model_slug.clone(),
        team: it.team_name.clone(),
        kind: it.kind,
        title: it.title.clone(),
        hypothesis: it.hypothesis.clone(),
        metric: it.metric.clone(),
        slice: Slice::parse(&it.slice).ok(),
        change: it.target_change.parse().ok(),
        finding: it.finding_id,
        owner: it.owner_email.clone(),
        state: it.state,
        before: it.before_run_id,
        after: it.after_run_id,
        shipped_at: it.shipped_at.map(Moment::of),
        created_by: it.created_by_name.clone(),
        created_at: Moment::of(it.created_at),
        updated_at: Moment::of(it.updated_at),
        version: it.version,
    }
}

/// A mitigation with its runs and what they prove, and its version in the ETag.
async fn whole(
    app: &App,
    actor: &Actor,
    status: StatusCode,
    (mitigation, model): (&Mitigation, &Model),
) -> Result<Response> {
    let (proved, before, after) = mitigations::proof(app, actor, mitigation, model).await?;
    let answer = MitigationAnswer {
        summary: summary(mitigation),
        before_run: before.map(|run| RunAnswer::of(&model.slug, &run)),
        after_run: after.map(|run| RunAnswer::of(&model.slug, &run)),
        proof: match proved {
            Proved::NotMeasured => None,
            Proved::Not(why) => Some(ProofAnswer {
                effect: None,
                sentence: why,
                target: None,
                worse: vec![],
                looked_at: 0,
                basis: None,
            }),
            Proved::By(proof) => Some(proof_answer(&proof)),
        },
    };
    etag::tagged(status, &answer, mitigation.version)
}

fn proof_answer(proof: &Proof) -> ProofAnswer {
    ProofAnswer {
        effect: Some(proof.effect),
        sentence: proof.sentence.clone(),
        target: proof.target.as_ref().map(moved),
        worse: proof.worse.iter().map(moved).collect(),
        looked_at: proof.looked_at,
        basis: Some(match &proof.basis {
            Basis::Paired { rows, notes } => {
                BasisAnswer { paired: true, rows: Some(*rows), notes: notes.clone(), why: None }
            }
            Basis::Unpaired(why) => {
                BasisAnswer { paired: false, rows: None, notes: vec![], why: Some(why.clone()) }
            }
        }),
    }
}

fn moved(moved: &Moved) -> MovedAnswer {
    MovedAnswer {
        metric: moved.metric.clone(),
        slice: moved.slice.clone(),
        before: moved.before.clone(),
        after: moved.after.clone(),
        change: moved.value,
        interval: moved.interval.clone(),
        paired: moved.paired.map(|paired| PairedAnswer { n: paired.n, p: paired.p }),
    }
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(number): Path<String>,
) -> Result<Response> {
    let (mitigation, model) = mitigations::find(&app, &actor, &number).await?;
    whole(&app, &actor, StatusCode::OK, (&mitigation, &model)).await
}

/// Puts what was sent over an input; the rest stays.
fn read_over(body: &mut Body, input: &mut MitigationInput) {
    body.text("kind", &mut input.kind);
    body.text("title", &mut input.title);
    body.text("hypothesis", &mut input.hypothesis);
    body.text("metric", &mut input.metric);
    body.slice("slice", &mut input.slice);
    body.number("change", &mut input.change);
    body.text("finding", &mut input.finding);
    body.text("owner", &mut input.owner);
    body.text("state", &mut input.state);
    body.text("before", &mut input.before);
    body.text("after", &mut input.after);
}

async fn add(State(app): State<App>, actor: Actor, bytes: Bytes) -> Result<Response> {
    let mut input = MitigationInput { owner: actor.email.clone(), ..MitigationInput::default() };
    let mut body = Body::parse(&bytes)?;
    body.text("model", &mut input.model);
    read_over(&mut body, &mut input);
    let checked = async {
        let model = mitigations::model_of(&app, &actor, &input).await?;
        mitigations::check(&app, &model, &input).await
    };
    refuse(body.finish(), checked).await?;
    let number = mitigations::add(&app, &actor, &input).await?;
    let (mitigation, model) = mitigations::find(&app, &actor, &number.to_string()).await?;
    let mut response = whole(&app, &actor, StatusCode::CREATED, (&mitigation, &model)).await?;
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/mitigations/{}", name(&mitigation)))
    {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

async fn change(
    State(app): State<App>,
    actor: Actor,
    headers: HeaderMap,
    Path(number): Path<String>,
    bytes: Bytes,
) -> Result<Response> {
    let (before, model) = mitigations::find(&app, &actor, &number).await?;
    let mut input = MitigationInput::of(&before);
    let mut body = Body::parse(&bytes)?;
    read_over(&mut body, &mut input);
    refuse(body.finish(), mitigations::check(&app, &model, &input)).await?;
    mitigations::check(&app, &model, &input).await?;
    // After the body: what is wrong in itself is wrong whatever it was made from.
    etag::check(&headers, before.version, &name(&before))?;
    mitigations::edit(&app, &actor, &number, before.version, &input).await?;
    let (mitigation, model) = mitigations::find(&app, &actor, &number).await?;
    whole(&app, &actor, StatusCode::OK, (&mitigation, &model)).await
}
