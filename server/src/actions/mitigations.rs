//! Record a mitigation, and what it did.

use crate::actions::paired;
use crate::actions::readiness::least;
use crate::actions::registry::{find_model, may_see_model, visibility};
use crate::actions::runs::{outcome_of, shown};
use crate::auth::Actor;
use crate::auth::permit::Mitigate;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::mitigations::{Mitigation, NewMitigation};
use crate::store::models::Model;
use crate::store::runs::Run;
use app::domain::disclosure::is_hidden;
use app::domain::mitigation::{Goal, Kind, Proof, State, prove};
use app::domain::{Email, FindingId, Line, Prose, RunId, Scope};
use app::form::FieldErrors;
use metrics::{Slice, catalogue};

/// A mitigation as it was typed.
#[derive(Clone, Debug, Default)]
pub struct MitigationInput {
    pub model: String,
    pub kind: String,
    pub title: String,
    pub hypothesis: String,
    pub metric: String,
    /// Canonical text; empty is overall.
    pub slice: String,
    /// By how much the metric should change on the slice, with its sign.
    pub change: String,
    pub finding: String,
    pub owner: String,
    pub state: String,
    /// Ids of runs; empty: not measured yet.
    pub before: String,
    pub after: String,
}

impl MitigationInput {
    /// A mitigation as it would be typed again.
    pub fn of(it: &Mitigation) -> Self {
        let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        Self {
            model: it.model_slug.clone(),
            kind: it.kind.as_str().to_owned(),
            title: it.title.clone(),
            hypothesis: it.hypothesis.clone(),
            metric: it.metric.clone(),
            slice: it.slice.clone(),
            change: it.target_change.clone(),
            finding: id(it.finding_id),
            owner: it.owner_email.clone(),
            state: it.state.as_str().to_owned(),
            before: id(it.before_run_id),
            after: id(it.after_run_id),
        }
    }
}

/// A mitigation by its number, if the actor may see its model.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, actor: &Actor, number: &str) -> Result<(Mitigation, Model)> {
    let missing = || Error::not_found("mitigation");
    let digits = number.strip_prefix("M-").unwrap_or(number);
    let number: i64 = digits.parse().map_err(|_| missing())?;
    let mitigation = app.store.mitigation(number).await?.ok_or_else(missing)?;
    let model = app.store.model(mitigation.model_id).await?.ok_or_else(missing)?;
    if may_see_model(app, actor, &model).await? { Ok((mitigation, model)) } else { Err(missing()) }
}

/// The mitigations that the actor may see, the newest first.
pub async fn seen(app: &App, actor: &Actor) -> Result<Vec<Mitigation>> {
    let visible = visibility(app, actor).await?;
    let all = app.store.mitigations().await?.into_iter();
    Ok(all.filter(|it| visible.shows(it.team_id, it.restricted)).collect())
}

/// A new mitigation; its number.
///
/// # Errors
/// [`Error::Fields`] with everything that was typed wrong.
pub async fn add(app: &App, actor: &Actor, input: &MitigationInput) -> Result<i64> {
    let model = model_of(app, actor, input).await?;
    let permit = actor.permit::<Mitigate>(Scope::Team(&app.store.lineage(model.team_id).await?))?;
    let new = check(app, &model, input).await?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let number = tx.add_mitigation(&permit, &new, actor.person()?).await?;
    tx.commit().await?;
    Ok(number)
}

/// Changes a mitigation, if `read` is still its version.
///
/// # Errors
/// [`Error::Fields`], or [`Error::PreconditionFailed`] when somebody changed it meanwhile.
pub async fn edit(
    app: &App,
    actor: &Actor,
    number: &str,
    read: i64,
    input: &MitigationInput,
) -> Result<()> {
    let (before, model) = find(app, actor, number).await?;
    let permit = actor.permit::<Mitigate>(Scope::Team(&app.store.lineage(model.team_id).await?))?;
    let new = check(app, &model, input).await?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.edit_mitigation(&permit, &before, read, &new).await?;
    tx.commit().await
}

/// The model that a new mitigation is for.
///
/// # Errors
/// [`Error::Fields`] when there is none.
pub async fn model_of(app: &App, actor: &Actor, input: &MitigationInput) -> Result<Model> {
    match find_model(app, actor, &input.model).await {
        Err(Error::NotFound(message)) => Err(FieldErrors::one("model", message).into()),
        found => found,
    }
}

/// Checks what was typed.
///
/// # Errors
/// [`Error::Fields`] with everything that is wrong.
pub async fn check(app: &App, model: &Model, input: &MitigationInput) -> Result<NewMitigation> {
    let mut errors = FieldErrors::default();
    let kind = errors.check("kind", input.kind.parse::<Kind>());
    let state = if input.state.is_empty() {
        Some(State::Proposed)
    } else {
        errors.check("state", input.state.parse::<State>())
    };
    let title = errors.check("title", Line::new(&input.title));
    let hypothesis = errors.check("hypothesis", Prose::new(&input.hypothesis));
    if hypothesis.as_ref().is_some_and(|text| text.as_str().trim().is_empty()) {
        errors.add("hypothesis", "say what it does, and why that should help");
    }
    if catalogue::find(&input.metric).is_none() {
        let near = catalogue::nearest(&input.metric);
        let hint = near.map(|near| format!("; is it `{near}`?")).unwrap_or_default();
        errors.add("metric", format!("there is no metric `{}`{hint}", input.metric));
    }
    let slice = errors.check("slice", Slice::parse(&input.slice));
    let change = input.change.trim().replace('\u{2212}', "-");
    match change.parse::<f64>() {
        Ok(change) if change.is_finite() && change != 0.0 => {}
        _ => errors.add("change", "a number with its sign, such as 0.05 or -0.1, and not 0"),
    }
    let owner = match errors.check("owner", Email::new(&input.owner)) {
        Some(email) => {
            let known = app.store.credentials(&email).await?;
            if known.is_none() {
                errors.add("owner", "nobody here has this address");
            }
            known.map(|known| known.id)
        }
        None => None,
    };
    let finding = match input.finding.as_str() {
        "" => None,
        id => {
            let id = id.parse::<FindingId>().ok();
            let found = match id {
                Some(id) => app.store.finding(id).await?,
                None => None,
            };
            if found.as_ref().is_none_or(|finding| finding.model_id != model.id) {
                errors.add("finding", "this model has no such finding");
            }
            found.map(|finding| finding.id)
        }
    };
    let before = run_of(app, model, "before", &input.before, &mut errors).await?;
    let after = run_of(app, model, "after", &input.after, &mut errors).await?;
    if let (Some(before), Some(after)) = (&before, &after) {
        if before.id == after.id {
            errors.add("after", "this is the run before itself");
        } else if after.evaluated_at < before.evaluated_at {
            errors.add("after", "this run was evaluated before the one that it should come after");
        }
    }
    if state == Some(State::Shipped) && (before.is_none() || after.is_none()) {
        errors.add("state", "it is shipped once a run before and a run after show what it did");
    }
    let (Some(kind), Some(state), Some(title), Some(hypothesis), Some(slice), Some(owner), true) =
        (kind, state, title, hypothesis, slice, owner, errors.is_empty())
    else {
        return Err(errors.into());
    };
    Ok(NewMitigation {
        model: model.id,
        kind,
        title: title.as_str().to_owned(),
        hypothesis: hypothesis.as_str().to_owned(),
        metric: input.metric.clone(),
        slice: slice.to_string(),
        target_change: change,
        finding,
        owner,
        state,
        before: before.map(|run| run.id),
        after: after.map(|run| run.id),
    })
}

async fn run_of(
    app: &App,
    model: &Model,
    field: &str,
    id: &str,
    errors: &mut FieldErrors,
) -> Result<Option<Run>> {
    if id.trim().is_empty() {
        return Ok(None);
    }
    let run = match id.trim().parse::<RunId>() {
        Ok(id) => app.store.run(id).await?,
        Err(_) => None,
    };
    match run {
        Some(run) if run.model_id == model.id => {
            if run.voided_at.is_some() {
                errors.add(field, "this run was voided");
            }
            Ok(Some(run))
        }
        _ => {
            errors.add(field, format!("{} has no such run", model.slug));
            Ok(None)
        }
    }
}

/// What the two runs of a mitigation say of it.
#[derive(Clone, Debug)]
pub enum Proved {
    /// There are not two runs yet.
    NotMeasured,
    /// They cannot be compared, and why.
    Not(String),
    By(Box<Proof>),
}

/// What a mitigation did, as the actor may see it; with the runs before and after.
pub async fn proof(
    app: &App,
    actor: &Actor,
    mitigation: &Mitigation,
    model: &Model,
) -> Result<(Proved, Option<Run>, Option<Run>)> {
    let load = async |id: Option<uuid::Uuid>| match id {
        Some(id) => app.store.run(RunId(id)).await,
        None => Ok(None),
    };
    let (before, after) =
        (load(mitigation.before_run_id).await?, load(mitigation.after_run_id).await?);
    let proved = match (&before, &after) {
        (Some(before), Some(after)) => {
            compare(app, actor, mitigation, model, before, after).await?
        }
        _ => Proved::NotMeasured,
    };
    Ok((proved, before, after))
}

async fn compare(
    app: &App,
    actor: &Actor,
    mitigation: &Mitigation,
    model: &Model,
    before: &Run,
    after: &Run,
) -> Result<Proved> {
    if before.voided_at.is_some() || after.voided_at.is_some() {
        return Ok(Proved::Not(
            "One of its runs was voided, so that nothing is proved.".to_owned(),
        ));
    }
    if before.dataset_id != after.dataset_id {
        return Ok(Proved::Not(format!(
            "Its runs are on different datasets, {}@{} and {}@{}, which do not compare.",
            before.dataset_name, before.dataset_label, after.dataset_name, after.dataset_label
        )));
    }
    if before.instrument_definitions != after.instrument_definitions {
        return Ok(Proved::Not(
            "Its runs were measured by different definitions, which do not compare.".to_owned(),
        ));
    }
    let registry = app.store.registry().await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let least = least(app, actor, &lineage);
    let estimates = async |run: &Run| -> Result<Vec<metrics::Estimate>> {
        let stored = app.store.estimates_of(run.id).await?;
        let mut shown = shown(&registry, model.id, stored, least);
        shown.retain(|estimate| !is_hidden(estimate));
        Ok(shown)
    };
    let slice = Slice::parse(&mitigation.slice)
        .map_err(|error| Error::Internal(format!("M-{}: {error}", mitigation.number)))?;
    let change = mitigation.target_change.parse().unwrap_or_default();
    let goal = Goal {
        metric: &mitigation.metric,
        slice: &slice,
        change,
        outcome: outcome_of(after, model),
    };
    let (old, new) = (estimates(before).await?, estimates(after).await?);
    let rows = paired::compare(app, &registry, model.id, (before, after), least).await?;
    Ok(Proved::By(Box::new(prove(&goal, &old, &new, &rows))))
}
