//! `evenhand audit verify`: works with no server, and writes nothing.

use super::database::{COULD_NOT_LOOK, Database};
use super::{Failure, block_on};
use crate::audit::check;
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
        for line in report.sentences(verify.export.is_some(), witnesses.key.is_some()) {
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
