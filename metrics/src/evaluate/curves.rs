//! The area under the ROC curve and the average precision of every slice: rows are sorted once by
//! score, and every family of slices passes over them.

use super::aggregate::Cells;
use crate::auc::{Curve, Ranked, WeightedRanks};
use crate::counts::{Cell, Counts};
use crate::read::Table;
use crate::scores::PrecisionRecall;
use rayon::prelude::*;
use std::ops::Range;

/// A set of attributes whose groups are slices.
pub(super) struct Family {
    /// The slice of each combination of attributes.
    pub slice_of: Vec<u32>,
    /// The rows of each slice.
    pub counts: Vec<Counts>,
}

/// Rows in rising order of score.
pub(super) enum Order {
    Packed(Packed),
    /// The bits of each score, and its row. Scores are not negative, so their bits order as they
    /// do.
    Rows(Vec<(u64, u32)>),
}

impl Order {
    /// The rows of a table that has scores; `cells` are those that its families are made of, where
    /// these are known.
    #[expect(clippy::cast_possible_truncation, reason = "the reader stops at 2^32 rows")]
    pub fn of(table: &Table, cells: Option<&Cells>) -> Self {
        let fits = |cells: &&Cells| cells.groups.len() <= MOST_PACKED;
        if let Some(cells) = cells.filter(fits)
            && table.weights.is_empty()
        {
            return Self::Packed(Packed::of(table, cells));
        }
        let scores = table.scores.par_iter().enumerate();
        let mut rows: Vec<(u64, u32)> =
            scores.map(|(row, score)| (score.to_bits(), row as u32)).collect();
        // Ties may come in any order: they are summed exactly.
        rows.par_sort_unstable_by_key(|&(score, _)| score);
        Self::Rows(rows)
    }

    /// The curves of each slice of each family. Weights times `scale` lie in 0..1.
    pub fn curves(
        &self,
        table: &Table,
        scale: f64,
        cells: &Cells,
        families: &[Family],
    ) -> Vec<Vec<Ranked>> {
        match self {
            Self::Packed(packed) => packed.curves(families),
            Self::Rows(rows) => {
                let of_family = |family: &Family| {
                    if table.weights.is_empty() {
                        unweighted(table, rows, cells, family)
                    } else {
                        weighted(table, scale, rows, cells, family)
                    }
                };
                families.par_iter().map(of_family).collect()
            }
        }
    }
}

const NEGATIVE: &[Cell] = &[Cell::TrueNegative, Cell::FalsePositive];
const POSITIVE: &[Cell] = &[Cell::FalseNegative, Cell::TruePositive];

/// A row's slice, and whether it is positive.
fn place(table: &Table, cells: &Cells, family: &Family, row: u32) -> (usize, bool) {
    let row = row as usize;
    let slice = family.slice_of[cells.of_row[row] as usize] as usize;
    (slice, table.cells[row] & 1 == 1)
}

fn unweighted(table: &Table, rows: &[(u64, u32)], cells: &Cells, family: &Family) -> Vec<Ranked> {
    let size = |counts: &Counts| [NEGATIVE, POSITIVE].map(|class| counts.rows(class));
    let mut curves: Vec<Curve> =
        family.counts.iter().map(|counts| Curve::new([0; 2], size(counts))).collect();
    for &(score, row) in rows {
        let (slice, positive) = place(table, cells, family, row);
        curves[slice].add(score, positive);
    }
    curves.into_iter().map(Curve::finish).collect()
}

fn weighted(
    table: &Table,
    scale: f64,
    rows: &[(u64, u32)],
    cells: &Cells,
    family: &Family,
) -> Vec<Ranked> {
    let whole = |counts: &Counts, class: &[Cell]| counts.weights(class).sum;
    let precision = |counts| PrecisionRecall::new(whole(counts, NEGATIVE), whole(counts, POSITIVE));
    let mut curves: Vec<(WeightedRanks, PrecisionRecall)> =
        family.counts.iter().map(|counts| (WeightedRanks::default(), precision(counts))).collect();
    for &(score, row) in rows {
        let (slice, positive) = place(table, cells, family, row);
        let weight = table.weights[row as usize] * scale;
        let (ranks, precision) = &mut curves[slice];
        ranks.add(score, positive, weight);
        precision.add(score, positive, weight);
    }
    let finish = |(ranks, precision): (WeightedRanks, PrecisionRecall)| Ranked {
        auc: ranks.finish(),
        average_precision: precision.finish(),
    };
    curves.into_iter().map(finish).collect()
}

/// Unweighted rows, each one number: the bits of its score below the exponent, the number of its
/// combination, and its label. What else its score is, its bucket tells.
///
/// Nothing but these numbers is moved, so the cache is not missed where a row is looked up, and
/// buckets are sorted one by one while they are in it.
pub(super) struct Packed {
    parts: Vec<Part>,
    combinations: usize,
}

/// Some rows, by bucket.
struct Part {
    keys: Vec<u64>,
    /// Where each bucket ends.
    ends: Vec<u32>,
}

/// The bits of a score below its exponent.
const MANTISSA: u32 = 52;
/// The bits of a key that hold combination and label.
const TAG: u32 = 64 - MANTISSA;
/// Up to so many combinations, their numbers fit into a key.
const MOST_PACKED: usize = 1 << (TAG - 1);
/// From this exponent on (scores of 2^-15 and more) each power of two has many buckets; below, one.
const FINE: u64 = 1_008;
/// The buckets of a power of two, as a power of two.
const SPLIT: u32 = 8;
/// The buckets of scores in 0..1, that of 1 included.
const BUCKETS: usize = bucket(1.0_f64.to_bits()) + 1;
/// Rows that one task puts into buckets: so many that they stay in the cache.
const PART: usize = 1 << 19;
/// Into so many stretches of about as many rows each the order is cut, for the cores to share.
const STRETCHES: usize = 64;
/// A bucket of more rows than this is sorted on all cores.
const MANY: usize = 1 << 20;

/// The bucket of a score in 0..1, by its bits; buckets order as scores do.
#[expect(clippy::cast_possible_truncation, reason = "there are some thousand buckets")]
const fn bucket(score: u64) -> usize {
    let exponent = score >> MANTISSA;
    let bucket = if exponent < FINE {
        exponent
    } else {
        FINE + ((score >> (MANTISSA - SPLIT)) - (FINE << SPLIT))
    };
    bucket as usize
}

/// The bits of the score of a key in a bucket.
const fn score(bucket: usize, key: u64) -> u64 {
    let bucket = bucket as u64;
    let exponent = if bucket < FINE { bucket } else { FINE + ((bucket - FINE) >> SPLIT) };
    exponent << MANTISSA | key >> TAG
}

const fn tag(key: u64) -> usize {
    (key & ((1 << TAG) - 1)) as usize
}

impl Part {
    fn of(scores: &[f64], tags: impl Iterator<Item = u64>) -> Self {
        let mut ends = vec![0_u32; BUCKETS];
        for score in scores {
            ends[bucket(score.to_bits())] += 1;
        }
        let mut begin = 0;
        for end in &mut ends {
            (begin, *end) = (begin + *end, begin);
        }
        // Until they are filled, buckets end where they begin.
        let mut keys = vec![0; scores.len()];
        for (score, tag) in scores.iter().zip(tags) {
            let score = score.to_bits();
            let end = &mut ends[bucket(score)];
            keys[*end as usize] = score << TAG | tag;
            *end += 1;
        }
        Self { keys, ends }
    }

    /// The keys of some buckets.
    fn keys(&self, buckets: Range<usize>) -> &[u64] {
        let end = |bucket: usize| bucket.checked_sub(1).map_or(0, |last| self.ends[last] as usize);
        &self.keys[end(buckets.start)..end(buckets.end)]
    }
}

impl Packed {
    fn of(table: &Table, cells: &Cells) -> Self {
        let tag = |(&cell, &of_row): (&u8, &u32)| u64::from(of_row) << 1 | u64::from(cell & 1);
        let parts = table
            .scores
            .par_chunks(PART)
            .zip(table.cells.par_chunks(PART))
            .zip(cells.of_row.par_chunks(PART))
            .map(|((scores, labels), of_row)| Part::of(scores, labels.iter().zip(of_row).map(tag)))
            .collect();
        Self { parts, combinations: cells.groups.len() }
    }

    /// Buckets next to each other, with about as many rows in each range of them.
    fn stretches(&self) -> Vec<Range<usize>> {
        let rows = |bucket: usize| -> usize {
            self.parts.iter().map(|part| part.keys(bucket..bucket + 1).len()).sum()
        };
        let most = self.parts.iter().map(|part| part.keys.len()).sum::<usize>() / STRETCHES;
        let (mut stretches, mut begin, mut held) = (Vec::new(), 0, 0);
        for bucket in 0..BUCKETS {
            held += rows(bucket);
            if held > most || bucket + 1 == BUCKETS {
                stretches.push(begin..bucket + 1);
                (begin, held) = (bucket + 1, 0);
            }
        }
        stretches
    }

    /// The rows of each combination and label in some buckets.
    fn count(&self, buckets: &Range<usize>) -> Vec<u64> {
        let mut counts = vec![0; 2 * self.combinations];
        for part in &self.parts {
            for &key in part.keys(buckets.clone()) {
                counts[tag(key)] += 1;
            }
        }
        counts
    }

    fn curves(&self, families: &[Family]) -> Vec<Vec<Ranked>> {
        let stretches = self.stretches();
        let counts: Vec<Vec<u64>> =
            stretches.par_iter().map(|buckets| self.count(buckets)).collect();
        let mut below = vec![0; 2 * self.combinations];
        let mut begins = Vec::with_capacity(stretches.len());
        for counts in &counts {
            begins.push(below.clone());
            for (below, count) in below.iter_mut().zip(counts) {
                *below += count;
            }
        }
        let whole = below;
        stretches
            .par_iter()
            .zip(&begins)
            .map(|(buckets, below)| self.along(buckets, below, &whole, families))
            // One after the other, as they come: sums are of integers.
            .reduce_with(|before, after| {
                let families = before.into_iter().zip(after);
                families.map(|(before, after)| then(before, after)).collect()
            })
            .unwrap_or_default()
            .into_iter()
            .map(|curves| curves.into_iter().map(Curve::finish).collect())
            .collect()
    }

    /// The curves of each slice of each family along some buckets; `below` are the rows of each
    /// combination and label with lower scores, `whole` are all.
    fn along(
        &self,
        buckets: &Range<usize>,
        below: &[u64],
        whole: &[u64],
        families: &[Family],
    ) -> Vec<Vec<Curve>> {
        let mut curves: Vec<Vec<Curve>> = families
            .iter()
            .map(|family| {
                let mut sizes = vec![([0; 2], [0; 2]); family.counts.len()];
                for (tag, (below, whole)) in below.iter().zip(whole).enumerate() {
                    let (all_below, all) = &mut sizes[family.slice_of[tag >> 1] as usize];
                    all_below[tag & 1] += below;
                    all[tag & 1] += whole;
                }
                sizes.into_iter().map(|(below, whole)| Curve::new(below, whole)).collect()
            })
            .collect();
        let mut keys = Vec::new();
        for bucket in buckets.clone() {
            keys.clear();
            for part in &self.parts {
                keys.extend_from_slice(part.keys(bucket..bucket + 1));
            }
            // Ties may come in any order: they are summed exactly.
            if keys.len() > MANY {
                keys.par_sort_unstable();
            } else {
                keys.sort_unstable();
            }
            for (curves, family) in curves.iter_mut().zip(families) {
                for &key in &keys {
                    let slice = family.slice_of[tag(key) >> 1] as usize;
                    curves[slice].add(score(bucket, key), key & 1 == 1);
                }
            }
        }
        curves
    }
}

/// The curves of slices along two stretches, of which the second follows the first.
fn then(before: Vec<Curve>, after: Vec<Curve>) -> Vec<Curve> {
    before.into_iter().zip(after).map(|(before, after)| before.then(after)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Attribute;
    use proptest::prelude::*;

    fn table(rows: &[(f64, bool, u16)]) -> Table {
        Table {
            cells: rows.iter().map(|row| u8::from(row.1)).collect(),
            scores: rows.iter().map(|row| row.0).collect(),
            attributes: vec![Attribute {
                name: "group".to_owned(),
                groups: ["a", "b", "c"].map(str::to_owned).to_vec(),
                codes: rows.iter().map(|row| row.2).collect(),
            }],
            ..Table::default()
        }
    }

    /// Scores from all buckets, many of them tied or next to each other.
    fn scores() -> impl Strategy<Value = f64> {
        let near =
            |score: f64| prop::sample::select(vec![score, score.next_up(), score.next_down()]);
        prop_oneof![
            0.0_f64..=1.0,
            (0_u32..=1_100).prop_map(|power| 0.5_f64.powi(power.cast_signed())),
            near(0.5),
            near(2.0_f64.powi(-15)),
            near(2.0_f64.powi(-16)),
            prop::sample::select(vec![0.0, 1.0, f64::MIN_POSITIVE, 0.25, 0.75]),
        ]
    }

    #[test]
    fn a_score_is_known_from_its_bucket_and_its_key_and_buckets_rise_with_scores() {
        let mut last = (0.0, 0);
        for power in (0..1_074).rev() {
            for part in 0..512 {
                let score = 0.5_f64.powi(power) * (1.0 + f64::from(part) / 512.0);
                if score > 1.0 {
                    continue;
                }
                let bits = score.to_bits();
                let bucket = bucket(bits);
                assert!(bucket >= last.1 && bucket < BUCKETS, "{score:e} after {:e}", last.0);
                assert_eq!(super::score(bucket, bits << TAG | 5), bits, "{score:e}");
                last = (score, bucket);
            }
        }
    }

    proptest! {
        #[test]
        fn packed_rows_give_the_curves_of_rows_that_are_sorted_as_they_are(
            rows in prop::collection::vec((scores(), any::<bool>(), 0_u16..3), 1..200),
        ) {
            let table = table(&rows);
            let cells = Cells::of(&table, &[0]);
            let packed = Order::of(&table, Some(&cells));
            let plain = Order::of(&table, None);
            prop_assert!(matches!(packed, Order::Packed(_)) && matches!(plain, Order::Rows(_)));
            let counted = |slices: usize, slice_of: Vec<u32>| {
                let mut counts = vec![Counts::default(); slices];
                for (&of_row, &cell) in cells.of_row.iter().zip(&table.cells) {
                    counts[slice_of[of_row as usize] as usize].add_row(cell);
                }
                Family { slice_of, counts }
            };
            let combinations = u32::try_from(cells.groups.len()).unwrap();
            let families = [
                counted(1, vec![0; cells.groups.len()]),
                counted(cells.groups.len(), (0..combinations).collect()),
            ];
            prop_assert_eq!(
                packed.curves(&table, 1.0, &cells, &families),
                plain.curves(&table, 1.0, &cells, &families)
            );
        }
    }
}
