//! Datasets: the list, a dataset's card, registering and describing.

use super::edits::{changed, conflict, seen};
use super::models::{page_number, window};
use super::page::done;
use super::versions::run_row;
use super::{Access, Page, Routes};
use crate::actions::register_dataset;
use crate::actions::registry::visibility;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::datasets::Dataset;
use app::domain::register::{DatasetInput, ObtainedInput};
use app::domain::{Permission, Scope};
use app::form::FieldErrors;
use app::pages::datasets::{
    DatasetFormPage, DatasetFormView, DatasetPage, DatasetRow, DatasetView, DatasetsPage,
    DatasetsView, PER_PAGE,
};
use app::pages::models::dataset_path;
use app::pages::parts::{Crumb, Section};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use serde::Deserialize;
use std::collections::HashMap;
use tower_sessions::Session;

/// More attributes than a card has lines for are not read.
const MOST_ATTRIBUTES: usize = 200;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let describe = Access::May(Permission::DescribeDataset);
    routes
        .get("/datasets", read, list)
        .get("/datasets/new", describe, new)
        .post("/datasets/new", describe, add)
        .get("/datasets/{name}/{label}", read, show)
        .get("/datasets/{name}/{label}/edit", describe, edit)
        .post("/datasets/{name}/{label}/edit", describe, save)
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    q: String,
    page: String,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(query): Query<ListQuery>,
) -> Result<Response> {
    let number = page_number(&query.page);
    let (rows, total) = app.store.datasets(&query.q, window(number, PER_PAGE)).await?;
    let view = DatasetsView {
        rows: rows
            .into_iter()
            .map(|dataset| DatasetRow {
                name: dataset.name,
                label: dataset.label,
                digest: dataset.digest,
                rows: dataset.row_count.map(count),
                collected: dataset.collected,
                runs: count(dataset.runs),
                updated_at: from_micros(dataset.updated_at),
            })
            .collect(),
        total,
        page: number,
        search: query.q.trim().to_owned(),
        may_describe: actor.may(Permission::DescribeDataset, Scope::Anywhere),
    };
    Ok(page
        .title("Datasets")
        .section(Section::Datasets)
        .html(move || view! { <DatasetsPage view=view /> }))
}

async fn find(app: &App, name: &str, label: &str) -> Result<Dataset> {
    app.store.dataset(name, label).await?.ok_or_else(|| Error::not_found("dataset"))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path((name, label)): Path<(String, String)>,
) -> Result<Response> {
    let dataset = find(&app, &name, &label).await?;
    let visible = visibility(&app, &actor).await?;
    let runs = app.store.runs_on_dataset(dataset.id).await?;
    let view = DatasetView {
        attributes: app.store.labels_of(dataset.id).await?,
        runs: runs
            .into_iter()
            .filter(|run| visible.shows(run.team_id, run.restricted))
            .map(run_row)
            .collect(),
        may_describe: actor.may(Permission::DescribeDataset, Scope::Anywhere),
        name: dataset.name,
        label: dataset.label,
        digest: dataset.digest,
        rows: dataset.row_count.map(count),
        origin: dataset.origin,
        sampling: dataset.sampling,
        collected: dataset.collected,
        notes: dataset.notes,
        created_by: dataset.created_by_name,
        created_at: from_micros(dataset.created_at),
    };
    let title = format!("{name}@{label}");
    Ok(page
        .title(title.clone())
        .section(Section::Datasets)
        .crumbs(vec![Crumb::to("Datasets", "/datasets"), Crumb::here(title)])
        .html(move || view! { <DatasetPage view=view /> }))
}

/// A form whose attributes are numbered: `attribute_0`, `obtained_0`, `note_0`, …
type Fields = HashMap<String, String>;

fn input(fields: &Fields) -> DatasetInput {
    let text = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let attributes = (0..MOST_ATTRIBUTES)
        .map_while(|i| {
            let part = |part: &str| fields.get(&format!("{part}_{i}")).cloned();
            Some(ObtainedInput {
                attribute: part("attribute")?,
                obtained: part("obtained").unwrap_or_default(),
                note: part("note").unwrap_or_default(),
            })
        })
        .collect();
    DatasetInput {
        name: text("name"),
        label: text("label"),
        digest: text("digest"),
        rows: text("rows"),
        origin: text("origin"),
        sampling: text("sampling"),
        collected: text("collected"),
        notes: text("notes"),
        attributes,
    }
}

/// Without the lines that were left empty; those come again at the end.
fn without_empty(mut input: DatasetInput) -> DatasetInput {
    while input.attributes.last() == Some(&ObtainedInput::default()) {
        input.attributes.pop();
    }
    input
}

fn form(page: Page, view: DatasetFormView) -> Response {
    let crumbs = match &view.editing {
        None => vec![Crumb::to("Datasets", "/datasets"), Crumb::here("Describe")],
        Some(_) => {
            let (name, label) = (&view.input.name, &view.input.label);
            vec![
                Crumb::to("Datasets", "/datasets"),
                Crumb::to(format!("{name}@{label}"), dataset_path(name, label)),
                Crumb::here("Edit"),
            ]
        }
    };
    let view = DatasetFormView { input: without_empty(view.input), ..view };
    page.title("Describe a dataset")
        .section(Section::Datasets)
        .crumbs(crumbs)
        .html(move || view! { <DatasetFormPage view=view /> })
}

async fn new(page: Page) -> Response {
    let view = DatasetFormView {
        input: DatasetInput::default(),
        errors: FieldErrors::default(),
        editing: None,
        conflict: None,
    };
    form(page, view)
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Form(fields): Form<Fields>,
) -> Result<Response> {
    let input = input(&fields);
    let errors = match register_dataset::register(&app, &actor, &input).await {
        Ok(dataset) => {
            let (name, label) = (dataset.name.as_str(), dataset.label.as_str());
            let said = format!("{name}@{label} is registered.");
            return done(&session, &dataset_path(name, label), said).await;
        }
        Err(Error::Fields(errors)) => errors,
        Err(Error::Conflict(message)) => FieldErrors::one("label", message),
        Err(error) => return Err(error),
    };
    Ok(form(page.refused(), DatasetFormView { input, errors, editing: None, conflict: None }))
}

async fn edit(
    State(app): State<App>,
    page: Page,
    Path((name, label)): Path<(String, String)>,
) -> Result<Response> {
    let dataset = find(&app, &name, &label).await?;
    let input = dataset.input(&app.store.labels_of(dataset.id).await?);
    let view = DatasetFormView {
        errors: FieldErrors::default(),
        editing: Some((dataset.version, seen(&input.fields()))),
        input,
        conflict: None,
    };
    Ok(form(page, view))
}

async fn save(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Path((name, label)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response> {
    let now = find(&app, &name, &label).await?;
    let theirs = now.input(&app.store.labels_of(now.id).await?);
    let read: i64 = fields.get("version").and_then(|text| text.parse().ok()).unwrap_or_default();
    let remembered = fields.get("seen").cloned().unwrap_or_default();
    // What never changes is taken from what is stored.
    let mut input = DatasetInput {
        name: theirs.name.clone(),
        label: theirs.label.clone(),
        digest: theirs.digest.clone(),
        rows: theirs.rows.clone(),
        ..input(&fields)
    };
    let (errors, told, editing) = match register_dataset::describe(&app, &actor, read, &input).await
    {
        Ok(()) => {
            let said = format!("{name}@{label} is saved.");
            return done(&session, &dataset_path(&name, &label), said).await;
        }
        Err(Error::Fields(errors)) => (errors, None, (read, remembered)),
        Err(Error::PreconditionFailed(_)) => {
            let changes = changed(&remembered, &theirs.fields(), &input.fields());
            for change in changes.iter().filter(|change| !change.is_both) {
                input.take(change.name, &theirs);
            }
            let told = conflict(&app, "dataset", now.id, changes).await?;
            (FieldErrors::default(), Some(told), (now.version, seen(&theirs.fields())))
        }
        Err(error) => return Err(error),
    };
    let status =
        if told.is_some() { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = DatasetFormView { input, errors, editing: Some(editing), conflict: told };
    Ok(form(page.status(status), view))
}
