//! How many requests of a minute were taken for each token, over all servers.

use super::{Store, write_alone};
use crate::error::Result;
use app::domain::TokenId;

impl Store {
    /// Takes some of a minute's requests for a token; how many were taken in all. A server whose
    /// clock lags counts with the others.
    pub async fn take_requests(&self, token: TokenId, minute: i64, some: i64) -> Result<i64> {
        const SQL: &str = "insert into request_count (token_id, minute, taken) values ($1, $2, $3) \
             on conflict (token_id) do update set \
             taken = case when excluded.minute > request_count.minute then excluded.taken \
             else request_count.taken + excluded.taken end, \
             minute = case when excluded.minute > request_count.minute then excluded.minute \
             else request_count.minute end \
             returning taken";
        let taken = write_alone!(self, db => sqlx::query_scalar(SQL).bind(token.0).bind(minute)
            .bind(some).fetch_one(db).await)?;
        Ok(taken)
    }

    /// Forgets the counts of minutes before this one.
    pub async fn sweep_request_counts(&self, minute: i64) -> Result<()> {
        const SQL: &str = "delete from request_count where minute < $1";
        write_alone!(self, db => sqlx::query(SQL).bind(minute).execute(db).await.map(drop))?;
        Ok(())
    }
}
