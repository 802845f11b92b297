//! Estimates on their way in, many rows to a statement: one by one, the way to the database and
//! back would take most of the time of a large upload.

use super::{Tx, TxDb, in_tx};
use crate::error::Result;
use app::domain::RunId;
use metrics::Estimate;
use metrics::slice::Distinct;
use sqlx::AssertSqlSafe;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// Rows of one statement: so many that the way there and back no longer counts.
const BATCH: usize = 256;

/// Columns that each row binds.
const COLUMNS: usize = 18;

const INSERT: &str = "insert into estimate (run_id, position, slice, arity, metric, value, n, \
     numerator, denominator, positives, n_effective, stderr, threshold, low, high, level, method, \
     undefined) values ";

impl Tx {
    pub(super) async fn add_estimates(&mut self, run: RunId, estimates: &[Estimate]) -> Result<()> {
        let numbered = matches!(self.db(), TxDb::Postgres(_));
        let whole: Arc<str> = insert(BATCH, numbered).into();
        let Distinct { slices, places } = estimates.iter().map(|it| &it.slice).collect();
        let slices: Vec<Arc<str>> = slices.iter().map(|slice| slice.to_string().into()).collect();
        let mut texts = Texts::default();
        let mut rows = (0_i64..).zip(estimates.iter().zip(places));
        let mut left = estimates.len();
        in_tx!(self, db => {
            // The next statement, or none.
            let mut next = || {
                let n = left.min(BATCH);
                if n == 0 {
                    return None;
                }
                left -= n;
                // The last statement is as long as nothing before or after it: not worth keeping.
                let is_whole = n == BATCH;
                let sql = if is_whole { Arc::clone(&whole) } else { insert(n, numbered).into() };
                let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_whole);
                for (position, (e, slice)) in rows.by_ref().take(n) {
                    let interval = e.interval.as_ref();
                    query = query.bind(run.0).bind(position).bind(Arc::clone(&slices[slice]))
                        .bind(whole_number(Some(e.slice.arity()))).bind(texts.of(&e.metric))
                        .bind(e.value).bind(whole_number(e.n)).bind(whole_number(e.numerator))
                        .bind(whole_number(e.denominator)).bind(whole_number(e.positives))
                        .bind(e.n_effective).bind(e.stderr).bind(e.threshold)
                        .bind(interval.map(|i| i.low)).bind(interval.map(|i| i.high))
                        .bind(interval.map(|i| i.level))
                        .bind(interval.map(|i| texts.of(&i.method)))
                        .bind(e.undefined.as_ref().map(|why| texts.of(why)));
                }
                Some(query)
            };
            let mut query = next();
            while let Some(now) = query {
                // One is made ready while the database works on the one before.
                let (done, following) = tokio::join!(now.execute(&mut *db), async { next() });
                done?;
                query = following;
            }
        });
        Ok(())
    }
}

/// Texts that stand in many rows, each made once for the database's own thread.
#[derive(Default)]
struct Texts<'e>(HashMap<&'e str, Arc<str>>);

impl<'e> Texts<'e> {
    fn of(&mut self, text: &'e str) -> Arc<str> {
        Arc::clone(self.0.entry(text).or_insert_with(|| text.into()))
    }
}

fn whole_number<N: TryInto<i64>>(n: Option<N>) -> Option<i64> {
    n.map(|n| n.try_into().unwrap_or(i64::MAX))
}

/// The statement for so many rows: `($1, …, $18), ($19, …)`. Where parameters need no number they
/// have none: SQLite takes a numbered one for a name, and looks it up among all of the statement's.
fn insert(rows: usize, numbered: bool) -> String {
    let mut sql = INSERT.to_owned();
    for parameter in 0..rows * COLUMNS {
        sql.push_str(match (parameter, parameter % COLUMNS) {
            (0, _) => "(",
            (_, 0) => "), (",
            _ => ", ",
        });
        if numbered {
            let _ = write!(sql, "${}", parameter + 1);
        } else {
            sql.push('?');
        }
    }
    sql.push(')');
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_binds_its_own_parameters() {
        let numbered = insert(2, true);
        assert!(numbered.starts_with(INSERT));
        assert!(numbered.contains("values ($1, $2, "), "{numbered}");
        assert!(numbered.contains("$18), ($19, "), "{numbered}");
        assert!(numbered.ends_with("$35, $36)"), "{numbered}");
        let plain = insert(2, false);
        assert_eq!(plain.matches('?').count(), 2 * COLUMNS);
        assert_eq!(plain.matches("(?, ").count(), 2);
    }
}
