//! What was counted of a slice, before its areas are taken.

use super::aggregate::SliceCounts;
use crate::Slice;
use crate::auc::Grid;
use crate::counts::{Cell, Counts};
use crate::scores::{Calibration, Scored};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sums {
    pub counts: Counts,
    pub grid: Option<Grid>,
    pub calibration: Calibration,
}

impl Sums {
    pub fn merge(&mut self, other: &Self) {
        self.counts = self.counts.plus(&other.counts);
        self.calibration = std::mem::take(&mut self.calibration).plus(&other.calibration);
        if let (Some(own), Some(other)) = (&mut self.grid, &other.grid) {
            own.merge(other);
        }
    }

    pub fn finish(self, slice: Slice) -> SliceCounts {
        let squares = |cells: [Cell; 2]| self.counts.weights(&cells).squares;
        let auc = self.grid.as_ref().and_then(|grid| {
            grid.area([
                squares([Cell::TrueNegative, Cell::FalsePositive]),
                squares([Cell::TruePositive, Cell::FalseNegative]),
            ])
        });
        let precision = self.grid.as_ref().and_then(Grid::average_precision);
        let scored = Scored {
            auc,
            average_precision: precision.map(|(value, _)| value),
            average_precision_bound: precision.map_or(0.0, |(_, bound)| bound),
            calibration: self.calibration,
        };
        SliceCounts { slice, counts: self.counts, scored }
    }
}
