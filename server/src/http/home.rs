//! Home and the pages of metric definitions.

use crate::actions::registry::visibility;
use crate::actions::waiting;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::{Access, Page, Routes};
use crate::state::App;
use app::domain::{Permission, Scope};
use app::pages::definition::{DefinitionPage, DefinitionsPage};
use app::pages::home::{FirstStep, HomePage, HomeView, LatestRun, Waiting};
use app::pages::parts::{Crumb, Section};
use axum::extract::{Path, State};
use axum::response::Response;
use leptos::prelude::*;
use metrics::catalogue;

/// Rows of the list of latest runs.
const LATEST: i64 = 12;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes.get("/", Access::SignedIn, home).get("/definitions", read, definitions).get(
        "/definitions/{metric}",
        read,
        definition,
    )
}

async fn home(State(app): State<App>, actor: Actor, page: Page) -> Result<Response> {
    let visible = visibility(&app, &actor).await?;
    let runs = app.store.latest_runs(LATEST * 4).await?;
    let latest: Vec<LatestRun> = runs
        .into_iter()
        .filter(|run| visible.shows(run.team_id, run.restricted))
        .take(usize::try_from(LATEST).unwrap_or_default())
        .map(|run| LatestRun {
            href: format!("/runs/{}", run.id),
            model: run.model_name,
            model_href: format!("/models/{}", run.model_slug),
            version: run.version_label,
            dataset: format!("{}@{}", run.dataset_name, run.dataset_label),
            evaluated_at: from_micros(run.evaluated_at),
            uploader: run.uploader_name,
        })
        .collect();
    let first_step = if latest.is_empty() { first_step(&app, &actor).await? } else { None };
    let waiting = waiting::of(&app, &actor).await?.into_iter();
    let waiting = waiting.map(|it| Waiting { what: it.what, why: it.why, href: it.href }).collect();
    let view = HomeView { name: actor.name.clone(), waiting, latest, first_step };
    Ok(page.title("Home").section(Section::Home).html(move || view! { <HomePage view=view /> }))
}

/// What a new installation needs next, for whoever looks.
async fn first_step(app: &App, actor: &Actor) -> Result<Option<FirstStep>> {
    let step =
        |title: &str, text: &str, href: Option<(&str, &str)>, command: Option<&str>| FirstStep {
            title: title.to_owned(),
            text: text.to_owned(),
            href: href.map(|(href, label)| (href.to_owned(), label.to_owned())),
            command: command.map(str::to_owned),
        };
    let teams = app.store.teams().await?;
    let may = |permission| actor.may(permission, Scope::Anywhere);
    Ok(Some(if teams.is_empty() && may(Permission::ManageTeams) {
        step(
            "Begin with a team",
            "Teams own models. Make one, invite its people and give them roles.",
            Some(("/teams/new", "Make a team")),
            None,
        )
    } else if may(Permission::ManagePeople) && !may(Permission::UploadRun) {
        step(
            "Invite the people",
            "An engineer registers models and uploads results, a lead describes and confirms.",
            Some(("/people/new", "Invite somebody")),
            None,
        )
    } else if may(Permission::RegisterModel) {
        step(
            "No results yet",
            "Register a model, then upload what your evaluation wrote, here or by command line:",
            Some(("/models/new", "Register a model")),
            Some(
                "evenhand upload predictions.csv --spec spec.toml --model MODEL \
                 --model-version VERSION --create-version --dataset NAME@VERSION",
            ),
        )
    } else {
        step("No results yet", "As soon as a team uploads results, they show here.", None, None)
    }))
}

async fn definitions(page: Page) -> Response {
    page.title("Metrics").html(|| view! { <DefinitionsPage /> })
}

async fn definition(page: Page, Path(key): Path<String>) -> Result<Response> {
    // `ndcg@k` stands for every cut-off.
    let metric = catalogue::METRICS
        .iter()
        .find(|metric| metric.key == key)
        .or_else(|| catalogue::find(&key))
        .or_else(|| catalogue::find(&format!("{key}@1")))
        .ok_or_else(|| Error::not_found("metric"))?;
    Ok(page
        .title(metric.name)
        .crumbs(vec![Crumb::to("Metrics", "/definitions"), Crumb::here(metric.name)])
        .html(move || view! { <DefinitionPage metric=metric /> }))
}
