//! Void a run: it stays readable, but nothing rests on it any more.

use crate::actions::findings::refresh_after;
use crate::actions::registry::find_model;
use crate::auth::Actor;
use crate::auth::permit::VoidRun;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::runs::Run;
use app::domain::{Prose, Scope};
use app::form::FieldErrors;

pub async fn void(app: &App, actor: &Actor, run: &Run, slug: &str, reason: &str) -> Result<()> {
    let model = find_model(app, actor, slug).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<VoidRun>(Scope::Team(&lineage))?;
    let reason = Prose::new(reason)
        .map_err(|error| Error::Fields(FieldErrors::one("reason", error.to_string())))?;
    if reason.as_str().is_empty() {
        return Err(FieldErrors::one("reason", "say what is wrong with this run").into());
    }
    let by = actor.person()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.take_turn(run.model_id).await?;
    tx.void_run(&permit, run, by, reason.as_str()).await?;
    tx.void_launches_on(&permit, run.id, reason.as_str()).await?;
    tx.commit().await?;
    refresh_after(app, Some(run.model_id)).await;
    Ok(())
}
