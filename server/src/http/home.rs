//! Home and the pages of metric definitions.

use crate::actions::registry::visibility;
use crate::actions::{moved, notices, waiting};
use crate::auth::Actor;
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use crate::http::page::done;
use crate::http::{Access, Page, Routes};
use crate::state::App;
use app::domain::{Permission, Scope};
use app::pages::definition::{DefinitionPage, DefinitionsPage};
use app::pages::home::{
    FirstStep, HomePage, HomeView, LatestRun, MovedRun, Notice, Since, Waiting,
};
use app::pages::parts::{Crumb, Section};
use axum::extract::{Path, State};
use axum::response::Response;
use leptos::prelude::*;
use metrics::catalogue;
use tower_sessions::Session;

/// Rows of the list of latest runs.
const LATEST: i64 = 12;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/", Access::SignedIn, home)
        .post("/notices/seen", Access::SignedIn, put_notices_away)
        .get("/definitions", read, definitions)
        .get("/definitions/{metric}", read, definition)
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
    let view = HomeView {
        name: actor.name.clone(),
        waiting,
        notices: told(&app, &actor).await?,
        since: since(&app, &actor).await?,
        latest,
        first_step,
    };
    Ok(page.title("Home").section(Section::Home).html(move || view! { <HomePage view=view /> }))
}

async fn told(app: &App, actor: &Actor) -> Result<Vec<Notice>> {
    let Some(person) = actor.person else { return Ok(vec![]) };
    let notices = app.store.notices(person).await?.into_iter();
    Ok(notices.map(|it| Notice { at: from_micros(it.at), text: it.text, href: it.href }).collect())
}

/// What came back after this long belongs to another visit.
const PAUSE: time::Duration = time::Duration::hours(4);

async fn since(app: &App, actor: &Actor) -> Result<Option<Since>> {
    let Some(person) = actor.person else { return Ok(None) };
    let (now, pause) = (micros(app.clock.now()), PAUSE.whole_microseconds());
    let pause = i64::try_from(pause).expect("hours fit in 64 bits of microseconds");
    let Some(before) = app.store.visit(person, now, pause).await? else { return Ok(None) };
    let compared = moved::since(app, actor, before).await?.into_iter();
    let runs = compared.map(|it| MovedRun {
        what: format!(
            "{} {} on {}@{}",
            it.model.name, it.after.version_label, it.after.dataset_name, it.after.dataset_label
        ),
        href: format!("/runs/{}", it.after.id),
        before: it.before.version_label,
        moved: it.moved,
    });
    Ok(Some(Since { at: from_micros(before), runs: runs.collect() }))
}

async fn put_notices_away(
    State(app): State<App>,
    actor: Actor,
    session: Session,
) -> Result<Response> {
    notices::put_away(&app, &actor).await?;
    done(&session, "/", "They are put away.").await
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
