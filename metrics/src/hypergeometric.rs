//! Two-by-two tables with the same margins: how many of the rows drawn are marked.

/// The margins, and what follows from them.
pub(crate) struct Margins {
    drawn: u64,
    marked: u64,
    unmarked: u64,
    /// The fewest marked rows that can be drawn.
    pub least: u64,
    /// The most.
    pub most: u64,
    /// The likeliest number.
    pub mode: u64,
}

impl Margins {
    /// `drawn` rows taken from `all`, of which `marked` are marked; neither is more than `all`.
    #[expect(clippy::cast_possible_truncation, reason = "the mode is at most `drawn`")]
    pub fn new(drawn: u64, marked: u64, all: u64) -> Self {
        let (least, most) = (drawn.saturating_sub(all - marked), drawn.min(marked));
        let mode = (u128::from(drawn) + 1) * (u128::from(marked) + 1) / (u128::from(all) + 2);
        let mode = (mode as u64).clamp(least, most);
        Self { drawn, marked, unmarked: all - marked, least, most, mode }
    }

    /// The probability of k + 1 over that of k, for k from `least` up to below `most`.
    pub fn up(&self, k: u64) -> f64 {
        let (left, out) = ((self.marked - k) as f64, (self.drawn - k) as f64);
        left * out / ((k + 1) as f64 * (self.unmarked + k + 1 - self.drawn) as f64)
    }

    /// The probability of the likeliest table.
    pub fn probability_of_mode(&self) -> f64 {
        let Self { drawn, marked, unmarked, mode, .. } = *self;
        libm::exp(
            ln_choose(marked, mode) + ln_choose(unmarked, drawn - mode)
                - ln_choose(marked + unmarked, drawn),
        )
    }

    /// The probability of a table over that of the likeliest.
    pub fn weight_of(&self, k: u64) -> f64 {
        let mut weight = 1.0;
        for step in self.mode..k {
            weight *= self.up(step);
        }
        for step in (k..self.mode).rev() {
            weight /= self.up(step);
        }
        weight
    }

    /// Every table with its weight, from the likeliest outwards, until it no longer counts.
    pub fn each(&self, mut visit: impl FnMut(u64, f64)) {
        const NOTHING: f64 = 1e-300;
        let (mut k, mut weight) = (self.mode, 1.0);
        visit(k, weight);
        while k < self.most && weight > NOTHING {
            weight *= self.up(k);
            k += 1;
            visit(k, weight);
        }
        (k, weight) = (self.mode, 1.0);
        while k > self.least && weight > NOTHING {
            k -= 1;
            weight /= self.up(k);
            visit(k, weight);
        }
    }
}

/// ln of the number of ways to choose `k` of `n`.
fn ln_choose(n: u64, k: u64) -> f64 {
    let factorial = |k: u64| libm::lgamma(k as f64 + 1.0);
    factorial(n) - factorial(k) - factorial(n - k)
}
