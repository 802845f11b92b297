//! Objectives and key results, graded from the evidence of now.

use super::body::{Body, refuse};
use super::moment::Moment;
use super::operation::{Area, Operation};
use super::page::{Cursor, List, cut, paged};
use super::query::Query;
use super::teams::team_of;
use crate::actions::okrs::{self, CheckInInput, Graded, ObjectiveInput, Stands, of_period};
use crate::actions::registry::upwards;
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::okrs::{CheckInLine, Objective};
use app::domain::okr::{
    Confidence, Grade, LEVEL, Measure, Period, Promise, Reading, Source, Standing,
};
use app::domain::{KeyResultId, ObjectiveId, Permission, RunId};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use metrics::Slice;
use metrics::disparity::{Kind, Reference};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/objectives", read, objectives)
        .describe(
            Operation::new(Area::Okrs, "listObjectives", "List the objectives of a quarter")
                .about("As they were written.")
                .query::<ListQuery>()
                .gives::<List<ObjectiveAnswer>>(200, "A page of objectives")
                .refuses(422),
        )
        .post("/api/v1/objectives", Access::May(Permission::EditOkr), add_objective)
        .describe(
            Operation::new(Area::Okrs, "addObjective", "Write an objective")
                .takes::<NewObjective>()
                .gives::<ObjectiveAnswer>(201, "The objective"),
        )
        .post(
            "/api/v1/key-results/{key_result}/check-ins",
            Access::May(Permission::CheckIn),
            check_in,
        )
        .describe(
            Operation::new(Area::Okrs, "addCheckIn", "Check in on a key result")
                .about("A live key result reads its value from the evidence and takes none.")
                .takes::<NewCheckIn>()
                .gives::<KeyResultAnswer>(201, "The key result as it stands now")
                .refuses(409),
        )
        .get("/api/v1/okrs", read, graded)
        .describe(
            Operation::new(Area::Okrs, "listOkrs", "Grade the objectives of a quarter")
                .about("With their key results as they stand. Without a value there is a reason.")
                .query::<ListQuery>()
                .gives::<GradedList>(200, "A page of graded objectives")
                .refuses(422),
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ListQuery {
    /// The quarter, such as 2026-Q4: the running one, unless it says otherwise.
    #[schemars(regex(pattern = "^[0-9]{4}-Q[1-4]$"), extend("example" = "2026-Q4"))]
    period: Option<String>,
    /// Only those of the team with this slug and of its sub-teams.
    team: Option<String>,
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An objective to be written.
#[derive(JsonSchema)]
pub struct NewObjective {
    /// The quarter, such as 2026-Q4.
    #[schemars(regex(pattern = "^[0-9]{4}-Q[1-4]$"))]
    pub period: String,
    /// The team's slug.
    pub team: String,
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
    pub kind: Promise,
    /// The id of the objective that it serves.
    pub parent: Option<String>,
    #[schemars(length(max = 10000))]
    pub why: Option<String>,
    /// An e-mail address: whoever asks, unless it says otherwise.
    pub owner: Option<String>,
}

/// A check-in on a key result.
#[derive(JsonSchema)]
pub struct NewCheckIn {
    /// The value now; only of a key result that is not live.
    pub value: Option<f64>,
    /// How sure you are that the target will be met.
    pub confidence: Confidence,
    #[schemars(length(max = 10000))]
    pub note: Option<String>,
}

/// An objective as it was written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Objective")]
struct ObjectiveAnswer {
    id: ObjectiveId,
    /// The quarter.
    period: String,
    /// The team's slug.
    team: String,
    /// The id of the objective that it serves.
    parent: Option<Uuid>,
    title: String,
    why: String,
    kind: Promise,
    owner_name: String,
    created_at: Moment,
}

/// Graded objectives of a quarter.
#[derive(Serialize, JsonSchema)]
struct GradedList {
    /// The quarter.
    period: String,
    /// The share of it that has passed, 0 to 1.
    elapsed: f64,
    #[serde(flatten)]
    page: List<GradedObjective>,
}

/// An objective with its key results, as they stand.
#[derive(Serialize, JsonSchema)]
struct GradedObjective {
    #[serde(flatten)]
    objective: ObjectiveAnswer,
    grade: GradeAnswer,
    key_results: Vec<KeyResultAnswer>,
}

/// How much of what was promised is reached.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Grade")]
struct GradeAnswer {
    /// 0 to 1; null: it cannot be graded.
    value: Option<f64>,
    interval: Option<Ends>,
    standing: Standing,
    /// Why it cannot be graded, or what held it back.
    why: Option<String>,
}

/// The ends of an interval.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IntervalEnds")]
struct Ends {
    low: f64,
    high: f64,
    /// Confidence level.
    level: f64,
}

impl From<(f64, f64)> for Ends {
    fn from((low, high): (f64, f64)) -> Self {
        Self { low, high, level: LEVEL }
    }
}

/// A key result: from where to where, where it is now, and what that is worth.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeyResult")]
struct KeyResultAnswer {
    id: KeyResultId,
    /// Its page.
    url: String,
    /// The objective's id.
    objective: ObjectiveId,
    title: String,
    owner_name: String,
    source: Source,
    /// The model's slug, where it is live.
    model: Option<String>,
    /// What it reads, where it is live.
    measure: Option<MeasureAnswer>,
    unit: String,
    /// Where it began; frozen.
    baseline: Option<Baseline>,
    target: Option<f64>,
    now: Now,
    counter_metric: Option<CounterAnswer>,
    grade: GradeAnswer,
    /// The newest first.
    check_ins: Vec<CheckInAnswer>,
}

/// What a key result reads of the evidence.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Measure")]
struct MeasureAnswer {
    /// The dataset's name; the newest run on any version of it.
    dataset: String,
    /// The metric's key.
    metric: String,
    slice: Option<Slice>,
    /// The gap of the slice to its reference, in place of the estimate.
    disparity: Option<Gap>,
}

#[derive(Serialize, JsonSchema)]
struct Gap {
    kind: Kind,
    reference: Reference,
}

#[derive(Serialize, JsonSchema)]
struct Baseline {
    value: f64,
    interval: Option<Ends>,
    /// The run that it was read from.
    run: Option<Uuid>,
    at: Option<Moment>,
}

/// Where a key result is now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ValueNow")]
struct Now {
    /// Null: there is none, and `why` says why.
    value: Option<f64>,
    interval: Option<Ends>,
    n: Option<u64>,
    /// The run that it was read from.
    run: Option<RunId>,
    why: Option<String>,
}

/// A bound on another measure that the grade must not be bought with.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CounterMetric")]
struct CounterAnswer {
    measure: MeasureAnswer,
    min: Option<f64>,
    max: Option<f64>,
    /// Null: it cannot be told, and `why` says why.
    holds: Option<bool>,
    why: Option<String>,
}

/// What somebody said of a key result.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CheckIn")]
struct CheckInAnswer {
    person: String,
    at: Moment,
    value: Option<f64>,
    confidence: Confidence,
    note: String,
}

fn period(app: &App, query: &ListQuery) -> Result<Period> {
    match query.period.as_deref() {
        None | Some("") => Ok(Period::of(app.clock.now())),
        Some(text) => text.parse().map_err(Error::BadRequest),
    }
}

async fn objectives(
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<ObjectiveAnswer>>> {
    let period = period(&app, &query)?;
    let team = team_of(&app, query.team.as_deref()).await?;
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let teams = app.store.teams().await?;
    let objectives = app.store.objectives(&period.to_string()).await?;
    let wanted =
        |it: &Objective| team.is_none_or(|team| upwards(&teams, it.team_id).contains(&team));
    Ok(Json(cut(&objectives, wanted, &cursor, |it| it.id.to_string())?.map(objective_answer)))
}

fn objective_answer(objective: &Objective) -> ObjectiveAnswer {
    ObjectiveAnswer {
        id: objective.id,
        period: objective.period.clone(),
        team: objective.team_slug.clone(),
        parent: objective.parent_id,
        title: objective.title.clone(),
        why: objective.why.clone(),
        kind: objective.kind,
        owner_name: objective.owner_name.clone(),
        created_at: Moment::of(objective.created_at),
    }
}

async fn graded(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<GradedList>> {
    let period = period(&app, &query)?;
    let team = team_of(&app, query.team.as_deref()).await?;
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let graded = of_period(&app, &actor, period, team).await?;
    let page = paged(&graded, &cursor, |it| it.objective.id.to_string())?;
    Ok(Json(GradedList {
        period: period.to_string(),
        elapsed: period.elapsed(app.clock.now()),
        page: page.map(graded_objective),
    }))
}

fn graded_objective(graded: &Graded) -> GradedObjective {
    GradedObjective {
        objective: objective_answer(&graded.objective),
        grade: grade_answer(&graded.grade),
        key_results: graded.key_results.iter().map(key_result).collect(),
    }
}

fn grade_answer(grade: &Grade) -> GradeAnswer {
    GradeAnswer {
        value: grade.value,
        interval: grade.interval.map(Ends::from),
        standing: grade.standing,
        why: grade.why.clone(),
    }
}

fn measure_answer(measure: &Measure) -> MeasureAnswer {
    MeasureAnswer {
        dataset: measure.dataset.clone(),
        metric: measure.metric.clone(),
        slice: Slice::parse(&measure.slice).ok(),
        disparity: measure
            .disparity
            .as_ref()
            .map(|it| Gap { kind: it.kind, reference: it.reference.clone() }),
    }
}

fn key_result(stands: &Stands) -> KeyResultAnswer {
    let it = &stands.key_result;
    let run = stands.run;
    let now = match &stands.now {
        Ok((Reading { value, interval }, n)) => {
            Now { value: Some(*value), interval: interval.map(Ends::from), n: *n, run, why: None }
        }
        Err(why) => Now { value: None, interval: None, n: None, run, why: Some(why.clone()) },
    };
    KeyResultAnswer {
        id: it.id,
        url: format!("/key-results/{}", it.id),
        objective: it.objective_id,
        title: it.title.clone(),
        owner_name: it.owner_name.clone(),
        source: it.source,
        model: stands.model.as_ref().map(|model| model.slug.clone()),
        measure: stands.measure.as_ref().map(measure_answer),
        unit: it.unit.clone(),
        baseline: it.start().map(|Reading { value, interval }| Baseline {
            value,
            interval: interval.map(Ends::from),
            run: it.baseline_run_id,
            at: it.baseline_at.map(Moment::of),
        }),
        target: it.target,
        now,
        counter_metric: stands.counter.as_ref().map(|(counter, held)| CounterAnswer {
            measure: measure_answer(&counter.measure),
            min: counter.min,
            max: counter.max,
            holds: held.as_ref().ok().copied(),
            why: held.as_ref().err().cloned(),
        }),
        grade: grade_answer(&stands.grade),
        check_ins: stands.check_ins.iter().map(check_in_answer).collect(),
    }
}

fn check_in_answer(line: &CheckInLine) -> CheckInAnswer {
    CheckInAnswer {
        person: line.person_name.clone(),
        at: Moment::of(line.at),
        value: line.value,
        confidence: line.confidence,
        note: line.note.clone(),
    }
}

async fn add_objective(
    State(app): State<App>,
    actor: Actor,
    bytes: Bytes,
) -> Result<(StatusCode, Json<ObjectiveAnswer>)> {
    let mut input = ObjectiveInput { owner: actor.email.clone(), ..ObjectiveInput::default() };
    let mut body = Body::parse(&bytes)?;
    body.text("period", &mut input.period);
    body.text("team", &mut input.team);
    body.text("parent", &mut input.parent);
    body.text("title", &mut input.title);
    body.text("why", &mut input.why);
    body.text("kind", &mut input.kind);
    body.text("owner", &mut input.owner);
    refuse(body.finish(), okrs::check_objective(&app, &input)).await?;
    let id = okrs::add_objective(&app, &actor, &input).await?;
    let objective = app.store.objective(id).await?.ok_or_else(|| Error::not_found("objective"))?;
    Ok((StatusCode::CREATED, Json(objective_answer(&objective))))
}

/// Checks in, and gives the key result as it stands after that.
async fn check_in(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<KeyResultAnswer>)> {
    let mut input = CheckInInput::default();
    let (_, stands) = okrs::find(&app, &actor, &id).await?;
    let mut body = Body::parse(&bytes)?;
    body.number("value", &mut input.value);
    body.text("confidence", &mut input.confidence);
    body.text("note", &mut input.note);
    let source = stands.key_result.source;
    refuse(body.finish(), async { input.check(source).map_err(Error::Fields) }).await?;
    okrs::check_in(&app, &actor, &id, &input).await?;
    let (_, stands) = okrs::find(&app, &actor, &id).await?;
    Ok((StatusCode::CREATED, Json(key_result(&stands))))
}
