//! Compare two runs row by row, where their rows are kept.

use crate::clock::micros;
use crate::error::{Error, Result};
use crate::reader::MOST_ROWS_KEPT;
use crate::state::App;
use crate::store::runs::Run;
use app::domain::ModelId;
use app::domain::attribute::Registry;
use app::domain::disclosure::{hide_small_cells, is_hidden};
use app::domain::mitigation::LEVEL;
use metrics::Estimate;
use metrics::paired::{self, Comparison, PairedChange, Rows};

/// Two runs of a model on one dataset, compared on the rows that both have, under canonical names
/// and without cells of fewer rows than `least`; or why they cannot be.
pub async fn compare(
    app: &App,
    registry: &Registry,
    model: ModelId,
    (before, after): (&Run, &Run),
    least: u64,
) -> Result<Result<Comparison, String>> {
    let now = micros(app.clock.now());
    let _place = app.comparing.acquire().await.map_err(|_| Error::Busy)?;
    let mut kept = vec![];
    for (run, which) in [(before, "before"), (after, "after")] {
        match app.store.rows_of(run.id, now).await? {
            Some(bytes) => kept.push(bytes),
            None => return Ok(Err(format!("the rows of the run {which} are not kept"))),
        }
    }
    let registry = registry.clone();
    let compared = tokio::task::spawn_blocking(move || {
        let read = |bytes: &[u8]| -> std::io::Result<Rows> {
            Ok(canonical(&registry, model, Rows::from_bytes(bytes, MOST_ROWS_KEPT)?))
        };
        let (before, after) = (read(&kept[0])?, read(&kept[1])?);
        Ok(paired::compare(&before, &after, LEVEL).map_err(|why| why.to_string()))
    });
    let compared: std::io::Result<_> =
        compared.await.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(compared?.map(|mut comparison| {
        hide(&mut comparison.changes, least);
        comparison
    }))
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
