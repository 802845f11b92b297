//! Estimates: a metric on a slice, with its n and its interval.

use crate::interval::{self, Bounds, method};
use crate::{Slice, catalogue, rates};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An interval for a quantity, at a confidence level, by a named method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Kish's effective n where rows are weighted; where they come in clusters, the number of
    /// independent rows that would know as much.
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
    /// Nothing yet: a metric's key on a slice.
    pub(crate) fn blank(slice: &Slice, key: &str) -> Self {
        Self {
            slice: slice.clone(),
            metric: key.to_owned(),
            value: None,
            n: None,
            numerator: None,
            denominator: None,
            positives: None,
            n_effective: None,
            stderr: None,
            threshold: None,
            interval: None,
            undefined: None,
        }
    }

    /// The number of rows of a slice.
    #[cfg(feature = "read")]
    pub(crate) fn count(slice: &Slice, rows: u64) -> Self {
        Self { value: Some(rows as f64), n: Some(rows), ..Self::blank(slice, "count") }
    }

    /// Whether all of its numbers are finite; JSON and databases take no others.
    pub fn is_finite(&self) -> bool {
        let own = [self.value, self.n_effective, self.stderr, self.threshold];
        let ends = self.interval.as_ref().map(|it| [it.low, it.high, it.level]);
        own.into_iter().flatten().chain(ends.into_iter().flatten()).all(f64::is_finite)
    }

    /// What it can be used for.
    pub fn state(&self) -> State {
        match (self.value, self.n) {
            (None, _) => State::Undefined,
            (Some(_), None) => State::ReportedWithoutN,
            (Some(_), Some(_)) => State::Estimated,
        }
    }

    /// Its value with limits at any level, recomputed from what is stored beside it.
    ///
    /// # Errors
    /// In words, when it has no value, no n, or when its interval is known at another level only.
    pub fn bounds(&self, level: f64) -> Result<Bounds, String> {
        let Some(value) = self.value else {
            return Err(self.undefined.clone().unwrap_or_else(|| "undefined".to_owned()));
        };
        let Some(n) = self.n else { return Err("reported without n".to_owned()) };
        if let (Some(k), Some(whole), None) = (self.numerator, self.denominator, self.n_effective)
            && whole > 0
            && k <= whole
        {
            return Ok(interval::wilson(k as f64 / whole as f64, whole as f64, level));
        }
        let Some(stored) = &self.interval else {
            return Err("it has no interval".to_owned());
        };
        // What the interval has beyond that of the area on the grid is the grid's bound.
        if let Some(exact) = stored.method.strip_suffix(method::ON_GRID) {
            let mut on_grid = self.clone();
            on_grid.interval = Some(Interval { method: exact.to_owned(), ..stored.clone() });
            let known = on_grid.bounds(stored.level)?;
            let bound = (known.low - stored.low).max(stored.high - known.high).max(0.0);
            return on_grid.bounds(level).map(|bounds| bounds.widened(bound));
        }
        let n = self.n_effective.unwrap_or(n as f64);
        let in_unit = (0.0..=1.0).contains(&value) && n > 0.0;
        let range = catalogue::range(&self.metric);
        let bounds = match (stored.method.as_str(), self.stderr) {
            (method::WILSON_KISH | method::WILSON_CLUSTER, _) if in_unit => {
                Some(interval::wilson(value, n, level))
            }
            (method::WILSON_BOUND, _) => interval::mean_without_spread(value, n, range, level)
                .or_else(|| in_unit.then(|| interval::wilson(value, n, level))),
            (method::WILSON_POSITIVES, _) if in_unit && self.n_effective.is_none() => {
                Some(interval::wilson(value, self.positives.unwrap_or(0) as f64, level))
            }
            (method::WILSON_F1, _) if in_unit => {
                let share = value / (2.0 - value);
                Some(interval::wilson(share, n, level).through(rates::f1_of))
            }
            (method::EXACT_PAIRS, _) if self.positives.is_some() => {
                Some(interval::perfect_auc(value, rates::least_class(self), level))
            }
            (method::T | method::T_CLUSTER, Some(stderr)) if n > 1.0 => {
                let bounds = interval::mean_t(value, stderr, n - 1.0, level);
                Some(bounds.clamped(range[0], range[1]))
            }
            (
                method::DELONG
                | method::DELONG_KISH
                | method::DELONG_CLUSTER
                | method::HANLEY_MCNEIL
                | method::LOGIT_POSITIVES
                | method::LOGIT_CLUSTER,
                Some(stderr),
            ) if value > 0.0 && value < 1.0 => Some(interval::logit_normal(value, stderr, level)),
            (method::DELTA | method::DELTA_CLUSTER, Some(stderr)) => {
                Some(interval::delta(value, stderr, level, range))
            }
            (method::DELTA_BIAS | method::DELTA_BIAS_CLUSTER, Some(stderr)) => {
                // What the lower end was moved by, unless it was cut off at 0.
                let half = interval::z(stored.level) * stderr;
                let bias = (value - stored.low - half).max(0.0);
                let bounds = interval::delta(value, stderr, level, range);
                let low = if stored.low > 0.0 { (bounds.low - bias).max(range[0]) } else { 0.0 };
                Some(Bounds { low, ..bounds })
            }
            _ if (stored.level - level).abs() < 1e-9 => {
                Some(Bounds { value, low: stored.low, high: stored.high })
            }
            _ => None,
        };
        bounds.ok_or_else(|| format!("its interval is known at level {} only", stored.level))
    }
}
