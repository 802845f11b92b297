//! People and their passwords' hashes.

use super::{Store, Tx, in_tx, or_conflict, read};
use crate::audit::Entry;
use crate::auth::{Own, Permit, permit::ManagePeople};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::{Email, Line, PersonId, Role, TeamId};
use serde_json::json;
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
    /// False until they have set a password.
    pub has_password: bool,
}

/// What a log-in is checked against.
#[derive(Debug, sqlx::FromRow)]
pub struct Credentials {
    #[sqlx(try_from = "Uuid")]
    pub id: PersonId,
    pub password_hash: Option<String>,
    pub disabled_at: Option<i64>,
}

/// Which people a list asks for; empty fields ask for nothing.
#[derive(Clone, Debug, Default)]
pub struct PeopleFilter {
    /// Part of the name or e-mail address.
    pub search: String,
    pub role: Option<Role>,
    /// Whoever has a role in this very team.
    pub team: Option<TeamId>,
    /// Only the disabled, or only the others.
    pub disabled: Option<bool>,
}

/// The order of a list of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeopleOrder {
    #[default]
    Name,
    NameDown,
    Email,
    EmailDown,
    Added,
    AddedDown,
}

impl PeopleOrder {
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Name, "name"),
        (Self::NameDown, "-name"),
        (Self::Email, "email"),
        (Self::EmailDown, "-email"),
        (Self::Added, "added"),
        (Self::AddedDown, "-added"),
    ];

    /// The word that stands in the URL.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(order, _)| *order == self).map_or("name", |(_, word)| word)
    }
}

macro_rules! columns {
    () => {
        "select id, email, name, disabled_at, created_at, version, \
         password_hash is not null as has_password from person p where "
    };
}

/// The condition of a [`PeopleFilter`], its four parameters first.
macro_rules! wanted {
    () => {
        "($1 = '' or search_text like $1 escape '\\') \
         and ($2 is null or exists (select 1 from role_grant g \
             where g.person_id = p.id and g.role = $2)) \
         and ($3 is null or exists (select 1 from role_grant g \
             where g.person_id = p.id and g.team_id = $3)) \
         and ($4 is null or (p.disabled_at is not null) = $4)"
    };
}

/// A text as a pattern that finds it anywhere, with its own wildcards taken literally.
pub fn containing(text: &str) -> String {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return text;
    }
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

fn search_text(name: &str, email: &str) -> String {
    format!("{} {email}", name.to_lowercase())
}

impl Store {
    pub async fn person(&self, id: PersonId) -> Result<Option<Person>> {
        const SQL: &str = concat!(columns!(), "id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    pub async fn person_by_email(&self, email: &str) -> Result<Option<Person>> {
        const SQL: &str = concat!(columns!(), "email = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(email).fetch_optional(db).await)?)
    }

    /// A page of people, and how many the filter lets through in all.
    pub async fn people(
        &self,
        filter: &PeopleFilter,
        order: PeopleOrder,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<Person>, i64)> {
        macro_rules! page {
            ($order:literal) => {
                concat!(columns!(), wanted!(), " order by ", $order, ", id limit $5 offset $6")
            };
        }
        const COUNT: &str = concat!("select count(*) from person p where ", wanted!());
        let sql = match order {
            PeopleOrder::Name => page!("search_text"),
            PeopleOrder::NameDown => page!("search_text desc"),
            PeopleOrder::Email => page!("email"),
            PeopleOrder::EmailDown => page!("email desc"),
            PeopleOrder::Added => page!("created_at"),
            PeopleOrder::AddedDown => page!("created_at desc"),
        };
        let search = containing(&filter.search);
        let (role, team) = (filter.role.map(Role::as_str), filter.team.map(|id| id.0));
        let people = read!(self, db => sqlx::query_as(sql).bind(&search).bind(role).bind(team)
            .bind(filter.disabled).bind(limit).bind(offset).fetch_all(db).await)?;
        let total = read!(self, db => sqlx::query_scalar(COUNT).bind(&search).bind(role).bind(team)
            .bind(filter.disabled).fetch_one(db).await)?;
        Ok((people, total))
    }

    /// Whether anybody has an account yet.
    pub async fn has_people(&self) -> Result<bool> {
        const SQL: &str = "select exists (select 1 from person)";
        Ok(read!(self, db => sqlx::query_scalar(SQL).fetch_one(db).await)?)
    }

    pub async fn credentials(&self, email: &Email) -> Result<Option<Credentials>> {
        const SQL: &str = "select id, password_hash, disabled_at from person where email = $1";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(email.as_str()).fetch_optional(db).await)?)
    }
}

impl Tx {
    /// Whether anybody has an account yet, as this transaction sees it.
    pub async fn has_people(&mut self) -> Result<bool> {
        const SQL: &str = "select exists (select 1 from person)";
        Ok(in_tx!(self, db => sqlx::query_scalar(SQL).fetch_one(db).await)?)
    }

    /// A new person, without a password and without any right.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the address has an account.
    pub async fn add_person(
        &mut self,
        _: &Permit<ManagePeople>,
        email: &Email,
        name: &Line,
    ) -> Result<PersonId> {
        const SQL: &str = "insert into person \
             (id, email, name, search_text, created_at, version) values ($1, $2, $3, $4, $5, 1)";
        let id = self.id();
        let search = search_text(name.as_str(), email.as_str());
        let at = micros(self.at());
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(email.as_str()).bind(name.as_str())
            .bind(&search).bind(at).execute(db).await.map(drop))
        .map_err(or_conflict("this e-mail address has an account already"))?;
        self.note(
            Entry::new("person.added", "person", id).after(json!({ "email": email, "name": name })),
        );
        Ok(PersonId(id))
    }

    /// Gives a person another name or address.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] when it is not the version that `before` is, and
    /// [`Error::Conflict`] when the address belongs to somebody else.
    pub async fn describe_person(
        &mut self,
        _: &Permit<ManagePeople>,
        before: &Person,
        email: &Email,
        name: &Line,
    ) -> Result<()> {
        const SQL: &str = "update person set email = $3, name = $4, search_text = $5, \
             version = version + 1 where id = $1 and version = $2";
        let search = search_text(name.as_str(), email.as_str());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(before.id.0).bind(before.version)
            .bind(email.as_str()).bind(name.as_str()).bind(&search)
            .execute(db).await.map(|done| done.rows_affected()))
        .map_err(or_conflict("this e-mail address belongs to another account"))?;
        if rows == 0 {
            return Err(Error::PreconditionFailed("somebody else changed this person".to_owned()));
        }
        self.note(
            Entry::new("person.described", "person", before.id)
                .before(json!({ "email": before.email, "name": before.name }))
                .after(json!({ "email": email, "name": name })),
        );
        Ok(())
    }

    /// Sets a person's password and ends their sessions, all but the one with the hash `keep`.
    pub async fn set_password(&mut self, own: &Own, hash: &str, keep: &str) -> Result<()> {
        const SQL: &str = "update person set password_hash = $2 where id = $1";
        let person = own.person();
        in_tx!(self, db => sqlx::query(SQL).bind(person.0).bind(hash).execute(db).await.map(drop))?;
        self.end_sessions(person, keep).await?;
        self.drop_links(person).await?;
        self.note(Entry::new("person.password_set", "person", person));
        Ok(())
    }

    /// Shuts a person out at once: sessions end, links work no longer, tokens are refused.
    ///
    /// # Errors
    /// [`Error::Conflict`] when no admin would be left.
    pub async fn disable_person(
        &mut self,
        _: &Permit<ManagePeople>,
        person: PersonId,
    ) -> Result<()> {
        const SQL: &str = "update person set disabled_at = $2, version = version + 1 \
             where id = $1 and disabled_at is null";
        self.lock_admins().await?;
        let at = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(person.0).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::Conflict("this person is disabled already".to_owned()));
        }
        self.demand_an_admin().await?;
        self.end_sessions(person, "").await?;
        self.drop_links(person).await?;
        self.note(Entry::new("person.disabled", "person", person));
        Ok(())
    }

    pub async fn enable_person(
        &mut self,
        _: &Permit<ManagePeople>,
        person: PersonId,
    ) -> Result<()> {
        const SQL: &str = "update person set disabled_at = null, version = version + 1 \
             where id = $1 and disabled_at is not null";
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(person.0)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::Conflict("this person is not disabled".to_owned()));
        }
        self.note(Entry::new("person.enabled", "person", person));
        Ok(())
    }

    /// Ends all sessions of somebody else.
    pub async fn end_sessions_of(
        &mut self,
        _: &Permit<ManagePeople>,
        person: PersonId,
    ) -> Result<()> {
        let ended = self.end_sessions(person, "").await?;
        self.note(
            Entry::new("person.sessions_ended", "person", person)
                .after(json!({ "sessions": ended.to_string() })),
        );
        Ok(())
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it has ended already or is somebody else's.
    pub async fn end_own_session(&mut self, own: &Own, hash: &str) -> Result<()> {
        const SQL: &str = "delete from session where person_id = $1 and hash = $2";
        let person = own.person();
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(person.0).bind(hash)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::not_found("session"));
        }
        self.note(Entry::new("session.closed", "person", person));
        Ok(())
    }

    /// Ends all of one's own sessions but the one with the hash `keep`; says how many.
    pub async fn end_other_sessions(&mut self, own: &Own, keep: &str) -> Result<u64> {
        let person = own.person();
        let ended = self.end_sessions(person, keep).await?;
        self.note(
            Entry::new("person.sessions_ended", "person", person)
                .after(json!({ "sessions": ended.to_string() })),
        );
        Ok(ended)
    }

    /// Ends a person's sessions, all but the one with the hash `keep`.
    pub(super) async fn end_sessions(&mut self, person: PersonId, keep: &str) -> Result<u64> {
        const SQL: &str = "delete from session where person_id = $1 and hash <> $2";
        Ok(in_tx!(self, db => sqlx::query(SQL).bind(person.0).bind(keep)
            .execute(db).await.map(|done| done.rows_affected()))?)
    }
}
