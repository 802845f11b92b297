//! The trend page: one metric on chosen slices over versions, as a sentence, charts and a table.

mod monitor;
mod page;
mod sentence;

pub use page::{TrendPage, TrendPageProps};
pub use sentence::sentence;

use super::parts::{Link, Moment, Shown, number};
use crate::charts::{Break, Chart, GapChart, GapMark, Mark, Series, TrendChart};
use metrics::Interval;
use metrics::monitor::Monitored;
use std::collections::BTreeSet;
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
    /// Per slice, whether its rate has shifted; or why nothing can be said of that.
    pub monitor: Result<Vec<Monitored>, String>,
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
    /// The mitigations that its run shows the effect of.
    pub shipped: Vec<Shipped>,
}

/// A mitigation that was shipped.
#[derive(Clone, Debug, PartialEq)]
pub struct Shipped {
    /// What people call it: `M-17`.
    pub name: String,
    pub title: String,
    pub href: String,
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
        self.clone().settled().draw_values(sentence(self).text())
    }

    fn draw_values(&self, description: String) -> Chart {
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
            description,
            versions: self.versions(),
            series: series.collect(),
            breaks: self.breaks(),
        }
        .draw()
    }

    /// The chart of the differences; `None` where nothing is compared.
    pub fn gap_chart(&self) -> Option<Chart> {
        self.clone().settled().draw_gaps(sentence(self).text())
    }

    fn draw_gaps(&self, description: String) -> Option<Chart> {
        self.points.iter().any(|point| point.gap.is_some()).then(|| {
            GapChart {
                title: format!("{} in {}", self.gap_title(), self.metric.name),
                description,
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

    /// The view as it is shown: differences one way, and each point with a name of its own.
    #[must_use]
    fn settled(self) -> Self {
        let mut view = self.oriented();
        let labels: BTreeSet<&str> = view.points.iter().map(|point| point.label.as_str()).collect();
        if labels.len() < view.points.len() {
            for point in &mut view.points {
                point.label =
                    format!("{} ({})", point.label, Moment::from(point.evaluated_at).date());
            }
        }
        view
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
        let named = |point: &Point| {
            let with = |name: String, it: &Shipped| format!("{name} · {}", it.name);
            point.shipped.iter().fold(point.label.clone(), with)
        };
        self.points.iter().map(named).collect()
    }

    fn breaks(&self) -> Vec<Break> {
        let broken = |(before, point): (usize, &Point)| {
            let reason = point.broken.as_deref()?;
            // Where it says from what to what, the chart has room for the new state only.
            let reason = match reason.split_once(" → ") {
                Some((_, now)) => format!("→ {now}"),
                None => reason.to_owned(),
            };
            Some(Break { before, reason })
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

/// The link to a trend, for tables that name a slice.
pub fn trend_link(model: &str, metric: &str, attribute: &str, dataset: &str) -> Link {
    Link::new(format!("/models/{model}/trend"))
        .with_some("metric", metric)
        .with_some("attribute", attribute)
        .with_some("dataset", dataset)
}
