//! The Merkle tree of RFC 6962, kept as its right edge: enough to append and to name the root.

use super::hex;
use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The roots of the perfect subtrees that a tree of this size consists of, the largest first: one
/// for each bit that is set in the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    subtrees: Vec<Hash>,
}

impl Edge {
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each subtree as large as the one that grows here is merged into it.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The root; of an empty tree the hash of nothing.
    pub fn root(&self) -> Hash {
        self.subtrees
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(|| Sha256::digest(b"").into())
    }

    /// As it is stored: hex hashes, separated by spaces.
    pub fn to_text(&self) -> String {
        self.subtrees.iter().map(|hash| hex(hash)).collect::<Vec<_>>().join(" ")
    }

    /// Reads what [`Edge::to_text`] wrote; `None` when it does not fit the size.
    pub fn from_text(size: u64, text: &str) -> Option<Self> {
        let subtrees = text.split_whitespace().map(parse_hash).collect::<Option<Vec<_>>>()?;
        (subtrees.len() == size.count_ones() as usize).then_some(Self { size, subtrees })
    }
}

/// A hash from its hex digits.
pub fn parse_hash(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962, section 2.1, word for word.
    fn root_by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest(b"").into(),
            [leaf] => *leaf,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node_hash(&root_by_definition(&leaves[..k]), &root_by_definition(&leaves[k..]))
            }
        }
    }

    #[test]
    fn the_edge_has_the_root_of_the_definition_at_every_size() {
        let leaves: Vec<Hash> = (0u8..70).map(|i| leaf_hash(&[i])).collect();
        let mut edge = Edge::default();
        assert_eq!(edge.root(), root_by_definition(&[]));
        for (i, leaf) in leaves.iter().enumerate() {
            edge.push(*leaf);
            assert_eq!(edge.root(), root_by_definition(&leaves[..=i]), "size {}", i + 1);
            assert_eq!(Edge::from_text(edge.size(), &edge.to_text()), Some(edge.clone()));
        }
    }

    #[test]
    fn the_root_of_nothing_and_the_hash_of_an_empty_leaf_are_those_of_the_certificate_logs() {
        assert_eq!(
            hex(&Edge::default().root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex(&leaf_hash(b"")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }
}
