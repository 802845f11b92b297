//! Who may see which models, and the ways to find one that respect it.

use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::{Model, Visibility};
use crate::store::teams::Team;
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
/// [`Error::NotFound`] either way: that a restricted model exists is itself not to be told.
pub async fn find_model(app: &App, actor: &Actor, slug: &str) -> Result<Model> {
    let model = app.store.model_by_slug(slug).await?.ok_or_else(|| Error::not_found("model"))?;
    if may_see_model(app, actor, &model).await? {
        Ok(model)
    } else {
        Err(Error::not_found("model"))
    }
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
