//! Change of the area under the ROC curve: DeLong's variance with the covariance of two runs on
//! the same rows.
//!
//! A row's placement is the share of the other class that it stands on the right side of. The
//! variance of the difference of two areas is that of the differences of placements, which is what
//! DeLong's two variances less twice their covariance come to.

use super::means::{unseen, within};
use super::rates::Moved;
use crate::auc::{Auc, Ranks};
use crate::interval::{Bounds, method, normal_two_sided, z};

/// What a slice's rows say of the change of its area.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Areas {
    pub before: Option<Auc>,
    pub after: Option<Auc>,
    rows: [u64; 2],
    /// Of rows of each class: how much twice the mid-rank among the other class grew, and its
    /// square.
    sums: [i128; 2],
    squares: [u128; 2],
}

/// The areas of every slice of a family. `order` holds the rows by rising score, before and after.
pub(super) fn areas(
    slices: usize,
    slice_of: &[u32],
    cells: &[u8],
    scores: &[Vec<f64>; 2],
    order: &[Vec<u32>; 2],
) -> Vec<Areas> {
    let mut all = vec![Areas::default(); slices];
    let mut placed = vec![0_i64; cells.len()];
    for (run, sign) in [(0, -1), (1, 1)] {
        let found = place(slices, slice_of, cells, &scores[run], &order[run], |row, rank| {
            placed[row] += sign * i64::try_from(rank).unwrap_or(i64::MAX);
        });
        for (areas, auc) in all.iter_mut().zip(found) {
            if run == 0 { areas.before = auc } else { areas.after = auc }
        }
    }
    for ((&slice, &cell), &moved) in slice_of.iter().zip(cells).zip(&placed) {
        let (areas, class) = (&mut all[slice as usize], usize::from(cell & 1));
        areas.rows[class] += 1;
        areas.sums[class] += i128::from(moved);
        areas.squares[class] += u128::from(moved.unsigned_abs()).pow(2);
    }
    all
}

/// Calls `each` with every row and twice its mid-rank among the other class of its slice; gives
/// the area of each slice.
fn place(
    slices: usize,
    slice_of: &[u32],
    cells: &[u8],
    scores: &[f64],
    order: &[u32],
    mut each: impl FnMut(usize, u64),
) -> Vec<Option<Auc>> {
    let mut ranks = vec![Ranks::default(); slices];
    let mut below = vec![[0_u64; 2]; slices];
    let mut tied = vec![[0_u64; 2]; slices];
    let of = |row: u32| {
        let row = row as usize;
        (row, slice_of[row] as usize, usize::from(cells[row] & 1))
    };
    let same = |a: &u32, b: &u32| scores[*a as usize].to_bits() == scores[*b as usize].to_bits();
    for tie in order.chunk_by(same) {
        for &row in tie {
            let (row, slice, class) = of(row);
            tied[slice][class] += 1;
            ranks[slice].add(scores[row].to_bits(), class == 1);
        }
        for &row in tie {
            let (row, slice, class) = of(row);
            each(row, 2 * below[slice][1 - class] + tied[slice][1 - class]);
        }
        for &row in tie {
            let (_, slice, class) = of(row);
            tied[slice][class] -= 1;
            below[slice][class] += 1;
        }
    }
    ranks.into_iter().map(Ranks::finish).collect()
}

impl Areas {
    /// The change, or why it has no interval.
    pub fn change(&self, level: f64) -> Result<Moved, &'static str> {
        let (Some(before), Some(after)) = (self.before, self.after) else {
            return Err("one class has no rows");
        };
        let [negatives, positives] = self.rows;
        if positives < 2 {
            return Err("one positive only");
        }
        if negatives < 2 {
            return Err("one negative only");
        }
        let value = after.value - before.value;
        let sizes = [negatives as f64, positives as f64];
        let variance: f64 = (0..2).map(|class| self.variance(class, sizes)).sum();
        let (half, method, p) = if variance > 0.0 {
            let stderr = variance.sqrt();
            (z(level) * stderr, method::DELONG_PAIRED, normal_two_sided(value / stderr))
        } else {
            // Every row stands where it stood.
            (unseen(sizes[0], level) + unseen(sizes[1], level), method::WILSON_BOUND, 1.0)
        };
        let bounds = within(Bounds { value, low: value - half, high: value + half });
        Ok(Moved { n: negatives + positives, bounds, method, p, discordant: None })
    }

    /// The variance of the mean difference of placements of a class.
    fn variance(&self, class: usize, sizes: [f64; 2]) -> f64 {
        let (size, other) = (sizes[class], sizes[1 - class]);
        let (sum, squares) = (self.sums[class], self.squares[class]);
        let rows = u128::from(self.rows[class]);
        let square = sum.unsigned_abs().checked_mul(sum.unsigned_abs());
        let spread = match (rows.checked_mul(squares), square) {
            (Some(a), Some(b)) => a.saturating_sub(b) as f64,
            _ => (size * squares as f64 - sum as f64 * sum as f64).max(0.0),
        };
        spread / (size * (size - 1.0)) / (4.0 * other * other) / size
    }
}
