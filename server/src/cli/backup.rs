//! `evenhand admin backup` and `restore`.

use super::database::Database;
use super::{Failure, block_on};
use crate::backup::{self, Summary};
use crate::clock::Clock;
use crate::store::Store;
use clap::Args;
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Args, Clone, Debug)]
pub struct Backup {
    /// The file to write; it must not be there yet
    pub file: PathBuf,
    #[command(flatten)]
    pub database: Database,
    /// The result as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Restore {
    /// A backup, of either database
    pub file: PathBuf,
    #[command(flatten)]
    pub database: Database,
    /// The result as JSON
    #[arg(long)]
    pub json: bool,
}

pub fn back_up(command: Backup) -> Result<(), Failure> {
    let witnesses = command.database.witnesses(None, &[])?;
    let summary = block_on(async {
        let store = Store::open_existing(&command.database.url()).await?;
        let summary = backup::back_up(&store, &command.file, &witnesses).await?;
        backup::note_backup(&store, &Clock::System, &command.file).await?;
        store.close().await;
        Ok::<_, crate::Error>(summary)
    })??;
    let key = command.database.key_file();
    print(&summary, command.json, || {
        vec![
            format!("{} holds {}", command.file.display(), contents(&summary)),
            "left out: sessions and one-time links".to_owned(),
            format!(
                "not in it: the key that signs the audit log; keep {} in another place than the \
                 backup",
                key.display()
            ),
        ]
    })?;
    sound(&summary, "the backup was written, but is not sound")
}

pub fn restore(command: Restore) -> Result<(), Failure> {
    let witnesses = command.database.witnesses(None, &[])?;
    let summary = block_on(async {
        let store = Store::open(&command.database.url()).await?;
        let restored = backup::restore(&command.file, &store, &Clock::System, &witnesses).await;
        store.close().await;
        restored
    })??;
    let key = command.database.key_file();
    print(&summary, command.json, || {
        let mut lines = vec![
            format!("restored {}", contents(&summary)),
            "not restored: sessions and one-time links; everybody signs in again".to_owned(),
        ];
        lines.push(if witnesses.key.is_some() {
            format!("the audit log will be signed with {}", key.display())
        } else {
            format!(
                "put the old server's key file at {} before you start this one, or it makes a new \
                 key, which does not vouch for the old checkpoints",
                key.display()
            )
        });
        lines
    })
}

fn contents(summary: &Summary) -> String {
    format!(
        "{} people, {} models, {} runs and {} audit entries ({} rows in all); the audit log {}",
        summary.people,
        summary.models,
        summary.runs,
        summary.audit.verified.as_ref().map_or(0, |log| log.entries),
        summary.rows,
        if summary.audit.ok { "verifies" } else { "does not verify" }
    )
}

fn print(
    summary: &Summary,
    json: bool,
    lines: impl FnOnce() -> Vec<String>,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, summary)?;
        writeln!(out)?;
    } else {
        for line in lines() {
            writeln!(out, "{line}")?;
        }
    }
    Ok(out.flush()?)
}

fn sound(summary: &Summary, otherwise: &str) -> Result<(), Failure> {
    if summary.is_sound() {
        return Ok(());
    }
    let what = summary
        .audit
        .breach
        .as_ref()
        .map(ToString::to_string)
        .or_else(|| summary.damage.first().cloned())
        .unwrap_or_default();
    Err(Failure { message: format!("{otherwise}: {what}"), code: 1 })
}
