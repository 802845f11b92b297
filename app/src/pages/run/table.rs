//! Slices × metrics: which rows and columns, in which order, and how deep each cell is shaded.

use super::{Column, RunView, attributes_of};
use crate::pages::parts::{
    EmptyState, EstimateCell, Heat, HeatSide, Scroll, Shown, SortHeader, Sorted, estimate, number,
};
use leptos::prelude::*;
use metrics::Slice;
use metrics::catalogue::Direction;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Which metrics the table shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricSet {
    /// Who is selected, who is found, who is wrongly selected, how often it is right.
    #[default]
    Main,
    /// The error rates and what a prediction is worth.
    Errors,
    /// How well scores rank and mean what they say.
    Scores,
    All,
}

impl MetricSet {
    const EACH: [(Self, &str, &str); 4] = [
        (Self::Main, "", "main"),
        (Self::Errors, "errors", "error rates"),
        (Self::Scores, "scores", "scores"),
        (Self::All, "all", "all"),
    ];

    /// As it stands in the URL; the usual one is empty.
    pub fn as_query(self) -> &'static str {
        Self::EACH.iter().find(|(set, ..)| *set == self).map_or("", |(_, query, _)| query)
    }

    /// From the URL; what is unknown is the usual one.
    pub fn from_query(query: &str) -> Self {
        Self::EACH.iter().find(|(_, known, _)| *known == query).map_or(Self::Main, |(set, ..)| *set)
    }

    pub(super) fn options() -> Vec<(String, String)> {
        Self::EACH.iter().map(|(_, query, words)| ((*query).into(), (*words).into())).collect()
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Main => &[
                "selection_rate",
                "true_positive_rate",
                "false_positive_rate",
                "accuracy",
                "macro_recall",
                "macro_precision",
                "macro_f1",
            ],
            Self::Errors => &[
                "true_positive_rate",
                "false_negative_rate",
                "false_positive_rate",
                "true_negative_rate",
                "precision",
                "negative_predictive_value",
                "false_discovery_rate",
                "false_omission_rate",
            ],
            Self::Scores => &[
                "roc_auc",
                "average_precision",
                "brier_score",
                "log_loss",
                "calibration_error",
                "mean_score",
                "base_rate",
            ],
            Self::All => &[],
        }
    }

    /// The columns of a run that are in it. A run that has none of them shows its first six.
    pub fn of(self, columns: &[Column]) -> Vec<Column> {
        // The number of rows has a column of its own.
        let measured = || columns.iter().filter(|column| column.key != "count");
        let chosen: Vec<Column> = self
            .keys()
            .iter()
            .filter_map(|key| measured().find(|column| column.key == *key))
            .cloned()
            .collect();
        match (self, chosen.is_empty()) {
            (Self::All, _) => measured().cloned().collect(),
            (_, true) => measured().take(6).cloned().collect(),
            (_, false) => chosen,
        }
    }
}

/// The table as arranged by the choices.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    overall: Option<Row>,
    groups: Vec<Group>,
    /// How many slices are shown, and how many there are.
    shown: usize,
    total: usize,
}

/// The slices of one set of attributes.
#[derive(Clone, Debug)]
struct Group {
    title: String,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    slice: Slice,
    /// The most rows that any metric saw in it.
    n: Option<u64>,
    cells: Vec<Option<Shown>>,
}

impl Table {
    /// Filters, groups and sorts the estimates of a run.
    pub fn arrange(view: &RunView) -> Self {
        let columns = view.choices.metrics.of(&view.columns);
        let mut slices: BTreeMap<&Slice, Row> = BTreeMap::new();
        for shown in &view.estimates {
            let row = slices.entry(&shown.estimate.slice).or_insert_with(|| Row {
                slice: shown.estimate.slice.clone(),
                n: None,
                cells: vec![None; columns.len()],
            });
            if !shown.hidden {
                row.n = row.n.max(shown.estimate.n);
            }
            if let Some(at) = columns.iter().position(|it| it.key == shown.estimate.metric) {
                row.cells[at] = Some(shown.clone());
            }
        }
        let overall = slices.remove(&Slice::overall());
        let total = slices.len();
        let search = view.choices.search.trim().to_lowercase();
        let mut groups: BTreeMap<(usize, String), Group> = BTreeMap::new();
        for row in slices.into_values() {
            let (key, title) = attributes_of(&row.slice);
            let wanted = (view.choices.attribute.is_empty() || view.choices.attribute == key)
                && row.slice.to_string().to_lowercase().contains(&search)
                && (view.choices.least_n == 0 || row.n.is_some_and(|n| n >= view.choices.least_n));
            if wanted {
                groups
                    .entry((row.slice.arity(), key))
                    .or_insert_with(|| Group { title, rows: Vec::new() })
                    .rows
                    .push(row);
            }
        }
        let sort_column = columns.iter().position(|column| column.key == view.choices.sort);
        let mut groups: Vec<Group> = groups.into_values().collect();
        for group in &mut groups {
            group.rows.sort_by(|a, b| {
                order(a, b, &view.choices.sort, sort_column, view.choices.descending)
            });
        }
        let shown = groups.iter().map(|group| group.rows.len()).sum();
        Self { columns, overall, groups, shown, total }
    }

    pub(super) fn view(&self, view: &RunView) -> AnyView {
        if self.shown == 0 && self.overall.is_none() {
            return view! {
                <EmptyState
                    title="No slice fits"
                    text="No slice of this run fits the choices above. Clear them to see all."
                />
            }
            .into_any();
        }
        let heads = self.columns.iter().map(|column| head(column, view)).collect_view();
        let slice_head = view! {
            <SortHeader label="Slice" href=sort_link(view, "") sorted=sorted(view, "") />
        };
        let rows_head = view! {
            <SortHeader label="Rows" href=sort_link(view, "n") sorted=sorted(view, "n") numeric=true />
        };
        let width = self.columns.len() + 2;
        let overall = self.overall.as_ref().map(|row| {
            view! { <tbody>{self.row(row, view)}</tbody> }
        });
        let groups = self
            .groups
            .iter()
            .map(|group| {
                let rows = group.rows.iter().map(|row| self.row(row, view)).collect_view();
                view! {
                    <tbody>
                        <tr class="group">
                            <th scope="rowgroup" colspan=width>
                                {group.title.clone()}
                            </th>
                        </tr>
                        {rows}
                    </tbody>
                }
            })
            .collect_view();
        let showing = format!(
            "showing {} of {} and overall",
            number::count(self.shown as u64),
            number::counted(self.total as u64, "slice", "slices")
        );
        view! {
            <Scroll label="Slices and metrics">
                <table class="slices">
                    <thead>
                        <tr>{slice_head} {rows_head} {heads}</tr>
                    </thead>
                    {overall}
                    {groups}
                </table>
            </Scroll>
            <p class="pages">{showing}</p>
        }
        .into_any()
    }

    fn row(&self, row: &Row, view: &RunView) -> AnyView {
        let overall = row.slice.is_overall();
        let label = row.slice.label();
        let unconfirmed = view
            .unconfirmed
            .iter()
            .any(|it| row.slice.group(&it.attribute) == Some(it.group.as_str()))
            .then(|| view! { " " <span class="badge thin">"unconfirmed"</span> });
        let name = if row.slice.arity() == 1 {
            let attribute = row.slice.attributes().next().unwrap_or_default();
            let href = view.trend.set("attribute", attribute).to_string();
            view! { <a href=href title="Trend over versions">{label}</a> }.into_any()
        } else {
            label.into_any()
        };
        let cells = row
            .cells
            .iter()
            .enumerate()
            .map(|(at, shown)| match shown {
                None => view! {
                    <td class="num few">
                        <span class="why">"not measured"</span>
                    </td>
                }
                .into_any(),
                Some(shown) => {
                    let heat = if overall { None } else { self.heat(at, shown) };
                    view! {
                        <EstimateCell
                            estimate=shown.estimate.clone()
                            hidden=shown.hidden
                            heat=heat
                        />
                    }
                    .into_any()
                }
            })
            .collect_view();
        view! {
            <tr class=if overall { "overall" } else { "" }>
                <th scope="row">{name} {unconfirmed}</th>
                <td class="num dim">{row.n.map(number::count)}</td>
                {cells}
            </tr>
        }
        .into_any()
    }

    /// How far a cell lies from overall, against the furthest cell of its column.
    ///
    /// The furthest counts as at least a twentieth of the range (or of overall, where the range is
    /// open), so that a column whose slices hardly differ stays pale.
    fn heat(&self, at: usize, shown: &Shown) -> Option<Heat> {
        let column = &self.columns[at];
        let overall = self.overall.as_ref()?.cells[at].as_ref()?.estimate.value?;
        let distance = |shown: &Shown| -> Option<f64> {
            let (value, interval) = (shown.estimate.value?, shown.estimate.interval.as_ref()?);
            let apart = interval.low > overall || interval.high < overall;
            let usable = !shown.hidden && apart && !estimate::is_few(&shown.estimate);
            usable.then_some(value - overall)
        };
        let this = distance(shown)?;
        let span = column.range.map_or(overall.abs(), |[low, high]| high - low);
        let furthest = self
            .groups
            .iter()
            .flat_map(|group| &group.rows)
            .filter_map(|row| distance(row.cells[at].as_ref()?))
            .fold(span / 20.0, |most, distance| most.max(distance.abs()));
        let side = match column.direction {
            Direction::Neither => HeatSide::Away,
            Direction::Higher if this > 0.0 => HeatSide::Better,
            Direction::Lower if this < 0.0 => HeatSide::Better,
            Direction::Higher | Direction::Lower => HeatSide::Worse,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share times ten, clamped to 1..=10"
        )]
        let depth = (this.abs() / furthest * 10.0).round().clamp(1.0, 10.0) as u8;
        Some(Heat { side, depth })
    }
}

fn head(column: &Column, view: &RunView) -> AnyView {
    let href = sort_link(view, &column.key);
    let definition = column.definition();
    let title = format!("What {} means", column.name);
    view! {
        <SortHeader
            label=number::capitalised(&column.name)
            href=href
            sorted=sorted(view, &column.key)
            numeric=true
        >
            <a class="define" href=definition title=title.clone() aria-label=title>
                "?"
            </a>
        </SortHeader>
    }
    .into_any()
}

/// Rows without a value stand last, whichever way the others are sorted.
fn order(a: &Row, b: &Row, sort: &str, column: Option<usize>, descending: bool) -> Ordering {
    let turned = |order: Ordering| if descending { order.reverse() } else { order };
    let by_name = || a.slice.cmp(&b.slice);
    match column {
        None if sort == "n" => turned(a.n.cmp(&b.n)).then_with(by_name),
        None => turned(by_name()),
        Some(at) => {
            let value = |row: &Row| {
                let shown = row.cells[at].as_ref().filter(|shown| !shown.hidden)?;
                shown.estimate.value
            };
            match (value(a), value(b)) {
                (Some(a), Some(b)) => turned(a.total_cmp(&b)),
                (a, b) => b.is_some().cmp(&a.is_some()),
            }
            .then_with(by_name)
        }
    }
}

fn sorted(view: &RunView, key: &str) -> Sorted {
    match (view.choices.sort == key, view.choices.descending) {
        (false, _) => Sorted::No,
        (true, false) => Sorted::Ascending,
        (true, true) => Sorted::Descending,
    }
}

/// Sorted by a column, or the other way round where it is already; numbers begin with the highest.
fn sort_link(view: &RunView, key: &str) -> String {
    let descending = match sorted(view, key) {
        Sorted::No => !key.is_empty(),
        Sorted::Ascending => true,
        Sorted::Descending => false,
    };
    let choices = super::Choices { sort: key.to_owned(), descending, ..view.choices.clone() };
    format!("{}#slices", choices.link())
}
