//! People, for admins: who has an account, what they were given, and how they come in.

use super::page::done;
use super::teams::{choices, name_of};
use super::{Access, Page, Routes};
use crate::actions::invite::{self, Invitation};
use crate::actions::{change_person, make_token};
use crate::auth::Actor;
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::people::{PeopleFilter, PeopleOrder, Person};
use crate::store::teams::Team;
use app::domain::{Grant, Permission, PersonId, TokenId};
use app::form::FieldErrors;
use app::pages::parts::{Crumb, Section};
use app::pages::people::{InvitePage, InviteView, PeoplePage, PeopleView, PersonLine, PersonState};
use app::pages::person::{GrantForm, PersonEdit, PersonPage, PersonView, RoleLine};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

/// Rows on one page of the list.
const ROWS: u64 = 50;

pub fn routes(routes: Routes) -> Routes {
    let manage = Access::May(Permission::ManagePeople);
    routes
        .get("/people", manage, list)
        .get("/people/new", manage, new)
        .post("/people/new", manage, add)
        .get("/people/{person}", manage, show)
        .post("/people/{person}", manage, describe)
        .post("/people/{person}/roles", manage, grant)
        .post("/people/{person}/roles/revoke", manage, revoke)
        .post("/people/{person}/functions", manage, set_functions)
        .post("/people/{person}/disable", manage, disable)
        .post("/people/{person}/enable", manage, enable)
        .post("/people/{person}/link", manage, new_link)
        .post("/people/{person}/sessions/end", manage, end_sessions)
        .post("/people/{person}/tokens/{token}/revoke", manage, revoke_token)
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    team: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    page: String,
}

#[derive(Deserialize)]
struct Invited {
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    team: String,
    #[serde(default)]
    functions: Vec<String>,
}

#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: i64,
}

#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    role: String,
    #[serde(default)]
    team: String,
}

#[derive(Deserialize)]
struct Functions {
    #[serde(default)]
    functions: Vec<String>,
}

/// Roles as people say them: "lead in Ranking".
pub(super) fn in_words(roles: &[Grant], teams: &[Team]) -> Vec<String> {
    roles
        .iter()
        .map(|grant| match grant.team {
            Some(team) => format!("{} in {}", grant.role, name_of(teams, team)),
            None => grant.role.to_string(),
        })
        .collect()
}

fn state(person: &Person) -> PersonState {
    if person.disabled_at.is_some() {
        PersonState::Disabled
    } else if person.has_password {
        PersonState::Active
    } else {
        PersonState::Invited
    }
}

async fn list(State(app): State<App>, page: Page, Query(asked): Query<Asked>) -> Result<Response> {
    let teams = app.store.teams().await?;
    let filter = PeopleFilter {
        search: asked.q.clone(),
        role: asked.role.parse().ok(),
        team: teams.iter().find(|team| team.slug == asked.team).map(|team| team.id),
        disabled: match asked.status.as_str() {
            "disabled" => Some(true),
            "enabled" => Some(false),
            _ => None,
        },
    };
    let order = PeopleOrder::ALL
        .iter()
        .find(|(_, word)| *word == asked.sort)
        .map_or(PeopleOrder::Name, |(order, _)| *order);
    let number = asked.page.parse().unwrap_or(1).clamp(1, 1_000_000);
    let offset = i64::try_from((number - 1) * ROWS).unwrap_or(0);
    let (people, total) =
        app.store.people(&filter, order, offset, i64::try_from(ROWS).unwrap_or(0)).await?;
    let roles = app.store.all_roles().await?;
    let lines: Vec<PersonLine> = people
        .into_iter()
        .map(|person| PersonLine {
            id: person.id.to_string(),
            roles: roles.get(&person.id).map(|r| in_words(r, &teams)).unwrap_or_default(),
            state: state(&person),
            added: from_micros(person.created_at),
            name: person.name,
            email: person.email,
        })
        .collect();
    let view = PeopleView {
        first: if lines.is_empty() { 1 } else { (number - 1) * ROWS + 1 },
        people: lines,
        total: u64::try_from(total).unwrap_or(0),
        search: asked.q,
        role: filter.role.map(|role| role.as_str().to_owned()).unwrap_or_default(),
        team: if filter.team.is_some() { asked.team } else { String::new() },
        status: if filter.disabled.is_some() { asked.status } else { String::new() },
        sort: order.as_str().to_owned(),
        page: number,
        teams: choices(&teams),
    };
    Ok(page
        .title("People")
        .section(Section::People)
        .html(move || view! { <PeoplePage view=view /> }))
}

async fn new(State(app): State<App>, page: Page) -> Result<Response> {
    let teams = choices(&app.store.teams().await?);
    Ok(invitation(page, InviteView { teams, ..InviteView::default() }))
}

fn invitation(page: Page, view: InviteView) -> Response {
    page.title("Invite somebody")
        .section(Section::People)
        .crumbs(vec![Crumb::to("People", "/people"), Crumb::here("Invite")])
        .html(move || view! { <InvitePage view=view /> })
}

/// Answers with the page itself and not with a redirect: the link is stored nowhere.
async fn add(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Form(typed): Form<Invited>,
) -> Result<Response> {
    let Invited { email, name, role, team, functions } = typed;
    let wanted = Invitation { email, name, role, team, functions };
    match invite::invite(&app.store, &app.clock, &actor, &wanted).await {
        Ok((person, secret)) => {
            let said = Said { link: Some(link(&app, &secret)), ..Said::default() };
            render(&app, page, person, said).await
        }
        Err(Error::Fields(errors)) => {
            let teams = choices(&app.store.teams().await?);
            let Invitation { email, name, role, team, functions } = wanted;
            let view = InviteView { email, name, role, team, functions, teams, errors };
            Ok(invitation(page.refused(), view))
        }
        Err(error) => Err(error),
    }
}

fn link(app: &App, secret: &str) -> String {
    format!("{}/welcome/{secret}", app.base_url())
}

/// What a person's page says beside the person.
#[derive(Default)]
struct Said {
    link: Option<String>,
    trouble: Option<String>,
    edit: Option<PersonEdit>,
    grant: GrantForm,
}

async fn show(
    State(app): State<App>,
    page: Page,
    Path(person): Path<PersonId>,
) -> Result<Response> {
    render(&app, page, person, Said::default()).await
}

async fn render(app: &App, page: Page, id: PersonId, said: Said) -> Result<Response> {
    let person = app.store.person(id).await?.ok_or_else(|| Error::not_found("person"))?;
    let teams = app.store.teams().await?;
    let grants = app.store.grants_of(id).await?;
    let now = app.clock.now();
    let team = |id| {
        teams.iter().find(|team| team.id == id).map(|team| (team.slug.clone(), team.name.clone()))
    };
    let view = PersonView {
        id: id.to_string(),
        state: state(&person),
        added: from_micros(person.created_at),
        sessions: app.store.sessions_of(id, micros(now)).await?.len(),
        roles: grants
            .roles
            .iter()
            .map(|grant| RoleLine { role: grant.role, team: grant.team.and_then(team) })
            .collect(),
        functions: grants.functions.iter().map(|f| f.as_str().to_owned()).collect(),
        tokens: super::tokens::lines(app.store.tokens_of(id).await?, &teams, now),
        teams: choices(&teams),
        link: said.link,
        trouble: said.trouble,
        edit: said.edit.unwrap_or_else(|| PersonEdit {
            name: person.name.clone(),
            email: person.email.clone(),
            version: person.version,
            errors: FieldErrors::default(),
        }),
        grant: said.grant,
        name: person.name.clone(),
        email: person.email,
    };
    Ok(page
        .title(person.name.clone())
        .section(Section::People)
        .crumbs(vec![Crumb::to("People", "/people"), Crumb::here(person.name)])
        .html(move || view! { <PersonPage view=view /> }))
}

async fn describe(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(person): Path<PersonId>,
    Form(typed): Form<Described>,
) -> Result<Response> {
    let Described { email, name, version } = typed;
    let outcome =
        change_person::describe(&app.store, &app.clock, &actor, person, version, &email, &name)
            .await;
    let (page, version, errors) = match outcome {
        Ok(()) => return done(&session, &format!("/people/{person}"), "Saved.").await,
        Err(Error::Fields(errors)) => (page.refused(), version, errors),
        Err(Error::PreconditionFailed(_)) => {
            let now = app.store.person(person).await?.ok_or_else(|| Error::not_found("person"))?;
            let message = format!(
                "Somebody else changed this person meanwhile: it is now {} with the address {}. \
                 Below is what you typed; save again to put it in place.",
                now.name, now.email
            );
            (page.status(StatusCode::CONFLICT), now.version, FieldErrors::one("", message))
        }
        Err(error) => return Err(error),
    };
    let edit = Some(PersonEdit { name, email, version, errors });
    render(&app, page, person, Said { edit, ..Said::default() }).await
}

async fn grant(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(person): Path<PersonId>,
    Form(typed): Form<Granted>,
) -> Result<Response> {
    let Granted { role, team } = typed;
    let outcome = change_person::grant(&app.store, &app.clock, &actor, person, &role, &team).await;
    match outcome {
        Err(Error::Fields(errors)) => {
            let grant = GrantForm { role, team, errors };
            render(&app, page.refused(), person, Said { grant, ..Said::default() }).await
        }
        other => answer(&app, &session, page, person, other, "The role is given.").await,
    }
}

async fn revoke(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(person): Path<PersonId>,
    Form(typed): Form<Granted>,
) -> Result<Response> {
    let outcome =
        change_person::revoke(&app.store, &app.clock, &actor, person, &typed.role, &typed.team)
            .await;
    answer(&app, &session, page, person, outcome, "The role is taken back.").await
}

async fn set_functions(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(person): Path<PersonId>,
    Form(typed): Form<Functions>,
) -> Result<Response> {
    let outcome =
        change_person::set_functions(&app.store, &app.clock, &actor, person, &typed.functions)
            .await;
    answer(&app, &session, page, person, outcome, "The review functions are saved.").await
}

async fn disable(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(person): Path<PersonId>,
) -> Result<Response> {
    let outcome = change_person::set_disabled(&app.store, &app.clock, &actor, person, true).await;
    answer(&app, &session, page, person, outcome, "This person is shut out.").await
}

async fn enable(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(person): Path<PersonId>,
) -> Result<Response> {
    let outcome = change_person::set_disabled(&app.store, &app.clock, &actor, person, false).await;
    answer(&app, &session, page, person, outcome, "This person may come in again.").await
}

async fn new_link(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(person): Path<PersonId>,
) -> Result<Response> {
    match invite::new_link(&app.store, &app.clock, &actor, person).await {
        Ok(secret) => {
            let said = Said { link: Some(link(&app, &secret)), ..Said::default() };
            render(&app, page, person, said).await
        }
        Err(Error::Conflict(trouble)) => conflict(&app, page, person, trouble).await,
        Err(error) => Err(error),
    }
}

async fn end_sessions(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(person): Path<PersonId>,
) -> Result<Response> {
    let outcome = change_person::end_sessions(&app.store, &app.clock, &actor, person).await;
    answer(&app, &session, page, person, outcome, "All their sessions have ended.").await
}

async fn revoke_token(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path((person, token)): Path<(PersonId, TokenId)>,
) -> Result<Response> {
    let outcome = make_token::revoke_of(&app, &actor, person, token).await;
    answer(&app, &session, page, person, outcome, "The token works no longer.").await
}

/// Back to the person, or the same page with what stood in the way.
async fn answer(
    app: &App,
    session: &Session,
    page: Page,
    person: PersonId,
    outcome: Result<()>,
    what: &str,
) -> Result<Response> {
    match outcome {
        Ok(()) => done(session, &format!("/people/{person}"), what).await,
        Err(Error::Conflict(trouble)) => conflict(app, page, person, trouble).await,
        Err(error) => Err(error),
    }
}

async fn conflict(app: &App, page: Page, person: PersonId, trouble: String) -> Result<Response> {
    let said = Said { trouble: Some(sentence(&trouble)), ..Said::default() };
    render(app, page.status(StatusCode::CONFLICT), person, said).await
}

/// A message as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
