//! Who may see which models, and the ways to find one that respect it.

use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::{Model, Visibility};
use crate::store::teams::Team;
use app::domain::attribute::nearest;
use app::domain::{Permission, Scope, TeamId};
use std::collections::HashMap;

/// Which models the actor may see.
pub async fn visibility(app: &App, actor: &Actor) -> Result<Visibility> {
    if actor.may(Permission::ReadRestricted, Scope::Organisation) {
        return Ok(Visibility::All);
    }
    let teams = app.store.teams().await?;
    Ok(Visibility::Teams(
        teams
            .iter()
            .map(|team| team.id)
            .filter(|team| {
                actor.may(Permission::ReadRestricted, Scope::Team(&upwards(&teams, *team)))
            })
            .collect(),
    ))
}

/// A team and its parents, upwards, when all teams are at hand.
pub fn upwards(teams: &[Team], team: TeamId) -> Vec<TeamId> {
    let parents: HashMap<TeamId, Option<TeamId>> =
        teams.iter().map(|team| (team.id, team.parent_id.map(TeamId))).collect();
    let mut lineage = vec![team];
    let mut next = parents.get(&team).copied().flatten();
    while let Some(parent) = next.filter(|parent| !lineage.contains(parent)) {
        lineage.push(parent);
        next = parents.get(&parent).copied().flatten();
    }
    lineage
}

/// The model of this slug, if there is one and the actor may see it.
///
/// # Errors
/// [`Error::NotFound`] either way, with the nearest slug that the actor may see: that a restricted
/// model exists is itself not to be told.
/// [`Error::Forbidden`] for whoever may read nothing at all.
pub async fn find_model(app: &App, actor: &Actor, slug: &str) -> Result<Model> {
    // A token without the scope to read is told so: no slug would help it.
    if !actor.may(Permission::Read, Scope::Organisation) {
        return Err(Error::forbidden(actor.why_not(Permission::Read, Scope::Organisation)));
    }
    if let Some(model) = app.store.model_by_slug(slug).await?
        && may_see_model(app, actor, &model).await?
    {
        return Ok(model);
    }
    let slugs = app.store.visible_slugs(&visibility(app, actor).await?).await?;
    let meant = meant(slug, slugs.iter().map(String::as_str));
    Err(Error::NotFound(format!("there is no such model, or you may not see it{meant}")))
}

/// The question that follows on a name which is not there, where one is near.
pub fn meant<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(unknown, known).map(|known| format!("; did you mean {known}?")).unwrap_or_default()
}

/// Whether the actor may see a model.
pub async fn may_see_model(app: &App, actor: &Actor, model: &Model) -> Result<bool> {
    if !model.restricted {
        return Ok(actor.may(Permission::Read, Scope::Organisation));
    }
    let lineage = app.store.lineage(model.team_id).await?;
    Ok(actor.may(Permission::ReadRestricted, Scope::Team(&lineage)))
}

/// The teams in which the actor may do something.
pub async fn teams_where(app: &App, actor: &Actor, permission: Permission) -> Result<Vec<Team>> {
    let teams = app.store.teams().await?;
    Ok(teams
        .iter()
        .filter(|team| actor.may(permission, Scope::Team(&upwards(&teams, team.id))))
        .cloned()
        .collect())
}
