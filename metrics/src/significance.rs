//! Tests of whether rates differ: two rates by z or exactly, several at once by chi-square.
//!
//! A p-value says how often chance alone would show at least such a difference; it says nothing of
//! how large the difference is. Show it beside the interval, never in its place.
//!
//! Sources: Fisher 1935; Agresti 2013, Categorical Data Analysis, chapters 2 and 3; Agresti 1992,
//! Stat Sci 7:131 (exact tests by simulation).

use crate::hypergeometric::Margins;
use crate::interval::Count;
use crate::random::Stream;
use serde::{Deserialize, Serialize};

/// Fewer rows than this in a cell are expected, and the large-sample tests do not hold.
const LEAST_EXPECTED: f64 = 5.0;
/// Fewer rows than this in a group, and two rates are compared exactly.
const LEAST_ROWS: u64 = 30;
/// Tables as likely as the observed one up to this count as just as extreme, as in R and SciPy.
const TIE: f64 = 1.0 + 1e-7;

/// Which test gave a p-value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The z-test of two rates with their pooled variance.
    ZPooled,
    /// Fisher's exact test, two-sided.
    FisherExact,
    /// Pearson's chi-square test of homogeneity.
    ChiSquare,
    /// The same statistic against random tables with the same margins.
    ChiSquareSimulated,
}

/// A test and its result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// Which test.
    pub test: Test,
    /// Its statistic: z or chi-square; the exact test has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<f64>,
    /// Two-sided p-value, in 0..1.
    pub p_value: f64,
}

/// Two rates, by the z-test where enough rows are expected everywhere, else by Fisher's test.
///
/// ```
/// use metrics::interval::Count;
/// use metrics::significance::{Test, two_rates};
/// let tested = two_rates(Count::of(12, 40).unwrap(), Count::of(48, 80).unwrap());
/// assert!(tested.test == Test::ZPooled && (tested.p_value - 0.001946).abs() < 1e-6);
/// ```
pub fn two_rates(a: Count, b: Count) -> Tested {
    let (rows, hits) = ((a.n + b.n) as f64, (a.k + b.k) as f64);
    let expected = a.n.min(b.n) as f64 * hits.min(rows - hits) / rows;
    if a.n.min(b.n) >= LEAST_ROWS
        && expected >= LEAST_EXPECTED
        && let Some(z) = z_pooled(a, b)
    {
        return Tested { test: Test::ZPooled, statistic: Some(z), p_value: two_sided(z) };
    }
    Tested { test: Test::FisherExact, statistic: None, p_value: fisher(a, b) }
}

/// The z statistic of two rates with their pooled variance; `None` when both are 0 or both 1.
pub fn z_pooled(a: Count, b: Count) -> Option<f64> {
    let pooled = (a.k + b.k) as f64 / (a.n + b.n) as f64;
    let variance = pooled * (1.0 - pooled) * (1.0 / a.n as f64 + 1.0 / b.n as f64);
    (variance > 0.0).then(|| (a.share() - b.share()) / variance.sqrt())
}

/// The two-sided p-value of a standard normal statistic.
pub fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// Fisher's exact test of two rates, two-sided: the chance of a table as likely as the observed one
/// or less, given the margins.
pub fn fisher(a: Count, b: Count) -> f64 {
    let table = margins(a, b);
    let observed = table.weight_of(a.k);
    let (mut all, mut extreme) = (0.0, 0.0);
    table.each(|_, weight| {
        all += weight;
        if weight <= observed * TIE {
            extreme += weight;
        }
    });
    (extreme / all).min(1.0)
}

/// Fisher's exact test that the rate of `a` is above that of `b`, one-sided: the chance of as many
/// rows of `a` or more, given the margins.
pub fn fisher_above(a: Count, b: Count) -> f64 {
    // Beyond this share of a sum its last digits no longer change.
    const NOTHING: f64 = 1e-18;
    let table = margins(a, b);
    let upwards = |from: u64| {
        let (mut k, mut weight, mut sum) = (from, table.weight_of(from), 0.0);
        while weight > NOTHING * sum {
            sum += weight;
            if k == table.most {
                break;
            }
            weight *= table.up(k);
            k += 1;
        }
        sum
    };
    let downwards = |from: u64| {
        let (mut k, mut weight, mut sum) = (from, table.weight_of(from), 0.0);
        while weight > NOTHING * sum && k > table.least {
            k -= 1;
            weight /= table.up(k);
            sum += weight;
        }
        sum
    };
    // On either side of the mode weights only fall, so the sum that begins at the observed table
    // and leads away from the mode is small and loses nothing.
    let all = upwards(table.mode) + downwards(table.mode);
    if a.k >= table.mode {
        (upwards(a.k) / all).min(1.0)
    } else {
        (1.0 - downwards(a.k) / all).clamp(0.0, 1.0)
    }
}

/// The tables with the margins of two rates.
fn margins(a: Count, b: Count) -> Margins {
    Margins::new(a.n, a.k + b.k, a.n + b.n)
}

/// Whether several rates are one and the same: Pearson's chi-square with G − 1 degrees of freedom,
/// or, where fewer than five rows are expected in a cell, the same statistic against `simulations`
/// random tables with the same margins. `None` for fewer than two groups, or where all rates are 0
/// or all 1, so that there is nothing to tell apart.
pub fn homogeneity(groups: &[Count], simulations: u32, seed: u64) -> Option<Tested> {
    let rows: u64 = groups.iter().map(|group| group.n).sum();
    let hits: u64 = groups.iter().map(|group| group.k).sum();
    if groups.len() < 2 || hits == 0 || hits == rows {
        return None;
    }
    let pooled = hits as f64 / rows as f64;
    let statistic = |counts: &mut dyn Iterator<Item = u64>| -> f64 {
        let parts = groups.iter().zip(counts).map(|(group, k)| {
            let miss = k as f64 - group.n as f64 * pooled;
            miss * miss / (group.n as f64 * pooled * (1.0 - pooled))
        });
        parts.sum()
    };
    let observed = statistic(&mut groups.iter().map(|group| group.k));
    let fewest = groups.iter().map(|group| group.n).min().unwrap_or(0) as f64;
    if fewest * pooled.min(1.0 - pooled) >= LEAST_EXPECTED {
        let p_value = chi_square_tail(observed, groups.len() as u64 - 1);
        return Some(Tested { test: Test::ChiSquare, statistic: Some(observed), p_value });
    }
    let mut stream = Stream::new(seed, "homogeneity", 0);
    let as_extreme = (0..simulations)
        .filter(|_| {
            let (mut rows, mut hits) = (rows, hits);
            let mut table = groups.iter().map(|group| {
                let k = stream.hypergeometric(group.n, hits, rows);
                rows -= group.n;
                hits -= k;
                k
            });
            statistic(&mut table) >= observed / TIE
        })
        .count();
    // The observed table is one of those that chance may give, so the p-value is never 0.
    let p_value = (as_extreme as f64 + 1.0) / (f64::from(simulations) + 1.0);
    Some(Tested { test: Test::ChiSquareSimulated, statistic: Some(observed), p_value })
}

/// The chance that a chi-square variable with `degrees` of freedom exceeds `statistic`.
pub fn chi_square_tail(statistic: f64, degrees: u64) -> f64 {
    if statistic <= 0.0 || degrees == 0 {
        return 1.0;
    }
    // The finite sums for whole degrees (Abramowitz & Stegun 26.4.4, 26.4.5): nothing cancels.
    let half = statistic / 2.0;
    let (start, odd) =
        if degrees.is_multiple_of(2) { (0.0, 0.0) } else { (libm::erfc(half.sqrt()), 0.5) };
    let terms = (0..degrees / 2).map(|i| {
        let power = i as f64 + odd;
        libm::exp(power * libm::log(half) - half - libm::lgamma(power + 1.0))
    });
    terms.fold(start, |sum, term| sum + term).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(k: u64, n: u64) -> Count {
        Count::of(k, n).unwrap()
    }

    fn near(got: f64, known: f64) {
        assert!((got - known).abs() < 1e-6, "{got} is not {known}");
    }

    #[test]
    fn the_tests_of_two_rates_give_the_known_values() {
        for (a, b, z, p, exact) in [
            ((12, 40), (48, 80), -3.098_387, 0.001_946, 0.003_409),
            ((56, 70), (48, 80), 2.650_172, 0.008_045, 0.012_521),
            ((9, 10), (3, 10), 2.738_613, 0.006_170, 0.019_767),
        ] {
            let (a, b) = (count(a.0, a.1), count(b.0, b.1));
            let got = z_pooled(a, b).unwrap();
            near(got, z);
            near(two_sided(got), p);
            near(fisher(a, b), exact);
        }
        assert_eq!(z_pooled(count(0, 20), count(0, 10)), None);
        near(fisher(count(0, 20), count(0, 10)), 1.0);
    }

    #[test]
    fn few_rows_are_compared_exactly_and_many_by_z() {
        assert_eq!(two_rates(count(9, 10), count(3, 10)).test, Test::FisherExact);
        assert_eq!(two_rates(count(1, 1_000), count(3, 1_000)).test, Test::FisherExact);
        assert_eq!(two_rates(count(0, 50), count(0, 50)).test, Test::FisherExact);
        assert_eq!(two_rates(count(100, 1_000), count(130, 1_000)).test, Test::ZPooled);
    }

    #[test]
    fn chi_square_of_two_groups_is_z_squared_and_its_tail_is_the_textbooks() {
        let (a, b) = (count(120, 400), count(480, 800));
        let tested = homogeneity(&[a, b], 1_000, 1).unwrap();
        assert_eq!(tested.test, Test::ChiSquare);
        let z = z_pooled(a, b).unwrap();
        near(tested.statistic.unwrap(), z * z);
        near(tested.p_value, two_sided(z));
        // The 95 % points of the usual table.
        for (degrees, point) in
            [(1, 3.841_458_8), (2, 5.991_464_5), (3, 7.814_727_9), (10, 18.307_038)]
        {
            near(chi_square_tail(point, degrees), 0.05);
        }
        near(chi_square_tail(1_100.0, 1_000), 0.014_614_4);
    }

    #[test]
    fn small_tables_are_judged_by_simulation_which_agrees_with_the_exact_test() {
        let (a, b) = (count(9, 10), count(3, 10));
        let tested = homogeneity(&[a, b], 20_000, 7).unwrap();
        assert_eq!(tested.test, Test::ChiSquareSimulated);
        assert!((tested.p_value - fisher(a, b)).abs() < 0.004, "{}", tested.p_value);
        assert_eq!(homogeneity(&[a], 100, 7), None);
        assert_eq!(homogeneity(&[count(0, 10), count(0, 20)], 100, 7), None);
    }

    proptest! {
        #[test]
        fn the_exact_test_does_not_care_which_group_comes_first_nor_what_a_hit_is(
            (k, n) in some_rate(), (l, m) in some_rate(),
        ) {
            let p = fisher(count(k, n), count(l, m));
            prop_assert!((0.0..=1.0).contains(&p));
            prop_assert!((p - fisher(count(l, m), count(k, n))).abs() < 1e-9);
            prop_assert!((p - fisher(count(n - k, n), count(m - l, m))).abs() < 1e-9);
        }

        #[test]
        fn the_two_one_sided_tests_share_the_observed_table(
            (k, n) in some_rate(), (l, m) in some_rate(),
        ) {
            let (a, b) = (count(k, n), count(l, m));
            let table = margins(a, b);
            let mut all = 0.0;
            table.each(|_, weight| all += weight);
            let both = fisher_above(a, b) + fisher_above(b, a);
            prop_assert!((both - 1.0 - table.weight_of(k) / all).abs() < 1e-9);
        }

        #[test]
        fn many_rows_make_the_exact_test_the_z_test(k in 4_000_u64..6_000, l in 4_000_u64..6_000) {
            let (a, b) = (count(k, 10_000), count(l, 10_000));
            let z = z_pooled(a, b).unwrap();
            prop_assert!((fisher(a, b) - two_sided(z)).abs() < 0.02);
        }
    }

    fn some_rate() -> impl Strategy<Value = (u64, u64)> {
        (1_u64..300).prop_flat_map(|n| (0..=n, Just(n)))
    }
}
