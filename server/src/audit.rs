//! The audit log's format: what a leaf says, how leaves are hashed together, what a checkpoint
//! proves.
//!
//! ```text
//! entry 0   entry 1   entry 2 …     each leaf: ids, action, commitments, the previous leaf's hash
//!    └──┬──────┘         │
//!     node               │          RFC 6962: leaf 0x00 ‖ leaf, node 0x01 ‖ left ‖ right
//!       └───────┬────────┘
//!             root  ─────────────▶  checkpoint: origin, size, root, Ed25519 signature
//! ```
//!
//! A checkpoint proves that nothing up to its size has changed since it was signed. It proves
//! neither that what was logged is true nor that everything was logged; and a tail that was cut off
//! shows only against a checkpoint that was kept elsewhere.

pub mod check;
pub mod checkpoint;
pub mod merkle;
pub mod verify;

use app::domain::{PersonId, TokenId};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    pub person: Option<PersonId>,
    pub via: Via,
    /// A form that is only shown again: nothing is to be changed by it.
    pub only_shows: bool,
}

/// How they reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Session,
    Token(TokenId),
    /// The command line on the server's own machine.
    Operator,
    /// The server itself, at start, stop or on a schedule.
    Server,
}

impl By {
    pub const SERVER: Self = Self { person: None, via: Via::Server, only_shows: false };
    pub const OPERATOR: Self = Self { person: None, via: Via::Operator, only_shows: false };

    pub fn person(person: PersonId) -> Self {
        Self { person: Some(person), via: Via::Session, only_shows: false }
    }
}

/// One thing that was done, before it has a place in the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Object and verb, such as `model.registered`.
    pub action: &'static str,
    pub object_kind: &'static str,
    pub object_id: String,
    /// A public digest of the object, where it has one.
    pub digest: Option<String>,
    /// What the object was and is now. Names and free text stand here and only here, so that they
    /// can be erased; the leaf holds salted commitments.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Entry {
    pub fn new(action: &'static str, object_kind: &'static str, id: impl ToString) -> Self {
        Self {
            action,
            object_kind,
            object_id: id.to_string(),
            digest: None,
            before: None,
            after: None,
        }
    }

    /// What the object was; `null` says as much as not saying it.
    #[must_use]
    pub fn before(self, before: Value) -> Self {
        Self { before: Some(before).filter(|value| !value.is_null()), ..self }
    }

    /// What the object is now; `null` says as much as not saying it.
    #[must_use]
    pub fn after(self, after: Value) -> Self {
        Self { after: Some(after).filter(|value| !value.is_null()), ..self }
    }

    #[must_use]
    pub fn digest(self, digest: &str) -> Self {
        Self { digest: Some(digest.to_owned()), ..self }
    }

    /// The erasable part, as it is stored.
    pub fn detail(&self) -> Value {
        json!({ "before": self.before, "after": self.after })
    }

    /// The leaf: RFC 8785 JSON (all keys ASCII, no numbers, so sorted keys are all it takes).
    pub fn leaf(
        &self,
        position: i64,
        at: OffsetDateTime,
        by: &By,
        salt: &str,
        prev: &str,
    ) -> String {
        let (kind, token) = match by.via {
            Via::Session => ("person", None),
            Via::Token(token) => ("token", Some(token.to_string())),
            Via::Operator => ("operator", None),
            Via::Server => ("server", None),
        };
        let commitment =
            |value: &Option<Value>| value.as_ref().map(|value| commit(salt, &value.to_string()));
        json!({
            "v": "1",
            "position": position.to_string(),
            "at": timestamp(at),
            "by": { "kind": kind, "person": by.person.map(|id| id.to_string()), "token": token },
            "action": self.action,
            "object": { "kind": self.object_kind, "id": self.object_id, "digest": self.digest },
            "before": commitment(&self.before),
            "after": commitment(&self.after),
            "prev": prev,
        })
        .to_string()
    }
}

/// A time as the leaf writes it: RFC 3339 in UTC.
pub fn timestamp(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC).format(&Rfc3339).expect("years up to 9999 can be written")
}

/// A commitment to a text under a salt: whoever erases the salt erases what could be guessed.
pub fn commit(salt: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).expect("any key length will do");
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
