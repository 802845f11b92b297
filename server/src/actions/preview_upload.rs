//! What an upload would become and change, with nothing stored.

use super::upload_run::{Upload, check, identify, read};
use crate::actions::runs::{least_cell, shown};
use crate::auth::Actor;
use crate::error::Result;
use crate::state::App;
use crate::store::datasets::other_data;
use crate::store::models::Model;
use crate::store::runs::Run;
use app::domain::against::{Earlier, Surroundings};
use app::domain::attribute::Unconfirmed;
use metrics::{Estimate, RunDocument};
use serde_json::Value;
use std::sync::Arc;

/// What would become of an upload.
#[derive(Clone, Debug)]
pub struct Preview {
    pub document: RunDocument,
    pub digest: String,
    pub format: String,
    pub receipt: Value,
    pub unconfirmed: Vec<Unconfirmed>,
    /// The run that is there already, when this is the same.
    pub existing: Option<Run>,
    pub around: Surroundings,
    /// The run that it would follow, with its estimates as the actor may see them.
    pub before: Option<(Earlier, Vec<Estimate>)>,
}

/// Reads an upload and says what it would become; nothing is stored.
pub async fn preview(app: &App, actor: &Actor, upload: &Upload) -> Result<Preview> {
    let checked = check(app, actor, upload).await?;
    let reading = Arc::new(read(app, &checked, upload, false).await?);
    let runs = app.store.runs_of(checked.model.id).await?;
    let mut around = around(app, &checked.model, &runs).await?;
    let slices = reading.document.estimates.iter().map(|estimate| &estimate.slice);
    let at = reading.document.evaluated_at;
    let unconfirmed = around.registry.unconfirmed(checked.model.id, slices, at);
    let (digest, existing) = identify(app, &checked, &reading).await?;
    refuse_other_data(app, &reading.document.dataset).await?;
    // What it already is, it does not follow.
    around.runs.retain(|run| existing.as_ref().is_none_or(|existing| existing.id != run.id));
    let before = match around.before(&reading.document).cloned() {
        None => None,
        Some(run) => {
            let stored = app.store.estimates_of(run.id).await?;
            let least = least_cell(app, actor, &checked.lineage);
            Some((run, shown(&around.registry, checked.model.id, stored, least)))
        }
    };
    let reading = Arc::unwrap_or_clone(reading);
    Ok(Preview {
        around,
        before,
        digest: digest.unwrap_or_default(),
        document: reading.document,
        format: reading.format,
        receipt: reading.receipt,
        unconfirmed,
        existing,
    })
}

/// What has to be known to say what an upload to a model would become.
pub async fn around(app: &App, model: &Model, runs: &[Run]) -> Result<Surroundings> {
    let earlier = |run: &Run| Earlier {
        id: run.id,
        version: run.version_label.clone(),
        dataset: (run.dataset_name.clone(), run.dataset_label.clone()),
        instrument: run.instrument_name.clone(),
        definitions: run.instrument_definitions.clone(),
    };
    Ok(Surroundings {
        model: model.id,
        outcome: model.positive_outcome.into(),
        registry: app.store.registry().await?.of_model(model.id),
        runs: runs.iter().filter(|run| run.voided_at.is_none()).map(earlier).collect(),
    })
}

/// What storing would refuse about the dataset, said before.
async fn refuse_other_data(app: &App, sent: &metrics::DatasetRef) -> Result<()> {
    let known = app.store.dataset(&sent.name, &sent.version).await?;
    match (known.and_then(|known| known.digest), &sent.digest) {
        (Some(known), Some(sent_digest)) if known != *sent_digest => {
            Err(other_data(&sent.name, &sent.version, &known, sent_digest))
        }
        _ => Ok(()),
    }
}
