//! Comparisons on small tables whose answers are known.

use super::*;
use crate::counts::Counts;
use crate::rates::{self, Setting};
use crate::scores::Scored;

const SETTING: Setting =
    Setting { weighted: false, scored: false, threshold: Some(0.5), level: 0.95 };

/// Estimates of groups of `sex`-like attribute `g` from TP, FP, FN, TN, with overall.
fn run(groups: &[(&str, [u64; 4])]) -> Vec<Estimate> {
    let counts = |[tp, fp, missed, tn]: [u64; 4]| Counts::of_confusion(tp, fp, missed, tn);
    let overall =
        groups.iter().fold(Counts::default(), |all, (_, cells)| all.plus(&counts(*cells)));
    let mut all = rates::estimates(&Slice::overall(), &overall, &Scored::default(), SETTING);
    for (name, cells) in groups {
        let slice = Slice::new([("g", *name)]).unwrap();
        all.extend(rates::estimates(&slice, &counts(*cells), &Scored::default(), SETTING));
    }
    all
}

fn selection(k: u64, n: u64) -> [u64; 4] {
    [k, 0, 0, n - k]
}

fn comparison(metric: &str, kind: Kind, reference: Reference) -> Comparison<'_> {
    Comparison { reference, ..Comparison::with_best(metric, &["g"], kind, Outcome::Favourable) }
}

fn of<'a>(disparities: &'a [Disparity], group: &str) -> &'a Disparity {
    disparities.iter().find(|d| d.slice.group("g") == Some(group)).unwrap()
}

#[test]
fn two_groups_give_newcombes_known_interval() {
    let estimates = run(&[("a", selection(56, 70)), ("b", selection(48, 80))]);
    let query = comparison("selection_rate", Kind::Difference, Reference::Group("b".to_owned()));
    let found = compare(&estimates, &query);
    let interval = of(&found, "a").interval.clone().unwrap();
    assert!((interval.low - 0.052_431).abs() < 1e-6 && (interval.high - 0.333_873).abs() < 1e-6);
    assert_eq!(interval.method, "newcombe");
    assert_eq!(of(&found, "b").reason.as_deref(), Some("it is the reference itself"));
}

#[test]
fn best_follows_the_outcome_and_skips_groups_with_few_rows() {
    let estimates =
        run(&[("a", selection(50, 100)), ("b", selection(30, 100)), ("few", selection(5, 5))]);
    let mut query = comparison("selection_rate", Kind::Ratio, Reference::Best);
    let found = compare(&estimates, &query);
    assert_eq!(of(&found, "b").reference_slice.as_ref().unwrap().group("g"), Some("a"));
    assert!(of(&found, "few").below_least_n && of(&found, "few").value == Some(2.0));
    assert_eq!(of(&found, "b").pairs, 3);
    query.outcome = Outcome::Adverse;
    let found = compare(&estimates, &query);
    assert_eq!(of(&found, "a").reference_slice.as_ref().unwrap().group("g"), Some("b"));
}

#[test]
fn the_interval_against_the_best_widens_with_the_number_of_pairs() {
    let two = run(&[("a", selection(5_000, 10_000)), ("b", selection(4_000, 10_000))]);
    let five = run(&[
        ("a", selection(5_000, 10_000)),
        ("b", selection(4_000, 10_000)),
        ("c", selection(4_500, 10_000)),
        ("d", selection(4_500, 10_000)),
        ("e", selection(4_500, 10_000)),
    ]);
    let query = comparison("selection_rate", Kind::Difference, Reference::Best);
    let width = |estimates: &[Estimate]| {
        let found = compare(estimates, &query);
        let interval = of(&found, "b").interval.clone().unwrap();
        interval.high - interval.low
    };
    // Two groups are one pair, so nothing is shared; five are ten pairs: 0.995 in place of 0.95.
    assert!((width(&five) / width(&two) - 2.807 / 1.96).abs() < 0.02);
}

#[test]
fn against_overall_is_against_the_rest_times_the_share_of_the_rest() {
    let estimates = run(&[("a", selection(50, 100)), ("b", selection(90, 300))]);
    let rest =
        compare(&estimates, &comparison("selection_rate", Kind::Difference, Reference::Rest));
    let all =
        compare(&estimates, &comparison("selection_rate", Kind::Difference, Reference::Overall));
    let (rest, all) = (of(&rest, "a"), of(&all, "a"));
    assert!((rest.value.unwrap() - 0.2).abs() < 1e-12);
    assert!((all.value.unwrap() - 0.15).abs() < 1e-12);
    let (rest, all) = (rest.interval.clone().unwrap(), all.interval.clone().unwrap());
    assert!((all.low - 0.75 * rest.low).abs() < 1e-12);
    assert!((all.high - 0.75 * rest.high).abs() < 1e-12);
}

#[test]
fn the_ratio_to_overall_holds_its_value_and_agrees_with_the_difference_on_the_side_of_one() {
    let estimates = run(&[("a", selection(50, 100)), ("b", selection(90, 300))]);
    let query = comparison("selection_rate", Kind::Ratio, Reference::Overall);
    let found = compare(&estimates, &query);
    let (value, interval) =
        (of(&found, "a").value.unwrap(), of(&found, "a").interval.clone().unwrap());
    assert!((value - 0.5 / 0.35).abs() < 1e-12);
    assert!(1.0 < interval.low && interval.low < value && value < interval.high);
}

#[test]
fn f1_of_the_rest_comes_from_the_confusion_matrices() {
    let estimates = run(&[("a", [30, 10, 10, 50]), ("b", [20, 20, 5, 55]), ("c", [9, 9, 9, 9])]);
    let found = compare(&estimates, &comparison("f1", Kind::Difference, Reference::Rest));
    let rest = 2.0 * 29.0 / (2.0 * 29.0 + 29.0 + 14.0);
    let a = of(&found, "a");
    assert!((a.value.unwrap() - (60.0 / 80.0 - rest)).abs() < 1e-12);
    let interval = a.interval.clone().unwrap();
    assert!(interval.low < a.value.unwrap() && a.value.unwrap() < interval.high);
    let overall = compare(&estimates, &comparison("f1", Kind::Difference, Reference::Overall));
    assert!(of(&overall, "a").interval.is_some());
}

#[test]
fn an_undefined_group_is_listed_with_its_reason_and_never_counts_as_zero() {
    let estimates = run(&[("a", [40, 5, 10, 45]), ("b", [0, 20, 0, 80]), ("c", [30, 5, 20, 45])]);
    let query = comparison("true_positive_rate", Kind::Difference, Reference::Best);
    let found = compare(&estimates, &query);
    assert_eq!(of(&found, "b").value, None);
    assert_eq!(of(&found, "b").reason.as_deref(), Some("b: no positives"));
    assert_eq!(of(&found, "c").pairs, 1);
    let summary = summarise(&estimates, &query);
    assert_eq!(summary.worst.unwrap().group("g"), Some("c"));
    assert_eq!(summary.left_out, [Slice::new([("g", "b")]).unwrap()]);
    let alias = alias(&estimates, &["g"], "equal_opportunity_difference", 0.95).unwrap();
    assert!((alias.value.unwrap() - 0.2).abs() < 1e-12);
    assert_eq!(alias.left_out.len(), 1);
}

#[test]
fn nothing_selected_anywhere_has_a_difference_but_no_ratio() {
    let estimates = run(&[("a", selection(0, 40)), ("b", selection(0, 50))]);
    let ratio = compare(&estimates, &comparison("selection_rate", Kind::Ratio, Reference::Rest));
    assert_eq!(of(&ratio, "a").value, None);
    assert_eq!(of(&ratio, "a").reason.as_deref(), Some("the reference is 0, so there is no ratio"));
    let gap = compare(&estimates, &comparison("selection_rate", Kind::Difference, Reference::Rest));
    assert_eq!(of(&gap, "a").value, Some(0.0));
    assert!(of(&gap, "a").interval.is_some());
}

#[test]
fn a_reported_estimate_without_n_has_no_interval_and_is_never_the_best() {
    let mut estimates = run(&[("a", selection(50, 100)), ("b", selection(30, 100))]);
    for estimate in &mut estimates {
        if estimate.slice.group("g") == Some("a") {
            (estimate.n, estimate.numerator, estimate.denominator) = (None, None, None);
            estimate.interval = None;
        }
    }
    let found =
        compare(&estimates, &comparison("selection_rate", Kind::Difference, Reference::Best));
    let a = of(&found, "a");
    assert_eq!(a.reference_slice.as_ref().unwrap().group("g"), Some("b"));
    assert_eq!((a.interval.clone(), a.reason.as_deref()), (None, Some("a: reported without n")));
}

#[test]
fn a_reference_reads_back_from_its_text() {
    for text in ["best", "overall", "rest", "group:a|b"] {
        assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
    }
    assert!("group:".parse::<Reference>().is_err() && "mean".parse::<Reference>().is_err());
}
