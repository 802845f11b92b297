//! Change the attribute registry: an admin edits it, a lead decides about what a model proposed.

use super::findings::refresh_after;
use super::registry::find_model;
use crate::auth::Actor;
use crate::auth::permit::{ConfirmGroups, EditRegistry};
use crate::error::{Error, Result};
use crate::state::App;
use app::domain::attribute::{KnownAttribute, Regrouping};
use app::domain::register::{AttributeInput, RegroupingInput, check_group_name};
use app::domain::{AttributeId, Scope};
use app::form::FieldErrors;

/// # Errors
/// Everything that is wrong with the fields at once; [`Error::Conflict`] when the name is taken.
pub async fn add_attribute(app: &App, actor: &Actor, input: &AttributeInput) -> Result<()> {
    let permit = actor.permit::<EditRegistry>(Scope::Organisation)?;
    let attribute = input.check()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.add_attribute(&permit, &attribute).await?;
    tx.commit().await
}

/// Changes an attribute, if it is still what was read.
///
/// # Errors
/// [`Error::PreconditionFailed`] when somebody changed it meanwhile.
pub async fn edit_attribute(
    app: &App,
    actor: &Actor,
    before: &KnownAttribute,
    read: i64,
    input: &AttributeInput,
) -> Result<()> {
    let permit = actor.permit::<EditRegistry>(Scope::Organisation)?;
    let attribute = input.check()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.edit_attribute(&permit, before, read, &attribute).await?;
    tx.commit().await
}

/// Another name of an attribute or, where one is named, of a group, for all models.
pub async fn add_alias(
    app: &App,
    actor: &Actor,
    attribute: &str,
    alias: &str,
    group: &str,
) -> Result<()> {
    let permit = actor.permit::<EditRegistry>(Scope::Organisation)?;
    let alias =
        check_group_name(alias).map_err(|error| FieldErrors::one("alias", error.to_string()))?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.add_alias(&permit, attribute, &alias, group).await?;
    tx.commit().await?;
    // What runs call so counts now, of whichever model.
    refresh_after(app, None).await;
    Ok(())
}

/// Says that groups of an attribute take the place of others from a moment on.
///
/// # Errors
/// Everything that is wrong with the fields at once.
pub async fn regroup(
    app: &App,
    actor: &Actor,
    known: &KnownAttribute,
    input: &RegroupingInput,
) -> Result<Regrouping> {
    let permit = actor.permit::<EditRegistry>(Scope::Organisation)?;
    let regrouping = input.check(&app.store.registry().await?, known)?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.regroup(&permit, known.id, &regrouping, actor.person).await?;
    tx.commit().await?;
    refresh_after(app, None).await;
    Ok(regrouping)
}

/// Accepts all that a model proposed; how many groups there were.
pub async fn accept_groups(app: &App, actor: &Actor, slug: &str) -> Result<u64> {
    let model = find_model(app, actor, slug).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<ConfirmGroups>(Scope::Team(&lineage))?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let accepted = tx.accept_groups(&permit, model.id).await?;
    if accepted == 0 {
        // Somebody was first, or the page was old: nothing is changed, the version included.
        return Ok(0);
    }
    tx.commit().await?;
    refresh_after(app, Some(model.id)).await;
    Ok(accepted)
}

/// Accepts one group that a model proposed.
pub async fn accept_group(
    app: &App,
    actor: &Actor,
    slug: &str,
    (attribute, group): (&str, &str),
) -> Result<()> {
    let model = find_model(app, actor, slug).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<ConfirmGroups>(Scope::Team(&lineage))?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.accept_group(&permit, model.id, attribute, group).await?;
    tx.commit().await?;
    refresh_after(app, Some(model.id)).await;
    Ok(())
}

/// Makes a proposed group, or where none is named a proposed attribute, another name of a known
/// one, for one model.
pub async fn alias(
    app: &App,
    actor: &Actor,
    slug: &str,
    (attribute, group): (&str, &str),
    target: &str,
) -> Result<()> {
    let model = find_model(app, actor, slug).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<ConfirmGroups>(Scope::Team(&lineage))?;
    if target.is_empty() {
        return Err(FieldErrors::one("target", "choose a known name").into());
    }
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    if group.is_empty() {
        tx.alias_attribute(&permit, model.id, attribute, target).await?;
    } else {
        tx.alias_group(&permit, model.id, attribute, group, target).await?;
    }
    tx.commit().await?;
    refresh_after(app, Some(model.id)).await;
    Ok(())
}

/// An attribute by its id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find_attribute(app: &App, id: AttributeId) -> Result<KnownAttribute> {
    let registry = app.store.registry().await?;
    registry
        .attributes()
        .find(|known| known.id == id)
        .cloned()
        .ok_or_else(|| Error::not_found("attribute"))
}
