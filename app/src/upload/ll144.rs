//! The tables of a bias audit under New York City's Local Law 144: categories with applicants,
//! selected, rate, and impact ratio.
//!
//! The rate is computed again from applicants and selected; the impact ratio, against the category
//! most selected, is a comparison.

use super::estimate::{Draft, Field};
use super::harvest::{Declared, Harvest};
use super::measure::DISPARITY;
use super::name::quoted;
use super::problems::Problems;
use super::sheet::{self, Line, Sheet};
use super::spot::Reported;
use super::{Context, Format, Notes};
use metrics::{Problem, RunDocument, Slice};

#[derive(Clone, Copy, PartialEq)]
enum Column {
    Applicants,
    Selected,
    SelectionRate,
    ScoringRate,
    ImpactRatio,
    /// Known, and nothing to be read.
    Other,
    Category,
}

const COLUMNS: &str = "category columns, then `# of Applicants`, `# Selected`, `Selection Rate` and \
                       `Impact Ratio`";

/// Rows that are no category of their own.
const TOTALS: [&str; 5] = ["total", "all", "overall", "grand total", "totals"];

fn column(name: &str) -> Column {
    let words: String =
        name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<&str> = words
        .split_whitespace()
        .filter(|word| {
            !matches!(*word, "of" | "number" | "n" | "the" | "no" | "total" | "percent" | "in")
        })
        .collect();
    match words.as_slice() {
        // The share of all applicants that a category has is no number of them.
        ["applicants" | "candidates"] if is_percentage(name) => Column::Other,
        ["applicants" | "candidates"] => Column::Applicants,
        ["selected"] | ["applicants" | "candidates", "selected"] | ["selected", "applicants"] => {
            if is_percentage(name) {
                Column::SelectionRate
            } else {
                Column::Selected
            }
        }
        ["selection", "rate"] => Column::SelectionRate,
        ["scoring", "rate"] => Column::ScoringRate,
        ["impact", "ratio"] => Column::ImpactRatio,
        _ => Column::Category,
    }
}

/// Whether the numbers of a column are percentages by its name: `Selection Rate (%)`.
fn is_percentage(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains('%') || name.contains("percent")
}

/// Whether a header is one of these tables'.
pub(super) fn is_header(names: &[String]) -> bool {
    let has = |wanted| names.iter().any(|name| column(name) == wanted);
    has(Column::ImpactRatio) && (has(Column::Applicants) || has(Column::SelectionRate))
}

pub(super) fn read(
    text: &str,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let sheet = Sheet::read(text, COLUMNS, problems)?;
    let columns: Vec<Column> = sheet.names.iter().map(|name| column(name)).collect();
    let find = |wanted| columns.iter().position(|column| *column == wanted);
    let unknown: Vec<usize> = of_kind(&columns, Column::Category);
    // Numbers that the rules do not know, such as a median score, are no category.
    let (numbers, categories): (Vec<usize>, Vec<usize>) = unknown
        .into_iter()
        .partition(|at| sheet.rows.iter().all(|line| is_number_or_empty(&line.cells[*at])));
    for at in &numbers {
        let has_codes = sheet.rows.iter().any(|line| !line.cells[*at].is_empty())
            && sheet.rows.iter().all(|line| line.cells[*at].bytes().all(|b| b.is_ascii_digit()));
        if has_codes {
            let name = &sheet.names[*at];
            let message = format!("{} holds whole numbers", quoted(name));
            problems.add_at(
                sheet::cell_at(sheet.head, name),
                Problem::new("category_or_count", message)
                    .expected("names of categories, or a table without this column"),
            );
        }
    }
    let rate = find(Column::SelectionRate).or(find(Column::ScoringRate));
    let has_numbers = rate.or(find(Column::Applicants)).is_some();
    if categories.is_empty() || !has_numbers {
        problems.add(
            Problem::new("missing_column", "the table has no categories, or no numbers of them")
                .at_cell(Some(sheet.head), None)
                .expected(COLUMNS),
        );
        return None;
    }
    let mut harvest = Harvest::of(Format::Ll144, context);
    harvest.convention(
        "selection rate = selected / applicants of the category; a scoring rate is the share above \
         the sample's median score",
    );
    let table = Table {
        sheet: &sheet,
        categories,
        applicants: find(Column::Applicants),
        selected: find(Column::Selected),
        selection: find(Column::SelectionRate),
        scoring: find(Column::ScoringRate),
    };
    let mut above: Option<&Line> = None;
    for line in &sheet.rows {
        if !table.is_blank_below(line, above, problems) {
            table.place(line, &mut harvest, problems);
        }
        above = Some(line);
    }
    for other in numbers.into_iter().chain(of_kind(&columns, Column::Other)) {
        if sheet.rows.iter().all(|line| line.cells[other].is_empty()) {
            continue;
        }
        let name = &sheet.names[other];
        let why = "numbers that are none of the audit's: no count, rate or ratio by its name";
        harvest.leave(sheet::cell_at(sheet.head, name), name, why);
    }
    for kind in [Column::Applicants, Column::Selected, Column::SelectionRate, Column::ScoringRate] {
        for again in of_kind(&columns, kind).into_iter().skip(1) {
            let name = &sheet.names[again];
            let why = "a column before it says the same by its name, and is the one that is read";
            harvest.leave(sheet::cell_at(sheet.head, name), name, why);
        }
    }
    if let Some(ratio) = find(Column::ImpactRatio) {
        let name = &sheet.names[ratio];
        harvest.leave(sheet::cell_at(sheet.head, name), name, DISPARITY);
    }
    harvest.settle(problems)
}

struct Table<'s> {
    sheet: &'s Sheet,
    categories: Vec<usize>,
    applicants: Option<usize>,
    selected: Option<usize>,
    selection: Option<usize>,
    scoring: Option<usize>,
}

fn of_kind(columns: &[Column], kind: Column) -> Vec<usize> {
    (0..columns.len()).filter(|at| columns[*at] == kind).collect()
}

fn is_number_or_empty(cell: &str) -> bool {
    let number = cell.trim_end_matches('%').replace(',', "");
    cell.is_empty() || sheet::plain_number(number.trim()).is_some()
}

impl Table<'_> {
    /// Whether a category that stood in the row above is empty here beside one that is not: a cell
    /// that was merged with the one above, or all of them. Nothing says which.
    fn is_blank_below(&self, line: &Line, above: Option<&Line>, problems: &mut Problems) -> bool {
        let Some(above) = above else { return false };
        let is_there = |line: &Line, at: usize| !line.cells[at].is_empty();
        let both = self.categories.iter().any(|at| is_there(line, *at) && is_there(above, *at));
        let blank =
            self.categories.iter().find(|at| !is_there(line, **at) && is_there(above, **at));
        let Some(at) = blank.filter(|_| both) else { return false };
        let message = "an empty category may be merged with the one above, or mean all of them";
        let problem = Problem::new("blank_category", message);
        let place = line.at(&self.sheet.names[*at]);
        problems.add_at(place, problem.expected("the category in each row, or `All`"));
        true
    }

    fn place(&self, line: &Line, harvest: &mut Harvest, problems: &mut Problems) {
        let pairs = self.categories.iter().filter_map(|at| {
            let (attribute, group) = (&self.sheet.names[*at], &line.cells[*at]);
            let is_total = TOTALS.contains(&group.to_lowercase().as_str());
            (!is_total && !group.is_empty()).then_some((attribute, group))
        });
        let slice = match Slice::new(pairs) {
            Ok(slice) => slice,
            Err(error) => {
                let problem = Problem::new("bad_slice", error.to_string());
                problems.add_at(line.place(), problem.expected("a category in each row"));
                return;
            }
        };
        let applicants = self.count(self.applicants, line, problems);
        if let Some(n) = applicants {
            let draft = Draft::reported(&slice, "count", Reported::Is(n as f64)).of_rows(Some(n));
            harvest.add("# of Applicants", draft, line.place());
        }
        let selected = self.count(self.selected, line, problems);
        let is_there = self.selection.is_some_and(|at| !line.cells[at].is_empty());
        let rate = match (applicants, selected) {
            // Where the rate is left out, it is that of the counts.
            (Some(n), Some(selected)) if !is_there => Some(Draft::reported(
                &slice,
                "selection_rate",
                match n {
                    0 => Reported::None("no applicants".to_owned()),
                    n => Reported::Is(selected as f64 / n as f64),
                },
            )),
            _ => self.rate(self.selection, &slice, "selection_rate", line, problems),
        };
        if let Some(draft) = rate {
            harvest.add("Selection Rate", counted(draft, applicants, selected), line.place());
        }
        if self.scoring.is_some() {
            let like = Declared { name: "scoring rate", direction: None, range: Some([0.0, 1.0]) };
            let Some(key) = harvest.declare("scoring_rate", like, &line.place()) else { return };
            if let Some(draft) = self.rate(self.scoring, &slice, &key, line, problems) {
                harvest.add("Scoring Rate", draft.of_rows(applicants), line.place());
            }
        }
    }

    fn count(&self, at: Option<usize>, line: &Line, problems: &mut Problems) -> Option<u64> {
        let at = at?;
        // Tables for people have separators of thousands.
        let cell = line.cells[at].replace(',', "");
        (!cell.is_empty())
            .then(|| sheet::count(&cell, &line.at(&self.sheet.names[at]), problems))?
    }

    fn rate(
        &self,
        at: Option<usize>,
        slice: &Slice,
        key: &str,
        line: &Line,
        problems: &mut Problems,
    ) -> Option<Draft> {
        let at = at?;
        let (cell, place) = (&line.cells[at], line.at(&self.sheet.names[at]));
        let reported = match cell.strip_suffix('%') {
            Some(percent) => match sheet::reported(percent.trim(), &place, problems)? {
                Reported::Is(percent) => Reported::Is(percent / 100.0),
                none @ Reported::None(_) => none,
            },
            None => match sheet::reported(cell, &place, problems)? {
                Reported::Is(percent) if is_percentage(&self.sheet.names[at]) => {
                    Reported::Is(percent / 100.0)
                }
                as_it_is => as_it_is,
            },
        };
        Some(Draft::reported(slice, key, reported))
    }
}

/// The rate with the counts that it is made of.
fn counted(mut draft: Draft, applicants: Option<u64>, selected: Option<u64>) -> Draft {
    let Some(n) = applicants else { return draft };
    match selected {
        Some(selected) => {
            draft.numerator = Field::Is(selected);
            draft.denominator = Field::Is(n);
            draft.of_rows(Some(n))
        }
        None => draft.of_rows(Some(n)),
    }
}
