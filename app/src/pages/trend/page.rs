//! What the trend page looks like.

use super::{Choices, Gap, TrendView, monitor, sentence, undefined};
use crate::charts::{Chart, TrendChart};
use crate::islands::chart_reader::ChartReader;
use crate::pages::parts::{
    CheckList, EmptyState, EstimateCell, FieldKind, FilterBar, Lede, PageHeader, Panel, Scroll,
    Select, Shown, TextField, Time, number,
};
use leptos::prelude::*;

/// The trend page.
#[component]
pub fn TrendPage(view: TrendView) -> impl IntoView {
    let view = view.settled();
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
    let legend = legend(view);
    let values = figure(view.chart(), label);
    let table = table(view);
    let monitor = monitor::panel(view);
    let gap = view.gap_chart().map(|chart| {
        let note = "filled: the data can tell it from none · hollow: it cannot".to_owned();
        let title = view.gap_title();
        view! {
            <Panel title=title.clone() note=note>
                {figure(chart, format!("Chart: {title}"))}
            </Panel>
        }
    });
    view! {
        <Panel title=heading note=note>
            {legend}
            {values}
        </Panel>
        {gap}
        {monitor}
        {table}
    }
}

/// The names of the lines, for pages that are narrower than the chart.
fn legend(view: &TrendView) -> impl IntoView + use<> {
    let names = view.slices.iter().take(TrendChart::SERIES).enumerate().map(|(index, name)| {
        view! {
            <li>
                <svg class="chart" viewBox="0 0 28 10" aria-hidden="true">
                    <polyline class=format!("line s{}", index + 1) points="0,5 28,5" />
                </svg>
                {name.clone()}
            </li>
        }
    });
    view! { <ul class="legend">{names.collect_view()}</ul> }
}

/// A chart inside what reads it, which scrolls where the page is narrow.
fn figure(chart: Chart, label: String) -> impl IntoView {
    view! {
        <figure>
            <Scroll label=label.clone()>
                <ChartReader label=label size=chart.size readings=chart.readings>
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
    // Many slices take the evidence below the value to stay on the page.
    let wide = view.slices.len() > 3;
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
            let shipped = point
                .shipped
                .into_iter()
                .map(|it| {
                    view! {
                        <span class="small block">
                            <a href=it.href>{it.name}</a>
                            {format!(" shipped: {}", it.title)}
                        </span>
                    }
                })
                .collect_view();
            let cells = point.estimates.iter().cloned().map(value_cell).collect_view();
            let gap = compared.then(|| gap_cell(point.gap.clone()));
            view! {
                {broken}
                <tr>
                    <th scope="row">
                        <a href=point.href>{point.label}</a>
                        {shipped}
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
                <table class=if wide { "slices versions" } else { "" }>
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
