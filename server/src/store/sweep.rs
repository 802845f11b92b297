//! Removes what has served its time and belongs to no other file.

use super::{Store, write_alone};
use crate::error::Result;

/// How long an Idempotency-Key counts, in microseconds: 24 hours.
const KEY_LASTS: i64 = 24 * 3_600_000_000;

impl Store {
    pub async fn sweep_idempotency_keys(&self, now: i64) -> Result<()> {
        const SQL: &str = "delete from idempotency_key where created_at <= $1";
        write_alone!(self, db => sqlx::query(SQL).bind(now - KEY_LASTS).execute(db).await.map(drop))?;
        Ok(())
    }
}
