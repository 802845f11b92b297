//! What people were given: roles, in a team or everywhere, and review functions.

use super::{Store, Tx, in_tx, is_duplicate, read};
use crate::audit::Entry;
use crate::auth::{Permit, permit::ManagePeople};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::{Function, Grant, Grants, PersonId, Role, TeamId};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct GrantRow {
    person_id: Uuid,
    role: String,
    team_id: Option<Uuid>,
}

impl GrantRow {
    /// A word that this binary does not know gives nothing: deny by default.
    fn grant(&self) -> Option<Grant> {
        Some(Grant { role: self.role.parse().ok()?, team: self.team_id.map(TeamId) })
    }
}

/// Somebody with a role in a team.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Member {
    #[sqlx(try_from = "Uuid")]
    pub id: PersonId,
    pub name: String,
    pub email: String,
    pub role: String,
    pub disabled_at: Option<i64>,
}

impl Store {
    /// All that a person was given, as it stands now.
    pub async fn grants_of(&self, id: PersonId) -> Result<Grants> {
        const ROLES: &str = "select person_id, role, team_id from role_grant where person_id = $1";
        const FUNCTIONS: &str =
            "select function from function_grant where person_id = $1 order by function";
        let roles: Vec<GrantRow> =
            read!(self, db => sqlx::query_as(ROLES).bind(id.0).fetch_all(db).await)?;
        let functions: Vec<String> =
            read!(self, db => sqlx::query_scalar(FUNCTIONS).bind(id.0).fetch_all(db).await)?;
        let mut roles: Vec<Grant> = roles.iter().filter_map(GrantRow::grant).collect();
        roles.sort_by_key(|grant| (grant.team, grant.role));
        Ok(Grants {
            roles,
            functions: functions
                .into_iter()
                .filter_map(|function| function.parse::<Function>().ok())
                .collect(),
        })
    }

    /// The roles of everybody.
    pub async fn all_roles(&self) -> Result<HashMap<PersonId, Vec<Grant>>> {
        const SQL: &str = "select person_id, role, team_id from role_grant";
        let rows: Vec<GrantRow> = read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?;
        let mut roles: HashMap<PersonId, Vec<Grant>> = HashMap::new();
        for row in &rows {
            roles.entry(PersonId(row.person_id)).or_default().extend(row.grant());
        }
        for grants in roles.values_mut() {
            grants.sort_by_key(|grant| (grant.team, grant.role));
        }
        Ok(roles)
    }

    /// Who has a role in this very team, by name.
    pub async fn members(&self, team: TeamId) -> Result<Vec<Member>> {
        const SQL: &str = "select p.id, p.name, p.email, g.role, p.disabled_at from role_grant g \
             join person p on p.id = g.person_id where g.team_id = $1 \
             order by p.search_text, g.role";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(team.0).fetch_all(db).await)?)
    }
}

impl Tx {
    /// Gives a role.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the person has it already, or an admin is wanted for one team.
    pub async fn grant_role(
        &mut self,
        _: &Permit<ManagePeople>,
        person: PersonId,
        grant: Grant,
    ) -> Result<()> {
        const SQL: &str = "insert into role_grant \
             (id, person_id, role, team_id, granted_by, granted_at) \
             values ($1, $2, $3, $4, $5, $6)";
        if grant.role == Role::Admin && grant.team.is_some() {
            return Err(Error::Conflict("an admin is one everywhere, not in a team".to_owned()));
        }
        let (id, at) = (self.id(), micros(self.at()));
        let by = self.actor().person.map(|id| id.0);
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(person.0).bind(grant.role.as_str())
            .bind(grant.team.map(|id| id.0)).bind(by).bind(at).execute(db).await.map(drop))
        .map_err(|error| {
            if is_duplicate(&error) {
                Error::Conflict("this person has that role already".to_owned())
            } else {
                error.into()
            }
        })?;
        self.note(Entry::new("role.granted", "person", person).after(words(grant)));
        Ok(())
    }

    /// Takes a role back.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the person has it not, or no admin would be left.
    pub async fn revoke_role(
        &mut self,
        _: &Permit<ManagePeople>,
        person: PersonId,
        grant: Grant,
    ) -> Result<()> {
        const SQL: &str = "delete from role_grant where person_id = $1 and role = $2 \
             and (team_id = $3 or (team_id is null and $4))";
        self.lock_admins().await?;
        let team = grant.team.map(|id| id.0);
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(person.0).bind(grant.role.as_str())
            .bind(team).bind(team.is_none()).execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::Conflict("this person does not have that role".to_owned()));
        }
        if grant.role == Role::Admin {
            self.demand_an_admin().await?;
        }
        self.note(Entry::new("role.revoked", "person", person).before(words(grant)));
        Ok(())
    }

    /// Gives exactly these review functions.
    pub async fn set_functions(
        &mut self,
        _: &Permit<ManagePeople>,
        person: PersonId,
        before: &[Function],
        after: &[Function],
    ) -> Result<()> {
        const ADD: &str = "insert into function_grant \
             (id, person_id, function, granted_by, granted_at) values ($1, $2, $3, $4, $5) \
             on conflict (person_id, function) do nothing";
        const REMOVE: &str = "delete from function_grant where person_id = $1 and function = $2";
        let (at, by) = (micros(self.at()), self.actor().person.map(|id| id.0));
        for function in after.iter().filter(|function| !before.contains(function)) {
            let id = self.id();
            in_tx!(self, db => sqlx::query(ADD).bind(id).bind(person.0).bind(function.as_str())
                .bind(by).bind(at).execute(db).await.map(drop))?;
            self.note(
                Entry::new("function.granted", "person", person)
                    .after(json!({ "function": function.as_str() })),
            );
        }
        for function in before.iter().filter(|function| !after.contains(function)) {
            in_tx!(self, db => sqlx::query(REMOVE).bind(person.0).bind(function.as_str())
                .execute(db).await.map(drop))?;
            self.note(
                Entry::new("function.revoked", "person", person)
                    .before(json!({ "function": function.as_str() })),
            );
        }
        Ok(())
    }

    /// Makes every other transaction that would take an admin away wait for this one.
    pub(super) async fn lock_admins(&mut self) -> Result<()> {
        const SQL: &str = "update role_grant set role = role where role = 'admin'";
        in_tx!(self, db => sqlx::query(SQL).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Refuses to go on when nobody could administer any more.
    pub(super) async fn demand_an_admin(&mut self) -> Result<()> {
        const SQL: &str = "select exists (select 1 from role_grant g join person p \
             on p.id = g.person_id where g.role = 'admin' and p.disabled_at is null)";
        let is_left: bool = in_tx!(self, db => sqlx::query_scalar(SQL).fetch_one(db).await)?;
        if is_left {
            return Ok(());
        }
        Err(Error::Conflict("this is the last admin: make somebody else admin first".to_owned()))
    }
}

fn words(grant: Grant) -> Value {
    json!({ "role": grant.role.as_str(), "team": grant.team.map(|id| id.to_string()) })
}
