//! What moved since the version that was launched last.

use crate::actions::readiness::least;
use crate::auth::Actor;
use crate::error::Result;
use crate::state::App;
use crate::store::models::Model;
use crate::store::runs::Run;
use crate::store::versions::Version;
use app::domain::disclosure::is_hidden;
use app::pages::launch::{Moved, MovedLine};
use app::pages::parts::number;
use metrics::catalogue::{self, Direction};
use metrics::trend::change;

/// Lines that are shown; the others are less far from no change.
const SHOWN: usize = 10;
/// Metrics that decide about people, and that every run of a task has.
const METRICS: [&str; 6] = [
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "accuracy",
    "precision",
    "roc_auc",
];

/// The metrics and slices that moved beyond chance from the launched version to this one, on the
/// newest run of each on the same dataset version; the farthest first.
pub(super) async fn since_launch(
    app: &App,
    actor: &Actor,
    model: &Model,
    version: &Version,
) -> Result<Option<Moved>> {
    let launched = app.store.launched_before(model.id, version.id).await?;
    let Some(launched) = launched else { return Ok(None) };
    let (before, after) =
        (app.store.evidence_runs(launched).await?, app.store.evidence_runs(version.id).await?);
    let on = |run: &Run| run.dataset_id;
    let pair = after.iter().find_map(|run| Some((before.iter().find(|b| on(b) == on(run))?, run)));
    let Some((old, new)) = pair else { return Ok(None) };
    let lineage = app.store.lineage(model.team_id).await?;
    let registry = app.store.registry().await?;
    let stored = app.store.evidence_estimates(&[old.id, new.id], &METRICS).await?;
    let (of_old, of_new): (Vec<_>, Vec<_>) =
        stored.into_iter().partition(|(run, _)| *run == old.id);
    let least = least(app, actor, &lineage);
    let shown = |estimates: Vec<(_, metrics::Estimate)>| {
        let estimates = estimates.into_iter().map(|(_, estimate)| estimate).collect();
        crate::actions::runs::shown(&registry, model.id, estimates, least)
    };
    let (of_old, of_new) = (shown(of_old), shown(of_new));
    let outcome = crate::actions::runs::outcome_of(new, model);
    let mut found = vec![];
    let mut looked_at = 0;
    for after in of_new.iter().filter(|estimate| !is_hidden(estimate) && estimate.slice.arity() < 2)
    {
        let same = |e: &&metrics::Estimate| e.metric == after.metric && e.slice == after.slice;
        let Some(before) = of_old.iter().find(same).filter(|e| !is_hidden(e)) else { continue };
        let change = change(before, after, 0.95);
        let (Some(value), Some(interval)) = (change.value, change.interval) else { continue };
        looked_at += 1;
        if change.beyond_chance != Some(true) {
            continue;
        }
        let metric = catalogue::find(&after.metric);
        let is_worse = metric.and_then(|metric| match metric.direction(outcome) {
            Direction::Higher => Some(value < 0.0),
            Direction::Lower => Some(value > 0.0),
            Direction::Neither => None,
        });
        found.push((
            value.abs(),
            MovedLine {
                metric: metric.map_or_else(|| after.metric.clone(), |m| m.name.to_owned()),
                slice: after.slice.label(),
                change: format!(
                    "{} {}",
                    number::signed(value),
                    number::signed_interval(interval.low, interval.high)
                ),
                is_worse,
            },
        ));
    }
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    Ok(Some(Moved {
        since: old.version_label.clone(),
        lines: found.into_iter().take(SHOWN).map(|(_, line)| line).collect(),
        looked_at,
    }))
}
