//! The gaps per attribute: worst and best group on each metric, and whether the data can tell.

use super::{Column, RunView, Selection, interval_mark};
use crate::pages::parts::{Panel, Scroll, number};
use leptos::prelude::*;
use metrics::Slice;
use metrics::disparity::{Disparity, Summary};

/// Whether the data can tell a difference from none.
pub(super) fn is_clear(difference: &Disparity) -> bool {
    difference.interval.as_ref().is_some_and(|it| it.low > 0.0 || it.high < 0.0)
}

/// The gaps on the metrics and attributes that the page's filters show.
pub(super) fn panel(view: &RunView) -> Option<AnyView> {
    let columns = view.choices.metrics.of(&view.columns);
    let is_shown = |gap: &&Summary| {
        columns.iter().any(|column| column.key == gap.metric)
            && (view.choices.attribute.is_empty()
                || view.choices.attribute == gap.attributes.join(";"))
    };
    let shown: Vec<&Summary> = view.gaps.iter().filter(is_shown).collect();
    if shown.is_empty() {
        return None;
    }
    let mut attributes: Vec<&[String]> = Vec::new();
    for gap in &shown {
        if !attributes.contains(&gap.attributes.as_slice()) {
            attributes.push(&gap.attributes);
        }
    }
    let groups = attributes
        .into_iter()
        .map(|attributes| {
            let title = attributes.join(" × ");
            let href = match attributes {
                [one] => Some(view.trend.set("attribute", one).to_string()),
                _ => None,
            };
            let rows = shown
                .iter()
                .filter(|gap| gap.attributes == attributes)
                .copied()
                .map(|gap| {
                    let column = view.columns.iter().find(|column| column.key == gap.metric);
                    let told = |it: &&Selection| {
                        it.rule.metric == gap.metric && gap.attributes == [it.attribute.as_str()]
                    };
                    let selection = view.selections.iter().find(told).map(Selection::row);
                    view! {
                        {row(gap, column)}
                        {selection}
                    }
                })
                .collect_view();
            view! {
                <tbody>
                    <tr class="group">
                        <th scope="rowgroup" colspan="6">
                            {title}
                            {href.map(|href| view! { <a class="small" href=href>"Trend"</a> })}
                        </th>
                    </tr>
                    {rows}
                </tbody>
            }
        })
        .collect_view();
    let note =
        "worst less best, and worst over best; intervals hold for all pairs of groups at once";
    let differences = format!("{}/differences", view.choices.path);
    Some(
        view! {
            <Panel title="Gaps between groups" note=note id="gaps">
                <Scroll label="Gaps between groups">
                    <table class="gaps">
                        <thead>
                            <tr>
                                <th scope="col">"Metric"</th>
                                <th scope="col">"Worst"</th>
                                <th scope="col">"Best"</th>
                                <th scope="col" class="num">
                                    "Difference"
                                </th>
                                <th scope="col" class="num">
                                    "Ratio"
                                </th>
                                <th scope="col">"Can the data tell?"</th>
                            </tr>
                        </thead>
                        {groups}
                    </table>
                </Scroll>
                <p class="small">
                    <a href=differences>"Which slices differ beyond chance?"</a>
                    <span class="dim">
                        " Exploratory: every slice against everyone else, on every metric."
                    </span>
                </p>
            </Panel>
        }
        .into_any(),
    )
}

fn row(gap: &Summary, column: Option<&Column>) -> AnyView {
    let name = column.map_or_else(|| gap.metric.clone(), |it| number::capitalised(&it.name));
    let href = super::super::definition::link(&gap.metric);
    let left_out = (!gap.left_out.is_empty()).then(|| {
        let names = gap.left_out.iter().map(Slice::label).collect::<Vec<_>>().join(", ");
        let n = gap.left_out.len() as u64;
        let text = format!("{} left out", number::counted(n, "group", "groups"));
        let title = format!("too few rows or undefined: {names}");
        view! { <p class="why" title=title>{text}</p> }
    });
    let Some(difference) = &gap.difference else {
        let reason = gap.reason.clone().unwrap_or_else(|| "nothing to compare".to_owned());
        return view! {
            <tr>
                <th scope="row">
                    <a href=href>{name}</a>
                </th>
                <td colspan="4" class="few">
                    <span class="why">{reason}</span>
                </td>
                <td>{left_out}</td>
            </tr>
        }
        .into_any();
    };
    let (class, tells) = match (&difference.interval, is_clear(difference)) {
        (None, _) => ("tells", "no interval, nobody can"),
        (_, true) => ("tells clear", "the data can tell"),
        (_, false) => ("tells", "the data cannot tell"),
    };
    view! {
        <tr>
            <th scope="row">
                <a href=href>{name}</a>
            </th>
            <td>{side(gap.worst.as_ref(), difference.n)}</td>
            <td>{side(gap.best.as_ref(), difference.reference_n)}</td>
            <td class="num">
                {measure(Some(difference), number::signed, number::signed_interval)}
            </td>
            <td class="num">{measure(gap.ratio.as_ref(), number::ratio, number::ratio_interval)}</td>
            <td>
                <span class=class>{tells}</span>
                {left_out}
            </td>
        </tr>
    }
    .into_any()
}

fn side(slice: Option<&Slice>, n: Option<u64>) -> impl IntoView + use<> {
    let label = slice.map(Slice::label);
    let n = n.map(|n| view! { <span class="n">{format!(" n {}", number::count(n))}</span> });
    view! {
        {label}
        {n}
    }
}

fn measure(
    disparity: Option<&Disparity>,
    write: fn(f64) -> String,
    write_interval: fn(f64, f64) -> String,
) -> AnyView {
    let Some((it, value)) = disparity.and_then(|it| Some((it, it.value?))) else {
        let reason = disparity.and_then(|it| it.reason.clone());
        let reason = reason.unwrap_or_else(|| "nothing to compare".to_owned());
        return view! { <span class="why">"undefined: " {reason}</span> }.into_any();
    };
    view! {
        <span class="estimate">
            {write(value)} {interval_mark(it.interval.as_ref(), write_interval)}
        </span>
    }
    .into_any()
}
