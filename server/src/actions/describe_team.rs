//! Teams are made, renamed and moved.

use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::teams::Team;
use app::domain::{Line, Scope, Slug, TeamId};
use app::form::FieldErrors;

/// A team to be made, checked.
pub struct NewTeam {
    slug: Slug,
    name: Line,
    parent: Option<TeamId>,
}

/// Checks what was typed of a new team; `parent` is a slug, or `""` for none.
///
/// # Errors
/// [`Error::Fields`] for everything that is wrong.
pub async fn check(app: &App, slug: &str, name: &str, parent: &str) -> Result<NewTeam> {
    let mut errors = FieldErrors::default();
    let slug = errors.check("slug", Slug::new(slug));
    // `/teams/new` is the form that makes one.
    if slug.as_ref().is_some_and(|slug| slug.as_str() == "new") {
        errors.add("slug", "this word has another meaning; use a different one");
    }
    let name = errors.check("name", Line::new(name));
    let parent = parent_of(app, parent, &mut errors).await?;
    match (slug, name) {
        (Some(slug), Some(name)) if errors.is_empty() => Ok(NewTeam { slug, name, parent }),
        _ => Err(errors.into()),
    }
}

/// Makes a team.
///
/// # Errors
/// As [`check`].
pub async fn add(app: &App, actor: &Actor, slug: &str, name: &str, parent: &str) -> Result<TeamId> {
    let permit = actor.permit(Scope::Organisation)?;
    let NewTeam { slug, name, parent } = check(app, slug, name, parent).await?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let team = tx.add_team(&permit, &slug, &name, parent).await.map_err(|error| match error {
        Error::Conflict(message) => FieldErrors::one("slug", message).into(),
        other => other,
    })?;
    tx.commit().await?;
    Ok(team)
}

/// Gives a team another name or parent.
///
/// # Errors
/// [`Error::Fields`] for what was typed, [`Error::PreconditionFailed`] when `version` is no longer
/// the newest.
pub async fn describe(
    app: &App,
    actor: &Actor,
    team: &Team,
    version: i64,
    name: &str,
    parent: &str,
) -> Result<()> {
    let permit = actor.permit(Scope::Organisation)?;
    let mut errors = FieldErrors::default();
    let name = errors.check("name", Line::new(name));
    let parent = parent_of(app, parent, &mut errors).await?;
    let (Some(name), true) = (name, errors.is_empty()) else { return Err(errors.into()) };
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let before = Team { version, ..team.clone() };
    tx.describe_team(&permit, &before, &name, parent).await.map_err(|error| match error {
        Error::Conflict(message) => FieldErrors::one("parent", message).into(),
        other => other,
    })?;
    tx.commit().await
}

async fn parent_of(app: &App, slug: &str, errors: &mut FieldErrors) -> Result<Option<TeamId>> {
    if slug.is_empty() {
        return Ok(None);
    }
    let parent = app.store.team_by_slug(slug).await?;
    if parent.is_none() {
        errors.add("parent", format!("there is no team `{slug}`"));
    }
    Ok(parent.map(|team| team.id))
}
