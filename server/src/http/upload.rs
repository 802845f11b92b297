//! The upload page.

use crate::actions::preview_upload::{self, Preview};
use crate::actions::take_upload::{self, Answer};
use crate::actions::upload_run::{self, Upload};
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::page::done;
use crate::http::{Access, Page, Routes};
use crate::intake::{FileForm, Received, receive_form, too_large};
use crate::reader::Source;
use crate::state::App;
use app::domain::Permission;
use app::domain::against::Surroundings;
use app::form::FieldErrors;
use app::pages::parts::{Crumb, Section};
use app::pages::run::Receipt;
use app::pages::upload::{self as page_of, Typed, UploadPage, UploadView};
use app::upload::{Format, parse_dataset, parse_time};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use leptos::prelude::*;
use metrics::Spec;
use std::path::PathBuf;
use std::sync::Arc;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    const PATH: &str = "/models/{model}/versions/{version}/upload";
    let access = Access::May(Permission::UploadRun);
    routes
        .get(PATH, access, show)
        .get("/models/{model}/versions/{version}/upload/around", access, around)
        .upload(PATH, access, take)
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path((model, version)): Path<(String, String)>,
) -> Result<Response> {
    upload_run::admit(&app, &actor, &model).await?;
    let (model, runs) = crate::actions::runs::runs_of(&app, &actor, &model).await?;
    if app.store.version_by_label(model.id, &version).await?.is_none() {
        return Err(Error::not_found("version"));
    }
    let dataset = runs
        .last()
        .map(|run| format!("{}@{}", run.dataset_name, run.dataset_label))
        .unwrap_or_default();
    let typed = Typed {
        kind: "results".to_owned(),
        dataset,
        spec: page_of::spec(model.task).to_owned(),
        ..Typed::default()
    };
    let view = UploadView { typed, ..UploadView::of(model.task) };
    Ok(render(page, &model.slug, &model.name, &version, view))
}

fn render(page: Page, slug: &str, name: &str, version: &str, view: UploadView) -> Response {
    let view = UploadView {
        model_name: name.to_owned(),
        version: version.to_owned(),
        action: format!("/models/{slug}/versions/{version}/upload"),
        command: format!(
            "evenhand upload predictions.csv --spec spec.toml --model {slug} --model-version {version} --dataset NAME@VERSION"
        ),
        ..view
    };
    page.title(format!("Upload to {name} {version}"))
        .section(Section::Models)
        .crumbs(vec![
            Crumb::to("Models", "/models"),
            Crumb::to(name, format!("/models/{slug}")),
            Crumb::to(version, format!("/models/{slug}/versions/{version}")),
            Crumb::here("Upload"),
        ])
        .html(move || view! { <UploadPage view=view /> })
}

async fn take(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Path((slug, version)): Path<(String, String)>,
    request: Request,
) -> Result<Response> {
    upload_run::admit(&app, &actor, &slug).await?;
    let mut form = receive_form(request, app.config.predictions_limit, app.config.pace).await?;
    let (model, _) = crate::actions::runs::runs_of(&app, &actor, &slug).await?;
    let owner = actor.person()?;
    let mut typed = Typed {
        kind: form.field("kind").to_owned(),
        format: form.field("format").to_owned(),
        dataset: form.field("dataset").to_owned(),
        evaluated_at: form.field("evaluated_at").to_owned(),
        spec: form.field("spec").to_owned(),
        staged: String::new(),
        staged_name: String::new(),
    };
    let received =
        form.file.take().map(Arc::new).or_else(|| app.shelf.find(owner, form.field("staged")));
    let limit = app.config.results_limit;
    if form.field("kind") != "predictions" && received.as_ref().is_some_and(|r| r.bytes > limit) {
        return Err(too_large(limit));
    }
    let refused = |page: Page, typed: Typed, errors: FieldErrors, problems| {
        let view = UploadView { typed, errors, problems, ..UploadView::of(model.task) };
        render(page.refused(), &model.slug, &model.name, &version, view)
    };
    let described = describe(&form, received.as_deref(), &slug, &version);
    let (upload, received) = match (described, received) {
        (Ok(upload), Some(received)) => (upload, received),
        (Err(Error::Fields(errors)), received) => {
            keep(&app, &actor, &mut typed, received);
            return Ok(refused(page, typed, errors, vec![]));
        }
        (Err(error), _) => return Err(error),
        (Ok(_), None) => return Err(Error::Internal("an upload without a file".to_owned())),
    };
    if form.field("do") == "check" {
        return match preview_upload::preview(&app, &actor, &upload).await {
            Ok(preview) => {
                keep(&app, &actor, &mut typed, Some(received));
                let preview = Some(preview_view(preview));
                let view = UploadView { typed, preview, ..UploadView::of(model.task) };
                Ok(render(page, &model.slug, &model.name, &version, view))
            }
            Err(Error::Input { problems, .. }) => {
                Ok(refused(page, typed, FieldErrors::default(), problems))
            }
            Err(Error::Conflict(why)) => {
                keep(&app, &actor, &mut typed, Some(received));
                Ok(refused(page, typed, FieldErrors::one("dataset", why), vec![]))
            }
            Err(error) => Err(error),
        };
    }
    match take_upload::send(&app, &actor, &upload, &received).await {
        Ok(Answer::Taken(taken)) => {
            let said = "Received: the file is safe here and is read now.";
            done(&session, &format!("/uploads/{}", taken.id), said).await
        }
        Ok(Answer::There(receipt)) => {
            let said = if receipt.is_new {
                "Uploaded: this is the run."
            } else {
                "This was uploaded before: here is its run. No second one was made."
            };
            done(&session, &format!("/runs/{}", receipt.run.id), said).await
        }
        Err(Error::Input { problems, .. }) => {
            Ok(refused(page, typed, FieldErrors::default(), problems))
        }
        Err(Error::Conflict(why)) => {
            keep(&app, &actor, &mut typed, Some(received));
            Ok(refused(page, typed, FieldErrors::one("dataset", why), vec![]))
        }
        Err(error) => Err(error),
    }
}

/// Keeps a file for the next attempt, so that it need not be chosen again.
fn keep(app: &App, actor: &Actor, typed: &mut Typed, received: Option<Arc<Received>>) {
    if let (Some(received), Some(person)) = (received, actor.person) {
        typed.staged.clone_from(&received.digest);
        typed.staged_name.clone_from(&received.name);
        app.shelf.put(person, received);
    }
}

fn describe(
    form: &FileForm,
    received: Option<&Received>,
    model: &str,
    version: &str,
) -> Result<Upload> {
    let mut errors = FieldErrors::default();
    if received.is_none() {
        errors.add("file", "choose a file");
    }
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let dataset = optional(form.field("dataset"))
        .and_then(|text| errors.check("dataset", parse_dataset(&text)));
    let evaluated_at = optional(form.field("evaluated_at"))
        .and_then(|text| errors.check("evaluated_at", parse_time(&text)));
    let source = match form.field("kind") {
        "predictions" => {
            if form.field("dataset").is_empty() {
                errors.add("dataset", "predictions need a dataset as NAME@VERSION");
            }
            match Spec::parse(form.field("spec")) {
                Ok(spec) => Some(Source::Predictions { spec: Box::new(spec) }),
                Err(problems) => {
                    for problem in problems {
                        errors.add("spec", problem.to_string());
                    }
                    None
                }
            }
        }
        _ => {
            let format = optional(form.field("format"))
                .and_then(|name| errors.check("format", name.parse::<Format>()));
            Some(Source::Results { format })
        }
    };
    errors.into_result()?;
    let file: PathBuf = received.map(|r| r.file.path().to_owned()).unwrap_or_default();
    Ok(Upload {
        model: model.to_owned(),
        version: version.to_owned(),
        create_version: false,
        file,
        digest: received.map(|r| r.digest.clone()).unwrap_or_default(),
        source: source.unwrap_or(Source::Results { format: None }),
        dataset,
        evaluated_at,
        on_behalf: None,
        received_at: None,
        idempotency_key: None,
    })
}

fn preview_view(preview: Preview) -> page_of::Preview {
    let receipt = Receipt::of(&preview.format, &preview.receipt);
    let before = preview.before.as_ref().map(|(run, estimates)| (run, estimates.as_slice()));
    page_of::Preview {
        digest: preview.digest,
        existing: preview.existing.map(|run| format!("/runs/{}", run.id)),
        ..page_of::Preview::of(&preview.document, receipt, &preview.around, before)
    }
}

/// What the browser has to know to say of a file, before it is sent, what would become of it.
async fn around(
    State(app): State<App>,
    actor: Actor,
    Path((model, version)): Path<(String, String)>,
) -> Result<Json<Surroundings>> {
    upload_run::admit(&app, &actor, &model).await?;
    let (model, runs) = crate::actions::runs::runs_of(&app, &actor, &model).await?;
    if app.store.version_by_label(model.id, &version).await?.is_none() {
        return Err(Error::not_found("version"));
    }
    Ok(Json(preview_upload::around(&app, &model, &runs).await?))
}
