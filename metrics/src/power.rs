//! How many rows decide: what to collect before a rule can pass or fail.
//!
//! All of it is normal approximation, good enough to plan by and never used to judge. Rows are
//! those that a metric looks at (positives for a true positive rate); [`rows_of_slice`] turns them
//! into rows to collect.

use crate::interval::{Bounds, normal_quantile, z};

/// More rows than this are no plan.
const MOST: f64 = 1e9;

/// Rows after which an interval of this variance per row reaches `distance` to each side.
/// `None` when that takes more than a billion: more rows will not decide.
///
/// ```
/// // A share near ½ to within 5 points: 384.15 rows.
/// assert_eq!(metrics::power::rows_within(0.25, 0.05, 0.95), Some(385));
/// ```
pub fn rows_within(variance: f64, distance: f64, level: f64) -> Option<u64> {
    let z = z(level);
    whole(z * z * variance / (distance * distance))
}

/// Rows of a group after which its difference from a reference, whose own interval stays as wide
/// as it is, reaches `distance` to each side. `None` when the reference alone is too uncertain.
///
/// `variance` is per row of the group, `reference_variance` that of the reference's estimate.
pub fn rows_within_of(
    variance: f64,
    reference_variance: f64,
    distance: f64,
    level: f64,
) -> Option<u64> {
    let z = z(level);
    let left = (distance / z).powi(2) - reference_variance;
    if left <= 0.0 { None } else { whole(variance / left) }
}

/// Rows of a group after which its ratio to a reference, whose own interval stays as wide as it is,
/// lies wholly on its side of `bound`. Planned on the log scale, where a ratio is nearly normal.
/// `None` when the ratio is at the bound, a value is 0, or the reference alone is too uncertain.
///
/// `own` and `reference` are limits at `level`; the group has `n` rows so far.
///
/// ```
/// use metrics::interval::wilson;
/// use metrics::power::rows_within_ratio_of;
/// // 0.85 of a reference that 100,000 rows pin down, against four fifths: some 1,100 rows of 0.51.
/// let (own, reference) = (wilson(0.51, 200.0, 0.95), wilson(0.6, 1e5, 0.95));
/// let rows = rows_within_ratio_of(own, 200.0, reference, 0.8, 0.95).unwrap();
/// assert!((950..1_150).contains(&rows));
/// ```
pub fn rows_within_ratio_of(
    own: Bounds,
    n: f64,
    reference: Bounds,
    bound: f64,
    level: f64,
) -> Option<u64> {
    if own.value <= 0.0 || reference.value <= 0.0 || bound <= 0.0 {
        return None;
    }
    // Var ln p ≈ Var p / p².
    let relative =
        |bounds: Bounds, n: f64| variance_per_row(bounds, n, level) / (bounds.value * bounds.value);
    let distance = libm::log(own.value / reference.value / bound).abs();
    rows_within_of(relative(own, n), relative(reference, 1.0), distance, level)
}

/// Rows in each of two groups after which a two-sided test at `alpha` finds the difference of two
/// shares with this power.
///
/// Source: the usual formula with unpooled variances, (z₁₋α⸝₂ + z_power)² (p₁q₁ + p₂q₂) / (p₁ − p₂)².
///
/// ```
/// assert_eq!(metrics::power::rows_to_find(0.5, 0.4, 0.05, 0.8), Some(385));
/// ```
pub fn rows_to_find(p1: f64, p2: f64, alpha: f64, power: f64) -> Option<u64> {
    whole(rows_to_find_exactly(p1, p2, alpha, power))
}

/// [`rows_to_find`] before it is rounded up; infinite when both shares are the same.
fn rows_to_find_exactly(p1: f64, p2: f64, alpha: f64, power: f64) -> f64 {
    let z = normal_quantile(1.0 - alpha / 2.0) + normal_quantile(power);
    z * z * (p1 * (1.0 - p1) + p2 * (1.0 - p2)) / (p1 - p2).powi(2)
}

/// Rows in each group after which a difference of `bound + delta` lies wholly beyond the bound,
/// with this power, when every group has about the share `p` and the interval holds at `level`.
pub fn rows_to_fail(p: f64, delta: f64, level: f64, power: f64) -> Option<u64> {
    let z = z(level) + normal_quantile(power);
    whole(z * z * 2.0 * p * (1.0 - p) / (delta * delta))
}

/// The chance that the interval of a difference between two equal groups of `n` rows each, both
/// with the share `p`, lies wholly within ±`bound`.
pub fn chance_to_pass(p: f64, n: f64, bound: f64, level: f64) -> f64 {
    let stderr = (2.0 * p * (1.0 - p) / n).sqrt();
    if stderr == 0.0 {
        return 1.0;
    }
    // The estimate must be nearer to 0 than the bound less half the interval.
    let room = bound / stderr - z(level);
    if room <= 0.0 { 0.0 } else { 2.0 * normal_cdf(room) - 1.0 }
}

/// Rows of the slice to collect so that the metric has `more` rows more, when it has looked at
/// `denominator` of `rows` so far.
pub fn rows_of_slice(more: u64, denominator: u64, rows: u64) -> u64 {
    if denominator == 0 || rows == 0 {
        return more;
    }
    whole(more as f64 * rows as f64 / denominator as f64).unwrap_or(u64::MAX)
}

/// The variance per row that an interval over `n` rows speaks of, whatever its method.
pub fn variance_per_row(bounds: Bounds, n: f64, level: f64) -> f64 {
    let half = (bounds.high - bounds.low) / 2.0 / z(level);
    half * half * n
}

/// The standard normal distribution.
fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is positive and at most a billion"
)]
fn whole(rows: f64) -> Option<u64> {
    (rows.is_finite() && (0.0..=MOST).contains(&rows)).then(|| rows.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::{ratio, wilson};

    #[test]
    fn the_usual_sample_sizes_come_out() {
        // Half-widths, then powers: by hand, and as statsmodels' NormalIndPower gives them
        // without pooling.
        assert_eq!(rows_within(0.09, 0.03, 0.95), Some(385));
        for (p1, p2, known, rows) in
            [(0.5, 0.4, 384.6, 385), (0.30, 0.24, 855.5, 856), (0.10, 0.08, 3_210.2, 3_211)]
        {
            assert!((rows_to_find_exactly(p1, p2, 0.05, 0.8) - known).abs() < 0.05);
            assert_eq!(rows_to_find(p1, p2, 0.05, 0.8), Some(rows));
        }
    }

    #[test]
    fn after_the_planned_rows_a_ratio_is_decided_and_before_it_is_not() {
        let (p, reference) = (0.45, wilson(0.6, 50_000.0, 0.95));
        for bound in [0.8, 0.7] {
            let plan = |n: f64| rows_within_ratio_of(wilson(p, n, 0.95), n, reference, bound, 0.95);
            let rows = plan(300.0).unwrap() as f64;
            let decided = |n: f64| {
                let ends = ratio(wilson(p, n, 0.95), reference).unwrap();
                ends.high < bound || ends.low > bound
            };
            assert!(decided(rows * 1.1) && !decided(rows * 0.9), "{bound}: {rows}");
        }
        assert_eq!(rows_within_ratio_of(wilson(0.0, 9.0, 0.95), 9.0, reference, 0.8, 0.95), None);
        let at = wilson(0.48, 300.0, 0.95);
        assert!(rows_within_ratio_of(at, 300.0, reference, 0.8, 0.95).is_none());
    }

    #[test]
    fn at_the_bound_no_number_of_rows_decides() {
        assert_eq!(rows_within(0.25, 0.0, 0.95), None);
        assert_eq!(rows_within_of(0.25, 0.01, 0.05, 0.95), None);
        assert_eq!(rows_to_find(0.5, 0.5, 0.05, 0.8), None);
    }

    #[test]
    fn a_fair_model_passes_more_often_the_more_rows_there_are() {
        assert!(chance_to_pass(0.8, 100.0, 0.05, 0.95) < 0.01);
        assert!(chance_to_pass(0.8, 20_000.0, 0.05, 0.95) > 0.99);
    }

    #[test]
    fn rows_to_collect_follow_the_base_rate() {
        assert_eq!(rows_of_slice(220, 12, 140), 2567);
        assert_eq!(rows_of_slice(220, 0, 0), 220);
    }
}
