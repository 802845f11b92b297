//! Objectives and key results: written, checked in, and graded from the evidence of now.

mod write;

pub use write::{
    CheckInInput, Checked, CheckedIn, KeyResultInput, ObjectiveInput, add_key_result,
    add_objective, check_in, check_objective,
};

use crate::actions::readiness::least;
use crate::actions::registry::{upwards, visibility};
use crate::actions::runs::{outcome_of, shown};
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::{Model, Visibility};
use crate::store::okrs::{CheckInLine, KeyResult, Objective};
use crate::store::runs::Run;
use app::domain::disclosure::is_hidden;
use app::domain::okr::{
    Counter, Grade, Held, Measure, Period, Promise, Reading, Source, Standing, ToGrade, grade,
    roll_up,
};
use app::domain::{KeyResultId, ModelId, RunId, TeamId};
use metrics::Estimate;
use metrics::disparity::beside;
use std::collections::HashMap;

/// A key result as it stands.
#[derive(Clone, Debug)]
pub struct Stands {
    pub key_result: KeyResult,
    pub measure: Option<Measure>,
    pub model: Option<Model>,
    /// The value now with the n it rests on, or why there is none.
    pub now: Result<(Reading, Option<u64>), String>,
    /// The run that it was read from.
    pub run: Option<RunId>,
    pub counter: Option<(Counter, Held)>,
    pub grade: Grade,
    /// The newest first.
    pub check_ins: Vec<CheckInLine>,
}

/// An objective with its key results, graded.
#[derive(Clone, Debug)]
pub struct Graded {
    pub objective: Objective,
    pub key_results: Vec<Stands>,
    pub grade: Grade,
}

/// The objectives of a quarter as they stand, of one team with its sub-teams or of all. Key results
/// on models that the actor may not see are left out.
pub async fn of_period(
    app: &App,
    actor: &Actor,
    period: Period,
    team: Option<TeamId>,
) -> Result<Vec<Graded>> {
    let name = period.to_string();
    let teams = app.store.teams().await?;
    let objectives = app.store.objectives(&name).await?;
    let key_results = app.store.key_results(&name).await?;
    let check_ins = app.store.check_ins(&name).await?;
    let elapsed = period.elapsed(app.clock.now());
    let mut evidence = Evidence::new(app, actor).await?;
    let mut graded = vec![];
    for objective in objectives {
        let in_team = team.is_none_or(|team| upwards(&teams, objective.team_id).contains(&team));
        if !in_team {
            continue;
        }
        let mut stand = vec![];
        for key_result in key_results.iter().filter(|it| it.objective_id == objective.id) {
            stand.extend(evidence.stands(key_result, &check_ins, objective.kind, elapsed).await?);
        }
        let grades: Vec<Grade> = stand.iter().map(|it| it.grade.clone()).collect();
        let (grade, _) = roll_up(objective.kind, &grades, elapsed);
        graded.push(Graded { objective, key_results: stand, grade });
    }
    Ok(graded)
}

/// A key result and its objective, as they stand.
///
/// # Errors
/// [`Error::NotFound`], also when its model is not for this actor.
pub async fn find(app: &App, actor: &Actor, id: &str) -> Result<(Objective, Stands)> {
    let missing = || Error::not_found("key result");
    let id: KeyResultId = id.parse().map_err(|_| missing())?;
    let found = app.store.key_result(id).await?.ok_or_else(missing)?;
    let objective = app.store.objective(found.objective_id).await?.ok_or_else(missing)?;
    let period: Period = objective.period.parse().map_err(Error::Internal)?;
    let check_ins = app.store.check_ins(&objective.period).await?;
    let elapsed = period.elapsed(app.clock.now());
    let mut evidence = Evidence::new(app, actor).await?;
    let stands = evidence.stands(&found, &check_ins, objective.kind, elapsed).await?;
    Ok((objective, stands.ok_or_else(missing)?))
}

/// When somebody last checked in on a key result.
pub fn last_check_in(stands: &Stands) -> Option<time::OffsetDateTime> {
    stands.check_ins.first().map(|line| from_micros(line.at))
}

/// What measures read of the newest runs, each metric of a run once.
struct Evidence<'a> {
    app: &'a App,
    actor: &'a Actor,
    visible: Visibility,
    registry: app::domain::attribute::Registry,
    runs: HashMap<ModelId, Vec<Run>>,
    estimates: HashMap<(RunId, String), Vec<Estimate>>,
}

impl<'a> Evidence<'a> {
    async fn new(app: &'a App, actor: &'a Actor) -> Result<Self> {
        let visible = visibility(app, actor).await?;
        let registry = app.store.registry().await?;
        let (runs, estimates) = (HashMap::new(), HashMap::new());
        Ok(Self { app, actor, visible, registry, runs, estimates })
    }

    /// Reads a measure from the newest run on its dataset that was not voided: of the version that
    /// was launched last since then, or, before anything was, of any version.
    async fn read(
        &mut self,
        model: &Model,
        measure: &Measure,
        since: Option<i64>,
    ) -> Result<(Option<RunId>, Result<(Reading, u64), String>)> {
        if !self.runs.contains_key(&model.id) {
            let runs = self.app.store.runs_of(model.id).await?;
            self.runs.insert(model.id, runs);
        }
        let launched = match since {
            Some(since) => self.app.store.launched_since(model.id, since).await?,
            None => None,
        };
        let newest = self.runs.get(&model.id).and_then(|runs| {
            let counts =
                |run: &&Run| run.voided_at.is_none() && run.dataset_name == measure.dataset;
            let of_launched = |run: &&Run| Some(run.version_id) == launched;
            let newest = || runs.iter().rev().filter(counts);
            newest().find(of_launched).or_else(|| newest().next()).cloned()
        });
        let Some(run) = newest else {
            return Ok((None, Err(format!("{} has no run on {}", model.slug, measure.dataset))));
        };
        let key = (run.id, measure.metric.clone());
        if !self.estimates.contains_key(&key) {
            let estimates = self.estimates(model, &run, &measure.metric).await?;
            self.estimates.insert(key.clone(), estimates);
        }
        let estimates = self.estimates.get(&key).map_or(&[][..], Vec::as_slice);
        Ok((Some(run.id), measure.read(estimates, outcome_of(&run, model))))
    }

    /// A metric in a run, with what it is derived from, as the actor may see it.
    async fn estimates(&self, model: &Model, run: &Run, metric: &str) -> Result<Vec<Estimate>> {
        let lineage = self.app.store.lineage(model.team_id).await?;
        let metrics = std::iter::once(metric).chain(beside(metric).iter().copied());
        let stored = self.app.store.evidence_estimates(&[run.id], metrics, None).await?;
        let stored = stored.into_iter().map(|(_, estimate)| estimate).collect();
        let least = least(self.app, self.actor, &lineage);
        let mut estimates = shown(&self.registry, model.id, stored, least);
        estimates.retain(|estimate| !is_hidden(estimate));
        Ok(estimates)
    }

    /// How a key result stands; `None`: the actor may not see its model.
    async fn stands(
        &mut self,
        key_result: &KeyResult,
        check_ins: &[CheckInLine],
        promise: Promise,
        elapsed: f64,
    ) -> Result<Option<Stands>> {
        let model = match key_result.model_id {
            Some(id) => self.app.store.model(ModelId(id)).await?,
            None => None,
        };
        if model.as_ref().is_some_and(|m| !self.visible.shows(m.team_id, m.restricted)) {
            return Ok(None);
        }
        let of_it = check_ins.iter().filter(|line| line.key_result_id == key_result.id);
        let check_ins: Vec<CheckInLine> = of_it.cloned().collect();
        let measure: Option<Measure> = serde_json::from_str(&key_result.measure).ok();
        let counter: Option<Counter> = serde_json::from_str(&key_result.counter).ok();
        let (mut run, mut held) = (None, None);
        let now = match (&key_result.source, &model, &measure) {
            (Source::Manual, ..) => check_ins
                .iter()
                .find_map(|line| line.value)
                .map(|value| (Reading { value, interval: None }, None))
                .ok_or_else(|| "nobody has checked a value in".to_owned()),
            (Source::Live, Some(model), Some(measure)) => {
                let (from, read) = self.read(model, measure, key_result.baseline_at).await?;
                run = from;
                read.map(|(reading, n)| (reading, Some(n)))
            }
            _ => Err("it does not say what it reads".to_owned()),
        };
        if let (Some(counter), Some(model)) = (&counter, &model) {
            let (_, read) = self.read(model, &counter.measure, key_result.baseline_at).await?;
            held = Some(read.map(|(reading, _)| {
                counter.min.is_none_or(|min| reading.value >= min)
                    && counter.max.is_none_or(|max| reading.value <= max)
            }));
        }
        // A baseline that rests on a run that was voided since is none.
        let mut baseline = key_result.start();
        if let Some(id) = key_result.baseline_run_id
            && self.app.store.run(RunId(id)).await?.is_none_or(|run| run.voided_at.is_some())
        {
            baseline = None;
        }
        let reading = match &now {
            Ok((reading, _)) => Ok(*reading),
            Err(why) => Err(why.as_str()),
        };
        let mut graded = grade(&ToGrade {
            promise,
            baseline,
            target: key_result.target,
            now: reading,
            counter: held.clone(),
            elapsed,
        });
        if baseline.is_none() && key_result.baseline.is_some() {
            graded.why = Some("the run of its baseline was voided".to_owned());
            graded.standing = Standing::CannotBeGraded;
        }
        Ok(Some(Stands {
            counter: counter.zip(held),
            key_result: key_result.clone(),
            measure,
            model,
            now,
            run,
            grade: graded,
            check_ins,
        }))
    }
}
