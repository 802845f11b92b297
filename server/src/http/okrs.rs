//! Objectives and key results.

use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::okrs::{
    self, CheckInInput, Graded, KeyResultInput, ObjectiveInput, Stands, find, of_period,
};
use crate::actions::registry::teams_where;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use app::domain::okr::{Measure, Period, Source, Standing};
use app::domain::verdict::words::metric_name;
use app::domain::{ObjectiveId, Permission, Scope};
use app::form::FieldErrors;
use app::pages::okrs::{
    CheckInView, KeyResultFormPage, KeyResultFormView, KeyResultPage, KeyResultPageView,
    KeyResultView, ObjectiveFormPage, ObjectiveFormView, ObjectiveView, OkrsPage, OkrsView,
};
use app::pages::parts::{Crumb, Section, number};
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let edit = Access::May(Permission::EditOkr);
    routes
        .get("/okrs", read, list)
        .get("/objectives/new", edit, new_objective)
        .post("/objectives/new", edit, add_objective)
        .get("/key-results/new", edit, new_key_result)
        .post("/key-results/new", edit, add_key_result)
        .get("/key-results/{key_result}", read, show)
        .post("/key-results/{key_result}", Access::May(Permission::CheckIn), check_in)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    period: String,
    team: String,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let now = app.clock.now();
    let period = match asked.period.as_str() {
        "" => Period::of(now),
        text => text.parse().map_err(Error::BadRequest)?,
    };
    let teams = app.store.teams().await?;
    let team = teams.iter().find(|team| team.slug == asked.team).map(|team| team.id);
    let graded = of_period(&app, &actor, period, team).await?;
    let mut objectives = vec![];
    for it in &graded {
        let lineage = app.store.lineage(it.objective.team_id).await?;
        let may_edit = actor.may(Permission::EditOkr, Scope::Team(&lineage));
        objectives.push(objective_view(it, may_edit));
    }
    let view = OkrsView {
        period: period.to_string(),
        previous: period.previous().to_string(),
        next: period.next().to_string(),
        days_left: (period.next().start() - now).whole_days(),
        headline: headline(&graded),
        objectives,
        team: asked.team,
        teams: super::teams::choices(&teams),
        may_edit: actor.may(Permission::EditOkr, Scope::Anywhere),
    };
    Ok(page
        .title(format!("OKRs, {period}"))
        .section(Section::Okrs)
        .html(move || view! { <OkrsPage view=view /> }))
}

/// Are we on track, and where not.
pub(super) fn headline(graded: &[Graded]) -> String {
    if graded.is_empty() {
        return "Nothing was promised for this quarter.".to_owned();
    }
    let of = |standing: Standing| -> Vec<&str> {
        let stand = graded.iter().filter(|it| it.grade.standing == standing);
        stand.map(|it| it.objective.title.as_str()).collect()
    };
    let total = number::counted(graded.len() as u64, "objective", "objectives");
    let mut said = format!("{} of {total} on track.", of(Standing::OnTrack).len());
    let mut say = |titles: Vec<&str>, what: &str| {
        if !titles.is_empty() {
            said.push_str(&format!(" {what}: {}.", titles.join("; ")));
        }
    };
    say(of(Standing::OffTrack), "Off track");
    say(of(Standing::AtRisk), "At risk");
    say(of(Standing::CannotBeGraded), "Cannot be graded");
    let held = graded
        .iter()
        .flat_map(|it| &it.key_results)
        .filter(|it| it.grade.why.as_deref().is_some_and(|why| why.starts_with("held back")));
    let held: Vec<&str> = held.map(|it| it.key_result.title.as_str()).collect();
    if !held.is_empty() {
        said.push_str(&format!(" Held back by a counter-metric: {}.", held.join("; ")));
    }
    said
}

pub(super) fn objective_view(graded: &Graded, may_edit: bool) -> ObjectiveView {
    let it = &graded.objective;
    ObjectiveView {
        id: it.id.to_string(),
        title: it.title.clone(),
        why: it.why.clone(),
        team: it.team_name.clone(),
        promise: it.kind,
        owner: it.owner_name.clone(),
        grade: graded.grade.clone(),
        key_results: graded.key_results.iter().map(key_result_view).collect(),
        may_edit,
    }
}

fn measure_text(measure: &Measure) -> String {
    let slice = if measure.slice.is_empty() { "all" } else { &measure.slice };
    let metric = metric_name(&measure.metric);
    match &measure.disparity {
        None => format!("{metric} of {slice}"),
        Some(gap) => format!("gap in {metric} of {slice} to {}", gap.reference),
    }
}

fn key_result_view(stands: &Stands) -> KeyResultView {
    let it = &stands.key_result;
    let source = match (it.source, &stands.measure, &stands.model) {
        (Source::Live, Some(measure), Some(model)) => {
            format!("live · {} · {} · {}", measure_text(measure), model.name, measure.dataset)
        }
        (source, ..) => source.label().to_owned(),
    };
    KeyResultView {
        id: it.id.to_string(),
        title: it.title.clone(),
        source,
        baseline: it.start(),
        target: it.target,
        now: stands.now.clone().map(|(reading, _)| reading),
        n: stands.now.as_ref().ok().and_then(|(_, n)| *n),
        grade: stands.grade.clone(),
        evidence: stands.run.map(|run| format!("/runs/{run}")),
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ObjectiveTyped {
    period: String,
    team: String,
    parent: String,
    title: String,
    why: String,
    kind: String,
    owner: String,
}

async fn objective_form(
    app: &App,
    actor: &Actor,
    page: Page,
    typed: ObjectiveTyped,
    errors: FieldErrors,
) -> Result<Response> {
    let period = if typed.period.is_empty() {
        Period::of(app.clock.now()).to_string()
    } else {
        typed.period
    };
    let parents = app.store.objectives(&period).await?;
    let view = ObjectiveFormView {
        parents: parents.into_iter().map(|it| (it.id.to_string(), it.title)).collect(),
        teams: super::teams::choices(&teams_where(app, actor, Permission::EditOkr).await?),
        period,
        team: typed.team,
        parent: typed.parent,
        title: typed.title,
        why: typed.why,
        kind: typed.kind,
        owner: if typed.owner.is_empty() { actor.email.clone() } else { typed.owner },
        errors,
    };
    Ok(page
        .title("New objective")
        .section(Section::Okrs)
        .crumbs(vec![Crumb::to("OKRs", "/okrs"), Crumb::here("New objective")])
        .html(move || view! { <ObjectiveFormPage view=view /> }))
}

async fn new_objective(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(typed): Query<ObjectiveTyped>,
) -> Result<Response> {
    objective_form(&app, &actor, page, typed, FieldErrors::default()).await
}

async fn add_objective(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Form(typed): Form<ObjectiveTyped>,
) -> Result<Response> {
    let it = typed.clone();
    let input = ObjectiveInput {
        period: it.period,
        team: it.team,
        parent: it.parent,
        title: it.title,
        why: it.why,
        kind: it.kind,
        owner: it.owner,
    };
    match okrs::add_objective(&app, &actor, &input).await {
        Ok(_) => {
            let to = format!("/okrs?period={}", typed.period.trim());
            done(&session, &to, "The objective is there; now its key results.").await
        }
        Err(Error::Fields(errors)) => {
            objective_form(&app, &actor, page.refused(), typed, errors).await
        }
        Err(error) => Err(error),
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct KeyResultTyped {
    objective: String,
    title: String,
    owner: String,
    source: String,
    model: String,
    dataset: String,
    metric: String,
    slice: String,
    disparity: String,
    reference: String,
    baseline: String,
    target: String,
    counter_metric: String,
    counter_min: String,
    counter_max: String,
}

async fn key_result_form(
    app: &App,
    actor: &Actor,
    page: Page,
    typed: KeyResultTyped,
    errors: FieldErrors,
) -> Result<Response> {
    let missing = || Error::not_found("objective");
    let id: ObjectiveId = typed.objective.parse().map_err(|_| missing())?;
    let objective = app.store.objective(id).await?.ok_or_else(missing)?;
    let view = KeyResultFormView {
        objective: typed.objective,
        objective_title: objective.title,
        title: typed.title,
        owner: if typed.owner.is_empty() { actor.email.clone() } else { typed.owner },
        source: typed.source,
        model: typed.model,
        dataset: typed.dataset,
        metric: typed.metric,
        slice: typed.slice,
        disparity: typed.disparity,
        reference: typed.reference,
        baseline: typed.baseline,
        target: typed.target,
        counter_metric: typed.counter_metric,
        counter_min: typed.counter_min,
        counter_max: typed.counter_max,
        errors,
    };
    Ok(page
        .title("New key result")
        .section(Section::Okrs)
        .crumbs(vec![Crumb::to("OKRs", "/okrs"), Crumb::here("New key result")])
        .html(move || view! { <KeyResultFormPage view=view /> }))
}

async fn new_key_result(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(typed): Query<KeyResultTyped>,
) -> Result<Response> {
    key_result_form(&app, &actor, page, typed, FieldErrors::default()).await
}

async fn add_key_result(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Form(typed): Form<KeyResultTyped>,
) -> Result<Response> {
    let it = typed.clone();
    let input = KeyResultInput {
        objective: it.objective,
        title: it.title,
        owner: it.owner,
        source: it.source,
        model: it.model.trim().to_owned(),
        dataset: it.dataset,
        metric: it.metric.trim().to_owned(),
        slice: it.slice,
        disparity: it.disparity,
        reference: it.reference.trim().to_owned(),
        baseline: it.baseline,
        target: it.target,
        counter_metric: it.counter_metric.trim().to_owned(),
        counter_min: it.counter_min,
        counter_max: it.counter_max,
    };
    match okrs::add_key_result(&app, &actor, &input).await {
        Ok(id) => {
            done(&session, &format!("/key-results/{id}"), "Its baseline is frozen from now on.")
                .await
        }
        Err(Error::Fields(errors)) => {
            key_result_form(&app, &actor, page.refused(), typed, errors).await
        }
        Err(error) => Err(error),
    }
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response> {
    render(&app, &actor, page, &id, CheckInTyped::default(), FieldErrors::default()).await
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct CheckInTyped {
    value: String,
    confidence: String,
    note: String,
}

async fn render(
    app: &App,
    actor: &Actor,
    page: Page,
    id: &str,
    typed: CheckInTyped,
    errors: FieldErrors,
) -> Result<Response> {
    let (objective, stands) = find(app, actor, id).await?;
    let lineage = app.store.lineage(objective.team_id).await?;
    let it = &stands.key_result;
    let view = KeyResultPageView {
        objective: objective.title,
        period: objective.period,
        owner: it.owner_name.clone(),
        source: it.source,
        baseline_run: it.baseline_run_id.map(|run| run.to_string()),
        baseline_at: it.baseline_at.map(from_micros),
        counter: stands.counter.clone().map(|(counter, held)| {
            let bound = app::domain::policy::Bound { min: counter.min, max: counter.max };
            (format!("{} {}", measure_text(&counter.measure), bound.text()), held)
        }),
        check_ins: stands
            .check_ins
            .iter()
            .map(|line| CheckInView {
                person: line.person_name.clone(),
                at: from_micros(line.at),
                value: line.value,
                confidence: line.confidence,
                note: line.note.clone(),
            })
            .collect(),
        may_check_in: actor.may(Permission::CheckIn, Scope::Team(&lineage)),
        typed: (typed.value, typed.confidence, typed.note),
        errors,
        key_result: key_result_view(&stands),
    };
    let title = view.key_result.title.clone();
    let quarter = format!("/okrs?period={}", view.period);
    Ok(page
        .title(title.clone())
        .section(Section::Okrs)
        .crumbs(vec![Crumb::to("OKRs", quarter), Crumb::here(title)])
        .html(move || view! { <KeyResultPage view=view /> }))
}

async fn check_in(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(id): Path<String>,
    Form(typed): Form<CheckInTyped>,
) -> Result<Response> {
    let it = typed.clone();
    let input = CheckInInput { value: it.value, confidence: it.confidence, note: it.note };
    match okrs::check_in(&app, &actor, &id, &input).await {
        Ok(()) => done(&session, &format!("/key-results/{id}"), "You are checked in.").await,
        Err(Error::Fields(errors)) => {
            render(&app, &actor, page.refused(), &id, typed, errors).await
        }
        Err(error) => Err(error),
    }
}
