//! Whether a version may launch, as its evidence stands.

pub use crate::actions::runs::least_cell as least;
use crate::actions::runs::outcome_of;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::Result;
use crate::state::App;
use crate::store::Store;
use crate::store::models::Model;
use crate::store::policies::PolicyVersion;
use crate::store::runs::Run;
use app::domain::attribute::{Registry, Standing};
use app::domain::policy::Policy;
use app::domain::verdict::{Case, EvidenceRun, Readiness, WaiverInForce, judge};
use app::domain::{ModelId, RunId, TeamId, VersionId};
use metrics::{Slice, disparity};
use std::collections::{BTreeSet, HashMap, HashSet};
use time::OffsetDateTime;

/// A readiness, with what it was made from.
#[derive(Clone, Debug)]
pub struct Report {
    pub readiness: Readiness,
    /// The version of the policy that it was judged by, where one is stored.
    pub policy: Option<PolicyVersion>,
    /// The runs that the rules took.
    pub runs: Vec<Run>,
    /// The runs of the launched version that changes are measured from.
    pub changed_from: Vec<Run>,
    pub registry_version: i64,
    /// The waivers that lift something in it.
    pub waivers: Vec<WaiverInForce>,
    /// The version that it was compared with, where there is one.
    pub launched: Option<VersionId>,
}

impl Report {
    /// Every run without which it would be another one.
    pub fn runs_rested_on(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().chain(&self.changed_from)
    }

    /// The same as this actor may see it.
    pub fn hide_small_cells(&mut self, app: &App, actor: &Actor, lineage: &[TeamId]) {
        self.readiness.hide_small_cells(least(app, actor, lineage));
    }
}

/// The readiness of a version at a moment, by the newest version of the policy that applies.
pub async fn of(
    app: &App,
    model: &Model,
    version: VersionId,
    at: OffsetDateTime,
) -> Result<Report> {
    let lineage = app.store.lineage(model.team_id).await?;
    let policy = app.store.policy_for(model.task, model.risk_tier, &lineage).await?;
    let launched = app.store.launched_before(model.id, version).await?;
    let evidence = Evidence {
        runs: app.store.evidence_runs(version).await?,
        before: match launched {
            Some(launched) => app.store.evidence_runs(launched).await?,
            None => vec![],
        },
        launched,
        waivers: app.store.waivers_in_force(version).await?,
    };
    let rules = policy.as_ref().map(|version| &version.policy);
    let report = judged(&app.store, model, rules, evidence, at).await?;
    Ok(Report { policy, ..report })
}

/// What there is to judge by.
pub(super) struct Evidence {
    /// Runs of the version that count, the newest evaluation first.
    pub runs: Vec<Run>,
    /// The version that was launched last, and the same of it.
    pub launched: Option<VersionId>,
    pub before: Vec<Run>,
    pub waivers: Vec<WaiverInForce>,
}

pub(super) async fn judged(
    store: &Store,
    model: &Model,
    policy: Option<&Policy>,
    evidence: Evidence,
    at: OffsetDateTime,
) -> Result<Report> {
    let registry = store.registry().await?;
    let Evidence { runs: stored, launched, before: stored_before, waivers } = evidence;
    let (runs, before) = match policy {
        None => (as_evidence(model, &stored), vec![]),
        Some(rules) => {
            let mut runs = as_evidence(model, &stored);
            let mut before = as_evidence(model, &stored_before);
            let needed: Vec<RunId> =
                taken(rules, &runs).chain(comparable(&before, &runs)).collect();
            let reach = rules.reach();
            let names = reach.attributes.iter().flat_map(|name| registry.names_of(model.id, name));
            let names = names.collect();
            let of = Some((&reach.arities, &names));
            let estimates = store.evidence_estimates(&needed, metrics_of(rules), of).await?;
            let mut names = Names { registry: &registry, model: model.id, known: HashMap::new() };
            // Thousands of groups may wait to be confirmed.
            let mut told: HashSet<(RunId, Slice)> = HashSet::new();
            let mut looked_at: HashSet<(RunId, Slice)> = HashSet::new();
            for (run, mut estimate) in estimates {
                let Some(run) = runs.iter_mut().chain(&mut before).find(|it| it.id == run) else {
                    continue;
                };
                let (slice, is_confirmed) = names.of(&estimate.slice);
                if !is_confirmed && told.insert((run.id, slice.clone())) {
                    run.unconfirmed.push(slice.clone());
                }
                if registry.has_regroupings()
                    && looked_at.insert((run.id, slice.clone()))
                    && names.are_replaced(&estimate.slice, run.evaluated_at)
                {
                    run.replaced.push(slice.clone());
                }
                estimate.slice = slice;
                run.estimates.push(estimate);
            }
            (runs, before)
        }
    };
    let compared_with = launched.map(|_| before.as_slice());
    let readiness =
        judge(&Case { policy, runs: &runs, launched: compared_with, waivers: &waivers, at });
    let used: BTreeSet<_> = readiness
        .rules
        .iter()
        .flat_map(|outcome| &outcome.parts)
        .filter_map(|part| part.waiver)
        .collect();
    let (taken, changed_from) = (&readiness.runs, readiness.changed_from());
    Ok(Report {
        runs: stored.into_iter().filter(|run| taken.contains(&run.id)).collect(),
        changed_from: stored_before
            .into_iter()
            .filter(|run| changed_from.contains(&run.id))
            .collect(),
        waivers: waivers.into_iter().filter(|waiver| used.contains(&waiver.id)).collect(),
        readiness,
        policy: None,
        registry_version: registry.version,
        launched,
    })
}

fn as_evidence(model: &Model, runs: &[Run]) -> Vec<EvidenceRun> {
    runs.iter()
        .map(|run| EvidenceRun {
            id: run.id,
            digest: run.digest.clone(),
            version_label: run.version_label.clone(),
            dataset_name: run.dataset_name.clone(),
            dataset_version: run.dataset_label.clone(),
            instrument_name: run.instrument_name.clone(),
            instrument_definitions: run.instrument_definitions.clone(),
            evaluated_at: from_micros(run.evaluated_at),
            outcome: outcome_of(run, model),
            // Results come in formats of their own; every other file was one of predictions.
            recomputed: run.format.parse::<app::upload::Format>().is_err(),
            estimates: vec![],
            unconfirmed: vec![],
            replaced: vec![],
        })
        .collect()
}

/// The runs that the rules take: for each the newest that it names.
fn taken<'a>(policy: &'a Policy, runs: &'a [EvidenceRun]) -> impl Iterator<Item = RunId> + 'a {
    policy.rules.iter().filter_map(|rule| runs.iter().find(|run| rule.takes(run)).map(|run| run.id))
}

/// The newest run of the launched version on each dataset version that this one was measured on.
fn comparable<'a>(
    before: &'a [EvidenceRun],
    runs: &'a [EvidenceRun],
) -> impl Iterator<Item = RunId> + 'a {
    let on = |run: &EvidenceRun| (run.dataset_name.clone(), run.dataset_version.clone());
    let datasets: BTreeSet<_> = runs.iter().map(on).collect();
    datasets
        .into_iter()
        .filter_map(move |dataset| before.iter().find(|run| on(run) == dataset).map(|run| run.id))
}

/// The metrics that rules name, those that they are derived from, and those that tell the rows and
/// positives of a slice.
fn metrics_of(policy: &Policy) -> BTreeSet<&str> {
    let named = || policy.rules.iter().map(|rule| rule.metric.as_str());
    let beside = named().flat_map(|metric| disparity::beside(metric).iter().copied());
    named().chain(beside).chain(["count", "base_rate"]).collect()
}

/// Slices under the registry's names, and whether somebody confirmed all of them; each looked up
/// once.
struct Names<'a> {
    registry: &'a Registry,
    model: ModelId,
    known: HashMap<Slice, (Slice, bool)>,
}

impl Names<'_> {
    fn of(&mut self, slice: &Slice) -> (Slice, bool) {
        let (registry, model) = (self.registry, self.model);
        let look = || {
            let is_confirmed = slice.pairs().all(|(attribute, group)| {
                registry.standing(model, attribute, group) == Some(Standing::Confirmed)
            });
            (registry.resolve(model, slice), is_confirmed)
        };
        self.known.entry(slice.clone()).or_insert_with(look).clone()
    }

    /// Whether others had taken the place of one of a slice's groups when it was evaluated.
    fn are_replaced(&self, slice: &Slice, at: OffsetDateTime) -> bool {
        slice.pairs().any(|(attribute, group)| {
            self.registry.replaced(self.model, attribute, group, at).is_some()
        })
    }
}
