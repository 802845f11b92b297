//! `GET, POST /api/v1/teams`.

use super::body::{Body, refuse};
use super::moment::Moment;
use super::operation::{Area, Operation};
use super::page::{Cursor, List, paged};
use super::query::Query;
use crate::actions::describe_team;
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::teams::Team;
use app::domain::{Permission, SLUG_PATTERN, TeamId};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use metrics::Problem;
use schemars::JsonSchema;
use serde::Serialize;

pub fn routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/teams", Access::May(Permission::Read), list)
        .describe(
            Operation::new(Area::Teams, "listTeams", "List teams, by slug")
                .query::<Cursor>()
                .gives::<List<TeamAnswer>>(200, "A page of teams"),
        )
        .post("/api/v1/teams", Access::May(Permission::ManageTeams), add)
        .describe(
            Operation::new(Area::Teams, "addTeam", "Make a team")
                .about("Only the token of an admin may.")
                .takes::<NewTeam>()
                .gives::<TeamAnswer>(201, "The team"),
        )
}

/// A team.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Team")]
struct TeamAnswer {
    id: TeamId,
    slug: String,
    name: String,
    /// The slug of the team that it belongs to.
    parent: Option<String>,
    created_at: Moment,
}

/// A team to be made.
#[derive(JsonSchema)]
pub struct NewTeam {
    /// What addresses it; it never changes.
    #[schemars(regex(pattern = SLUG_PATTERN))]
    pub slug: String,
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The slug of the team that it belongs to.
    pub parent: Option<String>,
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

fn shown(team: &Team, teams: &[Team]) -> TeamAnswer {
    let parent = team.parent_id.and_then(|id| teams.iter().find(|other| other.id.0 == id));
    TeamAnswer {
        id: team.id,
        slug: team.slug.clone(),
        name: team.name.clone(),
        parent: parent.map(|parent| parent.slug.clone()),
        created_at: Moment::of(team.created_at),
    }
}

async fn list(
    State(app): State<App>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<List<TeamAnswer>>> {
    let mut teams = app.store.teams().await?;
    // The two databases sort text differently; pages need one order.
    teams.sort_by(|a, b| a.slug.cmp(&b.slug));
    let page = paged(&teams, &cursor, |team| team.slug.clone())?;
    Ok(Json(page.map(|team| shown(team, &teams))))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    bytes: Bytes,
) -> Result<(StatusCode, Json<TeamAnswer>)> {
    let (mut slug, mut name, mut parent) = (String::new(), String::new(), String::new());
    let mut body = Body::parse(&bytes)?;
    body.text("slug", &mut slug);
    body.text("name", &mut name);
    body.text("parent", &mut parent);
    refuse(body.finish(), describe_team::check(&app, &slug, &name, &parent)).await?;
    let id = describe_team::add(&app, &actor, &slug, &name, &parent).await?;
    let teams = app.store.teams().await?;
    let team = teams.iter().find(|team| team.id == id).ok_or_else(|| Error::not_found("team"))?;
    Ok((StatusCode::CREATED, Json(shown(team, &teams))))
}
