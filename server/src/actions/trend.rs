//! Look at a trend: one metric on chosen slices over the runs of a model, oldest first.

use crate::actions::registry::find_model;
use crate::actions::runs::{least_cell, outcome_of, shown};
use crate::auth::Actor;
use crate::error::Result;
use crate::state::App;
use crate::store::mitigations::Mitigation;
use crate::store::models::Model;
use crate::store::runs::Run;
use app::domain::RunId;
use app::domain::attribute::Regrouping;
use app::domain::monitoring::{self, Measured};
use metrics::catalogue::Outcome;
use metrics::disparity::{self, Comparison, Disparity, Kind, Reference};
use metrics::monitor::Monitored;
use metrics::{Estimate, Slice};
use std::collections::{BTreeSet, HashMap};
use time::OffsetDateTime;

/// What to look at. Empty choices are filled in from what there is.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub metric: Option<String>,
    /// Attributes joined by `;`; ignored where slices are named.
    pub attribute: Option<String>,
    pub slices: Vec<Slice>,
    /// `NAME@VERSION`; `all` for every dataset.
    pub dataset: Option<String>,
    pub compare: Option<Reference>,
    pub from: Option<OffsetDateTime>,
    pub to: Option<OffsetDateTime>,
}

/// A series of runs, with everything that can be chosen.
#[derive(Clone, Debug)]
pub struct Trend {
    pub model: Model,
    pub outcome: Outcome,
    pub metric: String,
    pub metrics: Vec<String>,
    /// Attributes of the compared groups; empty for overall alone.
    pub attribute: Vec<String>,
    pub attributes: Vec<Vec<String>>,
    /// The slices to be drawn.
    pub slices: Vec<Slice>,
    /// The groups of the attribute that could be.
    pub groups: Vec<Slice>,
    /// `NAME@VERSION`, or empty for every dataset.
    pub dataset: String,
    pub datasets: Vec<String>,
    pub compare: Reference,
    pub points: Vec<Point>,
    /// Per slice, whether its rate has shifted; or why nothing can be said of that.
    pub monitor: std::result::Result<Vec<Monitored>, String>,
    /// The mitigations that were shipped, the oldest first.
    pub shipped: Vec<Mitigation>,
}

/// A run in a series.
#[derive(Clone, Debug)]
pub struct Point {
    pub run: Run,
    /// One per slice; `None` where the run does not have it.
    pub estimates: Vec<Option<Estimate>>,
    /// The widest gap to the reference, or the one between two chosen slices.
    pub gap: Option<Disparity>,
    /// Why earlier points do not compare with this one.
    pub broken: Option<String>,
}

/// Above this many groups only the first are chosen unless others are named.
const GROUPS: usize = 8;

pub async fn trend(app: &App, actor: &Actor, slug: &str, asked: Asked) -> Result<Trend> {
    let model = find_model(app, actor, slug).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let registry = app.store.registry().await?;
    let least = least_cell(app, actor, &lineage);
    let mut runs = app.store.runs_of(model.id).await?;
    runs.retain(|run| run.voided_at.is_none());
    let metrics = app.store.metrics_of(model.id).await?;
    let metric = asked
        .metric
        .filter(|metric| metrics.contains(metric))
        .or_else(|| default_metric(&metrics))
        .unwrap_or_default();

    let datasets = datasets(&runs);
    let dataset = match asked.dataset.as_deref() {
        Some("" | "all") => String::new(),
        Some(named) => named.to_owned(),
        None => default_dataset(&runs),
    };
    let within = |run: &Run| {
        let at = crate::clock::from_micros(run.evaluated_at);
        (dataset.is_empty() || dataset_of(run) == dataset)
            && asked.from.is_none_or(|from| at >= from)
            && asked.to.is_none_or(|to| at < to)
    };
    runs.retain(within);

    let mut by_run: HashMap<RunId, Vec<Estimate>> = HashMap::new();
    for (run, estimate) in app.store.estimates_of_metric(model.id, &metric).await? {
        by_run.entry(run).or_default().push(estimate);
    }
    let mut measured: Vec<(Run, Vec<Estimate>)> = runs
        .into_iter()
        .map(|run| {
            let estimates = by_run.remove(&run.id).unwrap_or_default();
            let estimates = shown(&registry, model.id, estimates, least);
            (run, estimates)
        })
        .collect();
    measured.retain(|(_, estimates)| !estimates.is_empty());

    // By whichever of its names a slice is asked for, it is the same line.
    let mut asked_slices: Vec<Slice> = vec![];
    for slice in asked.slices.iter().map(|slice| registry.resolve(model.id, slice)) {
        if !asked_slices.contains(&slice) {
            asked_slices.push(slice);
        }
    }
    let attributes = families(&measured);
    let attribute = chosen_attribute(&attributes, asked.attribute.as_deref(), &asked_slices);
    let groups = groups(&measured, &attribute);
    let slices = if asked_slices.is_empty() {
        let drawn: Vec<Slice> = groups.iter().take(GROUPS).cloned().collect();
        if drawn.is_empty() { vec![Slice::overall()] } else { drawn }
    } else {
        asked_slices
    };
    let compare = asked.compare.unwrap_or(Reference::Best);
    let outcome = measured
        .last()
        .map_or_else(|| model.positive_outcome.into(), |(run, _)| outcome_of(run, &model));
    let regroupings: Vec<Regrouping> = registry.regroupings(&attribute).cloned().collect();
    let points = points(measured, &metric, &attribute, &slices, &compare, outcome, &regroupings);
    let shipped = app.store.shipped_mitigations(model.id).await?;
    let monitor = monitor(&metric, &points);
    Ok(Trend {
        model,
        outcome,
        metric,
        metrics,
        attribute,
        attributes,
        slices,
        groups,
        dataset,
        datasets,
        compare,
        points,
        monitor,
        shipped,
    })
}

fn monitor(metric: &str, points: &[Point]) -> std::result::Result<Vec<Monitored>, String> {
    let measured: Vec<Measured> = points
        .iter()
        .map(|point| Measured {
            dataset: (&point.run.dataset_name, &point.run.dataset_label),
            digest: point.run.dataset_digest.as_deref(),
            instrument: instrument_of(&point.run),
            estimates: &point.estimates,
        })
        .collect();
    monitoring::watch(metric, &measured)
}

/// What a run was measured with, as far as it decides whether it compares.
fn instrument_of(run: &Run) -> (String, String, Option<String>) {
    let Run { instrument_name, instrument_definitions, instrument_judge, .. } = run;
    (instrument_name.clone(), instrument_definitions.clone(), instrument_judge.clone())
}

/// `NAME@VERSION` of a run's dataset.
pub fn dataset_of(run: &Run) -> String {
    format!("{}@{}", run.dataset_name, run.dataset_label)
}

fn default_metric(metrics: &[String]) -> Option<String> {
    ["true_positive_rate", "selection_rate", "accuracy"]
        .into_iter()
        .find_map(|key| metrics.iter().find(|metric| *metric == key))
        .or_else(|| metrics.iter().find(|metric| *metric != "count"))
        .cloned()
}

fn datasets(runs: &[Run]) -> Vec<String> {
    runs.iter().map(dataset_of).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The newest run's dataset where it makes a series, else all of them.
fn default_dataset(runs: &[Run]) -> String {
    let newest = runs.last().map(dataset_of).unwrap_or_default();
    let on_it = runs.iter().filter(|run| dataset_of(run) == newest).count();
    if on_it > 1 { newest } else { String::new() }
}

fn families(measured: &[(Run, Vec<Estimate>)]) -> Vec<Vec<String>> {
    let families: BTreeSet<(usize, Vec<String>)> = measured
        .iter()
        .flat_map(|(_, estimates)| estimates)
        .map(|e| (e.slice.arity(), e.slice.attributes().map(str::to_owned).collect()))
        .collect();
    let mut families: Vec<Vec<String>> =
        families.into_iter().map(|(_, attributes)| attributes).filter(|a| !a.is_empty()).collect();
    // Few groups first: the first family is what is drawn unless another is asked for.
    families.sort_by_cached_key(|family| (family.len(), groups(measured, family).len()));
    families
}

fn chosen_attribute(
    families: &[Vec<String>],
    asked: Option<&str>,
    slices: &[Slice],
) -> Vec<String> {
    if let Some(asked) = asked {
        let wanted: Vec<&str> = asked.split(';').filter(|name| !name.is_empty()).collect();
        return families.iter().find(|family| **family == wanted).cloned().unwrap_or_default();
    }
    if let Some(first) = slices.first() {
        return first.attributes().map(str::to_owned).collect();
    }
    families.first().cloned().unwrap_or_default()
}

fn groups(measured: &[(Run, Vec<Estimate>)], attribute: &[String]) -> Vec<Slice> {
    if attribute.is_empty() {
        return vec![];
    }
    let groups: BTreeSet<Slice> = measured
        .iter()
        .flat_map(|(_, estimates)| estimates)
        .map(|estimate| &estimate.slice)
        .filter(|slice| slice.attributes().eq(attribute.iter().map(String::as_str)))
        .cloned()
        .collect();
    // What the last run no longer has was renamed, replaced or left out.
    let last: BTreeSet<&Slice> =
        measured.iter().rev().take(1).flat_map(|(_, all)| all).map(|it| &it.slice).collect();
    let mut groups: Vec<Slice> = groups.into_iter().collect();
    groups.sort_by_cached_key(|slice| (!last.contains(slice), by_numbers(&slice.label())));
    groups
}

/// A key by which `2` stands before `10`, and `18-24` before `100 and more`.
fn by_numbers(name: &str) -> Vec<(u64, String)> {
    let parts = name.split_inclusive(|c: char| !c.is_ascii_digit());
    let part = |text: &str| {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = text[..text.len() - rest.len()].parse();
        // A text without digits stands behind those with.
        (number.unwrap_or(u64::MAX), rest.to_owned())
    };
    parts.map(part).collect()
}

fn points(
    measured: Vec<(Run, Vec<Estimate>)>,
    metric: &str,
    attribute: &[String],
    slices: &[Slice],
    compare: &Reference,
    outcome: Outcome,
    regroupings: &[Regrouping],
) -> Vec<Point> {
    let attributes: Vec<&str> = attribute.iter().map(String::as_str).collect();
    let mut points: Vec<Point> = vec![];
    for (run, estimates) in measured {
        let chosen = slices
            .iter()
            .map(|slice| estimates.iter().find(|estimate| estimate.slice == *slice).cloned())
            .collect();
        let comparison = Comparison {
            reference: compare.clone(),
            ..Comparison::with_best(metric, &attributes, Kind::Difference, outcome)
        };
        let gap = gap(&estimates, &comparison, slices);
        let broken = points.last().and_then(|before| break_between(&before.run, &run, regroupings));
        points.push(Point { run, estimates: chosen, gap, broken });
    }
    points
}

/// The gap that a point shows: of the chosen slices, the one farthest from its reference.
fn gap(estimates: &[Estimate], comparison: &Comparison, slices: &[Slice]) -> Option<Disparity> {
    if comparison.attributes.is_empty() || slices.len() < 2 {
        return None;
    }
    let among: Vec<&Estimate> = match comparison.reference {
        // The rest and overall need every group; a best group is the best of those on the chart.
        Reference::Best | Reference::Group(_) => estimates
            .iter()
            .filter(|e| {
                slices.contains(&e.slice) || matches!(comparison.reference, Reference::Group(_))
            })
            .collect(),
        Reference::Overall | Reference::Rest => estimates.iter().collect(),
    };
    if comparison.reference == Reference::Best {
        let summary = disparity::summarise(among, comparison);
        return summary.difference;
    }
    disparity::compare(among, comparison)
        .into_iter()
        .filter(|d| slices.contains(&d.slice) && Some(&d.slice) != d.reference_slice.as_ref())
        .max_by(|a, b| {
            let size = |d: &Disparity| d.value.map_or(-1.0, f64::abs);
            size(a).total_cmp(&size(b))
        })
}

/// What changed between two runs that makes them incomparable.
fn break_between(before: &Run, after: &Run, regroupings: &[Regrouping]) -> Option<String> {
    let mut changed = vec![];
    if before.dataset_name == after.dataset_name && before.dataset_label != after.dataset_label {
        changed.push(format!("dataset version {} → {}", before.dataset_label, after.dataset_label));
    } else if dataset_of(before) != dataset_of(after) {
        changed.push(format!("dataset {} → {}", dataset_of(before), dataset_of(after)));
    }
    if instrument_of(before) != instrument_of(after) {
        let name = |run: &Run| {
            let judge = run
                .instrument_judge
                .as_ref()
                .map(|judge| format!(", judge {judge}"))
                .unwrap_or_default();
            format!("{} definitions {}{judge}", run.instrument_name, run.instrument_definitions)
        };
        changed.push(format!("instrument {} → {}", name(before), name(after)));
    }
    let between = |it: &&Regrouping| it.is_between(before.evaluated_at, after.evaluated_at);
    changed.extend(regroupings.iter().filter(between).map(Regrouping::words));
    (!changed.is_empty()).then(|| changed.join(", "))
}
