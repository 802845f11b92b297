//! `evenhand audit verify`: works with no server, and writes nothing.

use super::database::{COULD_NOT_LOOK, Database};
use super::{Failure, block_on};
use crate::audit::check::{self, Report};
use crate::error::Result;
use crate::store::Store;
use clap::{Args, Subcommand};
use std::io::{BufReader, Write as _};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Audit {
    /// Check that no entry was edited, deleted, inserted or moved: exit 0 good, 1 not, 3 could not
    /// look
    Verify(Verify),
}

#[derive(Args, Clone, Debug)]
pub struct Verify {
    #[command(flatten)]
    pub database: Database,
    /// An exported log (NDJSON) in place of a database
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere; may be given again
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// The public key, in base64 [default: of the key file]
    #[arg(long, value_name = "PUBLIC")]
    pub key: Option<String>,
    /// The result as JSON
    #[arg(long)]
    pub json: bool,
}

pub fn run(command: Audit) -> Result<(), Failure> {
    let Audit::Verify(verify) = command;
    let witnesses = verify.database.witnesses(verify.key.as_deref(), &verify.checkpoint)?;
    let could_not = |error: crate::Error| Failure {
        message: format!("could not look: {error}"),
        code: COULD_NOT_LOOK,
    };
    let report = match &verify.export {
        Some(file) => std::fs::File::open(file)
            .map_err(|error| could_not(error.into()))
            .and_then(|file| check::export(BufReader::new(file), &witnesses).map_err(could_not)),
        None => block_on(async {
            let store = Store::open_read_only(&verify.database.url()).await?;
            let report = check::database(&mut store.snapshot().await?, &witnesses).await;
            store.close().await;
            report
        })?
        .map_err(could_not),
    }?;
    let mut out = std::io::stdout().lock();
    if verify.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        for line in words(&report, verify.export.is_some(), witnesses.key.is_some()) {
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    match report.breach {
        None => Ok(()),
        Some(breach) => {
            Err(Failure { message: format!("the audit log does not verify: {breach}"), code: 1 })
        }
    }
}

/// What the result proves, and what it does not, in sentences.
pub fn words(report: &Report, is_export: bool, has_key: bool) -> Vec<String> {
    let Some(log) = &report.verified else {
        return report.breach.iter().map(|breach| format!("BROKEN: {breach}")).collect();
    };
    let mut lines = vec![
        format!("good: {} entries, each unchanged since the next was written", log.entries),
        format!("root: {}", log.root),
    ];
    lines.push(match (report.checkpoints, log.checkpointed) {
        (0, _) if !has_key => "held against no checkpoint, because there is no key: whoever can \
                               write the database could have written the whole log anew"
            .to_owned(),
        (0, _) => "held against no checkpoint: whoever can write the database could have written \
                   the whole log anew"
            .to_owned(),
        (checkpoints, until) => format!(
            "signed: {checkpoints} checkpoints agree; entries below {until} are as they were \
             when the checkpoint of size {until} was signed"
        ),
    });
    if report.checkpoints_unused > 0 && has_key {
        lines.push(format!(
            "not used: {} stored checkpoints, signed by another key",
            report.checkpoints_unused
        ));
    }
    if log.erased > 0 {
        lines.push(format!("erased: the details of {} entries", log.erased));
    }
    lines.push(if is_export {
        "not shown: a tail that was left out of the export, unless a checkpoint vouches for it"
            .to_owned()
    } else {
        "not shown: that what was logged is true, or that entries after the newest checkpoint you \
         keep elsewhere were not cut off"
            .to_owned()
    });
    lines
}
