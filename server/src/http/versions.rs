//! Model versions: a version's page, registering and describing.

use super::edits::{changed, conflict, seen};
use super::page::done;
use super::taken::size;
use super::{Access, Page, Routes};
use crate::actions::register_version::{self, find};
use crate::actions::registry::find_model;
use crate::auth::Actor;
use crate::auth::permit::{DescribeModel, RegisterModel};
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::versions::RunLine;
use app::domain::register::VersionInput;
use app::domain::{Permission, Scope, UploadState};
use app::form::FieldErrors;
use app::pages::models::{model_path, version_path};
use app::pages::parts::{Crumb, Section};
use app::pages::version::{
    RunRow, UnderWay, VersionFormPage, VersionFormView, VersionPage, VersionView,
};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Form;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let register = Access::May(Permission::RegisterModel);
    let describe = Access::May(Permission::DescribeModel);
    routes
        .get("/models/{model}/versions/new", register, new)
        .post("/models/{model}/versions/new", register, add)
        .get("/models/{model}/versions/{version}", Access::May(Permission::Read), show)
        .get("/models/{model}/versions/{version}/edit", describe, edit)
        .post("/models/{model}/versions/{version}/edit", describe, save)
}

/// A run as lists show it.
pub(super) fn run_row(line: RunLine) -> RunRow {
    RunRow {
        id: line.id.to_string(),
        evaluated_at: from_micros(line.evaluated_at),
        dataset_name: line.dataset_name,
        dataset_label: line.dataset_label,
        model_slug: line.model_slug,
        model_name: line.model_name,
        version_label: line.version_label,
        instrument: format!("{} {}", line.instrument_name, line.instrument_version),
        estimates: u64::try_from(line.estimates).unwrap_or_default(),
        uploader: line.uploader_name,
        is_voided: line.voided_at.is_some(),
    }
}

fn crumbs(slug: &str, name: &str, last: Vec<Crumb>) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb::to("Models", "/models"), Crumb::to(name, model_path(slug))];
    crumbs.extend(last);
    crumbs
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path((slug, label)): Path<(String, String)>,
) -> Result<Response> {
    let (model, version) = find(&app, find_model(&app, &actor, &slug).await?, &label).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let may = |permission| actor.may(permission, Scope::Team(&lineage));
    let runs = app.store.runs_of_version(version.id).await?;
    let uploads = app.store.uploads_of(model.id, &version.label).await?;
    let under_way = uploads
        .into_iter()
        .filter(|taken| taken.state == UploadState::Waiting)
        .map(|taken| UnderWay { href: format!("/uploads/{}", taken.id), size: size(taken.bytes) })
        .collect();
    let readiness = super::launch::readiness_view(&app, &actor, &model, &version, &lineage).await?;
    let title = format!("{} {}", model.name, version.label);
    let crumbs = crumbs(&model.slug, &model.name, vec![Crumb::here(version.label.clone())]);
    let view = VersionView {
        may_describe: may(Permission::DescribeModel),
        may_upload: may(Permission::UploadRun),
        model_slug: model.slug,
        model_name: model.name,
        label: version.label,
        commit: version.commit_ref,
        artifact_digest: version.artifact_digest,
        training_data: version.training_data,
        notes: version.notes,
        created_by: version.created_by_name,
        created_at: from_micros(version.created_at),
        runs: runs.into_iter().map(run_row).collect(),
        under_way,
        readiness,
        may_request_launch: may(Permission::RequestLaunch),
    };
    Ok(page
        .title(title)
        .section(Section::Models)
        .crumbs(crumbs)
        .html(move || view! { <VersionPage view=view /> }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VersionFields {
    label: String,
    commit: String,
    artifact_digest: String,
    training_data: String,
    notes: String,
    version: i64,
    seen: String,
}

impl VersionFields {
    fn input(self) -> VersionInput {
        VersionInput {
            label: self.label,
            commit: self.commit,
            artifact_digest: self.artifact_digest,
            training_data: self.training_data,
            notes: self.notes,
        }
    }
}

fn form(page: Page, view: VersionFormView) -> Response {
    let last = match &view.editing {
        None => vec![Crumb::here("Register a version")],
        Some(_) => {
            let path = version_path(&view.model_slug, &view.input.label);
            vec![Crumb::to(view.input.label.clone(), path), Crumb::here("Edit")]
        }
    };
    let title = if view.editing.is_some() { "Edit a version" } else { "Register a version" };
    page.title(title)
        .section(Section::Models)
        .crumbs(crumbs(&view.model_slug, &view.model_name, last))
        .html(move || view! { <VersionFormPage view=view /> })
}

async fn new(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(slug): Path<String>,
) -> Result<Response> {
    let model = find_model(&app, &actor, &slug).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    actor.permit::<RegisterModel>(Scope::Team(&lineage))?;
    let view = VersionFormView {
        model_slug: model.slug,
        model_name: model.name,
        input: VersionInput::default(),
        errors: FieldErrors::default(),
        editing: None,
        conflict: None,
    };
    Ok(form(page, view))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Path(slug): Path<String>,
    Form(fields): Form<VersionFields>,
) -> Result<Response> {
    let input = fields.input();
    let errors = match register_version::register(&app, &actor, &slug, &input).await {
        Ok((model, version)) => {
            let to = version_path(&model.slug, &version.label);
            return done(&session, &to, format!("Version {} is registered.", version.label)).await;
        }
        Err(Error::Fields(errors)) => errors,
        Err(Error::Conflict(message)) => FieldErrors::one("label", message),
        Err(error) => return Err(error),
    };
    let model = find_model(&app, &actor, &slug).await?;
    let view = VersionFormView {
        model_slug: model.slug,
        model_name: model.name,
        input,
        errors,
        editing: None,
        conflict: None,
    };
    Ok(form(page.refused(), view))
}

async fn edit(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path((slug, label)): Path<(String, String)>,
) -> Result<Response> {
    let (model, version) = find(&app, find_model(&app, &actor, &slug).await?, &label).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    actor.permit::<DescribeModel>(Scope::Team(&lineage))?;
    let input = version.input();
    let view = VersionFormView {
        model_slug: model.slug,
        model_name: model.name,
        errors: FieldErrors::default(),
        editing: Some((version.version, seen(&input.fields()))),
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
    Path((slug, label)): Path<(String, String)>,
    Form(fields): Form<VersionFields>,
) -> Result<Response> {
    let (model, now) = find(&app, find_model(&app, &actor, &slug).await?, &label).await?;
    let (read_version, read) = (fields.version, fields.seen.clone());
    let theirs = now.input();
    // What never changes is taken from what is stored.
    let mut input =
        VersionInput { training_data: fields.training_data, notes: fields.notes, ..theirs.clone() };
    let outcome =
        register_version::describe(&app, &actor, (&slug, &label), read_version, &input).await;
    let (errors, told, editing) = match outcome {
        Ok(()) => {
            let to = version_path(&model.slug, &label);
            return done(&session, &to, format!("Version {label} is saved.")).await;
        }
        Err(Error::Fields(errors)) => (errors, None, (read_version, read)),
        Err(Error::PreconditionFailed(_)) => {
            let changes = changed(&read, &theirs.fields(), &input.fields());
            for change in changes.iter().filter(|change| !change.is_both) {
                input.take(change.name, &theirs);
            }
            let told = conflict(&app, "version", now.id, changes).await?;
            (FieldErrors::default(), Some(told), (now.version, seen(&theirs.fields())))
        }
        Err(error) => return Err(error),
    };
    let status =
        if told.is_some() { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = VersionFormView {
        model_slug: model.slug,
        model_name: model.name,
        input,
        errors,
        editing: Some(editing),
        conflict: told,
    };
    Ok(form(page.status(status), view))
}
