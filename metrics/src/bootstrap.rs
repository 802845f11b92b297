//! The seeded bootstrap: intervals for what has no closed form.
//!
//! Resampling is done within groups, so every group keeps its n. Where the cells of the confusion
//! matrix decide a metric, the cells are drawn and not the rows ([`of_cells`]): the cost does not
//! grow with the data. Where they do not, whole units are drawn ([`of_units`]): rows, queries, or
//! clusters of rows that belong together.
//!
//! Each replicate has its own stream of random numbers, so the same seed gives the same bytes
//! whatever the number of threads. A replicate in which the statistic is undefined is counted, and
//! above [`MOST_UNDEFINED`] there is no interval.
//!
//! Sources: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 8, 13 and 14;
//! Davison & Hinkley 1997, Bootstrap Methods and their Application, chapter 5.

#[cfg_attr(
    not(feature = "read"),
    expect(dead_code, reason = "what has no rows resamples no units")
)]
pub(crate) mod units;

use crate::Interval;
use crate::interval::normal_quantile;
use crate::random::{GENERATOR, Stream};
use serde::{Deserialize, Serialize};

/// How many replicates are usual.
pub const RESAMPLES: u32 = 2_000;
/// How many a decision takes.
pub const RESAMPLES_TO_DECIDE: u32 = 10_000;
/// Fewer replicates than this say nothing of the ends of an interval.
pub const LEAST_RESAMPLES: u32 = 100;
/// More replicates than this add nothing but time.
pub const MOST_RESAMPLES: u32 = 1_000_000;
/// A larger share of replicates without a value, and there is no interval.
pub const MOST_UNDEFINED: f64 = 0.05;

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Replicates, at least [`LEAST_RESAMPLES`] and at most [`MOST_RESAMPLES`].
    pub resamples: u32,
    /// The seed of the generator.
    pub seed: u64,
    /// Confidence level in (0, 1).
    pub level: f64,
}

/// How an interval is read off the replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Their quantiles.
    Percentile,
    /// Their quantiles, corrected for bias and skewness (BCa).
    Bca,
}

/// What is resampled, as far as it decides whether the replicates can be read as an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// A smooth function of the rows, with the groups it compares fixed beforehand.
    Smooth,
    /// A maximum, minimum or range over groups. Noise alone moves it to one side and a difference
    /// of 0 or ratio of 1 lies at the edge of what it can be, so neither form is valid: judge it
    /// by [`crate::disparity::null_band`].
    Extreme,
    /// A sum of distances from an ideal, such as a calibration error. Noise alone moves it away from
    /// 0, and resampling adds as much noise again, so its replicates lie above it and neither form
    /// is valid.
    Distance,
}

/// A value with its replicates.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The statistic on the data as they are.
    pub value: f64,
    /// The statistic on each replicate; `None` where it is undefined.
    pub replicates: &'a [Option<f64>],
    /// What kind of statistic it is.
    pub statistic: Statistic,
}

/// The statistic with one row (or unit) left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeftOut {
    /// Its value then.
    pub value: f64,
    /// Of how many rows this holds, as all rows of a cell are alike.
    pub times: u64,
    /// The group that the rows are from; resampling is within groups.
    pub group: usize,
}

/// Runs the replicates, each with its own stream, and returns them in their order.
///
/// `purpose` names what is resampled, such as the slice: other purposes get other numbers.
pub fn replicates<T: Send>(
    plan: Plan,
    purpose: &str,
    replicate: impl Fn(&mut Stream) -> T + Sync + Send,
) -> Vec<T> {
    let one = |number: u32| replicate(&mut Stream::new(plan.seed, purpose, u64::from(number)));
    #[cfg(feature = "read")]
    {
        use rayon::prelude::*;
        (0..plan.resamples).into_par_iter().map(one).collect()
    }
    #[cfg(not(feature = "read"))]
    (0..plan.resamples).map(one).collect()
}

/// Replicates of a statistic of the cells of one or more groups: within each group as many rows are
/// drawn as it has, each from a cell with the cell's share.
///
/// ```
/// use metrics::bootstrap::{Form, Plan, Sample, Statistic, interval, of_cells};
/// let plan = Plan { resamples: 2_000, seed: 7, level: 0.95 };
/// // The rate of 30 in 100 rows against 45 in 100, as a ratio.
/// let ratio = |groups: &[[u64; 2]]| {
///     (groups[1][0] > 0).then(|| groups[0][0] as f64 / groups[1][0] as f64)
/// };
/// let replicates = of_cells(plan, "a/b", &[[30, 70], [45, 55]], ratio);
/// let value = 30.0 / 45.0;
/// let sample = Sample { value, replicates: &replicates, statistic: Statistic::Smooth };
/// let found = interval(sample, Form::Percentile, &[], plan).unwrap();
/// assert_eq!(found.method, "bootstrap percentile (B=2000, seed=7, ChaCha12)");
/// assert!(found.low > 0.4 && found.low < value && value < found.high && found.high < 1.0);
/// ```
pub fn of_cells<const CELLS: usize>(
    plan: Plan,
    purpose: &str,
    groups: &[[u64; CELLS]],
    statistic: impl Fn(&[[u64; CELLS]]) -> Option<f64> + Sync + Send,
) -> Vec<Option<f64>> {
    replicates(plan, purpose, |stream| {
        let drawn: Vec<[u64; CELLS]> = groups.iter().map(|&cells| stream.resample(cells)).collect();
        statistic(&drawn).filter(|value| value.is_finite())
    })
}

/// The statistic of the cells with each row left out in turn, for [`Form::Bca`].
pub fn leave_out_cells<const CELLS: usize>(
    groups: &[[u64; CELLS]],
    statistic: impl Fn(&[[u64; CELLS]]) -> Option<f64>,
) -> Vec<LeftOut> {
    let mut rest = groups.to_vec();
    let mut values = Vec::new();
    for (group, cells) in groups.iter().enumerate() {
        for (cell, &times) in cells.iter().enumerate().filter(|(_, times)| **times > 0) {
            rest[group][cell] -= 1;
            let value = statistic(&rest);
            rest[group][cell] += 1;
            values.extend(value.map(|value| LeftOut { value, times, group }));
        }
    }
    values
}

/// Replicates of a statistic of units (rows, queries, clusters) that come in groups of these sizes,
/// one group after the other. The statistic is given how often each unit was drawn.
///
/// Its cost grows with the number of units.
pub fn of_units(
    plan: Plan,
    purpose: &str,
    groups: &[usize],
    statistic: impl Fn(&[u32]) -> Option<f64> + Sync + Send,
) -> Vec<Option<f64>> {
    replicates(plan, purpose, |stream| {
        statistic(&draw_units(stream, groups)).filter(|value| value.is_finite())
    })
}

/// How often each unit is drawn, when as many are drawn within each group as it has.
#[expect(clippy::cast_possible_truncation, reason = "a draw is below the size of the group")]
pub fn draw_units(stream: &mut Stream, groups: &[usize]) -> Vec<u32> {
    let mut times = vec![0; groups.iter().sum()];
    let mut first = 0;
    for &size in groups {
        for _ in 0..size {
            times[first + stream.below(size as u64) as usize] += 1;
        }
        first += size;
    }
    times
}

/// The interval that the replicates show. `left_out` is needed by [`Form::Bca`] alone.
///
/// # Errors
/// In words, why there is none: the statistic is an extreme or a distance, too many replicates are undefined, they
/// do not vary, or there are too few of them.
pub fn interval(
    sample: Sample,
    form: Form,
    left_out: &[LeftOut],
    plan: Plan,
) -> Result<Interval, String> {
    if sample.statistic == Statistic::Extreme {
        return Err("a bootstrap interval of an extreme over groups is not valid".to_owned());
    }
    if sample.statistic == Statistic::Distance {
        return Err("not valid: resampling moves a distance from 0 further up".to_owned());
    }
    let mut values: Vec<f64> = sample.replicates.iter().copied().flatten().collect();
    let undefined = sample.replicates.len() - values.len();
    if undefined as f64 > MOST_UNDEFINED * sample.replicates.len() as f64 {
        return Err(format!(
            "it is undefined in {undefined} of {} resamples",
            sample.replicates.len()
        ));
    }
    values.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return Err("there are no resamples".to_owned());
    };
    if first.total_cmp(last).is_eq() {
        return Err("every resample gives the same value".to_owned());
    }
    let tail = (1.0 - plan.level) / 2.0;
    if tail * (values.len() as f64 + 1.0) < 1.0 {
        let least = (1.0 / tail).ceil();
        return Err(format!("it takes {least} resamples or more"));
    }
    let (low, high) = match form {
        Form::Percentile => (tail, 1.0 - tail),
        Form::Bca => corrected(sample.value, &values, left_out, tail)?,
    };
    Ok(Interval {
        low: quantile(&values, low),
        high: quantile(&values, high),
        level: plan.level,
        method: method(form, plan, undefined),
    })
}

/// What stands beside the interval: all that it takes to repeat it.
fn method(form: Form, plan: Plan, undefined: usize) -> String {
    let form = match form {
        Form::Percentile => "percentile",
        Form::Bca => "BCa",
    };
    let Plan { resamples, seed, .. } = plan;
    let undefined = match undefined {
        0 => String::new(),
        some => format!(", {some} undefined"),
    };
    format!("bootstrap {form} (B={resamples}, seed={seed}, {GENERATOR}{undefined})")
}

/// The shares at which BCa reads the replicates, in place of `tail` and 1 − `tail`.
fn corrected(
    value: f64,
    sorted: &[f64],
    left_out: &[LeftOut],
    tail: f64,
) -> Result<(f64, f64), String> {
    let below = sorted.partition_point(|replicate| *replicate < value);
    let tied = sorted.partition_point(|replicate| *replicate <= value) - below;
    let share = (below as f64 + tied as f64 / 2.0) / sorted.len() as f64;
    if share <= 0.0 || share >= 1.0 {
        return Err("all resamples lie to one side of the value".to_owned());
    }
    let bias = normal_quantile(share);
    let acceleration = acceleration(left_out)?;
    let at = |share: f64| {
        let z = bias + normal_quantile(share);
        let divisor = 1.0 - acceleration * z;
        (divisor > 0.0).then(|| normal_cdf(bias + z / divisor))
    };
    match (at(tail), at(1.0 - tail)) {
        (Some(low), Some(high)) => Ok((low, high)),
        _ => Err("the value is too skewed for BCa".to_owned()),
    }
}

/// Efron's acceleration from the jackknife, over groups that are resampled apart.
fn acceleration(left_out: &[LeftOut]) -> Result<f64, String> {
    let groups = left_out.iter().map(|it| it.group + 1).max().unwrap_or(0);
    let (mut squares, mut cubes) = (0.0, 0.0);
    for group in 0..groups {
        let own = || left_out.iter().filter(move |it| it.group == group);
        let rows: f64 = own().map(|it| it.times as f64).sum();
        if rows < 2.0 {
            continue;
        }
        let mean = own().map(|it| it.times as f64 * it.value).sum::<f64>() / rows;
        for it in own() {
            // The influence of one row on the statistic, over the rows of its group.
            let influence = (rows - 1.0) * (mean - it.value) / rows;
            squares += it.times as f64 * influence * influence;
            cubes += it.times as f64 * influence * influence * influence;
        }
    }
    if squares > 0.0 {
        Ok(cubes / (6.0 * squares * squares.sqrt()))
    } else {
        Err("leaving out one row changes nothing, so BCa has no acceleration".to_owned())
    }
}

/// The value below which a share of sorted numbers lies: the (n + 1)·share-th of them, in between
/// by straight lines.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was cut to the places that there are"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() as f64 - 1.0;
    let place = ((sorted.len() as f64 + 1.0) * share - 1.0).clamp(0.0, last);
    let (low, rest) = (place.floor(), place - place.floor());
    let next = sorted[(low + 1.0).min(last) as usize];
    sorted[low as usize] + rest * (next - sorted[low as usize])
}

fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

#[cfg(test)]
#[path = "bootstrap/tests.rs"]
mod tests;
