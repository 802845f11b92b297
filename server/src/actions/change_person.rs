//! What an admin changes about somebody: name, roles, functions, whether they may come in at all.

use crate::auth::Actor;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::people::Person;
use app::domain::{Email, Function, Grant, Line, PersonId, Role, Scope, TeamId};
use app::form::FieldErrors;

/// Gives a role, by its word and the slug of a team, or `""` for everywhere.
pub async fn grant(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    person: PersonId,
    role: &str,
    team: &str,
) -> Result<()> {
    let permit = actor.permit(Scope::Organisation)?;
    exists(store, person).await?;
    let grant = one_grant(store, role, team).await?;
    let mut tx = store.begin(&actor.by(), clock).await?;
    tx.grant_role(&permit, person, grant).await?;
    tx.commit().await
}

/// Takes a role back.
pub async fn revoke(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    person: PersonId,
    role: &str,
    team: &str,
) -> Result<()> {
    let permit = actor.permit(Scope::Organisation)?;
    exists(store, person).await?;
    let grant = one_grant(store, role, team).await?;
    let mut tx = store.begin(&actor.by(), clock).await?;
    tx.revoke_role(&permit, person, grant).await?;
    tx.commit().await
}

/// Gives exactly these review functions.
pub async fn set_functions(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    person: PersonId,
    functions: &[String],
) -> Result<()> {
    let permit = actor.permit(Scope::Organisation)?;
    exists(store, person).await?;
    let mut errors = FieldErrors::default();
    let after: Vec<Function> = functions
        .iter()
        .filter_map(|function| errors.check("functions", function.parse()))
        .collect();
    errors.into_result()?;
    let before = store.grants_of(person).await?.functions;
    let is_same =
        before.iter().all(|f| after.contains(f)) && after.iter().all(|f| before.contains(f));
    if is_same {
        return Ok(());
    }
    let mut tx = store.begin(&actor.by(), clock).await?;
    tx.set_functions(&permit, person, &before, &after).await?;
    tx.commit().await
}

/// Shuts somebody out, or lets them in again.
pub async fn set_disabled(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    person: PersonId,
    is_disabled: bool,
) -> Result<()> {
    let permit = actor.permit(Scope::Organisation)?;
    exists(store, person).await?;
    let mut tx = store.begin(&actor.by(), clock).await?;
    if is_disabled {
        tx.disable_person(&permit, person).await?;
    } else {
        tx.enable_person(&permit, person).await?;
    }
    tx.commit().await
}

/// Ends all sessions of somebody.
pub async fn end_sessions(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    person: PersonId,
) -> Result<()> {
    let permit = actor.permit(Scope::Organisation)?;
    exists(store, person).await?;
    let mut tx = store.begin(&actor.by(), clock).await?;
    tx.end_sessions_of(&permit, person).await?;
    tx.commit().await
}

/// Gives somebody another name or address.
///
/// # Errors
/// [`Error::PreconditionFailed`] when `version` is no longer the newest.
pub async fn describe(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    person: PersonId,
    version: i64,
    email: &str,
    name: &str,
) -> Result<()> {
    let permit = actor.permit(Scope::Organisation)?;
    let before = exists(store, person).await?;
    let mut errors = FieldErrors::default();
    let email = errors.check("email", Email::new(email));
    let name = errors.check("name", Line::new(name));
    let (Some(email), Some(name)) = (email, name) else { return Err(errors.into()) };
    let mut tx = store.begin(&actor.by(), clock).await?;
    tx.describe_person(&permit, &Person { version, ..before }, &email, &name).await.map_err(
        |error| match error {
            Error::Conflict(message) => FieldErrors::one("email", message).into(),
            other => other,
        },
    )?;
    tx.commit().await
}

async fn exists(store: &Store, person: PersonId) -> Result<Person> {
    store.person(person).await?.ok_or_else(|| Error::not_found("person"))
}

async fn one_grant(store: &Store, role: &str, team: &str) -> Result<Grant> {
    let mut errors = FieldErrors::default();
    grant_of(store, role, team, &mut errors).await?.ok_or_else(|| errors.into())
}

/// The grant that was typed, or what is wrong with it.
pub(super) async fn grant_of(
    store: &Store,
    role: &str,
    team: &str,
    errors: &mut FieldErrors,
) -> Result<Option<Grant>> {
    let role: Option<Role> = errors.check("role", role.parse());
    let team = team_of(store, team, errors).await?;
    if role == Some(Role::Admin) && team.is_some_and(|team| team.is_some()) {
        errors.add("team", "an admin is one everywhere, not in a team");
        return Ok(None);
    }
    Ok(role.zip(team).map(|(role, team)| Grant { role, team }))
}

/// The team with this slug; `Some(None)` for `""`, which is everywhere.
pub(super) async fn team_of(
    store: &Store,
    slug: &str,
    errors: &mut FieldErrors,
) -> Result<Option<Option<TeamId>>> {
    if slug.is_empty() {
        return Ok(Some(None));
    }
    let team = store.team_by_slug(slug).await?;
    if team.is_none() {
        errors.add("team", format!("there is no team `{slug}`"));
    }
    Ok(team.map(|team| Some(team.id)))
}
