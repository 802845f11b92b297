//! The four-fifths rule, with all that it takes to read it: the interval of the ratio, a test, the
//! number of people that are missing, and whether one decision more would change the answer.
//!
//! The rule is practice, not law: it flags a selection rate below four fifths of the highest one.
//! On small numbers it flags chance; on large ones it lets real differences pass.
//!
//! Source: 29 CFR 1607.4(D), which says both.

use super::null_band::counted;
use super::{Comparison, Family};
use crate::catalogue::Outcome;
use crate::interval::{self, Count, method};
use crate::significance::{Tested, two_rates};
use crate::{Estimate, Interval, Slice};
use serde::{Deserialize, Serialize};

/// The ratio below which the rule flags a group.
pub const FOUR_FIFTHS: f64 = 0.8;

/// The four-fifths rule on the groups of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FourFifths {
    /// The rate that the rule was applied to.
    pub metric: String,
    /// The attributes, sorted.
    pub attributes: Vec<String>,
    /// The group with the highest rate of the favourable outcome, among those with enough rows.
    pub reference: Slice,
    /// The other groups with enough rows.
    pub groups: Vec<ImpactRatio>,
    /// Groups with too few rows, or undefined.
    pub left_out: Vec<Slice>,
}

/// A group's rate over the highest rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImpactRatio {
    /// The group.
    pub slice: Slice,
    /// Rows with the favourable outcome.
    pub selected: u64,
    /// Rows.
    pub n: u64,
    /// The ratio; `None` when nobody was selected in the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// MOVER-R interval of the ratio; its level holds for all pairs of groups at once, as the
    /// data chose the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Whether the two rates differ, for this pair alone.
    pub tested: Tested,
    /// How many more of the group would have the favourable outcome at the reference's rate; a part
    /// of a person counts as one.
    pub shortfall: u64,
    /// Whether the ratio is below four fifths.
    pub flagged: bool,
    /// Flagged, but moving one favourable outcome from the reference to this group lifts the ratio
    /// to four fifths, or turns the order around: too small numbers to speak of a pattern.
    pub small_numbers: bool,
}

/// Applies the rule to a rate. With an adverse outcome the favourable one is the rest: not to be
/// selected. `kind` and `reference` of the comparison do not matter.
///
/// # Errors
/// In words, when fewer than two groups have enough rows, or one is known without its counts.
pub fn four_fifths(estimates: &[Estimate], comparison: &Comparison) -> Result<FourFifths, String> {
    let family = Family::of(estimates, comparison);
    let counted: Vec<(&Slice, Count)> = counted(&family)?
        .into_iter()
        .map(|(slice, Count { k, n })| match comparison.outcome {
            Outcome::Adverse => (slice, Count { k: n - k, n }),
            Outcome::Favourable | Outcome::Neutral => (slice, Count { k, n }),
        })
        .collect();
    let highest = counted
        .iter()
        .copied()
        .reduce(|best, group| if group.1.share() > best.1.share() { group } else { best });
    let Some((reference, best)) = highest.filter(|_| counted.len() > 1) else {
        return Err("fewer than two groups have enough rows".to_owned());
    };
    let level = 1.0 - (1.0 - comparison.level) / family.pairs() as f64;
    Ok(FourFifths {
        metric: comparison.metric.to_owned(),
        attributes: family.attributes.clone(),
        reference: reference.clone(),
        groups: counted
            .iter()
            .filter(|(slice, _)| *slice != reference)
            .map(|(slice, own)| impact_ratio(slice, *own, best, level, comparison.level))
            .collect(),
        left_out: family
            .groups
            .iter()
            .filter(|group| !counted.iter().any(|(slice, _)| **slice == group.slice))
            .map(|group| group.slice.clone())
            .collect(),
    })
}

/// `simultaneous` is the level of this interval, `level` that of all of them together.
fn impact_ratio(
    slice: &Slice,
    own: Count,
    best: Count,
    simultaneous: f64,
    level: f64,
) -> ImpactRatio {
    let wilson = |count: Count| interval::wilson(count.share(), count.n as f64, simultaneous);
    let ratio = (best.k > 0).then(|| own.share() / best.share());
    let flagged = ratio.is_some_and(|ratio| ratio < FOUR_FIFTHS);
    ImpactRatio {
        slice: slice.clone(),
        selected: own.k,
        n: own.n,
        ratio,
        interval: interval::ratio(wilson(own), wilson(best))
            .map(|bounds| bounds.interval(level, method::MOVER_R)),
        tested: two_rates(own, best),
        shortfall: shortfall(own, best),
        flagged,
        small_numbers: flagged && one_decision_changes_it(own, best),
    }
}

/// n·K/N − k of a group's k of n and the reference's K of N, in whole people and exactly.
#[expect(clippy::cast_possible_truncation, reason = "it is at most the rows of the group")]
fn shortfall(own: Count, best: Count) -> u64 {
    let at_best = (u128::from(own.n) * u128::from(best.k)).div_ceil(u128::from(best.n));
    (at_best as u64).saturating_sub(own.k)
}

/// The "flip-flop" or "N of 1" check.
fn one_decision_changes_it(own: Count, best: Count) -> bool {
    let own = (own.k + 1) as f64 / own.n as f64;
    let best = (best.k - 1) as f64 / best.n as f64;
    own >= FOUR_FIFTHS * best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::disparity::Kind;
    use crate::rates;
    use crate::significance::Test;

    fn run(groups: &[(&str, u64, u64)]) -> Vec<Estimate> {
        groups
            .iter()
            .map(|&(name, k, n)| Estimate {
                slice: Slice::new([("g", name)]).unwrap(),
                ..rates::of_confusion("selection_rate", &Counts::of_confusion(k, 0, 0, n - k), 0.95)
                    .unwrap()
            })
            .collect()
    }

    fn apply(groups: &[(&str, u64, u64)], outcome: Outcome) -> Result<FourFifths, String> {
        let comparison = Comparison::with_best("selection_rate", &["g"], Kind::Ratio, outcome);
        four_fifths(&run(groups), &comparison)
    }

    #[test]
    fn a_ratio_of_one_half_is_flagged_with_its_interval_test_and_shortfall() {
        let found = apply(&[("a", 12, 40), ("b", 48, 80)], Outcome::Favourable).unwrap();
        assert_eq!(found.reference.group("g"), Some("b"));
        let a = &found.groups[0];
        assert!((a.ratio.unwrap() - 0.5).abs() < 1e-12 && a.flagged && !a.small_numbers);
        assert_eq!(a.shortfall, 12);
        assert_eq!(a.tested.test, Test::ZPooled);
        assert!((a.tested.p_value - 0.001_946).abs() < 1e-6);
        let ends = a.interval.as_ref().unwrap();
        assert!(ends.low > 0.28 && ends.high < 0.83 && ends.method == "mover_r", "{ends:?}");
    }

    #[test]
    fn one_decision_that_would_lift_the_flag_is_said_to_be_small_numbers() {
        // 23 of 32 against 29 of 32: 0.793. One decision moved makes it 24 against 28: 0.857.
        let found = apply(&[("a", 23, 32), ("b", 29, 32)], Outcome::Favourable).unwrap();
        assert!(found.groups[0].flagged && found.groups[0].small_numbers);
        // The same ratio on a hundred times the rows stays.
        let found =
            apply(&[("a", 2_300, 3_200), ("b", 2_900, 3_200)], Outcome::Favourable).unwrap();
        assert!(found.groups[0].flagged && !found.groups[0].small_numbers);
    }

    #[test]
    fn with_an_adverse_outcome_the_rule_looks_at_those_who_were_not_selected() {
        let found = apply(&[("a", 10, 100), ("b", 60, 100)], Outcome::Adverse).unwrap();
        assert_eq!(found.reference.group("g"), Some("a"));
        assert_eq!((found.groups[0].selected, found.groups[0].n), (40, 100));
        assert!((found.groups[0].ratio.unwrap() - 0.4 / 0.9).abs() < 1e-12);
    }

    #[test]
    fn a_group_with_few_rows_is_left_out_and_nobody_selected_has_no_ratio() {
        let groups = [("a", 50, 100), ("b", 30, 100), ("few", 5, 5)];
        let found = apply(&groups, Outcome::Favourable).unwrap();
        assert_eq!(found.left_out, [Slice::new([("g", "few")]).unwrap()]);
        assert_eq!(found.groups.len(), 1);
        let none = apply(&[("a", 0, 50), ("b", 0, 60)], Outcome::Favourable).unwrap();
        assert_eq!((none.groups[0].ratio, none.groups[0].flagged), (None, false));
        assert!(apply(&[("a", 5, 50)], Outcome::Favourable).is_err());
    }
}
