//! Two runs on the same rows, compared row by row.
//!
//! Rows are matched by the hash of their id. What both runs got right, or both got wrong, says
//! nothing of a change; only the rows that they disagree on do, so that a change shows which two
//! independent samples of the same size would hide.
//!
//! | metric | interval | test |
//! |---|---|---|
//! | rates of labelled or of all rows | Newcombe's method 10 | McNemar, exact |
//! | precision and its kin, F1 | MOVER with the correlation of the two estimates | the same, inverted |
//! | balanced accuracy | MOVER of the changes among positives and among negatives | the same, inverted |
//! | Brier score, mean score | mean difference and Student's t | Student's t |
//! | area under the ROC curve | DeLong's variance of the difference | normal |
//!
//! Sources: Newcombe 1998, Stat Med 17:2635 (paired proportions); McNemar 1947; Zou & Donner 2008,
//! Stat Med 27:1693 (MOVER for correlated estimates); DeLong, DeLong & Clarke-Pearson 1988,
//! Biometrics 44:837. Correlations are those of the estimates' influence functions.
//!
//! Rows are taken as independent of each other.

mod areas;
mod matching;
mod means;
mod rates;
mod rows;
mod slices;
#[cfg(feature = "read")]
mod stored;

pub use matching::NotPaired;
pub use rates::mcnemar_exact;
pub use rows::{Column, Rows};

use crate::trend::Change;
use crate::{Estimate, Slice};
use serde::{Deserialize, Serialize};

/// What moved from one run to another on the rows that both have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Rows that both runs have.
    pub matched: u64,
    /// Rows of the run before that the run after does not have.
    pub only_before: u64,
    /// Rows of the run after that the run before does not have.
    pub only_after: u64,
    /// Rows of either run that could not be matched: without an id, or with one that stands twice.
    pub unidentified: u64,
    /// What a careful reader should know besides.
    pub notes: Vec<String>,
    /// Every metric on every slice that both runs have: overall first, then by slice.
    pub changes: Vec<PairedChange>,
}

/// How a metric on a slice changed, on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedChange {
    /// The slice.
    pub slice: Slice,
    /// The metric's key.
    pub metric: String,
    /// The run before, on the matched rows.
    pub before: Estimate,
    /// The run after, on the matched rows.
    pub after: Estimate,
    /// Matched rows that the comparison rests on: the positives for a true positive rate.
    pub n: u64,
    /// The rows that the two runs disagree on, where the metric is a rate of the same rows in both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discordant: Option<Discordant>,
    /// Two-sided p-value of no change, not adjusted for how many were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The change with its interval, or why there is none.
    #[serde(flatten)]
    pub change: Change,
}

/// The rows of a rate that two runs disagree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discordant {
    /// Rows that the rate counted before and no longer counts.
    pub lost: u64,
    /// Rows that it counts now and did not before.
    pub gained: u64,
}

impl Comparison {
    /// The change of a metric on a slice.
    pub fn find(&self, metric: &str, slice: &Slice) -> Option<&PairedChange> {
        self.changes.iter().find(|change| change.metric == metric && change.slice == *slice)
    }

    /// The share of the larger run's rows that are matched, in 0..1; 1 when both have none.
    pub fn share_matched(&self) -> f64 {
        let most = self.matched + self.only_before.max(self.only_after);
        if most == 0 { 1.0 } else { self.matched as f64 / most as f64 }
    }
}

/// Compares two runs row by row, at a confidence level.
///
/// An attribute that only one run has, or whose group differs in a matched row, makes no slices
/// here; a note says so.
///
/// # Errors
/// When no row is matched, or when the label of a matched row differs: then these are not the same
/// rows.
pub fn compare(before: &Rows, after: &Rows, level: f64) -> Result<Comparison, NotPaired> {
    let matched = matching::match_rows(before, after)?;
    let changes = slices::changes(&matched, level);
    Ok(Comparison {
        matched: matched.len() as u64,
        only_before: before.len() - matched.len() as u64,
        only_after: after.len() - matched.len() as u64,
        unidentified: before.unidentified + after.unidentified,
        notes: matched.notes,
        changes,
    })
}

#[cfg(test)]
#[path = "paired/tests.rs"]
mod tests;
