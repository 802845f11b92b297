//! Estimates on their way in, many rows to a statement: one by one, the way to the database and
//! back would take most of the time of a large upload.

use super::{Tx, in_tx};
use crate::error::Result;
use app::domain::RunId;
use metrics::Estimate;
use sqlx::AssertSqlSafe;
use std::fmt::Write;
use std::sync::Arc;

/// Rows of one statement. SQLite looks each parameter up among all of the statement's, so that many
/// more rows would cost more than the ways that they save.
const BATCH: usize = 16;

/// Columns that each row binds; `run_id` is one parameter for all rows.
const COLUMNS: usize = 17;

const INSERT: &str = "insert into estimate (run_id, position, slice, arity, metric, value, n, \
     numerator, denominator, positives, n_effective, stderr, threshold, low, high, level, method, \
     undefined) values ";

impl Tx {
    pub(super) async fn add_estimates(&mut self, run: RunId, estimates: &[Estimate]) -> Result<()> {
        let whole: Arc<str> = insert(BATCH).into();
        let mut position = 0_i64;
        for batch in estimates.chunks(BATCH) {
            // The last statement is as long as nothing before or after it: not worth keeping.
            let is_whole = batch.len() == BATCH;
            let sql = if is_whole { Arc::clone(&whole) } else { insert(batch.len()).into() };
            in_tx!(self, db => {
                let mut query =
                    sqlx::query(AssertSqlSafe(sql)).persistent(is_whole).bind(run.0);
                for e in batch {
                    let interval = e.interval.as_ref();
                    query = query.bind(position).bind(e.slice.to_string())
                        .bind(whole_number(Some(e.slice.arity()))).bind(&e.metric).bind(e.value)
                        .bind(whole_number(e.n)).bind(whole_number(e.numerator))
                        .bind(whole_number(e.denominator)).bind(whole_number(e.positives))
                        .bind(e.n_effective).bind(e.stderr).bind(e.threshold)
                        .bind(interval.map(|i| i.low)).bind(interval.map(|i| i.high))
                        .bind(interval.map(|i| i.level))
                        .bind(interval.map(|i| i.method.as_str())).bind(&e.undefined);
                    position += 1;
                }
                query.execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }
}

fn whole_number<N: TryInto<i64>>(n: Option<N>) -> Option<i64> {
    n.map(|n| n.try_into().unwrap_or(i64::MAX))
}

/// The statement for so many rows: `($1, $2, …, $18), ($1, $19, …)`.
fn insert(rows: usize) -> String {
    let mut sql = INSERT.to_owned();
    for row in 0..rows {
        sql.push_str(if row == 0 { "($1" } else { ", ($1" });
        for column in 0..COLUMNS {
            let _ = write!(sql, ", ${}", 2 + row * COLUMNS + column);
        }
        sql.push(')');
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_binds_its_own_parameters_behind_the_run() {
        let sql = insert(2);
        assert!(sql.starts_with(INSERT));
        assert!(sql.ends_with("$34, $35)"), "{sql}");
        assert_eq!(sql.matches("($1, ").count(), 2);
        assert_eq!(sql.matches('$').count(), 2 * (1 + COLUMNS));
    }
}
