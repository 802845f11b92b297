//! The usual names of disparities, with Fairlearn's definitions.
//!
//! The same names mean other numbers elsewhere. With a true positive rate of 0.8 in A and 0.7 in B,
//! and a false positive rate of 0.1 and 0.2:
//!
//! | convention | equalized odds | value |
//! |---|---|---|
//! | Fairlearn, used here | the larger range over all groups, of either rate | 0.10 |
//! | Fairlearn, `agg="mean"` ([`mean_equalized_odds`]) | the mean of the two ranges | 0.10 |
//! | AIF360, `average_odds_difference` | ½ (ΔFPR + ΔTPR), unprivileged less privileged | 0.00 |
//! | AIF360, `average_abs_odds_difference` | ½ (abs ΔFPR + abs ΔTPR) | 0.10 |
//! | Aequitas | both ratios to a reference within 0.8 to 1.25 | false (2.0) |
//! | SageMaker Clarify, recall difference | one group against all others, recall alone | 0.10 |
//!
//! So there are four ways to pair groups: the extremes of all groups (Fairlearn), one privileged
//! against one unprivileged (AIF360), each against a named reference (Aequitas), each against the
//! rest (Clarify). [`Reference`] has the last three; signed averages cancel and are not offered.

use super::{Comparison, Disparity, Family, Kind, Reference};
use crate::catalogue::Outcome;
use crate::interval::{self, Bounds, method};
use crate::{Estimate, Interval, Slice};
use serde::{Deserialize, Serialize};

/// The names, each with its kind and the rates whose extremes it compares.
pub const ALIASES: &[(&str, Kind, &[&str])] = &[
    ("demographic_parity_difference", Kind::Difference, &["selection_rate"]),
    ("demographic_parity_ratio", Kind::Ratio, &["selection_rate"]),
    ("equalized_odds_difference", Kind::Difference, &["true_positive_rate", "false_positive_rate"]),
    ("equalized_odds_ratio", Kind::Ratio, &["true_positive_rate", "false_positive_rate"]),
    ("equal_opportunity_difference", Kind::Difference, &["true_positive_rate"]),
    ("equal_opportunity_ratio", Kind::Ratio, &["true_positive_rate"]),
];

/// A named disparity: the largest difference, or the smallest ratio, between any two groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// Its name, one of [`ALIASES`].
    pub name: String,
    /// The attributes, sorted.
    pub attributes: Vec<String>,
    /// Highest minus lowest, or lowest over highest; for equalized odds the worse of the two rates.
    pub value: Option<f64>,
    /// Interval; its level holds for all pairs of groups, and both rates, at once.
    pub interval: Option<Interval>,
    /// Which rate decided.
    pub metric: Option<String>,
    /// The group with the highest value.
    pub high: Option<Slice>,
    /// The group with the lowest value.
    pub low: Option<Slice>,
    /// Among how many pairs the error is shared.
    pub pairs: u64,
    /// Groups in which a rate is undefined, so that they could not take part. (Fairlearn counts
    /// them as 0.)
    pub left_out: Vec<Slice>,
    /// Why there is no value, or no interval.
    pub reason: Option<String>,
}

/// A named disparity between all groups of an attribute, however few rows they have; `None` when
/// there is no such name.
pub fn alias(estimates: &[Estimate], attributes: &[&str], name: &str, level: f64) -> Option<Alias> {
    let &(name, kind, metrics) = ALIASES.iter().find(|(known, _, _)| *known == name)?;
    let mut sorted: Vec<String> =
        attributes.iter().map(|name| crate::slice::normalise_name(name)).collect();
    sorted.sort();
    let mut alias = Alias {
        name: name.to_owned(),
        attributes: sorted,
        value: None,
        interval: None,
        metric: None,
        high: None,
        low: None,
        pairs: 1,
        left_out: Vec::new(),
        reason: Some("fewer than two groups have a value".to_owned()),
    };
    for metric in metrics {
        let comparison = extremes_of(metric, attributes, kind, level);
        let family = Family::of(estimates, &comparison);
        for group in family.groups.iter().filter(|group| group.value.is_none()) {
            if !alias.left_out.contains(&group.slice) {
                alias.left_out.push(group.slice.clone());
            }
        }
        let Some((high, low)) = extremes(&family) else { continue };
        let pairs = family.pairs() * metrics.len() as u64;
        let found = match kind {
            Kind::Difference => family.between(high, low, pairs),
            Kind::Ratio => family.between(low, high, pairs),
        };
        alias.take_if_worse(kind, found, metric, high, low);
    }
    Some(alias)
}

impl Alias {
    fn take_if_worse(
        &mut self,
        kind: Kind,
        found: Disparity,
        metric: &str,
        high: &Estimate,
        low: &Estimate,
    ) {
        let worse = match (self.value, found.value, kind) {
            (None, _, _) => true,
            (Some(_), None, _) => false,
            (Some(old), Some(new), Kind::Difference) => new > old,
            (Some(old), Some(new), Kind::Ratio) => new < old,
        };
        if worse {
            self.value = found.value;
            self.interval = found.interval;
            self.pairs = found.pairs;
            self.reason = found.reason;
            self.metric = Some(metric.to_owned());
            self.high = Some(high.slice.clone());
            self.low = Some(low.slice.clone());
        }
    }
}

/// The mean of the disparities in the true and in the false positive rate, between the extremes of
/// each: Fairlearn's equalized odds with `agg="mean"`. It hides which of the two is worse.
///
/// Its interval is MOVER's, from positives and negatives, which are different rows; its level holds
/// for every choice of a pair of groups in either rate.
pub fn mean_equalized_odds(
    estimates: &[Estimate],
    attributes: &[&str],
    kind: Kind,
    level: f64,
) -> Alias {
    let name = match kind {
        Kind::Difference => "equalized_odds_difference",
        Kind::Ratio => "equalized_odds_ratio",
    };
    let [positive, negative] = ["true_positive_rate", "false_positive_rate"].map(|metric| {
        let comparison = extremes_of(metric, attributes, kind, level);
        let family = Family::of(estimates, &comparison);
        let missing = family.groups.iter().filter(|group| group.value.is_none());
        let left_out: Vec<Slice> = missing.map(|group| group.slice.clone()).collect();
        (family.attributes.clone(), family.pairs(), left_out)
    });
    let pairs = positive.1 * negative.1;
    let each = 1.0 - (1.0 - level) / pairs as f64;
    let parts = ["true_positive_rate", "false_positive_rate"].map(|metric| {
        let comparison = extremes_of(metric, attributes, kind, each);
        let family = Family::of(estimates, &comparison);
        let (high, low) =
            extremes(&family).ok_or_else(|| "fewer than two groups have a value".to_owned())?;
        let found = match kind {
            Kind::Difference => family.between(high, low, 1),
            Kind::Ratio => family.between(low, high, 1),
        };
        Ok::<_, String>(found)
    });
    let mut left_out = positive.2;
    for slice in negative.2 {
        if !left_out.contains(&slice) {
            left_out.push(slice);
        }
    }
    let mut alias = Alias {
        name: format!("{name}_mean"),
        attributes: positive.0,
        value: None,
        interval: None,
        metric: None,
        high: None,
        low: None,
        pairs,
        left_out,
        reason: None,
    };
    match parts {
        [Ok(a), Ok(b)] => {
            alias.value = a.value.zip(b.value).map(|(a, b)| f64::midpoint(a, b));
            alias.interval = bounds(&a)
                .zip(bounds(&b))
                .map(|(a, b)| interval::average(a, b).interval(level, method::MOVER_D));
            alias.reason = a.reason.or(b.reason);
        }
        [Err(why), _] | [_, Err(why)] => alias.reason = Some(why),
    }
    alias
}

fn bounds(disparity: &Disparity) -> Option<Bounds> {
    let ends = disparity.interval.as_ref()?;
    Some(Bounds { value: disparity.value?, low: ends.low, high: ends.high })
}

/// Extremes as such, highest and lowest, however few rows a group has.
fn extremes_of<'a>(
    metric: &'a str,
    attributes: &'a [&'a str],
    kind: Kind,
    level: f64,
) -> Comparison<'a> {
    Comparison {
        metric,
        attributes,
        kind,
        reference: Reference::Best,
        outcome: Outcome::Neutral,
        level,
        least_n: 0,
    }
}

/// The groups with the highest and the lowest value, two different ones.
fn extremes<'a>(family: &Family<'a>) -> Option<(&'a Estimate, &'a Estimate)> {
    let mut defined: Vec<&Estimate> =
        family.groups.iter().copied().filter(|group| group.value.is_some()).collect();
    defined.sort_by(|a, b| a.value.unwrap_or(0.0).total_cmp(&b.value.unwrap_or(0.0)));
    match defined.as_slice() {
        [low, .., high] => Some((high, low)),
        _ => None,
    }
}
