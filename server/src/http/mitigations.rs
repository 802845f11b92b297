//! Mitigations.

use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::mitigations::{self, MitigationInput, Proved, find};
use crate::actions::registry::{find_model, teams_where};
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::runs::Run;
use app::domain::mitigation::State as Standing;
use app::domain::verdict::words::metric_name;
use app::domain::{FindingId, Permission, Scope};
use app::form::FieldErrors;
use app::pages::mitigations::{
    MitigationFormPage, MitigationFormView, MitigationLine, MitigationPage, MitigationView,
    MitigationsPage, MitigationsView, ProofView, RunLink,
};
use app::pages::parts::{Crumb, Section};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use metrics::Slice;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let may = Access::May(Permission::Mitigate);
    routes
        .get("/mitigations", read, list)
        .get("/mitigations/new", may, new)
        .post("/mitigations/new", may, add)
        .get("/mitigations/{mitigation}", read, show)
        .get("/mitigations/{mitigation}/edit", may, edit)
        .post("/mitigations/{mitigation}/edit", may, save)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    state: String,
    finding: String,
}

fn label(slice: &str) -> String {
    Slice::parse(slice).map_or_else(|_| slice.to_owned(), |slice| slice.label())
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let all = mitigations::seen(&app, &actor).await?;
    let total = all.len();
    let shown = all.into_iter().filter(|it| {
        (asked.state.is_empty() || it.state.as_str() == asked.state)
            && (asked.finding.is_empty()
                || it.finding_id.is_some_and(|id| id.to_string() == asked.finding))
    });
    let view = MitigationsView {
        mitigations: shown
            .map(|it| MitigationLine {
                number: it.number,
                target: format!(
                    "{} of {}, by {}",
                    metric_name(&it.metric),
                    label(&it.slice),
                    it.target_change
                ),
                title: it.title,
                kind: it.kind,
                model: it.model_name,
                model_slug: it.model_slug,
                state: it.state,
                owner: it.owner_name,
                updated_at: from_micros(it.updated_at),
            })
            .collect(),
        total,
        state: asked.state.clone(),
        may_add: actor.may(Permission::Mitigate, Scope::Anywhere),
    };
    Ok(page
        .title("Mitigations")
        .section(Section::Mitigations)
        .html(move || view! { <MitigationsPage view=view /> }))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(number): Path<String>,
) -> Result<Response> {
    let (found, model) = find(&app, &actor, &number).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let (proved, before, after) = mitigations::proof(&app, &actor, &found, &model).await?;
    let finding = match found.finding_id {
        Some(id) => app.store.finding(FindingId(id)).await?.map(|it| it.sentence),
        None => None,
    };
    let link = |run: Run| RunLink {
        id: run.id.to_string(),
        version: run.version_label,
        dataset: format!("{}@{}", run.dataset_name, run.dataset_label),
        evaluated_at: from_micros(run.evaluated_at),
    };
    let view = MitigationView {
        number: found.number,
        title: found.title,
        kind: found.kind,
        state: found.state,
        hypothesis: found.hypothesis,
        model: model.name,
        model_slug: model.slug,
        metric: found.metric,
        slice: label(&found.slice),
        change: found.target_change,
        finding,
        owner: found.owner_name,
        before: before.map(link),
        after: after.map(link),
        proof: match proved {
            Proved::NotMeasured => ProofView::NotMeasured,
            Proved::Not(why) => ProofView::Not(why),
            Proved::By(proof) => ProofView::By(proof),
        },
        shipped_at: found.shipped_at.map(from_micros),
        created_by: found.created_by_name,
        created_at: from_micros(found.created_at),
        may_edit: actor.may(Permission::Mitigate, Scope::Team(&lineage)),
    };
    let name = format!("M-{}", view.number);
    Ok(page
        .title(format!("{name} {}", view.title))
        .section(Section::Mitigations)
        .crumbs(vec![Crumb::to("Mitigations", "/mitigations"), Crumb::here(name)])
        .html(move || view! { <MitigationPage view=view /> }))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    model: String,
    kind: String,
    title: String,
    hypothesis: String,
    metric: String,
    slice: String,
    change: String,
    finding: String,
    owner: String,
    state: String,
    before: String,
    after: String,
    version: i64,
}

impl Typed {
    fn input(&self) -> MitigationInput {
        let it = self.clone();
        MitigationInput {
            model: it.model,
            kind: it.kind,
            title: it.title,
            hypothesis: it.hypothesis,
            metric: it.metric.trim().to_owned(),
            slice: it.slice,
            change: it.change,
            finding: it.finding,
            owner: it.owner,
            state: it.state,
            before: it.before,
            after: it.after,
        }
    }
}

async fn form(
    app: &App,
    actor: &Actor,
    page: Page,
    typed: Typed,
    editing: Option<(i64, i64)>,
    errors: FieldErrors,
) -> Result<Response> {
    let teams = teams_where(app, actor, Permission::Mitigate).await?;
    let ids: Vec<_> = teams.iter().map(|team| team.id).collect();
    let models = app.store.models_of_teams(&ids).await?;
    let runs = match find_model(app, actor, &typed.model).await {
        Ok(model) => app.store.runs_of(model.id).await?,
        Err(_) => vec![],
    };
    let runs = runs.into_iter().filter(|run| run.voided_at.is_none()).map(|run| {
        let day = app::pages::parts::Moment::from(from_micros(run.evaluated_at)).date();
        let name =
            format!("{} on {}@{}, {day}", run.version_label, run.dataset_name, run.dataset_label);
        (run.id.to_string(), name)
    });
    let view = MitigationFormView {
        editing,
        models,
        runs: runs.collect(),
        model: typed.model,
        kind: typed.kind,
        title: typed.title,
        hypothesis: typed.hypothesis,
        metric: typed.metric,
        slice: typed.slice,
        change: typed.change,
        finding: typed.finding,
        owner: if typed.owner.is_empty() { actor.email.clone() } else { typed.owner },
        state: typed.state,
        before: typed.before,
        after: typed.after,
        errors,
    };
    Ok(draw(page, view))
}

fn draw(page: Page, view: MitigationFormView) -> Response {
    let (title, last) = match view.editing {
        None => ("Record a mitigation".to_owned(), "New".to_owned()),
        Some((number, _)) => (format!("Edit M-{number}"), format!("Edit M-{number}")),
    };
    page.title(title)
        .section(Section::Mitigations)
        .crumbs(vec![Crumb::to("Mitigations", "/mitigations"), Crumb::here(last)])
        .html(move || view! { <MitigationFormPage view=view /> })
}

async fn new(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(mut typed): Query<Typed>,
) -> Result<Response> {
    if let Ok(id) = typed.finding.parse::<FindingId>()
        && let Some(finding) = app.store.finding(id).await?
        && find_model(&app, &actor, &finding.model_slug).await.is_ok()
    {
        typed.model = finding.model_slug;
        typed.slice = finding.slice;
        typed.before = finding.run_id.map(|run| run.to_string()).unwrap_or_default();
        let versions = app.store.policy_versions(&finding.policy_slug).await?;
        let rules =
            versions.first().map(|version| version.policy.rules.clone()).unwrap_or_default();
        if let Some(rule) = rules.iter().find(|rule| rule.id == finding.rule) {
            typed.metric.clone_from(&rule.metric);
        }
    }
    form(&app, &actor, page, typed, None, FieldErrors::default()).await
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    match mitigations::add(&app, &actor, &typed.input()).await {
        Ok(number) => {
            done(&session, &format!("/mitigations/{number}"), format!("M-{number} is recorded."))
                .await
        }
        Err(Error::Fields(errors)) => form(&app, &actor, page.refused(), typed, None, errors).await,
        Err(error) => Err(error),
    }
}

async fn edit(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(number): Path<String>,
) -> Result<Response> {
    let (found, _) = find(&app, &actor, &number).await?;
    let it = MitigationInput::of(&found);
    let typed = Typed {
        model: it.model,
        kind: it.kind,
        title: it.title,
        hypothesis: it.hypothesis,
        metric: it.metric,
        slice: it.slice,
        change: it.change,
        finding: it.finding,
        owner: it.owner,
        state: it.state,
        before: it.before,
        after: it.after,
        version: found.version,
    };
    let editing = Some((found.number, found.version));
    form(&app, &actor, page, typed, editing, FieldErrors::default()).await
}

async fn save(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(number): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    match mitigations::edit(&app, &actor, &number, typed.version, &typed.input()).await {
        Ok(()) => {
            let shipped = typed.state == Standing::Shipped.as_str();
            let what =
                if shipped { "It is shipped; the trend says so too." } else { "It is saved." };
            done(&session, &format!("/mitigations/{number}"), what).await
        }
        Err(Error::Fields(errors)) => {
            let (found, _) = find(&app, &actor, &number).await?;
            let editing = Some((found.number, typed.version));
            form(&app, &actor, page.refused(), typed, editing, errors).await
        }
        Err(Error::PreconditionFailed(_)) => {
            let (found, _) = find(&app, &actor, &number).await?;
            let message = "somebody changed it while you typed; below is what you typed, save again \
                           to put it in place";
            let editing = Some((found.number, found.version));
            let page = page.status(StatusCode::CONFLICT);
            form(&app, &actor, page, typed, editing, FieldErrors::one("", message)).await
        }
        Err(error) => Err(error),
    }
}
