//! Exact draws from discrete distributions.

use super::Stream;
use crate::hypergeometric::Margins;
use std::f64::consts::PI;

/// Below this mean, the probabilities are added up from 0 on.
const FEW: f64 = 10.0;

/// A binomial draw for `p` up to ½: by inversion where few successes are expected, else by
/// Hörmann's transformed rejection (1993, algorithm BTRS), whose cost does not grow with `n`.
pub(super) fn binomial(stream: &mut Stream, n: u64, p: f64) -> u64 {
    if p <= 0.0 || n == 0 {
        0
    } else if n as f64 * p < FEW {
        by_inversion(stream, n, p)
    } else {
        by_rejection(stream, n, p)
    }
}

fn by_inversion(stream: &mut Stream, n: u64, p: f64) -> u64 {
    let odds = p / (1.0 - p);
    let first = libm::exp(n as f64 * libm::log1p(-p));
    loop {
        let mut left = stream.uniform();
        let mut probability = first;
        for k in 0..=n {
            if left < probability {
                return k;
            }
            left -= probability;
            probability *= odds * (n - k) as f64 / (k + 1) as f64;
            // Rounding may leave a last crumb that no count claims: draw again.
            if probability <= 0.0 {
                break;
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number in 0..=n, as was just checked"
)]
fn by_rejection(stream: &mut Stream, n: u64, p: f64) -> u64 {
    let trials = n as f64;
    let deviation = (trials * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * deviation;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let centre = trials * p + 0.5;
    let sure = 0.92 - 4.2 / b;
    let odds = p / (1.0 - p);
    let alpha = (2.83 + 5.1 / b) * deviation;
    let mode = ((trials + 1.0) * p).floor();
    loop {
        let u = stream.uniform() - 0.5;
        let v = stream.uniform();
        let edge = 0.5 - u.abs();
        let k = ((2.0 * a / edge + b) * u + centre).floor();
        if edge >= 0.07 && v <= sure && (0.0..=trials).contains(&k) {
            return k as u64;
        }
        if !(0.0..=trials).contains(&k) {
            continue;
        }
        let height = libm::log(v * alpha / (a / (edge * edge) + b));
        let bound = (mode + 0.5) * libm::log((mode + 1.0) / (odds * (trials - mode + 1.0)))
            + (trials + 1.0) * libm::log((trials - mode + 1.0) / (trials - k + 1.0))
            + (k + 0.5) * libm::log(odds * (trials - k + 1.0) / (k + 1.0))
            + stirling(mode)
            + stirling(trials - mode)
            - stirling(k)
            - stirling(trials - k);
        if height <= bound {
            return k as u64;
        }
    }
}

/// ln k! less Stirling's approximation (k + ½) ln(k + 1) − (k + 1) + ½ ln 2π.
fn stirling(k: f64) -> f64 {
    let next = k + 1.0;
    if k < 10.0 {
        return libm::lgamma(next)
            - ((k + 0.5) * libm::log(next) - next + 0.5 * libm::log(2.0 * PI));
    }
    let square = next * next;
    (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / square) / square) / next
}

/// A hypergeometric draw by inversion from the mode outwards; its cost grows with the deviation.
pub(super) fn hypergeometric(stream: &mut Stream, drawn: u64, marked: u64, all: u64) -> u64 {
    let table = Margins::new(drawn, marked, all);
    let at_mode = table.probability_of_mode();
    loop {
        let mut left = stream.uniform() - at_mode;
        if left < 0.0 || table.least == table.most {
            return table.mode;
        }
        let (mut low, mut high) = (table.mode, table.mode);
        let (mut below, mut above) = (at_mode, at_mode);
        while (low > table.least && below > 0.0) || (high < table.most && above > 0.0) {
            if high < table.most {
                above *= table.up(high);
                high += 1;
                left -= above;
                if left < 0.0 {
                    return high;
                }
            }
            if low > table.least {
                low -= 1;
                below /= table.up(low);
                left -= below;
                if left < 0.0 {
                    return low;
                }
            }
        }
    }
}
