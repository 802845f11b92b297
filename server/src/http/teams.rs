//! Teams: everybody reads them, an admin changes them.

use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::describe_team;
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::teams::Team;
use app::domain::{Permission, Scope, TeamId};
use app::form::FieldErrors;
use app::pages::parts::{Crumb, Section};
use app::pages::teams::{
    MemberLine, NewTeamPage, TeamForm, TeamLine, TeamPage, TeamView, TeamsPage, TeamsView,
};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Form;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let manage = Access::May(Permission::ManageTeams);
    routes
        .get("/teams", read, list)
        .get("/teams/new", manage, new)
        .post("/teams/new", manage, add)
        .get("/teams/{team}", read, show)
        .post("/teams/{team}", manage, describe)
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    slug: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    parent: String,
    #[serde(default)]
    version: i64,
}

async fn list(State(app): State<App>, actor: Actor, page: Page) -> Result<Response> {
    let teams = app.store.teams().await?;
    let counts = app.store.team_counts().await?;
    let lines = tree(&teams)
        .into_iter()
        .map(|(team, depth)| {
            let counts = counts.iter().find(|counts| counts.id == team.id);
            TeamLine {
                slug: team.slug.clone(),
                name: team.name.clone(),
                depth,
                members: counts.map_or(0, |counts| counts.members),
                models: counts.map_or(0, |counts| counts.models),
            }
        })
        .collect();
    let may_manage = actor.may(Permission::ManageTeams, Scope::Organisation);
    let view = TeamsView { teams: lines, may_manage };
    Ok(page.title("Teams").section(Section::Teams).html(move || view! { <TeamsPage view=view /> }))
}

async fn new(State(app): State<App>, page: Page) -> Result<Response> {
    let parents = choices(&app.store.teams().await?);
    Ok(new_form(page, TeamForm { parents, ..TeamForm::default() }))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    match describe_team::add(&app, &actor, &typed.slug, &typed.name, &typed.parent).await {
        Ok(_) => {
            let to = format!("/teams/{}", typed.slug.trim());
            done(&session, &to, format!("The team {} is made.", typed.name.trim())).await
        }
        Err(Error::Fields(errors)) => {
            let parents = choices(&app.store.teams().await?);
            Ok(new_form(page.refused(), form(typed, parents, errors)))
        }
        Err(error) => Err(error),
    }
}

fn new_form(page: Page, form: TeamForm) -> Response {
    page.title("New team")
        .section(Section::Teams)
        .crumbs(vec![Crumb::to("Teams", "/teams"), Crumb::here("New")])
        .html(move || view! { <NewTeamPage form=form /> })
}

fn form(typed: Typed, parents: Vec<(String, String)>, errors: FieldErrors) -> TeamForm {
    let Typed { slug, name, parent, version } = typed;
    TeamForm { slug, name, parent, version, parents, errors }
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(slug): Path<String>,
) -> Result<Response> {
    let team = team(&app, &slug).await?;
    render(&app, &actor, page, &team, None).await
}

async fn describe(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let before = team(&app, &slug).await?;
    let outcome =
        describe_team::describe(&app, &actor, &before, typed.version, &typed.name, &typed.parent)
            .await;
    match outcome {
        Ok(()) => done(&session, &format!("/teams/{slug}"), "The team is changed.").await,
        Err(Error::Fields(errors)) => {
            render(&app, &actor, page.refused(), &before, Some((typed, errors))).await
        }
        Err(Error::PreconditionFailed(_)) => {
            // Loaded again: what the other wrote, beside what was typed here.
            let now = team(&app, &slug).await?;
            let teams = app.store.teams().await?;
            let parent = now
                .parent_id
                .map(TeamId)
                .map_or_else(|| "no parent".to_owned(), |id| name_of(&teams, id));
            let message = format!(
                "Somebody else changed this team meanwhile: it is now “{}” under {parent}. Below is \
                 what you typed; save again to put it in place.",
                now.name
            );
            let typed = Typed { version: now.version, ..typed };
            let errors = FieldErrors::one("", message);
            render(&app, &actor, page.status(StatusCode::CONFLICT), &now, Some((typed, errors)))
                .await
        }
        Err(error) => Err(error),
    }
}

async fn team(app: &App, slug: &str) -> Result<Team> {
    app.store.team_by_slug(slug).await?.ok_or_else(|| Error::not_found("team"))
}

async fn render(
    app: &App,
    actor: &Actor,
    page: Page,
    team: &Team,
    typed: Option<(Typed, FieldErrors)>,
) -> Result<Response> {
    let teams = app.store.teams().await?;
    let counts = app.store.team_counts().await?;
    let sees_people = actor.may(Permission::ManagePeople, Scope::Organisation);
    let parent = team.parent_id.and_then(|id| teams.iter().find(|other| other.id.0 == id));
    let edit = actor.may(Permission::ManageTeams, Scope::Organisation).then(|| {
        let parents: Vec<Team> =
            teams.iter().filter(|other| other.id != team.id).cloned().collect();
        let (typed, errors) = typed.unwrap_or_else(|| {
            let as_is = Typed {
                slug: team.slug.clone(),
                name: team.name.clone(),
                parent: parent.map(|parent| parent.slug.clone()).unwrap_or_default(),
                version: team.version,
            };
            (as_is, FieldErrors::default())
        });
        form(typed, choices(&parents), errors)
    });
    let pair = |team: &Team| (team.slug.clone(), team.name.clone());
    let members = app.store.members(team.id).await?;
    let view = TeamView {
        slug: team.slug.clone(),
        name: team.name.clone(),
        parent: parent.map(pair),
        children: teams
            .iter()
            .filter(|other| other.parent_id == Some(team.id.0))
            .map(pair)
            .collect(),
        models: counts.iter().find(|c| c.id == team.id).map_or(0, |counts| counts.models),
        members: members
            .into_iter()
            .map(|member| MemberLine {
                href: sees_people.then(|| format!("/people/{}", member.id)),
                name: member.name,
                role: member.role,
                is_disabled: member.disabled_at.is_some(),
            })
            .collect(),
        edit,
    };
    Ok(page
        .title(team.name.clone())
        .section(Section::Teams)
        .crumbs(vec![Crumb::to("Teams", "/teams"), Crumb::here(team.name.clone())])
        .html(move || view! { <TeamPage view=view /> }))
}

/// Slug and name of each team, for a list of choices.
pub(super) fn choices(teams: &[Team]) -> Vec<(String, String)> {
    teams.iter().map(|team| (team.slug.clone(), team.name.clone())).collect()
}

/// The name of a team among all.
pub(super) fn name_of(teams: &[Team], id: TeamId) -> String {
    teams.iter().find(|team| team.id == id).map_or_else(|| id.to_string(), |team| team.name.clone())
}

/// Every team once, each before its sub-teams, with how many stand above it.
fn tree(teams: &[Team]) -> Vec<(&Team, usize)> {
    fn below<'a>(
        teams: &'a [Team],
        parent: Option<TeamId>,
        depth: usize,
        out: &mut Vec<(&'a Team, usize)>,
    ) {
        for team in teams.iter().filter(|team| team.parent_id.map(TeamId) == parent) {
            out.push((team, depth));
            below(teams, Some(team.id), depth + 1, out);
        }
    }
    let mut out = Vec::with_capacity(teams.len());
    below(teams, None, 0, &mut out);
    out
}
