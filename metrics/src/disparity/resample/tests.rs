//! What is resampled from stored counts agrees with the closed forms, and fills in where they end.

use super::*;
use crate::rates;

const PLAN: Plan = Plan { resamples: 4_000, seed: 3, level: 0.95 };
const METRICS: [&str; 5] =
    ["true_positive_rate", "false_positive_rate", "selection_rate", "f1", "balanced_accuracy"];

/// TP, FP, FN, TN.
fn run(groups: &[(&str, [u64; 4])]) -> Vec<Estimate> {
    let counts = |[tp, fp, missed, tn]: [u64; 4]| Counts::of_confusion(tp, fp, missed, tn);
    let overall =
        groups.iter().fold(Counts::default(), |all, (_, cells)| all.plus(&counts(*cells)));
    let of = |slice: Slice, counts: &Counts| {
        METRICS.map(|metric| Estimate {
            slice: slice.clone(),
            ..rates::of_confusion(metric, counts, 0.95).unwrap()
        })
    };
    let mut all = of(Slice::overall(), &overall).to_vec();
    for (name, cells) in groups {
        all.extend(of(Slice::new([("g", *name)]).unwrap(), &counts(*cells)));
    }
    all
}

const GROUPS: [(&str, [u64; 4]); 3] =
    [("a", [300, 100, 150, 450]), ("b", [200, 150, 200, 650]), ("c", [90, 40, 60, 210])];

fn resampled(form: Form) -> Resampled {
    resample(&run(&GROUPS), Outcome::Favourable, PLAN, form).unwrap()
}

#[test]
fn intervals_of_estimates_and_gaps_agree_with_the_closed_forms() {
    let estimates = run(&GROUPS);
    for form in [Form::Percentile, Form::Bca] {
        let found = resampled(form);
        assert_eq!(found.estimates.len(), estimates.len());
        for (got, known) in found.estimates.iter().zip(&estimates) {
            assert_eq!((&got.slice, &got.metric), (&known.slice, &known.metric));
            let (got, known) = (got.interval.as_ref().unwrap(), known.interval.as_ref().unwrap());
            let width = known.high - known.low;
            assert!((got.low - known.low).abs() < 0.08 * width, "{form:?} {got:?} {known:?}");
            assert!((got.high - known.high).abs() < 0.08 * width, "{form:?} {got:?} {known:?}");
        }
        for got in found.disparities.iter().filter(|it| it.metric == "selection_rate") {
            let (kind, reference) = (got.kind, got.reference.clone());
            let comparison = Comparison {
                reference,
                ..Comparison::with_best("selection_rate", &["g"], kind, Outcome::Favourable)
            };
            let known = compare(&estimates, &comparison);
            let known = known.iter().find(|it| it.slice == got.slice).unwrap();
            assert_eq!(got.value, known.value);
            let Some(known) = &known.interval else { continue };
            let (got, width) = (got.interval.as_ref().unwrap(), known.high - known.low);
            assert!((got.low - known.low).abs() < 0.12 * width, "{form:?} {got:?} {known:?}");
            assert!((got.high - known.high).abs() < 0.12 * width, "{form:?} {got:?} {known:?}");
            assert!(
                got.method.starts_with("bootstrap ") && (got.level - 0.95).abs() < 1e-12,
                "{got:?}"
            );
        }
    }
}

#[test]
fn what_has_no_closed_form_gets_an_interval() {
    // Overall balanced accuracy is no mixture of the groups', so the difference has no closed form.
    let comparison = Comparison {
        reference: Reference::Overall,
        ..Comparison::with_best("balanced_accuracy", &["g"], Kind::Difference, Outcome::Favourable)
    };
    let closed = compare(&run(&GROUPS), &comparison);
    assert!(closed.iter().all(|it| it.interval.is_none()));
    let found = resampled(Form::Percentile);
    let of = |slice: &Slice| {
        found.disparities.iter().find(|it| {
            it.metric == "balanced_accuracy"
                && it.kind == Kind::Difference
                && it.reference == Reference::Overall
                && it.slice == *slice
        })
    };
    for closed in &closed {
        let got = of(&closed.slice).unwrap();
        let (value, ends) = (got.value.unwrap(), got.interval.as_ref().unwrap());
        assert!(ends.low < value && value < ends.high && got.reason.is_none(), "{got:?}");
        assert_eq!(ends.method, "bootstrap percentile (B=4000, seed=3, ChaCha12)");
    }
}

#[test]
fn a_group_more_changes_no_numbers_of_the_others() {
    let with_more = [GROUPS.as_slice(), &[("d", [10, 20, 30, 40])]].concat();
    let more = resample(&run(&with_more), Outcome::Favourable, PLAN, Form::Percentile).unwrap();
    for estimate in resampled(Form::Percentile).estimates {
        if !estimate.slice.is_overall() {
            assert!(more.estimates.contains(&estimate), "{estimate:?}");
        }
    }
}

#[test]
fn rates_without_spread_and_ratios_to_almost_nothing_have_a_reason_and_no_interval() {
    let groups = [("a", [40, 0, 0, 60]), ("b", [1, 1, 39, 59])];
    let found = resample(&run(&groups), Outcome::Favourable, PLAN, Form::Percentile).unwrap();
    let all_found = found
        .estimates
        .iter()
        .find(|it| it.slice.group("g") == Some("a") && it.metric == "true_positive_rate")
        .unwrap();
    assert_eq!(all_found.reason.as_deref(), Some("every resample gives the same value"));
    // One false positive in 60: none at all in 36 of 100 resamples.
    let ratio = found
        .disparities
        .iter()
        .find(|it| {
            it.metric == "false_positive_rate"
                && it.kind == Kind::Ratio
                && it.reference == Reference::Overall
                && it.slice.group("g") == Some("a")
        })
        .unwrap();
    let why = ratio.reason.as_deref().unwrap();
    assert!(why.starts_with("it is undefined in") && ratio.interval.is_none(), "{why}");
    assert!(resample(&[], Outcome::Neutral, PLAN, Form::Bca).is_err());
}
