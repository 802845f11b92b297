//! What chance alone does to the extremes of several groups.
//!
//! The largest difference between groups is never negative, and noise alone makes it positive:
//! five groups of 200 rows that all have the same rate of 0.30 differ by 0.075 on average, and
//! their lowest rate is below four fifths of their highest in 58 of 100 cases. So a range over
//! groups is read against the band that it lies in when every group has the pooled rate.
//!
//! Source: simulation of Binomial(nᵍ, pooled rate). For G normal groups of equal n the mean range
//! is d₂(G) standard errors (Tippett 1925), which the tests check.

use super::{Comparison, Family};
use crate::interval::Count;
use crate::random::{GENERATOR, Stream};
use crate::{Estimate, Slice};
use serde::{Deserialize, Serialize};

/// How many simulations are usual.
pub const SIMULATIONS: u32 = 10_000;

/// The largest difference and the smallest ratio between groups, each beside what chance gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NullBand {
    /// The groups, in the order of the estimates.
    pub groups: Vec<Slice>,
    /// The rate of all of them together.
    pub pooled: f64,
    /// Highest minus lowest rate. Its `limit` is the upper end of the band.
    pub difference: AgainstChance,
    /// Lowest over highest rate. Its `limit` is the lower end of the band; `None` when every rate
    /// is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<AgainstChance>,
    /// The band holds this share of what chance gives; usually 0.95.
    pub level: f64,
    /// How it was made, and all that it takes to repeat it.
    pub method: String,
}

/// An extreme over groups beside what chance gives when all groups have the same rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgainstChance {
    /// The extreme in the data.
    pub observed: f64,
    /// Its mean under chance alone.
    pub expected: f64,
    /// The end of the band, away from no disparity.
    pub limit: f64,
    /// The chance of an extreme at least as far from no disparity; never 0.
    pub p_value: f64,
}

impl AgainstChance {
    /// Whether chance alone gives as much too often to speak of a disparity.
    pub fn within_chance(&self, level: f64) -> bool {
        self.p_value > 1.0 - level
    }
}

/// The null band of a rate over the groups of an attribute that have enough rows. `kind` and
/// `reference` of the comparison do not matter.
///
/// # Errors
/// In words, when fewer than two groups have enough rows, or one is known without its counts.
pub fn null_band(
    estimates: &[Estimate],
    comparison: &Comparison,
    simulations: u32,
    seed: u64,
) -> Result<NullBand, String> {
    let counted = counted(&Family::of(estimates, comparison))?;
    let counts: Vec<Count> = counted.iter().map(|(_, count)| *count).collect();
    let mut band = null_band_of(&counts, simulations, seed, comparison.level)?;
    band.groups = counted.into_iter().map(|(slice, _)| slice.clone()).collect();
    Ok(band)
}

/// The groups with enough rows, with their counts.
pub(super) fn counted<'a>(family: &Family<'a>) -> Result<Vec<(&'a Slice, Count)>, String> {
    family
        .eligible()
        .into_iter()
        .map(|group| {
            let counts = group.numerator.zip(group.denominator);
            counts
                .filter(|_| group.n_effective.is_none())
                .and_then(|(k, n)| Count::of(k, n))
                .map(|count| (&group.slice, count))
                .ok_or_else(|| format!("{} has no counts", group.slice.label()))
        })
        .collect()
}

/// The null band of the rates of some groups; its `groups` are left empty.
///
/// ```
/// use metrics::disparity::null_band_of;
/// use metrics::interval::Count;
/// let rates = [60, 52, 71].map(|k| Count::of(k, 200).unwrap());
/// let band = null_band_of(&rates, 10_000, 7, 0.95).unwrap();
/// assert!(band.difference.within_chance(0.95), "9.5 points are what three groups of 200 show");
/// ```
///
/// # Errors
/// In words, when there are fewer than two groups.
pub fn null_band_of(
    groups: &[Count],
    simulations: u32,
    seed: u64,
    level: f64,
) -> Result<NullBand, String> {
    if groups.len() < 2 {
        return Err("fewer than two groups have enough rows".to_owned());
    }
    let (hits, rows) = groups
        .iter()
        .fold((0.0, 0.0), |(hits, rows), group| (hits + group.k as f64, rows + group.n as f64));
    let pooled: f64 = hits / rows;
    let observed = Extremes::of(groups.iter().map(|group| group.share()));
    let mut stream = Stream::new(seed, "null band", 0);
    let drawn: Vec<Extremes> = (0..simulations)
        .map(|_| {
            Extremes::of(
                groups.iter().map(|group| stream.binomial(group.n, pooled) as f64 / group.n as f64),
            )
        })
        .collect();
    let difference = against_chance(
        observed.difference(),
        drawn.iter().map(Extremes::difference).collect(),
        level,
    );
    // 1 − ratio grows with the disparity, as the difference does. Rates that are all 0 differ by
    // nothing.
    let shortfall = |extremes: &Extremes| 1.0 - extremes.ratio().unwrap_or(1.0);
    let ratio = observed.ratio().map(|ratio| {
        let found = against_chance(1.0 - ratio, drawn.iter().map(shortfall).collect(), level);
        AgainstChance {
            observed: ratio,
            expected: 1.0 - found.expected,
            limit: 1.0 - found.limit,
            p_value: found.p_value,
        }
    });
    let method = format!("simulated under one rate (B={simulations}, seed={seed}, {GENERATOR})");
    Ok(NullBand { groups: Vec::new(), pooled, difference, ratio, level, method })
}

/// The lowest and the highest of some rates.
struct Extremes {
    low: f64,
    high: f64,
}

impl Extremes {
    fn of(rates: impl Iterator<Item = f64>) -> Self {
        rates.fold(Self { low: f64::INFINITY, high: 0.0 }, |extremes, rate| Self {
            low: extremes.low.min(rate),
            high: extremes.high.max(rate),
        })
    }

    fn difference(&self) -> f64 {
        self.high - self.low
    }

    fn ratio(&self) -> Option<f64> {
        (self.high > 0.0).then(|| self.low / self.high)
    }
}

fn against_chance(observed: f64, mut drawn: Vec<f64>, level: f64) -> AgainstChance {
    drawn.sort_by(f64::total_cmp);
    let all = drawn.len() as f64;
    // Sums of rates may differ in their last digit though the counts are the same.
    let below = drawn.partition_point(|it| *it < observed - 1e-12);
    let p_value = (all - below as f64 + 1.0) / (all + 1.0);
    AgainstChance {
        observed,
        expected: drawn.iter().sum::<f64>() / all.max(1.0),
        limit: quantile(&drawn, level),
        p_value,
    }
}

/// The least of sorted numbers that at least a share of them do not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of simulations"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share).ceil().max(1.0) as usize - 1;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(groups: usize, k: u64, n: u64) -> Vec<Count> {
        vec![Count::of(k, n).unwrap(); groups]
    }

    #[test]
    fn the_mean_range_of_equal_groups_is_d2_standard_errors() {
        let stderr = (0.3_f64 * 0.7 / 200.0).sqrt();
        for (groups, d2) in [(2, 1.128), (3, 1.693), (5, 2.326), (10, 3.078)] {
            let band = null_band_of(&same(groups, 60, 200), 20_000, 11, 0.95).unwrap();
            let expected = band.difference.expected;
            assert!((expected / (d2 * stderr) - 1.0).abs() < 0.015, "{groups}: {expected}");
        }
    }

    #[test]
    fn five_equal_groups_of_200_break_the_four_fifths_rule_by_chance_in_58_of_100_cases() {
        let band = null_band_of(&same(5, 60, 200), 20_000, 3, 0.95).unwrap();
        assert!((band.difference.expected - 0.0754).abs() < 5e-4, "{band:?}");
        assert!((band.difference.limit - 0.125).abs() < 2e-3, "{band:?}");
        let ratio = band.ratio.unwrap();
        assert!((ratio.expected - 0.780).abs() < 2e-3, "{ratio:?}");
        // The same rates with a lowest of four fifths: how often does chance go below?
        let edge = [70, 56, 60, 60, 60].map(|k| Count::of(k, 200).unwrap());
        let at = null_band_of(&edge, 20_000, 3, 0.95).unwrap().ratio.unwrap();
        assert!((at.observed - 0.8).abs() < 1e-12 && (at.p_value - 0.58).abs() < 0.05, "{at:?}");
    }

    #[test]
    fn a_large_gap_lies_outside_the_band_and_equal_rates_within() {
        let apart = [Count::of(12, 40).unwrap(), Count::of(48, 80).unwrap()];
        let band = null_band_of(&apart, 10_000, 1, 0.95).unwrap();
        assert!(!band.difference.within_chance(0.95) && band.difference.p_value < 0.006);
        assert!(band.difference.observed > band.difference.limit);
        let equal = null_band_of(&same(4, 30, 100), 10_000, 1, 0.95).unwrap();
        assert!(equal.difference.p_value >= 1.0 && equal.difference.within_chance(0.95));
        assert_eq!(null_band_of(&same(3, 0, 40), 100, 1, 0.95).unwrap().ratio, None);
        assert!(null_band_of(&same(1, 3, 40), 100, 1, 0.95).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_wider_gap_is_never_more_likely(low in 10_u64..50, gap in 0_u64..20, more in 1_u64..20) {
            let p = |gap: u64| {
                let rates = [low, low + gap].map(|k| Count::of(k, 100).unwrap());
                null_band_of(&rates, 500, 9, 0.95).unwrap().difference
            };
            let (narrow, wide) = (p(gap), p(gap + more));
            prop_assert!(narrow.observed < wide.observed);
            // The pooled rate differs a little, so allow the noise of 500 draws.
            prop_assert!(wide.p_value <= narrow.p_value + 0.08);
            prop_assert!(wide.limit >= 0.0 && (0.0..=1.0).contains(&wide.p_value));
        }
    }
}
