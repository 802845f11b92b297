//! Read the audit log: nothing about restricted models goes to those who may not see them.

use super::registry::visibility;
use crate::audit::check::{self, Report, Witnesses};
use crate::audit::verify::StoredEntry;
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::state::App;
use std::collections::HashSet;
use tokio::sync::Semaphore;

/// Looking through the whole log takes a core; one at a time will do.
static VERIFYING: Semaphore = Semaphore::const_new(1);

/// Which objects' details are kept from a reader.
#[derive(Clone, Debug, Default)]
pub struct Veil {
    hidden: HashSet<String>,
}

impl Veil {
    pub async fn of(app: &App, actor: &Actor) -> Result<Self> {
        let visibility = visibility(app, actor).await?;
        Ok(Self { hidden: app.store.hidden_objects(&visibility).await? })
    }

    pub fn hides(&self, entry: &StoredEntry) -> bool {
        self.hidden.contains(&entry.object_id)
    }

    /// The entry without what the reader may not see; it verifies as one whose detail was erased.
    pub fn over(&self, entry: StoredEntry) -> StoredEntry {
        if self.hides(&entry) { StoredEntry { detail: None, ..entry } } else { entry }
    }
}

/// Looks through the whole log, against the checkpoints that are stored with it.
pub async fn verify(app: &App) -> Result<Report> {
    let _one = VERIFYING.acquire().await.map_err(|_| Error::Busy)?;
    let witnesses = Witnesses { key: Some(app.key.public()), kept: vec![] };
    check::database(&mut app.store.snapshot().await?, &witnesses).await
}
