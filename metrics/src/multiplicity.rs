//! Many tests at once: p-values adjusted for how many there are.
//!
//! Holm keeps the chance of *any* false finding (family-wise error), Benjamini-Hochberg the expected
//! share of false ones *among the findings* (false discovery rate). Use the first for comparisons
//! that a decision rests on, the second to explore. All of them return adjusted p-values: compare
//! one with α, or with the rate q, as it stands.
//!
//! Sources: Holm 1979, Scand J Stat 6:65; Benjamini & Hochberg 1995, JRSS B 57:289; Benjamini &
//! Yekutieli 2001, Ann Stat 29:1165.

use serde::{Deserialize, Serialize};

/// How p-values are adjusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// Family-wise error under any dependence; never weaker than Bonferroni.
    Holm,
    /// False discovery rate, where tests are independent or positively dependent, as those of
    /// overlapping slices are.
    BenjaminiHochberg,
    /// False discovery rate under any dependence.
    BenjaminiYekutieli,
}

/// Adjusted p-values, each in 0..1 and at least the raw one, in the order of the raw ones.
///
/// A p-value that is not a number counts as 1: nothing was found.
///
/// ```
/// use metrics::multiplicity::{Adjustment, adjust};
/// let adjusted = adjust(&[0.01, 0.04, 0.03, 0.005, 0.2], Adjustment::Holm);
/// assert!((adjusted[1] - 0.09).abs() < 1e-12);
/// ```
pub fn adjust(p_values: &[f64], adjustment: Adjustment) -> Vec<f64> {
    match adjustment {
        Adjustment::Holm => holm(p_values),
        Adjustment::BenjaminiHochberg => step_up(p_values, 1.0),
        Adjustment::BenjaminiYekutieli => {
            step_up(p_values, (1..=p_values.len()).map(|i| 1.0 / i as f64).sum())
        }
    }
}

/// p̃(i) = max over j ≤ i of (m − j + 1) p(j), from the smallest p-value on.
fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, (place, p)) in ascending(p_values).into_iter().enumerate() {
        largest = largest.max((p_values.len() - rank) as f64 * p).min(1.0);
        adjusted[place] = largest;
    }
    adjusted
}

/// p̃(i) = min over j ≥ i of factor · m p(j) / j, from the largest p-value on.
fn step_up(p_values: &[f64], factor: f64) -> Vec<f64> {
    let m = p_values.len() as f64;
    let mut adjusted = vec![1.0; p_values.len()];
    let mut smallest = 1.0_f64;
    for (rank, (place, p)) in ascending(p_values).into_iter().enumerate().rev() {
        // The last rank's factor is m / m, but rounding may take it below the raw p-value.
        smallest = smallest.min((factor * m / (rank as f64 + 1.0) * p).max(p));
        adjusted[place] = smallest;
    }
    adjusted
}

/// Places and p-values, the smallest first.
fn ascending(p_values: &[f64]) -> Vec<(usize, f64)> {
    let cleaned = |p: f64| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) };
    let mut ordered: Vec<(usize, f64)> =
        p_values.iter().copied().map(cleaned).enumerate().collect();
    ordered.sort_by(|a, b| a.1.total_cmp(&b.1));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Adjustment; 3] =
        [Adjustment::Holm, Adjustment::BenjaminiHochberg, Adjustment::BenjaminiYekutieli];

    #[test]
    fn the_adjusted_values_are_those_of_statsmodels() {
        let p_values = [0.01, 0.04, 0.03, 0.005, 0.2];
        let known = [
            [0.04, 0.09, 0.09, 0.025, 0.2],
            [0.025, 0.05, 0.05, 0.025, 0.2],
            [0.057_083, 0.114_167, 0.114_167, 0.057_083, 0.456_667],
        ];
        for (adjustment, known) in ALL.into_iter().zip(known) {
            for (got, known) in adjust(&p_values, adjustment).into_iter().zip(known) {
                assert!((got - known).abs() < 1e-6, "{adjustment:?}: {got} is not {known}");
            }
        }
    }

    #[test]
    fn nothing_to_adjust_is_nothing_and_one_test_stays_as_it_is() {
        for adjustment in ALL {
            assert!(adjust(&[], adjustment).is_empty());
            assert_eq!(adjust(&[0.03], adjustment), [0.03]);
            assert_eq!(adjust(&[f64::NAN], adjustment), [1.0]);
        }
    }

    proptest! {
        #[test]
        fn adjusting_keeps_the_order_and_never_sharpens(
            p_values in prop::collection::vec(0.0_f64..=1.0, 1..40),
        ) {
            for adjustment in ALL {
                let adjusted = adjust(&p_values, adjustment);
                for (i, (&raw, &new)) in p_values.iter().zip(&adjusted).enumerate() {
                    prop_assert!(raw <= new && new <= 1.0);
                    for (&other, &new_other) in p_values.iter().zip(&adjusted).skip(i) {
                        prop_assert!(raw > other || new <= new_other);
                        prop_assert!(raw < other || new >= new_other);
                    }
                }
            }
        }

        #[test]
        fn the_order_of_tests_does_not_matter_and_holm_is_the_strictest_without_dependence(
            p_values in prop::collection::vec(0.0_f64..=1.0, 1..40),
        ) {
            for adjustment in ALL {
                let mut backwards = p_values.clone();
                backwards.reverse();
                let mut adjusted = adjust(&backwards, adjustment);
                adjusted.reverse();
                prop_assert_eq!(adjusted, adjust(&p_values, adjustment));
            }
            let holm = adjust(&p_values, Adjustment::Holm);
            let found = adjust(&p_values, Adjustment::BenjaminiHochberg);
            prop_assert!(holm.iter().zip(&found).all(|(holm, bh)| *holm >= bh - 1e-12));
        }
    }
}
