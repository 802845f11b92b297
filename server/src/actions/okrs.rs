//! Objectives and key results: written, checked in, and graded from the evidence of now.

use crate::actions::readiness::least;
use crate::actions::registry::{find_model, upwards, visibility};
use crate::actions::runs::{outcome_of, shown};
use crate::auth::Actor;
use crate::auth::permit::{CheckIn, EditOkr};
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::Model;
use crate::store::okrs::{CheckInLine, KeyResult, NewKeyResult, NewObjective, Objective};
use crate::store::runs::Run;
use app::domain::disclosure::is_hidden;
use app::domain::okr::{
    Confidence, Counter, Disparity, Grade, Held, Measure, Period, Promise, Reading, Source,
    Standing, ToGrade, grade, roll_up,
};
use app::domain::{
    Email, KeyResultId, Line, ModelId, ObjectiveId, PersonId, Prose, RunId, Scope, TeamId,
};
use app::form::FieldErrors;
use metrics::disparity::{Kind, Reference};
use metrics::{Estimate, Slice, catalogue};
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
    let visible = visibility(app, actor).await?;
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
            let model = match key_result.model_id {
                Some(id) => app.store.model(ModelId(id)).await?,
                None => None,
            };
            if model.as_ref().is_some_and(|m| !visible.shows(m.team_id, m.restricted)) {
                continue;
            }
            let said = check_ins.iter().filter(|line| line.key_result_id == key_result.id);
            let said = said.cloned().collect();
            let of = (key_result.clone(), model, said);
            stand.push(evidence.stands(of, objective.kind, elapsed).await?);
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
    let graded = of_period(app, actor, period, None).await?;
    let stands = graded
        .into_iter()
        .flat_map(|it| it.key_results)
        .find(|it| it.key_result.id == id)
        .ok_or_else(missing)?;
    Ok((objective, stands))
}

/// Estimates of the newest runs, each run read once.
struct Evidence<'a> {
    app: &'a App,
    actor: &'a Actor,
    registry: app::domain::attribute::Registry,
    runs: HashMap<ModelId, Vec<Run>>,
    estimates: HashMap<RunId, Vec<Estimate>>,
}

impl<'a> Evidence<'a> {
    async fn new(app: &'a App, actor: &'a Actor) -> Result<Self> {
        let registry = app.store.registry().await?;
        Ok(Self { app, actor, registry, runs: HashMap::new(), estimates: HashMap::new() })
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
        if !self.estimates.contains_key(&run.id) {
            let lineage = self.app.store.lineage(model.team_id).await?;
            let stored = self.app.store.estimates_of(run.id).await?;
            let least = least(self.app, self.actor, &lineage);
            let mut estimates = shown(&self.registry, model.id, stored, least);
            estimates.retain(|estimate| !is_hidden(estimate));
            self.estimates.insert(run.id, estimates);
        }
        let estimates = self.estimates.get(&run.id).map_or(&[][..], Vec::as_slice);
        Ok((Some(run.id), measure.read(estimates, outcome_of(&run, model))))
    }

    async fn stands(
        &mut self,
        (key_result, model, check_ins): (KeyResult, Option<Model>, Vec<CheckInLine>),
        promise: Promise,
        elapsed: f64,
    ) -> Result<Stands> {
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
        Ok(Stands {
            counter: counter.zip(held),
            key_result,
            measure,
            model,
            now,
            run,
            grade: graded,
            check_ins,
        })
    }
}

/// An objective as it was typed.
#[derive(Clone, Debug, Default)]
pub struct ObjectiveInput {
    pub period: String,
    pub team: String,
    pub parent: String,
    pub title: String,
    pub why: String,
    pub kind: String,
    pub owner: String,
}

async fn owner_of(app: &App, email: &str, errors: &mut FieldErrors) -> Result<Option<PersonId>> {
    let Some(email) = errors.check("owner", Email::new(email)) else { return Ok(None) };
    let known = app.store.credentials(&email).await?.filter(|known| known.disabled_at.is_none());
    if known.is_none() {
        errors.add("owner", "nobody here has this address");
    }
    Ok(known.map(|known| known.id))
}

/// A new objective.
///
/// # Errors
/// [`Error::Fields`] with everything that was typed wrong.
pub async fn add_objective(
    app: &App,
    actor: &Actor,
    input: &ObjectiveInput,
) -> Result<ObjectiveId> {
    let mut errors = FieldErrors::default();
    let period = errors.check("period", input.period.parse::<Period>());
    let title = errors.check("title", Line::new(&input.title));
    let why = errors.check("why", Prose::new(&input.why));
    let kind = errors.check("kind", input.kind.parse::<Promise>());
    let owner = owner_of(app, &input.owner, &mut errors).await?;
    let team = app.store.team_by_slug(&input.team).await?;
    if team.is_none() {
        errors.add("team", format!("there is no team `{}`", input.team));
    }
    let parent = match input.parent.as_str() {
        "" => None,
        id => {
            let id = id.parse::<ObjectiveId>().ok();
            let found = match id {
                Some(id) => app.store.objective(id).await?,
                None => None,
            };
            let same = found
                .as_ref()
                .filter(|it| Some(it.period.as_str()) == period.map(|p| p.to_string()).as_deref());
            if same.is_none() {
                errors.add("parent", "this quarter has no such objective");
            }
            same.map(|it| it.id)
        }
    };
    let (Some(period), Some(title), Some(why), Some(kind), Some(owner), Some(team), true) =
        (period, title, why, kind, owner, team, errors.is_empty())
    else {
        return Err(errors.into());
    };
    let permit = actor.permit::<EditOkr>(Scope::Team(&app.store.lineage(team.id).await?))?;
    let period = period.to_string();
    let new = NewObjective {
        period: &period,
        team: team.id,
        parent,
        title: title.as_str(),
        why: why.as_str(),
        kind,
        owner,
    };
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let id = tx.add_objective(&permit, &new, actor.person()?).await?;
    tx.commit().await?;
    Ok(id)
}

/// A key result as it was typed.
#[derive(Clone, Debug, Default)]
pub struct KeyResultInput {
    pub objective: String,
    pub title: String,
    pub owner: String,
    /// `live` or `manual`.
    pub source: String,
    pub model: String,
    pub dataset: String,
    pub metric: String,
    pub slice: String,
    /// Empty, `difference` or `ratio`.
    pub disparity: String,
    pub reference: String,
    /// Only of a manual one: a live one's is frozen from the newest run.
    pub baseline: String,
    pub target: String,
    /// Metric of the counter-metric, overall on the same dataset; empty: none.
    pub counter_metric: String,
    pub counter_min: String,
    pub counter_max: String,
}

fn number(errors: &mut FieldErrors, field: &str, text: &str) -> Option<f64> {
    match text.trim().replace('\u{2212}', "-").parse::<f64>() {
        Ok(number) if number.is_finite() => Some(number),
        _ => {
            errors.add(field, "a number, such as 0.05");
            None
        }
    }
}

fn known_metric(errors: &mut FieldErrors, field: &str, key: &str) {
    if catalogue::find(key).is_none() {
        let near = catalogue::nearest(key);
        let hint = near.map(|near| format!("; is it `{near}`?")).unwrap_or_default();
        errors.add(field, format!("there is no metric `{key}`{hint}"));
    }
}

/// A new key result; a live one's baseline is frozen from the newest run.
///
/// # Errors
/// [`Error::Fields`] with everything that was typed wrong: no baseline, and a target equal to it,
/// among it.
pub async fn add_key_result(
    app: &App,
    actor: &Actor,
    input: &KeyResultInput,
) -> Result<KeyResultId> {
    let mut errors = FieldErrors::default();
    let objective = match input.objective.parse::<ObjectiveId>() {
        Ok(id) => app.store.objective(id).await?,
        Err(_) => None,
    };
    let objective = objective.ok_or_else(|| Error::not_found("objective"))?;
    let lineage = app.store.lineage(objective.team_id).await?;
    let permit = actor.permit::<EditOkr>(Scope::Team(&lineage))?;
    let title = errors.check("title", Line::new(&input.title));
    let owner = owner_of(app, &input.owner, &mut errors).await?;
    let source = errors.check("source", input.source.parse::<Source>());
    let target = number(&mut errors, "target", &input.target);
    let mut live = None;
    let mut baseline = None;
    match source {
        Some(Source::Live) => live = measure(app, actor, input, &mut errors).await?,
        Some(Source::Manual) => {
            let value = number(&mut errors, "baseline", &input.baseline);
            baseline = value.map(|value| (Reading { value, interval: None }, None));
        }
        None => {}
    }
    let mut counter = None;
    if let Some((model, measure)) = &live {
        let mut evidence = Evidence::new(app, actor).await?;
        let (run, read) = evidence.read(model, measure, None).await?;
        match read {
            Ok((reading, _)) => baseline = Some((reading, run)),
            Err(why) => errors.add("metric", format!("it has no baseline: {why}")),
        }
        counter = counter_of(input, &mut errors);
    }
    if let (Some((baseline, _)), Some(target)) = (&baseline, target)
        && (baseline.value - target).abs() < 1e-12
    {
        errors.add("target", format!("the target is the baseline, {}", baseline.value));
    }
    let (Some(title), Some(owner), Some(source), Some(target), Some((baseline, run)), true) =
        (title, owner, source, target, baseline, errors.is_empty())
    else {
        return Err(errors.into());
    };
    let text = |value: Option<serde_json::Value>| value.map(|v| v.to_string()).unwrap_or_default();
    let unit = live
        .as_ref()
        .and_then(|(_, measure)| catalogue::find(&measure.metric))
        .map_or("", |metric| metric.unit);
    let new = NewKeyResult {
        objective: objective.id,
        title: title.as_str(),
        owner,
        source,
        model: live.as_ref().map(|(model, _)| model.id),
        measure: &text(live.as_ref().and_then(|(_, m)| serde_json::to_value(m).ok())),
        unit,
        baseline: Some(baseline),
        baseline_run: run,
        target,
        counter: &text(counter.and_then(|counter| serde_json::to_value(counter).ok())),
    };
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let id = tx.add_key_result(&permit, &new, actor.person()?).await?;
    tx.commit().await?;
    Ok(id)
}

async fn measure(
    app: &App,
    actor: &Actor,
    input: &KeyResultInput,
    errors: &mut FieldErrors,
) -> Result<Option<(Model, Measure)>> {
    let model = match find_model(app, actor, &input.model).await {
        Ok(model) => Some(model),
        Err(Error::NotFound(message)) => {
            errors.add("model", message);
            None
        }
        Err(error) => return Err(error),
    };
    known_metric(errors, "metric", &input.metric);
    let slice = errors.check("slice", Slice::parse(&input.slice));
    let kind = match input.disparity.as_str() {
        "" => None,
        "difference" => Some(Kind::Difference),
        "ratio" => Some(Kind::Ratio),
        other => {
            errors.add("disparity", format!("`{other}` is no disparity"));
            None
        }
    };
    let disparity = match kind {
        None => None,
        Some(kind) => {
            if slice.as_ref().is_some_and(Slice::is_overall) {
                errors.add("slice", "a gap is that of a group: name its slice");
            }
            let reference = if input.reference.is_empty() { "best" } else { &input.reference };
            errors
                .check("reference", reference.parse::<Reference>())
                .map(|reference| Disparity { kind, reference })
        }
    };
    let (Some(model), Some(slice), true) = (model, slice, errors.is_empty()) else {
        return Ok(None);
    };
    let measure = Measure {
        dataset: input.dataset.trim().to_owned(),
        metric: input.metric.clone(),
        slice: slice.to_string(),
        disparity,
    };
    Ok(Some((model, measure)))
}

fn counter_of(input: &KeyResultInput, errors: &mut FieldErrors) -> Option<Counter> {
    if input.counter_metric.is_empty() {
        return None;
    }
    known_metric(errors, "counter_metric", &input.counter_metric);
    let mut bound = |field: &str, text: &str| {
        if text.trim().is_empty() { None } else { number(errors, field, text) }
    };
    let (min, max) =
        (bound("counter_min", &input.counter_min), bound("counter_max", &input.counter_max));
    if min.is_none() && max.is_none() && errors.is_empty() {
        errors.add("counter_min", "a counter-metric has a least or a greatest value");
    }
    let measure = Measure {
        dataset: input.dataset.trim().to_owned(),
        metric: input.counter_metric.clone(),
        slice: String::new(),
        disparity: None,
    };
    Some(Counter { measure, min, max })
}

/// Checks in: a value (of a manual key result), how sure one is, and a note.
///
/// # Errors
/// [`Error::Fields`] for what was typed.
pub async fn check_in(
    app: &App,
    actor: &Actor,
    id: &str,
    value: &str,
    confidence: &str,
    note: &str,
) -> Result<()> {
    let (objective, stands) = find(app, actor, id).await?;
    let lineage = app.store.lineage(objective.team_id).await?;
    let permit = actor.permit::<CheckIn>(Scope::Team(&lineage))?;
    let mut errors = FieldErrors::default();
    let is_manual = stands.key_result.source == Source::Manual;
    let value = match (is_manual, value.trim()) {
        (false, "") => None,
        (false, _) => {
            errors.add("value", "a live key result reads its value from the evidence");
            None
        }
        (true, text) => number(&mut errors, "value", text),
    };
    let confidence = errors.check("confidence", confidence.parse::<Confidence>());
    let note = errors.check("note", Prose::new(note));
    let (Some(confidence), Some(note), true) = (confidence, note, errors.is_empty()) else {
        return Err(errors.into());
    };
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let (id, by) = (stands.key_result.id, actor.person()?);
    tx.add_check_in(&permit, id, by, value, confidence, note.as_str()).await?;
    tx.commit().await
}

/// When somebody last checked in on a key result.
pub fn last_check_in(stands: &Stands) -> Option<time::OffsetDateTime> {
    stands.check_ins.first().map(|line| from_micros(line.at))
}
