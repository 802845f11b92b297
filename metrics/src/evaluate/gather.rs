//! From a file to the counts of its slices: rows are kept where they have to be, else counted as
//! they come.

use super::aggregate::{SliceCounts, aggregate, attribute_sets, weight_scale};
use super::tally::Tally;
use crate::read::{
    self, Cases, Draft, FileRead, Gather, Ids, Kind, Range, Request, Table, Values, Wanted,
};
use crate::{Problem, Spec};
use std::path::Path;

/// Up to so many rows, scores and weights are kept: the area under the curve is exact, and weights
/// are scaled when the largest is known. Beyond, scores are put on a grid, and weights are read
/// twice.
pub(super) const MOST_KEPT: u64 = 10_000_000;

/// What a file comes to.
pub(super) struct Gathered {
    pub file: FileRead,
    pub slices: Vec<SliceCounts>,
    /// The rows, where they were kept.
    pub table: Option<Table>,
}

/// The slices of a file, with their counts. Rows are kept for the asking where ids say which is
/// which, and all of them where they are asked for or come in clusters.
///
/// # Errors
/// Every problem of the file.
pub(super) fn gather(
    path: &Path,
    spec: &Spec,
    ids: Option<&Ids>,
    all_rows: bool,
) -> Result<Gathered, Vec<Problem>> {
    let all = all_rows || spec.cluster.is_some();
    gather_up_to(path, spec, ids, if all { u64::MAX } else { MOST_KEPT })
}

fn gather_up_to(
    path: &Path,
    spec: &Spec,
    ids: Option<&Ids>,
    most_kept: u64,
) -> Result<Gathered, Vec<Problem>> {
    let request = Request::of(spec, ids);
    let counts_do = spec.score.is_none() && spec.weight.is_none() && ids.is_none();
    if !counts_do || most_kept == u64::MAX {
        let kept =
            Kept { request: &request, spec, table: Table::new(spec), most: most_kept, full: false };
        let (kept, file) = read::read(path, &request, kept)?;
        if !kept.full {
            let slices = aggregate(&kept.table, spec)?;
            return Ok(Gathered { file, slices, table: Some(kept.table) });
        }
    }
    let request = Request::of(spec, None);
    let families = attribute_sets(spec);
    let scale = match &spec.weight {
        None => 1.0,
        Some(weight) => weight_scale(&[largest(path, weight)?]),
    };
    let tally = Tally::new(&request, spec, &families, scale);
    let (tally, file) = read::read(path, &request, tally)?;
    let mut slices = tally.finish().map_err(|problem| vec![problem])?;
    slices.sort_by(|a, b| (a.slice.arity(), &a.slice).cmp(&(b.slice.arity(), &b.slice)));
    Ok(Gathered { file, slices, table: None })
}

/// All rows of a file, however many.
///
/// # Errors
/// Every problem of the file.
pub(super) fn kept(path: &Path, spec: &Spec) -> Result<(FileRead, Table), Vec<Problem>> {
    let request = Request::of(spec, None);
    let table = Table::new(spec);
    let kept = Kept { request: &request, spec, table, most: u64::MAX, full: false };
    read::read(path, &request, kept).map(|(kept, file)| (file, kept.table))
}

/// Rows that are kept, until there are too many.
struct Kept<'a> {
    request: &'a Request<'a>,
    spec: &'a Spec,
    table: Table,
    most: u64,
    full: bool,
}

impl Gather for Kept<'_> {
    type Part = Cases;

    fn expect(&mut self, rows: u64) {
        self.full = rows > self.most;
        if let Some(ids) = self.request.ids.filter(|ids| rows > ids.most) {
            ids.give_up();
        }
        if !self.full && rows <= MOST_KEPT {
            self.table.reserve(rows, self.spec);
        }
    }

    fn has_enough(&self) -> bool {
        self.full
    }

    fn digest(&self, draft: Draft) -> Cases {
        Cases::of(draft, self.request, self.spec.threshold)
    }

    fn add(&mut self, cases: Cases) -> Result<(), Problem> {
        self.full |= self.table.rows() + cases.cells.len() as u64 > self.most;
        if self.full {
            self.table = Table::default();
            return Ok(());
        }
        self.table.extend(cases, self.request)?;
        if let Some(ids) = self.request.ids {
            if self.table.rows() > ids.most {
                ids.give_up();
            }
            // None of the ids of so many rows is wanted, and their memory is needed.
            if ids.are_unwanted() {
                self.table.ids = Vec::new();
            }
        }
        Ok(())
    }
}

/// The largest weight of a file.
fn largest(path: &Path, weight: &str) -> Result<f64, Vec<Problem>> {
    let request = Request {
        columns: vec![Wanted { name: weight.to_owned(), kind: Kind::Number(Range::NotNegative) }],
        present: Vec::new(),
        positive: None,
        missing: crate::spec::Missing::Group,
        ids: None,
    };
    read::read(path, &request, Largest(0.0)).map(|(largest, _)| largest.0)
}

struct Largest(f64);

impl Gather for Largest {
    type Part = f64;

    fn digest(&self, draft: Draft) -> f64 {
        match draft.columns.first() {
            Some(Values::Numbers(numbers)) => numbers.iter().copied().fold(0.0, f64::max),
            _ => 0.0,
        }
    }

    fn add(&mut self, largest: f64) -> Result<(), Problem> {
        self.0 = self.0.max(largest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_too_many_to_keep_give_the_same_counts_and_areas_within_the_bound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/predictions");
        let spec = "task = 'binary_classification'\nlabel = 'label'\nscore = 'score'\n\
            prediction = 'prediction'\nslices = ['sex', 'race', 'age_band']\nintersections = 3\n";
        for file in ["adult_v4_hgb.csv", "adult_v4_hgb.parquet"] {
            for weight in ["", "weight = 'weight'\n"] {
                let spec = Spec::parse(&format!("{spec}{weight}")).unwrap();
                let path = folder.join(file);
                let Gathered { file: kept_file, slices: kept, .. } =
                    gather(&path, &spec, None, false).unwrap();
                let counted = gather_up_to(&path, &spec, None, 1_000).unwrap();
                assert!(counted.table.is_none());
                let Gathered { file: counted_file, slices: counted, .. } = counted;
                assert_eq!(counted_file.rows, 16_281);
                assert_eq!(counted_file.rows_read, kept_file.rows_read);
                assert_eq!(kept.len(), counted.len());
                for (kept, counted) in kept.iter().zip(&counted) {
                    assert_eq!((&kept.slice, kept.counts), (&counted.slice, counted.counts));
                    let (exact, on_grid) = (&kept.scored, &counted.scored);
                    assert_eq!(exact.calibration, on_grid.calibration);
                    assert_eq!(exact.auc.is_some(), on_grid.auc.is_some());
                    if let (Some(exact), Some(on_grid)) = (exact.auc, on_grid.auc) {
                        assert!((exact.value - on_grid.value).abs() <= on_grid.bound + 1e-12);
                    }
                    let (a, b) = (exact.average_precision, on_grid.average_precision);
                    assert_eq!(a.is_some(), b.is_some());
                    let apart = a.zip(b).map_or(0.0, |(a, b)| (a - b).abs());
                    assert!(apart <= on_grid.average_precision_bound + 1e-12);
                }
            }
        }
    }
}
