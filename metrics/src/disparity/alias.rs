//! The usual names of disparities, with Fairlearn's definitions.

use super::{Comparison, Disparity, Family, Kind, Reference};
use crate::catalogue::Outcome;
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
        let comparison = Comparison {
            metric,
            attributes,
            kind,
            reference: Reference::Best,
            // Extremes as such: highest and lowest.
            outcome: Outcome::Neutral,
            level,
            least_n: 0,
        };
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
