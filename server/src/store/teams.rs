//! Teams and the tree they form.

use super::{Store, read};
use crate::error::Result;
use app::domain::TeamId;
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
        const SQL: &str = "with recursive up (id, parent_id, depth) as ( \
                 select id, parent_id, cast(0 as bigint) from team where id = $1 \
                 union all \
                 select t.id, t.parent_id, up.depth + 1 from team t \
                 join up on t.id = up.parent_id where up.depth < 50) \
             select id from up order by depth";
        let ids: Vec<Uuid> =
            read!(self, db => sqlx::query_scalar(SQL).bind(team.0).fetch_all(db).await)?;
        Ok(ids.into_iter().map(TeamId).collect())
    }
}
