//! Register a dataset, and describe it anew. Datasets belong to no team: whoever leads one may.

use crate::auth::Actor;
use crate::auth::permit::DescribeDataset;
use crate::error::{Error, Result};
use crate::state::App;
use app::domain::Scope;
use app::domain::register::{DatasetInput, NewDataset};

/// # Errors
/// Everything that is wrong with the fields at once; [`Error::Conflict`] when name and version
/// are taken.
pub async fn register(app: &App, actor: &Actor, input: &DatasetInput) -> Result<NewDataset> {
    let permit = actor.permit::<DescribeDataset>(Scope::Anywhere)?;
    let dataset = input.check()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.add_dataset(&permit, &dataset).await?;
    tx.commit().await?;
    Ok(dataset)
}

/// Changes a card, if it is still what was read.
///
/// # Errors
/// [`Error::PreconditionFailed`] when somebody changed it meanwhile.
pub async fn describe(app: &App, actor: &Actor, read: i64, input: &DatasetInput) -> Result<()> {
    let permit = actor.permit::<DescribeDataset>(Scope::Anywhere)?;
    let before = app
        .store
        .dataset(&input.name, &input.label)
        .await?
        .ok_or_else(|| Error::not_found("dataset"))?;
    let labels = app.store.labels_of(before.id).await?;
    let dataset = input.check()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.describe_dataset(&permit, &before, &labels, read, &dataset).await?;
    tx.commit().await
}
