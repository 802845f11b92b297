//! Ratios against textbook variances.

use super::*;
use proptest::prelude::*;

fn of(units: &[(f64, f64)]) -> Ratio {
    let mut ratio = Ratio::default();
    for &(x, w) in units {
        ratio.add(x, w);
    }
    ratio
}

#[test]
fn of_unweighted_rows_the_variance_is_that_of_a_mean() {
    // Mean 2.5, s² = 5/3, so SE = sqrt(5/12).
    let ratio = of(&[(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0)]);
    assert_eq!(ratio.value(), Some(2.5));
    assert!((ratio.stderr().unwrap() - (5.0_f64 / 12.0).sqrt()).abs() < 1e-12);
    assert!((ratio.effective() - 4.0).abs() < 1e-12);
}

#[test]
fn kish_counts_weighted_units() {
    let ratio = of(&[(1.0, 1.0), (0.0, 1.0), (2.0, 2.0), (0.0, 4.0)]);
    assert!((ratio.effective() - 2.909_091).abs() < 1e-6);
}

#[test]
fn one_unit_or_no_spread_has_no_standard_error_and_nothing_has_no_value() {
    assert_eq!(of(&[(3.0, 1.0)]).stderr(), None);
    assert_eq!(of(&[(3.0, 1.0), (3.0, 1.0)]).stderr(), None);
    assert_eq!(of(&[]).value(), None);
}

const DESIGN: Design = Design { weighted: false, units: Units::Alone, level: 0.95 };

#[test]
fn rows_of_few_clusters_know_less_than_they_seem_to() {
    // Ten clusters of ten rows, each all yes or all no: ten independent answers, not a hundred.
    let mut tally = Tally { rows: 100, hits: 50, ..Tally::default() };
    (0..10).for_each(|cluster| tally.ratio.add(f64::from(cluster % 2) * 10.0, 10.0));
    let design = Design { units: Units::Together, ..DESIGN };
    let rate = tally.rate(&Slice::overall(), "toxicity_rate", design, "no rows");
    assert_eq!(rate.value, Some(0.5));
    assert!((rate.n_effective.unwrap() - 9.0).abs() < 1e-9);
    assert_eq!(rate.interval.unwrap().method, method::WILSON_CLUSTER);
    assert_eq!((rate.numerator, rate.denominator), (None, None), "counts would contradict it");
}

#[test]
fn a_mean_of_equal_values_says_how_little_it_knows() {
    let mut tally = Tally { rows: 3, ..Tally::default() };
    (0..3).for_each(|_| tally.ratio.add(1.0, 1.0));
    let bounded = tally.mean(&Slice::overall(), "ndcg@10", DESIGN, "no queries");
    let ends = bounded.interval.unwrap();
    assert!(ends.low < 0.5 && ends.high >= 1.0, "{ends:?}");
    let open = tally.mean(&Slice::overall(), "mean_absolute_error", DESIGN, "no rows");
    assert_eq!((open.value, open.interval), (Some(1.0), None));
}

proptest! {
    #[test]
    fn a_common_factor_of_weights_changes_neither_value_nor_error(
        units in prop::collection::vec((-5.0_f64..5.0, 0.1_f64..4.0), 2..40),
        factor in 0.01_f64..50.0,
    ) {
        let plain = of(&units.iter().map(|&(v, w)| (v * w, w)).collect::<Vec<_>>());
        let scaled =
            of(&units.iter().map(|&(v, w)| (v * w * factor, w * factor)).collect::<Vec<_>>());
        let same = |a: f64, b: f64| (a - b).abs() < 1e-9 * a.abs().max(1.0);
        prop_assert!(same(plain.value().unwrap(), scaled.value().unwrap()));
        prop_assert!(same(plain.stderr().unwrap_or(0.0), scaled.stderr().unwrap_or(0.0)));
        prop_assert!(plain.effective() <= units.len() as f64 + 1e-9);
    }
}
