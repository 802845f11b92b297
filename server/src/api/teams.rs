//! `GET, POST /api/v1/teams`.

use crate::actions::describe_team;
use crate::audit::timestamp;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::teams::Team;
use app::domain::{Permission, TeamId};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::Query;
use metrics::Problem;
use serde::{Deserialize, Serialize};

/// Teams in one answer, unless fewer are asked for.
const LIMIT: usize = 100;

pub fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/teams", Access::May(Permission::Read), list).post(
        "/api/v1/teams",
        Access::May(Permission::ManageTeams),
        add,
    )
}

#[derive(Serialize)]
struct TeamJson {
    id: String,
    slug: String,
    name: String,
    /// The parent's slug.
    parent: Option<String>,
    created_at: String,
}

#[derive(Serialize)]
struct List {
    items: Vec<TeamJson>,
    next_cursor: Option<String>,
    total: usize,
}

#[derive(Deserialize)]
struct Asked {
    limit: Option<usize>,
    /// The slug after which to go on.
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTeam {
    slug: String,
    name: String,
    #[serde(default)]
    parent: Option<String>,
}

/// The team that a list is asked for, by its slug.
///
/// # Errors
/// [`Error::Input`] when there is no such team: a list of everything would be no answer.
pub async fn team_of(app: &App, slug: Option<&str>) -> Result<Option<TeamId>> {
    let Some(slug) = slug.filter(|slug| !slug.is_empty()) else { return Ok(None) };
    let team = app.store.team_by_slug(slug).await?.ok_or_else(|| {
        Error::input(vec![Problem::new("unknown_team", format!("there is no team `{slug}`"))])
    })?;
    Ok(Some(team.id))
}

fn json(team: &Team, teams: &[Team]) -> TeamJson {
    let parent = team.parent_id.and_then(|id| teams.iter().find(|other| other.id.0 == id));
    TeamJson {
        id: team.id.to_string(),
        slug: team.slug.clone(),
        name: team.name.clone(),
        parent: parent.map(|parent| parent.slug.clone()),
        created_at: timestamp(from_micros(team.created_at)),
    }
}

async fn list(State(app): State<App>, Query(asked): Query<Asked>) -> Result<Json<List>> {
    let mut teams = app.store.teams().await?;
    // The two databases sort text differently; a cursor needs one order.
    teams.sort_by(|a, b| a.slug.cmp(&b.slug));
    let limit = asked.limit.unwrap_or(LIMIT).clamp(1, LIMIT);
    let from = asked.cursor.map_or(0, |after| teams.partition_point(|team| team.slug <= after));
    let shown = &teams[from..teams.len().min(from + limit)];
    let is_more = from + shown.len() < teams.len();
    Ok(Json(List {
        items: shown.iter().map(|team| json(team, &teams)).collect(),
        next_cursor: shown.last().filter(|_| is_more).map(|team| team.slug.clone()),
        total: teams.len(),
    }))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    Json(new): Json<NewTeam>,
) -> Result<(StatusCode, Json<TeamJson>)> {
    let parent = new.parent.unwrap_or_default();
    let id = describe_team::add(&app, &actor, &new.slug, &new.name, &parent).await?;
    let teams = app.store.teams().await?;
    let team = teams.iter().find(|team| team.id == id).ok_or_else(|| Error::not_found("team"))?;
    Ok((StatusCode::CREATED, Json(json(team, &teams))))
}
