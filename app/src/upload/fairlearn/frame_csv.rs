//! A frame as `to_csv()` writes it: the index first, then a column per metric.

use super::{Frame, KEEP_LABELS, Row, is_metric};
use crate::upload::measure;
use crate::upload::problems::Problems;
use crate::upload::sheet::{self, Sheet, cell_at, plain_number};
use metrics::{Place, Problem};

pub(super) fn read(text: &str, problems: &mut Problems) -> Option<Frame> {
    let sheet = Sheet::read(text, "a column per attribute, then one per metric", problems)?;
    let names = &sheet.names;
    if names.len() == 2 && names[0].is_empty() && !measure::is_known(&names[1]) {
        return Some(overall(&sheet, problems));
    }
    let first_metric = first_metric(&sheet);
    if first_metric == 0 || names.iter().take(first_metric).any(String::is_empty) {
        problems.add_at(
            cell_at(sheet.head, "1"),
            Problem::new("labels_lost", "no column says which group a row is")
                .expected(KEEP_LABELS),
        );
        return None;
    }
    if first_metric == names.len() {
        problems.add(
            Problem::new("no_metrics", "there is no column of a metric")
                .at_cell(Some(sheet.head), None)
                .expected("a column per metric, such as `selection_rate`"),
        );
        return None;
    }
    let (attributes, metrics) = names.split_at(first_metric);
    let mut rows = Vec::new();
    for line in &sheet.rows {
        let cells = metrics.iter().zip(&line.cells[first_metric..]).map(|(name, text)| {
            let place = line.at(name);
            (sheet::reported(text, &place, problems), place)
        });
        let cells = cells.collect();
        rows.push(Row { groups: line.cells[..first_metric].to_vec(), place: line.place(), cells });
    }
    let (attributes, metrics) = (attributes.to_vec(), metrics.to_vec());
    Some(Frame { attributes, metrics, rows, overall: false })
}

/// `overall.to_csv()`: a metric per line.
fn overall(sheet: &Sheet, problems: &mut Problems) -> Frame {
    let (mut metrics, mut cells) = (Vec::new(), Vec::new());
    for line in &sheet.rows {
        let place = line.at(&line.cells[0]);
        cells.push((sheet::reported(&line.cells[1], &place, problems), place));
        metrics.push(line.cells[0].clone());
    }
    let place = Place::Cell { line: Some(sheet.head), column: None };
    let rows = vec![Row { groups: Vec::new(), place, cells }];
    Frame { attributes: Vec::new(), metrics, rows, overall: true }
}

/// The position of the first column that is a metric: by its name, or because it has numbers that
/// no group is called by. Pandas puts the index first.
fn first_metric(sheet: &Sheet) -> usize {
    let has_fractions = |i: usize| {
        let cells = sheet.rows.iter().map(|line| line.cells[i].as_str());
        cells.filter_map(plain_number).any(|number| number.fract() != 0.0)
    };
    let is_one = |(i, name): (usize, &String)| is_metric(name) || (i > 0 && has_fractions(i));
    sheet.names.iter().enumerate().position(is_one).unwrap_or(sheet.names.len())
}
