//! Disparities: how a metric differs between the groups of an attribute, from estimates alone.
//!
//! Nothing here sees a row, so what a server stored can be compared again at any time, against any
//! reference and at any level.

mod alias;
mod explore;
mod four_fifths;
mod null_band;
mod resample;
mod rest;

pub use alias::{ALIASES, Alias, alias, mean_equalized_odds};
pub use explore::{Exploration, Explored, FALSE_DISCOVERY_RATE, explore, p_value};
pub use four_fifths::{FOUR_FIFTHS, FourFifths, ImpactRatio, four_fifths};
pub use null_band::{AgainstChance, NullBand, SIMULATIONS, null_band, null_band_of};
#[cfg(feature = "read")]
pub(crate) use resample::resample_with;
pub use resample::{Resampled, ResampledEstimate, Resampling, resample};

use crate::catalogue::{self, Direction, Outcome};
use crate::interval::{self, Bounds, method};
use crate::{Estimate, Interval, Slice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Fewer rows than this in its denominator, and a group is never the reference.
pub const LEAST_N: u64 = 30;

/// How two groups are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Kind {
    /// Group minus reference; 0 is no disparity.
    Difference,
    /// Group over reference; 1 is no disparity.
    Ratio,
}

/// What a group is compared with. In text `best`, `overall`, `rest` or `group:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub enum Reference {
    /// The group whose value is best, among those with enough rows; where neither way is better,
    /// the group with the highest value.
    Best,
    /// All rows, the group's own included.
    Overall,
    /// All rows but the group's own.
    Rest,
    /// A named group; for several attributes its groups joined by `|`, in the order of attributes.
    Group(String),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Best => f.write_str("best"),
            Self::Overall => f.write_str("overall"),
            Self::Rest => f.write_str("rest"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "best" => Ok(Self::Best),
            "overall" => Ok(Self::Overall),
            "rest" => Ok(Self::Rest),
            _ => match text.strip_prefix("group:") {
                Some(name) if !name.trim().is_empty() => Ok(Self::Group(name.trim().to_owned())),
                _ => Err(format!(
                    "`{text}` is no reference (expected best, overall, rest or group:NAME)"
                )),
            },
        }
    }
}

impl TryFrom<String> for Reference {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

/// One group compared with its reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disparity {
    /// The metric's key.
    pub metric: String,
    /// The attributes whose groups are compared, sorted; several for intersections.
    pub attributes: Vec<String>,
    /// Difference or ratio.
    pub kind: Kind,
    /// What was asked for as reference.
    pub reference: Reference,
    /// The group.
    pub slice: Slice,
    /// The group it is compared with, where that is one group (or overall).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_slice: Option<Slice>,
    /// Difference in the metric's unit, or ratio; `None` when undefined.
    pub value: Option<f64>,
    /// Interval; against the best group its level holds for all `pairs` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Among how many pairs the error is shared: G(G−1)/2 against the best group, which the data
    /// chose, else 1.
    pub pairs: u64,
    /// The group's n.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// The reference's n.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_n: Option<u64>,
    /// Whether the group has fewer rows than the least n: shown, but weigh it accordingly.
    #[serde(default)]
    pub below_least_n: bool,
    /// Why there is no value, or a value without interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison<'a> {
    /// The metric's key.
    pub metric: &'a str,
    /// The attributes; one, or the family of an intersection, in any order.
    pub attributes: &'a [&'a str],
    /// Difference or ratio.
    pub kind: Kind,
    /// Compared with what.
    pub reference: Reference,
    /// What a positive prediction means; it decides which group is best.
    pub outcome: Outcome,
    /// Confidence level of the intervals.
    pub level: f64,
    /// Groups with a smaller n are never the best.
    pub least_n: u64,
}

impl<'a> Comparison<'a> {
    /// A comparison with the best group at 95 %, with the usual least n.
    pub fn with_best(
        metric: &'a str,
        attributes: &'a [&'a str],
        kind: Kind,
        outcome: Outcome,
    ) -> Self {
        let reference = Reference::Best;
        Self { metric, attributes, kind, reference, outcome, level: 0.95, least_n: LEAST_N }
    }
}

/// The metrics from which others at another level, or of the rest, are derived: the true and the
/// false positive rate tell the confusion matrix that F1 and balanced accuracy are made of. Estimates
/// of them belong among those that are compared.
pub fn beside(metric: &str) -> &'static [&'static str] {
    match metric {
        "f1" | "balanced_accuracy" => &["true_positive_rate", "false_positive_rate"],
        _ => &[],
    }
}

/// Compares every group of an attribute (or of an intersection) on one metric, in the order of the
/// estimates. Groups whose estimate is undefined or without n are listed with the reason.
pub fn compare<'a>(
    estimates: impl IntoIterator<Item = &'a Estimate>,
    comparison: &'a Comparison<'a>,
) -> Vec<Disparity> {
    let family = Family::of(estimates, comparison);
    family
        .groups
        .iter()
        .map(|group| match &comparison.reference {
            Reference::Best => family.against_best(group),
            Reference::Overall => family.against_overall(group),
            Reference::Rest => family.against_rest(group),
            Reference::Group(name) => family.against_named(group, name),
        })
        .collect()
}

/// The extremes of an attribute on one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The metric's key.
    pub metric: String,
    /// The attributes, sorted.
    pub attributes: Vec<String>,
    /// The best group among those with enough rows.
    pub best: Option<Slice>,
    /// The worst group among those with enough rows. Chosen by the data, as the best is.
    pub worst: Option<Slice>,
    /// Worst minus best; its interval holds for all pairs at once.
    pub difference: Option<Disparity>,
    /// Worst over best.
    pub ratio: Option<Disparity>,
    /// Groups whose value is defined.
    pub groups: usize,
    /// Groups that could not be judged: undefined, without n, or with too few rows.
    pub left_out: Vec<Slice>,
    /// Why there is no best and worst.
    pub reason: Option<String>,
}

/// The worst and the best group of an attribute on one metric, and the gap between them. `kind` and
/// `reference` of the comparison do not matter. Where neither way is better, best is the highest and
/// worst the lowest value.
pub fn summarise<'a>(
    estimates: impl IntoIterator<Item = &'a Estimate>,
    comparison: &Comparison,
) -> Summary {
    let estimates: Vec<&Estimate> = estimates.into_iter().collect();
    let with = |kind| Comparison { kind, reference: Reference::Best, ..comparison.clone() };
    let (difference, ratio) = (with(Kind::Difference), with(Kind::Ratio));
    let family = Family::of(estimates.iter().copied(), &difference);
    let eligible = family.eligible();
    let best = family.best;
    let worst = eligible.iter().copied().reduce(|a, b| if family.better(b, a) { a } else { b });
    let pair = best.zip(worst).filter(|_| eligible.len() > 1);
    let reason = match eligible.len() {
        0 => Some("no group has enough rows".to_owned()),
        1 => Some("only one group has enough rows".to_owned()),
        _ => None,
    };
    Summary {
        metric: comparison.metric.to_owned(),
        attributes: family.attributes.clone(),
        best: pair.map(|(best, _)| best.slice.clone()),
        worst: pair.map(|(_, worst)| worst.slice.clone()),
        difference: pair.map(|(_, worst)| family.against_best(worst)),
        ratio: pair
            .map(|(_, worst)| Family::of(estimates.iter().copied(), &ratio).against_best(worst)),
        groups: family.groups.iter().filter(|group| group.value.is_some()).count(),
        left_out: family
            .groups
            .iter()
            .filter(|group| !eligible.iter().any(|e| e.slice == group.slice))
            .map(|group| group.slice.clone())
            .collect(),
        reason,
    }
}

/// The groups of one attribute (or intersection) on one metric.
struct Family<'a> {
    all: Vec<&'a Estimate>,
    groups: Vec<&'a Estimate>,
    overall: Option<&'a Estimate>,
    /// The best group with enough rows: looked for once, not once for each that is compared.
    best: Option<&'a Estimate>,
    direction: Direction,
    /// How an interval of a comparison was made.
    method: &'static str,
    attributes: Vec<String>,
    comparison: &'a Comparison<'a>,
}

impl<'a> Family<'a> {
    fn of(
        estimates: impl IntoIterator<Item = &'a Estimate>,
        comparison: &'a Comparison<'a>,
    ) -> Self {
        let all: Vec<&Estimate> = estimates.into_iter().collect();
        let mut attributes: Vec<String> =
            comparison.attributes.iter().map(|name| crate::slice::normalise_name(name)).collect();
        attributes.sort();
        let of_metric =
            || all.iter().copied().filter(|estimate| estimate.metric == comparison.metric);
        let groups = of_metric()
            .filter(|estimate| {
                !estimate.slice.is_overall()
                    && estimate.slice.attributes().eq(attributes.iter().map(String::as_str))
            })
            .collect();
        let overall = of_metric().find(|estimate| estimate.slice.is_overall());
        let metric = catalogue::find(comparison.metric);
        let direction =
            metric.map_or(Direction::Neither, |metric| metric.direction(comparison.outcome));
        let is_rate = metric.is_some_and(|metric| metric.kind == catalogue::Kind::Rate);
        let method = match comparison.kind {
            Kind::Difference if is_rate => method::NEWCOMBE,
            Kind::Difference => method::MOVER_D,
            Kind::Ratio => method::MOVER_R,
        };
        let mut family =
            Self { all, groups, overall, best: None, direction, method, attributes, comparison };
        let better = |best, group| if family.better(group, best) { group } else { best };
        family.best = family.eligible().into_iter().reduce(better);
        family
    }

    fn has_enough(&self, group: &Estimate) -> bool {
        group.n.is_some_and(|n| n >= self.comparison.least_n)
    }

    fn eligible(&self) -> Vec<&'a Estimate> {
        let fits = |group: &&Estimate| group.value.is_some() && self.has_enough(group);
        self.groups.iter().copied().filter(fits).collect()
    }

    /// Whether `a` is strictly better than `b`.
    fn better(&self, a: &Estimate, b: &Estimate) -> bool {
        match (a.value, b.value) {
            (Some(a), Some(b)) if self.direction == Direction::Lower => a < b,
            (Some(a), Some(b)) => a > b,
            _ => false,
        }
    }

    /// Pairs among which the best could have been chosen.
    fn pairs(&self) -> u64 {
        let groups = self.groups.iter().filter(|group| group.value.is_some()).count() as u64;
        (groups * groups.saturating_sub(1) / 2).max(1)
    }

    fn blank(&self, group: &Estimate) -> Disparity {
        Disparity {
            metric: self.comparison.metric.to_owned(),
            attributes: self.attributes.clone(),
            kind: self.comparison.kind,
            reference: self.comparison.reference.clone(),
            slice: group.slice.clone(),
            reference_slice: None,
            value: None,
            interval: None,
            pairs: 1,
            n: group.n,
            reference_n: None,
            below_least_n: !self.has_enough(group),
            reason: None,
        }
    }

    fn against_best(&self, group: &Estimate) -> Disparity {
        if let Some(best) = self.best {
            return self.between(group, best, self.pairs());
        }
        let reason = format!("no group has {} rows", self.comparison.least_n);
        Disparity { reason: Some(reason), ..self.blank(group) }
    }

    fn against_named(&self, group: &Estimate, name: &str) -> Disparity {
        let named = self.groups.iter().find(|candidate| {
            let groups: Vec<&str> = candidate.slice.pairs().map(|(_, group)| group).collect();
            groups.join("|") == name
        });
        match named {
            Some(named) => self.between(group, named, 1),
            None => Disparity { reason: Some(format!("no group `{name}`")), ..self.blank(group) },
        }
    }

    /// Two disjoint groups.
    fn between(&self, group: &Estimate, reference: &Estimate, pairs: u64) -> Disparity {
        let mut disparity = Disparity {
            reference_slice: Some(reference.slice.clone()),
            reference_n: reference.n,
            pairs,
            ..self.blank(group)
        };
        if group.slice == reference.slice {
            disparity.value = group.value.map(|_| match self.comparison.kind {
                Kind::Difference => 0.0,
                Kind::Ratio => 1.0,
            });
            disparity.reason = Some("it is the reference itself".to_owned());
            return disparity;
        }
        self.point(&mut disparity, group.value, reference.value);
        if disparity.value.is_none() {
            disparity.reason.get_or_insert_with(|| why_undefined(group, reference));
            return disparity;
        }
        let level = 1.0 - (1.0 - self.comparison.level) / pairs as f64;
        match (self.bounds(group, level), self.bounds(reference, level)) {
            (Ok(a), Ok(b)) => self.fill(&mut disparity, self.combine(a, b)),
            (Err(why), _) => disparity.reason = Some(format!("{}: {why}", group.slice.label())),
            (_, Err(why)) => disparity.reason = Some(format!("{}: {why}", reference.slice.label())),
        }
        disparity
    }

    /// The point estimate of two values.
    fn point(&self, disparity: &mut Disparity, a: Option<f64>, b: Option<f64>) {
        let (Some(a), Some(b)) = (a, b) else { return };
        match self.comparison.kind {
            Kind::Difference => disparity.value = Some(a - b),
            Kind::Ratio if b > 0.0 && a >= 0.0 => disparity.value = Some(a / b),
            Kind::Ratio if b == 0.0 => {
                disparity.reason = Some("the reference is 0, so there is no ratio".to_owned());
            }
            Kind::Ratio => {
                disparity.reason = Some("a ratio of negative values says nothing".to_owned());
            }
        }
    }

    /// Limits of the estimate at a level, where need be by way of the confusion matrix.
    fn bounds(&self, estimate: &Estimate, level: f64) -> Result<Bounds, String> {
        estimate.bounds(level).or_else(|why| {
            rest::confusion(&self.all, &estimate.slice)
                .and_then(|counts| crate::rates::of_confusion(&estimate.metric, &counts, level))
                .map_or(Err(why), |estimate| estimate.bounds(level))
        })
    }

    fn combine(&self, a: Bounds, b: Bounds) -> Result<Bounds, String> {
        match self.comparison.kind {
            Kind::Difference => Ok(interval::difference(a, b)),
            Kind::Ratio => interval::ratio(a, b)
                .ok_or_else(|| "the reference may be 0, so the ratio has no bound".to_owned()),
        }
    }

    fn fill(&self, disparity: &mut Disparity, bounds: Result<Bounds, String>) {
        match bounds {
            Ok(bounds) => {
                disparity.interval = Some(bounds.interval(self.comparison.level, self.method));
            }
            Err(why) => disparity.reason = Some(why),
        }
    }
}

/// Why a comparison has no value: because one of its sides has none.
fn why_undefined(group: &Estimate, reference: &Estimate) -> String {
    let side = if group.value.is_none() { group } else { reference };
    let why = side.undefined.as_deref().unwrap_or("undefined");
    format!("{}: {why}", side.slice.label())
}

#[cfg(test)]
#[path = "disparity/tests.rs"]
mod tests;
