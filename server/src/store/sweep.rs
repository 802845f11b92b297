//! Removes what has served its time.

use super::{Store, write_alone};
use crate::error::Result;
use time::Duration;

/// How long failed log-ins can be looked at.
const FAILED_LOGINS: Duration = Duration::days(30);
/// How long an Idempotency-Key counts.
const IDEMPOTENCY_KEYS: Duration = Duration::hours(24);
/// How long a link that can no longer be used still says why.
const LINKS: Duration = Duration::days(7);

impl Store {
    /// Forgets failed log-ins after 30 days, Idempotency-Keys after 24 hours, and one-time links a
    /// week after they expired.
    pub async fn sweep(&self, now: i64) -> Result<()> {
        const LOGINS: &str = "delete from failed_login where at <= $1";
        const KEYS: &str = "delete from idempotency_key where created_at <= $1";
        const ONE_TIME: &str = "delete from one_time_link where expires_at <= $1";
        for (sql, after) in [(LOGINS, FAILED_LOGINS), (KEYS, IDEMPOTENCY_KEYS), (ONE_TIME, LINKS)] {
            let until = now - i64::try_from(after.whole_microseconds()).unwrap_or(i64::MAX);
            write_alone!(self, db => sqlx::query(sql).bind(until).execute(db).await.map(drop))?;
        }
        Ok(())
    }
}
