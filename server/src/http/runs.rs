//! The run page, its downloads, and voiding.

use crate::actions::runs::{Seen, find_run, look};
use crate::actions::{resting, void_run};
use crate::auth::Actor;
use crate::auth::permit;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::page::done;
use crate::http::{Access, Page, Routes};
use crate::state::App;
use crate::store::models::Model;
use crate::store::runs::Run;
use app::domain::disclosure::is_hidden;
use app::domain::{Permission, Scope};
use app::form::FieldErrors;
use app::pages::parts::{Crumb, Link, Moment, Section, Shown};
use app::pages::run::{
    Answer, Choices, Column, DifferencesPage, DifferencesView, MetricSet, Provenance, Receipt,
    Resting, RunPage, RunView, Unconfirmed, VoidPage, VoidView, Voided,
};
use app::upload::export::to_csv;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use metrics::disparity::FALSE_DISCOVERY_RATE;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/runs/{run}", read, show)
        .get("/runs/{run}/differences", read, differences)
        .get("/runs/{run}/estimates.csv", read, csv)
        .get("/runs/{run}/document.json", read, json)
        .get("/runs/{run}/void", Access::May(Permission::VoidRun), ask_void)
        .post("/runs/{run}/void", Access::May(Permission::VoidRun), void)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ShowQuery {
    attribute: String,
    metrics: String,
    q: String,
    least_n: String,
    sort: String,
    order: String,
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(id): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Response> {
    let seen = look(&app, &actor, &id).await?;
    let choices = Choices {
        path: format!("/runs/{}", seen.run.id),
        attribute: query.attribute,
        metrics: MetricSet::from_query(&query.metrics),
        search: query.q,
        least_n: query.least_n.parse().unwrap_or_default(),
        sort: query.sort,
        descending: query.order == "desc",
    };
    let resting = match seen.run.voided_at {
        Some(_) => resting_on(&app, &actor, &seen.run, &seen.model).await?,
        None => vec![],
    };
    let view = view(&actor, &seen, choices, resting);
    Ok(page
        .title(view.title.clone())
        .section(Section::Models)
        .crumbs(crumbs(&seen.run, &seen.model))
        .html(move || view! { <RunPage view=view /> }))
}

fn crumbs(run: &Run, model: &Model) -> Vec<Crumb> {
    let version = format!("/models/{}/versions/{}", model.slug, run.version_label);
    vec![
        Crumb::to("Models", "/models"),
        Crumb::to(&model.name, format!("/models/{}", model.slug)),
        Crumb::to(&run.version_label, version),
        Crumb::here(run_day(run)),
    ]
}

/// Which slices differ from everyone else beyond chance.
async fn differences(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response> {
    let seen = look(&app, &actor, &id).await?;
    let document = seen.document();
    let columns =
        seen.metrics().iter().map(|key| Column::of(key, seen.outcome, &document.metrics)).collect();
    let view = DifferencesView {
        run: run_title(&seen.run),
        run_href: format!("/runs/{}", seen.run.id),
        json_href: format!("/api/v1/runs/{}/differences", seen.run.id),
        columns,
        exploration: seen.exploration(FALSE_DISCOVERY_RATE),
    };
    let mut crumbs = crumbs(&seen.run, &seen.model);
    if let Some(run) = crumbs.last_mut() {
        *run = Crumb::to(run_day(&seen.run), view.run_href.clone());
    }
    crumbs.push(Crumb::here("Differences"));
    Ok(page
        .title(format!("Differences · {}", view.run))
        .section(Section::Models)
        .crumbs(crumbs)
        .html(move || view! { <DifferencesPage view=view /> }))
}

fn run_title(run: &Run) -> String {
    format!("Run of {} on {}@{}", run.version_label, run.dataset_name, run.dataset_label)
}

fn run_day(run: &Run) -> String {
    format!("Run {}", from_micros(run.evaluated_at).date())
}

async fn resting_on(app: &App, actor: &Actor, run: &Run, model: &Model) -> Result<Vec<Resting>> {
    let resting = resting::on(app, actor, run, model).await?.into_iter();
    Ok(resting.map(|it| Resting { what: it.what, how: it.how, href: it.href }).collect())
}

fn view(actor: &Actor, seen: &Seen, choices: Choices, resting: Vec<Resting>) -> RunView {
    let (run, model) = (&seen.run, &seen.model);
    let scope = Scope::Team(&seen.lineage);
    let may_confirm = actor.may(Permission::ConfirmGroups, scope);
    let document = seen.document();
    let moment = |at: i64| Moment::from(from_micros(at));
    let judge = run.instrument_judge.as_ref().map(|judge| format!(", judge {judge}"));
    let columns: Vec<Column> =
        seen.metrics().iter().map(|key| Column::of(key, seen.outcome, &document.metrics)).collect();
    // The page tells of the metrics that it shows; the others wait behind its filter.
    let shown: Vec<String> =
        choices.metrics.of(&columns).into_iter().map(|column| column.key).collect();
    RunView {
        title: run_title(run),
        trend: Link::new(format!("/models/{}/trend", model.slug)),
        columns,
        estimates: seen
            .estimates
            .iter()
            .map(|estimate| Shown { hidden: is_hidden(estimate), estimate: estimate.clone() })
            .collect(),
        choices,
        gaps: seen.summaries(&shown),
        selections: seen.selections(),
        provenance: Provenance {
            evaluated_at: moment(run.evaluated_at),
            received_at: moment(run.received_at),
            uploaded_by: match run.token_id {
                Some(_) => format!("{}, by an API token", run.uploader_name),
                None => run.uploader_name.clone(),
            },
            instrument: format!(
                "{} {}, definitions {}{}",
                run.instrument_name,
                run.instrument_version,
                run.instrument_definitions,
                judge.unwrap_or_default()
            ),
            dataset: format!("{}@{}", run.dataset_name, run.dataset_label),
            dataset_href: format!("/datasets/{}/{}", run.dataset_name, run.dataset_label),
            dataset_digest: run.dataset_digest.clone(),
            run_digest: run.digest.clone(),
            rows_kept_until: seen.rows_kept_until.map(moment),
            receipt: Receipt::of(
                &run.format,
                &serde_json::from_str(&run.receipt).unwrap_or_default(),
            ),
        },
        accept_all: may_confirm.then(|| Answer {
            action: format!("/models/{}/groups/accept", model.slug),
            fields: vec![("next".to_owned(), format!("/runs/{}", run.id))],
        }),
        unconfirmed: seen
            .unconfirmed
            .iter()
            .map(|unknown| {
                let groups = format!("/models/{}/groups", model.slug);
                let next = format!("/runs/{}", run.id);
                let may_answer = may_confirm && unknown.replaced_by.is_empty();
                let answer = |verb: &str, group: &str, target: &str| {
                    let fields = [
                        ("attribute", unknown.attribute.as_str()),
                        ("group", group),
                        ("target", target),
                        ("next", next.as_str()),
                    ];
                    may_answer.then(|| Answer {
                        action: format!("{groups}/{verb}"),
                        fields: fields
                            .into_iter()
                            .filter(|(_, value)| !value.is_empty())
                            .map(|(name, value)| (name.to_owned(), value.to_owned()))
                            .collect(),
                    })
                };
                // Where the attribute itself is new, its name is what may have been mistyped.
                let of_attribute = seen.unconfirmed_attributes.contains(&unknown.attribute);
                let group = if of_attribute { "" } else { unknown.group.as_str() };
                let alias =
                    unknown.nearest.as_ref().and_then(|nearest| answer("alias", group, nearest));
                Unconfirmed {
                    attribute: unknown.attribute.clone(),
                    group: unknown.group.clone(),
                    nearest: unknown.nearest.as_ref().map(|nearest| {
                        if of_attribute {
                            format!("the attribute {nearest}")
                        } else {
                            nearest.clone()
                        }
                    }),
                    replaced_by: unknown.replaced_by.clone(),
                    accept: answer("accept", &unknown.group, ""),
                    alias,
                }
            })
            .collect(),
        voided: run.voided_at.map(|at| Voided {
            reason: run.void_reason.clone().unwrap_or_default(),
            by: run.voided_by_name.clone().unwrap_or_default(),
            at: moment(at),
            resting,
        }),
        void_href: (run.voided_at.is_none() && actor.may(Permission::VoidRun, scope))
            .then(|| format!("/runs/{}/void", run.id)),
        csv_href: format!("/runs/{}/estimates.csv", run.id),
        json_href: format!("/runs/{}/document.json", run.id),
    }
}

/// A file for the person's disk, never shown by the browser.
pub fn attachment(kind: &'static str, name: &str, body: String) -> Response {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.@".contains(c) { c } else { '-' })
        .collect();
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], body)
        .into_response()
}

fn file_name(seen: &Seen, ending: &str) -> String {
    let run = &seen.run;
    let day = from_micros(run.evaluated_at).date();
    format!("{}-{}-{day}.{ending}", seen.model.slug, run.version_label)
}

async fn csv(State(app): State<App>, actor: Actor, Path(id): Path<String>) -> Result<Response> {
    let seen = look(&app, &actor, &id).await?;
    let name = file_name(&seen, "csv");
    Ok(attachment("text/csv; charset=utf-8", &name, to_csv(&seen.document())))
}

async fn json(State(app): State<App>, actor: Actor, Path(id): Path<String>) -> Result<Response> {
    let seen = look(&app, &actor, &id).await?;
    let name = file_name(&seen, "json");
    let body = serde_json::to_string_pretty(&seen.document())
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(attachment("application/json", &name, body))
}

#[derive(Debug, Deserialize)]
struct VoidForm {
    #[serde(default)]
    reason: String,
}

/// What rests on a run, before somebody voids it.
async fn ask_void(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response> {
    void_page(&app, &actor, page, &id, (String::new(), FieldErrors::default())).await
}

async fn void_page(
    app: &App,
    actor: &Actor,
    page: Page,
    id: &str,
    (reason, errors): (String, FieldErrors),
) -> Result<Response> {
    let (run, model) = find_run(app, actor, id).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    actor.permit::<permit::VoidRun>(Scope::Team(&lineage))?;
    if run.voided_at.is_some() {
        return Err(Error::Conflict("this run was voided already".to_owned()));
    }
    let view = VoidView {
        run: format!(
            "{} {} on {}@{}",
            model.name, run.version_label, run.dataset_name, run.dataset_label
        ),
        run_href: format!("/runs/{}", run.id),
        action: format!("/runs/{}/void", run.id),
        resting: resting_on(app, actor, &run, &model).await?,
        reason,
        errors,
    };
    Ok(page
        .title("Void a run")
        .section(Section::Models)
        .crumbs(crumbs(&run, &model))
        .html(move || view! { <VoidPage view=view /> }))
}

async fn void(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Path(id): Path<String>,
    Form(form): Form<VoidForm>,
) -> Result<Response> {
    let (run, model) = find_run(&app, &actor, &id).await?;
    match void_run::void(&app, &actor, &run, &model, &form.reason).await {
        Ok(()) => {
            done(&session, &format!("/runs/{}", run.id), "The run is void; it stays readable.")
                .await
        }
        Err(Error::Fields(errors)) => {
            void_page(&app, &actor, page.refused(), &id, (form.reason, errors)).await
        }
        Err(error) => Err(error),
    }
}
