//! Hashes of ids: rows of two files are known to be the same without either keeping who they are.

use crate::slice::normalise_name;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which rows' ids are hashed: under which key, and of files with how many rows at most.
#[derive(Debug)]
pub(crate) struct Ids {
    mac: Hmac<Sha256>,
    pub most: u64,
    unwanted: AtomicBool,
}

impl Ids {
    pub fn new(key: &[u8], most: u64) -> Self {
        let mac = Hmac::new_from_slice(key).expect("any key length will do");
        Self { mac, most, unwanted: AtomicBool::new(false) }
    }

    /// Says that there are too many rows: hashing their ids would be for nothing.
    pub fn give_up(&self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }

    /// Whether there are too many rows.
    pub fn are_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::Relaxed)
    }

    /// The first 128 bits of HMAC-SHA-256 of an id, written as group names are, so that 7 in one
    /// file is 7.0 in another; 0 for an empty one.
    pub fn hash(&self, text: &[u8]) -> u128 {
        if self.are_unwanted() {
            return 0;
        }
        let text = text.trim_ascii();
        let mut mac = self.mac.clone();
        if text.is_ascii() && !text.ends_with(b".0") {
            if text.is_empty() {
                return 0;
            }
            mac.update(text);
        } else {
            mac.update(normalise_name(&String::from_utf8_lossy(text)).as_bytes());
        }
        let mut first = [0; 16];
        first.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        u128::from_le_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_however_a_tool_writes_it_and_another_under_another_key() {
        let ids = Ids::new(b"key", 1);
        assert_eq!(ids.hash(b"17"), ids.hash(b" 17.0 "));
        assert_eq!(ids.hash("e\u{301}".as_bytes()), ids.hash("\u{e9}".as_bytes()));
        assert_ne!(ids.hash(b"17"), ids.hash(b"18"));
        assert_ne!(ids.hash(b"17"), Ids::new(b"other", 1).hash(b"17"));
        assert_eq!(ids.hash(b"  "), 0);
    }
}
