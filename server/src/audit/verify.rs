//! Verifies a log without trusting the database that holds it: every entry against its hash, its
//! neighbours and its commitments, and the whole against checkpoints.

use super::checkpoint::Checkpoint;
use super::merkle::{Edge, leaf_hash};
use super::{commit, hex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// One entry as it is stored or exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
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
    /// Where no single entry can be named: the first position after those of which at least one is
    /// wrong.
    pub below: Option<u64>,
    /// What follows "entry N".
    pub what: String,
}

impl Breach {
    fn at(position: u64, what: impl Into<String>) -> Self {
        Self { position, below: None, what: what.into() }
    }

    fn between(position: u64, below: u64, what: impl Into<String>) -> Self {
        Self {
            position,
            below: Some(below).filter(|below| *below > position + 1),
            what: what.into(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.below {
            Some(below) => {
                write!(f, "entry {}, or one after it up to {},", self.position, below - 1)?;
            }
            None => write!(f, "entry {}", self.position)?,
        }
        write!(f, " {}", self.what)
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
    /// Hex.
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
        let at = |position: u64, what: &str| Err(Breach::at(position, what));
        match u64::try_from(entry.position) {
            Ok(position) if position == expected => {}
            Ok(position) if position > expected => {
                return at(expected, "is missing: it was deleted");
            }
            Ok(position) => return at(position, "was inserted or moved: it stands there twice"),
            Err(_) => return at(expected, "was inserted: its position is negative"),
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
                let what = format!(
                    "was deleted or moved: what stands in its place says it is entry {said}"
                );
                return at(expected, &what);
            }
            Some(_) => {}
            None => return at(expected, "was edited: its leaf names no position"),
        }
        if text("/prev") != Some(&self.last_hash) {
            // The successor is older than the hash it does not know, unless it was edited itself,
            // with its own hash repaired: then the one after it does not know it either.
            return at(
                expected.saturating_sub(1),
                "was edited or replaced: its successor recorded another hash for it",
            );
        }
        let columns = [
            (text("/at"), Some(entry.at.as_str()), "time"),
            (text("/by/person"), entry.actor_id.as_deref(), "actor"),
            (text("/action"), Some(entry.action.as_str()), "action"),
            (text("/object/kind"), Some(entry.object_kind.as_str()), "kind of object"),
            (text("/object/id"), Some(entry.object_id.as_str()), "object"),
        ];
        if let Some((_, _, column)) = columns.iter().find(|(leaf, stored, _)| leaf != stored) {
            return at(expected, &format!("was edited: its {column} is not the one in its leaf"));
        }
        let committed = (text("/before"), text("/after"));
        match &entry.detail {
            None if committed == (None, None) => {}
            None => self.erased += 1,
            Some((salt, detail)) => {
                if let Some(what) = wrong_detail(committed, salt, detail) {
                    return at(expected, &format!("was edited: {what}"));
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
                let what = format!(
                    "was rewritten: the checkpoint of size {} has another root",
                    checkpoint.size
                );
                return Err(Breach::between(self.agreed, checkpoint.size, what));
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
            Err(Breach::at(size, format!("is missing: {by} says there are {until}")))
        };
        if let Some(checkpoint) = self.checkpoints.first().filter(|c| c.size > size) {
            return cut(checkpoint.size, "a checkpoint");
        }
        if let Some((head_size, edge, last_hash)) = head {
            let Ok(head_size) = u64::try_from(head_size) else {
                return Err(Breach::at(size, "cannot follow: the head of the log is damaged"));
            };
            if head_size > size {
                return cut(head_size, "the head of the log");
            }
            if head_size < size {
                return Err(Breach::at(head_size, "was added behind the head of the log"));
            }
            if last_hash != self.last_hash {
                return Err(Breach::at(
                    size.saturating_sub(1),
                    "was edited or replaced: the head of the log recorded another hash for it",
                ));
            }
            if edge != self.edge.to_text() {
                let what = "was rewritten: the head of the log has another tree";
                return Err(Breach::between(self.agreed, size, what));
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

/// What is wrong with a detail, held against the leaf's commitments to its two sides. Byte for
/// byte: no space more and no further key, so that nothing can be hidden in it.
fn wrong_detail(
    committed: (Option<&str>, Option<&str>),
    salt: &str,
    detail: &str,
) -> Option<String> {
    if committed == (None, None) {
        return Some("it has a detail now, and had none".to_owned());
    }
    let Ok(sides) = serde_json::from_str::<Value>(detail) else {
        return Some("its detail is not JSON".to_owned());
    };
    for (side, committed) in [("before", committed.0), ("after", committed.1)] {
        let found = match &sides[side] {
            Value::Null => None,
            value => Some(commit(salt, &value.to_string())),
        };
        if found.as_deref() != committed {
            return Some(format!("its detail `{side}` or the salt changed"));
        }
    }
    let as_written = json!({ "before": sides["before"], "after": sides["after"] }).to_string();
    (as_written != detail).then(|| "its detail was written anew".to_owned())
}
