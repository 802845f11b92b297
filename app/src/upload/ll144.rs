//! The tables of a bias audit under New York City's Local Law 144: categories with applicants,
//! selected, rate, and impact ratio.
//!
//! The rate is computed again from applicants and selected; the impact ratio, against the category
//! most selected, is a comparison.

use super::estimate::{Draft, Field};
use super::harvest::{Declared, Harvest};
use super::measure::DISPARITY;
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
        .filter(|word| !matches!(*word, "of" | "number" | "n" | "the" | "no"))
        .collect();
    match words.as_slice() {
        ["applicants" | "candidates"] => Column::Applicants,
        ["selected"] | ["applicants" | "candidates", "selected"] => Column::Selected,
        ["selection", "rate"] => Column::SelectionRate,
        ["scoring", "rate"] => Column::ScoringRate,
        ["impact", "ratio"] => Column::ImpactRatio,
        _ => Column::Category,
    }
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
    let categories: Vec<usize> =
        (0..columns.len()).filter(|i| columns[*i] == Column::Category).collect();
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
    for line in &sheet.rows {
        table.place(line, &mut harvest, problems);
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

impl Table<'_> {
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
        if let Some(draft) = self.rate(self.selection, &slice, "selection_rate", line, problems) {
            harvest.add("Selection Rate", counted(draft, applicants, selected), line.place());
        } else if let (None, Some(n), Some(_)) = (self.selection, applicants, selected) {
            let value = Reported::Is(selected.unwrap_or_default() as f64 / n.max(1) as f64);
            let draft = Draft::reported(&slice, "selection_rate", value);
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
            None => sheet::reported(cell, &place, problems)?,
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
