//! Look at runs: names through the registry's aliases, small cells hidden from whoever may not see
//! them. Pages, the API and exports all read runs here.

use crate::actions::registry::{find_model, may_see_model};
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::Model;
use crate::store::runs::Run;
use app::domain::attribute::{Registry, Standing, Unconfirmed};
use app::domain::disclosure::hide_small_cells;
use app::domain::model::PositiveOutcome;
use app::domain::{ModelId, Permission, RunId, Scope, TeamId};
use app::pages::run::Selection;
use metrics::catalogue::{self, CustomMetric, Outcome};
use metrics::disparity::{self, Comparison, Disparity, Exploration, Kind, Reference, Summary};
use metrics::evaluate::LEVEL;
use metrics::{DatasetRef, Estimate, Instrument, RunDocument, Slice};
use std::collections::{BTreeSet, HashMap};

/// The rate that the four-fifths rule is about.
const SELECTION: &str = "selection_rate";
/// Enough for a page: a p-value near 0.05 is good to half a point.
const SIMULATIONS: u32 = 2_000;
/// The same for everybody, so that a page does not change when it is read again.
const SEED: u64 = 0;

/// A run as this actor may see it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub run: Run,
    pub model: Model,
    pub lineage: Vec<TeamId>,
    pub estimates: Vec<Estimate>,
    pub unconfirmed: Vec<Unconfirmed>,
    /// Attributes, as the run names them, that nobody has confirmed.
    pub unconfirmed_attributes: BTreeSet<String>,
    pub outcome: Outcome,
    /// Until when its rows are kept for comparison row by row, in microseconds since 1970.
    pub rows_kept_until: Option<i64>,
}

/// A run by its id or by its digest.
///
/// # Errors
/// [`Error::NotFound`] when there is none, or its model is not for this actor.
pub async fn find_run(app: &App, actor: &Actor, id: &str) -> Result<(Run, Model)> {
    let run = match id.parse::<RunId>() {
        Ok(id) => app.store.run(id).await?,
        Err(_) if id.starts_with("sha256:") => app.store.run_by_digest(id).await?,
        Err(_) => None,
    };
    let run = run.ok_or_else(|| Error::not_found("run"))?;
    let model = app.store.model(run.model_id).await?.ok_or_else(|| Error::not_found("run"))?;
    if !may_see_model(app, actor, &model).await? {
        return Err(Error::not_found("run"));
    }
    Ok((run, model))
}

/// A run with all its estimates.
pub async fn look(app: &App, actor: &Actor, id: &str) -> Result<Seen> {
    let (run, model) = find_run(app, actor, id).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let registry = app.store.registry().await?;
    let stored = app.store.estimates_of(run.id).await?;
    let slices = stored.iter().map(|estimate| &estimate.slice);
    let unconfirmed = registry.unconfirmed(model.id, slices, from_micros(run.evaluated_at));
    let unconfirmed_attributes = unconfirmed
        .iter()
        .map(|unknown| &unknown.attribute)
        .filter(|name| {
            let known = registry.attribute(registry.attribute_name(model.id, name));
            known.is_none_or(|known| known.standing != Standing::Confirmed)
        })
        .cloned()
        .collect();
    let least = least_cell(app, actor, &lineage);
    let estimates = shown(&registry, model.id, stored, least);
    let outcome = outcome_of(&run, &model);
    let now = crate::clock::micros(app.clock.now());
    Ok(Seen {
        rows_kept_until: app.store.rows_kept_until(run.id, now).await?,
        run,
        model,
        lineage,
        estimates,
        unconfirmed,
        unconfirmed_attributes,
        outcome,
    })
}

/// The model of a slug with its runs, the oldest evaluation first.
pub async fn runs_of(app: &App, actor: &Actor, slug: &str) -> Result<(Model, Vec<Run>)> {
    let model = find_model(app, actor, slug).await?;
    let runs = app.store.runs_of(model.id).await?;
    Ok((model, runs))
}

/// Cells of fewer rows than this are hidden from the actor.
pub fn least_cell(app: &App, actor: &Actor, lineage: &[TeamId]) -> u64 {
    if actor.may(Permission::SensitiveDetail, Scope::Team(lineage)) {
        0
    } else {
        app.config.small_cell
    }
}

/// Estimates under their canonical names, with what is too small hidden.
pub fn shown(
    registry: &Registry,
    model: ModelId,
    mut estimates: Vec<Estimate>,
    least: u64,
) -> Vec<Estimate> {
    for estimate in &mut estimates {
        estimate.slice = registry.resolve(model, &estimate.slice);
    }
    hide_small_cells(&mut estimates, least);
    estimates
}

/// What a positive prediction means in a run: as the run says, else as its model does.
pub fn outcome_of(run: &Run, model: &Model) -> Outcome {
    let said =
        run.positive_outcome.as_deref().and_then(|text| text.parse::<PositiveOutcome>().ok());
    said.unwrap_or(model.positive_outcome).into()
}

impl Seen {
    /// The attributes, or sets of them, whose groups can be compared: single ones first.
    pub fn families(&self) -> Vec<Vec<String>> {
        let families: BTreeSet<(usize, Vec<String>)> = self
            .estimates
            .iter()
            .filter(|estimate| !estimate.slice.is_overall())
            .map(|estimate| {
                let attributes: Vec<String> =
                    estimate.slice.attributes().map(str::to_owned).collect();
                (attributes.len(), attributes)
            })
            .collect();
        families.into_iter().map(|(_, attributes)| attributes).collect()
    }

    /// The metrics, in the order of the catalogue, unknown ones last.
    pub fn metrics(&self) -> Vec<String> {
        let mut keys: Vec<String> = self
            .estimates
            .iter()
            .map(|estimate| estimate.metric.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        keys.sort_by_key(|key| {
            let known = catalogue::find(key).map(|metric| metric.key);
            let place = catalogue::METRICS.iter().position(|metric| Some(metric.key) == known);
            place.unwrap_or(usize::MAX)
        });
        keys
    }

    /// Worst and best group of every attribute on each of these metrics.
    pub fn summaries(&self, metrics: &[String]) -> Vec<Summary> {
        // Each summary looks at the groups of one family on one metric, so those alone are given
        // to it: looking through the whole run for each of a hundred would take longer than the
        // rest of the page.
        let mut cells: HashMap<(Vec<&str>, &str), Vec<&Estimate>> = HashMap::new();
        for estimate in &self.estimates {
            let key = (estimate.slice.attributes().collect(), estimate.metric.as_str());
            cells.entry(key).or_default().push(estimate);
        }
        let mut summaries = vec![];
        for family in self.families() {
            let attributes: Vec<&str> = family.iter().map(String::as_str).collect();
            for metric in metrics.iter().filter(|metric| *metric != "count") {
                let groups = cells.get(&(attributes.clone(), metric.as_str()));
                let comparison =
                    Comparison::with_best(metric, &attributes, Kind::Difference, self.outcome);
                let groups = groups.into_iter().flatten().copied();
                summaries.push(disparity::summarise(groups, &comparison));
            }
        }
        summaries
    }

    /// What chance alone does to the selection rates of each attribute, and the four-fifths rule on
    /// them. Attributes with fewer than two groups that have counts are left out.
    pub fn selections(&self) -> Vec<Selection> {
        let of_metric = self.estimates.iter().filter(|estimate| estimate.metric == SELECTION);
        let estimates: Vec<Estimate> = of_metric.cloned().collect();
        let single = self.families().into_iter().filter(|family| family.len() == 1).flatten();
        single
            .filter_map(|attribute| {
                let names = [attribute.as_str()];
                let asked = Comparison::with_best(SELECTION, &names, Kind::Ratio, self.outcome);
                let band = disparity::null_band(&estimates, &asked, SIMULATIONS, SEED).ok()?;
                let rule = disparity::four_fifths(&estimates, &asked).ok()?;
                Some(Selection { attribute, band, rule })
            })
            .collect()
    }

    /// Every group against a reference.
    pub fn disparities(&self, reference: &Reference, kinds: &[Kind]) -> Vec<Disparity> {
        let metrics = self.metrics();
        let mut all = vec![];
        for family in self.families() {
            let attributes: Vec<&str> = family.iter().map(String::as_str).collect();
            for metric in metrics.iter().filter(|metric| *metric != "count") {
                for &kind in kinds {
                    let comparison = Comparison {
                        reference: reference.clone(),
                        ..Comparison::with_best(metric, &attributes, kind, self.outcome)
                    };
                    all.extend(disparity::compare(&self.estimates, &comparison));
                }
            }
        }
        all
    }

    /// Every group against everyone else on every metric, as one family at a false discovery rate.
    pub fn exploration(&self, rate: f64) -> Exploration {
        disparity::explore(&self.estimates, self.outcome, LEVEL, rate)
    }

    /// The run document as this actor may have it.
    pub fn document(&self) -> RunDocument {
        let run = &self.run;
        let custom: Vec<CustomMetric> =
            serde_json::from_str(&run.custom_metrics).unwrap_or_default();
        RunDocument {
            schema: metrics::run::SCHEMA.to_owned(),
            evaluated_at: from_micros(run.evaluated_at),
            dataset: DatasetRef {
                name: run.dataset_name.clone(),
                version: run.dataset_label.clone(),
                digest: run.dataset_digest.clone(),
                rows: run.dataset_rows.and_then(|rows| u64::try_from(rows).ok()),
            },
            instrument: Instrument {
                name: run.instrument_name.clone(),
                version: run.instrument_version.clone(),
                definitions: run.instrument_definitions.clone(),
                judge: run.instrument_judge.clone(),
            },
            positive_outcome: run
                .positive_outcome
                .as_deref()
                .and_then(|text| text.parse::<PositiveOutcome>().ok())
                .map(Outcome::from),
            metrics: custom,
            estimates: self.estimates.clone(),
        }
    }

    /// The estimates that a filter lets through.
    pub fn filtered(&self, metric: Option<&str>, slice: Option<&Slice>) -> Vec<Estimate> {
        self.estimates
            .iter()
            .filter(|e| metric.is_none_or(|metric| e.metric == metric))
            .filter(|e| slice.is_none_or(|slice| e.slice == *slice))
            .cloned()
            .collect()
    }
}
