//! Monitors of a rate over time: EWMA and CUSUM charts, for small shifts that last.
//!
//! They are for fresh samples alone, such as each week's traffic: every point from rows drawn anew.
//! Versions that were measured on one fixed test set share their rows and their luck, and a chart of
//! them would see shifts where there are none; compare those pairwise instead ([`crate::trend`]).
//! That is why [`monitor`] takes [`FreshSamples`], which the caller has to state.
//!
//! Points differ in n, so each rate is standardised first: x = (p − p₀) / √(p₀(1 − p₀)/n). Where
//! rates vary more than chance from point to point, Laney's p′ divides by how much more.
//!
//! Sources: Page 1954, Biometrika 41:100; Roberts 1959, Technometrics 1:239; Laney 2002, Qual Eng
//! 14:531; Reynolds & Stoumbos 1999, J Qual Tech 31:87; Montgomery, Statistical Quality Control.

use crate::interval::Count;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// With fewer points than this nothing is claimed.
pub const LEAST_POINTS: usize = 8;

/// The mean of a range of two normal numbers, in standard deviations (d₂ of 2).
const D2: f64 = std::f64::consts::FRAC_2_SQRT_PI;

/// Rates over time, each from rows that were drawn anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreshSamples(Vec<Count>);

impl FreshSamples {
    /// The caller states that no row of a point is a row of another: the points, oldest first, are
    /// independent samples.
    pub fn drawn_anew(points: Vec<Count>) -> Self {
        Self(points)
    }
}

/// What the points are held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline {
    /// A known rate, in (0, 1).
    Rate(f64),
    /// The rate of the first so many points together; they themselves give no signal.
    First(usize),
}

/// How the charts are drawn. `Chart::default()` is the textbook's choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chart {
    /// What the points are held against.
    pub baseline: Baseline,
    /// EWMA: the weight of the newest point, in (0, 1].
    pub weight: f64,
    /// EWMA: where the limits lie, in standard deviations.
    pub width: f64,
    /// CUSUM: half the shift to find, in standard deviations of a point.
    pub slack: f64,
    /// CUSUM: the sum that is a signal.
    pub threshold: f64,
    /// Whether to divide by the spread between points where it is more than chance gives.
    pub laney: bool,
}

impl Default for Chart {
    fn default() -> Self {
        Self {
            baseline: Baseline::First(LEAST_POINTS),
            weight: 0.2,
            width: 3.0,
            slack: 0.5,
            threshold: 5.0,
            laney: true,
        }
    }
}

/// What the charts say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
#[schemars(rename = "MonitorVerdict")]
pub enum Verdict {
    /// Nothing is claimed, and why.
    NotEnough {
        /// In words.
        reason: String,
    },
    /// No point left the limits.
    Steady,
    /// A point left the limits.
    Shifted {
        /// The first such point, from 0.
        at: usize,
        /// Whether the rate rose.
        rose: bool,
    },
}

/// A point on the charts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "MonitorPoint")]
pub struct Point {
    /// The rate, standardised.
    pub x: f64,
    /// The exponentially weighted mean up to here.
    pub ewma: f64,
    /// How far from 0 it may be.
    pub ewma_limit: f64,
    /// The cumulative sum of what lies above; begins anew after a signal.
    pub cusum_up: f64,
    /// The cumulative sum of what lies below; begins anew after a signal.
    pub cusum_down: f64,
}

/// A monitored rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Monitored {
    /// The rate that the points are held against; `None` where there is none.
    pub baseline: Option<f64>,
    /// The spread between points over what chance gives (Laney's σ_z); 1 is chance.
    pub spread: Option<f64>,
    /// The points, oldest first; none where there is no baseline.
    pub points: Vec<Point>,
    /// What both charts say together.
    pub verdict: Verdict,
}

/// Draws both charts and says whether the rate has shifted.
///
/// ```
/// use metrics::interval::Count;
/// use metrics::monitor::{Chart, FreshSamples, Verdict, monitor};
/// let weeks = |rates: &[u64]| rates.iter().map(|&k| Count::of(k, 1_000).unwrap()).collect();
/// let calm = [101, 98, 104, 95, 99, 103, 97, 102, 100, 99, 103, 96];
/// let monitored = monitor(&FreshSamples::drawn_anew(weeks(&calm)), &Chart::default());
/// assert_eq!(monitored.verdict, Verdict::Steady);
/// let few = monitor(&FreshSamples::drawn_anew(weeks(&calm[..7])), &Chart::default());
/// assert!(matches!(few.verdict, Verdict::NotEnough { .. }));
/// ```
pub fn monitor(samples: &FreshSamples, chart: &Chart) -> Monitored {
    let counts = &samples.0;
    let not_enough = |reason: String| Verdict::NotEnough { reason };
    let (baseline, skipped) = match chart.baseline {
        Baseline::Rate(rate) => (rate, 0),
        Baseline::First(points) => (pooled(counts.iter().take(points)), points),
    };
    if !(baseline > 0.0 && baseline < 1.0) {
        let reason = if counts.is_empty() {
            "there are no points".to_owned()
        } else {
            "the baseline is 0 or 1, which leaves no room for chance".to_owned()
        };
        let verdict = not_enough(reason);
        return Monitored { baseline: None, spread: None, points: Vec::new(), verdict };
    }
    let mut x: Vec<f64> = counts.iter().map(|count| standardised(*count, baseline)).collect();
    let spread = spread(&x);
    if let Some(spread) = spread.filter(|spread| chart.laney && *spread > 1.0) {
        for x in &mut x {
            *x /= spread;
        }
    }
    let averages = ewma(&x[skipped.min(x.len())..], chart.weight, chart.width);
    let sums = cusum(&x[skipped.min(x.len())..], chart.slack, chart.threshold);
    let quiet = std::iter::repeat_n((Average::default(), Sums::default()), skipped.min(x.len()));
    let points: Vec<Point> = x
        .iter()
        .zip(quiet.chain(averages.into_iter().zip(sums)))
        .map(|(&x, (average, sums))| Point {
            x,
            ewma: average.value,
            ewma_limit: average.limit,
            cusum_up: sums.up,
            cusum_down: sums.down,
        })
        .collect();
    let verdict = if points.len() < LEAST_POINTS {
        not_enough(format!("{} points, and it takes {LEAST_POINTS}", points.len()))
    } else if points.len() <= skipped {
        not_enough(format!("all {} points make up the baseline", points.len()))
    } else {
        first_signal(&points, skipped, chart)
    };
    Monitored { baseline: Some(baseline), spread, points, verdict }
}

fn first_signal(points: &[Point], skipped: usize, chart: &Chart) -> Verdict {
    let signal = |point: &Point| {
        if point.ewma > point.ewma_limit || point.cusum_up > chart.threshold {
            Some(true)
        } else if point.ewma < -point.ewma_limit || point.cusum_down > chart.threshold {
            Some(false)
        } else {
            None
        }
    };
    points
        .iter()
        .enumerate()
        .skip(skipped)
        .find_map(|(at, point)| signal(point).map(|rose| Verdict::Shifted { at, rose }))
        .unwrap_or(Verdict::Steady)
}

fn pooled<'a>(counts: impl Iterator<Item = &'a Count>) -> f64 {
    let (k, n) = counts.fold((0.0, 0.0), |(k, n), it| (k + it.k as f64, n + it.n as f64));
    if n > 0.0 { k / n } else { 0.0 }
}

/// A rate in standard errors from the baseline, which lies in (0, 1).
pub fn standardised(count: Count, baseline: f64) -> f64 {
    (count.share() - baseline) / (baseline * (1.0 - baseline) / count.n as f64).sqrt()
}

/// Laney's σ_z: the spread of standardised rates from point to point, over what chance gives.
/// `None` for fewer than two points.
pub fn spread(x: &[f64]) -> Option<f64> {
    let steps = x.len().checked_sub(1).filter(|steps| *steps > 0)?;
    let moved: f64 = x.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    Some(moved / steps as f64 / D2)
}

/// A point of an EWMA chart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Average {
    /// The weighted mean.
    pub value: f64,
    /// The limit to either side of 0.
    pub limit: f64,
}

/// The exponentially weighted moving average of standardised numbers around 0, with its exact
/// limits at `width` standard deviations.
pub fn ewma(x: &[f64], weight: f64, width: f64) -> Vec<Average> {
    let (mut value, mut decay) = (0.0, 1.0);
    x.iter()
        .map(|x| {
            value = weight * x + (1.0 - weight) * value;
            decay *= (1.0 - weight) * (1.0 - weight);
            let limit = width * (weight / (2.0 - weight) * (1.0 - decay)).sqrt();
            Average { value, limit }
        })
        .collect()
}

/// A point of a two-sided CUSUM chart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Of what lies above 0.
    pub up: f64,
    /// Of what lies below 0.
    pub down: f64,
}

/// The cumulative sums of standardised numbers around 0. A sum beyond the threshold is a signal, and
/// both begin anew after it.
pub fn cusum(x: &[f64], slack: f64, threshold: f64) -> Vec<Sums> {
    let mut sums = Sums::default();
    x.iter()
        .map(|x| {
            if sums.up > threshold || sums.down > threshold {
                sums = Sums::default();
            }
            sums.up = (sums.up + x - slack).max(0.0);
            sums.down = (sums.down - x - slack).max(0.0);
            sums
        })
        .collect()
}

/// What a Bernoulli CUSUM adds for each row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BernoulliWeights {
    /// For a row that counts: ln(p₁/p₀).
    pub hit: f64,
    /// For a row that does not: ln((1 − p₁)/(1 − p₀)).
    pub miss: f64,
}

/// The log-likelihood ratios of a shift of a rate from `p0` to `p1`, both in (0, 1).
///
/// ```
/// let weights = metrics::monitor::bernoulli_weights(0.10, 0.15);
/// assert!((weights.hit - 0.405465).abs() < 1e-6 && (weights.miss + 0.057158).abs() < 1e-6);
/// ```
pub fn bernoulli_weights(p0: f64, p1: f64) -> BernoulliWeights {
    BernoulliWeights { hit: libm::log(p1 / p0), miss: libm::log((1.0 - p1) / (1.0 - p0)) }
}

/// The one-sided Bernoulli CUSUM after each point, whose rows come in no order: a shift towards the
/// rate that the weights are for lets it rise.
pub fn bernoulli_cusum(samples: &FreshSamples, weights: BernoulliWeights) -> Vec<f64> {
    let mut sum = 0.0_f64;
    samples
        .0
        .iter()
        .map(|count| {
            let misses = (count.n - count.k) as f64;
            sum = (sum + count.k as f64 * weights.hit + misses * weights.miss).max(0.0);
            sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use proptest::prelude::*;

    const X: [f64; 6] = [0.1, -0.2, 0.3, 1.2, 1.1, 1.4];

    fn near(got: f64, known: f64) {
        assert!((got - known).abs() < 1e-6, "{got} is not {known}");
    }

    fn samples(rates: impl IntoIterator<Item = (u64, u64)>) -> FreshSamples {
        FreshSamples::drawn_anew(rates.into_iter().map(|(k, n)| Count::of(k, n).unwrap()).collect())
    }

    #[test]
    fn the_charts_give_the_known_points_and_limits() {
        let known = [0.02, -0.024, 0.0408, 0.27264, 0.438_112, 0.630_49];
        let limits = [0.6, 0.768_375, 0.858_985, 0.912_265, 0.944_789, 0.965_029];
        for ((got, known), limit) in ewma(&X, 0.2, 3.0).into_iter().zip(known).zip(limits) {
            near(got.value, known);
            near(got.limit, limit);
        }
        for (got, known) in cusum(&X, 0.5, 5.0).into_iter().zip([0.0, 0.0, 0.0, 0.7, 1.3, 2.2]) {
            near(got.up, known);
            near(got.down, 0.0);
        }
    }

    #[test]
    fn the_sums_begin_anew_after_a_signal() {
        let sums = cusum(&[3.0, 3.5, 0.7], 0.5, 5.0);
        near(sums[1].up, 5.5);
        near(sums[2].up, 0.2);
    }

    #[test]
    fn a_shift_of_four_standard_errors_is_seen_at_its_second_point_with_its_direction() {
        let calm = [(100, 1_000); 10];
        for (k, rose) in [(140, true), (60, false)] {
            let points = samples(calm.into_iter().chain([(k, 1_000); 4]));
            let verdict = monitor(&points, &Chart::default()).verdict;
            assert_eq!(verdict, Verdict::Shifted { at: 11, rose });
        }
    }

    #[test]
    fn too_few_points_and_a_baseline_without_chance_claim_nothing() {
        for points in [samples([(400, 1_000); 7]), samples([(0, 50); 12]), samples([])] {
            let monitored = monitor(&points, &Chart::default());
            assert!(matches!(monitored.verdict, Verdict::NotEnough { .. }), "{monitored:?}");
        }
        // Seven points of 40 % against a known 10 % would be a glaring shift.
        let chart = Chart { baseline: Baseline::Rate(0.1), ..Chart::default() };
        let verdict = monitor(&samples([(400, 1_000); 7]), &chart).verdict;
        assert!(matches!(verdict, Verdict::NotEnough { .. }));
        let verdict = monitor(&samples([(400, 1_000); 8]), &chart).verdict;
        assert_eq!(verdict, Verdict::Shifted { at: 0, rose: true });
    }

    #[test]
    fn a_steady_rate_seldom_gives_a_signal_whatever_the_n_of_its_points() {
        let chart = Chart { baseline: Baseline::Rate(0.1), ..Chart::default() };
        let signals = (0..400)
            .filter(|&run| {
                let mut stream = Stream::new(17, "steady", run);
                let points = samples((0..20).map(|week| {
                    let n = 500 + 300 * (week % 5);
                    (stream.binomial(n, 0.1), n)
                }));
                matches!(monitor(&points, &chart).verdict, Verdict::Shifted { .. })
            })
            .count();
        // Either chart has a run length of some 500 points under no shift: at most 8 % in 20.
        assert!(signals <= 44, "{signals} of 400");
    }

    #[test]
    fn laney_divides_by_the_spread_that_is_more_than_chance() {
        // Rates jump by ±2 standard errors, far more than chance, and around the same mean.
        let jumpy = (0..24).map(|week| (if week % 2 == 0 { 119 } else { 81 }, 1_000));
        let chart = Chart { baseline: Baseline::Rate(0.1), ..Chart::default() };
        let monitored = monitor(&samples(jumpy), &chart);
        let step = 2.0 * 0.019 / (0.1_f64 * 0.9 / 1_000.0).sqrt();
        near(monitored.spread.unwrap(), step / D2);
        near(monitored.points[0].x, step / 2.0 / (step / D2));
        assert_eq!(spread(&[1.0]), None);
    }

    #[test]
    fn the_bernoulli_cusum_rises_with_the_rate_it_is_for() {
        let weights = bernoulli_weights(0.10, 0.15);
        let sums = bernoulli_cusum(&samples([(10, 100), (15, 100), (20, 100)]), weights);
        near(sums[0], (10.0 * weights.hit + 90.0 * weights.miss).max(0.0));
        assert!(sums[1] > sums[0] && sums[2] > sums[1]);
    }

    proptest! {
        #[test]
        fn turning_the_rate_around_turns_the_charts_around(
            points in prop::collection::vec((1_u64..100, 100_u64..2_000), 8..30),
        ) {
            let chart = Chart { baseline: Baseline::Rate(0.3), ..Chart::default() };
            let mirrored = Chart { baseline: Baseline::Rate(0.7), ..chart };
            let there = monitor(&samples(points.clone()), &chart);
            let back = monitor(&samples(points.iter().map(|&(k, n)| (n - k, n))), &mirrored);
            for (a, b) in there.points.iter().zip(&back.points) {
                prop_assert!((a.ewma + b.ewma).abs() < 1e-9);
                prop_assert!((a.cusum_up - b.cusum_down).abs() < 1e-9);
            }
        }
    }
}
