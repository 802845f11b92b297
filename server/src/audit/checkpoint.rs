//! Signed checkpoints: origin, size and root as a signed note with an Ed25519 signature.
//!
//! The formats are those of the C2SP: `tlog-checkpoint` and `signed-note`.

use super::merkle::{Edge, Hash};
use crate::error::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// The key that signs checkpoints. It stands outside the database, so that whoever can write the
/// database cannot also sign.
#[derive(Clone)]
pub struct AuditKey {
    key: SigningKey,
}

impl AuditKey {
    /// Reads the key file; `None` when there is no such file.
    ///
    /// # Errors
    /// When the file is there but is not 32 bytes in base64, or cannot be read.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_base64(text.trim()).map(Some).ok_or_else(|| {
                Error::Internal(format!(
                    "{} is not an audit key: expected 32 bytes in base64",
                    path.display()
                ))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the key file, or makes one that only its owner can read.
    ///
    /// # Errors
    /// When the file is there but is not 32 bytes in base64, or cannot be read or made.
    pub fn open_or_create(path: &Path) -> Result<Self> {
        match Self::open(path)? {
            Some(key) => Ok(key),
            None => {
                let seed: [u8; 32] = crate::clock::random();
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(path)?;
                writeln!(file, "{}", STANDARD.encode(seed))?;
                file.sync_all()?;
                Ok(Self { key: SigningKey::from_bytes(&seed) })
            }
        }
    }

    fn from_base64(text: &str) -> Option<Self> {
        let seed: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
        Some(Self { key: SigningKey::from_bytes(&seed) })
    }

    pub fn public(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// A checkpoint over this tree.
    pub fn sign(&self, origin: &str, edge: &Edge) -> String {
        let body = format!("{origin}\n{}\n{}\n", edge.size(), STANDARD.encode(edge.root()));
        let mut blob = key_id(origin, &self.public()).to_vec();
        blob.extend_from_slice(&self.key.sign(body.as_bytes()).to_bytes());
        format!("{body}\n\u{2014} {origin} {}\n", STANDARD.encode(blob))
    }
}

/// A public key as it is shown and given: base64 of its 32 bytes.
pub fn public_text(key: &VerifyingKey) -> String {
    STANDARD.encode(key.as_bytes())
}

pub fn parse_public(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&STANDARD.decode(text.trim()).ok()?.try_into().ok()?).ok()
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([0x0a, 0x01])
        .chain_update(key.as_bytes())
        .finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// Why a note is not taken for a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    #[error("this is not a signed checkpoint: expected origin, size and root, then a signature")]
    NotACheckpoint,
    /// No signature names our key: it may be from another installation, or from before the key was
    /// lost.
    #[error("the checkpoint is not signed by this key")]
    OtherKey,
    /// A signature names our key and does not hold.
    #[error("the checkpoint was altered: its signature by this key does not hold")]
    Altered,
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// Reads a note and checks its signature with this key.
    ///
    /// # Errors
    /// [`NotOurs`]: not a checkpoint, or not signed by this key.
    pub fn open(note: &str, key: &VerifyingKey) -> Result<Self, NotOurs> {
        let (body, signatures) = note.split_once("\n\n").ok_or(NotOurs::NotACheckpoint)?;
        let body = format!("{body}\n");
        let mut lines = body.lines();
        let (origin, size, root) = (|| {
            let origin = lines.next()?;
            let size = lines.next()?.parse().ok()?;
            let root: Hash = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
            Some((origin.to_owned(), size, root))
        })()
        .ok_or(NotOurs::NotACheckpoint)?;
        let mut names_our_key = false;
        for line in signatures.lines() {
            let blob = line
                .strip_prefix("\u{2014} ")
                .and_then(|rest| rest.rsplit_once(' '))
                .and_then(|(name, blob)| Some((name, STANDARD.decode(blob.trim()).ok()?)));
            let Some((name, blob)) = blob else { continue };
            let Some((id, signature)) = blob.split_first_chunk::<4>() else { continue };
            if *id != key_id(name, key) {
                continue;
            }
            names_our_key = true;
            let holds = name == origin
                && Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(body.as_bytes(), &signature).is_ok());
            if holds {
                return Ok(Self { origin, size, root });
            }
        }
        Err(if names_our_key { NotOurs::Altered } else { NotOurs::OtherKey })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_opens_with_its_key_and_with_no_other_nor_when_changed() {
        let folder = tempfile::tempdir().unwrap();
        let key = AuditKey::open_or_create(&folder.path().join("a")).unwrap();
        let again = AuditKey::open_or_create(&folder.path().join("a")).unwrap();
        let other = AuditKey::open_or_create(&folder.path().join("b")).unwrap();
        let mut edge = Edge::default();
        edge.push(super::super::merkle::leaf_hash(b"x"));
        let note = key.sign("evenhand/test", &edge);
        let opened = Checkpoint::open(&note, &again.public()).unwrap();
        assert_eq!((opened.size, opened.root), (1, edge.root()));
        assert_eq!(Checkpoint::open(&note, &other.public()), Err(NotOurs::OtherKey));
        let altered = note.replace("\n1\n", "\n2\n");
        assert_eq!(Checkpoint::open(&altered, &key.public()), Err(NotOurs::Altered));
    }
}
