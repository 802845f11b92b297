//! The columns of the long table: a few have a meaning, all others are attributes.
//!
//! Since any name may be an attribute's, one that nearly is a known column's is refused: taken for
//! an attribute it would make a slice of every number in it.

use super::name::{self, MAX_NAME, quoted};
use super::problems::Problems;
use super::table::Row;
use metrics::Problem;
use metrics::catalogue;
use metrics::slice::normalise_name;
use std::borrow::Cow;
use std::collections::BTreeMap;

const MAX_COLUMNS: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Metric,
    Value,
    N,
    Numerator,
    Denominator,
    Positives,
    NEffective,
    Stderr,
    Threshold,
    Low,
    High,
    Level,
    Method,
    Undefined,
    Slice,
    Attribute,
}

/// Names with a meaning, in the order of the export.
const KNOWN: [(&str, Column); 15] = [
    ("slice", Column::Slice),
    ("metric", Column::Metric),
    ("value", Column::Value),
    ("n", Column::N),
    ("numerator", Column::Numerator),
    ("denominator", Column::Denominator),
    ("positives", Column::Positives),
    ("n_effective", Column::NEffective),
    ("stderr", Column::Stderr),
    ("threshold", Column::Threshold),
    ("low", Column::Low),
    ("high", Column::High),
    ("level", Column::Level),
    ("method", Column::Method),
    ("undefined", Column::Undefined),
];

/// What other tools call these columns.
const ALIASES: [(&str, &str); 20] = [
    ("ci_low", "low"),
    ("ci_lower", "low"),
    ("lower", "low"),
    ("lower_bound", "low"),
    ("ci_high", "high"),
    ("ci_upper", "high"),
    ("upper", "high"),
    ("upper_bound", "high"),
    ("ci_level", "level"),
    ("confidence", "level"),
    ("confidence_level", "level"),
    ("ci_method", "method"),
    ("count", "n"),
    ("sample_size", "n"),
    ("group_size", "n"),
    ("rows", "n"),
    ("metric_name", "metric"),
    ("estimate", "value"),
    ("std_err", "stderr"),
    ("standard_error", "stderr"),
];

/// Columns of predictions, which are another kind of file.
const PREDICTIONS: [&str; 6] = ["label", "score", "prediction", "y_true", "y_pred", "y_score"];

pub(super) struct Columns(Vec<(String, Column)>);

impl Columns {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Column)> {
        self.0.iter().map(|(name, column)| (name.as_str(), *column))
    }

    pub fn has_slice(&self) -> bool {
        self.has(Column::Slice)
    }

    fn has(&self, column: Column) -> bool {
        self.0.iter().any(|(_, other)| *other == column)
    }
}

/// Whether a table may have a column of this name for an attribute.
pub(super) fn is_attribute(name: &str) -> bool {
    known(name).is_none() && near_miss(name).is_none()
}

fn known(name: &str) -> Option<Column> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, column)| *column)
}

/// The known column that a name most likely means without saying so.
fn near_miss(name: &str) -> Option<&'static str> {
    let lower = name.trim().to_lowercase().replace([' ', '-'], "_");
    let names = || KNOWN.iter().map(|(known, _)| *known);
    if let Some((_, known)) = ALIASES.iter().find(|(alias, _)| *alias == lower) {
        return Some(known);
    }
    names().find(|known| *known == lower).or_else(|| {
        // Shorter names have too many neighbours that are words of their own.
        let long = names().filter(|known| known.len() >= 5 && lower.len() < 2 * known.len());
        long.into_iter().find(|known| {
            let allowed = if known.len() >= 9 { 2 } else { 1 };
            strsim::damerau_levenshtein(&lower, known) <= allowed
        })
    })
}

/// The columns of a header; `None` when rows under it could not be understood.
pub(super) fn read(head: &Row, problems: &mut Problems) -> Option<Columns> {
    let line = Some(head.line);
    if head.cells.len() > MAX_COLUMNS {
        let n = head.cells.len();
        problems.add(
            Problem::new("too_many_columns", format!("the header has {n} columns"))
                .at_cell(line, None)
                .expected(format!("at most {MAX_COLUMNS}")),
        );
        return None;
    }
    if let [only] = head.cells.as_slice()
        && let Some(separator) = [';', '\t', '|'].into_iter().find(|c| only.contains(*c))
    {
        let problem =
            Problem::new("wrong_separator", format!("cells are separated by {separator:?}"));
        problems.add(problem.at_cell(line, None).expected("commas"));
        return None;
    }
    if let Some(problem) = other_table(head) {
        problems.add(problem.at_cell(line, None));
        return None;
    }
    let mut columns = Columns(Vec::with_capacity(head.cells.len()));
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut good = true;
    let mut meant = Vec::new();
    for (i, cell) in head.cells.iter().enumerate() {
        let name = normalise_name(&unguarded(cell.trim()));
        let position = (i + 1).to_string();
        let near = if known(&name).is_none() { near_miss(&name) } else { None };
        meant.extend(near);
        let problem = if let Some(near) = near {
            Some(
                Problem::new("unknown_column", format!("no column is called {}", quoted(&name)))
                    .expected(format!("`{near}`; an attribute needs a name less like it")),
            )
        } else if let Some(other) = first.insert(name.clone(), i + 1) {
            let what = format!("{} is the name of column {other} too", quoted(&name));
            Some(Problem::new("duplicate_column", what).expected("each column once"))
        } else {
            name::problem_with("a column's name", &name, MAX_NAME)
        };
        if let Some(problem) = problem {
            let shown = if name.is_empty() || name.len() > MAX_NAME { &position } else { &name };
            problems.add(problem.at_cell(line, Some(shown)));
            good = false;
        }
        let column = known(&name).unwrap_or(Column::Attribute);
        columns.0.push((name, column));
    }
    if columns.has_slice() && columns.has(Column::Attribute) {
        let attribute = columns.iter().find(|(_, column)| *column == Column::Attribute);
        let name = attribute.map_or("", |(name, _)| name);
        problems.add(
            Problem::new(
                "two_ways_of_slices",
                "there is a column `slice` and one for an attribute",
            )
            .at_cell(line, Some(name))
            .expected("one column `slice`, or one for each attribute"),
        );
        good = false;
    }
    let missing = missing(&columns, &meant);
    for (name, expected) in &missing {
        let problem = Problem::new("missing_column", format!("the column `{name}` is missing"));
        problems.add(problem.at_cell(line, Some(name)).expected(*expected));
    }
    (good && missing.is_empty()).then_some(columns)
}

/// What a table is when it is clearly another kind; one answer then, not one per column.
fn other_table(head: &Row) -> Option<Problem> {
    let has = |name: &str| head.cells.iter().any(|cell| cell.trim() == name);
    if has("metric") || has("value") {
        return None;
    }
    let (code, message, expected) = if has("attribute_name") && has("attribute_value") {
        ("other_table", "this is an Aequitas crosstab", "one row per estimate: `metric,value,n`")
    } else if head.cells.iter().any(|cell| catalogue::find(cell.trim()).is_some()) {
        (
            "wide_table",
            "there is one column per metric, as Fairlearn writes it",
            "one row per estimate: `metric,value,n` and a column per attribute",
        )
    } else if PREDICTIONS.into_iter().any(has) {
        (
            "predictions",
            "this looks like predictions, not like results",
            "results: `metric,value,n`; predictions are sent with a spec",
        )
    } else {
        return None;
    };
    Some(Problem::new(code, message).expected(expected))
}

fn missing(columns: &Columns, meant: &[&str]) -> Vec<(&'static str, &'static str)> {
    [
        ("metric", Column::Metric, "the metric's key in each row"),
        ("value", Column::Value, "the value in each row, empty where undefined"),
        ("n", Column::N, "the number of rows behind each value, empty where it is not known"),
    ]
    .into_iter()
    .filter(|(name, column, _)| !columns.has(*column) && !meant.contains(name))
    .map(|(name, _, expected)| (name, expected))
    .collect()
}

/// Whether a spreadsheet would take text for a formula.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// Text for a cell: an apostrophe before what a spreadsheet would run, and before text that begins
/// with apostrophes and then such a character, so that [`unguarded`] gives the same text back.
pub(super) fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text.trim_start_matches('\'')) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A cell's text without its guard.
pub(super) fn unguarded(cell: &str) -> Cow<'_, str> {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text.trim_start_matches('\'')) => Cow::Borrowed(text),
        _ => Cow::Borrowed(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_taken_off_again_and_only_a_guard() {
        for text in ["=1+1", "-5", "+a", "@b", "'=x", "''=x", "'tis", "", "'", "plain", "a=b"] {
            assert_eq!(unguarded(&guarded(text)), text);
        }
        assert_eq!(guarded("=1+1"), "'=1+1");
        assert_eq!(guarded("'tis"), "'tis");
    }

    #[test]
    fn columns_that_are_nearly_known_are_no_attributes() {
        for (name, meant) in [
            ("vlaue", "value"),
            ("Metric", "metric"),
            ("metrics", "metric"),
            ("ci_low", "low"),
            ("denomiator", "denominator"),
            ("N", "n"),
            ("lvel", "level"),
            ("Std Err", "stderr"),
        ] {
            assert_eq!(near_miss(name), Some(meant), "{name}");
        }
        for name in ["sex", "race", "age_band", "gender", "language", "market", "k", "nn", "region"]
        {
            assert!(is_attribute(name), "{name}");
        }
    }
}
