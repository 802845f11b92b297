//! The bootstrap agrees with closed forms where there are some, refuses where it must, and repeats.

use super::*;
use crate::interval::wilson;
use proptest::prelude::*;

const PLAN: Plan = Plan { resamples: 4_000, seed: 42, level: 0.95 };

#[expect(clippy::unnecessary_wraps, reason = "the shape of a statistic")]
fn share(groups: &[[u64; 2]]) -> Option<f64> {
    Some(groups[0][0] as f64 / (groups[0][0] + groups[0][1]) as f64)
}

fn difference(groups: &[[u64; 2]]) -> Option<f64> {
    Some(share(&groups[..1])? - share(&groups[1..])?)
}

fn smooth(value: f64, replicates: &[Option<f64>]) -> Sample<'_> {
    Sample { value, replicates, statistic: Statistic::Smooth }
}

#[test]
fn a_rate_of_many_rows_gets_the_interval_that_wilson_gives_it() {
    let groups = [[3_000, 7_000]];
    let replicates = of_cells(PLAN, "rate", &groups, share);
    let left_out = leave_out_cells(&groups, share);
    let known = wilson(0.3, 10_000.0, 0.95);
    for form in [Form::Percentile, Form::Bca] {
        let found = interval(smooth(0.3, &replicates), form, &left_out, PLAN).unwrap();
        // Half the width is 0.009; the quantiles of 4,000 replicates are good to some 3 % of it.
        assert!((found.low - known.low).abs() < 6e-4, "{form:?} {found:?} {known:?}");
        assert!((found.high - known.high).abs() < 6e-4, "{form:?} {found:?} {known:?}");
    }
}

#[test]
fn bca_is_skewed_as_the_mean_of_a_skewed_sample_is() {
    // The acceleration of a mean is the skewness of the rows over 6√n: here with p = 0.1, n = 50.
    let groups = [[5, 45]];
    let left_out = leave_out_cells(&groups, share);
    let skewness = (1.0 - 2.0 * 0.1) / (0.1_f64 * 0.9).sqrt();
    let known = skewness / (6.0 * 50_f64.sqrt());
    assert!((acceleration(&left_out).unwrap() - known).abs() < 1e-12);
    let replicates = of_cells(PLAN, "skewed", &groups, share);
    let sample = smooth(0.1, &replicates);
    let percentile = interval(sample, Form::Percentile, &[], PLAN).unwrap();
    let bca = interval(sample, Form::Bca, &left_out, PLAN).unwrap();
    assert!(bca.low >= percentile.low && bca.high > percentile.high, "{bca:?} {percentile:?}");
}

#[test]
fn groups_are_resampled_apart_and_keep_their_size() {
    let groups = [[30, 70], [450, 450]];
    let sizes = replicates(PLAN, "sizes", |stream| groups.map(|cells| stream.resample(cells)));
    assert!(sizes.iter().all(|[a, b]| a[0] + a[1] == 100 && b[0] + b[1] == 900));
    let replicates = of_cells(PLAN, "difference", &groups, difference);
    let found = interval(smooth(-0.2, &replicates), Form::Percentile, &[], PLAN).unwrap();
    let half = 1.96 * (0.3 * 0.7 / 100.0 + 0.25 / 900.0_f64).sqrt();
    assert!((found.low + 0.2 + half).abs() < 0.008 && (found.high + 0.2 - half).abs() < 0.008);
}

#[test]
fn units_give_what_cells_give() {
    let hits: Vec<bool> = (0..400).map(|row| row % 4 == 0).collect();
    let statistic = |times: &[u32]| {
        let drawn: u32 = times.iter().zip(&hits).filter(|(_, hit)| **hit).map(|(t, _)| t).sum();
        Some(f64::from(drawn) / 400.0)
    };
    let rows = of_units(PLAN, "rows", &[400], statistic);
    let cells = of_cells(PLAN, "cells", &[[100, 300]], share);
    let of = |replicates: &[Option<f64>]| {
        interval(smooth(0.25, replicates), Form::Percentile, &[], PLAN).unwrap()
    };
    let (rows, cells) = (of(&rows), of(&cells));
    assert!((rows.low - cells.low).abs() < 0.006 && (rows.high - cells.high).abs() < 0.006);
}

#[test]
fn an_extreme_over_groups_has_no_bootstrap_interval() {
    let sample =
        Sample { value: 0.2, replicates: &[Some(0.1), Some(0.3)], statistic: Statistic::Extreme };
    for form in [Form::Percentile, Form::Bca] {
        assert!(interval(sample, form, &[], PLAN).unwrap_err().contains("extreme"));
    }
}

#[test]
fn undefined_replicates_are_counted_and_too_many_are_refused() {
    let mut replicates: Vec<Option<f64>> = (0..1_000).map(|i| Some(f64::from(i))).collect();
    let plan = Plan { resamples: 1_000, ..PLAN };
    replicates[..50].fill(None);
    let found = interval(smooth(500.0, &replicates), Form::Percentile, &[], plan).unwrap();
    assert_eq!(found.method, "bootstrap percentile (B=1000, seed=42, ChaCha12, 50 undefined)");
    replicates[50] = None;
    let why = interval(smooth(500.0, &replicates), Form::Percentile, &[], plan).unwrap_err();
    assert_eq!(why, "it is undefined in 51 of 1000 resamples");
}

#[test]
fn no_spread_no_interval() {
    let replicates = of_cells(PLAN, "all", &[[10, 0]], share);
    let why = interval(smooth(1.0, &replicates), Form::Percentile, &[], PLAN).unwrap_err();
    assert_eq!(why, "every resample gives the same value");
    let few = [Some(0.1), Some(0.2)];
    let why = interval(smooth(0.1, &few), Form::Percentile, &[], PLAN).unwrap_err();
    assert_eq!(why, "it takes 40 resamples or more");
}

#[test]
fn the_bytes_are_the_same_today_as_when_they_were_first_drawn() {
    let plan = Plan { resamples: 4, ..PLAN };
    let drawn = replicates(plan, "sex=Female", |stream| stream.resample([50, 0, 30, 920]));
    assert_eq!(drawn, DRAWN);
}

/// Written down once, so that a change of the generator or of a sampler shows.
const DRAWN: [[u64; 4]; 4] =
    [[48, 0, 28, 924], [47, 0, 35, 918], [39, 0, 30, 931], [52, 0, 36, 912]];

#[cfg(feature = "read")]
#[test]
fn the_number_of_threads_changes_nothing() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| of_cells(PLAN, "threads", &[[40, 60], [70, 30]], difference))
    };
    assert_eq!(run(1), run(7));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_seed_repeats_and_another_one_differs_and_levels_nest(
        k in 20_u64..80, seed in any::<u64>(),
    ) {
        let plan = Plan { resamples: 400, seed, level: 0.9 };
        let groups = [[k, 100 - k]];
        let first = of_cells(plan, "p", &groups, share);
        prop_assert_eq!(&first, &of_cells(plan, "p", &groups, share));
        let other = Plan { seed: seed.wrapping_add(1), ..plan };
        prop_assert_ne!(&first, &of_cells(other, "p", &groups, share));
        prop_assert_ne!(&first, &of_cells(plan, "q", &groups, share));
        let sample = smooth(k as f64 / 100.0, &first);
        let narrow = interval(sample, Form::Percentile, &[], plan).unwrap();
        let wide = Plan { level: 0.95, ..plan };
        let wide = interval(sample, Form::Percentile, &[], wide).unwrap();
        prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
        prop_assert!(narrow.low <= sample.value && sample.value <= narrow.high);
    }
}
