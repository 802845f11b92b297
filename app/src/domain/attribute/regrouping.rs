//! Groups that took the place of others.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// From a moment on, an attribute's people are told apart otherwise: a group was split, groups were
/// merged, or all of them were drawn anew. No line may connect what was measured before and after.
/// No name stands on both sides: whatever compares runs does so by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regrouping {
    /// The attribute's name.
    pub attribute: String,
    pub before: Vec<String>,
    pub after: Vec<String>,
    pub reason: String,
    /// Evaluations from this moment on use the new groups: microseconds since 1970.
    pub since: i64,
}

impl Regrouping {
    /// As a sentence begins.
    pub fn kind(&self) -> &'static str {
        match (self.before.len(), self.after.len()) {
            (1, _) => "split",
            (_, 1) => "merged",
            _ => "drawn anew",
        }
    }

    /// `skin_tone: light, medium → 1, 2, 3, 4`, a long list by its ends.
    pub fn words(&self) -> String {
        let list = |names: &[String]| match names {
            [first, .., last] if names.len() > 4 => {
                format!("{first} … {last} ({} groups)", names.len())
            }
            names => names.join(", "),
        };
        format!("{}: {} → {}", self.attribute, list(&self.before), list(&self.after))
    }

    /// Whether an evaluation at this moment uses the new groups.
    pub fn holds(&self, at: OffsetDateTime) -> bool {
        i128::from(self.since) <= at.unix_timestamp_nanos() / 1_000
    }

    /// Whether a group is on either side.
    pub fn names(&self, group: &str) -> bool {
        self.before.iter().chain(&self.after).any(|name| name == group)
    }

    /// Whether a group is one of those whose place others took.
    pub fn ends(&self, group: &str) -> bool {
        self.names(group) && !self.after.iter().any(|name| name == group)
    }

    /// Whether it lies between two evaluations, of which the second may be at its very moment.
    pub fn is_between(&self, earlier: i64, later: i64) -> bool {
        earlier < self.since && self.since <= later
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regrouping(before: &[&str], after: &[&str]) -> Regrouping {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Regrouping {
            attribute: "skin_tone".to_owned(),
            before: owned(before),
            after: owned(after),
            reason: "a finer scale".to_owned(),
            since: 100,
        }
    }

    #[test]
    fn it_says_what_became_of_which_and_a_long_list_by_its_ends() {
        let split = regrouping(&["dark"], &["7", "8", "9", "10"]);
        assert_eq!(
            (split.kind(), split.words().as_str()),
            ("split", "skin_tone: dark → 7, 8, 9, 10")
        );
        assert_eq!(regrouping(&["a", "b"], &["c"]).kind(), "merged");
        let anew = regrouping(&["a", "b"], &["1", "2", "3", "4", "5"]);
        assert_eq!(
            (anew.kind(), anew.words().as_str()),
            ("drawn anew", "skin_tone: a, b → 1 … 5 (5 groups)")
        );
    }

    #[test]
    fn an_evaluation_at_its_very_moment_uses_the_new_groups() {
        let regrouping = regrouping(&["a"], &["b", "c"]);
        assert!(regrouping.is_between(99, 100) && regrouping.is_between(0, 200));
        assert!(!regrouping.is_between(100, 200) && !regrouping.is_between(50, 99));
    }
}
