//! Backups: one SQLite file, whichever database it was taken from, that restores into either.
//!
//! ```text
//! SQLite ── vacuum into ─────────────┐                     ┌──▶ an empty SQLite
//!                                    ├──▶ backup (SQLite) ─┤
//! PostgreSQL ── one snapshot, copied ┘                     └──▶ an empty PostgreSQL
//! ```
//!
//! Both are taken while the server runs, and hold what was committed at one moment. Sessions and
//! one-time links are left out, and so is the key that signs the audit log: it stands in a file of
//! its own, because whoever can write the database must not be able to sign.

use crate::audit::check::{self, Report, Witnesses};
use crate::audit::{By, Entry};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::copy::{LEFT_OUT, copy};
use crate::store::{Store, known_schema};
use serde::Serialize;
use serde_json::json;
use std::path::Path;

/// What was backed up or restored.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Rows in all tables.
    pub rows: i64,
    pub people: i64,
    pub models: i64,
    pub runs: i64,
    pub audit: Report,
    /// What is broken in the file, none where it is sound.
    pub damage: Vec<String>,
}

impl Summary {
    async fn of(store: &Store, witnesses: &Witnesses) -> Result<Self> {
        let mut snapshot = store.snapshot().await?;
        let mut counts = Vec::new();
        for table in snapshot.tables().await? {
            counts.push((table.name.clone(), snapshot.count(&table).await?));
        }
        let of = |name: &str| {
            counts.iter().find(|(table, _)| table == name).map_or(0, |(_, count)| *count)
        };
        Ok(Self {
            rows: counts.iter().map(|(_, count)| count).sum(),
            people: of("person"),
            models: of("model"),
            runs: of("run"),
            audit: check::database(&mut snapshot, witnesses).await?,
            damage: store.damage().await?,
        })
    }

    pub fn is_sound(&self) -> bool {
        self.audit.ok && self.damage.is_empty()
    }
}

/// Writes a backup into a new file, and looks whether it is sound. A backup that is not is kept:
/// it may be all there is.
///
/// # Errors
/// When the database cannot be read, or the file is there already or cannot be written.
pub async fn back_up(store: &Store, file: &Path, witnesses: &Witnesses) -> Result<Summary> {
    if file.exists() {
        return Err(Error::Conflict(format!("{} is there already", file.display())));
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Readable by its owner alone, and under its name only once it is whole.
    let part = tempfile::Builder::new().prefix(".evenhand-backup-").tempfile_in(folder)?;
    match store {
        Store::Sqlite { read, .. } => {
            let name = part.path().to_string_lossy().into_owned();
            sqlx::query("vacuum into $1").bind(name).execute(read).await?;
            let archive = Store::open_file(part.path()).await?;
            forget_what_opens_doors(&archive).await?;
            archive.close().await;
        }
        Store::Postgres(_) => {
            let archive = Store::open_file(part.path()).await?;
            archive.migrate().await?;
            copy(&mut store.snapshot().await?, &archive).await?;
            archive.close().await;
        }
    }
    let archive = Store::open_file(part.path()).await?;
    let summary = Summary::of(&archive, witnesses).await?;
    archive.close().await;
    part.as_file().sync_all()?;
    part.persist_noclobber(file).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(summary)
}

async fn forget_what_opens_doors(archive: &Store) -> Result<()> {
    let Store::Sqlite { write, .. } = archive else { return Ok(()) };
    // Deleted rows are overwritten, not only let go of.
    let sql = LEFT_OUT.iter().fold("pragma secure_delete = on;".to_owned(), |sql, table| {
        sql + "delete from " + table + ";"
    });
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(write).await?;
    Ok(())
}

/// Restores a backup into a database that was never used, and says so in its audit log.
///
/// # Errors
/// When the file is no sound backup, the database is in use, or not every row arrived: then the
/// database is as it was.
pub async fn restore(
    file: &Path,
    target: &Store,
    clock: &Clock,
    witnesses: &Witnesses,
) -> Result<Summary> {
    if target.is_used().await? {
        return Err(Error::Conflict(
            "the database is in use: a backup is restored into an empty one".to_owned(),
        ));
    }
    if !file.is_file() {
        return Err(Error::NotFound(format!("there is no file {}", file.display())));
    }
    // A copy, because an older backup is brought up to date before it is read.
    let folder = tempfile::tempdir()?;
    let working = folder.path().join("backup.db");
    std::fs::copy(file, &working)?;
    let digest = sha256_of(file)?;
    let archive = Store::open_file(&working).await?;
    match archive.schema().await? {
        None => {
            return Err(Error::Conflict(format!("{} is no backup of Evenhand", file.display())));
        }
        Some(schema) if schema > known_schema() => {
            return Err(Error::Conflict(format!(
                "the backup has schema {schema} and this evenhand knows schemas up to {}: \
                 restore it with the evenhand that made it, or a newer one",
                known_schema()
            )));
        }
        Some(_) => archive.migrate().await?,
    }
    let before = Summary::of(&archive, witnesses).await?;
    if !before.is_sound() {
        let what = before
            .audit
            .breach
            .as_ref()
            .map(|breach| format!("its audit log is broken: {breach}"))
            .or_else(|| before.damage.first().cloned())
            .unwrap_or_default();
        return Err(Error::Conflict(format!("the backup is not sound: {what}")));
    }
    target.migrate().await?;
    copy(&mut archive.snapshot().await?, target).await?;
    archive.close().await;
    let after = Summary::of(target, witnesses).await?;
    if !after.is_sound() || after.audit != before.audit {
        return Err(Error::Internal(
            "what was restored does not verify as the backup did; do not use it".to_owned(),
        ));
    }
    let mut tx = target.begin(&By::OPERATOR, clock).await?;
    let origin = target.setting("installation").await?.unwrap_or_default();
    tx.note(Entry::new("backup.restored", "server", format!("evenhand/{origin}")).digest(&digest));
    tx.commit().await?;
    Ok(after)
}

/// Notes in the audit log that a backup was made.
pub async fn note_backup(store: &Store, clock: &Clock, file: &Path) -> Result<()> {
    let mut tx = store.begin(&By::OPERATOR, clock).await?;
    let origin = store.setting("installation").await?.unwrap_or_default();
    tx.note(
        Entry::new("backup.made", "server", format!("evenhand/{origin}"))
            .digest(&sha256_of(file)?)
            .after(json!({ "file": file.display().to_string() })),
    );
    tx.commit().await
}

fn sha256_of(file: &Path) -> Result<String> {
    use sha2::{Digest as _, Sha256};
    let mut digest = Sha256::new();
    std::io::copy(&mut std::fs::File::open(file)?, &mut digest)?;
    Ok(format!("sha256:{}", crate::audit::hex(&digest.finalize())))
}
