//! People, what they were given, and what of that counts now.

use super::{Store, read};
use crate::error::Result;
use app::domain::{Function, Grant, Grants, PersonId, TeamId};
use uuid::Uuid;

/// A person with an account, without the password's hash.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Person {
    #[sqlx(try_from = "Uuid")]
    pub id: PersonId,
    pub email: String,
    pub name: String,
    pub disabled_at: Option<i64>,
    pub created_at: i64,
    pub version: i64,
}

#[derive(sqlx::FromRow)]
struct GrantRow {
    role: String,
    team_id: Option<Uuid>,
}

impl Store {
    pub async fn person(&self, id: PersonId) -> Result<Option<Person>> {
        const SQL: &str = "select id, email, name, disabled_at, created_at, version \
             from person where id = $1";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    pub async fn person_by_email(&self, email: &str) -> Result<Option<Person>> {
        const SQL: &str = "select id, email, name, disabled_at, created_at, version \
             from person where email = $1";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(email).fetch_optional(db).await)?)
    }

    /// All that a person was given, as it stands now.
    pub async fn grants_of(&self, id: PersonId) -> Result<Grants> {
        const ROLES: &str = "select role, team_id from role_grant where person_id = $1";
        const FUNCTIONS: &str = "select function from function_grant where person_id = $1";
        let roles: Vec<GrantRow> =
            read!(self, db => sqlx::query_as(ROLES).bind(id.0).fetch_all(db).await)?;
        let functions: Vec<String> =
            read!(self, db => sqlx::query_scalar(FUNCTIONS).bind(id.0).fetch_all(db).await)?;
        // A word that this binary does not know gives nothing: deny by default.
        Ok(Grants {
            roles: roles
                .into_iter()
                .filter_map(|row| {
                    Some(Grant { role: row.role.parse().ok()?, team: row.team_id.map(TeamId) })
                })
                .collect(),
            functions: functions
                .into_iter()
                .filter_map(|function| function.parse::<Function>().ok())
                .collect(),
        })
    }
}
