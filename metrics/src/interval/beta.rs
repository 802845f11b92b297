//! The beta distribution: its distribution function and its quantile, on `libm` alone.

/// The regularised incomplete beta function, by Lentz's continued fraction.
pub(super) fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = libm::exp(ln_density(a, b, x) + libm::log(x) + libm::log1p(-x));
    // The fraction converges fast on one side of the mean; the symmetry gives the other.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * continued_fraction(a, b, x) / a
    } else {
        1.0 - front * continued_fraction(b, a, 1.0 - x) / b
    }
}

/// The quantile of the beta distribution at `p` in (0, 1), for positive `a` and `b`.
///
/// Newton's steps within a bracket that always holds the root and shrinks at every step, so that
/// it cannot fail: a step that leaves the bracket is replaced by halving it.
pub(super) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    let mut x = a / (a + b);
    for _ in 0..200 {
        let miss = incomplete_beta(a, b, x) - p;
        (low, high) = if miss > 0.0 { (low, x) } else { (x, high) };
        let step = miss / libm::exp(ln_density(a, b, x));
        let next = x - step;
        let next = if next > low && next < high { next } else { f64::midpoint(low, high) };
        if (next - x).abs() <= 1e-15 * x || next <= low || next >= high {
            return next;
        }
        x = next;
    }
    x
}

/// ln of the density at `x`.
fn ln_density(a: f64, b: f64, x: f64) -> f64 {
    (a - 1.0) * libm::log(x) + (b - 1.0) * libm::log1p(-x)
        - (libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b))
}

#[expect(clippy::many_single_char_names, reason = "the names of the published algorithm")]
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |y: f64| if y.abs() < TINY { TINY } else { y };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    // It takes some √max(a, b) terms.
    let terms = 2_000.0 + 8.0 * (a + b).sqrt();
    let mut m = 1.0;
    while m < terms {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        h *= d * c;
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
        m += 1.0;
    }
    h
}
