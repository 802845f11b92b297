//! Teams and the tree they form.

use super::{Store, Tx, in_tx, or_conflict, read};
use crate::audit::Entry;
use crate::auth::{Permit, permit::ManageTeams};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::{Line, Slug, TeamId};
use serde_json::json;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Team {
    #[sqlx(try_from = "Uuid")]
    pub id: TeamId,
    pub slug: String,
    pub name: String,
    pub parent_id: Option<Uuid>,
    pub created_at: i64,
    pub version: i64,
}

/// What a list says of a team.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct TeamCounts {
    #[sqlx(try_from = "Uuid")]
    pub id: TeamId,
    pub members: i64,
    pub models: i64,
}

/// A team and its parents, upwards, with a bound that no tree of teams reaches.
macro_rules! lineage {
    () => {
        "with recursive up (id, parent_id, depth) as ( \
             select id, parent_id, cast(0 as bigint) from team where id = $1 \
             union all \
             select t.id, t.parent_id, up.depth + 1 from team t \
             join up on t.id = up.parent_id where up.depth < 50) \
         select id from up order by depth"
    };
}

impl Store {
    /// All teams by slug: an organisation has tens of them.
    pub async fn teams(&self) -> Result<Vec<Team>> {
        const SQL: &str =
            "select id, slug, name, parent_id, created_at, version from team order by slug";
        Ok(read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?)
    }

    pub async fn team_by_slug(&self, slug: &str) -> Result<Option<Team>> {
        const SQL: &str = "select id, slug, name, parent_id, created_at, version \
             from team where slug = $1";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(slug).fetch_optional(db).await)?)
    }

    /// A team and its parents, upwards: what a permission in a team is asked with.
    pub async fn lineage(&self, team: TeamId) -> Result<Vec<TeamId>> {
        let ids: Vec<Uuid> =
            read!(self, db => sqlx::query_scalar(lineage!()).bind(team.0).fetch_all(db).await)?;
        Ok(ids.into_iter().map(TeamId).collect())
    }

    /// People with a role in each very team, and its models.
    pub async fn team_counts(&self) -> Result<Vec<TeamCounts>> {
        const SQL: &str = "select t.id, \
             (select count(distinct g.person_id) from role_grant g where g.team_id = t.id) \
             as members, \
             (select count(*) from model m where m.team_id = t.id) as models from team t";
        Ok(read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?)
    }
}

impl Tx {
    /// A new team.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the slug is taken.
    pub async fn add_team(
        &mut self,
        _: &Permit<ManageTeams>,
        slug: &Slug,
        name: &Line,
        parent: Option<TeamId>,
    ) -> Result<TeamId> {
        const SQL: &str = "insert into team (id, slug, name, parent_id, created_at, version) \
             values ($1, $2, $3, $4, $5, 1)";
        let (id, at) = (self.id(), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(slug.as_str()).bind(name.as_str())
            .bind(parent.map(|id| id.0)).bind(at).execute(db).await.map(drop))
        .map_err(or_conflict("there is a team with this slug already"))?;
        self.note(Entry::new("team.added", "team", id).after(json!({
            "slug": slug,
            "name": name,
            "parent": parent.map(|id| id.to_string()),
        })));
        Ok(TeamId(id))
    }

    /// Gives a team another name or parent.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] when it is not the version that `before` is, and
    /// [`Error::Conflict`] when the team would stand below itself.
    pub async fn describe_team(
        &mut self,
        _: &Permit<ManageTeams>,
        before: &Team,
        name: &Line,
        parent: Option<TeamId>,
    ) -> Result<()> {
        // Two moves that are harmless one by one can make a circle together: they take turns.
        const LOCK: &str = "update team set slug = slug";
        const SQL: &str = "update team set name = $3, parent_id = $4, version = version + 1 \
             where id = $1 and version = $2";
        in_tx!(self, db => sqlx::query(LOCK).execute(db).await.map(drop))?;
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(before.id.0).bind(before.version)
            .bind(name.as_str()).bind(parent.map(|id| id.0))
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::PreconditionFailed("somebody else changed this team".to_owned()));
        }
        if let Some(parent) = parent {
            let above: Vec<Uuid> = in_tx!(self, db => sqlx::query_scalar(lineage!())
                .bind(parent.0).fetch_all(db).await)?;
            if above.contains(&before.id.0) {
                return Err(Error::Conflict(
                    "a team cannot stand below itself or one of its own sub-teams".to_owned(),
                ));
            }
        }
        self.note(
            Entry::new("team.described", "team", before.id)
                .before(json!({
                    "name": before.name,
                    "parent": before.parent_id.map(|id| id.to_string()),
                }))
                .after(json!({ "name": name, "parent": parent.map(|id| id.to_string()) })),
        );
        Ok(())
    }
}
