//! The trend page: one metric on chosen slices over versions, as a sentence, charts and a table.

mod sentence;

pub use sentence::sentence;

use super::parts::{
    CheckList, EmptyState, EstimateCell, FieldKind, FilterBar, Lede, Link, PageHeader, Panel,
    Scroll, Select, Shown, TextField, Time, number,
};
use crate::charts::{Break, Chart, GapChart, GapMark, Mark, Series, TrendChart};
use crate::islands::chart_reader::ChartReader;
use leptos::prelude::*;
use metrics::Interval;
use time::OffsetDateTime;

/// Everything that the trend page shows.
#[derive(Clone, Debug)]
pub struct TrendView {
    /// What the metric is called, and where its definition stands.
    pub metric: MetricName,
    /// The attribute whose groups are compared; empty for overall alone.
    pub attribute: String,
    /// What the lines are called, in their order.
    pub slices: Vec<String>,
    /// One per version that was measured, oldest first.
    pub points: Vec<Point>,
    pub choices: Choices,
    /// How the dataset is written: `adult-half@1994`.
    pub dataset: String,
    /// How the instrument is written: `evenhand-metrics, definitions 1`.
    pub instrument: String,
    pub svg_href: String,
    pub csv_href: String,
    /// What to run to get a first or second point.
    pub upload_command: String,
}

/// A metric as pages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricName {
    pub key: String,
    /// As it stands in a sentence: `true positive rate`.
    pub name: String,
    pub href: String,
}

/// A version and what was measured on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The version's label.
    pub label: String,
    /// Its run.
    pub href: String,
    pub evaluated_at: OffsetDateTime,
    /// One per slice; `None` where the run does not have it.
    pub estimates: Vec<Option<Shown>>,
    /// The difference between two groups; `None` where nothing is compared.
    pub gap: Option<Gap>,
    /// What changed before it, so that earlier points do not compare.
    pub broken: Option<String>,
}

/// A difference between two groups: the value of `of` less the value of `against`.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    pub of: String,
    pub against: String,
    /// `None` when it is undefined or may not be shown, and then `undefined` says why.
    pub value: Option<f64>,
    /// `None` where it cannot be computed, as for values reported without n.
    pub interval: Option<Interval>,
    pub undefined: Option<String>,
}

impl Gap {
    /// The same difference taken the other way.
    fn turned(&self) -> Self {
        let turn = |it: &Interval| Interval { low: -it.high, high: -it.low, ..it.clone() };
        Self {
            of: self.against.clone(),
            against: self.of.clone(),
            value: self.value.map(|value| -value),
            interval: self.interval.as_ref().map(turn),
            undefined: self.undefined.clone(),
        }
    }

    fn mark(&self) -> Option<GapMark> {
        let interval = self.interval.as_ref().map(|it| (it.low, it.high));
        self.value.map(|value| GapMark { value, interval })
    }
}

/// What can be chosen, as value and words, and what is chosen. All of it stands in the URL.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The page's path.
    pub action: String,
    pub metrics: Vec<(String, String)>,
    pub metric: String,
    pub attributes: Vec<(String, String)>,
    pub attribute: String,
    /// The attribute's groups as canonical slices.
    pub slices: Vec<(String, String)>,
    pub chosen: Vec<String>,
    /// `best`, `rest`, `overall`, `group:NAME`.
    pub comparisons: Vec<(String, String)>,
    pub comparison: String,
    pub datasets: Vec<(String, String)>,
    pub dataset: String,
    /// First and last day of the period, `YYYY-MM-DD` or empty.
    pub from: String,
    pub to: String,
}

impl TrendView {
    /// The chart of the values.
    pub fn chart(&self) -> Chart {
        let series = self.slices.iter().enumerate().map(|(index, name)| Series {
            name: name.clone(),
            marks: self
                .points
                .iter()
                .map(|point| mark(point.estimates.get(index)?.as_ref()?))
                .collect(),
            words: self.points.iter().map(|point| point.words(index, name)).collect(),
        });
        TrendChart {
            title: self.title(),
            description: sentence(self).text(),
            versions: self.versions(),
            series: series.collect(),
            breaks: self.breaks(),
        }
        .draw()
    }

    /// The chart of the differences; `None` where nothing is compared.
    pub fn gap_chart(&self) -> Option<Chart> {
        self.points.iter().any(|point| point.gap.is_some()).then(|| {
            GapChart {
                title: format!("{} in {}", self.gap_title(), self.metric.name),
                description: sentence(self).text(),
                versions: self.versions(),
                marks: self.points.iter().map(|point| point.gap.as_ref()?.mark()).collect(),
                words: self.points.iter().map(Point::gap_words).collect(),
                breaks: self.breaks(),
            }
            .draw()
        })
    }

    /// What the page is called: `True positive rate by sex`.
    pub fn title(&self) -> String {
        let name = number::capitalised(&self.metric.name);
        if self.attribute.is_empty() { name } else { format!("{name} by {}", self.attribute) }
    }

    /// The same view with every difference taken the way the last one is, where all compare the
    /// same two groups: a gap that turns round then crosses zero instead of changing its name.
    #[must_use]
    fn oriented(mut self) -> Self {
        let gaps = || self.points.iter().filter_map(|point| point.gap.as_ref());
        let Some((of, against)) =
            gaps().next_back().map(|gap| (gap.of.clone(), gap.against.clone()))
        else {
            return self;
        };
        let is_turned = |gap: &Gap| gap.of == against && gap.against == of;
        if gaps().all(|gap| is_turned(gap) || (gap.of == of && gap.against == against)) {
            for gap in self.points.iter_mut().filter_map(|point| point.gap.as_mut()) {
                if is_turned(gap) {
                    *gap = gap.turned();
                }
            }
        }
        self
    }

    /// `Gap, Male − Female` where it is the same pair throughout, else `Gap to the best group`.
    fn gap_title(&self) -> String {
        let mut pairs = self.points.iter().filter_map(|point| point.gap.as_ref());
        let Some(first) = pairs.next() else { return "Gap".to_owned() };
        if pairs.all(|gap| gap.of == first.of && gap.against == first.against) {
            format!("Gap, {} − {}", first.of, first.against)
        } else {
            "Gap, worst − best group".to_owned()
        }
    }

    fn versions(&self) -> Vec<String> {
        self.points.iter().map(|point| point.label.clone()).collect()
    }

    fn breaks(&self) -> Vec<Break> {
        let broken = |(before, point): (usize, &Point)| {
            point.broken.clone().map(|reason| Break { before, reason })
        };
        self.points.iter().enumerate().skip(1).filter_map(broken).collect()
    }

    /// What the bands are: level and method, where all intervals share them.
    fn interval_note(&self) -> String {
        let mut all = self
            .points
            .iter()
            .flat_map(|point| point.estimates.iter().flatten())
            .filter_map(|shown| shown.estimate.interval.as_ref());
        match all.next() {
            Some(first)
                if all.all(|it| {
                    (it.level - first.level).abs() < 1e-12 && it.method == first.method
                }) =>
            {
                format!("band: {}", number::interval_name(first.level, &first.method))
            }
            Some(_) => "band: interval, see the table for its level and method".to_owned(),
            None => "no intervals: reported without n".to_owned(),
        }
    }
}

impl Point {
    /// `v4, Female: 0.580 [0.54, 0.62], n 610`.
    fn words(&self, index: usize, name: &str) -> String {
        let what = match self.estimates.get(index).and_then(Option::as_ref) {
            None => "not measured".to_owned(),
            Some(shown) => in_words(shown),
        };
        format!("{}, {name}: {what}", self.label)
    }

    fn gap_words(&self) -> String {
        let Some(gap) = &self.gap else { return format!("{}: nothing to compare", self.label) };
        let what = match (gap.value, &gap.interval) {
            (Some(value), Some(it)) => {
                format!("{} {}", number::signed(value), number::signed_interval(it.low, it.high))
            }
            (Some(value), None) => format!("{}, no interval", number::signed(value)),
            (None, _) => undefined(gap.undefined.as_deref()),
        };
        format!("{}, {} − {}: {what}", self.label, gap.of, gap.against)
    }
}

fn in_words(shown: &Shown) -> String {
    if shown.hidden {
        return "hidden (n < 10)".to_owned();
    }
    let estimate = &shown.estimate;
    let Some(value) = estimate.value else { return undefined(estimate.undefined.as_deref()) };
    let interval = estimate
        .interval
        .as_ref()
        .map_or_else(String::new, |it| format!(" {}", number::interval(it.low, it.high)));
    let n = estimate
        .denominator
        .or(estimate.n)
        .map_or_else(|| "reported without n".to_owned(), |n| format!("n {}", number::count(n)));
    format!("{}{interval}, {n}", number::value(value))
}

fn undefined(reason: Option<&str>) -> String {
    format!("undefined, {}", reason.unwrap_or("no reason given"))
}

fn mark(shown: &Shown) -> Option<Mark> {
    let interval = shown.estimate.interval.as_ref().map(|it| (it.low, it.high));
    (!shown.hidden).then_some(shown.estimate.value?).map(|value| Mark { value, interval })
}

/// The trend page.
#[component]
pub fn TrendPage(view: TrendView) -> impl IntoView {
    let view = view.oriented();
    let subtitle = format!("dataset {} · instrument {}", view.dataset, view.instrument);
    let said = sentence(&view);
    let body = if view.points.is_empty() {
        view! {
            <EmptyState
                title="Nothing was measured here yet"
                text="A trend begins with the first run that has this metric on these slices. \
                      Choose another metric or period above, or upload a run:"
                command=view.upload_command.clone()
            />
        }
        .into_any()
    } else {
        charts_and_table(&view).into_any()
    };
    view! {
        <PageHeader title=view.title() subtitle=subtitle>
            <a class="button" href=view.svg_href.clone() download>
                "SVG"
            </a>
            <a class="button" href=view.csv_href.clone() download>
                "CSV"
            </a>
        </PageHeader>
        <Lede>{said.view()}</Lede>
        {pick(&view.choices)}
        {body}
    }
    .into_any()
}

fn charts_and_table(view: &TrendView) -> impl IntoView + use<> {
    let drawn = view.slices.len().min(TrendChart::SERIES);
    let mut note = view.interval_note();
    if drawn < view.slices.len() {
        note = format!("{drawn} of {} slices drawn, the table has all · {note}", view.slices.len());
    }
    let heading = number::capitalised(&view.metric.name);
    let label = format!("Chart: {}", view.title());
    let values = figure(view.chart(), label, (1000, 320));
    let table = table(view);
    let gap = view.gap_chart().map(|chart| {
        let note = "filled: the data can tell it from none · hollow: it cannot".to_owned();
        let title = view.gap_title();
        view! {
            <Panel title=title.clone() note=note>
                {figure(chart, format!("Chart: {title}"), (1000, 190))}
            </Panel>
        }
    });
    view! {
        <Panel title=heading note=note>
            {values}
        </Panel>
        {gap}
        {table}
    }
}

/// A chart inside what reads it, which scrolls where the page is narrow.
fn figure(chart: Chart, label: String, size: (u16, u16)) -> impl IntoView {
    view! {
        <figure>
            <Scroll label=label.clone()>
                <ChartReader label=label size=size readings=chart.readings>
                    <div inner_html=chart.svg></div>
                </ChartReader>
            </Scroll>
        </figure>
    }
}

fn pick(choices: &Choices) -> impl IntoView + use<> {
    let choices = choices.clone();
    let slices = (choices.slices.len() > 1).then(|| {
        view! {
            <CheckList
                label="Slices"
                name="slice"
                options=choices.slices.clone()
                chosen=choices.chosen.clone()
            />
        }
    });
    let comparison = (!choices.comparisons.is_empty()).then(|| {
        view! {
            <Select
                label="Compare with"
                name="compare"
                options=choices.comparisons.clone()
                value=choices.comparison.clone()
            />
        }
    });
    view! {
        <section class="panel" aria-label="What to show">
            <FilterBar action=choices.action label="Show">
                <Select label="Metric" name="metric" options=choices.metrics value=choices.metric />
                <Select
                    label="Attribute"
                    name="attribute"
                    options=choices.attributes
                    value=choices.attribute
                />
                {comparison}
                <Select label="Dataset" name="dataset" options=choices.datasets value=choices.dataset />
                <TextField label="From" name="from" value=choices.from kind=FieldKind::Date />
                <TextField label="To" name="to" value=choices.to kind=FieldKind::Date />
                {slices}
            </FilterBar>
        </section>
    }
}

fn table(view: &TrendView) -> impl IntoView + use<> {
    let compared = view.points.iter().any(|point| point.gap.is_some());
    let columns = 2 + view.slices.len() + usize::from(compared);
    let heads = view
        .slices
        .iter()
        .map(|slice| view! { <th scope="col" class="num">{slice.clone()}</th> })
        .collect_view();
    let gap_head = compared.then(|| view! { <th scope="col" class="num">{view.gap_title()}</th> });
    let rows = view
        .points
        .iter()
        .cloned()
        .map(|point| {
            let broken = point.broken.clone().map(|reason| {
                view! {
                    <tr class="broken">
                        <td colspan=columns>
                            {format!("{}: versions above do not compare with those below", number::capitalised(&reason))}
                        </td>
                    </tr>
                }
            });
            let cells = point.estimates.iter().cloned().map(value_cell).collect_view();
            let gap = compared.then(|| gap_cell(point.gap.clone()));
            view! {
                {broken}
                <tr>
                    <th scope="row">
                        <a href=point.href>{point.label}</a>
                    </th>
                    <td class="dim">
                        <Time at=point.evaluated_at />
                    </td>
                    {cells}
                    {gap}
                </tr>
            }
        })
        .collect_view();
    let name = view.metric.name.clone();
    let href = view.metric.href.clone();
    view! {
        <Panel title="The same as a table">
            <Scroll label="Values per version">
                <table>
                    <caption>
                        <a href=href>{number::capitalised(&name)}</a>
                        " with interval and n per version, oldest first."
                    </caption>
                    <thead>
                        <tr>
                            <th scope="col">"Version"</th>
                            <th scope="col">"Evaluated"</th>
                            {heads}
                            {gap_head}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
}

fn value_cell(shown: Option<Shown>) -> AnyView {
    match shown {
        None => {
            view! { <td class="num few"><span class="why">"not measured"</span></td> }.into_any()
        }
        Some(shown) => view! {
            <EstimateCell estimate=shown.estimate hidden=shown.hidden heat=None />
        }
        .into_any(),
    }
}

fn gap_cell(gap: Option<Gap>) -> AnyView {
    let Some(gap) = gap else {
        return view! { <td class="num dim">"nothing to compare"</td> }.into_any();
    };
    let Some(value) = gap.value else {
        let reason = undefined(gap.undefined.as_deref());
        return view! { <td class="num few"><span class="why">{reason}</span></td> }.into_any();
    };
    let clear = gap.mark().is_some_and(|mark| mark.is_clear());
    let interval = gap.interval.map_or_else(
        || view! { <span class="ci">"no interval"</span> }.into_any(),
        |it| {
            let title = number::interval_name(it.level, &it.method);
            view! {
                <span class="ci" title=title>
                    {number::signed_interval(it.low, it.high)}
                </span>
            }
            .into_any()
        },
    );
    let tells = if clear { "the data can tell" } else { "the data cannot tell" };
    view! {
        <td class="num">
            <span class=if clear { "tells clear mark" } else { "tells mark" } title=tells>
                <span class="visually-hidden">{tells}</span>
            </span>
            <span class="estimate">{number::signed(value)} {interval}</span>
        </td>
    }
    .into_any()
}

/// The link to a trend, for tables that name a slice.
pub fn trend_link(model: &str, metric: &str, attribute: &str, dataset: &str) -> Link {
    Link::new(format!("/models/{model}/trend"))
        .with_some("metric", metric)
        .with_some("attribute", attribute)
        .with_some("dataset", dataset)
}
