//! From rows to sufficient statistics per slice, on all cores.
//!
//! Rows are counted once, per combination of all attributes, and the combinations are added up to
//! slices; where there are too many combinations, once per family of slices instead. For the area
//! under the ROC curve the rows are sorted once by score, and each family passes over them.

use crate::auc::{Auc, Ranks, WeightedRanks};
use crate::counts::{Cell, Counts, Sum};
use crate::read::Table;
use crate::scores::{Calibration, PrecisionRecall, Scored};
use crate::{Problem, Slice, Spec};
use rayon::prelude::*;

/// The rows of a slice.
pub(super) struct SliceCounts {
    pub slice: Slice,
    pub counts: Counts,
    pub scored: Scored,
}

/// The rows of each combination of attributes.
struct Counted {
    counts: Vec<Counts>,
    /// Empty without scores.
    calibrations: Vec<Calibration>,
    /// Each row's combination, and whether it is positive in the lowest bit, in the order of scores.
    sorted: Vec<u32>,
}

/// Up to so many combinations of all attributes, rows are counted per combination.
const MOST_JOINT_CELLS: usize = 4_096;
/// A family of slices with more possible combinations than this is refused.
const MOST_POSSIBLE_CELLS: usize = 1 << 20;
/// More slices than this in one run are refused.
const MOST_SLICES: usize = 20_000;
/// Rows that one task counts.
pub(super) const CHUNK: usize = 1 << 15;

pub(super) fn aggregate(table: &Table, spec: &Spec) -> Result<Vec<SliceCounts>, Vec<Problem>> {
    let families = families(table, spec)?;
    let scale = weight_scale(&table.weights);
    let rows = Rows { table, scale, bins: spec.calibration_bins };
    let order = rows.order();
    let everything: Vec<usize> = (0..table.attributes.len()).collect();
    let joint =
        possible_cells(table, &everything).filter(|cells| *cells <= MOST_JOINT_CELLS).map(|_| {
            let cells = Cells::of(table, &everything);
            let counted = rows.counted(&cells, &order);
            (cells, counted)
        });

    let made = families
        .par_iter()
        .map(|family| {
            let own;
            let (cells, counted) = match &joint {
                Some(joint) => joint,
                None => {
                    let cells = Cells::of(table, family);
                    // Before memory is taken for each of them.
                    refuse_too_many(cells.groups.len())?;
                    let counted = rows.counted(&cells, &order);
                    own = (cells, counted);
                    &own
                }
            };
            let (groups, slice_of) = cells.project(family);
            let mut sums = vec![Counts::default(); groups.len()];
            let mut scored = vec![Scored::default(); groups.len()];
            for (counts, &slice) in counted.counts.iter().zip(&slice_of) {
                sums[slice as usize] = sums[slice as usize].plus(counts);
            }
            for (calibration, &slice) in counted.calibrations.iter().zip(&slice_of) {
                let sum = &mut scored[slice as usize].calibration;
                *sum = std::mem::take(sum).plus(calibration);
            }
            rows.rank(&sums, &mut scored, &counted.sorted, &order, &slice_of);
            Ok(named(table, family, &groups, sums, scored))
        })
        .collect::<Result<Vec<_>, Vec<Problem>>>()?;
    let mut slices: Vec<SliceCounts> = made.into_iter().flatten().collect();
    refuse_too_many(slices.len())?;
    slices.sort_by(|a, b| (a.slice.arity(), &a.slice).cmp(&(b.slice.arity(), &b.slice)));
    Ok(slices)
}

/// Refuses a run with more slices than anyone can look at.
pub(super) fn refuse_too_many(slices: usize) -> Result<(), Vec<Problem>> {
    if slices <= MOST_SLICES {
        return Ok(());
    }
    let problem = Problem::new("too_many_slices", format!("the spec makes {slices} slices"));
    Err(vec![problem.expected(format!("at most {MOST_SLICES}; cross fewer attributes"))])
}

/// The sets of attributes whose groups are slices: none (overall), each one, each intersection.
pub(super) fn families(table: &Table, spec: &Spec) -> Result<Vec<Vec<usize>>, Vec<Problem>> {
    let mut families = vec![Vec::new()];
    families.extend((0..table.attributes.len()).map(|attribute| vec![attribute]));
    let mut problems = Vec::new();
    for intersection in &spec.intersections {
        let family: Vec<usize> = intersection
            .iter()
            .filter_map(|column| spec.slices.iter().position(|slice| slice == column))
            .collect();
        match possible_cells(table, &family) {
            Some(cells) if cells <= MOST_POSSIBLE_CELLS => families.push(family),
            _ => {
                let message = format!("{} has too many combinations", intersection.join(" × "));
                problems.push(
                    Problem::new("too_many_cells", message)
                        .expected(format!("at most {MOST_POSSIBLE_CELLS}")),
                );
            }
        }
    }
    if problems.is_empty() { Ok(families) } else { Err(problems) }
}

fn possible_cells(table: &Table, family: &[usize]) -> Option<usize> {
    family
        .iter()
        .try_fold(1_usize, |cells, &i| cells.checked_mul(table.attributes[i].groups.len().max(1)))
}

/// The slice of these groups of these attributes.
pub(super) fn slice_of(table: &Table, family: &[usize], codes: &[u16]) -> Slice {
    let pairs = family.iter().zip(codes).map(|(&attribute, &code)| {
        let attribute = &table.attributes[attribute];
        (attribute.name.as_str(), attribute.groups[usize::from(code)].as_str())
    });
    Slice::new(pairs).expect("names are not empty and attributes differ, as the reader checked")
}

fn named(
    table: &Table,
    family: &[usize],
    groups: &[Vec<u16>],
    counts: Vec<Counts>,
    scored: Vec<Scored>,
) -> Vec<SliceCounts> {
    groups
        .iter()
        .map(|codes| slice_of(table, family, codes))
        .zip(counts)
        .zip(scored)
        .map(|((slice, counts), scored)| SliceCounts { slice, counts, scored })
        .collect()
}

/// The combinations of some attributes that occur, and each row's.
pub(super) struct Cells {
    attributes: Vec<usize>,
    /// The group codes of each combination, in the order of `attributes`.
    pub groups: Vec<Vec<u16>>,
    pub of_row: Vec<u32>,
}

impl Cells {
    #[expect(clippy::cast_possible_truncation, reason = "there are at most 2^20 combinations")]
    pub fn of(table: &Table, attributes: &[usize]) -> Self {
        let sizes: Vec<usize> =
            attributes.iter().map(|&i| table.attributes[i].groups.len().max(1)).collect();
        let mut of_row = vec![0_u32; table.cells.len()];
        of_row.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, cells)| {
            for (&attribute, &size) in attributes.iter().zip(&sizes) {
                let codes = &table.attributes[attribute].codes[chunk * CHUNK..];
                for (cell, &code) in cells.iter_mut().zip(codes) {
                    *cell = *cell * size as u32 + u32::from(code);
                }
            }
        });
        let possible = sizes.iter().product();
        let mut seen = vec![u32::MAX; possible];
        for &cell in &of_row {
            seen[cell as usize] = 0;
        }
        let mut groups = Vec::new();
        for (cell, seen) in seen.iter_mut().enumerate().filter(|(_, seen)| **seen == 0) {
            *seen = groups.len() as u32;
            let mut rest = cell;
            let mut codes: Vec<u16> = sizes
                .iter()
                .rev()
                .map(|size| {
                    let code = rest % size;
                    rest /= size;
                    code as u16
                })
                .collect();
            codes.reverse();
            groups.push(codes);
        }
        of_row.par_iter_mut().for_each(|cell| *cell = seen[*cell as usize]);
        // No rows at all is still one slice: overall.
        if attributes.is_empty() && groups.is_empty() {
            groups.push(Vec::new());
        }
        Self { attributes: attributes.to_vec(), groups, of_row }
    }

    /// The combinations of fewer attributes, and for each of these combinations which one.
    #[expect(clippy::cast_possible_truncation, reason = "there are at most 2^20 combinations")]
    fn project(&self, family: &[usize]) -> (Vec<Vec<u16>>, Vec<u32>) {
        let positions: Vec<usize> = family
            .iter()
            .filter_map(|attribute| self.attributes.iter().position(|own| own == attribute))
            .collect();
        let projected: Vec<Vec<u16>> = self
            .groups
            .iter()
            .map(|codes| positions.iter().map(|&position| codes[position]).collect())
            .collect();
        let mut groups = projected.clone();
        groups.sort();
        groups.dedup();
        let slice_of = projected
            .iter()
            .map(|codes| groups.partition_point(|group| group < codes) as u32)
            .collect();
        (groups, slice_of)
    }
}

/// The power of two that brings every weight into 0..1 without rounding it.
pub(super) fn weight_scale(weights: &[f64]) -> f64 {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let (_, exponent) = libm::frexp(largest);
    libm::ldexp(1.0, -exponent)
}

struct Rows<'a> {
    table: &'a Table,
    scale: f64,
    bins: u16,
}

impl Rows<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.table.weights.get(row).map_or(1.0, |weight| weight * self.scale)
    }

    /// The counts of each combination, and its rows in the order of scores.
    fn counted(&self, cells: &Cells, order: &[(u64, u32)]) -> Counted {
        let ((counts, calibrations), sorted) = rayon::join(
            || (self.count(cells), self.calibrate(cells)),
            || self.sorted_cells(cells, order),
        );
        Counted { counts, calibrations, sorted }
    }

    fn calibrate(&self, cells: &Cells) -> Vec<Calibration> {
        let zero = || vec![Calibration::new(self.bins); cells.groups.len()];
        if self.table.scores.is_empty() {
            return Vec::new();
        }
        (0..self.table.scores.len().div_ceil(CHUNK))
            .into_par_iter()
            .fold(zero, |mut calibrations, chunk| {
                let end = ((chunk + 1) * CHUNK).min(self.table.scores.len());
                for row in chunk * CHUNK..end {
                    let (score, positive) =
                        (self.table.scores[row], self.table.cells[row] & 1 == 1);
                    calibrations[cells.of_row[row] as usize].add(score, positive, self.weight(row));
                }
                calibrations
            })
            .reduce(zero, |a, b| a.into_iter().zip(&b).map(|(a, b)| a.plus(b)).collect())
    }

    fn count(&self, cells: &Cells) -> Vec<Counts> {
        let weighted = !self.table.weights.is_empty();
        let zero = || vec![Counts::default(); cells.groups.len()];
        (0..self.table.cells.len().div_ceil(CHUNK))
            .into_par_iter()
            .fold(zero, |mut counts, chunk| {
                let end = ((chunk + 1) * CHUNK).min(self.table.cells.len());
                for row in chunk * CHUNK..end {
                    let counts = &mut counts[cells.of_row[row] as usize];
                    let cell = self.table.cells[row];
                    counts.add_row(cell);
                    let weight = self.weight(row);
                    if weighted {
                        counts.add_weight(cell, weight);
                    }
                    if let Some(&score) = self.table.scores.get(row) {
                        counts.add_score(cell, score, weight);
                    }
                }
                counts
            })
            .reduce(zero, |mut a, b| {
                for (a, b) in a.iter_mut().zip(&b) {
                    *a = a.plus(b);
                }
                a
            })
    }

    /// Score and row, in rising order of score. Scores are not negative, so their bits order as
    /// they do.
    #[expect(clippy::cast_possible_truncation, reason = "the reader stops at 2^32 rows")]
    fn order(&self) -> Vec<(u64, u32)> {
        let mut order: Vec<(u64, u32)> = self
            .table
            .scores
            .par_iter()
            .enumerate()
            .map(|(row, score)| (score.to_bits(), row as u32))
            .collect();
        order.par_sort_unstable();
        order
    }

    /// Each row's combination, and whether it is positive in the lowest bit, in the order of scores.
    fn sorted_cells(&self, cells: &Cells, order: &[(u64, u32)]) -> Vec<u32> {
        order
            .par_iter()
            .map(|&(_, row)| {
                let positive = u32::from(self.table.cells[row as usize] & 1);
                cells.of_row[row as usize] << 1 | positive
            })
            .collect()
    }

    /// Adds the area under the ROC curve and the average precision of each slice.
    fn rank(
        &self,
        counts: &[Counts],
        scored: &mut [Scored],
        sorted: &[u32],
        order: &[(u64, u32)],
        slice_of: &[u32],
    ) {
        const NEGATIVE: &[Cell] = &[Cell::TrueNegative, Cell::FalsePositive];
        const POSITIVE: &[Cell] = &[Cell::FalseNegative, Cell::TruePositive];
        if order.is_empty() {
            return;
        }
        let weighted = !self.table.weights.is_empty();
        let whole = |counts: &Counts, cells: &[Cell]| {
            if weighted { counts.weights(cells).sum } else { Sum::of_ones(counts.rows(cells)) }
        };
        let mut precisions: Vec<PrecisionRecall> = counts
            .iter()
            .map(|counts| PrecisionRecall::new(whole(counts, NEGATIVE), whole(counts, POSITIVE)))
            .collect();
        let rows = order.iter().zip(sorted);
        let areas: Vec<Option<Auc>> = if weighted {
            let mut ranks = vec![WeightedRanks::default(); counts.len()];
            for (&(score, row), &cell) in rows {
                let (slice, positive) = (slice_of[(cell >> 1) as usize] as usize, cell & 1 == 1);
                let weight = self.weight(row as usize);
                ranks[slice].add(score, positive, weight);
                precisions[slice].add(score, positive, weight);
            }
            ranks.into_iter().map(WeightedRanks::finish).collect()
        } else {
            let mut ranks = vec![Ranks::default(); counts.len()];
            for (&(score, _), &cell) in rows {
                let (slice, positive) = (slice_of[(cell >> 1) as usize] as usize, cell & 1 == 1);
                ranks[slice].add(score, positive);
                precisions[slice].add(score, positive, 1.0);
            }
            ranks.into_iter().map(Ranks::finish).collect()
        };
        for ((scored, auc), precision) in scored.iter_mut().zip(areas).zip(precisions) {
            (scored.auc, scored.average_precision) = (auc, precision.finish());
        }
    }
}
