//! Fairlearn's `MetricFrame`: `by_group` as CSV or JSON, a row per group and a column per metric.
//!
//! A frame holds rates and no counts. Where it has Fairlearn's `count` beside them and whole
//! numbers of rows give back every rate, those counts are taken; a rate without them has no n,
//! because `count` is the size of the group and not what the rate was divided by.

mod frame_csv;
mod frame_json;

use super::group::{self, Told};
use super::harvest::Harvest;
use super::measure;
use super::problems::Problems;
use super::sheet::MOST_COLUMNS;
use super::spot::{Reported, Spot};
use super::{Context, Format, MAX_ESTIMATES, Notes};
use metrics::{Place, Problem, RunDocument, Slice};

/// A frame as it was written: rows of groups, and of each metric a cell.
#[derive(Default)]
struct Frame {
    attributes: Vec<String>,
    metrics: Vec<String>,
    rows: Vec<Row>,
    /// Whether it is `overall`, which has no groups.
    overall: bool,
}

struct Row {
    groups: Vec<String>,
    place: Place,
    /// As many as there are metrics; `None` after the cell's problem was told.
    cells: Vec<(Option<Reported>, Place)>,
}

/// The remedy where a frame does not say which group a row is.
const KEEP_LABELS: &str = "the groups' names: write `by_group.reset_index().to_csv(index=False)`, \
                           or `by_group.to_json(orient=\"table\")`";

impl Frame {
    /// Whether a frame of this size is within bounds; a few bytes can ask for millions of cells.
    fn fits(metrics: usize, rows: usize, place: Place, problems: &mut Problems) -> bool {
        let fits = metrics <= MOST_COLUMNS && metrics.saturating_mul(rows) <= MAX_ESTIMATES;
        if !fits {
            let what = format!("the frame has {rows} rows of {metrics} metrics");
            problems.add_at(
                place,
                Problem::new("too_many_estimates", what)
                    .expected(format!("at most {MOST_COLUMNS} metrics and {MAX_ESTIMATES} values")),
            );
        }
        fits
    }

    /// Below how many rows a rate says how many of them it counts: a frame that somebody rounded
    /// has whole numbers of rows by chance.
    fn counts_below(&self) -> u64 {
        let decimals = |cell: &Option<Reported>| match cell {
            Some(Reported::Is(value)) => {
                value.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len())
            }
            _ => 0,
        };
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        let most = cells.map(|(cell, _)| decimals(cell)).max().unwrap_or(0);
        match u32::try_from(most) {
            Ok(most) if most < FULL => 10_u64.pow(most),
            _ => u64::MAX,
        }
    }
}

/// Decimals of numbers that nobody rounded: pandas writes ten in JSON, all of them in CSV, and may
/// leave out a final zero.
const FULL: u32 = 9;

pub(super) fn read_csv(
    text: &str,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let frame = frame_csv::read(text, problems)?;
    place(frame, Harvest::of(Format::Fairlearn, context), problems)
}

pub(super) fn read_json(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Fairlearn, context);
    let frame = frame_json::read(root, &mut harvest, problems)?;
    place(frame, harvest, problems)
}

fn place(
    frame: Frame,
    mut harvest: Harvest,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    harvest.convention("values are each group's own; Fairlearn writes 0 where a rate is undefined");
    if frame.overall && !is_overall(&frame) {
        problems.add(
            Problem::new(
                "overall_or_difference",
                "one value per metric: Fairlearn writes `overall`, `difference()` and `ratio()` alike",
            )
            .at_pointer("")
            .expected("`by_group`, or `overall` with `count` and a selection rate or an accuracy"),
        );
        return None;
    }
    let below = frame.counts_below();
    let mut solved = 0;
    for row in &frame.rows {
        let pairs = frame.attributes.iter().zip(&row.groups);
        match Slice::new(pairs) {
            Ok(slice) => {
                let cells = frame.metrics.iter().zip(&row.cells);
                let told: Vec<Told> = cells
                    .filter_map(|(metric, (cell, place))| {
                        let (key, cell) = (key_of(metric), cell.clone()?);
                        Some(Told { original: metric, key, cell, place: place.clone() })
                    })
                    .collect();
                solved += u32::from(group::place(&told, below, &slice, &mut harvest, problems));
            }
            Err(error) => problems.add_at(
                row.place.clone(),
                Problem::new("bad_slice", error.to_string())
                    .expected("each attribute once, with a group"),
            ),
        }
    }
    if solved > 0 {
        harvest.amend(format!(
            "counts that follow from `count` and the rates, in whole numbers: {solved} of {} rows",
            frame.rows.len()
        ));
    }
    if below > 0
        && (solved as usize) < frame.rows.len()
        && frame.metrics.iter().any(|it| key_of(it) == Some("count"))
    {
        harvest.amend(format!(
            "rates that no whole numbers of rows give, or several do, stay as reported, without n: \
             {} of {} rows",
            frame.rows.len() - solved as usize,
            frame.rows.len()
        ));
    }
    harvest.settle(problems)
}

/// The catalogue's key of a column; people call the number of rows many names.
fn key_of(name: &str) -> Option<&'static str> {
    const ROWS: [&str; 8] =
        ["n", "size", "support", "sample_size", "n_samples", "num_samples", "rows", "group_size"];
    let lower = name.trim().to_lowercase();
    if ROWS.contains(&lower.as_str()) { Some("count") } else { measure::key_of(name) }
}

/// Whether a column is one of a metric by its name.
fn is_metric(name: &str) -> bool {
    key_of(name).is_some() || measure::is_known(name)
}

/// Whether values without groups are those of all rows: of a difference, the rates times the
/// `count` are no whole numbers.
fn is_overall(frame: &Frame) -> bool {
    let [row] = frame.rows.as_slice() else { return false };
    let value = |wanted: &str| {
        let mut cells = frame.metrics.iter().zip(&row.cells);
        cells.find_map(|(metric, (cell, _))| match cell {
            Some(Reported::Is(value)) if key_of(metric) == Some(wanted) => Some(*value),
            _ => None,
        })
    };
    let Some(rows) = value("count").filter(|rows| rows.fract() == 0.0 && *rows > 0.0) else {
        return false;
    };
    let whole = |rate: f64| {
        let part = rate * rows;
        (part - part.round()).abs() < 1e-4
    };
    match (value("selection_rate"), value("accuracy")) {
        (None, None) => false,
        (selection, accuracy) => selection.is_none_or(whole) && accuracy.is_none_or(whole),
    }
}
