//! Compare two runs row by row, where their rows are kept.

use crate::clock::micros;
use crate::error::{Error, Result};
use crate::reader::MOST_ROWS_KEPT;
use crate::state::App;
use crate::store::runs::Run;
use app::domain::attribute::Registry;
use app::domain::disclosure::{hide_small_cells, is_hidden};
use app::domain::mitigation::LEVEL;
use app::domain::{ModelId, RunId};
use metrics::Estimate;
use metrics::paired::{self, Comparison, PairedChange, Rows};
use quick_cache::sync::Cache;
use std::sync::Arc;

/// What comparisons found, by all that they depend on: the two runs, which never change, the
/// registry's version, and how small a cell may be.
pub type Compared = Cache<(RunId, RunId, i64, u64), Arc<Result<Comparison, String>>>;

/// Two runs of a model on one dataset, compared on the rows that both have, under canonical names
/// and without cells of fewer rows than `least`; or why they cannot be.
pub async fn compare(
    app: &App,
    registry: &Registry,
    model: ModelId,
    (before, after): (&Run, &Run),
    least: u64,
) -> Result<Arc<Result<Comparison, String>>> {
    let now = micros(app.clock.now());
    for (run, which) in [(before, "before"), (after, "after")] {
        if app.store.rows_kept_until(run.id, now).await?.is_none() {
            return Ok(Arc::new(Err(format!("the rows of the run {which} are not kept"))));
        }
    }
    let key = (before.id, after.id, registry.version, least);
    if let Some(known) = app.compared.get(&key) {
        return Ok(known);
    }
    let _place = app.comparing.acquire().await.map_err(|_| Error::Busy)?;
    let gone = || Error::Conflict("the rows of these runs are being deleted".to_owned());
    let old = app.store.rows_of(before.id, now).await?.ok_or_else(gone)?;
    let new = app.store.rows_of(after.id, now).await?.ok_or_else(gone)?;
    let registry = registry.clone();
    let compared = tokio::task::spawn_blocking(move || {
        let read = |bytes: &[u8]| -> std::io::Result<Rows> {
            Ok(canonical(&registry, model, Rows::from_bytes(bytes, MOST_ROWS_KEPT)?))
        };
        let (before, after) = (read(&old)?, read(&new)?);
        Ok(paired::compare(&before, &after, LEVEL).map_err(|why| why.to_string()))
    });
    let compared: std::io::Result<_> =
        compared.await.map_err(|error| Error::Internal(error.to_string()))?;
    let compared = Arc::new(compared?.map(|mut comparison| {
        hide(&mut comparison.changes, least);
        comparison
    }));
    app.compared.insert(key, compared.clone());
    Ok(compared)
}

/// Rows under the registry's names, as estimates are shown.
fn canonical(registry: &Registry, model: ModelId, rows: Rows) -> Rows {
    rows.renamed(
        |attribute| registry.attribute_name(model, attribute).to_owned(),
        |attribute, group| registry.pair(model, attribute, group).1.to_owned(),
    )
}

/// Leaves out what tells too much about a few people, in either run.
fn hide(changes: &mut Vec<PairedChange>, least: u64) {
    let hidden = |of: fn(&PairedChange) -> &Estimate, changes: &[PairedChange]| -> Vec<bool> {
        let mut estimates: Vec<Estimate> =
            changes.iter().map(|change| of(change).clone()).collect();
        hide_small_cells(&mut estimates, least);
        estimates.iter().map(is_hidden).collect()
    };
    let (before, after) = (hidden(|c| &c.before, changes), hidden(|c| &c.after, changes));
    let mut hidden = before.into_iter().zip(after).map(|(before, after)| before || after);
    changes.retain(|_| !hidden.next().unwrap_or(true));
}
