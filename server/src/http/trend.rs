//! The trend page and its downloads.

use crate::actions::trend::{Asked, Trend, dataset_of, trend};
use crate::api::runs::parse_reference;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::runs::attachment;
use crate::http::{Access, Page, Routes};
use crate::state::App;
use crate::store::mitigations::Mitigation;
use crate::store::runs::Run;
use app::domain::Permission;
use app::domain::disclosure::is_hidden;
use app::pages::definition;
use app::pages::parts::{Crumb, Link, Section, Shown};
use app::pages::run::Column;
use app::pages::trend::{Choices, Gap, MetricName, Point, Shipped, TrendPage, TrendView};
use app::upload::parse_time;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use leptos::prelude::*;
use metrics::Slice;
use metrics::disparity::{Disparity, Reference};
use serde::Deserialize;
use std::collections::BTreeSet;
use time::Duration;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes.get("/models/{model}/trend", read, show).get("/models/{model}/trend.svg", read, svg).get(
        "/models/{model}/trend.csv",
        read,
        csv,
    )
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct TrendQuery {
    metric: String,
    attribute: Option<String>,
    slice: Vec<String>,
    dataset: Option<String>,
    compare: String,
    from: String,
    to: String,
}

impl TrendQuery {
    fn asked(&self) -> Result<Asked> {
        let time = |text: &str| {
            (!text.is_empty())
                .then(|| parse_time(text).map_err(|problem| Error::input(vec![problem])))
                .transpose()
        };
        // A slice of another attribute than the chosen one was ticked before the attribute changed.
        let wanted: Option<Vec<&str>> = self
            .attribute
            .as_deref()
            .map(|text| text.split(';').filter(|a| !a.is_empty()).collect());
        let slices = self
            .slice
            .iter()
            .filter_map(|text| Slice::parse(text).ok())
            .filter(|slice| {
                wanted.as_ref().is_none_or(|wanted| slice.attributes().eq(wanted.iter().copied()))
            })
            .collect();
        Ok(Asked {
            metric: (!self.metric.is_empty()).then(|| self.metric.clone()),
            attribute: self.attribute.clone(),
            slices,
            dataset: self.dataset.clone(),
            compare: Some(parse_reference(Some(&self.compare))?),
            from: time(&self.from)?,
            // The last day is meant whole.
            to: time(&self.to)?.map(|day| day + Duration::days(1)),
        })
    }
}

async fn load(app: &App, actor: &Actor, model: &str, query: &TrendQuery) -> Result<TrendView> {
    let trend = trend(app, actor, model, query.asked()?).await?;
    Ok(view(&trend, query))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(model): Path<String>,
    Query(query): Query<TrendQuery>,
) -> Result<Response> {
    let trend = trend(&app, &actor, &model, query.asked()?).await?;
    let view = view(&trend, &query);
    Ok(page
        .title(format!("{} · {}", view.title(), trend.model.name))
        .section(Section::Models)
        .crumbs(vec![
            Crumb::to("Models", "/models"),
            Crumb::to(&trend.model.name, format!("/models/{}", trend.model.slug)),
            Crumb::here("Trend"),
        ])
        .islands()
        .html(move || view! { <TrendPage view=view /> }))
}

async fn svg(
    State(app): State<App>,
    actor: Actor,
    Path(model): Path<String>,
    Query(query): Query<TrendQuery>,
) -> Result<Response> {
    let view = load(&app, &actor, &model, &query).await?;
    let name = format!("{model}-{}.svg", view.metric.key);
    Ok(attachment("image/svg+xml", &name, view.chart().standalone()))
}

async fn csv(
    State(app): State<App>,
    actor: Actor,
    Path(model): Path<String>,
    Query(query): Query<TrendQuery>,
) -> Result<Response> {
    let trend = trend(&app, &actor, &model, query.asked()?).await?;
    Ok(attachment(
        "text/csv; charset=utf-8",
        &format!("{model}-{}.csv", trend.metric),
        table(&trend),
    ))
}

/// The points as a table: version, date and dataset beside each estimate.
fn table(trend: &Trend) -> String {
    use app::upload::export::text_cell;
    let mut csv = String::from(
        "version,evaluated_at,dataset,slice,metric,value,low,high,level,method,n,undefined\r\n",
    );
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for point in &trend.points {
        for estimate in point.estimates.iter().flatten() {
            let interval = estimate.interval.as_ref();
            let cells = [
                text_cell(&point.run.version_label),
                crate::audit::timestamp(from_micros(point.run.evaluated_at)),
                text_cell(&dataset_of(&point.run)),
                text_cell(&estimate.slice.to_string()),
                text_cell(&estimate.metric),
                number(estimate.value),
                number(interval.map(|i| i.low)),
                number(interval.map(|i| i.high)),
                number(interval.map(|i| i.level)),
                text_cell(interval.map_or("", |i| i.method.as_str())),
                estimate.n.map(|n| n.to_string()).unwrap_or_default(),
                text_cell(estimate.undefined.as_deref().unwrap_or_default()),
            ];
            csv.push_str(&cells.join(","));
            csv.push_str("\r\n");
        }
    }
    csv
}

fn view(trend: &Trend, query: &TrendQuery) -> TrendView {
    let name = |key: &str| Column::of(key, trend.outcome, &[]).name;
    let path = format!("/models/{}/trend", trend.model.slug);
    let choices = choices(trend, query, &path, &name);
    let here = |ending: &str| {
        let link = Link::new(format!("{path}{ending}"))
            .with("metric", &trend.metric)
            .with("attribute", trend.attribute.join(";"))
            .with("dataset", if trend.dataset.is_empty() { "all" } else { &trend.dataset })
            .with("compare", &trend.compare)
            .with_some("from", &query.from)
            .with_some("to", &query.to);
        trend.slices.iter().fold(link, |link, slice| link.with("slice", slice)).to_string()
    };
    let last = trend.points.last();
    TrendView {
        metric: MetricName {
            key: trend.metric.clone(),
            name: name(&trend.metric),
            href: definition::link(&trend.metric),
        },
        attribute: trend.attribute.join(" × "),
        slices: trend.slices.iter().map(Slice::label).collect(),
        points: trend
            .points
            .iter()
            .map(|of| point(of, label(of, &trend.points), &trend.shipped))
            .collect(),
        monitor: trend.monitor.clone(),
        choices,
        dataset: if trend.dataset.is_empty() { "all".to_owned() } else { trend.dataset.clone() },
        instrument: last.map_or_else(
            || "none yet".to_owned(),
            |point| {
                let run = &point.run;
                format!("{}, definitions {}", run.instrument_name, run.instrument_definitions)
            },
        ),
        svg_href: here(".svg"),
        csv_href: here(".csv"),
        upload_command: format!(
            "evenhand upload FILE --spec spec.toml --model {} --model-version VERSION --dataset NAME@VERSION",
            trend.model.slug
        ),
    }
}

fn choices(
    trend: &Trend,
    query: &TrendQuery,
    path: &str,
    name: &impl Fn(&str) -> String,
) -> Choices {
    let mut attributes = vec![(String::new(), "overall only".to_owned())];
    attributes.extend(trend.attributes.iter().map(|family| (family.join(";"), family.join(" × "))));
    let mut datasets = vec![("all".to_owned(), "all datasets".to_owned())];
    datasets.extend(trend.datasets.iter().map(|dataset| (dataset.clone(), dataset.clone())));
    let mut comparisons: Vec<(String, String)> =
        [("best", "best group"), ("overall", "overall"), ("rest", "everyone else")]
            .map(|(value, words)| (value.to_owned(), words.to_owned()))
            .to_vec();
    for group in &trend.groups {
        let key: Vec<&str> = group.pairs().map(|(_, group)| group).collect();
        comparisons.push((format!("group:{}", key.join("|")), group.label()));
    }
    if let Reference::Group(_) = trend.compare
        && !comparisons.iter().any(|(value, _)| *value == trend.compare.to_string())
    {
        comparisons.push((trend.compare.to_string(), trend.compare.to_string()));
    }
    let metrics = trend
        .metrics
        .iter()
        .filter(|key| *key != "count")
        .map(|key| (key.clone(), name(key)))
        .collect();
    Choices {
        action: path.to_owned(),
        metrics,
        metric: trend.metric.clone(),
        attributes,
        attribute: trend.attribute.join(";"),
        slices: trend.groups.iter().map(|slice| (slice.to_string(), slice.label())).collect(),
        chosen: trend.slices.iter().map(Slice::to_string).collect(),
        comparisons,
        comparison: trend.compare.to_string(),
        datasets,
        dataset: if trend.dataset.is_empty() { "all".to_owned() } else { trend.dataset.clone() },
        from: query.from.clone(),
        to: query.to.clone(),
    }
}

/// What a point is called: its version and, where that was measured more than once, what tells
/// the measurements apart.
fn label(of: &crate::actions::trend::Point, points: &[crate::actions::trend::Point]) -> String {
    let version = &of.run.version_label;
    let same: Vec<&Run> =
        points.iter().map(|p| &p.run).filter(|run| run.version_label == *version).collect();
    if same.len() == 1 {
        return version.clone();
    }
    let day = |run: &Run| from_micros(run.evaluated_at).date().to_string();
    let minute = |run: &Run| {
        let at = from_micros(run.evaluated_at);
        format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute())
    };
    let ways: [&dyn Fn(&Run) -> String; 5] = [
        &|run| run.dataset_label.clone(),
        &dataset_of,
        &day,
        &|run| format!("{}, {}", dataset_of(run), day(run)),
        &minute,
    ];
    let tells = |way: &&&dyn Fn(&Run) -> String| {
        same.iter().map(|run| way(run)).collect::<BTreeSet<_>>().len() == same.len()
    };
    // Runs of the same minute on the same data have only their digests left.
    let what = match ways.iter().find(tells) {
        Some(way) => way(&of.run),
        None => of.run.digest.chars().skip("sha256:".len()).take(8).collect(),
    };
    format!("{version} · {what}")
}

fn point(point: &crate::actions::trend::Point, label: String, shipped: &[Mitigation]) -> Point {
    let shown_by = |mitigation: &&Mitigation| mitigation.after_run_id == Some(point.run.id.0);
    Point {
        label,
        shipped: shipped
            .iter()
            .filter(shown_by)
            .map(|mitigation| Shipped {
                name: format!("M-{}", mitigation.number),
                title: mitigation.title.clone(),
                href: format!("/mitigations/{}", mitigation.number),
            })
            .collect(),
        href: format!("/runs/{}", point.run.id),
        evaluated_at: from_micros(point.run.evaluated_at),
        estimates: point
            .estimates
            .iter()
            .map(|estimate| {
                let estimate = estimate.clone()?;
                Some(Shown { hidden: is_hidden(&estimate), estimate })
            })
            .collect(),
        gap: point.gap.as_ref().map(gap),
        broken: point.broken.clone(),
    }
}

fn gap(disparity: &Disparity) -> Gap {
    let against = match (&disparity.reference, &disparity.reference_slice) {
        (_, Some(slice)) => slice.label(),
        (Reference::Rest, None) => "everyone else".to_owned(),
        (reference, None) => reference.to_string(),
    };
    Gap {
        of: disparity.slice.label(),
        against,
        value: disparity.value,
        interval: disparity.interval.clone(),
        undefined: disparity.reason.clone(),
    }
}
