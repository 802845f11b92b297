//! From a file of counts to the counts of its slices.

use super::aggregate::{SliceCounts, attribute_sets};
use super::sums::Sums;
use crate::auc::Grid;
use crate::counted::{
    self, CALIBRATION_BIN, CELLS, DROPPED, IMPOSSIBLE, LOSSES, OTHERS, REFUSED, SCORE_BIN,
    SCORE_BINS, SCORE_SUMS, SPEC_DIGEST, WEIGHT_EXPONENT, WEIGHT_SQUARES, WEIGHTS,
};
use crate::counts::{Counts, Moments, Sum, Weights};
use crate::read::{self, Draft, FileRead, Gather, Kind, Problems, Request, Texts, Values, Wanted};
use crate::scores::{Calibration, Losses};
use crate::slice::normalise_name;
use crate::spec::Missing;
use crate::{Problem, Slice, Spec};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A grid with more bins than this is a mistake.
const MOST_BINS: usize = 1 << 20;

/// The slices of a file of counts, which has so many lines before its first row.
///
/// # Errors
/// Every problem of the file.
pub(super) fn read(
    path: &Path,
    spec: &Spec,
    lines: u64,
) -> Result<(FileRead, Vec<SliceCounts>), Vec<Problem>> {
    counted::check(spec)?;
    let names = counted::columns(spec);
    let columns = names.iter().copied().chain(spec.slices.iter().map(String::as_str));
    let request = Request {
        columns: columns.map(|name| Wanted { name: name.to_owned(), kind: Kind::Text }).collect(),
        present: Vec::new(),
        positive: None,
        missing: Missing::Group,
        ids: None,
    };
    let shelf = Shelf {
        spec,
        names: &names,
        digest: counted::digest(spec),
        lines,
        found: Found::default(),
    };
    let (Shelf { mut found, .. }, mut file) = read::read(path, &request, shelf)?;
    if !found.problems.is_empty() {
        return Err(std::mem::take(&mut found.problems).into_list());
    }
    found.check(spec)?;
    let slices = found.slices(spec)?;
    file.format = format!("counts, {}", file.format);
    file.rows = slices.first().map_or(0, |overall| overall.counts.all());
    file.dropped = found.totals.values().next().map_or(0, |totals| totals.dropped);
    file.rows_read = file.rows + file.dropped;
    if file.rows == 0 {
        let problem = Problem::new("no_rows", "the counts are of no rows");
        return Err(vec![problem.expected("at least one row")]);
    }
    Ok((file, slices))
}

/// The groups of a slice by attribute in the order of the spec; `None` where it has all.
type Groups = Vec<Option<String>>;

/// What was found in a part of the file, or in all of it.
#[derive(Debug, Default)]
struct Found {
    sums: BTreeMap<Groups, Sums>,
    /// Per set of attributes, in the order of the spec.
    totals: BTreeMap<Vec<bool>, Totals>,
    bins: BTreeSet<usize>,
    exponents: BTreeSet<i32>,
    others: BTreeSet<String>,
    rows: u64,
    problems: Problems,
}

#[derive(Debug, Default)]
struct Totals {
    rows: u64,
    dropped: u64,
    refused: [u64; 5],
}

struct Shelf<'a> {
    spec: &'a Spec,
    names: &'a [&'a str],
    digest: String,
    /// Lines before the next part.
    lines: u64,
    found: Found,
}

impl Gather for Shelf<'_> {
    type Part = Found;

    fn digest(&self, draft: Draft) -> Found {
        let rows = draft.rows;
        let texts: Vec<Texts> = draft
            .columns
            .into_iter()
            .filter_map(|values| if let Values::Texts(texts) = values { Some(texts) } else { None })
            .collect();
        let (own, attributes) = texts.split_at(self.names.len().min(texts.len()));
        let mut found = Found { rows: rows as u64, ..Found::default() };
        for row in 0..rows {
            let cells = Cells { names: self.names, texts: own, row };
            if let Err(wrong) = found.add(&cells, attributes, self) {
                found.problems.push(|| wrong);
            }
        }
        found
    }

    fn add(&mut self, part: Found) -> Result<(), Problem> {
        let own = &mut self.found;
        own.problems.append(part.problems, self.lines);
        self.lines += part.rows;
        for (groups, sums) in part.sums {
            match own.sums.get_mut(&groups) {
                Some(own) => own.merge(&sums),
                None => {
                    own.sums.insert(groups, sums);
                }
            }
        }
        for (family, totals) in part.totals {
            own.totals.entry(family).or_default().add(&totals);
        }
        own.bins.extend(part.bins);
        own.exponents.extend(part.exponents);
        own.others.extend(part.others);
        Ok(())
    }
}

/// A row of the file.
struct Cells<'a> {
    names: &'a [&'a str],
    texts: &'a [Texts],
    row: usize,
}

impl Cells<'_> {
    fn text(&self, name: &str) -> &str {
        let place = self.names.iter().position(|own| *own == name);
        place.and_then(|place| self.texts.get(place)).map_or("", |texts| texts.get(self.row)).trim()
    }

    fn line(&self) -> u64 {
        self.row as u64 + 1
    }

    /// A whole number; nothing is 0.
    fn whole<T: std::str::FromStr + Default>(&self, name: &str) -> Result<T, Problem> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(T::default());
        }
        text.strip_suffix(".0").unwrap_or(text).parse().map_err(|_| {
            Problem::new("not_a_count", format!("`{name}` is `{text}`"))
                .at_cell(Some(self.line()), Some(name))
                .expected("a whole number of at least 0")
        })
    }

    fn wholes<T: std::str::FromStr + Default, const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<[T; N], Problem> {
        let mut all = std::array::from_fn(|_| T::default());
        for (whole, name) in all.iter_mut().zip(names) {
            *whole = self.whole(name)?;
        }
        Ok(all)
    }

    fn sums<const N: usize>(&self, names: [&str; N]) -> Result<[Sum; N], Problem> {
        Ok(self.wholes::<u128, N>(names)?.map(Sum::of_units))
    }
}

impl Found {
    fn add(&mut self, cells: &Cells, attributes: &[Texts], shelf: &Shelf) -> Result<(), Problem> {
        let spec = shelf.spec;
        let version = cells.text(counted::MARK);
        if version.strip_suffix(".0").unwrap_or(version) != counted::VERSION {
            let message = format!("the counts are of version `{version}`");
            return Err(Problem::new("unknown_version", message)
                .at_cell(Some(cells.line()), Some(counted::MARK))
                .expected(counted::VERSION));
        }
        let digest = cells.text(SPEC_DIGEST);
        if digest != shelf.digest {
            let message = format!("the rows were counted by another spec ({digest})");
            return Err(Problem::new("other_spec", message)
                .at_cell(Some(cells.line()), Some(SPEC_DIGEST))
                .expected(format!("{}, as this spec has", shelf.digest)));
        }
        let rows = cells.wholes::<u64, 4>(CELLS)?;
        let refused = cells.wholes::<u64, 5>(REFUSED)?;
        let dropped = cells.whole::<u64>(DROPPED)?;
        let groups: Groups = attributes
            .iter()
            .map(|texts| Some(normalise_name(texts.get(cells.row))).filter(|name| !name.is_empty()))
            .collect();
        let family = groups.iter().map(Option::is_some).collect();
        let all = rows.iter().fold(0_u64, |all, rows| all.saturating_add(*rows));
        self.totals.entry(family).or_default().add(&Totals { rows: all, dropped, refused });
        if spec.positive.is_some() {
            let others = OTHERS.map(|name| cells.text(name)).into_iter();
            self.others.extend(others.filter(|other| !other.is_empty()).map(normalise_name));
        }
        let (mut weights, mut sums) = ([Weights::default(); 4], [Sum::default(); 4]);
        if spec.weight.is_some() {
            self.exponents.insert(cells.whole(WEIGHT_EXPONENT)?);
            let by_cell = cells.sums(WEIGHTS)?.into_iter().zip(cells.sums(WEIGHT_SQUARES)?);
            for (weights, (sum, squares)) in weights.iter_mut().zip(by_cell) {
                *weights = Weights { sum, squares };
            }
        }
        let mut place = None;
        if spec.score.is_some() {
            sums = cells.sums(SCORE_SUMS)?;
            place = Some(self.bin(cells, spec.calibration_bins)?);
        }
        // Rows that were left out have no groups, so they make no slice.
        if dropped > 0 && rows == [0; 4] {
            return Ok(());
        }
        let [scores, squares, errors, error_squares] = sums;
        let counts = Counts::of_sums(
            rows,
            weights,
            Moments { sum: scores, squares },
            Moments { sum: errors, squares: error_squares },
        );
        let calibration_bins = if place.is_some() { spec.calibration_bins } else { 0 };
        let own = self.sums.entry(groups).or_insert_with(|| Sums {
            counts: Counts::default(),
            grid: place.map(|(_, bins)| Grid::new(bins, spec.weight.is_some())),
            calibration: Calibration::new(calibration_bins),
        });
        own.counts = own.counts.plus(&counts);
        if let (Some(grid), Some((bin, _))) = (&mut own.grid, place) {
            let [tn, false_negatives, fp, tp] = rows;
            let by_class = [tn.saturating_add(fp), tp.saturating_add(false_negatives)];
            let weight = |a: usize, b: usize| weights[a].sum.plus(weights[b].sum);
            let weighed = [weight(0, 2), weight(1, 3)];
            grid.add_bin(bin, by_class, weighed);
            let weighed = if spec.weight.is_some() { weighed } else { by_class.map(Sum::of_ones) };
            let [sum, squares] = cells.sums(LOSSES)?;
            own.calibration.add_sums(
                cells.whole(CALIBRATION_BIN)?,
                [scores, weighed[1], errors],
                weighed[0].plus(weighed[1]),
                Losses { sum, squares, impossible: cells.whole(IMPOSSIBLE)? },
            );
        }
        Ok(())
    }

    /// The bin of a row, and how many there are.
    fn bin(&mut self, cells: &Cells, calibration_bins: u16) -> Result<(usize, usize), Problem> {
        let (bin, bins) = (cells.whole(SCORE_BIN)?, cells.whole(SCORE_BINS)?);
        if bins == 0 || bins > MOST_BINS || bin >= bins {
            let message = format!("the row is of bin {bin} of {bins}");
            return Err(Problem::new("out_of_range", message)
                .at_cell(Some(cells.line()), Some(SCORE_BIN))
                .expected(format!("bins from 0, at most {MOST_BINS}")));
        }
        let calibration: usize = cells.whole(CALIBRATION_BIN)?;
        if calibration >= usize::from(calibration_bins) {
            let message = format!("the row is of bin {calibration} of {calibration_bins}");
            return Err(Problem::new("out_of_range", message)
                .at_cell(Some(cells.line()), Some(CALIBRATION_BIN))
                .expected("bins from 0"));
        }
        self.bins.insert(bins);
        Ok((bin, bins))
    }

    /// Whether all rows of the file are about the same rows, counted in the same way, and all of
    /// those could be read.
    fn check(&self, spec: &Spec) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let by = |family: &[bool]| {
            let names = spec.slices.iter().zip(family).filter(|(_, by)| **by);
            let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
            if names.is_empty() {
                "overall".to_owned()
            } else {
                format!("by {}", names.join(" × "))
            }
        };
        let mut families = self.totals.iter();
        if let Some((first, totals)) = families.next() {
            let all = |totals: &Totals| {
                let refused =
                    totals.refused.iter().fold(0, |all: u64, rows| all.saturating_add(*rows));
                totals.rows.saturating_add(totals.dropped).saturating_add(refused)
            };
            for (other, others) in families.filter(|(_, others)| all(others) != all(totals)) {
                let (a, b) = (all(totals), all(others));
                let message =
                    format!("the counts {} are of {a} rows, those {} of {b}", by(first), by(other));
                problems.push(Problem::new("counts_disagree", message).expected("the same rows"));
            }
            let columns = [
                Some(&spec.label),
                spec.prediction.as_ref(),
                spec.score.as_ref(),
                spec.weight.as_ref(),
                None,
            ];
            for ((rows, column), what) in totals.refused.into_iter().zip(columns).zip([
                "a label that is neither 0 nor 1",
                "a prediction that is neither 0 nor 1",
                "a score that is no number in 0..1",
                "a weight that is no finite number of at least 0",
                "an attribute that is empty or named `(missing)`",
            ]) {
                if rows > 0 {
                    problems.push(
                        Problem::new("refused_rows", format!("{rows} rows have {what}"))
                            .at_cell(None, column.map(String::as_str))
                            .expected("rows that can be read"),
                    );
                }
            }
        }
        if self.bins.len() > 1 {
            let message = format!("the scores were counted in {:?} bins", self.bins);
            problems.push(Problem::new("grids_differ", message).expected("one grid"));
        }
        if self.exponents.len() > 1 {
            let message = format!("the weights were divided by powers {:?} of two", self.exponents);
            let most = self.exponents.last().copied().unwrap_or_default();
            problems.push(
                Problem::new("exponents_differ", message)
                    .expected(format!("one of at least {most} for all parts")),
            );
        }
        if self.others.len() > 1 {
            let others: Vec<String> = self.others.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "besides `{}` there are the labels {}",
                spec.positive.as_deref().unwrap_or_default(),
                others.join(", ")
            );
            problems.push(
                Problem::new("not_binary", message)
                    .at_cell(None, Some(&spec.label))
                    .expected("one label besides the positive one"),
            );
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The slices of a spec, overall first.
    fn slices(&self, spec: &Spec) -> Result<Vec<SliceCounts>, Vec<Problem>> {
        let (mut slices, mut problems) = (Vec::new(), Vec::new());
        for family in attribute_sets(spec) {
            let wanted: Vec<bool> = (0..spec.slices.len()).map(|i| family.contains(&i)).collect();
            let holds = |by: &&Vec<bool>| {
                by.len() == wanted.len()
                    && wanted.iter().zip(by.iter()).all(|(want, by)| by >= want)
            };
            let size = |by: &&Vec<bool>| by.iter().filter(|by| **by).count();
            let Some(from) = self.totals.keys().filter(holds).min_by_key(size) else {
                let names: Vec<&str> = family.iter().map(|&i| spec.slices[i].as_str()).collect();
                let message = format!("nothing is counted by {}", names.join(" × "));
                problems.push(
                    Problem::new("not_counted", message)
                        .expected("rows by these attributes, or by more"),
                );
                continue;
            };
            let mut sums: BTreeMap<Slice, Sums> = BTreeMap::new();
            for (groups, counted) in &self.sums {
                if !groups.iter().map(Option::is_some).eq(from.iter().copied()) {
                    continue;
                }
                let pairs =
                    family.iter().filter_map(|&i| Some((&spec.slices[i], groups[i].as_ref()?)));
                let Ok(slice) = Slice::new(pairs) else { continue };
                match sums.get_mut(&slice) {
                    Some(own) => own.merge(counted),
                    None => {
                        sums.insert(slice, counted.clone());
                    }
                }
            }
            slices.extend(sums.into_iter().map(|(slice, sums)| sums.finish(slice)));
        }
        slices.sort_by(|a, b| (a.slice.arity(), &a.slice).cmp(&(b.slice.arity(), &b.slice)));
        if problems.is_empty() { Ok(slices) } else { Err(problems) }
    }
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.rows = self.rows.saturating_add(other.rows);
        self.dropped = self.dropped.saturating_add(other.dropped);
        for (own, other) in self.refused.iter_mut().zip(other.refused) {
            *own = own.saturating_add(other);
        }
    }
}
