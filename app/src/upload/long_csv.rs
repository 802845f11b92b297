//! The long table: a row per estimate, for people with a spreadsheet.

use super::column::{self, Column, Columns};
use super::estimate::{Draft, Estimates, Field, Location};
use super::header::{self, UNSTATED};
use super::known::Metrics;
use super::name::{self, MAX_NAME, quoted};
use super::object::{count_of, number_of};
use super::problems::Problems;
use super::table::{Row, Rows};
use super::tree::is_not_finite;
use super::{Context, Notes};
use metrics::run::SCHEMA;
use metrics::{Instrument, Interval, Place, Problem, RunDocument, Slice};
use std::borrow::Cow;
use time::UtcOffset;

pub(super) fn read(
    text: &str,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut rows = Rows::of(text);
    let Some(head) = rows.next_row(problems) else {
        problems.add(
            Problem::new("empty", "the table is empty").expected("the header `metric,value,n`"),
        );
        return None;
    };
    let columns = column::read(&head, problems);
    let dataset = header::dataset_beside("the table", None, context, problems);
    let instrument = instrument(context, problems);
    let mut notes = Notes::default();
    let evaluated_at = context.evaluated_at.unwrap_or_else(|| {
        notes.amended.push("the time of receipt is taken for the time of evaluation".to_owned());
        context.received_at
    });
    if let Some(problem) = header::implausible(evaluated_at, context) {
        problems.add(problem);
    }
    // Without its columns no cell has a meaning, so the rows would only repeat the header's fault.
    let columns = columns?;

    let mut estimates = Estimates::new(Metrics::of_catalogue(), &instrument.name, None);
    let mut any = false;
    while let Some(row) = rows.next_row(problems) {
        any = true;
        if row.cells.len() != columns.len() {
            problems.add(ragged(&row, columns.len()));
            continue;
        }
        let line = Line { line: row.line, slice: columns.has_slice() };
        let draft = draft(&row, &columns, problems);
        if !estimates.add(draft, line, problems) {
            break;
        }
    }
    if !any {
        problems.add(
            Problem::new("no_estimates", "there is a header and nothing under it")
                .at_cell(Some(head.line), None)
                .expected("at least one row"),
        );
    }
    let (estimates, read) = estimates.finish(problems);
    notes.recomputed_intervals = read.recomputed_intervals;
    notes.amended.extend(read.amended);
    notes.ignored.extend(read.ignored);
    let document = RunDocument {
        schema: SCHEMA.to_owned(),
        // One that has no time in UTC was refused above.
        evaluated_at: evaluated_at.checked_to_offset(UtcOffset::UTC)?,
        dataset: dataset?,
        instrument,
        positive_outcome: None,
        metrics: Vec::new(),
        estimates,
    };
    Some((document, notes))
}

fn instrument(context: &Context, problems: &mut Problems) -> Instrument {
    let instrument = context.instrument.clone().unwrap_or_else(|| Instrument {
        name: UNSTATED.to_owned(),
        version: UNSTATED.to_owned(),
        definitions: UNSTATED.to_owned(),
        judge: None,
    });
    let Instrument { name, version, definitions, judge } = &instrument;
    for text in [name, version, definitions].into_iter().chain(judge) {
        if let Some(problem) = name::problem_with("the instrument", text, MAX_NAME) {
            problems.add(problem);
        }
    }
    instrument
}

/// The place of an estimate: its line.
struct Line {
    line: u64,
    /// Whether the slice has a column of its own.
    slice: bool,
}

impl Location for Line {
    fn of(&self, field: &str) -> Place {
        let column = match field {
            "" => None,
            "interval" => Some("low"),
            "slice" if !self.slice => None,
            field => Some(field.rsplit('/').next().unwrap_or(field)),
        };
        Place::Cell { line: Some(self.line), column: column.map(str::to_owned) }
    }
}

fn ragged(row: &Row, expected: usize) -> Problem {
    let cells = row.cells.len();
    let hint = if cells > expected {
        format!("{expected}, as in the header; a decimal comma splits a number in two, write `0.5`")
    } else {
        format!("{expected}, as in the header")
    };
    Problem::new("ragged_row", format!("the row has {cells} cells"))
        .at_cell(Some(row.line), None)
        .expected(hint)
}

fn draft(row: &Row, columns: &Columns, problems: &mut Problems) -> Draft {
    let mut draft = Draft::default();
    let mut pairs: Vec<(&str, Cow<str>)> = Vec::new();
    let mut slice_text = None;
    let mut ends = Ends::default();
    let mut metric = None;
    for ((name, column), cell) in columns.iter().zip(&row.cells) {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        let mut number = || tell(number(cell), row.line, name, problems);
        match column {
            Column::Value => draft.value = number(),
            Column::NEffective => draft.n_effective = number(),
            Column::Stderr => draft.stderr = number(),
            Column::Threshold => draft.threshold = number(),
            Column::Low => ends.low = number(),
            Column::High => ends.high = number(),
            Column::Level => ends.level = number(),
            Column::N => draft.n = tell(count(cell), row.line, name, problems),
            Column::Numerator => draft.numerator = tell(count(cell), row.line, name, problems),
            Column::Denominator => draft.denominator = tell(count(cell), row.line, name, problems),
            Column::Positives => draft.positives = tell(count(cell), row.line, name, problems),
            Column::Metric => metric = Some(column::unguarded(cell).into_owned()),
            Column::Method => ends.method = Field::Is(column::unguarded(cell).into_owned()),
            Column::Undefined => draft.undefined = Field::Is(column::unguarded(cell).into_owned()),
            Column::Slice => slice_text = Some(column::unguarded(cell)),
            Column::Attribute => pairs.push((name, column::unguarded(cell))),
        }
    }
    if metric.is_none() {
        problems.add(
            Problem::new("no_metric", "the row names no metric")
                .at_cell(Some(row.line), Some("metric"))
                .expected("a metric's key"),
        );
    }
    let slice = match slice_text {
        Some(text) => Slice::parse(&text),
        None => Slice::new(pairs),
    };
    draft.slice = slice
        .map_err(|error| {
            let column = columns.has_slice().then_some("slice");
            problems.add(
                Problem::new("bad_slice", error.to_string())
                    .at_cell(Some(row.line), column)
                    .expected("`attribute=group`, several joined by `;`, each attribute once"),
            );
        })
        .ok();
    draft.metric = metric;
    draft.interval = ends.interval(row.line, problems);
    draft
}

/// The four cells of an interval.
#[derive(Default)]
struct Ends {
    low: Field<f64>,
    high: Field<f64>,
    level: Field<f64>,
    method: Field<String>,
}

impl Ends {
    fn interval(self, line: u64, problems: &mut Problems) -> Field<Interval> {
        let absent = [
            ("low", self.low.is_absent()),
            ("high", self.high.is_absent()),
            ("level", self.level.is_absent()),
            ("method", self.method.is_absent()),
        ];
        if absent.iter().all(|(_, absent)| *absent) {
            return Field::Absent;
        }
        for (column, _) in absent.iter().filter(|(_, absent)| *absent) {
            problems.add(
                Problem::new("half_interval", format!("the interval has no {column}"))
                    .at_cell(Some(line), Some(column))
                    .expected("low, high, level and method, or none of them"),
            );
        }
        match (self.low.get(), self.high.get(), self.level.get(), self.method.get()) {
            (Some(low), Some(high), Some(level), Some(method)) => {
                Field::Is(Interval { low, high, level, method })
            }
            _ => Field::Bad,
        }
    }
}

fn tell<T>(read: Result<T, Problem>, line: u64, column: &str, problems: &mut Problems) -> Field<T> {
    match read {
        Ok(value) => Field::Is(value),
        Err(problem) => {
            problems.add(problem.at_cell(Some(line), Some(column)));
            Field::Bad
        }
    }
}

fn number(cell: &str) -> Result<f64, Problem> {
    not_a_number(cell).map_or_else(|| number_of(cell), Err)
}

fn count(cell: &str) -> Result<u64, Problem> {
    not_a_number(cell).map_or_else(|| count_of(cell), Err)
}

/// What is wrong with a cell that should hold a number, by how people write them.
fn not_a_number(cell: &str) -> Option<Problem> {
    let plain = cell.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
    if plain && cell.parse::<f64>().is_ok() {
        return None;
    }
    let problem = Problem::new("not_a_number", format!("{} is not a number", quoted(cell)));
    if is_not_finite(cell) {
        let problem = Problem::new("not_finite", format!("{} is not a number here", quoted(cell)));
        return Some(problem.expected("an empty cell, and the reason in the column `undefined`"));
    }
    if let Some((whole, decimals)) = cell.rsplit_once(',') {
        let joined = cell.replace(',', "");
        let pointed = format!("{whole}.{decimals}");
        let thousands = decimals.len() == 3 && joined.parse::<f64>().is_ok();
        let decimal = pointed.parse::<f64>().is_ok();
        let expected = match (thousands, decimal) {
            (true, true) => format!("`{joined}`, or `{pointed}` where the comma is a decimal one"),
            (true, false) => format!("`{joined}`, without separators"),
            (false, true) => format!("`{pointed}`, with a decimal point"),
            (false, false) => "a number such as `0.5`".to_owned(),
        };
        return Some(problem.expected(expected));
    }
    let share = cell.strip_suffix('%').and_then(|percent| percent.trim().parse::<f64>().ok());
    match share {
        Some(percent) => Some(problem.expected(format!("a share: `{}`", percent / 100.0))),
        None => Some(problem.expected("a number such as `0.5`")),
    }
}
