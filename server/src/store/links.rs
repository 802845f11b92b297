//! Links that let their holder set a password once. Only the SHA-256 of a link's secret is stored,
//! so that reading the table opens no account.

use super::{Store, Tx, in_tx, read, write_alone};
use crate::audit::{Entry, sha256_hex};
use crate::auth::{Own, Permit, permit::ManagePeople};
use crate::clock::micros;
use crate::error::Result;
use app::domain::PersonId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use uuid::Uuid;

/// A link works for this many microseconds: one hour.
pub const LASTS: i64 = 3600 * 1_000_000;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The first admin sets the installation up.
    Setup,
    /// Somebody new sets a password.
    Invite,
    /// Somebody who has lost the password sets another.
    Reset,
}

impl Purpose {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Invite => "invite",
            Self::Reset => "reset",
        }
    }
}

/// A link that still works, and what it is for.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Link {
    pub person_id: Option<Uuid>,
    pub purpose: String,
    pub expires_at: i64,
}

fn secret() -> (String, String) {
    let secret = URL_SAFE_NO_PAD.encode(crate::clock::random::<32>());
    let hash = sha256_hex(&secret);
    (secret, hash)
}

impl Store {
    /// The link with this secret, while it works.
    pub async fn link(&self, secret: &str, now: i64) -> Result<Option<Link>> {
        const SQL: &str = "select person_id, purpose, expires_at from one_time_link \
             where hash = $1 and used_at is null and expires_at > $2";
        let hash = sha256_hex(secret);
        Ok(read!(self, db => sqlx::query_as(SQL).bind(&hash).bind(now).fetch_optional(db).await)?)
    }

    /// Removes links that have not worked for a day.
    pub async fn sweep_links(&self, now: i64) -> Result<()> {
        const SQL: &str = "delete from one_time_link where expires_at < $1";
        let before = now - 24 * LASTS;
        write_alone!(self, db => sqlx::query(SQL).bind(before).execute(db).await.map(drop))?;
        Ok(())
    }
}

impl Tx {
    /// Makes the one set-up link that works, and returns its secret.
    pub async fn add_setup_link(&mut self) -> Result<String> {
        const OLD: &str = "delete from one_time_link where purpose = 'setup' and used_at is null";
        in_tx!(self, db => sqlx::query(OLD).execute(db).await.map(drop))?;
        let secret = self.insert_link(None, Purpose::Setup).await?;
        self.note(Entry::new("setup.link_made", "server", "setup"));
        Ok(secret)
    }

    /// Makes the one link that works for a person, and returns its secret.
    pub async fn add_link(
        &mut self,
        _: &Permit<ManagePeople>,
        person: PersonId,
        purpose: Purpose,
    ) -> Result<String> {
        self.drop_links(person).await?;
        let secret = self.insert_link(Some(person), purpose).await?;
        self.note(
            Entry::new("person.link_made", "person", person)
                .after(json!({ "purpose": purpose.as_str() })),
        );
        Ok(secret)
    }

    async fn insert_link(&mut self, person: Option<PersonId>, purpose: Purpose) -> Result<String> {
        const SQL: &str = "insert into one_time_link \
             (hash, person_id, purpose, created_at, expires_at) values ($1, $2, $3, $4, $5)";
        let (secret, hash) = secret();
        let at = micros(self.at());
        in_tx!(self, db => sqlx::query(SQL).bind(&hash).bind(person.map(|id| id.0))
            .bind(purpose.as_str()).bind(at).bind(at + LASTS).execute(db).await.map(drop))?;
        Ok(secret)
    }

    /// Links of a person that were not used work no longer.
    pub(super) async fn drop_links(&mut self, person: PersonId) -> Result<()> {
        const SQL: &str = "delete from one_time_link where person_id = $1 and used_at is null";
        in_tx!(self, db => sqlx::query(SQL).bind(person.0).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Uses up the set-up link; false when it does not work. Of two who use it at the same moment,
    /// the second waits for the first's row and then finds it used.
    pub async fn use_setup_link(&mut self, secret: &str) -> Result<bool> {
        const SQL: &str = "update one_time_link set used_at = $2 where hash = $1 \
             and purpose = 'setup' and used_at is null and expires_at > $2 returning hash";
        let (hash, at) = (sha256_hex(secret), micros(self.at()));
        let used: Option<String> = in_tx!(self, db => sqlx::query_scalar(SQL).bind(&hash).bind(at).fetch_optional(db).await)?;
        Ok(used.is_some())
    }

    /// Uses up a person's link; `None` when it does not work.
    pub async fn use_link(&mut self, secret: &str) -> Result<Option<Own>> {
        const SQL: &str = "update one_time_link set used_at = $2 where hash = $1 \
             and person_id is not null and used_at is null and expires_at > $2 returning person_id";
        let (hash, at) = (sha256_hex(secret), micros(self.at()));
        let person: Option<Uuid> = in_tx!(self, db => sqlx::query_scalar(SQL).bind(&hash).bind(at).fetch_optional(db).await)?;
        Ok(person.map(|id| Own::by_link(PersonId(id))))
    }
}
