//! Failed log-ins: how many in a row per account and address, and a log of them that is kept for
//! thirty days. They stand outside the audit log, so that strangers cannot make it grow.

use super::{Store, read, write_alone};
use crate::error::Result;
use std::net::IpAddr;
use uuid::Uuid;

/// Failures in a row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Failures {
    pub failures: i64,
    pub last_at: i64,
}

/// A log-in that failed.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FailedLogin {
    pub at: i64,
    /// The e-mail address that was tried; empty when what was typed was none.
    pub subject: String,
    pub address: String,
}

/// Failed log-ins are kept this long, in microseconds.
pub const KEPT: i64 = 30 * 24 * 3600 * 1_000_000;

impl Store {
    pub async fn failures(&self, subject: &str) -> Result<Option<Failures>> {
        const SQL: &str = "select failures, last_at from login_throttle where subject = $1";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(subject).fetch_optional(db).await)?)
    }

    /// Notes one more failure, if nothing has changed since `known` was read; says whether it did.
    pub async fn note_failure(
        &self,
        subject: &str,
        known: Option<&Failures>,
        failures: i64,
        now: i64,
    ) -> Result<bool> {
        const FIRST: &str = "insert into login_throttle (subject, failures, last_at) \
             values ($1, $2, $3) on conflict (subject) do nothing";
        const NEXT: &str = "update login_throttle set failures = $2, last_at = $3 \
             where subject = $1 and failures = $4 and last_at = $5";
        let rows = match known {
            None => write_alone!(self, db => sqlx::query(FIRST).bind(subject).bind(failures)
                .bind(now).execute(db).await.map(|done| done.rows_affected()))?,
            Some(known) => write_alone!(self, db => sqlx::query(NEXT).bind(subject).bind(failures)
                .bind(now).bind(known.failures).bind(known.last_at)
                .execute(db).await.map(|done| done.rows_affected()))?,
        };
        Ok(rows > 0)
    }

    /// Forgets the failures of a subject.
    pub async fn forgive(&self, subject: &str) -> Result<()> {
        const SQL: &str = "delete from login_throttle where subject = $1";
        write_alone!(self, db => sqlx::query(SQL).bind(subject).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Takes one failure back that was none.
    pub async fn forgive_one(&self, subject: &str) -> Result<()> {
        const SQL: &str = "update login_throttle set failures = failures - 1 \
             where subject = $1 and failures > 0";
        write_alone!(self, db => sqlx::query(SQL).bind(subject).execute(db).await.map(drop))?;
        Ok(())
    }

    pub async fn add_failed_login(
        &self,
        id: Uuid,
        at: i64,
        subject: &str,
        address: IpAddr,
    ) -> Result<()> {
        const SQL: &str =
            "insert into failed_login (id, at, subject, address) values ($1, $2, $3, $4)";
        let address = address.to_string();
        write_alone!(self, db => sqlx::query(SQL).bind(id).bind(at).bind(subject).bind(&address)
            .execute(db).await.map(drop))?;
        Ok(())
    }

    /// The newest failed log-ins.
    pub async fn failed_logins(&self, limit: i64) -> Result<Vec<FailedLogin>> {
        const SQL: &str = "select at, subject, address from failed_login order by at desc limit $1";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(limit).fetch_all(db).await)?)
    }

    /// Removes what is older than it needs to be.
    pub async fn sweep_failed_logins(&self, now: i64) -> Result<()> {
        const LOG: &str = "delete from failed_login where at < $1";
        const COUNTS: &str = "delete from login_throttle where last_at < $1";
        let forgotten = now - crate::auth::throttle::FORGOTTEN_AFTER;
        write_alone!(self, db => sqlx::query(LOG).bind(now - KEPT).execute(db).await.map(drop))?;
        write_alone!(self, db => sqlx::query(COUNTS).bind(forgotten).execute(db).await.map(drop))?;
        Ok(())
    }
}
