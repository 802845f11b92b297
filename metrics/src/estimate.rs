//! Estimates: a metric on a slice, with its n and its interval.

use crate::Slice;
use serde::{Deserialize, Serialize};

/// An interval for a quantity, at a confidence level, by a named method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Confidence level in (0, 1), usually 0.95.
    pub level: f64,
    /// How it was made: one of the names in [`crate::interval`], or the reporting tool's word.
    pub method: String,
}

/// A metric on a slice.
///
/// `value` is `None` exactly when the metric is undefined there, and then `undefined` says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The slice it is about.
    pub slice: Slice,
    /// The metric's key, with its cut-off where it has one: `ndcg@10`.
    pub metric: String,
    /// The point estimate, in the metric's unit; never NaN, never infinite.
    pub value: Option<f64>,
    /// Rows in the slice that the metric looks at. For a rate this is its denominator unless the
    /// rows are weighted. `None`: reported without n.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// Rows counted by a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerator: Option<u64>,
    /// Rows that a rate is taken of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denominator: Option<u64>,
    /// Rows with a positive label among the n.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positives: Option<u64>,
    /// Kish's effective n where rows are weighted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_effective: Option<f64>,
    /// Standard error, where the interval was made from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<f64>,
    /// The threshold that made predictions of scores, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The interval; `None` when undefined, or reported without n.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
}

/// What an estimate can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has a value, an n and an interval.
    Estimated,
    /// It has no value, and says why.
    Undefined,
    /// It has a value but no n, so nothing can be said of its uncertainty.
    ReportedWithoutN,
}

impl Estimate {
    /// What it can be used for.
    pub fn state(&self) -> State {
        match (self.value, self.n) {
            (None, _) => State::Undefined,
            (Some(_), None) => State::ReportedWithoutN,
            (Some(_), Some(_)) => State::Estimated,
        }
    }
}
