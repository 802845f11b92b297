//! The database: one SQL text for SQLite and PostgreSQL.
//!
//! Reads hang off [`Store`]. Writes that change what the product is about hang off [`Tx`], which
//! needs an actor and cannot be committed without an audit entry. What is not worth an entry
//! (sessions, throttles, last use of a token) is written on the store directly.

pub mod attributes;
pub mod audit;
pub mod copy;
pub mod datasets;
mod estimates;
pub mod evidence;
pub mod findings;
pub mod grants;
pub mod inspect;
pub mod launches;
pub mod links;
pub mod mitigations;
pub mod models;
pub mod notices;
pub mod objects;
pub mod okrs;
pub mod people;
pub mod policies;
mod regroupings;
pub mod request_counts;
pub mod rows;
pub mod runs;
pub mod sessions;
pub mod settings;
pub mod snapshot;
mod statement;
pub mod sweep;
pub mod teams;
pub mod throttle;
pub mod tokens;
pub mod uploads;
pub mod versions;
pub mod waivers;

use crate::clock::Clock;
use crate::error::{Error, Result};
use app::form::FieldErrors;
use audit::{Actor, Entry};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use time::OffsetDateTime;

pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// The first SQLite without the write-ahead-log reset bug, which can lose committed changes.
pub(crate) const LEAST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// The newest schema that this binary knows.
pub fn known_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

#[derive(Clone, Debug)]
pub enum Store {
    /// Many readers and one writer: writers wait in the pool's fair queue, not in SQLite's.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

/// A transaction by somebody, at one moment, that will say in the audit log what it did.
pub struct Tx {
    db: TxDb,
    actor: Actor,
    at: OffsetDateTime,
    clock: Clock,
    entries: Vec<Entry>,
}

pub(crate) enum TxDb {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Runs one reading statement on whichever database we were given.
macro_rules! read {
    ($store:expr, $db:ident => $run:expr) => {
        match $store {
            $crate::store::Store::Sqlite { read: $db, .. } => $run,
            $crate::store::Store::Postgres($db) => $run,
        }
    };
}

/// Runs one statement that writes outside a transaction.
macro_rules! write_alone {
    ($store:expr, $db:ident => $run:expr) => {
        match $store {
            $crate::store::Store::Sqlite { write: $db, .. } => $run,
            $crate::store::Store::Postgres($db) => $run,
        }
    };
}

/// Runs one statement inside a transaction.
macro_rules! in_tx {
    ($tx:expr, $db:ident => $run:expr) => {
        match $tx.db() {
            $crate::store::TxDb::Sqlite(tx) => {
                let $db = &mut **tx;
                $run
            }
            $crate::store::TxDb::Postgres(tx) => {
                let $db = &mut **tx;
                $run
            }
        }
    };
}

pub(crate) use {in_tx, read, write_alone};

impl Store {
    /// Opens a database by its URL, `sqlite://FILE` or `postgres://…`; a SQLite file is created
    /// when it is not there.
    pub async fn open(url: &str) -> Result<Self> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?;
            let pool = PgPoolOptions::new()
                .max_connections(16)
                .acquire_timeout(Duration::from_secs(5))
                .connect_with(options)
                .await?;
            return Ok(Self::Postgres(pool));
        }
        if !url.starts_with("sqlite:") {
            return Err(Error::Internal(format!(
                "`{url}` is not a database URL; use sqlite://FILE or postgres://USER@HOST/NAME"
            )));
        }
        Self::open_sqlite(SqliteConnectOptions::from_str(url)?).await
    }

    /// Opens a SQLite file, which is created when it is not there.
    pub async fn open_file(file: &Path) -> Result<Self> {
        Self::open_sqlite(SqliteConnectOptions::new().filename(file)).await
    }

    async fn open_sqlite(options: SqliteConnectOptions) -> Result<Self> {
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            // A run has hundreds of estimates; with few rows at a time the threads that read and
            // that use them spend more time waking each other.
            .row_buffer_size(1024)
            .pragma("trusted_schema", "off");
        // A large run is written to the log once, at its end, and not again and again on the way.
        // Nor does what a statement of many rows would be undone by need a file.
        let writing = options.clone().pragma("cache_size", "-65536").pragma("temp_store", "memory");
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(writing)
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options)
            .await?;
        let version: String =
            sqlx::query_scalar("select sqlite_version()").fetch_one(&read).await?;
        if parse_version(&version) < Some(LEAST_SQLITE) {
            return Err(Error::Internal(format!(
                "this SQLite is {version}; at least 3.51.3 is needed, because older ones can lose \
                 committed changes"
            )));
        }
        Ok(Self::Sqlite { read, write })
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// Also when the schema is newer than this binary: it would not know what it writes into.
    pub async fn migrate(&self) -> Result<()> {
        if let Some(found) = self.schema().await?
            && found > known_schema()
        {
            return Err(Error::Internal(format!(
                "the database has schema {found}, and this evenhand ({}) knows schemas up to {}: \
                 a newer evenhand has been here; run that one, or restore a backup from before",
                env!("CARGO_PKG_VERSION"),
                known_schema()
            )));
        }
        write_alone!(self, db => MIGRATIONS.run(db).await)?;
        Ok(())
    }

    /// Whether the database answers and has the schema of this binary.
    pub async fn is_ready(&self) -> bool {
        matches!(self.schema().await, Ok(Some(version)) if version == known_schema())
    }

    /// Opens a transaction that writes.
    ///
    /// # Errors
    /// Also when the actor only wants to see a form again.
    pub async fn begin(&self, actor: &Actor, clock: &Clock) -> Result<Tx> {
        if actor.only_shows {
            let message =
                "Nothing was sent yet: this is what you typed before you were signed out.";
            return Err(FieldErrors::one("", message).into());
        }
        let db = match self {
            Self::Sqlite { write, .. } => TxDb::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => TxDb::Postgres(pool.begin().await?),
        };
        Ok(Tx { db, actor: actor.clone(), at: clock.now(), clock: clock.clone(), entries: vec![] })
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                // A clean stop leaves one file: the log is folded back into the database.
                let _ = sqlx::query("pragma wal_checkpoint(truncate)").execute(write).await;
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    pub(crate) fn db(&mut self) -> &mut TxDb {
        &mut self.db
    }

    /// The moment of this transaction.
    pub fn at(&self) -> OffsetDateTime {
        self.at
    }

    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// A new id.
    pub fn id(&self) -> uuid::Uuid {
        self.clock.id()
    }

    /// Says what was done; written when the transaction is committed.
    pub fn note(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Writes the audit entries and commits.
    ///
    /// # Errors
    /// When nothing was noted, or the entries cannot be written: then nothing has happened.
    pub async fn commit(mut self) -> Result<()> {
        let entries = std::mem::take(&mut self.entries);
        if entries.is_empty() {
            return Err(Error::Unaudited);
        }
        audit::append(&mut self, &entries).await?;
        match self.db {
            TxDb::Sqlite(tx) => tx.commit().await?,
            TxDb::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Whether an error is a second row where there may be one.
pub fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|e| e.kind() == sqlx::error::ErrorKind::UniqueViolation)
}

/// Turns a duplicate into a conflict with a message, and leaves every other error as it is.
pub fn or_conflict(message: &str) -> impl FnOnce(sqlx::Error) -> Error + '_ {
    move |error| {
        if is_duplicate(&error) { Error::Conflict(message.to_owned()) } else { error.into() }
    }
}

pub(crate) fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
}
