//! Verifies a log without trusting the database that holds it: every entry against its hash, its
//! neighbours and its commitments, and the whole against checkpoints.

use super::checkpoint::Checkpoint;
use super::merkle::{Edge, leaf_hash};
use super::{commit, hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// One entry as it is stored or exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEntry {
    pub position: i64,
    /// RFC 3339, as in the leaf.
    pub at: String,
    pub actor_id: Option<String>,
    pub action: String,
    pub object_kind: String,
    pub object_id: String,
    pub leaf: String,
    pub leaf_hash: String,
    /// Salt and text of the erasable part; `None` when it was erased.
    pub detail: Option<(String, String)>,
}

/// What is wrong, and the first entry that it is wrong with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    pub position: u64,
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.position, self.what)
    }
}

/// Verifies entries one by one, in the order of their positions.
#[derive(Default)]
pub struct Verifier {
    edge: Edge,
    last_hash: String,
    /// Checkpoints still ahead, the smallest last.
    checkpoints: Vec<Checkpoint>,
    /// Up to where a checkpoint agreed.
    agreed: u64,
    erased: u64,
}

/// A log in which nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    pub entries: u64,
    pub root: String,
    /// How many entries a checkpoint vouches for.
    pub checkpointed: u64,
    /// How many details were erased.
    pub erased: u64,
}

impl Verifier {
    /// A verifier that also holds the log against these checkpoints.
    pub fn new(mut checkpoints: Vec<Checkpoint>) -> Self {
        checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        Self { checkpoints, ..Self::default() }
    }

    /// Takes the next entry.
    pub fn push(&mut self, entry: &StoredEntry) -> Result<(), Breach> {
        let expected = self.edge.size();
        let at = |position: u64, what: &str| Err(Breach { position, what: what.to_owned() });
        if entry.position != i64::try_from(expected).unwrap_or(i64::MAX) {
            return at(expected, "is missing: it was deleted");
        }
        let Ok(leaf) = serde_json::from_str::<Value>(&entry.leaf) else {
            return at(expected, "was edited: its leaf is not JSON");
        };
        let text = |pointer: &str| leaf.pointer(pointer).and_then(Value::as_str);
        let said: Option<u64> = text("/position").and_then(|position| position.parse().ok());
        let hash = leaf_hash(entry.leaf.as_bytes());
        if hex(&hash) != entry.leaf_hash {
            return at(expected, "was edited: its leaf does not have the hash it was stored with");
        }
        match said {
            Some(said) if said < expected => {
                return at(said, "was inserted or moved: a later entry says it stood there");
            }
            Some(said) if said > expected => {
                return at(expected, "is missing: the entry in its place says it stood later");
            }
            Some(_) => {}
            None => return at(expected, "was edited: its leaf names no position"),
        }
        if text("/prev") != Some(&self.last_hash) {
            return at(
                expected.saturating_sub(1),
                "was edited, inserted or moved: its successor recorded another hash for it",
            );
        }
        let columns = [
            (text("/at"), Some(entry.at.as_str()), "time"),
            (text("/by/person"), entry.actor_id.as_deref(), "actor"),
            (text("/action"), Some(entry.action.as_str()), "action"),
            (text("/object/kind"), Some(entry.object_kind.as_str()), "object"),
            (text("/object/id"), Some(entry.object_id.as_str()), "object"),
        ];
        if let Some((_, _, column)) = columns.iter().find(|(leaf, stored, _)| leaf != stored) {
            return at(expected, &format!("was edited: its {column} is not the one in its leaf"));
        }
        match &entry.detail {
            None => self.erased += 1,
            Some((salt, detail)) => {
                let detail: Value = serde_json::from_str(detail).unwrap_or_default();
                for side in ["before", "after"] {
                    let commitment = match &detail[side] {
                        Value::Null => None,
                        value => Some(commit(salt, &value.to_string())),
                    };
                    if text(&format!("/{side}")) != commitment.as_deref() {
                        return at(expected, &format!("was edited: its detail `{side}` changed"));
                    }
                }
            }
        }
        self.edge.push(hash);
        self.last_hash.clone_from(&entry.leaf_hash);
        self.hold_against_checkpoints()
    }

    fn hold_against_checkpoints(&mut self) -> Result<(), Breach> {
        while let Some(checkpoint) = self.checkpoints.last()
            && checkpoint.size <= self.edge.size()
        {
            if checkpoint.size == self.edge.size() && checkpoint.root != self.edge.root() {
                return Err(Breach {
                    position: self.agreed,
                    what: format!(
                        "or one after it, below {}, was rewritten: the checkpoint of size {} has \
                         another root",
                        checkpoint.size, checkpoint.size
                    ),
                });
            }
            self.agreed = checkpoint.size;
            self.checkpoints.pop();
        }
        Ok(())
    }

    /// Ends the log: nothing may be missing from its tail, as far as the head (size, edge and last
    /// hash, where the log has one) and the checkpoints tell.
    pub fn finish(self, head: Option<(i64, &str, &str)>) -> Result<Verified, Breach> {
        let size = self.edge.size();
        let cut = |until: u64, by: &str| {
            Err(Breach { position: size, what: format!("is missing: {by} says there are {until}") })
        };
        if let Some(checkpoint) = self.checkpoints.first().filter(|c| c.size > size) {
            return cut(checkpoint.size, "a checkpoint");
        }
        if let Some((head_size, edge, last_hash)) = head {
            let head_size = u64::try_from(head_size).unwrap_or_default();
            if head_size > size {
                return cut(head_size, "the head of the log");
            }
            if head_size < size {
                return Err(Breach {
                    position: head_size,
                    what: "was added behind the head of the log".to_owned(),
                });
            }
            if edge != self.edge.to_text() || last_hash != self.last_hash {
                return Err(Breach {
                    position: size.saturating_sub(1),
                    what: "or one before it was rewritten: the head of the log has another hash"
                        .to_owned(),
                });
            }
        }
        Ok(Verified {
            entries: size,
            root: hex(&self.edge.root()),
            checkpointed: self.agreed,
            erased: self.erased,
        })
    }
}
