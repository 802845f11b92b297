//! Policies: everybody reads them, leads write them.

use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::edit_policy::{self, PolicyInput};
use crate::actions::registry::teams_where;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::policies::PolicyVersion;
use app::domain::policy::difference::differences;
use app::domain::policy::{parse, template};
use app::domain::verdict::words::requirement;
use app::domain::{Permission, Scope};
use app::form::FieldErrors;
use app::pages::parts::{Crumb, Section};
use app::pages::policies::{
    PoliciesPage, PoliciesView, PolicyFormPage, PolicyFormView, PolicyLine, PolicyPage,
    PolicyVersionLine, PolicyView,
};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let edit = Access::May(Permission::EditPolicy);
    routes
        .get("/policies", read, list)
        .get("/policies/new", edit, new)
        .post("/policies/new", edit, add)
        .get("/policies/{policy}", read, newest)
        .get("/policies/{policy}/versions/{number}", read, show)
        .get("/policies/{policy}/edit", edit, change)
        .post("/policies/{policy}/edit", edit, save)
}

async fn list(State(app): State<App>, actor: Actor, page: Page) -> Result<Response> {
    let line = |version: PolicyVersion| PolicyLine {
        slug: version.slug,
        number: version.number,
        team: version.team_name,
        policy: version.policy,
        edited_by: version.edited_by_name,
        edited_at: from_micros(version.edited_at),
    };
    let view = PoliciesView {
        policies: app.store.policies().await?.into_iter().map(line).collect(),
        may_edit: actor.may(Permission::EditPolicy, Scope::Anywhere),
    };
    Ok(page
        .title("Policies")
        .section(Section::Policies)
        .html(move || view! { <PoliciesPage view=view /> }))
}

async fn versions(app: &App, slug: &str) -> Result<Vec<PolicyVersion>> {
    let versions = app.store.policy_versions(slug).await?;
    if versions.is_empty() { Err(Error::not_found("policy")) } else { Ok(versions) }
}

async fn newest(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(slug): Path<String>,
) -> Result<Response> {
    let versions = versions(&app, &slug).await?;
    render(&app, &actor, page, &versions, 0).await
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path((slug, number)): Path<(String, String)>,
) -> Result<Response> {
    let versions = versions(&app, &slug).await?;
    let at = number
        .parse::<i64>()
        .ok()
        .and_then(|number| versions.iter().position(|version| version.number == number))
        .ok_or_else(|| Error::not_found("version of the policy"))?;
    render(&app, &actor, page, &versions, at).await
}

async fn render(
    app: &App,
    actor: &Actor,
    page: Page,
    versions: &[PolicyVersion],
    at: usize,
) -> Result<Response> {
    let version = versions[at].clone();
    let before = versions.get(at + 1);
    let extends = match version.extends {
        Some(id) => {
            app.store.policy_version(id).await?.map(|base| (base.slug, base.number, base.newest))
        }
        None => None,
    };
    let title = match at {
        0 => version.policy.name.clone(),
        _ => format!("{}, version {}", version.policy.name, version.number),
    };
    let view = PolicyView {
        may_edit: edit_policy::permit(app, actor, version.team).await.is_ok(),
        extends,
        changes: before.map(|before| differences(&before.policy, &version.policy)),
        versions: versions
            .iter()
            .map(|version| PolicyVersionLine {
                number: version.number,
                edited_by: version.edited_by_name.clone(),
                edited_at: from_micros(version.edited_at),
                note: version.note.clone(),
            })
            .collect(),
        slug: version.slug,
        number: version.number,
        newest: version.newest,
        team: version.team_name,
        policy: version.policy,
        source: version.source,
        digest: version.digest,
        edited_by: version.edited_by_name,
        edited_at: from_micros(version.edited_at),
        note: version.note,
    };
    Ok(page
        .title(title.clone())
        .section(Section::Policies)
        .crumbs(vec![Crumb::to("Policies", "/policies"), Crumb::here(title)])
        .html(move || view! { <PolicyPage view=view /> }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    slug: String,
    team: String,
    source: String,
    note: String,
    version: i64,
    preview: String,
}

impl Typed {
    fn input(&self) -> PolicyInput {
        PolicyInput {
            slug: self.slug.clone(),
            team: self.team.clone(),
            // A form sends every line break as two characters.
            source: self.source.replace("\r\n", "\n"),
            note: self.note.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Begin {
    #[serde(default)]
    template: String,
}

fn form(page: Page, view: PolicyFormView) -> Response {
    let crumbs = match &view.editing {
        None => vec![Crumb::to("Policies", "/policies"), Crumb::here("New")],
        Some((slug, _)) => vec![
            Crumb::to("Policies", "/policies"),
            Crumb::to(slug.clone(), format!("/policies/{slug}")),
            Crumb::here("Edit"),
        ],
    };
    let title = if view.editing.is_some() { "Edit a policy" } else { "Write a policy" };
    page.title(title)
        .section(Section::Policies)
        .crumbs(crumbs)
        .html(move || view! { <PolicyFormPage view=view /> })
}

/// The teams that somebody may write policies for; the organisation first where they may.
async fn teams(app: &App, actor: &Actor) -> Result<Vec<(String, String)>> {
    let everywhere = actor
        .may(Permission::EditPolicy, Scope::Organisation)
        .then(|| (String::new(), "the whole organisation".to_owned()));
    let teams = teams_where(app, actor, Permission::EditPolicy).await?;
    Ok(everywhere.into_iter().chain(super::teams::choices(&teams)).collect())
}

/// The rules as they would read; none where the text cannot be read.
fn preview(source: &str) -> Vec<String> {
    parse(source).map_or_else(
        |_| vec![],
        |draft| {
            let rules = draft.rules.iter();
            rules.map(|rule| format!("{}: {}.", rule.name, requirement(rule))).collect()
        },
    )
}

async fn new(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(begin): Query<Begin>,
) -> Result<Response> {
    let template = template::TEMPLATES
        .iter()
        .find(|template| template.key == begin.template)
        .unwrap_or(&template::TEMPLATES[0]);
    let view = PolicyFormView {
        teams: teams(&app, &actor).await?,
        source: template.source.to_owned(),
        ..PolicyFormView::default()
    };
    Ok(form(page, view))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let input = typed.input();
    let view = PolicyFormView {
        slug: input.slug.clone(),
        team: input.team.clone(),
        teams: teams(&app, &actor).await?,
        source: input.source.clone(),
        note: input.note.clone(),
        preview: preview(&input.source),
        ..PolicyFormView::default()
    };
    if !typed.preview.is_empty() {
        let errors = problems(&input.source);
        return Ok(form(page, PolicyFormView { errors, ..view }));
    }
    match edit_policy::add(&app, &actor, &input).await {
        Ok(_) => {
            let to = format!("/policies/{}", input.slug.trim());
            done(&session, &to, "The policy is written.").await
        }
        Err(Error::Fields(errors)) => {
            Ok(form(page.refused(), PolicyFormView { errors, preview: vec![], ..view }))
        }
        Err(error) => Err(error),
    }
}

fn problems(source: &str) -> FieldErrors {
    let mut errors = FieldErrors::default();
    for problem in parse(source).err().unwrap_or_default() {
        errors.add("source", problem.to_string());
    }
    errors
}

async fn change(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(slug): Path<String>,
) -> Result<Response> {
    let versions = versions(&app, &slug).await?;
    edit_policy::permit(&app, &actor, versions[0].team).await?;
    let view = PolicyFormView {
        editing: Some((slug, versions[0].number)),
        source: versions[0].source.clone(),
        ..PolicyFormView::default()
    };
    Ok(form(page, view))
}

async fn save(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let all = versions(&app, &slug).await?;
    let input = typed.input();
    let view = PolicyFormView {
        editing: Some((slug.clone(), typed.version)),
        source: input.source.clone(),
        note: input.note.clone(),
        preview: preview(&input.source),
        ..PolicyFormView::default()
    };
    if !typed.preview.is_empty() {
        let errors = problems(&input.source);
        return Ok(form(page, PolicyFormView { errors, ..view }));
    }
    match edit_policy::save(&app, &actor, &all[0], typed.version, &input).await {
        Ok(_) => done(&session, &format!("/policies/{slug}"), "A new version is written.").await,
        Err(Error::Fields(errors)) => {
            Ok(form(page.refused(), PolicyFormView { errors, preview: vec![], ..view }))
        }
        Err(Error::PreconditionFailed(_)) => {
            let now = versions(&app, &slug).await?;
            let read = now.iter().find(|version| version.number == typed.version);
            let changes = read
                .map(|read| differences(&read.policy, &now[0].policy))
                .filter(|changes| !changes.is_empty())
                .unwrap_or_else(|| vec!["Nothing that a verdict depends on.".to_owned()]);
            let view = PolicyFormView {
                editing: Some((slug, now[0].number)),
                conflict: Some((now[0].edited_by_name.clone(), changes)),
                ..view
            };
            Ok(form(page.status(StatusCode::CONFLICT), view))
        }
        Err(error) => Err(error),
    }
}
