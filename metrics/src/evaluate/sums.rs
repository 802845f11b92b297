//! What was counted of a slice, before its area under the curve is taken.

use super::aggregate::SliceCounts;
use crate::Slice;
use crate::auc::Grid;
use crate::counts::{Cell, Counts};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sums {
    pub counts: Counts,
    pub grid: Option<Grid>,
}

impl Sums {
    pub fn merge(&mut self, other: &Self) {
        self.counts = self.counts.plus(&other.counts);
        if let (Some(own), Some(other)) = (&mut self.grid, &other.grid) {
            own.merge(other);
        }
    }

    pub fn finish(self, slice: Slice) -> SliceCounts {
        let squares = |cells: [Cell; 2]| self.counts.weights(&cells).squares;
        let auc = self.grid.and_then(|grid| {
            grid.area([
                squares([Cell::TrueNegative, Cell::FalsePositive]),
                squares([Cell::TruePositive, Cell::FalseNegative]),
            ])
        });
        SliceCounts { slice, counts: self.counts, auc }
    }
}
