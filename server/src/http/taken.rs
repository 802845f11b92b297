//! The page of an upload that is read after it was acknowledged.

use crate::actions::take_upload::{find, problems};
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::Result;
use crate::http::{Access, Page, Routes};
use crate::state::App;
use app::domain::{Permission, UploadState};
use app::pages::models::{model_path, version_path};
use app::pages::parts::{Crumb, Section};
use app::pages::taken::{TakenPage, TakenView};
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use leptos::prelude::*;

pub fn routes(routes: Routes) -> Routes {
    routes.get("/uploads/{upload}", Access::May(Permission::Read), show)
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response> {
    let (taken, model) = find(&app, &actor, &id).await?;
    let version_href = version_path(&model.slug, &taken.version);
    let crumbs = vec![
        Crumb::to("Models", "/models"),
        Crumb::to(&model.name, model_path(&model.slug)),
        Crumb::to(&taken.version, &version_href),
        Crumb::here("Upload"),
    ];
    let waits = taken.state == UploadState::Waiting;
    let view = TakenView {
        model_name: model.name,
        upload_href: format!("{version_href}/upload"),
        version_href,
        state: taken.state,
        size: size(taken.bytes),
        digest: format!("sha256:{}", taken.file_digest),
        received_at: from_micros(taken.received_at),
        run_href: taken.run_id.map(|run| format!("/runs/{run}")),
        problems: problems(&taken),
        version: taken.version,
    };
    let mut response = page
        .title(format!("Upload to {} {}", view.model_name, view.version))
        .section(Section::Models)
        .crumbs(crumbs)
        .html(move || view! { <TakenPage view=view /> });
    if waits {
        // Every browser follows it, without scripts too.
        response
            .headers_mut()
            .insert(HeaderName::from_static("refresh"), HeaderValue::from_static("3"));
    }
    Ok(response)
}

/// `1.2 GB`.
pub(super) fn size(bytes: i64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 1_000.0 {
        format!("{megabytes:.1} MB")
    } else {
        format!("{:.2} GB", megabytes / 1_000.0)
    }
}
