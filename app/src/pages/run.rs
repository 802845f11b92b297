//! The run page: slices × metrics, the gaps between groups, and where the numbers come from.

#[cfg(test)]
mod cases;
mod differences;
mod gaps;
mod provenance;
mod selection;
mod sentence;
mod table;
mod void;

pub use differences::{DifferencesPage, DifferencesView};
pub use provenance::{Answer, Provenance, Receipt, Unconfirmed, Voided};
pub use selection::Selection;
pub use sentence::sentence;
pub use table::{MetricSet, Table};
pub use void::{Resting, VoidPage, VoidView};

use super::parts::{
    FieldKind, FilterBar, Lede, Link, PageHeader, Panel, Select, Sentence, Shown, TextField, number,
};
use crate::domain::verdict::words::metric_name;
use leptos::prelude::*;
use metrics::catalogue::{self, CustomMetric, Direction, Outcome};
use metrics::disparity::Summary;
use metrics::{Interval, Slice};

/// Everything that the run page shows.
#[derive(Clone, Debug)]
pub struct RunView {
    /// `Run of v4 on adult-half@1994`.
    pub title: String,
    /// The trend page of the model; tables link to it with metric and attribute.
    pub trend: Link,
    /// The metrics of the run, in the order of the document.
    pub columns: Vec<Column>,
    pub estimates: Vec<Shown>,
    pub choices: Choices,
    /// Worst and best group per attribute and metric.
    pub gaps: Vec<Summary>,
    /// The selection rates of each attribute as a whole, where at least two groups have the counts.
    pub selections: Vec<Selection>,
    pub provenance: Provenance,
    /// Groups that the attribute registry does not know yet.
    pub unconfirmed: Vec<Unconfirmed>,
    /// Where all that the model proposed is accepted at once, if this viewer may.
    pub accept_all: Option<Answer>,
    pub voided: Option<Voided>,
    /// Where the run is voided, if this viewer may.
    pub void_href: Option<String>,
    pub csv_href: String,
    pub json_href: String,
}

/// A metric as a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub key: String,
    /// As it stands in a sentence: `true positive rate`.
    pub name: String,
    /// Which way it is better, given what a positive prediction means here.
    pub direction: Direction,
    pub range: Option<[f64; 2]>,
}

impl Column {
    /// The column of a key, from the catalogue or from what the document declares.
    pub fn of(key: &str, outcome: Outcome, declared: &[CustomMetric]) -> Self {
        if let Some(metric) = catalogue::find(key) {
            return Self {
                key: key.to_owned(),
                name: metric_name(key),
                direction: metric.direction(outcome),
                range: metric.range,
            };
        }
        let custom = declared.iter().find(|metric| metric.key == key);
        Self {
            key: key.to_owned(),
            name: custom.map_or_else(|| key.to_owned(), |metric| metric.name.clone()),
            direction: custom.and_then(|metric| metric.direction).unwrap_or(Direction::Neither),
            range: custom.and_then(|metric| metric.range),
        }
    }

    /// Where it is defined.
    pub fn definition(&self) -> String {
        super::definition::link(&self.key)
    }
}

/// What the table shows and in which order; all of it stands in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The page's path.
    pub path: String,
    /// Attributes joined by `;`, or empty for all.
    pub attribute: String,
    pub metrics: MetricSet,
    /// Part of a slice's name.
    pub search: String,
    /// Slices with fewer rows are left out.
    pub least_n: u64,
    /// `n`, a metric's key, or empty for the order of names.
    pub sort: String,
    pub descending: bool,
}

impl Choices {
    /// The page with these choices.
    pub fn link(&self) -> Link {
        let least_n = if self.least_n > 0 { self.least_n.to_string() } else { String::new() };
        Link::new(self.path.clone())
            .with_some("attribute", &self.attribute)
            .with_some("metrics", self.metrics.as_query())
            .with_some("q", &self.search)
            .with_some("least_n", least_n)
            .with_some("sort", &self.sort)
            .with_some("order", if self.descending { "desc" } else { "" })
    }

    fn any_filter(&self) -> bool {
        *self != Self { path: self.path.clone(), ..Self::default() }
    }
}

/// The run page.
#[component]
pub fn RunPage(view: RunView) -> impl IntoView {
    let table = Table::arrange(&view);
    let subtitle =
        format!("{} · {}", view.provenance.evaluated_at.date(), view.provenance.instrument);
    let said: Sentence = sentence(&view);
    let filters = filters(&view);
    let gaps = gaps::panel(&view);
    let banners = provenance::banners(&view);
    let void = view.void_href.clone().map(|href| {
        view! { <p><a class="button" href=href>"Void this run…"</a></p> }
    });
    let provenance = provenance::panel(&view.provenance);
    let note = "shade: how far from overall, where the interval leaves overall out · \
                ▴ better ▾ worse ◆ neither · hatched: n below 30";
    let slices = table.view(&view);
    view! {
        <PageHeader title=view.title subtitle=subtitle>
            <a class="button" href=view.csv_href download>
                "CSV"
            </a>
            <a class="button" href=view.json_href download>
                "JSON"
            </a>
        </PageHeader>
        {banners}
        <Lede>{said.view()}</Lede>
        <Panel title="Slices × metrics" note=note id="slices">
            {filters}
            {slices}
        </Panel>
        {gaps}
        {provenance}
        {void}
    }
    .into_any()
}

fn filters(view: &RunView) -> AnyView {
    let choices = view.choices.clone();
    let mut attributes: Vec<(String, String)> = vec![(String::new(), "all".to_owned())];
    for shown in &view.estimates {
        let (key, words) = attributes_of(&shown.estimate.slice);
        if !key.is_empty() && attributes.iter().all(|(known, _)| *known != key) {
            attributes.push((key, words));
        }
    }
    attributes[1..].sort_by_key(|(key, _)| (key.matches(';').count(), key.clone()));
    let least_n = if choices.least_n > 0 { choices.least_n.to_string() } else { String::new() };
    let kept = choices
        .link()
        .query()
        .iter()
        .filter(|(key, _)| key == "sort" || key == "order")
        .cloned()
        .collect::<Vec<_>>();
    let active = choices.any_filter();
    view! {
        <FilterBar action=choices.path hidden=kept active=active label="Show">
            <Select label="Attribute" name="attribute" options=attributes value=choices.attribute />
            <Select
                label="Metrics"
                name="metrics"
                options=MetricSet::options()
                value=choices.metrics.as_query()
            />
            <TextField label="Slice" name="q" value=choices.search kind=FieldKind::Search />
            <TextField
                label="Least n"
                name="least_n"
                value=least_n
                kind=FieldKind::Number
                min="0"
            />
        </FilterBar>
    }
    .into_any()
}

/// The attributes of a slice as a key and in words: `race;sex` and `race × sex`.
fn attributes_of(slice: &Slice) -> (String, String) {
    let names: Vec<&str> = slice.attributes().collect();
    (names.join(";"), names.join(" × "))
}

/// An interval of a difference with its level and method in the title.
fn interval_mark(interval: Option<&Interval>, write: fn(f64, f64) -> String) -> AnyView {
    match interval {
        None => view! { <span class="ci">"no interval"</span> }.into_any(),
        Some(it) => {
            let title = number::interval_name(it.level, &it.method);
            view! {
                <span class="ci" title=title>
                    {write(it.low, it.high)}
                </span>
            }
            .into_any()
        }
    }
}
