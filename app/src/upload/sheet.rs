//! Tables of other tools: a header, then rows as long as it.

use super::column::unguarded;
use super::name::quoted;
use super::object::{count_of, number_of};
use super::problems::Problems;
use super::spot::Reported;
use super::table::Rows;
use super::tree::is_not_finite;
use metrics::{Place, Problem};

/// Columns that a tool's table may have.
pub(super) const MOST_COLUMNS: usize = 1_000;

pub(super) struct Sheet {
    /// The line of the header.
    pub head: u64,
    pub names: Vec<String>,
    pub rows: Vec<Line>,
}

pub(super) struct Line {
    pub line: u64,
    /// As many as there are names, trimmed.
    pub cells: Vec<String>,
}

impl Line {
    pub fn at(&self, column: &str) -> Place {
        cell_at(self.line, column)
    }

    pub fn place(&self) -> Place {
        Place::Cell { line: Some(self.line), column: None }
    }
}

pub(super) fn cell_at(line: u64, column: &str) -> Place {
    Place::Cell { line: Some(line), column: Some(column.to_owned()) }
}

impl Sheet {
    /// The whole table; rows of another length have had their problem told.
    pub fn read(text: &str, expected: &str, problems: &mut Problems) -> Option<Self> {
        let mut rows = Rows::of(text);
        let Some(head) = rows.next_row(problems) else {
            if !problems.any() {
                let problem = Problem::new("empty", "the table is empty").at_cell(Some(1), None);
                problems.add(problem.expected(expected));
            }
            return None;
        };
        let plain = |cell: &str| unguarded(cell.trim()).into_owned();
        let names: Vec<String> = head.cells.iter().map(|cell| plain(cell)).collect();
        if names.len() > MOST_COLUMNS {
            problems.add(
                Problem::new("too_many_columns", format!("the header has {} columns", names.len()))
                    .at_cell(Some(head.line), None)
                    .expected(format!("at most {MOST_COLUMNS}")),
            );
            return None;
        }
        for (i, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..i].contains(name) {
                problems.add_at(
                    cell_at(head.line, name),
                    Problem::new("duplicate_column", format!("{} stands twice", quoted(name)))
                        .expected("each column once"),
                );
            }
        }
        let mut lines = Vec::new();
        while let Some(row) = rows.next_row(problems) {
            if row.cells.len() == names.len() {
                let cells = row.cells.iter().map(|cell| plain(cell)).collect();
                lines.push(Line { line: row.line, cells });
            } else {
                let what = format!("the row has {} cells", row.cells.len());
                problems.add(
                    Problem::new("ragged_row", what)
                        .at_cell(Some(row.line), None)
                        .expected(format!("{}, as in the header", names.len())),
                );
            }
        }
        if lines.is_empty() && !problems.any() {
            problems.add(
                Problem::new("no_estimates", "there is a header and nothing under it")
                    .at_cell(Some(head.line), None)
                    .expected("at least one row"),
            );
        }
        Some(Self { head: head.line, names, rows: lines })
    }

    pub fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| other == name)
    }

    /// The position of a column that has to be there.
    pub fn require(&self, name: &str, expected: &str, problems: &mut Problems) -> Option<usize> {
        let found = self.find(name);
        if found.is_none() {
            problems.add_at(
                cell_at(self.head, name),
                Problem::new("missing_column", format!("the column `{name}` is missing"))
                    .expected(expected),
            );
        }
        found
    }
}

/// A number as a tool reports it in a table; `None` after its problem was told.
pub(super) fn reported(text: &str, place: &Place, problems: &mut Problems) -> Option<Reported> {
    if text.is_empty() {
        return Some(Reported::None("reported as empty, which is pandas' NaN".to_owned()));
    }
    if is_not_finite(text) {
        return Some(Reported::None(format!("reported as {text}")));
    }
    let number = plain_number(text).map(Reported::Is);
    if number.is_none() {
        problems.add_at(
            place.clone(),
            Problem::new("not_a_number", format!("{} is not a number", quoted(text)))
                .expected(share_of(text)),
        );
    }
    number
}

/// What should stand in place of a text that is no number.
fn share_of(text: &str) -> String {
    match text.strip_suffix('%').and_then(|percent| plain_number(percent.trim())) {
        Some(percent) => format!("a share: `{}`", percent / 100.0),
        None => "a number such as `0.5`, or an empty cell".to_owned(),
    }
}

/// A number of rows in a table; `None` after its problem was told.
pub(super) fn count(text: &str, place: &Place, problems: &mut Problems) -> Option<u64> {
    let problem = match plain_number(text) {
        Some(_) => match count_of(text) {
            Ok(count) => return Some(count),
            Err(problem) => problem,
        },
        None => Problem::new("not_a_count", format!("{} is no count", quoted(text)))
            .expected("a whole number, 0 or more"),
    };
    problems.add_at(place.clone(), problem);
    None
}

/// The number that a text is, where it is one in full: Rust would also take `infinity`.
pub(super) fn plain_number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
    if plain { number_of(text).ok() } else { None }
}
