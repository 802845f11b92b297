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
use std::collections::HashMap;

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
    /// Each row's tag, in the order of scores; empty where the order has them.
    sorted: Vec<u32>,
}

/// Up to so many combinations of all attributes, rows are counted per combination.
const MOST_JOINT_CELLS: usize = 4_096;
/// Up to so many possible combinations, those that occur are marked in a table of all.
const MOST_MARKED: u64 = 1 << 20;
/// More slices than this in one run are refused.
pub(super) const MOST_SLICES: usize = 20_000;
/// Rows that one task counts.
pub(super) const CHUNK: usize = 1 << 15;

pub(super) fn aggregate(table: &Table, spec: &Spec) -> Result<Vec<SliceCounts>, Vec<Problem>> {
    let families = families(table, spec)?;
    let scale = weight_scale(&table.weights);
    let rows = Rows { table, scale, bins: spec.calibration_bins };
    let everything: Vec<usize> = (0..table.attributes.len()).collect();
    let joint = possible_cells(table, &everything)
        .filter(|cells| *cells <= MOST_JOINT_CELLS as u64)
        .map(|_| Cells::of(table, &everything));
    let order = rows.order(joint.as_ref());
    let joint = joint.map(|cells| {
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
    Err(vec![too_many_slices()])
}

/// The sets of attributes whose groups are slices: none (overall), each one, each intersection.
pub(super) fn attribute_sets(spec: &Spec) -> Vec<Vec<usize>> {
    let mut families = vec![Vec::new()];
    families.extend((0..spec.slices.len()).map(|attribute| vec![attribute]));
    families.extend(spec.intersections.iter().map(|intersection| {
        let place = |column| spec.slices.iter().position(|slice| slice == column);
        intersection.iter().filter_map(place).collect()
    }));
    families
}

/// The sets of attributes whose groups are slices of a table.
pub(super) fn families(table: &Table, spec: &Spec) -> Result<Vec<Vec<usize>>, Vec<Problem>> {
    let families = attribute_sets(spec);
    let problems: Vec<Problem> = families
        .iter()
        .filter(|family| possible_cells(table, family).is_none())
        .map(|family| too_many_combinations(family.iter().map(|&i| &table.attributes[i].name)))
        .collect();
    if problems.is_empty() { Ok(families) } else { Err(problems) }
}

pub(super) fn too_many_slices() -> Problem {
    let message = format!("the spec makes more than {MOST_SLICES} slices of this file");
    Problem::new("too_many_slices", message)
        .expected(format!("at most {MOST_SLICES}; cross fewer attributes"))
}

pub(super) fn too_many_combinations<'a>(attributes: impl Iterator<Item = &'a String>) -> Problem {
    let names = attributes.map(String::as_str).collect::<Vec<_>>().join(" × ");
    Problem::new("too_many_cells", format!("{names} has too many combinations"))
        .expected("fewer than 2^64; cross fewer attributes")
}

/// How many combinations of groups there can be; `None` when there are no numbers for so many.
fn possible_cells(table: &Table, family: &[usize]) -> Option<u64> {
    family.iter().try_fold(1_u64, |cells, &i| {
        cells.checked_mul(table.attributes[i].groups.len().max(1).next_power_of_two() as u64)
    })
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
    pub fn of(table: &Table, attributes: &[usize]) -> Self {
        let sizes: Vec<u64> =
            attributes.iter().map(|&i| table.attributes[i].groups.len().max(1) as u64).collect();
        let (numbers, of_row) =
            if possible_cells(table, attributes).is_some_and(|cells| cells <= MOST_MARKED) {
                Self::marked(table, attributes, &sizes)
            } else {
                Self::hashed(table, attributes, &sizes)
            };
        let mut groups: Vec<Vec<u16>> =
            numbers.into_iter().map(|number| codes_of(number, &sizes)).collect();
        // No rows at all is still one slice: overall.
        if attributes.is_empty() && groups.is_empty() {
            groups.push(Vec::new());
        }
        Self { attributes: attributes.to_vec(), groups, of_row }
    }

    /// The numbers of the combinations that occur, and each row's place among them.
    #[expect(clippy::cast_possible_truncation, reason = "there are at most 2^20 combinations")]
    fn marked(table: &Table, attributes: &[usize], sizes: &[u64]) -> (Vec<u64>, Vec<u32>) {
        let mut of_row = vec![0_u32; table.cells.len()];
        of_row.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, cells)| {
            for (&attribute, &size) in attributes.iter().zip(sizes) {
                let codes = &table.attributes[attribute].codes[chunk * CHUNK..];
                for (cell, &code) in cells.iter_mut().zip(codes) {
                    *cell = *cell * size as u32 + u32::from(code);
                }
            }
        });
        let mut places = vec![u32::MAX; sizes.iter().product::<u64>() as usize];
        for &cell in &of_row {
            places[cell as usize] = 0;
        }
        let mut numbers = Vec::new();
        for (number, place) in places.iter_mut().enumerate().filter(|(_, place)| **place == 0) {
            *place = numbers.len() as u32;
            numbers.push(number as u64);
        }
        of_row.par_iter_mut().for_each(|cell| *cell = places[*cell as usize]);
        (numbers, of_row)
    }

    /// As [`Cells::marked`], where there can be too many combinations to mark them.
    #[expect(clippy::cast_possible_truncation, reason = "there are at most 2^32 rows")]
    fn hashed(table: &Table, attributes: &[usize], sizes: &[u64]) -> (Vec<u64>, Vec<u32>) {
        let (mut numbers, mut places) = (Vec::new(), HashMap::new());
        let of_row = (0..table.cells.len()).map(|row| {
            let number = attributes.iter().zip(sizes).fold(0, |number, (&attribute, &size)| {
                number * size + u64::from(table.attributes[attribute].codes[row])
            });
            *places.entry(number).or_insert_with(|| {
                numbers.push(number);
                numbers.len() as u32 - 1
            })
        });
        let of_row = of_row.collect();
        (numbers, of_row)
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

/// The codes of a combination, from its number.
#[expect(clippy::cast_possible_truncation, reason = "codes are below 2^16")]
fn codes_of(number: u64, sizes: &[u64]) -> Vec<u16> {
    let mut rest = number;
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
    codes
}

/// The power of two that brings every weight into 0..1 without rounding it.
pub(super) fn weight_scale(weights: &[f64]) -> f64 {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let (_, exponent) = libm::frexp(largest);
    libm::ldexp(1.0, -exponent)
}

/// Rows in rising order of score.
struct Order {
    /// Score, and the row or its tag.
    rows: Vec<(u64, u32)>,
    tagged: bool,
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
    fn counted(&self, cells: &Cells, order: &Order) -> Counted {
        let ((counts, calibrations), sorted) = rayon::join(
            || (self.count(cells), self.calibrate(cells)),
            || self.sorted_tags(cells, order),
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
    /// they do. Where nothing else is needed of a row than its combination and its label, these
    /// stand there in place of it: looking them up in the order of scores would miss the cache.
    #[expect(clippy::cast_possible_truncation, reason = "the reader stops at 2^32 rows")]
    fn order(&self, cells: Option<&Cells>) -> Order {
        let cells = cells.filter(|_| self.table.weights.is_empty());
        let tag = |row: usize| cells.map_or(row as u32, |cells| self.tag(cells, row));
        let scores = self.table.scores.par_iter().enumerate();
        let mut rows: Vec<(u64, u32)> =
            scores.map(|(row, score)| (score.to_bits(), tag(row))).collect();
        // Ties may come in any order: they are summed exactly.
        rows.par_sort_unstable_by_key(|&(score, _)| score);
        Order { rows, tagged: cells.is_some() }
    }

    /// A row's combination, and whether it is positive in the lowest bit.
    fn tag(&self, cells: &Cells, row: usize) -> u32 {
        cells.of_row[row] << 1 | u32::from(self.table.cells[row] & 1)
    }

    /// Each row's tag in the order of scores; none where the order has them.
    fn sorted_tags(&self, cells: &Cells, order: &Order) -> Vec<u32> {
        if order.tagged {
            return Vec::new();
        }
        order.rows.par_iter().map(|&(_, row)| self.tag(cells, row as usize)).collect()
    }

    /// Adds the area under the ROC curve and the average precision of each slice.
    fn rank(
        &self,
        counts: &[Counts],
        scored: &mut [Scored],
        sorted: &[u32],
        order: &Order,
        slice_of: &[u32],
    ) {
        const NEGATIVE: &[Cell] = &[Cell::TrueNegative, Cell::FalsePositive];
        const POSITIVE: &[Cell] = &[Cell::FalseNegative, Cell::TruePositive];
        if order.rows.is_empty() {
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
        let rows = order.rows.iter().enumerate().map(|(place, &(score, row))| {
            let tag = sorted.get(place).copied().unwrap_or(row);
            (score, row, slice_of[(tag >> 1) as usize] as usize, tag & 1 == 1)
        });
        let areas: Vec<Option<Auc>> = if weighted {
            let mut ranks = vec![WeightedRanks::default(); counts.len()];
            for (score, row, slice, positive) in rows {
                let weight = self.weight(row as usize);
                ranks[slice].add(score, positive, weight);
                precisions[slice].add(score, positive, weight);
            }
            ranks.into_iter().map(WeightedRanks::finish).collect()
        } else {
            let mut ranks = vec![Ranks::default(); counts.len()];
            for (score, _, slice, positive) in rows {
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
