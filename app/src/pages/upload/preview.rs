//! What a file would become as a run, and what it would change. The server shows it of a file that
//! was sent to be checked, the browser of one that was not sent at all.

use crate::domain::against::{Against, Differing, Earlier, Surroundings};
use crate::domain::attribute::Unconfirmed;
use crate::domain::verdict::words::metric_name;
use crate::pages::definition;
use crate::pages::parts::{EstimateCell, MovedTable, Panel, Scroll, Time, number};
use crate::pages::run::Receipt;
use leptos::prelude::*;
use metrics::{Estimate, RunDocument, Slice};
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;

/// Slices, metrics and changes of which so many are looked at before a run is made.
const MOST_SLICES: usize = 12;
const MOST_METRICS: usize = 8;
const MOST_MOVED: usize = 8;
const MOST_NAMES: usize = 8;

/// What a file would become.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Empty where it is not known before the file is sent.
    pub digest: String,
    pub dataset: String,
    pub evaluated_at: OffsetDateTime,
    pub receipt: Receipt,
    pub unconfirmed: Vec<Unconfirmed>,
    /// The page of the run that is there already, when this is the same.
    pub existing: Option<String>,
    /// Under the registry's names.
    pub estimates: Vec<Estimate>,
    /// Against the run before it; `None` where this is the first of its kind.
    pub against: Option<(Earlier, Against)>,
}

impl Preview {
    /// What a document would become; `before` is the run that it follows, with its estimates.
    pub fn of(
        document: &RunDocument,
        receipt: Receipt,
        around: &Surroundings,
        before: Option<(&Earlier, &[Estimate])>,
    ) -> Self {
        let estimates = around.named(document);
        let slices = document.estimates.iter().map(|estimate| &estimate.slice);
        Self {
            digest: String::new(),
            dataset: format!("{}@{}", document.dataset.name, document.dataset.version),
            evaluated_at: document.evaluated_at,
            receipt,
            unconfirmed: around.registry.unconfirmed(around.model, slices, document.evaluated_at),
            existing: None,
            against: before
                .map(|(run, before)| (run.clone(), around.against(document, &estimates, before))),
            estimates,
        }
    }

    /// In a sentence.
    pub fn said(&self) -> String {
        let excerpt = Excerpt::of(&self.estimates);
        let counted = |n: usize, one, many| number::counted(n as u64, one, many);
        let new = match &self.against {
            Some((_, against)) if !against.moved.lines.is_empty() => {
                let moved = counted(against.moved.lines.len(), "series moves", "series move");
                format!(", {moved} beyond chance")
            }
            _ => String::new(),
        };
        format!(
            "Read as {}: {} of {} on {}{new}. See below what it would become.",
            self.receipt.format,
            counted(self.estimates.len(), "estimate", "estimates"),
            counted(excerpt.all_metrics, "metric", "metrics"),
            counted(excerpt.all_slices, "slice", "slices"),
        )
    }
}

/// As many slices and metrics as one looks at.
struct Excerpt<'a> {
    metrics: Vec<&'a str>,
    rows: Vec<(&'a Slice, Vec<Option<&'a Estimate>>)>,
    all_metrics: usize,
    all_slices: usize,
}

impl<'a> Excerpt<'a> {
    /// The first metrics of the document, on its coarsest and then its largest slices.
    fn of(estimates: &'a [Estimate]) -> Self {
        let mut seen = BTreeSet::new();
        let mut metrics: Vec<&str> = Vec::new();
        let mut slices: BTreeMap<&Slice, u64> = BTreeMap::new();
        for estimate in estimates {
            // How many rows there are, each cell says.
            if seen.insert(estimate.metric.as_str()) && estimate.metric != "count" {
                metrics.push(&estimate.metric);
            }
            let n = slices.entry(&estimate.slice).or_default();
            *n = (*n).max(estimate.n.unwrap_or(0));
        }
        let (all_metrics, all_slices) = (seen.len(), slices.len());
        metrics.truncate(MOST_METRICS);
        let mut slices: Vec<(&Slice, u64)> = slices.into_iter().collect();
        slices.sort_by_key(|(slice, n)| (slice.arity(), std::cmp::Reverse(*n)));
        slices.truncate(MOST_SLICES);
        let column = |metric: &str| metrics.iter().position(|known| *known == metric);
        let mut rows: BTreeMap<&Slice, Vec<Option<&Estimate>>> =
            slices.iter().map(|(slice, _)| (*slice, vec![None; metrics.len()])).collect();
        for estimate in estimates {
            if let Some(row) = rows.get_mut(&estimate.slice)
                && let Some(column) = column(&estimate.metric)
            {
                row[column].get_or_insert(estimate);
            }
        }
        let row = |(slice, _)| Some((slice, rows.remove(slice)?));
        let rows = slices.into_iter().filter_map(row).collect();
        Self { metrics, rows, all_metrics, all_slices }
    }
}

/// What a file would become.
#[component]
pub fn PreviewPanels(preview: Preview) -> impl IntoView {
    let seen = Excerpt::of(&preview.estimates);
    let (metrics, slices) = (seen.all_metrics, seen.all_slices);
    let excerpt = excerpt(&seen);
    let against = match &preview.against {
        Some((run, against)) => changes(run, against).into_any(),
        None => {
            let none = format!(
                "The model has no run on {} by these definitions yet: there is nothing to compare \
                 it with.",
                preview.dataset
            );
            view! { <Panel title="What would change"><p>{none}</p></Panel> }.into_any()
        }
    };
    view! {
        {facts(preview, metrics, slices)}
        <Panel title="Slices × metrics">{excerpt}</Panel>
        {against}
    }
    .into_any()
}

fn facts(preview: Preview, metrics: usize, slices: usize) -> AnyView {
    let existing = preview.existing.map(|href| {
        view! {
            <p>
                "This is already here as "
                <a href=href>"a run"</a>
                "; uploading it again makes no second one."
            </p>
        }
    });
    let unconfirmed = (!preview.unconfirmed.is_empty()).then(|| {
        let items = preview
            .unconfirmed
            .into_iter()
            .map(|it| {
                let known = match it.nearest {
                    Some(nearest) => format!(" (nearest known: {nearest})"),
                    None if it.replaced_by.is_empty() => String::new(),
                    None => {
                        format!(" (replaced by {}; no lead accepts it)", it.replaced_by.join(", "))
                    }
                };
                view! { <li>{format!("{}: {}{known}", it.attribute, it.group)}</li> }
            })
            .collect_view();
        view! {
            <p>"These groups will be unconfirmed until a lead accepts them:"</p>
            <ul>{items}</ul>
        }
    });
    let notes =
        preview.receipt.notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view();
    let rows = |n: Option<u64>| n.map_or_else(String::new, number::count);
    let count = |n: usize| number::count(n as u64);
    let lines = [
        ("Format", preview.receipt.format),
        ("Dataset", preview.dataset),
        ("Estimates", count(preview.estimates.len())),
        ("Slices", count(slices)),
        ("Metrics", count(metrics)),
        ("Rows read", rows(preview.receipt.rows_read)),
        ("Rows used", rows(preview.receipt.rows_used)),
        ("Digest", preview.digest),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| view! { <tr><th scope="row">{name}</th><td>{value}</td></tr> })
    .collect_view();
    view! {
        <Panel title="This can be uploaded" note="nothing is stored yet">
            <p class="v pass">"no problems"</p>
            {existing}
            <Scroll label="What was read">
                <table>
                    <tbody>
                        {lines}
                        <tr>
                            <th scope="row">"Evaluated"</th>
                            <td>
                                <Time at=preview.evaluated_at clock=true />
                            </td>
                        </tr>
                    </tbody>
                </table>
            </Scroll>
            {unconfirmed}
            <ul>{notes}</ul>
        </Panel>
    }
    .into_any()
}

fn excerpt(excerpt: &Excerpt<'_>) -> AnyView {
    let head = excerpt
        .metrics
        .iter()
        .map(|&key| {
            let name = metric_name(key);
            let name = if metrics::catalogue::find(key).is_some() {
                view! { <a href=definition::link(key)>{name}</a> }.into_any()
            } else {
                name.into_any()
            };
            view! { <th scope="col" class="num">{name}</th> }
        })
        .collect_view();
    let rows = excerpt
        .rows
        .iter()
        .map(|(slice, cells)| {
            let cells = cells
                .iter()
                .map(|cell| match cell {
                    Some(estimate) => {
                        view! { <EstimateCell estimate=(*estimate).clone() /> }.into_any()
                    }
                    None => view! { <td class="num dim">"–"</td> }.into_any(),
                })
                .collect_view();
            view! { <tr><th scope="row">{slice.label()}</th>{cells}</tr> }
        })
        .collect_view();
    let (slices, metrics) = (excerpt.rows.len(), excerpt.metrics.len());
    let cut = (slices < excerpt.all_slices || metrics < excerpt.all_metrics).then(|| {
        let text = format!(
            "{slices} of {} and {metrics} of {}: the largest slices of the fewest attributes",
            number::counted(excerpt.all_slices as u64, "slice", "slices"),
            number::counted(excerpt.all_metrics as u64, "metric", "metrics"),
        );
        view! { <p class="small dim">{text}</p> }
    });
    view! {
        <Scroll label="Slices × metrics">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Slice"</th>
                        {head}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Scroll>
        {cut}
    }
    .into_any()
}

fn changes(run: &Earlier, against: &Against) -> AnyView {
    let slices = names(&against.slices, "slice", "slices", Slice::label);
    let metrics = names(&against.metrics, "metric", "metrics", |key| metric_name(key));
    let moved = &against.moved;
    let said = match moved.lines.len() {
        0 => format!(
            "Of {} that both have, none moves beyond chance.",
            number::counted(moved.looked_at as u64, "series", "series")
        ),
        n => format!(
            "Of {} that both have, {} beyond chance (at 95 % each: of twenty that stay, one moves \
             by chance).",
            number::counted(moved.looked_at as u64, "series", "series"),
            number::counted(n as u64, "moves", "move")
        ),
    };
    let table = (!moved.lines.is_empty()).then(|| {
        let lines = moved.lines.clone();
        view! { <MovedTable label="What would move" lines=lines most=MOST_MOVED /> }
    });
    let href = format!("/runs/{}", run.id);
    let title = format!("the run of {} on {}@{}", run.version, run.dataset.0, run.dataset.1);
    view! {
        <Panel title="What would change" note="taken as independent samples">
            <p>"Against " <a href=href>{title}</a> ". " {said}</p>
            {table}
            <ul>{slices} {metrics}</ul>
        </Panel>
    }
    .into_any()
}

/// What only one of the runs has, the first few by name.
fn names<T>(
    differing: &Differing<T>,
    one: &str,
    many: &str,
    name: impl Fn(&T) -> String,
) -> AnyView {
    let line = |what: &str, these: &[T]| {
        if these.is_empty() {
            return None;
        }
        let mut names: Vec<String> = these.iter().take(MOST_NAMES).map(&name).collect();
        if these.len() > MOST_NAMES {
            names.push(format!("and {} more", these.len() - MOST_NAMES));
        }
        let n = number::counted(these.len() as u64, one, many);
        Some(view! { <li>{format!("{n} {what}: {}", names.join(", "))}</li> })
    };
    view! {
        {line("new", &differing.new)}
        {line("no longer there", &differing.gone)}
    }
    .into_any()
}
