//! The search for the slices on which a metric is worst.
//!
//! All combinations of up to three attributes are looked at, so the worst of them looks bad by
//! chance alone. Three things keep the search honest. Rows are split into two halves by a seeded
//! hash of their place in the file: one half finds, the other confirms. On the first half, every
//! slice is tested against the rest of the rows (Fisher's exact test, one-sided), and the false
//! discovery rate is held over all tests (Benjamini & Hochberg 1995; overlapping slices are
//! positively dependent, under which it holds). On the second half, which chose nothing, the
//! findings are tested again (Holm), and that half alone gives the intervals.
//!
//! Slices overlap, so a bad slice makes all that share rows with it look bad. The findings are
//! therefore taken one by one, the worst first, and the rows of each are set aside: what is no
//! longer worse then, beyond chance, is listed as explained by it. A part of a finding must be worse
//! than the rest of that finding.
//!
//! The lattice of slices is searched from few attributes to many. A slice with too few rows has
//! no descendant with enough, and a slice so small that it could not be found even if all of its
//! rows were bad has no descendant that could: neither is looked into. Both bounds depend on n
//! alone and not on what the rows say, so leaving them out of the count of tests is fair (Tarone
//! 1990, Biometrics 46:515).

mod judge;

use super::aggregate::{Cells, slice_of};
use super::gather;
use crate::catalogue::{self, Direction, Outcome};
use crate::counts::Cell;
use crate::interval::Count;
use crate::rates::OfCells;
use crate::read::Table;
use crate::significance::fisher_above;
use crate::spec::Task;
use crate::{Interval, Problem, Slice, Spec};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The most attributes that a slice of the search may combine.
pub const MOST_DEPTH: usize = 3;
/// A combination of attributes with more possible groups than this is left out, and named.
const MOST_POSSIBLE_CELLS: usize = 1 << 20;

/// What to search for.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// A rate of the catalogue, such as `accuracy`.
    pub metric: String,
    /// Combine up to so many attributes, 1 to [`MOST_DEPTH`].
    pub depth: usize,
    /// A slice needs this many rows that the metric looks at, in either half.
    pub least_n: u64,
    /// Of the slices found, at most this share is expected to be false; in (0, 1).
    pub rate: f64,
    /// Decides which row goes to which half.
    pub seed: u64,
    /// Confidence level of the intervals.
    pub level: f64,
}

/// What a search found. Everything in it is exploratory but what the second half confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceSearch {
    /// Always true.
    pub exploratory: bool,
    /// The metric's key.
    pub metric: String,
    /// Up to so many attributes were combined.
    pub depth: usize,
    /// Rows that a slice needed in the finding half: what was asked for, or more where a smaller
    /// slice could not have been found.
    pub least_n: u64,
    /// The false discovery rate held in the finding half.
    pub rate: f64,
    /// The seed of the split.
    pub seed: u64,
    /// Rows that the metric looks at in the half that found, and in the half that confirmed.
    pub rows: [u64; 2],
    /// Slices tested.
    pub tested: usize,
    /// Slices with too few rows to be tested, among the combinations looked at.
    pub too_small: usize,
    /// Combinations of attributes that were left out, as they have too many possible groups.
    pub left_out: Vec<Vec<String>>,
    /// The worst slices, the worst first.
    pub found: Vec<Found>,
    /// Slices that passed the test as well, but only because of one that is listed.
    pub explained: Vec<Explained>,
    /// Findings beyond those listed.
    pub more: usize,
}

/// A slice on which the metric is worse than on the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The slice.
    pub slice: Slice,
    /// In the half that found it; chosen by this half, so the difference looks too large.
    pub found_in: Side,
    /// p-value in that half, adjusted over all slices tested.
    pub adjusted: f64,
    /// In the half that had no part in finding it.
    pub held_out: Side,
    /// Whether that half confirms it.
    pub confirmation: Confirmation,
}

/// A slice and the rest of the rows, in one half.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The metric on the slice; `None` when it has no rows in this half.
    pub value: Option<f64>,
    /// Rows that it looks at.
    pub n: u64,
    /// The metric on the rest of the rows.
    pub rest: Option<f64>,
    /// Slice less rest, Newcombe.
    pub difference: Option<Interval>,
    /// One-sided p-value of Fisher's exact test.
    pub p_value: Option<f64>,
}

/// What the second half says of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Confirmation {
    /// It is worse there too.
    Confirmed {
        /// p-value adjusted over the findings (Holm).
        adjusted: f64,
    },
    /// It may have been chance.
    NotConfirmed {
        /// p-value adjusted over the findings (Holm).
        adjusted: f64,
    },
    /// The slice has too few rows there to say.
    NotEnoughRows,
}

/// A slice that is bad because it shares rows with another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The slice.
    pub slice: Slice,
    /// The one without whose rows it is no worse than the rest.
    pub by: Slice,
}

/// Searches a file of predictions for the slices on which a metric is worst.
///
/// # Errors
/// Every problem of the file, as [`super::evaluate`]; and where the search cannot be made: rows are
/// weighted, the spec names no attributes, or the metric is no rate that is better one way.
pub fn find_slices(path: &Path, spec: &Spec, search: &Search) -> Result<SliceSearch, Vec<Problem>> {
    let criterion = search.criterion(spec)?;
    let (_, table) = gather::kept(path, spec)?;
    Ok(search_table(&table, criterion, search))
}

impl Search {
    /// By what to search.
    ///
    /// # Errors
    /// Why the search cannot be made.
    pub(super) fn criterion(&self, spec: &Spec) -> Result<Criterion, Vec<Problem>> {
        let mut problems = self.problems();
        if spec.task != Task::BinaryClassification {
            let message =
                format!("the search is for rates of yes and no, not for {}", spec.task.as_str());
            let problem = Problem::new("other_task", message);
            return Err(vec![problem.expected("`binary_classification`")]);
        }
        if spec.weight.is_some() {
            let problem =
                Problem::new("weighted", "the search counts rows, and these are weighted");
            problems.push(problem.expected("a spec without `weight`"));
        }
        if spec.cluster.is_some() {
            let message = "the search counts rows as independent, and these come in clusters";
            let problem = Problem::new("clustered", message);
            problems.push(problem.expected("a spec without `cluster`, and one row of each"));
        }
        if spec.slices.is_empty() {
            let problem = Problem::new("no_slices", "the spec names no `slices` to search");
            problems.push(problem.expected("a list of columns with attributes"));
        }
        match criterion(&self.metric, spec.positive_outcome.unwrap_or(Outcome::Neutral)) {
            Ok(criterion) if problems.is_empty() => Ok(criterion),
            Ok(_) => Err(problems),
            Err(problem) => {
                problems.push(problem);
                Err(problems)
            }
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut refuse = |fits: bool, code: &str, what: String, expected: String| {
            if !fits {
                problems.push(Problem::new(code, what).expected(expected));
            }
        };
        refuse(
            (1..=MOST_DEPTH).contains(&self.depth),
            "bad_depth",
            format!("depth {}", self.depth),
            format!("1 to {MOST_DEPTH}"),
        );
        let inside = |x: f64| x > 0.0 && x < 1.0;
        refuse(
            inside(self.rate),
            "bad_rate",
            format!("false discovery rate {}", self.rate),
            "a number between 0 and 1".to_owned(),
        );
        refuse(
            inside(self.level),
            "bad_level",
            format!("confidence level {}", self.level),
            "a number between 0 and 1".to_owned(),
        );
        problems
    }
}

/// Which rows a rate looks at, and which of them it counts as bad: by label + 2 × prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Criterion {
    looked_at: [bool; 4],
    bad: [bool; 4],
    /// Whether the metric counts the bad rows, or the others.
    counts_bad: bool,
}

fn criterion(metric: &str, outcome: Outcome) -> Result<Criterion, Problem> {
    let refuse = |message: String, expected: &str| {
        Err(Problem::new("no_such_search", message).expected(expected.to_owned()))
    };
    let Some(OfCells::Rate { numerator, denominator }) = OfCells::find(metric) else {
        return refuse(
            format!("`{metric}` cannot be searched"),
            "a rate of the confusion matrix, such as accuracy or false_negative_rate",
        );
    };
    let marked = |cells: &[Cell]| {
        let mut marked = [false; 4];
        for &cell in cells {
            marked[cell as usize] = true;
        }
        marked
    };
    let (counted, looked_at) = (marked(numerator), marked(denominator));
    let direction = catalogue::find(metric).map(|metric| metric.direction(outcome));
    let counts_bad = match direction {
        Some(Direction::Lower) => true,
        Some(Direction::Higher) => false,
        Some(Direction::Neither) | None => {
            return refuse(
                format!("neither way of `{metric}` is worse"),
                "a `positive_outcome` in the spec, or another metric",
            );
        }
    };
    let mut bad = [false; 4];
    for cell in 0..4 {
        bad[cell] = looked_at[cell] && counted[cell] == counts_bad;
    }
    Ok(Criterion { looked_at, bad, counts_bad })
}

/// Criterion rows among those looked at, in the finding half and in the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Halves {
    bad: [u64; 2],
    n: [u64; 2],
}

impl Halves {
    fn less(&self, part: &Self) -> Self {
        let minus = |a: [u64; 2], b: [u64; 2]| [a[0] - b[0], a[1] - b[1]];
        Self { bad: minus(self.bad, part.bad), n: minus(self.n, part.n) }
    }

    fn count(&self, half: usize) -> Option<Count> {
        Count::of(self.bad[half], self.n[half])
    }
}

/// Splitmix64 of a row's place and the seed (Steele, Lea & Flood 2014): every bit of either decides.
fn half_of(seed: u64, row: u64) -> usize {
    let mut x = seed.wrapping_add(row.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::from((x ^ (x >> 31)) >> 63 == 1)
}

/// What is counted of each row: its half, whether the metric looks at it, whether it is bad.
struct Rows<'a> {
    table: &'a Table,
    bits: Vec<u8>,
}

/// The lowest bit is the half.
const HELD_OUT: u8 = 1;
const LOOKED_AT: u8 = 2;
const BAD: u8 = 4;

impl<'a> Rows<'a> {
    fn of(table: &'a Table, criterion: Criterion, seed: u64) -> Self {
        let bits = table
            .cells
            .par_iter()
            .enumerate()
            .map(|(row, &cell)| {
                let cell = usize::from(cell & 3);
                let mut bits = 0;
                bits |= if half_of(seed, row as u64) == 1 { HELD_OUT } else { 0 };
                bits |= if criterion.looked_at[cell] { LOOKED_AT } else { 0 };
                bits |= if criterion.bad[cell] { BAD } else { 0 };
                bits
            })
            .collect();
        Self { table, bits }
    }

    /// The groups of some attributes that occur, with their rows that are not set aside.
    fn count(&self, family: &[usize]) -> Vec<(Vec<u16>, Halves)> {
        let cells = Cells::of(self.table, family);
        let mut counts = vec![Halves::default(); cells.groups.len()];
        for (&cell, &bits) in cells.of_row.iter().zip(&self.bits) {
            let (counts, half) = (&mut counts[cell as usize], usize::from(bits & HELD_OUT));
            counts.n[half] += u64::from(bits & LOOKED_AT != 0);
            counts.bad[half] += u64::from(bits & BAD != 0);
        }
        cells.groups.into_iter().zip(counts).collect()
    }

    /// All rows that are not set aside.
    fn all(&self) -> Halves {
        self.count(&[]).first().map(|(_, all)| *all).unwrap_or_default()
    }

    /// Looks at the rows of a slice no more.
    fn set_aside(&mut self, slice: &Key) {
        let codes: Vec<(&[u16], u16)> = slice
            .iter()
            .map(|&(attribute, code)| (self.table.attributes[attribute].codes.as_slice(), code))
            .collect();
        for (row, bits) in self.bits.iter_mut().enumerate() {
            if codes.iter().all(|(codes, code)| codes[row] == *code) {
                *bits &= HELD_OUT;
            }
        }
    }

    /// Counts some slices again.
    fn recount<'b>(&self, slices: impl Iterator<Item = &'b Key>) -> BTreeMap<Key, Halves> {
        let families: BTreeSet<Vec<usize>> =
            slices.map(|slice| slice.iter().map(|(attribute, _)| *attribute).collect()).collect();
        let counted: Vec<_> = families
            .par_iter()
            .map(|family| {
                let groups = self.count(family).into_iter();
                let named = groups.map(|(codes, halves)| (key_of(family, codes), halves));
                named.collect::<Vec<_>>()
            })
            .collect();
        counted.into_iter().flatten().collect()
    }
}

/// Slices by the places of their attributes and the codes of their groups.
type Key = Vec<(usize, u16)>;

fn key_of(family: &[usize], codes: Vec<u16>) -> Key {
    family.iter().copied().zip(codes).collect()
}

pub(super) fn search_table(table: &Table, criterion: Criterion, search: &Search) -> SliceSearch {
    let mut rows = Rows::of(table, criterion, search.seed);
    let all = rows.all();
    let least_n = search.least_n.max(least_to_be_found(&all, search.rate));
    let (mut too_small, mut left_out) = (0, Vec::new());
    let mut slices: BTreeMap<Key, Halves> = BTreeMap::new();
    // Families that still hold a slice with enough rows.
    let mut alive: BTreeSet<Vec<usize>> = BTreeSet::from([Vec::new()]);
    for _ in 0..search.depth {
        let (families, refused): (Vec<_>, Vec<_>) = grown(&alive, table.attributes.len())
            .into_iter()
            .partition(|family| possible_cells(table, family) <= MOST_POSSIBLE_CELLS);
        left_out.extend(refused.iter().map(|family| {
            family.iter().map(|&place| table.attributes[place].name.clone()).collect()
        }));
        let counted: Vec<_> = families.par_iter().map(|family| rows.count(family)).collect();
        alive.clear();
        for (family, groups) in families.into_iter().zip(counted) {
            let (large, small): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|(_, halves)| halves.n[0] >= least_n);
            too_small += small.len();
            for (codes, halves) in large {
                // What holds every row has no rest to be compared with.
                if halves.n[0] < all.n[0] {
                    slices.insert(key_of(&family, codes), halves);
                }
                alive.insert(family.clone());
            }
        }
    }
    let judge = judge::Judge { search, criterion, all, least_n };
    let name = |key: &Key| {
        let (family, codes): (Vec<usize>, Vec<u16>) = key.iter().copied().unzip();
        slice_of(table, &family, &codes)
    };
    let judge::Judged { found, explained, more } = judge.judge(&mut rows, &slices, name);
    SliceSearch {
        exploratory: true,
        metric: search.metric.clone(),
        depth: search.depth,
        least_n,
        rate: search.rate,
        seed: search.seed,
        rows: all.n,
        tested: slices.len(),
        too_small,
        left_out,
        found,
        explained,
        more,
    }
}

/// The families with one attribute more of which every part is alive, in order.
fn grown(alive: &BTreeSet<Vec<usize>>, attributes: usize) -> Vec<Vec<usize>> {
    let mut families = Vec::new();
    for family in alive {
        let next = family.last().map_or(0, |last| last + 1);
        for attribute in next..attributes {
            let longer: Vec<usize> = family.iter().copied().chain([attribute]).collect();
            let is_alive = |without: usize| {
                let mut part = longer.clone();
                part.remove(without);
                alive.contains(&part)
            };
            if (0..longer.len()).all(is_alive) {
                families.push(longer);
            }
        }
    }
    families
}

fn possible_cells(table: &Table, family: &[usize]) -> usize {
    family.iter().fold(1_usize, |cells, &attribute| {
        cells.saturating_mul(table.attributes[attribute].groups.len().max(1))
    })
}

/// The rows that a slice needs so that the test could find it at all: with all of its rows bad, the
/// p-value is at most the rate.
fn least_to_be_found(all: &Halves, rate: f64) -> u64 {
    let [bad, n] = [all.bad[0], all.n[0]];
    let p = |rows: u64| {
        let slice = Count { k: rows, n: rows };
        fisher_above(slice, Count { k: bad - rows, n: n - rows })
    };
    // p falls with every row, and no slice has more bad rows than there are.
    let (mut low, mut high) = (1, bad.min(n.saturating_sub(1)).max(1));
    if bad == 0 || n < 2 || p(high) > rate {
        return n.saturating_add(1);
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if p(middle) <= rate { high = middle } else { low = middle + 1 }
    }
    low
}

#[cfg(test)]
#[path = "search/tests.rs"]
mod tests;
