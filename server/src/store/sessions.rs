//! Where tower-sessions keeps its sessions: keyed by the SHA-256 of the id, so that reading the
//! table, or a backup of it, opens no session.

use super::{Store, is_duplicate, read, write_alone};
use crate::audit::sha256_hex;
use crate::clock::{Clock, from_micros, micros};
use crate::error::{Error, Result, UNAVAILABLE, is_unavailable};
use app::domain::PersonId;
use std::collections::HashMap;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, SessionStore};
use uuid::Uuid;

/// The key under which a session's data names its person.
pub const PERSON: &str = "person";
/// When the password was last given, in microseconds since 1970.
pub const AUTHENTICATED_AT: &str = "authenticated_at";
/// Where the session was opened, and with what.
pub const ADDRESS: &str = "address";
pub const AGENT: &str = "agent";

/// After this many microseconds without use a session has ended: twelve hours.
pub const IDLE: i64 = 12 * 3600 * 1_000_000;

/// What use adds to a session's life is written when it comes to this much.
const EXTENDED_EVERY: time::Duration = time::Duration::hours(1);

#[derive(Clone, Debug)]
pub struct Sessions {
    pub store: Store,
    pub clock: Clock,
}

/// A session as its person sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SessionRow {
    pub hash: String,
    pub data: String,
    pub created_at: i64,
    pub seen_at: i64,
    pub expires_at: i64,
}

pub fn session_hash(id: Id) -> String {
    sha256_hex(id.to_string())
}

fn backend(error: &sqlx::Error) -> session_store::Error {
    tracing::warn!(%error, "a session could not be read or written");
    session_store::Error::Backend(if is_unavailable(error) {
        UNAVAILABLE.to_owned()
    } else {
        error.to_string()
    })
}

/// A session is saved when its request has done what it was for, which would then be answered with
/// an error: a database that is busy for a moment is asked so often.
const TRIES: usize = 3;

impl Sessions {
    async fn save_once(&self, record: &Record) -> session_store::Result<()> {
        let stored = self.load(&record.id).await?;
        let is_same = stored.is_some_and(|stored| {
            stored.data == record.data && record.expiry_date - stored.expiry_date < EXTENDED_EVERY
        });
        if is_same { Ok(()) } else { self.write(record, false).await.map(drop) }
    }

    async fn write(&self, record: &Record, is_new: bool) -> session_store::Result<bool> {
        const INSERT: &str = "insert into session \
             (hash, person_id, data, created_at, seen_at, expires_at) \
             values ($1, $2, $3, $4, $4, $5)";
        const UPDATE: &str = "update session set person_id = $2, data = $3, seen_at = $4, \
             expires_at = $5 where hash = $1";
        let hash = session_hash(record.id);
        let person: Option<Uuid> =
            record.data.get(PERSON).and_then(|value| serde_json::from_value(value.clone()).ok());
        let data = serde_json::to_string(&record.data)
            .map_err(|error| session_store::Error::Encode(error.to_string()))?;
        let (now, expires) = (micros(self.clock.now()), micros(record.expiry_date));
        let sql = if is_new { INSERT } else { UPDATE };
        let written = write_alone!(&self.store, db => sqlx::query(sql).bind(&hash).bind(person)
            .bind(&data).bind(now).bind(expires).execute(db).await
            .map(|done| done.rows_affected()));
        match written {
            Ok(rows) => Ok(rows > 0),
            Err(error) if is_new && is_duplicate(&error) => Ok(false),
            Err(error) => Err(backend(&error)),
        }
    }
}

#[async_trait::async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        while !self.write(record, true).await? {
            record.id = Id::default();
        }
        Ok(())
    }

    /// A session that was ended meanwhile stays ended: nothing is written. Nor is a little time
    /// more, because every request asks for it.
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        for _ in 1..TRIES {
            match self.save_once(record).await {
                Err(session_store::Error::Backend(said)) if said == UNAVAILABLE => {}
                other => return other,
            }
        }
        self.save_once(record).await
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        const SQL: &str = "select hash, data, created_at, seen_at, expires_at from session \
             where hash = $1 and expires_at > $2 and seen_at > $3";
        let now = micros(self.clock.now());
        let row: Option<SessionRow> = read!(&self.store, db => sqlx::query_as(SQL)
            .bind(session_hash(*id)).bind(now).bind(now - IDLE).fetch_optional(db).await)
        .map_err(|error| backend(&error))?;
        row.map(|row| {
            let data: HashMap<String, serde_json::Value> = serde_json::from_str(&row.data)
                .map_err(|error| session_store::Error::Decode(error.to_string()))?;
            Ok(Record { id: *id, data, expiry_date: from_micros(row.expires_at) })
        })
        .transpose()
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.store.end_session(&session_hash(*id)).await.map_err(|error| match error {
            Error::Database(error) => backend(&error),
            error => session_store::Error::Backend(error.to_string()),
        })
    }
}

impl Store {
    /// The open sessions of a person, the latest seen first.
    pub async fn sessions_of(&self, person: PersonId, now: i64) -> Result<Vec<SessionRow>> {
        const SQL: &str = "select hash, data, created_at, seen_at, expires_at from session \
             where person_id = $1 and expires_at > $2 and seen_at > $3 order by seen_at desc";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(person.0).bind(now).bind(now - IDLE)
            .fetch_all(db).await)?)
    }

    pub async fn end_session(&self, hash: &str) -> Result<()> {
        const SQL: &str = "delete from session where hash = $1";
        write_alone!(self, db => sqlx::query(SQL).bind(hash).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Notes that a session is in use.
    pub async fn session_seen(&self, hash: &str, now: i64) -> Result<()> {
        const SQL: &str = "update session set seen_at = $2 where hash = $1";
        write_alone!(self, db => sqlx::query(SQL).bind(hash).bind(now).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Removes what has expired.
    pub async fn sweep_sessions(&self, now: i64) -> Result<()> {
        const SQL: &str = "delete from session where expires_at <= $1 or seen_at <= $2";
        write_alone!(self, db => sqlx::query(SQL).bind(now).bind(now - IDLE).execute(db).await.map(drop))?;
        Ok(())
    }
}
