//! What every request shares.

use crate::actions::paired::Compared;
use crate::audit::checkpoint::AuditKey;
use crate::audit::hex;
use crate::audit::merkle::Edge;
use crate::auth::allowance::Shares;
use crate::auth::password::Hashing;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::intake::Shelf;
use crate::meter::Meter;
use crate::store::Store;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::Semaphore;

/// How many comparisons of rows are remembered; each is some 300 kB.
const COMPARED: usize = 16;

/// Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

pub struct Shared {
    pub store: Store,
    pub clock: Clock,
    pub config: Config,
    pub key: AuditKey,
    /// The audit log's origin: names this installation in its checkpoints.
    pub origin: String,
    /// Under which ids of rows are hashed; a model's key is made of it.
    pub row_key: String,
    /// Passwords hash here, a few at once: each takes 19 MiB.
    pub hashing: Hashing,
    /// At most this many child processes read uploads at once.
    pub reading: Semaphore,
    /// One large upload is read at a time, so that small ones find a reader.
    pub settling: Semaphore,
    /// At most this many comparisons row by row at once: each holds the rows of two runs.
    pub comparing: Semaphore,
    /// What such comparisons found, the last ones.
    pub compared: Compared,
    /// Checked files that wait to be uploaded.
    pub shelf: Shelf,
    /// False from the moment the server is told to stop.
    pub accepting: AtomicBool,
    /// When each session was last noted as seen, so that not every request writes.
    pub seen: Mutex<HashMap<String, i64>>,
    /// What of the minute's requests this server has taken for each token.
    pub shares: Shares,
    /// Where the server can be reached, once it listens.
    pub base_url: OnceLock<String>,
    /// What the server did, in numbers.
    pub meter: Meter,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Migrates the database and makes what an installation needs once.
    pub async fn open(store: Store, clock: Clock, config: Config) -> Result<Self> {
        store.migrate().await?;
        let key = AuditKey::open_or_create(&config.audit_key)?;
        let installation = store.setting_or("installation", &clock.id().to_string()).await?;
        let row_key = store.setting_or("row_key", &hex(&crate::clock::random::<32>())).await?;
        Ok(Self(Arc::new(Shared {
            row_key,
            hashing: Hashing::new(config.password_cost),
            store,
            clock,
            config,
            key,
            origin: format!("evenhand/{installation}"),
            reading: Semaphore::new(2),
            settling: Semaphore::new(1),
            comparing: Semaphore::new(2),
            compared: Compared::new(COMPARED),
            shelf: Shelf::default(),
            accepting: AtomicBool::new(true),
            seen: Mutex::default(),
            shares: Shares::default(),
            base_url: OnceLock::new(),
            meter: Meter::default(),
        })))
    }

    /// Signs the log as it stands; nothing is written when it has not grown since the last time.
    pub async fn checkpoint(&self) -> Result<String> {
        let head = self.store.audit_head().await?;
        let damaged = || Error::Internal("the head of the audit log is damaged".to_owned());
        let size = u64::try_from(head.size).map_err(|_| damaged())?;
        let edge = Edge::from_text(size, &head.edge).ok_or_else(damaged)?;
        if let Some(newest) = self.store.newest_checkpoint().await?
            && newest.lines().nth(1) == Some(size.to_string().as_str())
        {
            return Ok(newest);
        }
        let note = self.key.sign(&self.origin, &edge);
        self.store.add_checkpoint(self.clock.id(), self.clock.now(), &edge, &note).await?;
        Ok(note)
    }

    /// The beginning of links into this server.
    pub fn base_url(&self) -> String {
        self.base_url.get().cloned().unwrap_or_else(|| self.config.base_url(self.config.listen))
    }
}
