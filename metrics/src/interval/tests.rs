//! Known answers (SciPy 1.17, statsmodels 0.15) and properties of the intervals.

use super::*;
use proptest::prelude::*;

fn near(got: f64, known: f64) {
    assert!((got - known).abs() < 1e-6, "{got} is not {known}");
}

fn rate(k: u32, n: u32) -> Bounds {
    wilson(f64::from(k) / f64::from(n), f64::from(n), 0.95)
}

#[test]
fn quantiles_are_those_of_the_textbook() {
    assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    assert!((normal_quantile(0.5)).abs() < 1e-15);
    assert!((normal_quantile(1e-10) + 6.361_340_902_404_056).abs() < 1e-9);
    // scipy.stats.t.ppf
    near(t_quantile(0.975, 1.0), 12.706_204_736_174_7);
    near(t_quantile(0.975, 2.0), 4.302_652_729_749_46);
    near(t_quantile(0.975, 10.0), 2.228_138_851_986_27);
    near(t_quantile(0.975, 100.0), 1.983_971_518_523_55);
    near(t_quantile(0.995, 30.0), 2.749_995_653_567_23);
    near(t_quantile(0.025, 10.0), -2.228_138_851_986_27);
    // The two ways of computing it meet.
    assert!((t_quantile(0.975, 9_999.9) - t_quantile(0.975, 10_000.1)).abs() < 1e-8);
}

#[test]
fn wilson_gives_the_known_limits() {
    for (k, n, low, high) in [
        (0, 10, 0.0, 0.277_533),
        (3, 20, 0.052_369, 0.360_419),
        (10, 10, 0.722_467, 1.0),
        (81, 263, 0.255_289, 0.366_210),
    ] {
        let bounds = rate(k, n);
        near(bounds.low, low);
        near(bounds.high, high);
    }
}

#[test]
fn newcombe_gives_the_known_limits() {
    for ((k1, n1), (k2, n2), low, high) in [
        ((56, 70), (48, 80), 0.052_431, 0.333_873),
        ((9, 10), (3, 10), 0.170_523, 0.809_018),
        ((0, 20), (0, 10), -0.277_533, 0.161_125),
        ((12, 40), (48, 80), -0.455_876, -0.110_768),
        ((450, 1000), (470, 1000), -0.063_541, 0.023_648),
        ((45, 100), (47, 100), -0.155_053, 0.116_093),
        ((300, 1000), (470, 1000), -0.211_494, -0.127_640),
    ] {
        let bounds = difference(rate(k1, n1), rate(k2, n2));
        near(bounds.low, low);
        near(bounds.high, high);
    }
}

#[test]
fn delong_on_the_logit_gives_the_known_limits() {
    let bounds = logit_normal(0.8125, 0.028_645_833_333_333_333_f64.sqrt(), 0.95);
    near(bounds.low, 0.329_346);
    near(bounds.high, 0.974_514);
}

#[test]
fn mover_r_is_the_textbook_formula() {
    // Donner and Zou's own arrangement of the lower limit, where its divisor is well away from 0.
    let (a, b) = (rate(56, 70), rate(48, 80));
    let x = a.value * b.value;
    let above = b.high * (2.0 * b.value - b.high);
    let low = (x - (x * x - a.low * above * (2.0 * a.value - a.low)).sqrt()) / above;
    let bounds = ratio(a, b).unwrap();
    near(bounds.value, 4.0 / 3.0);
    near(bounds.low, low);
    // It lies between Katz's and Koopman's limits, which bracket it on this table.
    assert!(bounds.low > 1.07 && bounds.low < 1.09 && bounds.high > 1.64 && bounds.high < 1.68);
}

#[test]
fn one_selected_row_does_not_prove_four_fifths() {
    // 0 of 1 against 10 of 20: an adjusted log interval would pass this.
    let bounds = ratio(rate(0, 1), rate(10, 20)).unwrap();
    assert!(bounds.low == 0.0 && bounds.high > 1.0);
}

#[test]
fn a_ratio_to_nothing_has_no_limits() {
    assert!(ratio(rate(3, 10), rate(0, 10)).is_none());
}

#[test]
fn a_perfect_area_from_few_rows_is_wide() {
    let bounds = perfect_auc(1.0, 3.0, 0.95);
    near(bounds.low, 0.025_f64.powf(1.0 / 3.0));
    assert!(bounds.high >= 1.0);
    near(perfect_auc(0.0, 3.0, 0.95).high, 1.0 - bounds.low);
}

proptest! {
    #[test]
    fn wilson_stays_in_the_unit_interval_and_holds_its_value(
        n in 1_u32..100_000, share in 0.0_f64..=1.0, level in 0.5_f64..0.9999,
    ) {
        let k = (f64::from(n) * share).floor();
        let bounds = wilson(k / f64::from(n), f64::from(n), level);
        prop_assert!(bounds.low >= 0.0 && bounds.high <= 1.0);
        prop_assert!(bounds.low <= bounds.value && bounds.value <= bounds.high);
    }

    #[test]
    fn newcombe_changes_its_sign_under_swap(
        (k1, n1) in some_rate(), (k2, n2) in some_rate(),
    ) {
        let (there, back) =
            (difference(rate(k1, n1), rate(k2, n2)), difference(rate(k2, n2), rate(k1, n1)));
        prop_assert!((there.low + back.high).abs() < 1e-12);
        prop_assert!((there.high + back.low).abs() < 1e-12);
    }

    #[test]
    fn mover_r_inverts_under_swap((k1, n1) in some_rate(), (k2, n2) in some_rate()) {
        prop_assume!(k1 > 0 && k2 > 0);
        let there = ratio(rate(k1, n1), rate(k2, n2)).unwrap();
        let back = ratio(rate(k2, n2), rate(k1, n1)).unwrap();
        prop_assert!((there.low * back.high - 1.0).abs() < 1e-9);
        prop_assert!((there.high * back.low - 1.0).abs() < 1e-9);
        prop_assert!(there.low <= there.value && there.value <= there.high);
    }

    #[test]
    fn the_complement_of_a_rate_mirrors_its_interval((k, n) in some_rate()) {
        let (rate, rest) = (rate(k, n), rate(n - k, n));
        prop_assert!((rate.low + rest.high - 1.0).abs() < 1e-12);
        prop_assert!((rate.high + rest.low - 1.0).abs() < 1e-12);
    }
}

fn some_rate() -> impl Strategy<Value = (u32, u32)> {
    (1_u32..5_000).prop_flat_map(|n| (0..=n, Just(n)))
}
