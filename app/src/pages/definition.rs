//! What a metric means: its formula, when to use it, what it hides and where it comes from.

use super::parts::{Lede, PageHeader, Panel, Scroll, link, number};
use leptos::prelude::*;
use metrics::catalogue::{Better, Direction, Family, Key, METRICS, Metric};

/// The page of a metric's key; a key with a cut-off, or with a class or an attribute in brackets,
/// leads to the metric without it.
pub fn link(key: &str) -> String {
    let written = Key::parse(key);
    let k = if written.cutoff.is_some() { "@k" } else { "" };
    format!("/definitions/{}", link::encode(&format!("{}{k}", written.base)))
}

fn family(family: Family) -> &'static str {
    match family {
        Family::Classification => "Classification",
        Family::Regression => "Regression",
        Family::Ranking => "Ranking, recommendation and search",
        Family::Generative => "Text and image generation",
    }
}

fn better(metric: &Metric) -> &'static str {
    match metric.better {
        Better::Always(Direction::Higher) => "higher is better",
        Better::Always(Direction::Lower) => "lower is better",
        Better::Always(Direction::Neither) => "neither way is better in itself",
        Better::WithOutcome => {
            "higher is better where a positive prediction is good for the person, lower where it \
             is bad"
        }
    }
}

fn range(metric: &Metric) -> String {
    metric.range.map_or_else(
        || "open".to_owned(),
        |[low, high]| match (low.is_finite(), high.is_finite()) {
            (true, true) => format!("{} to {}", trimmed(low), trimmed(high)),
            (true, false) => format!("{} and above", trimmed(low)),
            (false, _) => format!("{} and below", trimmed(high)),
        },
    )
}

fn trimmed(value: f64) -> String {
    number::decimals(value, 2).trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn unit(metric: &Metric) -> String {
    if metric.unit == "1" { "a share or a score".to_owned() } else { metric.unit.to_owned() }
}

/// The page of a metric.
#[component]
pub fn DefinitionPage(metric: &'static Metric) -> impl IntoView {
    let related: Vec<_> = METRICS
        .iter()
        .filter(|other| other.family == metric.family && other.key != metric.key)
        .map(|other| view! { <li><a href=link(other.key)>{other.name}</a></li> })
        .collect();
    let title = super::parts::number::capitalised(metric.name);
    view! {
        <PageHeader title=title subtitle=family(metric.family) />
        <Lede>{metric.use_when}</Lede>
        <Panel title="Definition">
            <dl class="facts">
                <dt>"Formula"</dt>
                <dd>
                    <code>{metric.formula}</code>
                </dd>
                <dt>"Key"</dt>
                <dd>
                    <code>{metric.key}</code>
                </dd>
                <dt>"Range"</dt>
                <dd>{range(metric)}</dd>
                <dt>"Unit"</dt>
                <dd>{unit(metric)}</dd>
                <dt>"Direction"</dt>
                <dd>{better(metric)}</dd>
                <dt>"What it hides"</dt>
                <dd>{metric.hides}</dd>
                <dt>"Source"</dt>
                <dd>{metric.source}</dd>
            </dl>
        </Panel>
        <Panel title="Beside it">
            <ul class="columns">{related}</ul>
        </Panel>
    }
    .into_any()
}

/// All metrics, by what they are for.
#[component]
pub fn DefinitionsPage() -> impl IntoView {
    let families =
        [Family::Classification, Family::Regression, Family::Ranking, Family::Generative]
            .into_iter()
            .map(|wanted| {
                let rows = METRICS
                    .iter()
                    .filter(|metric| metric.family == wanted)
                    .map(|metric| {
                        view! {
                            <tr>
                                <th scope="row">
                                    <a href=link(metric.key)>{metric.name}</a>
                                </th>
                                <td>
                                    <code>{metric.key}</code>
                                </td>
                                <td>{metric.use_when}</td>
                            </tr>
                        }
                    })
                    .collect_view();
                view! {
                    <Panel title=family(wanted)>
                        <Scroll label=family(wanted)>
                            <table class="definitions">
                                <thead>
                                    <tr>
                                        <th scope="col">"Metric"</th>
                                        <th scope="col">"Key"</th>
                                        <th scope="col">"When to use it"</th>
                                    </tr>
                                </thead>
                                <tbody>{rows}</tbody>
                            </table>
                        </Scroll>
                    </Panel>
                }
            })
            .collect_view();
    view! {
        <PageHeader title="Metrics" subtitle="what each means and what it hides" />
        {families}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::parts::{Frame, document};

    #[test]
    fn every_metric_has_a_page_with_all_that_one_must_know() {
        for metric in METRICS {
            let html = document(Frame::default(), || view! { <DefinitionPage metric=metric /> });
            let escaped =
                metric.hides.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            assert!(html.contains(&escaped), "{}: {html}", metric.key);
        }
    }

    #[test]
    fn a_cut_off_leads_to_its_metric() {
        assert_eq!(link("ndcg@10"), "/definitions/ndcg%40k");
        assert_eq!(link("accuracy"), "/definitions/accuracy");
        assert_eq!(link("precision[cat]"), "/definitions/precision");
        assert_eq!(link("diversity@10[skin_tone]"), "/definitions/diversity%40k");
    }
}
