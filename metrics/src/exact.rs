//! A sum of floating-point numbers without rounding.
//!
//! A Kulisch accumulator: the sum is a fixed-point integer wide enough for every double, kept in
//! limbs of 32 bits, of which only those that were touched are stored. So a sum does not depend on
//! the order of its terms, on the number of threads or on how rows were split over files.

/// Bits of a limb; each is held in an `i64`, which leaves room for carries.
const LIMB: usize = 32;
/// So many additions leave every limb far from overflow.
const PENDING: u32 = 1 << 28;
/// The weight of the lowest bit, as a power of two: that of the smallest double.
const LOWEST: i32 = -1_074;

/// An exact sum of finite numbers. Add with [`ExactSum::add`], merge with [`ExactSum::merge`].
///
/// ```
/// use metrics::exact::ExactSum;
/// let mut sum = ExactSum::default();
/// for number in [1e100, 1.0, -1e100] {
///     sum.add(number);
/// }
/// assert_eq!(sum.get(), 1.0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ExactSum {
    /// The sum of `limbs[i]` · 2^(32(base + i) − 1074).
    limbs: Vec<i64>,
    base: usize,
    pending: u32,
}

impl ExactSum {
    /// Adds a finite number.
    ///
    /// # Panics
    /// In debug builds, when it is not finite.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a limb takes the lowest bits")]
    pub fn add(&mut self, number: f64) {
        debug_assert!(number.is_finite(), "only finite numbers have a sum");
        if number == 0.0 {
            return;
        }
        let bits = number.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as usize;
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, shift) =
            if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
        let (limb, offset) = (shift / LIMB, shift % LIMB);
        let wide = u128::from(mantissa) << offset;
        let at = self.reach(limb, 3);
        let sign = if number < 0.0 { -1 } else { 1 };
        for (i, limb) in self.limbs[at..at + 3].iter_mut().enumerate() {
            *limb += sign * i64::from((wide >> (LIMB * i)) as u32);
        }
        self.pending += 1;
        if self.pending >= PENDING {
            self.carry();
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.carry();
        let mut other = other.clone();
        other.carry();
        if other.limbs.is_empty() {
            return;
        }
        let at = self.reach(other.base, other.limbs.len());
        for (mine, theirs) in self.limbs[at..].iter_mut().zip(&other.limbs) {
            *mine += theirs;
        }
        self.pending = 1;
    }

    /// The sum, rounded once to the nearest double.
    pub fn get(&self) -> f64 {
        let mut sum = self.clone();
        sum.carry();
        let negative = sum.limbs.iter().rev().find(|limb| **limb != 0).is_some_and(|top| *top < 0);
        if negative {
            sum.limbs.iter_mut().for_each(|limb| *limb = -*limb);
            sum.carry();
        }
        let Some(top) = sum.limbs.iter().rposition(|limb| *limb != 0) else { return 0.0 };
        // 97 bits or more of the sum; of what lies below it only matters whether it is nothing.
        let low = top.saturating_sub(3);
        let mut head = 0_u128;
        for &limb in sum.limbs[low..=top].iter().rev() {
            head = head << LIMB | u128::from(limb.unsigned_abs());
        }
        head |= u128::from(sum.limbs[..low].iter().any(|limb| *limb != 0));
        let exponent = i32::try_from(LIMB * (sum.base + low)).unwrap_or(i32::MAX) + LOWEST;
        let size = libm::ldexp(head as f64, exponent);
        if negative { -size } else { size }
    }

    /// Makes room for limbs `first..first + count`; where the first of them is.
    #[inline]
    fn reach(&mut self, first: usize, count: usize) -> usize {
        if self.limbs.is_empty() {
            self.base = first;
        } else if first < self.base {
            let more = self.base - first;
            self.limbs.splice(..0, std::iter::repeat_n(0, more));
            self.base = first;
        }
        let at = first - self.base;
        if self.limbs.len() < at + count {
            self.limbs.resize(at + count, 0);
        }
        at
    }

    /// Brings every limb but the last into 0..2^32, and the last near it.
    fn carry(&mut self) {
        let mut carry = 0_i64;
        for limb in &mut self.limbs {
            let sum = *limb + carry;
            *limb = sum & ((1 << LIMB) - 1);
            carry = sum >> LIMB;
        }
        // The sign stands in the last limb.
        match (self.limbs.last_mut(), carry) {
            (None, _) | (_, 0) => {}
            (Some(last), -1) => *last -= 1 << LIMB,
            _ => self.limbs.push(carry),
        }
        self.pending = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(numbers: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        for &number in numbers {
            sum.add(number);
        }
        sum
    }

    #[test]
    fn what_a_naive_sum_loses_is_kept() {
        let cases: [(&[f64], f64); 6] = [
            (&[1e300, 1e-300, -1e300], 1e-300),
            (&[0.1; 10], 1.0),
            (&[f64::MIN_POSITIVE / 4.0; 4], f64::MIN_POSITIVE),
            (&[-1.0, -2.0, 0.5], -2.5),
            (&[f64::MAX, f64::MAX, -f64::MAX], f64::MAX),
            (&[], 0.0),
        ];
        for (numbers, known) in cases {
            assert_eq!(sum(numbers).get().to_bits(), known.to_bits(), "{numbers:?}");
        }
    }

    proptest! {
        #[test]
        fn order_and_split_change_nothing_and_the_sum_is_the_nearest_double(
            numbers in prop::collection::vec((any::<i32>(), -80_i32..80), 0..60),
            split in 0_usize..60,
        ) {
            let numbers: Vec<f64> = numbers
                .into_iter()
                .map(|(m, e)| libm::ldexp(f64::from(m), e))
                .collect();
            let whole = sum(&numbers).get();
            let mut backwards = numbers.clone();
            backwards.reverse();
            prop_assert_eq!(sum(&backwards).get().to_bits(), whole.to_bits());
            let (left, right) = numbers.split_at(split.min(numbers.len()));
            let mut merged = sum(left);
            merged.merge(&sum(right));
            prop_assert_eq!(merged.get().to_bits(), whole.to_bits());
            // Small integers are added exactly by anyone.
            let small: Vec<f64> = numbers.iter().map(|x| (x % 1_000.0).trunc()).collect();
            let known: f64 = small.iter().sum();
            prop_assert!((sum(&small).get() - known).abs() < f64::EPSILON);
        }
    }
}
