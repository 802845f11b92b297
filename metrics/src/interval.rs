//! Intervals: closed forms, and on request a few that search for their ends; only correctly rounded
//! or `libm` arithmetic, so that the same bytes come out on every machine and in the browser.
//!
//! Sources: Wilson 1927; Newcombe 1998, Stat Med 17:873; Donner & Zou 2012, SMMR 21:347 (MOVER for
//! ratios); DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837; Hanley & McNeil 1982; Boyd, Eng
//! & Page 2013, ECML (average precision).

mod beta;
mod quantile;
mod request;

pub use quantile::{normal_quantile, t_quantile};
pub(crate) use quantile::{normal_two_sided, t_two_sided};
pub use request::{
    Count, agresti_caffo, clopper_pearson, goodman, jeffreys, katz, koopman, miettinen_nurminen,
};

use crate::Interval;

/// The names that [`Interval::method`] takes for what this crate computes.
pub mod method {
    /// Wilson's score interval of a rate.
    pub const WILSON: &str = "wilson";
    /// Wilson's interval on Kish's effective n; approximate, for weighted rows.
    pub const WILSON_KISH: &str = "wilson_kish";
    /// Wilson's interval on the number of independent rows that would know as much as these rows
    /// in clusters do, by the cluster-robust variance.
    pub const WILSON_CLUSTER: &str = "wilson_cluster";
    /// Wilson's interval at the mean of a quantity in 0..1: wider than any such quantity needs.
    /// For means whose rows show no spread at all.
    pub const WILSON_BOUND: &str = "wilson_bound";
    /// Wilson's interval of TP / (TP + FP + FN), carried over to F1 = 2J / (1 + J).
    pub const WILSON_F1: &str = "wilson_f1";
    /// Mean and Student's t.
    pub const T: &str = "t";
    /// Mean and Student's t, with the cluster-robust variance and a degree less than clusters.
    pub const T_CLUSTER: &str = "t_cluster";
    /// DeLong's variance on the logit scale.
    pub const DELONG: &str = "delong_logit";
    /// DeLong's variance on the logit scale with Kish's effective n; approximate.
    pub const DELONG_KISH: &str = "delong_logit_kish";
    /// DeLong's placements summed by cluster (Obuchowski 1997), on the logit scale.
    pub const DELONG_CLUSTER: &str = "delong_logit_cluster";
    /// Hanley and McNeil's variance on the logit scale, where a class has one row.
    pub const HANLEY_MCNEIL: &str = "hanley_mcneil_logit";
    /// The exact bound of an area of 0 or 1.
    pub const EXACT_PAIRS: &str = "exact_pairs";
    /// Behind another name where scores were put on a grid: their interval, wider on either
    /// side by how far the area on the grid can lie from that of the scores.
    pub const ON_GRID: &str = "_grid";
    /// Delta method.
    pub const DELTA: &str = "delta";
    /// Delta method with the cluster-robust variance; clusters may be queries.
    pub const DELTA_CLUSTER: &str = "delta_cluster";
    /// Delta method, its lower end moved down by the bias that noise alone can make.
    pub const DELTA_BIAS: &str = "delta_bias";
    /// As [`DELTA_BIAS`], with the cluster-robust variance.
    pub const DELTA_BIAS_CLUSTER: &str = "delta_bias_cluster";
    /// Wilson's interval on the number of positives, for an average precision of 0 or 1.
    pub const WILSON_POSITIVES: &str = "wilson_positives";
    /// Delta method around a rate that was corrected for the errors of its labels.
    pub const ROGAN_GLADEN: &str = "rogan_gladen";
    /// Binomial variance on the number of positives, on the logit scale (Boyd, Eng & Page 2013).
    pub const LOGIT_POSITIVES: &str = "logit_positives";
    /// Influences of rows summed by cluster, on the logit scale.
    pub const LOGIT_CLUSTER: &str = "logit_cluster";
    /// Newcombe's hybrid score interval of a difference of rates.
    pub const NEWCOMBE: &str = "newcombe";
    /// MOVER: a difference or mean of quantities from their own intervals.
    pub const MOVER_D: &str = "mover_d";
    /// Newcombe's interval of a difference of paired rates (his method 10).
    pub const NEWCOMBE_PAIRED: &str = "newcombe_paired";
    /// MOVER for two correlated quantities.
    pub const MOVER_PAIRED: &str = "mover_paired";
    /// Mean of the differences of paired rows, and Student's t.
    pub const T_PAIRED: &str = "t_paired";
    /// DeLong's variance of the difference of two areas on the same rows.
    pub const DELONG_PAIRED: &str = "delong_paired";
    /// MOVER-R: a ratio of quantities from their own intervals.
    pub const MOVER_R: &str = "mover_r";
    /// Clopper and Pearson's exact interval of a rate.
    pub const CLOPPER_PEARSON: &str = "clopper_pearson";
    /// Jeffreys' interval of a rate.
    pub const JEFFREYS: &str = "jeffreys";
    /// Agresti and Caffo's interval of a difference of rates.
    pub const AGRESTI_CAFFO: &str = "agresti_caffo";
    /// Katz' interval of a ratio of rates, on the log scale.
    pub const KATZ: &str = "katz_log";
    /// Koopman's score interval of a ratio of rates.
    pub const KOOPMAN: &str = "koopman";
    /// Miettinen and Nurminen's score interval of a ratio of rates.
    pub const MIETTINEN_NURMINEN: &str = "miettinen_nurminen";
    /// Goodman's simultaneous intervals of the shares of a whole.
    pub const GOODMAN: &str = "goodman";
}

/// A quantity with lower and upper limit, at a level that the caller knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The point estimate.
    pub value: f64,
    /// Lower limit.
    pub low: f64,
    /// Upper limit.
    pub high: f64,
}

impl Bounds {
    /// As a stored interval.
    pub fn interval(&self, level: f64, method: &str) -> Interval {
        Interval { low: self.low, high: self.high, level, method: method.to_owned() }
    }

    /// The same, wider by `bound` on either side, within 0..1.
    #[must_use]
    pub(crate) fn widened(self, bound: f64) -> Self {
        Self { low: self.low - bound, high: self.high + bound, ..self }.clamped(0.0, 1.0)
    }

    /// The quantity with its limits cut to its range.
    #[must_use]
    pub fn clamped(self, low: f64, high: f64) -> Self {
        Self { low: self.low.max(low), high: self.high.min(high), ..self }
    }

    /// The quantity times a positive factor.
    #[must_use]
    pub fn scaled(self, by: f64) -> Self {
        Self { value: self.value * by, low: self.low * by, high: self.high * by }
    }

    /// The quantity through an increasing function.
    #[must_use]
    pub fn through(self, increasing: impl Fn(f64) -> f64) -> Self {
        Self {
            value: increasing(self.value),
            low: increasing(self.low),
            high: increasing(self.high),
        }
    }
}

/// The normal quantile of a two-sided level: 1.96 for 0.95.
pub fn z(level: f64) -> f64 {
    normal_quantile(0.5 + level / 2.0)
}

/// Wilson's score interval of the share `p` of `n` rows; `n` may be an effective one.
///
/// ```
/// let bounds = metrics::interval::wilson(3.0 / 20.0, 20.0, 0.95);
/// assert!((bounds.low - 0.052369).abs() < 1e-6 && (bounds.high - 0.360419).abs() < 1e-6);
/// ```
pub fn wilson(p: f64, n: f64, level: f64) -> Bounds {
    let z = z(level);
    let z2 = z * z;
    let centre = (p * n + z2 / 2.0) / (n + z2);
    let half = z / (n + z2) * (p * (1.0 - p) * n + z2 / 4.0).max(0.0).sqrt();
    // At 0 and 1 the formula is exact up to rounding, which must not move the end off the value.
    let low = if p <= 0.0 { 0.0 } else { (centre - half).max(0.0).min(p) };
    let high = if p >= 1.0 { 1.0 } else { (centre + half).min(1.0).max(p) };
    Bounds { value: p, low, high }
}

/// A mean with Student's t and `degrees` of freedom.
pub fn mean_t(mean: f64, stderr: f64, degrees: f64, level: f64) -> Bounds {
    let half = t_quantile(0.5 + level / 2.0, degrees) * stderr;
    Bounds { value: mean, low: mean - half, high: mean + half }
}

/// A quantity with its normal standard error, cut to its range.
pub fn delta(value: f64, stderr: f64, level: f64, range: [f64; 2]) -> Bounds {
    let half = z(level) * stderr;
    Bounds { value, low: value - half, high: value + half }.clamped(range[0], range[1])
}

/// The mean of `n` values that show no spread: Wilson's interval on the scale of their range, which
/// is wider than any quantity within it needs. `None` where an end of the range is open, for then
/// nothing bounds what was not seen.
pub fn mean_without_spread(mean: f64, n: f64, range: [f64; 2], level: f64) -> Option<Bounds> {
    let [low, high] = range;
    let width = high - low;
    (width.is_finite() && n > 0.0)
        .then(|| wilson((mean - low) / width, n, level).through(|share| low + width * share))
        .map(|bounds| Bounds { value: mean, ..bounds })
}

/// A quantity strictly between 0 and 1 with its standard error, on the logit scale.
pub fn logit_normal(value: f64, stderr: f64, level: f64) -> Bounds {
    let centre = libm::log(value / (1.0 - value));
    let half = z(level) * stderr / (value * (1.0 - value));
    let back = |x: f64| 1.0 / (1.0 + libm::exp(-x));
    Bounds { value, low: back(centre - half), high: back(centre + half) }
}

/// An area of exactly 0 or 1 whose smaller class has `pairs` rows.
///
/// Pair each row of the smaller class with one of the other: an area of 1 means that all of these
/// independent pairs are in order, which has probability at most area^pairs. So an area below
/// (α/2)^(1/pairs) is refuted at α/2.
pub fn perfect_auc(value: f64, pairs: f64, level: f64) -> Bounds {
    let least = libm::exp(libm::log((1.0 - level) / 2.0) / pairs);
    if value >= 1.0 {
        Bounds { value, low: least, high: 1.0 }
    } else {
        Bounds { value, low: 0.0, high: 1.0 - least }
    }
}

/// Hanley and McNeil's standard error of an area from the sizes of the two classes.
pub fn hanley_mcneil_stderr(auc: f64, positives: f64, negatives: f64) -> f64 {
    let q1 = auc / (2.0 - auc);
    let q2 = 2.0 * auc * auc / (1.0 + auc);
    let square = auc * auc;
    let sum =
        auc * (1.0 - auc) + (positives - 1.0) * (q1 - square) + (negatives - 1.0) * (q2 - square);
    (sum / (positives * negatives)).max(0.0).sqrt()
}

/// The difference `a − b` of two independent quantities from their own intervals (MOVER); for two
/// Wilson intervals this is Newcombe's.
pub fn difference(a: Bounds, b: Bounds) -> Bounds {
    let value = a.value - b.value;
    Bounds {
        value,
        low: value - hypotenuse(a.value - a.low, b.high - b.value),
        high: value + hypotenuse(b.value - b.low, a.high - a.value),
    }
}

/// The difference `a − b` of two quantities whose estimates have a correlation in −1..1, from their
/// own intervals (MOVER; Zou & Donner 2008). At a correlation of 0 this is [`difference`].
pub fn correlated_difference(a: Bounds, b: Bounds, correlation: f64) -> Bounds {
    let value = a.value - b.value;
    let side = |x: f64, y: f64| (x * x - 2.0 * correlation * x * y + y * y).max(0.0).sqrt();
    Bounds {
        value,
        low: value - side(a.value - a.low, b.high - b.value),
        high: value + side(b.value - b.low, a.high - a.value),
    }
}

/// The mean of two independent quantities from their own intervals (MOVER).
pub fn average(a: Bounds, b: Bounds) -> Bounds {
    let value = f64::midpoint(a.value, b.value);
    Bounds {
        value,
        low: value - hypotenuse(a.value - a.low, b.value - b.low) / 2.0,
        high: value + hypotenuse(a.high - a.value, b.high - b.value) / 2.0,
    }
}

/// The ratio `a / b` of two independent quantities, neither below 0, from their own intervals
/// (MOVER-R). `None` when `b` is 0 or its interval reaches 0, so that no upper limit exists.
///
/// ```
/// use metrics::interval::{ratio, wilson};
/// let (a, b) = (wilson(0.3, 40.0, 0.95), wilson(0.6, 80.0, 0.95));
/// let (there, back) = (ratio(a, b).unwrap(), ratio(b, a).unwrap());
/// assert!((there.low * back.high - 1.0).abs() < 1e-12);
/// ```
pub fn ratio(a: Bounds, b: Bounds) -> Option<Bounds> {
    let below = |x: Bounds| x.low * (2.0 * x.value - x.low);
    let above = |x: Bounds| x.high * (2.0 * x.value - x.high);
    if b.value <= 0.0 || below(b) <= 0.0 {
        return None;
    }
    let product = a.value * b.value;
    let root = |x: f64| (product * product - x).max(0.0).sqrt();
    // The textbook's lower limit divides by `above(b)`, which passes through 0; its conjugate is
    // the same number without that.
    let low_divisor = product + root(below(a) * above(b));
    let low = if a.low <= 0.0 || low_divisor <= 0.0 { 0.0 } else { below(a) / low_divisor };
    let high = (product + root(above(a) * below(b))) / below(b);
    Some(Bounds { value: a.value / b.value, low, high })
}

fn hypotenuse(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

#[cfg(test)]
#[path = "interval/tests.rs"]
mod tests;
