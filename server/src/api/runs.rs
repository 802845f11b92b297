//! Read runs back.

use super::moment::Moment;
use super::operation::{Area, Operation};
use super::page::{Cursor, List, paged};
use super::query::{Query, given};
use crate::actions::runs::{find_run, look, runs_of};
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::runs::Run;
use app::domain::model::PositiveOutcome;
use app::domain::{Permission, PersonId, RunId};
use axum::Json;
use axum::extract::{Path, State};
use metrics::disparity::{Disparity, Exploration, Explored, FALSE_DISCOVERY_RATE, Kind, Reference};
use metrics::{Estimate, Instrument, Problem, Slice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/models/{model}/runs", read, list)
        .describe(
            Operation::new(Area::Runs, "listRuns", "List the runs of a model")
                .about("The newest evaluation first, without their estimates.")
                .query::<Cursor>()
                .gives::<List<RunAnswer>>(200, "A page of runs"),
        )
        .get("/api/v1/runs/{run}", read, show)
        .describe(
            Operation::new(Area::Runs, "getRun", "Read a run")
                .about("Without its estimates.")
                .gives::<RunAnswer>(200, "The run"),
        )
        .get("/api/v1/runs/{run}/estimates", read, estimates)
        .describe(
            Operation::new(Area::Runs, "listEstimates", "List the estimates of a run")
                .about(
                    "In the order of the run, under the names of the attribute registry. Those of \
                     small groups are hidden from whoever may not see them.",
                )
                .query::<EstimatesQuery>()
                .gives::<List<Estimate>>(200, "A page of estimates")
                .refuses(422),
        )
        .get("/api/v1/runs/{run}/disparities", read, disparities)
        .describe(
            Operation::new(Area::Runs, "listDisparities", "Compare the groups of a run")
                .about("Every group of every attribute against the reference, on every metric.")
                .query::<DisparitiesQuery>()
                .gives::<List<Disparity>>(200, "A page of comparisons")
                .refuses(422),
        )
        .get("/api/v1/runs/{run}/differences", read, differences)
        .describe(
            Operation::new(Area::Runs, "listDifferences", "List what differs beyond chance")
                .about(
                    "Every group against everyone else on every metric, as one family: p-values are \
                     adjusted to hold the false discovery rate, the most certain comes first. What \
                     is found is exploratory: other data must confirm it.",
                )
                .query::<DifferencesQuery>()
                .gives::<DifferencesAnswer>(200, "A page of the family")
                .refuses(422),
        )
}

/// A run without its estimates.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Run")]
pub struct RunAnswer {
    id: RunId,
    /// Its page.
    url: String,
    /// Of its canonical content.
    digest: String,
    /// The model's slug.
    model: String,
    /// The label of the version that was evaluated.
    version: String,
    dataset: DatasetAnswer,
    instrument: Instrument,
    /// What a positive prediction means, where it differs from the model's own.
    #[schemars(with = "Option<PositiveOutcome>")]
    positive_outcome: Option<String>,
    /// As what the file was read.
    format: String,
    /// Of the bytes that were sent.
    source_digest: String,
    evaluated_at: Moment,
    received_at: Moment,
    uploader: Uploader,
    /// Null: it was not voided.
    voided: Option<Voided>,
    receipt: Option<ReceiptAnswer>,
}

/// The evaluation set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DatasetVersion")]
struct DatasetAnswer {
    name: String,
    version: String,
    digest: Option<String>,
    rows: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Uploader {
    id: PersonId,
    name: String,
}

/// Why a run counts no longer; it stays readable.
#[derive(Serialize, JsonSchema)]
struct Voided {
    at: Moment,
    by: Option<String>,
    reason: Option<String>,
}

/// What was read of an upload, what not and why.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Receipt")]
pub enum ReceiptAnswer {
    Predictions(metrics::evaluate::Receipt),
    Results(app::upload::Receipt),
}

/// A receipt as the reader of the file gave it.
pub fn received_as(receipt: Value) -> Option<ReceiptAnswer> {
    serde_json::from_value(receipt).ok()
}

impl RunAnswer {
    pub fn of(model: &str, run: &Run) -> Self {
        Self {
            id: run.id,
            url: format!("/runs/{}", run.id),
            digest: run.digest.clone(),
            model: model.to_owned(),
            version: run.version_label.clone(),
            dataset: DatasetAnswer {
                name: run.dataset_name.clone(),
                version: run.dataset_label.clone(),
                digest: run.dataset_digest.clone(),
                rows: run.dataset_rows,
            },
            instrument: Instrument {
                name: run.instrument_name.clone(),
                version: run.instrument_version.clone(),
                definitions: run.instrument_definitions.clone(),
                judge: run.instrument_judge.clone(),
            },
            positive_outcome: run.positive_outcome.clone(),
            format: run.format.clone(),
            source_digest: format!("sha256:{}", run.source_digest),
            evaluated_at: Moment::of(run.evaluated_at),
            received_at: Moment::of(run.received_at),
            uploader: Uploader { id: run.uploader_id, name: run.uploader_name.clone() },
            voided: run.voided_at.map(|at| Voided {
                at: Moment::of(at),
                by: run.voided_by_name.clone(),
                reason: run.void_reason.clone(),
            }),
            receipt: serde_json::from_str(&run.receipt).ok(),
        }
    }
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Path(model): Path<String>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<List<RunAnswer>>> {
    let (model, mut runs) = runs_of(&app, &actor, &model).await?;
    runs.reverse();
    let page = paged(&runs, &cursor, |run| run.id.to_string())?;
    Ok(Json(page.map(|run| RunAnswer::of(&model.slug, run))))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<RunAnswer>> {
    let (run, model) = find_run(&app, &actor, &id).await?;
    Ok(Json(RunAnswer::of(&model.slug, &run)))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct EstimatesQuery {
    /// Only those of this metric, by its key; with its cut-off where it has one.
    #[schemars(extend("example" = "true_positive_rate"))]
    metric: Option<String>,
    /// Only those of this slice; the empty text is overall.
    #[serde(deserialize_with = "given")]
    #[schemars(extend("example" = "sex=Female"))]
    slice: Option<String>,
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A slice in its text form.
///
/// # Errors
/// [`Error::Input`].
pub fn parse_slice(text: &str) -> Result<Slice> {
    Slice::parse(text).map_err(|error| {
        Error::input(vec![
            Problem::new("bad_slice", error.to_string()).expected("attribute=group, joined by ;"),
        ])
    })
}

async fn estimates(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<EstimatesQuery>,
) -> Result<Json<List<Estimate>>> {
    let slice = query.slice.as_deref().map(parse_slice).transpose()?;
    let seen = look(&app, &actor, &id).await?;
    // A slice may be asked for by the name that the run gave it.
    let registry = app.store.registry().await?;
    let slice = slice.map(|slice| registry.resolve(seen.model.id, &slice));
    in_order(seen.filtered(query.metric.as_deref(), slice.as_ref()), query.limit, query.cursor)
}

/// One page of what a run holds. A run never changes, so a place in it is a cursor.
fn in_order<T>(
    items: Vec<T>,
    limit: Option<usize>,
    cursor: Option<String>,
) -> Result<Json<List<T>>> {
    let places: Vec<usize> = (0..items.len()).collect();
    let page = paged(&places, &Cursor { limit, cursor }, ToString::to_string)?;
    let first = page.items.first().map_or(0, |at| **at);
    let mut items = items.into_iter().skip(first);
    let List { items: at, next_cursor, total } = page;
    Ok(Json(List { items: items.by_ref().take(at.len()).collect(), next_cursor, total }))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct DisparitiesQuery {
    /// What groups are compared with: `best` unless it says otherwise, `overall`, `rest`, or
    /// `group:NAME`.
    reference: Option<String>,
    /// Difference or ratio; both unless it says which.
    kind: Option<Kind>,
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

async fn disparities(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<DisparitiesQuery>,
) -> Result<Json<List<Disparity>>> {
    let reference = parse_reference(query.reference.as_deref())?;
    let seen = look(&app, &actor, &id).await?;
    let kinds = query.kind.map_or_else(|| vec![Kind::Difference, Kind::Ratio], |kind| vec![kind]);
    in_order(seen.disparities(&reference, &kinds), query.limit, query.cursor)
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct DifferencesQuery {
    /// The false discovery rate to hold: 0.05 unless it says otherwise.
    #[schemars(range(min = 0.001, max = 0.999))]
    rate: Option<f64>,
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of what a run shows beyond chance.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Differences")]
struct DifferencesAnswer {
    /// Always true: what is found here needs other data to be confirmed.
    exploratory: bool,
    /// Which comparisons make up the family, in words.
    family: String,
    /// The false discovery rate that is held over the family.
    rate: f64,
    /// How many comparisons could be tested.
    tested: usize,
    /// How many could not, having no value or no interval.
    untested: usize,
    #[serde(flatten)]
    page: List<Explored>,
}

async fn differences(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<DifferencesQuery>,
) -> Result<Json<DifferencesAnswer>> {
    let rate = query.rate.unwrap_or(FALSE_DISCOVERY_RATE);
    if !(0.001..=0.999).contains(&rate) {
        let problem = Problem::new("bad_rate", format!("rate is {rate}"));
        return Err(Error::input(vec![
            problem.expected("a false discovery rate from 0.001 to 0.999, such as 0.05"),
        ]));
    }
    let Exploration { exploratory, family, rate, tested, untested, comparisons } =
        look(&app, &actor, &id).await?.exploration(rate);
    let Json(page) = in_order(comparisons, query.limit, query.cursor)?;
    Ok(Json(DifferencesAnswer { exploratory, family, rate, tested, untested, page }))
}

/// What groups are compared with; the best one unless said otherwise.
pub fn parse_reference(text: Option<&str>) -> Result<Reference> {
    text.filter(|text| !text.is_empty()).map_or(Ok(Reference::Best), |text| {
        text.parse()
            .map_err(|error: String| Error::input(vec![Problem::new("bad_reference", error)]))
    })
}
