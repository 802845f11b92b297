//! What is resampled of classified rows: the rows of each slice, or whole clusters of them.

use super::aggregate::{attribute_sets, weight_scale};
use super::cases::{self, Cases};
use super::clustered::rows_by_slice;
use super::multiclass::Classes;
use crate::bootstrap::units::{Collection, Draw, Resampling, Statistics};
use crate::bootstrap::{Form, Plan};
use crate::catalogue::Outcome;
use crate::disparity::{Resampled, resample_with};
use crate::rates::OfCells;
use crate::read::{Names, Role, Table};
use crate::{Estimate, Problem, Spec};

/// Resamples what was evaluated.
///
/// # Errors
/// In words, why nothing can be resampled.
pub(super) fn resample(
    estimates: &[Estimate],
    outcome: Outcome,
    plan: Plan,
    form: Form,
    collection: &Collection,
) -> Result<Resampled, String> {
    let replicated =
        crate::bootstrap::units::replicate(collection.take(), plan, form == Form::Bca)?;
    resample_with(estimates, outcome, plan, form, replicated)
}

/// More rows than this, each counted once for every set of attributes that it is sliced by, are not
/// copied to be resampled: they would take half a gibibyte.
const MOST_COPIED: usize = 1 << 25;

/// Whether so many rows can be copied for each set of attributes.
fn fits(rows: usize, spec: &Spec, copies: usize) -> bool {
    rows.saturating_mul(attribute_sets(spec).len()).saturating_mul(copies) <= MOST_COPIED
}

/// Collects the slices of binary classification. Where the cells of the confusion matrix decide the
/// rates, these are drawn and not the rows, so that only what looks at scores is collected. Where
/// there are too many rows to copy, nothing is.
pub(super) fn collect_binary(
    table: &Table,
    spec: &Spec,
    collection: &Collection,
) -> Result<(), Vec<Problem>> {
    let by_cells = table.weights.is_empty() && table.names(Role::Cluster).is_none();
    if (by_cells && table.scores.is_empty()) || !fits(table.cells.len(), spec, 1) {
        return Ok(());
    }
    let scale = weight_scale(&table.weights);
    for (slice, rows) in rows_by_slice(table, spec)? {
        let (draw, cases) = match table.names(Role::Cluster) {
            None => {
                let units = rows.len();
                let cases = Cases::of(table, rows, scale, spec.calibration_bins, None);
                (Draw::Within { units }, cases)
            }
            Some(names) => {
                let cluster = |row: u32| names.codes[row as usize];
                let cases = Cases::of(table, rows, scale, spec.calibration_bins, Some(&cluster));
                (jointly(names), cases)
            }
        };
        let cases = if by_cells { cases.only_scores() } else { cases };
        collection.add(Resampling { slice, draw, statistics: Box::new(cases) });
    }
    Ok(())
}

fn jointly(names: &Names) -> Draw {
    Draw::Jointly { units: names.texts.len() }
}

/// Collects the slices of several classes: each class against all others, and the macro averages.
/// Accuracy is a ratio of rows and collected with these.
pub(super) fn collect_classes(
    table: &Table,
    spec: &Spec,
    classes: &Classes,
    collection: &Collection,
) -> Result<(), Vec<Problem>> {
    if !fits(table.cells.len(), spec, classes.names.len()) {
        return Ok(());
    }
    let names = table.names(Role::Cluster);
    let scale = weight_scale(&table.weights);
    for (slice, rows) in rows_by_slice(table, spec)? {
        let places = place_of(table.cells.len(), &rows);
        let unit = |row: u32| match names {
            Some(names) => names.codes[row as usize],
            None => places[row as usize],
        };
        let draw = names.map_or(Draw::Within { units: rows.len() }, jointly);
        let of_classes = classes
            .names
            .iter()
            .map(|class| {
                let score = spec.scores.keys().position(|scored| scored == class);
                let against_rest = classes.against_rest(table, class, score);
                let bins = spec.calibration_bins;
                let cases = Cases::of(&against_rest, rows.clone(), scale, bins, Some(&unit));
                (class.clone(), cases)
            })
            .collect();
        collection.add(Resampling {
            slice,
            draw,
            statistics: Box::new(OneAgainstRest { of_classes }),
        });
    }
    Ok(())
}

/// Each row's place among these.
fn place_of(rows: usize, these: &[u32]) -> Vec<u32> {
    let mut places = vec![0; rows];
    for (place, &row) in (0..).zip(these) {
        places[row as usize] = place;
    }
    places
}

/// Each class against all others.
struct OneAgainstRest {
    of_classes: Vec<(String, Cases)>,
}

/// Macro averages, and what they are the mean of.
const MACROS: [(&str, &str); 3] =
    [("macro_recall", "true_positive_rate"), ("macro_precision", "precision"), ("macro_f1", "f1")];

impl OneAgainstRest {
    /// From the values of each class, in the order of [`cases::keys`], those of all metrics. The
    /// accuracy against the rest says nothing of a class.
    fn arrange(&self, of_classes: Vec<Vec<f64>>) -> Vec<f64> {
        let macros = MACROS.map(|(_, of)| {
            let place = OfCells::keys().position(|key| key == of);
            let terms = of_classes.iter().filter_map(|values| values.get(place?));
            // Not a number where one of them is none.
            terms.sum::<f64>() / of_classes.len() as f64
        });
        let named = self.of_classes.iter().zip(of_classes).flat_map(|((_, cases), values)| {
            let keys = cases::keys(cases.is_scored());
            keys.zip(values).filter(|(key, _)| *key != "accuracy").map(|(_, value)| value)
        });
        macros.into_iter().chain(named).collect()
    }
}

impl Statistics for OneAgainstRest {
    fn keys(&self) -> Vec<String> {
        let macros = MACROS.iter().map(|(key, _)| (*key).to_owned());
        let named = self.of_classes.iter().flat_map(|(class, cases)| {
            let keys = cases::keys(cases.is_scored()).filter(|key| *key != "accuracy");
            keys.map(move |key| format!("{key}[{class}]"))
        });
        macros.chain(named).collect()
    }

    fn steps(&self) -> u64 {
        self.of_classes.iter().map(|(_, cases)| cases.steps()).sum()
    }

    fn values(&self, times: &[u32]) -> Vec<f64> {
        self.arrange(self.of_classes.iter().map(|(_, cases)| cases.values(times)).collect())
    }

    fn left_out(&self, units: usize) -> Vec<Vec<f64>> {
        let of_classes: Vec<Vec<Vec<f64>>> =
            self.of_classes.iter().map(|(_, cases)| cases.left_out(units)).collect();
        let mut left_out = vec![Vec::with_capacity(units); self.keys().len()];
        for unit in 0..units {
            let of_unit = |of_class: &Vec<Vec<f64>>| of_class.iter().map(|it| it[unit]).collect();
            let values = self.arrange(of_classes.iter().map(of_unit).collect());
            for (left_out, value) in left_out.iter_mut().zip(values) {
                left_out.push(value);
            }
        }
        left_out
    }
}
