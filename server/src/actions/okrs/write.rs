//! What is typed about objectives and key results, checked and stored.

use super::{Evidence, find};
use crate::actions::registry::find_model;
use crate::auth::Actor;
use crate::auth::permit::{CheckIn, EditOkr};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::Model;
use crate::store::okrs::{NewKeyResult, NewObjective};
use app::domain::okr::{Confidence, Counter, Disparity, Measure, Period, Promise, Reading, Source};
use app::domain::{Email, KeyResultId, Line, ObjectiveId, PersonId, Prose, Scope, TeamId};
use app::form::FieldErrors;
use metrics::disparity::{Kind, Reference};
use metrics::{Slice, catalogue};

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

/// An objective as it was typed, checked.
pub struct Checked {
    period: Period,
    team: TeamId,
    parent: Option<ObjectiveId>,
    title: Line,
    why: Prose,
    kind: Promise,
    owner: PersonId,
}

/// Checks what was typed.
///
/// # Errors
/// [`Error::Fields`] with everything that is wrong.
pub async fn check_objective(app: &App, input: &ObjectiveInput) -> Result<Checked> {
    let mut errors = FieldErrors::default();
    let period = errors.check("period", input.period.parse::<Period>());
    let title = errors.check("title", Line::new(&input.title));
    let why = errors.check("why", Prose::new(&input.why));
    let kind = errors.check("kind", input.kind.parse::<Promise>());
    let owner = owner_of(app, &input.owner, &mut errors).await?;
    let team = app.store.team_by_slug(&input.team).await?.map(|team| team.id);
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
    match (period, title, why, kind, owner, team) {
        (Some(period), Some(title), Some(why), Some(kind), Some(owner), Some(team))
            if errors.is_empty() =>
        {
            Ok(Checked { period, team, parent, title, why, kind, owner })
        }
        _ => Err(errors.into()),
    }
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
    let it = check_objective(app, input).await?;
    let permit = actor.permit::<EditOkr>(Scope::Team(&app.store.lineage(it.team).await?))?;
    let period = it.period.to_string();
    let new = NewObjective {
        period: &period,
        team: it.team,
        parent: it.parent,
        title: it.title.as_str(),
        why: it.why.as_str(),
        kind: it.kind,
        owner: it.owner,
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

/// A check-in as it was typed.
#[derive(Clone, Debug, Default)]
pub struct CheckInInput {
    /// Only of a key result that is not live.
    pub value: String,
    pub confidence: String,
    pub note: String,
}

/// A check-in, checked.
pub struct CheckedIn {
    value: Option<f64>,
    confidence: Confidence,
    note: Prose,
}

impl CheckInInput {
    /// Checks what was typed of a key result from this source.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self, source: Source) -> Result<CheckedIn, FieldErrors> {
        let mut errors = FieldErrors::default();
        let value = match (source, self.value.trim()) {
            (Source::Live, "") => None,
            (Source::Live, _) => {
                errors.add("value", "a live key result reads its value from the evidence");
                None
            }
            (Source::Manual, text) => number(&mut errors, "value", text),
        };
        let confidence = errors.check("confidence", self.confidence.parse::<Confidence>());
        let note = errors.check("note", Prose::new(&self.note));
        match (confidence, note) {
            (Some(confidence), Some(note)) if errors.is_empty() => {
                Ok(CheckedIn { value, confidence, note })
            }
            _ => Err(errors),
        }
    }
}

/// Checks in: a value (of a manual key result), how sure one is, and a note.
///
/// # Errors
/// [`Error::Fields`] for what was typed.
pub async fn check_in(app: &App, actor: &Actor, id: &str, input: &CheckInInput) -> Result<()> {
    let (objective, stands) = find(app, actor, id).await?;
    let lineage = app.store.lineage(objective.team_id).await?;
    let permit = actor.permit::<CheckIn>(Scope::Team(&lineage))?;
    let CheckedIn { value, confidence, note } = input.check(stands.key_result.source)?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let (id, by) = (stands.key_result.id, actor.person()?);
    tx.add_check_in(&permit, id, by, value, confidence, note.as_str()).await?;
    tx.commit().await
}
