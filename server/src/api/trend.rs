//! The trend of a metric over the runs of a model.

use super::moment::Moment;
use super::operation::{Area, Operation};
use super::query::Query;
use super::runs::{parse_reference, parse_slice};
use crate::actions::trend::{Asked, trend};
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use app::domain::{Permission, RunId};
use app::upload::parse_time;
use axum::Json;
use axum::extract::{Path, State};
use metrics::disparity::Disparity;
use metrics::monitor::Monitored;
use metrics::{Estimate, Slice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/models/{model}/trend", Access::May(Permission::Read), show).describe(
        Operation::new(Area::Runs, "getTrend", "Follow a metric over the runs of a model")
            .about(
                "The oldest evaluation first, without voided runs. Where `broken` says why, earlier \
                 points do not compare with later ones.",
            )
            .query::<TrendQuery>()
            .gives::<TrendAnswer>(200, "A point for each run")
            .refuses(422),
    )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TrendQuery {
    /// The metric's key; the one that says most about the model, unless it says which.
    #[schemars(extend("example" = "true_positive_rate"))]
    metric: Option<String>,
    /// The slices, one parameter for each; those of the attribute with the most groups, unless it
    /// says which.
    slice: Vec<String>,
    /// The dataset as NAME@VERSION; every one, unless it says which.
    dataset: Option<String>,
    /// What groups are compared with: `best` unless it says otherwise, `overall`, `rest`, or
    /// `group:NAME`.
    reference: Option<String>,
    /// Evaluations from this time on: RFC 3339, or a day.
    from: Option<String>,
    /// Evaluations before this time: RFC 3339, or a day.
    to: Option<String>,
}

/// A metric on slices over runs.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Trend")]
struct TrendAnswer {
    /// The metric's key.
    metric: String,
    slices: Vec<Slice>,
    points: Vec<TrendPoint>,
    monitor: Monitor,
}

/// What control charts say of each slice's rate over fresh samples.
#[derive(Serialize, JsonSchema)]
struct Monitor {
    /// One for each of the slices; null where nothing is claimed of any.
    slices: Option<Vec<Monitored>>,
    /// Why nothing is claimed.
    reason: Option<String>,
}

impl From<std::result::Result<Vec<Monitored>, String>> for Monitor {
    fn from(monitored: std::result::Result<Vec<Monitored>, String>) -> Self {
        match monitored {
            Ok(slices) => Self { slices: Some(slices), reason: None },
            Err(reason) => Self { slices: None, reason: Some(reason) },
        }
    }
}

/// A run in a trend.
#[derive(Serialize, JsonSchema)]
struct TrendPoint {
    run: RunId,
    /// The label of the version that was evaluated.
    version: String,
    evaluated_at: Moment,
    dataset: DatasetName,
    /// Why earlier points do not compare with this one.
    broken: Option<String>,
    /// One for each of the slices; null where the run does not have it.
    estimates: Vec<Option<Estimate>>,
    /// The widest gap to the reference.
    gap: Option<Disparity>,
}

#[derive(Serialize, JsonSchema)]
struct DatasetName {
    name: String,
    version: String,
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(model): Path<String>,
    Query(query): Query<TrendQuery>,
) -> Result<Json<TrendAnswer>> {
    let time = |text: Option<&str>| {
        text.map(|text| parse_time(text).map_err(|problem| Error::input(vec![problem]))).transpose()
    };
    let slices = query.slice.iter().map(|text| parse_slice(text)).collect::<Result<Vec<_>>>()?;
    let asked = Asked {
        metric: query.metric.clone(),
        attribute: None,
        slices,
        dataset: Some(query.dataset.clone().unwrap_or_default()),
        compare: Some(parse_reference(query.reference.as_deref())?),
        from: time(query.from.as_deref())?,
        to: time(query.to.as_deref())?,
    };
    let trend = trend(&app, &actor, &model, asked).await?;
    if query.metric.as_ref().is_some_and(|metric| *metric != trend.metric) {
        let metric = query.metric.unwrap_or_default();
        return Err(Error::NotFound(format!("no run of {model} has the metric {metric}")));
    }
    let points = trend
        .points
        .into_iter()
        .map(|point| TrendPoint {
            run: point.run.id,
            evaluated_at: Moment::of(point.run.evaluated_at),
            version: point.run.version_label,
            dataset: DatasetName { name: point.run.dataset_name, version: point.run.dataset_label },
            broken: point.broken,
            estimates: point.estimates,
            gap: point.gap,
        })
        .collect();
    let monitor = trend.monitor.into();
    Ok(Json(TrendAnswer { metric: trend.metric, slices: trend.slices, points, monitor }))
}
