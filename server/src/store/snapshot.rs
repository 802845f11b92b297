//! Reads that all see one and the same moment, whatever is written meanwhile; and databases opened
//! so that nothing can be written at all.

use super::audit::{ENTRIES_FROM, Head, Row};
use super::{Store, TxDb, in_tx};
use crate::audit::verify::StoredEntry;
use crate::error::{Error, Result};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// A read-only transaction.
pub struct Snapshot {
    db: TxDb,
}

/// A checkpoint as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StoredCheckpoint {
    pub size: i64,
    pub note: String,
}

/// The file of a SQLite URL; `None` for PostgreSQL.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let options = url.strip_prefix("sqlite:").map(|_| SqliteConnectOptions::from_str(url))?.ok()?;
    Some(options.get_filename().to_owned())
}

impl Store {
    /// Opens a database that must be there, to read and nothing else.
    ///
    /// # Errors
    /// Also when the SQLite file does not exist: reading never makes one.
    pub async fn open_read_only(url: &str) -> Result<Self> {
        let Some(file) = sqlite_file(url) else {
            let options =
                PgConnectOptions::from_str(url)?.options([("default_transaction_read_only", "on")]);
            let pool = PgPoolOptions::new()
                .max_connections(2)
                .acquire_timeout(Duration::from_secs(5))
                .connect_with(options)
                .await?;
            return Ok(Self::Postgres(pool));
        };
        must_exist(&file)?;
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(false)
            .read_only(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("trusted_schema", "off");
        // A database on read-only media has no room for the write-ahead log's index; without a log
        // nobody is writing, and it may be read as it lies.
        let lies_still = !beside(&file, "-wal").exists() && !can_write(&file);
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.immutable(lies_still))
            .await?;
        Ok(Self::Sqlite { read: pool.clone(), write: pool })
    }

    /// Opens a database that must be there.
    pub async fn open_existing(url: &str) -> Result<Self> {
        if let Some(file) = sqlite_file(url) {
            must_exist(&file)?;
        }
        Self::open(url).await
    }

    /// A transaction that sees the database as it is now.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let db = match self {
            Self::Sqlite { read, .. } => TxDb::Sqlite(read.begin().await?),
            Self::Postgres(pool) => TxDb::Postgres(
                pool.begin_with("begin isolation level repeatable read read only").await?,
            ),
        };
        Ok(Snapshot { db })
    }
}

fn must_exist(file: &Path) -> Result<()> {
    if file.is_file() {
        return Ok(());
    }
    Err(Error::NotFound(format!("there is no database file {}", file.display())))
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn can_write(file: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    rustix::fs::access(folder.unwrap_or(Path::new(".")), rustix::fs::Access::WRITE_OK).is_ok()
}

impl Snapshot {
    pub(crate) fn db(&mut self) -> &mut TxDb {
        &mut self.db
    }

    /// Audit entries from a position on, the oldest first.
    pub async fn audit_entries(&mut self, from: i64, limit: i64) -> Result<Vec<StoredEntry>> {
        const SQL: &str = ENTRIES_FROM;
        let rows: Vec<Row> =
            in_tx!(self, db => sqlx::query_as(SQL).bind(from).bind(limit).fetch_all(db).await)?;
        Ok(rows.into_iter().map(StoredEntry::from).collect())
    }

    /// The log's head; `None` when somebody deleted it.
    pub async fn audit_head(&mut self) -> Result<Option<Head>> {
        const SQL: &str = "select size, edge, last_hash from audit_head where id = 1";
        Ok(in_tx!(self, db => sqlx::query_as(SQL).fetch_optional(db).await)?)
    }

    pub async fn checkpoints(&mut self) -> Result<Vec<StoredCheckpoint>> {
        const SQL: &str = "select size, note from audit_checkpoint order by size, at";
        Ok(in_tx!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?)
    }
}
