//! Register a model version, and describe it anew.

use super::registry::{find_model, meant};
use crate::auth::Actor;
use crate::auth::permit::{DescribeModel, RegisterModel};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::Model;
use crate::store::versions::Version;
use app::domain::Scope;
use app::domain::register::VersionInput;

/// # Errors
/// Everything that is wrong with the fields at once; [`Error::Conflict`] when the label is taken.
pub async fn register(
    app: &App,
    actor: &Actor,
    slug: &str,
    input: &VersionInput,
) -> Result<(Model, Version)> {
    let model = find_model(app, actor, slug).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<RegisterModel>(Scope::Team(&lineage))?;
    let version = input.check()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.add_version(&permit, model.id, &version).await?;
    tx.commit().await?;
    find(app, model, version.label.as_str()).await
}

/// Changes what is said about a version, if it is still what was read.
///
/// # Errors
/// [`Error::PreconditionFailed`] when somebody changed it meanwhile.
pub async fn describe(
    app: &App,
    actor: &Actor,
    (slug, label): (&str, &str),
    read: i64,
    input: &VersionInput,
) -> Result<()> {
    let (model, before) = find(app, find_model(app, actor, slug).await?, label).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<DescribeModel>(Scope::Team(&lineage))?;
    let version = input.check()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.describe_version(&permit, &before, read, &version).await?;
    tx.commit().await
}

/// A version of a model that was found for the actor.
///
/// # Errors
/// [`Error::NotFound`], with the nearest label.
pub async fn find(app: &App, model: Model, label: &str) -> Result<(Model, Version)> {
    match app.store.version_by_label(model.id, label).await? {
        Some(version) => Ok((model, version)),
        None => Err(not_there(app, &model, label, "").await?),
    }
}

/// The answer to a label that no version of a model has, with advice.
pub async fn not_there(app: &App, model: &Model, label: &str, advice: &str) -> Result<Error> {
    let versions = app.store.versions_of(model.id).await?;
    let meant = meant(label, versions.iter().map(|version| version.label.as_str()));
    Ok(Error::NotFound(format!("{} has no version {label}{advice}{meant}", model.slug)))
}
