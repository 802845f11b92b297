//! Several classes: accuracy, macro averages, and each class against all others.

use super::Evaluated;
use super::aggregate::{Cells, aggregate, families, refuse_too_many, slice_of};
use super::clustered::correct_classes;
use super::ratios::{Clusters, Rows};
use super::resampled;
use crate::bootstrap::units::Collection;
use crate::catalogue;
use crate::multiclass::{Confusion, estimates};
use crate::rates::{self, Setting};
use crate::ratio::{Design, Units};
use crate::read::{Attribute, Names, Role, Table};
use crate::scores::Scored;
use crate::{Estimate, Problem, Slice, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// More slices times classes than this make more estimates than a run may have.
const MOST_CLASS_SLICES: usize = 50_000;

pub(super) fn evaluate(
    table: &Table,
    spec: &Spec,
    level: f64,
    collection: Option<&Collection>,
) -> Result<Evaluated, Vec<Problem>> {
    let classes = Classes::of(table);
    check_scores(spec, &classes)?;
    if let Some(collection) = collection {
        resampled::collect_classes(table, spec, &classes, collection)?;
    }
    let clusters = table.names(Role::Cluster).map(Clusters::of);
    let mut notes = Vec::new();
    let units = if clusters.is_some() { Units::Together } else { Units::Alone };
    let design = Design { weighted: spec.weight.is_some(), units, level };
    let rows = Rows::new(table, clusters, collection);
    let setting = Setting { weighted: design.weighted, scored: false, threshold: None, level };
    let mut made = Vec::new();
    let mut slices = 0;
    for family in families(table, spec)? {
        let cells = Cells::of(table, &family);
        slices += cells.groups.len();
        refuse_too_many(slices)?;
        if slices.saturating_mul(classes.names.len()) > MOST_CLASS_SLICES {
            let message = format!("{slices} slices or more of {} classes", classes.names.len());
            let expected = format!("at most {MOST_CLASS_SLICES} in all; cross fewer attributes");
            return Err(vec![Problem::new("too_many_slices", message).expected(expected)]);
        }
        let right = rows.tallies(&cells, |row, _| {
            let w = rows.weight(row);
            let right = classes.label[row] == classes.predicted[row];
            [Some((w * f64::from(u8::from(right)), w))]
        });
        let mut confusions = vec![Confusion::default(); cells.groups.len()];
        for (row, &cell) in cells.of_row.iter().enumerate() {
            let (label, predicted) = (classes.label[row], classes.predicted[row]);
            confusions[cell as usize].add(label, predicted, rows.weight(row));
        }
        for ((codes, [right]), confusion) in cells.groups.iter().zip(&right).zip(&confusions) {
            let slice = slice_of(table, &family, codes);
            made.push(Estimate::count(&slice, right.rows));
            made.push(right.rate(&slice, "accuracy", design, "no rows"));
            made.extend(estimates(&slice, confusion, &classes.names, setting));
        }
    }
    for (place, class) in spec.scores.keys().enumerate() {
        made.extend(scored(table, spec, &classes, (place, class), setting)?);
    }
    if let (Some(cluster), Some(names)) = (&spec.cluster, table.names(Role::Cluster)) {
        let corrected = correct_classes(table, names, spec, &classes, &mut made, level)?;
        notes.push(if corrected {
            format!(
                "rows of one `{cluster}` are not independent: intervals are cluster-robust, over \
                 {} of them",
                names.texts.len()
            )
        } else {
            format!(
                "accuracy counts each `{cluster}` as one; with so many rows and classes, metrics of \
                 single classes and macro averages count its rows as independent, so their \
                 intervals may be too narrow"
            )
        });
    }
    Ok(Evaluated { estimates: made, notes })
}

/// The classes of labels and predictions, sorted, and each row's.
pub(super) struct Classes {
    pub names: Vec<String>,
    label: Vec<u16>,
    predicted: Vec<u16>,
}

impl Classes {
    #[expect(clippy::cast_possible_truncation, reason = "the reader stops above 1,000 classes")]
    fn of(table: &Table) -> Self {
        let none = Names::default();
        let (label, predicted) = (
            table.names(Role::Class).unwrap_or(&none),
            table.names(Role::PredictedClass).unwrap_or(&none),
        );
        let names: BTreeSet<&String> = label.texts.iter().chain(&predicted.texts).collect();
        let place: BTreeMap<&String, u16> =
            names.iter().enumerate().map(|(i, name)| (*name, i as u16)).collect();
        let codes = |column: &Names| {
            let places: Vec<u16> = column.texts.iter().map(|name| place[name]).collect();
            column.codes.iter().map(|&code| places[code as usize]).collect()
        };
        Self {
            label: codes(label),
            predicted: codes(predicted),
            names: names.into_iter().cloned().collect(),
        }
    }

    /// A class against all others; `score` is the place of its scores among those of all classes.
    pub fn against_rest(&self, table: &Table, class: &str, score: Option<usize>) -> Table {
        let is = |code: u16| u8::from(self.names[usize::from(code)] == class);
        let scores = score.map(|place| table.numbers(Role::ClassScore(place)).to_vec());
        Table {
            cells: self
                .label
                .iter()
                .zip(&self.predicted)
                .map(|(&label, &predicted)| is(label) | is(predicted) << 1)
                .collect(),
            scores: scores.unwrap_or_default(),
            weights: table.weights.clone(),
            attributes: table
                .attributes
                .iter()
                .map(|attribute| Attribute {
                    name: attribute.name.clone(),
                    groups: attribute.groups.clone(),
                    codes: attribute.codes.clone(),
                })
                .collect(),
            ..Table::default()
        }
    }
}

fn check_scores(spec: &Spec, classes: &Classes) -> Result<(), Vec<Problem>> {
    let unknown: Vec<Problem> = spec
        .scores
        .keys()
        .filter(|class| !classes.names.contains(class))
        .map(|class| {
            let near = catalogue::nearest_of(class, classes.names.iter().map(String::as_str));
            let expected = near.map_or_else(
                || format!("one of {}", classes.names.join(", ")),
                |near| format!("`{near}`"),
            );
            Problem::new("unknown_class", format!("no row is labelled or predicted `{class}`"))
                .expected(expected)
        })
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(unknown) }
}

/// What the scores of a class say of it against all others.
fn scored(
    table: &Table,
    spec: &Spec,
    classes: &Classes,
    (place, class): (usize, &String),
    setting: Setting,
) -> Result<Vec<Estimate>, Vec<Problem>> {
    let against_rest = classes.against_rest(table, class, Some(place));
    let setting = Setting { scored: true, ..setting };
    let of_scores = |slice: &Slice, counts, scored: &Scored| {
        let all = rates::estimates(slice, counts, scored, setting);
        all.into_iter().filter(|estimate| rates::OF_SCORES.contains(&estimate.metric.as_str()))
    };
    Ok(aggregate(&against_rest, spec)?
        .iter()
        .flat_map(|slice| of_scores(&slice.slice, &slice.counts, &slice.scored))
        .map(|estimate| Estimate { metric: format!("{}[{class}]", estimate.metric), ..estimate })
        .collect())
}
