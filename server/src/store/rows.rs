//! The pruned rows of runs, for comparison row by row: what [`metrics::paired::Rows`] writes, in
//! base64, in chunks that a statement can carry.

use super::statement::{Statement, bound};
use super::{Store, Tx, in_tx, read, write_alone};
use crate::error::{Error, Result};
use app::domain::{ModelId, RunId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::AssertSqlSafe;

/// Characters of a chunk.
const CHUNK: usize = 64 << 10;
/// Chunks of one statement. Each may wait 40 ms on its way to PostgreSQL: see [`super::estimates`].
const TOGETHER: usize = 64;
/// Microseconds.
const DAY: i64 = 24 * 3_600_000_000;

/// Until when what came in at a moment is kept, in microseconds since 1970.
pub fn keep_until(received_at: i64, days: i64) -> i64 {
    received_at.saturating_add(days.saturating_mul(DAY))
}

impl Store {
    /// The rows of a run as they were written; `None` when they were not kept, or no longer are.
    pub async fn rows_of(&self, run: RunId, now: i64) -> Result<Option<Vec<u8>>> {
        const SQL: &str =
            "select data from run_rows where run_id = $1 and keep_until > $2 order by chunk";
        let chunks: Vec<String> =
            read!(self, db => sqlx::query_scalar(SQL).bind(run.0).bind(now).fetch_all(db).await)?;
        if chunks.is_empty() {
            return Ok(None);
        }
        let bytes = STANDARD.decode(chunks.concat());
        bytes.map(Some).map_err(|error| Error::Internal(format!("rows of run {run}: {error}")))
    }

    /// Until when the rows of a run are kept, in microseconds since 1970; `None`: they are not.
    pub async fn rows_kept_until(&self, run: RunId, now: i64) -> Result<Option<i64>> {
        const SQL: &str =
            "select keep_until from run_rows where run_id = $1 and chunk = 0 and keep_until > $2";
        Ok(read!(self, db => sqlx::query_scalar(SQL).bind(run.0).bind(now)
            .fetch_optional(db).await)?)
    }

    /// Deletes rows that have been kept long enough.
    pub async fn sweep_rows(&self, now: i64) -> Result<()> {
        const SQL: &str = "delete from run_rows where keep_until <= $1";
        write_alone!(self, db => sqlx::query(SQL).bind(now).execute(db).await.map(drop))?;
        Ok(())
    }
}

impl Tx {
    pub(super) async fn keep_rows(&mut self, run: RunId, rows: &[u8], until: i64) -> Result<()> {
        const SQL: &str = "insert into run_rows (run_id, chunk, data, keep_until) values (";
        // Three bytes make four characters, so each chunk is whole by itself.
        let mut chunks = (0_i64..).zip(rows.chunks(CHUNK / 4 * 3)).peekable();
        while chunks.peek().is_some() {
            let mut statement = Statement::new(SQL);
            for (i, (chunk, bytes)) in chunks.by_ref().take(TOGETHER).enumerate() {
                statement.push(if i > 0 { "), (" } else { "" });
                statement.bind(run.0).push(", ").bind(chunk).push(", ");
                statement.bind(STANDARD.encode(bytes)).push(", ").bind(until);
            }
            statement.push(")");
            in_tx!(self, db => {
                let query = sqlx::query(AssertSqlSafe(statement.sql.clone())).persistent(false);
                bound!(query, statement).execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Deletes the rows of a run.
    pub(super) async fn drop_rows(&mut self, run: RunId) -> Result<()> {
        const SQL: &str = "delete from run_rows where run_id = $1";
        in_tx!(self, db => sqlx::query(SQL).bind(run.0).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Sets how long the rows of a model's runs are kept, those that are there already included;
    /// `None` deletes them.
    pub(super) async fn keep_rows_for(&mut self, model: ModelId, days: Option<i64>) -> Result<()> {
        const KEEP: &str = "update run_rows set keep_until = \
             (select r.received_at from run r where r.id = run_rows.run_id) + $2 \
             where run_id in (select id from run where model_id = $1)";
        const DROP: &str =
            "delete from run_rows where run_id in (select id from run where model_id = $1)";
        match days {
            Some(days) => {
                let kept = keep_until(0, days);
                in_tx!(self, db => sqlx::query(KEEP).bind(model.0).bind(kept).execute(db).await
                    .map(drop))?;
            }
            None => {
                in_tx!(self, db => sqlx::query(DROP).bind(model.0).execute(db).await.map(drop))?;
            }
        }
        Ok(())
    }
}
