//! Intervals on request, for reports that must name one: none of them decides a verdict.
//!
//! Sources: Clopper & Pearson 1934, Biometrika 26:404; Brown, Cai & DasGupta 2001, Stat Sci 16:101
//! (Jeffreys); Agresti & Caffo 2000, Am Stat 54:280; Katz et al. 1978, Biometrics 34:469; Koopman
//! 1984, Biometrics 40:513; Miettinen & Nurminen 1985, Stat Med 4:213; Goodman 1965, Technometrics 7:247.

use super::beta::beta_quantile;
use super::{Bounds, wilson, z};

/// `k` of `n` rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Rows counted, at most `n`.
    pub k: u64,
    /// Rows that they are counted among.
    pub n: u64,
}

impl Count {
    /// `k` of `n`; `None` when there are no rows or `k` is more than there are.
    pub fn of(k: u64, n: u64) -> Option<Self> {
        (n > 0 && k <= n).then_some(Self { k, n })
    }

    /// The share, in 0..1.
    pub fn share(self) -> f64 {
        self.k as f64 / self.n as f64
    }

    fn floats(self) -> [f64; 2] {
        [self.k as f64, self.n as f64]
    }
}

/// Clopper and Pearson's interval of a rate: never below its level, and so wider than most need.
///
/// ```
/// use metrics::interval::{Count, clopper_pearson};
/// let bounds = clopper_pearson(Count::of(3, 20).unwrap(), 0.95);
/// assert!((bounds.low - 0.032071).abs() < 1e-6 && (bounds.high - 0.378927).abs() < 1e-6);
/// ```
pub fn clopper_pearson(count: Count, level: f64) -> Bounds {
    let [k, n] = count.floats();
    let tail = (1.0 - level) / 2.0;
    let low = if count.k == 0 { 0.0 } else { beta_quantile(tail, k, n - k + 1.0) };
    let high = if count.k == count.n { 1.0 } else { beta_quantile(1.0 - tail, k + 1.0, n - k) };
    Bounds { value: count.share(), low, high }
}

/// Jeffreys' interval of a rate, from the beta distribution with ½ added to either side; an end
/// that the data cannot exclude is 0 or 1 itself.
pub fn jeffreys(count: Count, level: f64) -> Bounds {
    let [k, n] = count.floats();
    let tail = (1.0 - level) / 2.0;
    let end = |p: f64| beta_quantile(p, k + 0.5, n - k + 0.5);
    let low = if count.k == 0 { 0.0 } else { end(tail) };
    let high = if count.k == count.n { 1.0 } else { end(1.0 - tail) };
    Bounds { value: count.share(), low, high }
}

/// Goodman's simultaneous intervals of the shares of a whole: with G cells, Wilson's interval of
/// each at 1 − α/G. `None` when there are no rows.
pub fn goodman(cells: &[u64], level: f64) -> Option<Vec<Bounds>> {
    let all = cells.iter().sum::<u64>() as f64;
    let each = 1.0 - (1.0 - level) / cells.len() as f64;
    (all > 0.0).then(|| cells.iter().map(|&k| wilson(k as f64 / all, all, each)).collect())
}

/// Agresti and Caffo's interval of the difference `a − b` of two rates: Wald's after one success
/// and one failure more in each. It is centred on the difference of those, not on the value.
pub fn agresti_caffo(a: Count, b: Count, level: f64) -> Bounds {
    let adjusted = |count: Count| {
        let [k, n] = count.floats();
        let share = (k + 1.0) / (n + 2.0);
        (share, share * (1.0 - share) / (n + 2.0))
    };
    let ((p, p_variance), (q, q_variance)) = (adjusted(a), adjusted(b));
    let half = z(level) * (p_variance + q_variance).sqrt();
    Bounds { value: a.share() - b.share(), low: p - q - half, high: p - q + half }
        .clamped(-1.0, 1.0)
}

/// Katz' interval of the ratio `a / b` of two rates, on the log scale. `None` where it has none, as
/// either rate is 0, or none of any width, as both are 1.
pub fn katz(a: Count, b: Count, level: f64) -> Option<Bounds> {
    let part = |count: Count| {
        let [k, n] = count.floats();
        1.0 / k - 1.0 / n
    };
    if a.k == 0 || b.k == 0 || (a.k == a.n && b.k == b.n) {
        return None;
    }
    let value = a.share() / b.share();
    let factor = libm::exp(z(level) * (part(a) + part(b)).sqrt());
    Some(Bounds { value, low: value / factor, high: value * factor })
}

/// Koopman's score interval of the ratio `a / b` of two rates: the ratios that a chi-square test
/// does not refute. `None` when `b` is 0, so that no upper limit exists.
pub fn koopman(a: Count, b: Count, level: f64) -> Option<Bounds> {
    score_ratio(a, b, z(level).powi(2))
}

/// Miettinen and Nurminen's score interval of the ratio `a / b` of two rates: Koopman's with the
/// variance times N / (N − 1), where N is the rows of both. `None` when `b` is 0.
pub fn miettinen_nurminen(a: Count, b: Count, level: f64) -> Option<Bounds> {
    let all = (a.n + b.n) as f64;
    score_ratio(a, b, z(level).powi(2) * all / (all - 1.0))
}

/// The ratios whose statistic is at most `most`.
///
/// The statistic rises without end from the estimate to either side, so each limit is bracketed
/// first and then halved down to: the search cannot fail.
fn score_ratio(a: Count, b: Count, most: f64) -> Option<Bounds> {
    if b.k == 0 {
        return None;
    }
    let value = a.share() / b.share();
    let refuted = |ratio: f64| score_statistic(a, b, ratio) > most;
    let low = if a.k == 0 { 0.0 } else { limit(value, 0.5, refuted) };
    let start = if a.k == 0 { 1.0 / b.n as f64 / a.n as f64 } else { value };
    Some(Bounds { value, low, high: limit(start, 2.0, refuted) })
}

/// The last ratio that is not refuted, going from `inside` by factors of `step`.
fn limit(inside: f64, step: f64, refuted: impl Fn(f64) -> bool) -> f64 {
    let mut inside = inside;
    let mut outside = inside * step;
    while !refuted(outside) && outside.is_normal() {
        inside = outside;
        outside *= step;
    }
    for _ in 0..100 {
        let middle = f64::midpoint(inside, outside);
        if refuted(middle) { outside = middle } else { inside = middle }
    }
    inside
}

/// Koopman's chi-square statistic of a ratio of two rates.
fn score_statistic(a: Count, b: Count, ratio: f64) -> f64 {
    let ([x, m], [y, n]) = (a.floats(), b.floats());
    // The likeliest rate of `a` with this ratio, the smaller root of a quadratic equation, written
    // as a quotient so that nothing cancels.
    let sum = ratio * (m + y) + x + n;
    let root = (sum * sum - 4.0 * ratio * (m + n) * (x + y)).max(0.0).sqrt();
    let p = 2.0 * ratio * (x + y) / (sum + root);
    deviation(x, m, p) + deviation(y, n, p / ratio)
}

fn deviation(k: f64, n: f64, p: f64) -> f64 {
    let miss = k - n * p;
    if miss.abs() <= 1e-12 * n {
        return 0.0;
    }
    let variance = n * p * (1.0 - p);
    if variance > 0.0 { miss * miss / variance } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::{difference, ratio};
    use proptest::prelude::*;

    fn count(k: u64, n: u64) -> Count {
        Count::of(k, n).unwrap()
    }

    fn near(got: f64, known: f64) {
        assert!((got - known).abs() < 1e-6, "{got} is not {known}");
    }

    #[test]
    fn clopper_pearson_gives_the_known_limits() {
        for (k, n, low, high) in [
            (0, 10, 0.0, 0.308_497),
            (3, 20, 0.032_071, 0.378_927),
            (10, 10, 0.691_503, 1.0),
            (81, 263, 0.252_737, 0.367_622),
        ] {
            let bounds = clopper_pearson(count(k, n), 0.95);
            near(bounds.low, low);
            near(bounds.high, high);
        }
        // Nothing among 30: one-sided 0.095034, two-sided 0.115703.
        near(clopper_pearson(count(0, 30), 0.90).high, 0.095_034);
        near(clopper_pearson(count(0, 30), 0.95).high, 0.115_703);
    }

    #[test]
    fn a_million_rows_keep_the_exact_ends() {
        // All or none of n has the closed form (α/2)^(1/n).
        let n = 1_000_000;
        let end = libm::exp(libm::log(0.025) / n as f64);
        near((clopper_pearson(count(n, n), 0.95).low - end) * 1e6, 0.0);
        near((clopper_pearson(count(0, n), 0.95).high - (1.0 - end)) * 1e6, 0.0);
        // In the middle it is the normal interval, as wide as that to one row in a million.
        let bounds = clopper_pearson(count(300_000, n), 0.95);
        let half = z(0.95) * (0.21_f64 / n as f64).sqrt();
        assert!((bounds.high - 0.3 - half).abs() < 2e-6 && (0.3 - half - bounds.low).abs() < 2e-6);
    }

    #[test]
    fn jeffreys_gives_the_known_limits_and_whole_ends_at_none_and_all() {
        for (k, n, low, high) in [
            (0, 10, 0.0, 0.217_196),
            (3, 20, 0.044_131, 0.348_578),
            (10, 10, 0.782_804, 1.0),
            (81, 263, 0.254_522, 0.365_647),
        ] {
            let bounds = jeffreys(count(k, n), 0.95);
            near(bounds.low, low);
            near(bounds.high, high);
        }
        near(beta_quantile(0.025, 0.5, 10.5), 0.000_048);
    }

    #[test]
    fn ratios_of_rates_have_the_known_limits() {
        // statsmodels' confint_proportions_2indep: "log", "score" without and with correction.
        for (a, b, known) in [
            (
                (56, 70),
                (48, 80),
                [(1.076_626, 1.651_249), (1.079_821_5, 1.670_805_6), (1.079_047, 1.672_145)],
            ),
            (
                (9, 10),
                (3, 10),
                [(1.138_350, 7.906_178), (1.353_237_2, 8.467_667_7), (1.327_957, 8.691_915)],
            ),
            (
                (12, 40),
                (48, 80),
                [(0.301_433, 0.829_372), (0.293_345_2, 0.793_864_7), (0.292_673, 0.795_257)],
            ),
        ] {
            let (a, b) = (count(a.0, a.1), count(b.0, b.1));
            for (make, (low, high)) in [katz, koopman, miettinen_nurminen].into_iter().zip(known) {
                let bounds = make(a, b, 0.95).unwrap();
                near(bounds.low, low);
                near(bounds.high, high);
            }
        }
        for (a, b, low, high) in [
            ((450, 1_000), (470, 1_000), 0.870_667, 1.052_876),
            ((45, 100), (47, 100), 0.708_975, 1.292_999),
            ((300, 1_000), (470, 1_000), 0.568_784, 0.716_308),
        ] {
            let bounds = katz(count(a.0, a.1), count(b.0, b.1), 0.95).unwrap();
            near(bounds.low, low);
            near(bounds.high, high);
        }
    }

    #[test]
    fn nothing_over_nothing_is_undefined_and_nothing_over_something_has_an_upper_limit() {
        assert_eq!(katz(count(0, 20), count(0, 10), 0.95), None);
        assert_eq!(koopman(count(0, 20), count(0, 10), 0.95), None);
        assert_eq!(katz(count(20, 20), count(10, 10), 0.95), None);
        let bounds = koopman(count(0, 20), count(5, 10), 0.95).unwrap();
        assert!(bounds.low == 0.0 && bounds.high > 0.0 && bounds.high < 1.0, "{bounds:?}");
        // All of both: the statistic of a ratio r above 1 is n (r − 1), so the limit is 1 + z²/n.
        let bounds = koopman(count(20, 20), count(10, 10), 0.95).unwrap();
        near(bounds.high, 1.0 + z(0.95).powi(2) / 10.0);
    }

    #[test]
    fn agresti_caffo_is_walds_interval_of_four_rows_more() {
        // 57/72 − 49/82 ± z √(…), by hand.
        let bounds = agresti_caffo(count(56, 70), count(48, 80), 0.95);
        let (p, q) = (57.0 / 72.0, 49.0 / 82.0);
        let half = 1.959_963_984_540_054 * (p * (1.0 - p) / 72.0 + q * (1.0 - q) / 82.0_f64).sqrt();
        near(bounds.value, 0.2);
        near(bounds.low, p - q - half);
        near(bounds.high, p - q + half);
        // statsmodels' confint_proportions_2indep(method="agresti-caffo")
        near(bounds.low, 0.052_452_9);
        near(bounds.high, 0.335_758_5);
    }

    #[test]
    fn goodman_solves_the_quadratic_equation_of_each_cell() {
        let cells = [56, 72, 73, 59, 62, 87, 58];
        let n = cells.iter().sum::<u64>() as f64;
        let a = z(1.0 - 0.05 / 7.0).powi(2);
        for (bounds, k) in goodman(&cells, 0.95).unwrap().into_iter().zip(cells) {
            let k = k as f64;
            let root = (a * (a + 4.0 * k * (n - k) / n)).sqrt();
            near(bounds.low, (a + 2.0 * k - root) / (2.0 * (n + a)));
            near(bounds.high, (a + 2.0 * k + root) / (2.0 * (n + a)));
        }
        assert_eq!(goodman(&[0, 0], 0.95), None);
    }

    proptest! {
        #[test]
        fn rates_stay_in_the_unit_interval_hold_their_value_and_mirror_their_complement(
            (k, n) in some_rate(), level in 0.5_f64..0.999,
        ) {
            for make in [clopper_pearson, jeffreys] {
                let (there, back) = (make(count(k, n), level), make(count(n - k, n), level));
                prop_assert!(there.low >= 0.0 && there.high <= 1.0);
                prop_assert!(there.low <= there.value && there.value <= there.high);
                prop_assert!((there.low + back.high - 1.0).abs() < 1e-9);
                prop_assert!((there.high + back.low - 1.0).abs() < 1e-9);
            }
        }

        #[test]
        fn a_higher_level_is_a_wider_interval((k, n) in some_rate(), level in 0.5_f64..0.99) {
            let wider = level + 0.005;
            for make in [clopper_pearson, jeffreys] {
                let (narrow, wide) = (make(count(k, n), level), make(count(k, n), wider));
                prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
            }
        }

        #[test]
        fn ratios_invert_under_swap((k, n) in some_rate(), (l, m) in some_rate()) {
            prop_assume!(k > 0 && l > 0);
            let (a, b) = (count(k, n), count(l, m));
            if let (Some(there), Some(back)) = (katz(a, b, 0.95), katz(b, a, 0.95)) {
                prop_assert!((there.low * back.high - 1.0).abs() < 1e-9);
            }
            let (there, back) = (koopman(a, b, 0.95).unwrap(), koopman(b, a, 0.95).unwrap());
            prop_assert!((there.low * back.high - 1.0).abs() < 1e-6, "{there:?} {back:?}");
            prop_assert!((there.high * back.low - 1.0).abs() < 1e-6, "{there:?} {back:?}");
            prop_assert!(there.low <= there.value && there.value <= there.high);
        }

        #[test]
        fn large_samples_agree_whatever_the_method(k in 20_000_u64..80_000, l in 20_000_u64..80_000) {
            let (a, b) = (count(k, 100_000), count(l, 100_000));
            let wilsons = [a, b].map(|it| wilson(it.share(), it.n as f64, 0.95));
            let newcombe = difference(wilsons[0], wilsons[1]);
            let caffo = agresti_caffo(a, b, 0.95);
            prop_assert!((newcombe.low - caffo.low).abs() < 1e-4);
            let mover = ratio(wilsons[0], wilsons[1]).unwrap();
            for other in [katz(a, b, 0.95).unwrap(), koopman(a, b, 0.95).unwrap()] {
                prop_assert!((mover.low / other.low - 1.0).abs() < 1e-3);
                prop_assert!((mover.high / other.high - 1.0).abs() < 1e-3);
            }
        }
    }

    fn some_rate() -> impl Strategy<Value = (u64, u64)> {
        (1_u64..3_000).prop_flat_map(|n| (0..=n, Just(n)))
    }
}
