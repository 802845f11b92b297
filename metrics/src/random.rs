//! Random draws that anyone can repeat: a named generator, a seed, and `libm` arithmetic, so that
//! the same bytes come out on every machine.
//!
//! The seed comes in from outside. Every purpose (a slice, say) and every replicate has its own
//! stream, so the draws of one do not depend on how many others there are, nor on which thread
//! takes them.

mod discrete;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The generator, as method texts name it.
pub const GENERATOR: &str = "ChaCha12";

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha12Rng);

impl Stream {
    /// The stream of a seed, a purpose and a number.
    ///
    /// The key is the seed and the FNV-1a hash of the purpose, both little-endian, then zeros; the
    /// number is the stream of the cipher.
    ///
    /// ```
    /// use metrics::random::Stream;
    /// let draw = |purpose| Stream::new(7, purpose, 0).below(1_000_000);
    /// assert_eq!(draw("sex=Female"), draw("sex=Female"));
    /// assert_ne!(draw("sex=Female"), draw("sex=Male"));
    /// ```
    pub fn new(seed: u64, purpose: &str, number: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&fnv1a(purpose.as_bytes()).to_le_bytes());
        let mut generator = ChaCha12Rng::from_seed(key);
        generator.set_stream(number);
        Self(generator)
    }

    /// A number in 0..1, 1 excluded, in steps of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A whole number below `end`, all equally likely; 0 when `end` is 0.
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a product of two u64")]
    pub fn below(&mut self, end: u64) -> u64 {
        // Lemire 2019: the high half of a product, redrawn where the low half would favour some.
        let least = end.wrapping_neg().checked_rem(end).unwrap_or(0);
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(end);
            if product as u64 >= least {
                return (product >> 64) as u64;
            }
        }
    }

    /// How many of `n` independent trials succeed, each with probability `p` in 0..1.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if p > 0.5 {
            n - discrete::binomial(self, n, 1.0 - p)
        } else {
            discrete::binomial(self, n, p)
        }
    }

    /// How many of `drawn` items are marked, when they are drawn without return from `all`, of
    /// which `marked` are marked.
    pub fn hypergeometric(&mut self, drawn: u64, marked: u64, all: u64) -> u64 {
        discrete::hypergeometric(self, drawn.min(all), marked.min(all), all)
    }

    /// As many items as there are, drawn with return: how often each cell came up.
    pub fn resample<const CELLS: usize>(&mut self, cells: [u64; CELLS]) -> [u64; CELLS] {
        let mut rows: u64 = cells.iter().sum();
        let mut left = rows;
        cells.map(|cell| {
            let drawn = if cell == rows {
                left
            } else if cell == 0 || left == 0 {
                0
            } else {
                self.binomial(left, cell as f64 / rows as f64)
            };
            rows -= cell;
            left -= drawn;
            drawn
        })
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
#[path = "random/tests.rs"]
mod tests;
