//! Verifies a whole log where it lies: in a database, or in a file that was exported from one.
//!
//! Entries are read in batches, so that a log of any length is verified in the same memory.

use super::checkpoint::{Checkpoint, NotOurs};
use super::verify::{Breach, StoredEntry, Verified, Verifier};
use crate::error::{Error, Result};
use crate::store::snapshot::Snapshot;
use app::number;
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use std::io::{BufRead, Read};

const BATCH: i64 = 500;
/// The longest line of an exported log: a leaf has at most 64 KiB, a detail may be longer.
const LINE: u64 = 64 << 20;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ok: bool,
    /// What holds, when nothing is wrong.
    #[serde(flatten)]
    pub verified: Option<Verified>,
    /// What is wrong first.
    pub breach: Option<Breach>,
    /// Checkpoints with a good signature that the log was held against.
    pub checkpoints: u64,
    /// Checkpoints in the database that say nothing here: no key was at hand, or another one
    /// signed them.
    pub checkpoints_unused: u64,
}

/// What a log is held against.
#[derive(Clone, Debug, Default)]
pub struct Witnesses {
    /// The key whose signatures count.
    pub key: Option<VerifyingKey>,
    /// Checkpoints that were kept elsewhere.
    pub kept: Vec<Checkpoint>,
}

impl Report {
    fn new(outcome: Result<Verified, Breach>, checkpoints: usize, unused: u64) -> Self {
        let (verified, breach) = match outcome {
            Ok(verified) => (Some(verified), None),
            Err(breach) => (None, Some(breach)),
        };
        Self {
            ok: breach.is_none(),
            verified,
            breach,
            checkpoints: checkpoints as u64,
            checkpoints_unused: unused,
        }
    }
}

impl Report {
    /// What the result proves, and what it does not, in sentences.
    pub fn sentences(&self, is_export: bool, has_key: bool) -> Vec<String> {
        let Some(log) = &self.verified else {
            return self.breach.iter().map(|breach| format!("BROKEN: {breach}")).collect();
        };
        let mut lines = vec![
            format!("good: {} entries, each unchanged since the next was written", log.entries),
            format!("root: {}", log.root),
        ];
        lines.push(match (self.checkpoints, log.checkpointed) {
            (0, _) if !has_key => {
                "held against no checkpoint, because there is no key: whoever can \
                                   write the database could have written the whole log anew"
                    .to_owned()
            }
            (0, _) => {
                "held against no checkpoint: whoever can write the database could have written \
                       the whole log anew"
                    .to_owned()
            }
            (checkpoints, until) => format!(
                "signed: {} with the log; entries below {until} are as they were \
                 when the checkpoint of size {until} was signed",
                number::counted(checkpoints, "checkpoint agrees", "checkpoints agree")
            ),
        });
        if self.checkpoints_unused > 0 && has_key {
            lines.push(format!(
                "not used: {} stored checkpoints, signed by another key",
                self.checkpoints_unused
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
}

/// Verifies the log of a database, against its own checkpoints and those that were kept elsewhere.
pub async fn database(snapshot: &mut Snapshot, witnesses: &Witnesses) -> Result<Report> {
    let stored = snapshot.checkpoints().await?;
    let mut checkpoints = witnesses.kept.clone();
    let (mut unused, mut altered) = (0, None);
    for stored in stored {
        match witnesses.key.as_ref().map(|key| Checkpoint::open(&stored.note, key)) {
            Some(Ok(checkpoint)) => checkpoints.push(checkpoint),
            None | Some(Err(NotOurs::OtherKey)) => unused += 1,
            Some(Err(error @ (NotOurs::Altered | NotOurs::NotACheckpoint))) => {
                let position = u64::try_from(stored.size).unwrap_or_default().saturating_sub(1);
                altered.get_or_insert(Breach {
                    position,
                    below: None,
                    what: format!("is not vouched for by its stored checkpoint: {error}"),
                });
            }
        }
    }
    let compared = checkpoints.len();
    let mut verifier = Verifier::new(checkpoints);
    // From below zero, so that an entry that was put before the first is seen.
    let mut from = i64::MIN;
    loop {
        let batch = snapshot.audit_entries(from, BATCH).await?;
        for entry in &batch {
            if let Err(breach) = verifier.push(entry) {
                return Ok(Report::new(Err(breach), compared, unused));
            }
        }
        match batch.last() {
            Some(last) => from = last.position + 1,
            None => break,
        }
    }
    let head = snapshot.audit_head().await?;
    let outcome = match &head {
        Some(head) => verifier.finish(Some((head.size, &head.edge, &head.last_hash))),
        None => verifier.finish(None).and_then(|log| {
            let what = "cannot follow: the head of the log was deleted".to_owned();
            Err(Breach { position: log.entries, below: None, what })
        }),
    };
    let outcome = outcome.and_then(|log| altered.map_or(Ok(log), Err));
    Ok(Report::new(outcome, compared, unused))
}

/// Verifies an exported log, one [`StoredEntry`] as JSON per line.
///
/// # Errors
/// When the file cannot be read or a line is no entry.
pub fn export(mut file: impl BufRead, witnesses: &Witnesses) -> Result<Report> {
    let compared = witnesses.kept.len();
    let mut verifier = Verifier::new(witnesses.kept.clone());
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let read = file.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let entry: StoredEntry = serde_json::from_slice(&line).map_err(|error| {
            Error::Internal(format!("line {number} is not an exported audit entry: {error}"))
        })?;
        if let Err(breach) = verifier.push(&entry) {
            return Ok(Report::new(Err(breach), compared, 0));
        }
    }
    Ok(Report::new(verifier.finish(None), compared, 0))
}
