//! What a person should know without having asked, and when they were here last.

use super::{Store, Tx, in_tx, read, write_alone};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::VoidRun;
use crate::clock::micros;
use crate::error::Result;
use app::domain::PersonId;
use serde_json::json;

/// Something that happened to what a person answers for.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Notice {
    pub at: i64,
    pub text: String,
    pub href: String,
}

impl Store {
    /// What a person was told and has not put away yet, the newest first.
    pub async fn notices(&self, person: PersonId) -> Result<Vec<Notice>> {
        const SQL: &str = "select at, text, href from notice \
             where person_id = $1 and seen_at is null order by at desc, id";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(person.0).fetch_all(db).await)?)
    }

    /// Notes that a person is here, and gives the time of the visit before this one. What comes
    /// within `pause` microseconds of the last request belongs to the same visit.
    pub async fn visit(&self, person: PersonId, now: i64, pause: i64) -> Result<Option<i64>> {
        const FIRST: &str = "insert into visit (person_id, current_at, before_at) \
             values ($1, $2, null) on conflict (person_id) do nothing";
        const LATER: &str = "update visit set current_at = $2, before_at = \
             case when current_at < $3 then current_at else before_at end where person_id = $1";
        const BEFORE: &str = "select before_at from visit where person_id = $1";
        write_alone!(self, db => sqlx::query(FIRST).bind(person.0).bind(now)
            .execute(db).await.map(drop))?;
        write_alone!(self, db => sqlx::query(LATER).bind(person.0).bind(now).bind(now - pause)
            .execute(db).await.map(drop))?;
        let before: Option<Option<i64>> =
            read!(self, db => sqlx::query_scalar(BEFORE).bind(person.0).fetch_optional(db).await)?;
        Ok(before.flatten())
    }
}

impl Tx {
    /// Tells a person that something they answer for has lost its evidence.
    pub async fn tell(
        &mut self,
        _: &Permit<VoidRun>,
        person: PersonId,
        text: &str,
        href: &str,
    ) -> Result<()> {
        const SQL: &str =
            "insert into notice (id, person_id, at, text, href) values ($1, $2, $3, $4, $5)";
        let (id, at) = (self.id(), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(person.0).bind(at).bind(text).bind(href)
            .execute(db).await.map(drop))?;
        Ok(())
    }

    /// Puts away what one's own home page said.
    pub async fn put_notices_away(&mut self, person: PersonId) -> Result<()> {
        const SQL: &str =
            "update notice set seen_at = $2 where person_id = $1 and seen_at is null and at <= $2";
        let at = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(person.0).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        self.note(Entry::new("notices.seen", "person", person).after(json!({ "notices": rows })));
        Ok(())
    }
}
