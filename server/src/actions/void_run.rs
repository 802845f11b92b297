//! Void a run: it stays readable, but nothing rests on it any more, and whoever answers for what
//! rested on it is told.

use crate::actions::findings::refresh_after;
use crate::actions::resting;
use crate::actions::{TRIES, unsettled};
use crate::auth::Actor;
use crate::auth::permit::VoidRun;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::Model;
use crate::store::runs::Run;
use app::domain::{Prose, Scope};
use app::form::FieldErrors;
use std::collections::BTreeSet;

pub async fn void(app: &App, actor: &Actor, run: &Run, model: &Model, reason: &str) -> Result<()> {
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<VoidRun>(Scope::Team(&lineage))?;
    let reason = Prose::new(reason)
        .map_err(|error| Error::Fields(FieldErrors::one("reason", error.to_string())))?;
    if reason.as_str().is_empty() {
        return Err(FieldErrors::one("reason", "say what is wrong with this run").into());
    }
    let by = actor.person()?;
    for _ in 0..TRIES {
        let seen = app.store.audit_head().await?.size;
        let resting = resting::on(app, actor, run, model).await?;
        let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
        tx.take_turn(run.model_id).await?;
        tx.void_run(&permit, run, by, reason.as_str()).await?;
        tx.void_launches_on(&permit, run.id, reason.as_str()).await?;
        // Whoever came to rest on the run while it was read what does is told, too.
        if !tx.nothing_came_to_rest_since(seen).await? {
            continue;
        }
        for it in &resting {
            let text = format!("{} lost evidence, a run was voided: {}", it.what, reason.as_str());
            let people: BTreeSet<_> = it.people.iter().filter(|person| **person != by).collect();
            for person in people {
                tx.tell(&permit, *person, &text, &it.href).await?;
            }
        }
        tx.commit().await?;
        refresh_after(app, Some(run.model_id)).await;
        return Ok(());
    }
    Err(unsettled())
}
