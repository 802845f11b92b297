//! From rows to sufficient statistics per slice, on all cores.
//!
//! Rows are counted once, per combination of all attributes, and the combinations are added up to
//! slices; where there are too many combinations, once per family of slices instead.

use super::curves::{Family, Order};
use crate::auc::Ranked;
use crate::counts::Counts;
use crate::read::Table;
use crate::scores::{Calibration, Scored};
use crate::{Problem, Slice, Spec};
use rayon::prelude::*;
use std::collections::HashMap;

/// The rows of a slice.
pub(super) struct SliceCounts {
    pub slice: Slice,
    pub counts: Counts,
    pub scored: Scored,
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
    let order = (!table.scores.is_empty()).then(|| Order::of(table, joint.as_ref()));
    let mut slices = match &joint {
        Some(cells) => rows.slices(cells, &families, order.as_ref()),
        None => families
            .par_iter()
            .map(|family| {
                let cells = Cells::of(table, family);
                // Before memory is taken for each of them.
                refuse_too_many(cells.groups.len())?;
                Ok(rows.slices(&cells, std::slice::from_ref(family), order.as_ref()))
            })
            .collect::<Result<Vec<_>, Vec<Problem>>>()?
            .into_iter()
            .flatten()
            .collect(),
    };
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
        let none = || vec![false; sizes.iter().product::<u64>() as usize];
        let number = |mut occurs: Vec<bool>, (chunk, cells): (usize, &mut [u32])| {
            for (&attribute, &size) in attributes.iter().zip(sizes) {
                let codes = &table.attributes[attribute].codes[chunk * CHUNK..];
                for (cell, &code) in cells.iter_mut().zip(codes) {
                    *cell = *cell * size as u32 + u32::from(code);
                }
            }
            for &mut cell in cells {
                occurs[cell as usize] = true;
            }
            occurs
        };
        let either = |mut a: Vec<bool>, b: Vec<bool>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
            a
        };
        let chunks = of_row.par_chunks_mut(CHUNK).enumerate();
        let occurs = chunks.fold(none, number).reduce(none, either);
        let mut places = vec![0_u32; occurs.len()];
        let mut numbers = Vec::new();
        for (number, place) in places.iter_mut().enumerate().filter(|(number, _)| occurs[*number]) {
            *place = numbers.len() as u32;
            numbers.push(number as u64);
        }
        if numbers.len() < places.len() {
            of_row.par_iter_mut().for_each(|cell| *cell = places[*cell as usize]);
        }
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

struct Rows<'a> {
    table: &'a Table,
    scale: f64,
    bins: u16,
}

impl Rows<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.table.weights.get(row).map_or(1.0, |weight| weight * self.scale)
    }

    /// The slices of some families, from the combinations that they are made of.
    fn slices(
        &self,
        cells: &Cells,
        families: &[Vec<usize>],
        order: Option<&Order>,
    ) -> Vec<SliceCounts> {
        let counted = self.count(cells);
        let mut projected = Vec::with_capacity(families.len());
        let mut sums = Vec::with_capacity(families.len());
        for family in families {
            let (groups, slice_of) = cells.project(family);
            let mut counts = vec![Counts::default(); groups.len()];
            let mut calibrations = vec![Calibration::default(); groups.len()];
            for ((own, calibration), &slice) in counted.iter().zip(&slice_of) {
                let slice = slice as usize;
                counts[slice] = counts[slice].plus(own);
                calibrations[slice] = std::mem::take(&mut calibrations[slice]).plus(calibration);
            }
            projected.push((groups, calibrations));
            sums.push(Family { slice_of, counts });
        }
        let curves = match order {
            Some(order) => order.curves(self.table, self.scale, cells, &sums),
            None => sums.iter().map(|sums| vec![Ranked::default(); sums.counts.len()]).collect(),
        };
        let mut slices = Vec::new();
        for (((family, (groups, calibrations)), sums), curves) in
            families.iter().zip(projected).zip(sums).zip(curves)
        {
            let names = groups.iter().map(|codes| slice_of(self.table, family, codes));
            let scored = calibrations.into_iter().zip(curves).map(|(calibration, ranked)| Scored {
                auc: ranked.auc,
                average_precision: ranked.average_precision,
                average_precision_bound: 0.0,
                calibration,
            });
            let of_family = names.zip(sums.counts).zip(scored);
            slices.extend(of_family.map(|((slice, counts), scored)| SliceCounts {
                slice,
                counts,
                scored,
            }));
        }
        slices
    }

    /// The counts of each combination.
    fn count(&self, cells: &Cells) -> Vec<(Counts, Calibration)> {
        let Table { scores, weights, .. } = self.table;
        let bins = if scores.is_empty() { 0 } else { self.bins };
        let zero = || vec![(Counts::default(), Calibration::new(bins)); cells.groups.len()];
        (0..self.table.cells.len().div_ceil(CHUNK))
            .into_par_iter()
            .fold(zero, |mut counted, chunk| {
                let end = ((chunk + 1) * CHUNK).min(self.table.cells.len());
                for row in chunk * CHUNK..end {
                    let (counts, calibration) = &mut counted[cells.of_row[row] as usize];
                    let cell = self.table.cells[row];
                    counts.add_row(cell);
                    let weight = self.weight(row);
                    if !weights.is_empty() {
                        counts.add_weight(cell, weight);
                    }
                    if let Some(&score) = scores.get(row) {
                        counts.add_score(cell, score, weight);
                        calibration.add(score, cell & 1 == 1, weight);
                    }
                }
                counted
            })
            .reduce(zero, |a, b| {
                let plus = |((a, calibration), (b, other)): ((Counts, Calibration), (_, _))| {
                    (a.plus(&b), calibration.plus(&other))
                };
                a.into_iter().zip(b).map(plus).collect()
            })
    }
}
