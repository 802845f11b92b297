//! The draws follow their distributions, and stay what they are.

use super::*;
use crate::significance::chi_square_tail;

/// Pearson's test of counted draws against the probabilities that were promised, small ones pooled.
fn fits(draws: impl Iterator<Item = u64>, probability: impl Fn(u64) -> f64, most: u64) -> f64 {
    let mut seen = vec![0_u32; usize::try_from(most).unwrap() + 1];
    let mut all = 0.0;
    for draw in draws {
        seen[usize::try_from(draw).unwrap()] += 1;
        all += 1.0;
    }
    let (mut statistic, mut bins, mut expected, mut counted) = (0.0, 0_u32, 0.0, 0.0);
    for (k, &count) in (0..=most).zip(&seen) {
        expected += all * probability(k);
        counted += f64::from(count);
        if expected >= 8.0 || k == most {
            if expected > 0.0 {
                statistic += (counted - expected) * (counted - expected) / expected;
                bins += 1;
            } else {
                assert!(counted == 0.0, "{k} cannot be drawn");
            }
            (expected, counted) = (0.0, 0.0);
        }
    }
    chi_square_tail(statistic, u64::from(bins - 1))
}

fn ln_choose(n: u64, k: u64) -> f64 {
    let factorial = |k: u64| libm::lgamma(k as f64 + 1.0);
    factorial(n) - factorial(k) - factorial(n - k)
}

#[test]
fn binomial_draws_follow_the_binomial_distribution_by_inversion_and_by_rejection() {
    for (n, p) in [(1, 0.5), (20, 0.1), (35, 0.3), (200, 0.3), (1_000, 0.97), (50_000, 0.02)] {
        let mut stream = Stream::new(11, "binomial", n);
        let draws = (0..20_000).map(|_| stream.binomial(n, p));
        let probability = |k: u64| {
            libm::exp(ln_choose(n, k) + k as f64 * libm::log(p) + (n - k) as f64 * libm::log1p(-p))
        };
        let tail = fits(draws, probability, n);
        assert!(tail > 1e-3, "Binomial({n}, {p}): {tail}");
    }
}

#[test]
fn hypergeometric_draws_follow_the_hypergeometric_distribution() {
    for (drawn, marked, all) in [(5, 3, 8), (10, 40, 100), (60, 70, 100), (300, 500, 2_000)] {
        let mut stream = Stream::new(5, "hypergeometric", all);
        let draws = (0..20_000).map(|_| stream.hypergeometric(drawn, marked, all));
        let probability = |k: u64| {
            if k > marked || k > drawn || drawn - k > all - marked {
                return 0.0;
            }
            libm::exp(
                ln_choose(marked, k) + ln_choose(all - marked, drawn - k) - ln_choose(all, drawn),
            )
        };
        let tail = fits(draws, probability, drawn);
        assert!(tail > 1e-3, "{drawn} of {all} with {marked}: {tail}");
    }
}

#[test]
fn a_resample_keeps_the_number_of_rows_and_draws_nothing_from_an_empty_cell() {
    let cells = [500, 0, 30, 470];
    let mut mean = [0.0; 4];
    for number in 0..2_000 {
        let drawn = Stream::new(3, "cells", number).resample(cells);
        assert_eq!((drawn.iter().sum::<u64>(), drawn[1]), (1_000, 0));
        for (mean, drawn) in mean.iter_mut().zip(drawn) {
            *mean += drawn as f64 / 2_000.0;
        }
    }
    // Standard errors of these means are at most 0.36.
    for (mean, cell) in mean.into_iter().zip(cells) {
        assert!((mean - cell as f64).abs() < 1.5, "{mean} of {cell}");
    }
    assert_eq!(Stream::new(3, "cells", 0).resample([0_u64; 4]), [0; 4]);
}

#[test]
fn the_ends_are_certain() {
    let mut stream = Stream::new(1, "ends", 0);
    assert_eq!((stream.binomial(1_000, 0.0), stream.binomial(1_000, 1.0)), (0, 1_000));
    assert_eq!((stream.binomial(0, 0.5), stream.below(0), stream.below(1)), (0, 0, 0));
    assert!((0..1_000).all(|_| (0.0..1.0).contains(&stream.uniform())));
}
