//! What every command that works on the database itself is told: which one, and which key.

use super::Failure;
use super::serve::key_beside;
use crate::audit::check::Witnesses;
use crate::audit::checkpoint::{AuditKey, Checkpoint, parse_public};
use crate::config::DEFAULT_DATABASE;
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Clone, Debug, Default)]
pub struct Database {
    /// sqlite://FILE or postgres://… [default: sqlite://evenhand.db]
    #[arg(long, env = "EVENHAND_DATABASE_URL", hide_env_values = true)]
    pub database: Option<String>,
    /// File with the key that signs audit checkpoints [default: beside the database]
    #[arg(long, env = "EVENHAND_AUDIT_KEY")]
    pub audit_key: Option<PathBuf>,
}

impl Database {
    pub fn url(&self) -> String {
        self.database.clone().unwrap_or_else(|| DEFAULT_DATABASE.to_owned())
    }

    pub fn key_file(&self) -> PathBuf {
        self.audit_key.clone().unwrap_or_else(|| key_beside(&self.url()))
    }

    /// The public key given, or else that of the key file; and the checkpoints in these files.
    pub fn witnesses(&self, key: Option<&str>, kept: &[PathBuf]) -> Result<Witnesses, Failure> {
        let could_not = |message: String| Failure { message, code: COULD_NOT_LOOK };
        let key = match key {
            Some(text) => Some(parse_public(text).ok_or_else(|| {
                could_not(format!("`{text}` is no public key: expected 32 bytes in base64"))
            })?),
            None => AuditKey::open(&self.key_file())
                .map_err(|error| could_not(error.to_string()))?
                .map(|key| key.public()),
        };
        let mut witnesses = Witnesses { key, kept: vec![] };
        for file in kept {
            let at = |why: &dyn std::fmt::Display| could_not(format!("{}: {why}", file.display()));
            let note = std::fs::read_to_string(file).map_err(|error| at(&error))?;
            let key = key.as_ref().ok_or_else(|| {
                at(&"a checkpoint needs the public key that signed it: give --key")
            })?;
            witnesses.kept.push(Checkpoint::open(&note, key).map_err(|error| at(&error))?);
        }
        Ok(witnesses)
    }
}

/// The exit code that says: nothing was found out.
pub const COULD_NOT_LOOK: u8 = 3;
