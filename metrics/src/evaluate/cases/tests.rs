//! The influence of a row is what the metric does when the row counts a little more.

use super::*;
use proptest::prelude::*;

/// Label + 2 × prediction, a score in tenths, and a weight in eighths.
type Row = (u8, u8, u8);

fn cases(rows: &[Row], weighted: bool) -> Cases {
    let table = Table {
        cells: rows.iter().map(|row| row.0).collect(),
        scores: rows.iter().map(|row| f64::from(row.1) / 10.0).collect(),
        weights: rows.iter().filter(|_| weighted).map(|row| f64::from(row.2) / 8.0).collect(),
        ..Table::default()
    };
    let all = (0..u32::try_from(rows.len()).unwrap()).collect();
    Cases::of(&table, all, 1.0, 4, None)
}

fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0_u8..4, 1_u8..10, 1_u8..9), 4..40)
}

proptest! {
    #[test]
    fn influences_are_derivatives_and_add_up_to_nothing(
        rows in some_rows(), weighted in any::<bool>(),
    ) {
        let cases = cases(&rows, weighted);
        let values = cases.metrics(&|row| cases.weight(row));
        let sums = cases.sums(&|row| cases.weight(row));
        for (place, key) in keys(true).enumerate() {
            let Some(influences) = cases.influences(key) else {
                prop_assert!(values[place].is_nan(), "{} of {:?}", key, rows);
                continue;
            };
            prop_assert!(influences.iter().sum::<f64>().abs() < 1e-9, "{}", key);
            // Where a bin's gap is 0 the calibration error has a corner, and no derivative.
            if key == "calibration_error" && sums.gaps.iter().any(|gap| gap.abs() < 1e-3) {
                continue;
            }
            let step = 1e-6;
            for (row, influence) in influences.iter().enumerate() {
                let more = |other: usize| {
                    cases.weight(other) * if other == row { 1.0 + step } else { 1.0 }
                };
                let moved = (cases.metrics(&more)[place] - values[place]) / step;
                prop_assert!((moved - influence).abs() < 1e-4, "{} {} {}", key, moved, influence);
            }
        }
    }

    #[test]
    fn a_row_that_counts_twice_is_two_rows(rows in some_rows(), twice in 0_usize..40) {
        let twice = twice % rows.len();
        let ordered = {
            let mut rows = rows.clone();
            rows.sort_by_key(|row| (row.1, row.0));
            rows
        };
        let mut times = vec![1; rows.len()];
        times[twice] = 2;
        let doubled = [ordered.as_slice(), &[ordered[twice]]].concat();
        let (a, b) = (cases(&ordered, false).values(&times), cases(&doubled, false));
        let b = b.metrics(&|row| b.weight(row));
        for ((a, b), key) in a.iter().zip(&b).zip(keys(true)) {
            prop_assert!((a - b).abs() < 1e-12 || (a.is_nan() && !b.is_finite()), "{}", key);
        }
    }
}
