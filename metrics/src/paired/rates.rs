//! Changes of what a confusion matrix decides, from the counts of rows by label and both
//! predictions.

use super::Discordant;
use crate::Estimate;
use crate::interval::{self, Bounds, method, normal_two_sided};

/// Rows by label + 2 × prediction before + 4 × prediction after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Table(pub [u64; 8]);

/// One cell of it.
#[derive(Clone, Copy)]
struct Cell {
    positive: bool,
    before: bool,
    after: bool,
}

/// A change with what can be said of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moved {
    pub n: u64,
    pub bounds: Bounds,
    pub method: &'static str,
    pub p: f64,
    pub discordant: Option<Discordant>,
}

/// A rate among rows that the prediction does not choose: whom it looks at, by label, and what it
/// counts, by label and prediction.
struct FixedRate {
    key: &'static str,
    among: fn(bool) -> bool,
    counts: fn(bool, bool) -> bool,
}

const FIXED: [FixedRate; 6] = [
    FixedRate { key: "selection_rate", among: |_| true, counts: |_, predicted| predicted },
    FixedRate {
        key: "accuracy",
        among: |_| true,
        counts: |positive, predicted| positive == predicted,
    },
    FixedRate {
        key: "true_positive_rate",
        among: |positive| positive,
        counts: |_, predicted| predicted,
    },
    FixedRate {
        key: "false_negative_rate",
        among: |positive| positive,
        counts: |_, predicted| !predicted,
    },
    FixedRate {
        key: "false_positive_rate",
        among: |positive| !positive,
        counts: |_, predicted| predicted,
    },
    FixedRate {
        key: "true_negative_rate",
        among: |positive| !positive,
        counts: |_, predicted| !predicted,
    },
];

/// A ratio of two sums over rows, each row adding a number by label and prediction.
struct Ratio {
    key: &'static str,
    above: fn(bool, bool) -> u8,
    below: fn(bool, bool) -> u8,
}

const RATIOS: [Ratio; 5] = [
    Ratio { key: "precision", above: |y, p| u8::from(y && p), below: |_, p| u8::from(p) },
    Ratio {
        key: "false_discovery_rate",
        above: |y, p| u8::from(!y && p),
        below: |_, p| u8::from(p),
    },
    Ratio {
        key: "negative_predictive_value",
        above: |y, p| u8::from(!y && !p),
        below: |_, p| u8::from(!p),
    },
    Ratio {
        key: "false_omission_rate",
        above: |y, p| u8::from(y && !p),
        below: |_, p| u8::from(!p),
    },
    Ratio {
        key: "f1",
        above: |y, p| 2 * u8::from(y && p),
        below: |y, p| u8::from(y) + u8::from(p),
    },
];

impl Table {
    fn cells(&self) -> impl Iterator<Item = (Cell, u64)> {
        self.0.iter().enumerate().map(|(at, &rows)| {
            let cell = Cell { positive: at & 1 > 0, before: at & 2 > 0, after: at & 4 > 0 };
            (cell, rows)
        })
    }

    fn rows(&self, wanted: impl Fn(Cell) -> bool) -> u64 {
        self.cells().filter(|(cell, _)| wanted(*cell)).map(|(_, rows)| rows).sum()
    }

    /// The change of a metric between two estimates of it on these rows; `None` when it is none
    /// that a confusion matrix decides, or the two have no interval.
    pub fn change(&self, before: &Estimate, after: &Estimate, level: f64) -> Option<Moved> {
        let key = before.metric.as_str();
        if let Some(pairs) = self.pairs(key) {
            return Some(Moved {
                n: pairs.all(),
                bounds: pairs.newcombe(level)?,
                method: method::NEWCOMBE_PAIRED,
                p: mcnemar_exact(pairs.lost, pairs.gained),
                discordant: Some(Discordant { lost: pairs.lost, gained: pairs.gained }),
            });
        }
        if key == "balanced_accuracy" {
            return self.balanced_accuracy(level);
        }
        let ratio = RATIOS.iter().find(|ratio| ratio.key == key)?;
        let correlation = self.correlation(ratio);
        let bounds = |level: f64| {
            let (after, before) = (after.bounds(level).ok()?, before.bounds(level).ok()?);
            Some(interval::correlated_difference(after, before, correlation))
        };
        // Rows that a run looks at: of F1, all but those that are negative in both ways.
        let n = self
            .rows(|c| (ratio.below)(c.positive, c.before) + (ratio.below)(c.positive, c.after) > 0);
        Some(Moved {
            n,
            bounds: bounds(level)?,
            method: method::MOVER_PAIRED,
            p: inverted(bounds),
            discordant: None,
        })
    }

    /// The rows of a rate that looks at the same ones in both runs.
    fn pairs(&self, key: &str) -> Option<Pairs> {
        let rate = FIXED.iter().find(|rate| rate.key == key)?;
        let cell = |before: bool, after: bool| {
            self.rows(|c| {
                (rate.among)(c.positive)
                    && (rate.counts)(c.positive, c.before) == before
                    && (rate.counts)(c.positive, c.after) == after
            })
        };
        Some(Pairs {
            both: cell(true, true),
            lost: cell(true, false),
            gained: cell(false, true),
            neither: cell(false, false),
        })
    }

    /// Positives and negatives are different rows, so their changes are independent.
    fn balanced_accuracy(&self, level: f64) -> Option<Moved> {
        let positives = self.pairs("true_positive_rate")?;
        let negatives = self.pairs("true_negative_rate")?;
        let bounds = |level: f64| {
            Some(interval::average(positives.newcombe(level)?, negatives.newcombe(level)?))
        };
        Some(Moved {
            n: positives.all() + negatives.all(),
            bounds: bounds(level)?,
            method: method::MOVER_PAIRED,
            p: inverted(bounds),
            discordant: None,
        })
    }

    /// The correlation of a ratio before and after, from the influence of each row on both, and
    /// corrected for continuity as in Newcombe's method 10: by half a row. 0 where one of the two
    /// does not vary.
    fn correlation(&self, ratio: &Ratio) -> f64 {
        let influence = |prediction: fn(Cell) -> bool| {
            let sum = |of: fn(bool, bool) -> u8| -> f64 {
                self.cells()
                    .map(|(c, rows)| f64::from(of(c.positive, prediction(c))) * rows as f64)
                    .sum()
            };
            let value = sum(ratio.above) / sum(ratio.below);
            move |c: Cell| {
                let (above, below) = (ratio.above, ratio.below);
                let p = prediction(c);
                f64::from(above(c.positive, p)) - value * f64::from(below(c.positive, p))
            }
        };
        let (before, after) = (influence(|c| c.before), influence(|c| c.after));
        let sum = |of: &dyn Fn(Cell) -> f64| -> f64 {
            self.cells().map(|(cell, rows)| of(cell) * rows as f64).sum()
        };
        let together = sum(&|c| before(c) * after(c));
        let scale = (sum(&|c| before(c) * before(c)) * sum(&|c| after(c) * after(c))).sqrt();
        let row = f64::from((ratio.above)(true, true).max(1));
        let corrected =
            if together > 0.0 { (together - row * row / 2.0).max(0.0) } else { together };
        if scale > 0.0 { (corrected / scale).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

/// Rows by whether a rate counts them before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairs {
    pub both: u64,
    pub lost: u64,
    pub gained: u64,
    pub neither: u64,
}

impl Pairs {
    pub fn all(&self) -> u64 {
        self.both + self.lost + self.gained + self.neither
    }

    /// After minus before, with Newcombe's interval for paired proportions (his method 10: Wilson
    /// limits, put together with the correlation of the pairs, which is corrected for continuity).
    pub fn newcombe(&self, level: f64) -> Option<Bounds> {
        let n = self.all();
        if n == 0 {
            return None;
        }
        let rate = |k: u64| interval::wilson(k as f64 / n as f64, n as f64, level);
        let (before, after) = (rate(self.both + self.lost), rate(self.both + self.gained));
        let margins = [
            self.both + self.lost,
            self.gained + self.neither,
            self.both + self.gained,
            self.lost + self.neither,
        ];
        let scale: f64 = margins.iter().map(|&rows| (rows as f64).sqrt()).product();
        let product = |a: u64, b: u64| i128::from(a) * i128::from(b);
        let twice = 2 * (product(self.both, self.neither) - product(self.lost, self.gained));
        let corrected = if twice > 0 { (twice - i128::from(n)).max(0) } else { twice };
        let correlation = if scale > 0.0 { corrected as f64 / 2.0 / scale } else { 0.0 };
        let bounds = interval::correlated_difference(after, before, correlation);
        // From the counts, so that nothing is lost to rounding.
        let value = (self.gained as f64 - self.lost as f64) / n as f64;
        Some(Bounds { value, low: bounds.low.min(value), high: bounds.high.max(value) })
    }
}

/// McNemar's exact test, two-sided: the chance that of `b` + `c` rows on which two runs disagree
/// as few fall on one side, when either side is as likely. 1 when they disagree on none.
///
/// ```
/// assert!((metrics::paired::mcnemar_exact(8, 2) - 0.109375).abs() < 1e-12);
/// ```
pub fn mcnemar_exact(b: u64, c: u64) -> f64 {
    let (few, all) = (b.min(c), (b + c) as f64);
    if b == c {
        return 1.0;
    }
    // Beyond this many the normal approximation is right to more digits than anybody reads.
    if few > 100_000 {
        return normal_two_sided(((b.abs_diff(c) as f64) - 1.0) / all.sqrt());
    }
    // From the largest term downwards, each from the one before.
    let k = few as f64;
    let log_choose = libm::lgamma(all + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(all - k + 1.0);
    let (mut term, mut tail) = (1.0, 0.0);
    for i in (0..=few).rev() {
        tail += term;
        term *= i as f64 / (all - i as f64 + 1.0);
        if term < 1e-17 {
            break;
        }
    }
    (2.0 * libm::exp(log_choose - all * std::f64::consts::LN_2) * tail).min(1.0)
}

/// The least two-sided level at which the interval excludes no change: the p-value that goes with
/// it. Not below 1e-12.
fn inverted(bounds: impl Fn(f64) -> Option<Bounds>) -> f64 {
    let excludes = |z: f64| {
        let level = 1.0 - normal_two_sided(z);
        bounds(level).is_some_and(|bounds| bounds.low > 0.0 || bounds.high < 0.0)
    };
    // A narrow interval excludes no change, a wide one does not.
    let (mut narrow, mut wide) = (0.0, 7.1);
    for _ in 0..30 {
        let z = f64::midpoint(narrow, wide);
        if excludes(z) { narrow = z } else { wide = z }
    }
    normal_two_sided(narrow)
}
