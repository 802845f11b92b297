//! Changes of means: the mean difference of each row's numbers, with Student's t.

use super::rates::Moved;
use crate::counts::Sum;
use crate::interval::{self, Bounds, method, t_two_sided};

/// Differences in −1..1, as exact sums of (1 + d) / 2 and its square.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Differences {
    rows: u64,
    sum: Sum,
    squares: Sum,
}

impl Differences {
    pub fn add(&mut self, before: f64, after: f64) {
        let half = f64::midpoint(1.0, after - before);
        self.rows += 1;
        self.sum.add(half);
        self.squares.add(half * half);
    }

    /// The mean difference; `None` without rows.
    pub fn change(&self, level: f64) -> Option<Moved> {
        if self.rows == 0 {
            return None;
        }
        let n = self.rows as f64;
        let half = self.sum.get() / n;
        let value = 2.0 * half - 1.0;
        let spread = 4.0 * (self.squares.get() / n - half * half).max(0.0);
        // Below the rounding of the sums there is no spread to speak of.
        let (bounds, method, p) = if self.rows > 1 && spread > 1e-14 {
            let stderr = (spread / (n - 1.0)).sqrt();
            let bounds = interval::mean_t(value, stderr, n - 1.0, level);
            let p = t_two_sided(value / stderr, n - 1.0);
            (within(bounds), method::T_PAIRED, p)
        } else {
            let room = unseen(n, level);
            let bounds = Bounds { value, low: value - room, high: value + room };
            let p = if bounds.low > 0.0 || bounds.high < 0.0 { 0.0 } else { 1.0 };
            (within(bounds), method::WILSON_BOUND, p)
        };
        Some(Moved { n: self.rows, bounds, method, p, discordant: None })
    }
}

/// By how much a mean of numbers in −1..1 may differ where all `n` rows show the same: the share
/// of rows that may be otherwise, each by 1 at most.
pub(super) fn unseen(n: f64, level: f64) -> f64 {
    interval::wilson(0.0, n, level).high
}

/// A difference of two quantities in 0..1 cannot leave −1..1.
pub(super) fn within(bounds: Bounds) -> Bounds {
    Bounds { low: bounds.low.max(-1.0), high: bounds.high.min(1.0), ..bounds }
}
