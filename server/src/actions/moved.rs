//! What moved beyond chance: since the version that was launched last, and since one's last visit.

use crate::actions::readiness::least;
use crate::actions::registry::visibility;
use crate::actions::runs::{outcome_of, shown};
use crate::auth::Actor;
use crate::error::Result;
use crate::state::App;
use crate::store::models::Model;
use crate::store::runs::Run;
use crate::store::versions::Version;
use app::domain::disclosure::is_hidden;
use app::domain::model::Task;
use app::domain::moved::{Moved, moved};
use metrics::Estimate;

/// A run against an earlier one on the same dataset version.
#[derive(Clone, Debug)]
pub struct Compared {
    pub model: Model,
    pub before: Run,
    pub after: Run,
    pub moved: Moved,
}

/// New runs that home tells of; the newest count.
const TOLD: usize = 4;

/// Metrics that decide about people: few, so that what moved stays a list that is read.
const fn telling(task: Task) -> &'static [&'static str] {
    match task {
        Task::BinaryClassification | Task::MulticlassClassification => &[
            "selection_rate",
            "true_positive_rate",
            "false_positive_rate",
            "accuracy",
            "precision",
            "roc_auc",
        ],
        Task::Regression => &["mean_error", "mean_absolute_error", "root_mean_squared_error"],
        Task::Ranking => &["ndcg@10", "recall@10", "exposure_per_relevance", "diversity@10"],
        Task::TextGeneration | Task::ImageGeneration => {
            &["refusal_rate", "toxicity_rate", "unsafe_rate", "stereotype_rate", "win_rate"]
        }
    }
}

/// The metrics and slices that moved beyond chance from the launched version to this one, on the
/// newest run of each on the same dataset version.
pub async fn since_launch(
    app: &App,
    actor: &Actor,
    model: &Model,
    version: &Version,
) -> Result<Option<Compared>> {
    let launched = app.store.launched_before(model.id, version.id).await?;
    let Some(launched) = launched else { return Ok(None) };
    let before = app.store.evidence_runs(launched).await?;
    let after = app.store.evidence_runs(version.id).await?;
    let pair = after.into_iter().find_map(|run| {
        let same = before.iter().find(|old| old.dataset_id == run.dataset_id)?;
        Some((same.clone(), run))
    });
    match pair {
        Some((before, after)) => between(app, actor, model, before, after).await.map(Some),
        None => Ok(None),
    }
}

/// The runs that came in since a moment, each against the run of its model before it.
pub async fn since(app: &App, actor: &Actor, moment: i64) -> Result<Vec<Compared>> {
    let visible = visibility(app, actor).await?;
    let mut told = vec![];
    for run in app.store.runs_received_since(moment).await? {
        if told.len() == TOLD {
            break;
        }
        let Some(model) = app.store.model(run.model_id).await? else { continue };
        if !visible.shows(model.team_id, model.restricted) {
            continue;
        }
        let all = app.store.runs_of(model.id).await?;
        let earlier = all.into_iter().rev().find(|old| {
            old.voided_at.is_none()
                && old.dataset_id == run.dataset_id
                && old.instrument_definitions == run.instrument_definitions
                && (old.evaluated_at, old.received_at) < (run.evaluated_at, run.received_at)
        });
        if let Some(earlier) = earlier {
            told.push(between(app, actor, &model, earlier, run).await?);
        }
    }
    Ok(told)
}

async fn between(
    app: &App,
    actor: &Actor,
    model: &Model,
    before: Run,
    after: Run,
) -> Result<Compared> {
    let lineage = app.store.lineage(model.team_id).await?;
    let registry = app.store.registry().await?;
    let stored = app
        .store
        .evidence_estimates(&[before.id, after.id], telling(model.task).iter().copied(), None)
        .await?;
    let (old, new): (Vec<_>, Vec<_>) = stored.into_iter().partition(|(run, _)| *run == before.id);
    let least = least(app, actor, &lineage);
    let seen = |estimates: Vec<(_, Estimate)>| -> Vec<Estimate> {
        let estimates = estimates.into_iter().map(|(_, estimate)| estimate).collect();
        let mut seen = shown(&registry, model.id, estimates, least);
        seen.retain(|estimate| !is_hidden(estimate) && estimate.slice.arity() < 2);
        seen
    };
    let moved = moved(&seen(old), &seen(new), outcome_of(&after, model));
    Ok(Compared { model: model.clone(), before, after, moved })
}
