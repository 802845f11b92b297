//! Register a model, and describe it anew.

use super::registry::{find_model, visibility};
use crate::auth::Actor;
use crate::auth::permit::{DescribeModel, RegisterModel};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::{Model, ModelLinks, Relative, Visibility};
use app::domain::register::{ModelInput, NewModel};
use app::domain::{ModelId, Scope};
use app::form::FieldErrors;

/// # Errors
/// Everything that is wrong with the fields at once; [`Error::Conflict`] when the slug is taken.
pub async fn register(app: &App, actor: &Actor, input: &ModelInput) -> Result<Model> {
    let (model, links) = check(app, actor, input, &[]).await?;
    let lineage = app.store.lineage(links.team).await?;
    let permit = actor.permit::<RegisterModel>(Scope::Team(&lineage))?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let id = tx.add_model(&permit, &model, &links).await?;
    tx.commit().await?;
    stored(app, id).await
}

/// Changes what is said about a model, if it is still the version that was read.
///
/// # Errors
/// As [`register`], and [`Error::PreconditionFailed`] when somebody changed it meanwhile.
pub async fn describe(
    app: &App,
    actor: &Actor,
    slug: &str,
    read: i64,
    input: &ModelInput,
) -> Result<Model> {
    let before = find_model(app, actor, slug).await?;
    let lineage = app.store.lineage(before.team_id).await?;
    let permit = actor.permit::<DescribeModel>(Scope::Team(&lineage))?;
    let owners = app.store.owners_of(before.id).await?;
    let depends_on = app.store.dependencies_of(before.id).await?;
    let (model, links) = check(app, actor, input, &depends_on).await?;
    if model.slug.as_str() != before.slug {
        return Err(FieldErrors::one("slug", "a slug never changes").into());
    }
    if links.team != before.team_id {
        let lineage = app.store.lineage(links.team).await?;
        actor.permit::<DescribeModel>(Scope::Team(&lineage))?;
    }
    let was = before.input(&owners, &depends_on);
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.describe_model(&permit, before.id, read, &was, &model, &links).await?;
    tx.commit().await?;
    stored(app, before.id).await
}

async fn stored(app: &App, id: ModelId) -> Result<Model> {
    app.store.model(id).await?.ok_or_else(|| Error::not_found("model"))
}

/// Checks the fields, and looks up what they name.
async fn check(
    app: &App,
    actor: &Actor,
    input: &ModelInput,
    depended_on: &[Relative],
) -> Result<(NewModel, ModelLinks)> {
    let checked = input.check();
    let mut errors = checked.as_ref().err().cloned().unwrap_or_default();
    let team = app.store.team_by_slug(input.team.trim()).await?;
    if team.is_none() && !input.team.trim().is_empty() && errors.of("team").is_empty() {
        errors.add("team", format!("there is no team `{}`", input.team.trim()));
    }
    let mut links = ModelLinks {
        team: team.map_or(app::domain::TeamId(uuid::Uuid::nil()), |team| team.id),
        owners: vec![],
        depends_on: vec![],
    };
    let Ok(mut model) = checked else { return Err(errors.into()) };
    for email in &model.owners {
        match app.store.person_by_email(email.as_str()).await? {
            Some(person) => links.owners.push(person.id),
            None => errors.add("owners", format!("nobody here has the address {email}")),
        }
    }
    let visibility = visibility(app, actor).await?;
    for slug in &model.depends_on {
        match app.store.model_by_slug(slug.as_str()).await? {
            Some(other) if visibility.shows(other.team_id, other.restricted) => {
                links.depends_on.push(other.id);
            }
            _ => errors.add("depends_on", format!("there is no model `{slug}`")),
        }
    }
    errors.into_result()?;
    keep_unseen(&visibility, depended_on, &mut model, &mut links);
    Ok((model, links))
}

/// An editor who may not see a dependency cannot mean to remove it.
fn keep_unseen(
    visibility: &Visibility,
    depended_on: &[Relative],
    model: &mut NewModel,
    links: &mut ModelLinks,
) {
    for other in depended_on {
        if !visibility.shows(other.team_id, other.restricted) {
            links.depends_on.push(other.id);
            if let Ok(slug) = app::domain::Slug::new(&other.slug) {
                model.depends_on.push(slug);
            }
        }
    }
}
