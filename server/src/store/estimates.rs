//! Estimates on their way in: one by one, the way to the database and back would take most of the
//! time of a large upload.
//!
//! SQLite gets statements of many rows, PostgreSQL one row of arrays: the one place where the two
//! need two texts. A statement of many rows that is larger than what goes over the network at once
//! waits 40 ms for an acknowledgement there, since the driver leaves Nagle's algorithm on.

use super::{Tx, TxDb};
use crate::error::Result;
use app::domain::RunId;
use metrics::slice::Distinct;
use metrics::{Estimate, Interval};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnection};
use std::collections::HashMap;
use std::sync::Arc;

/// SQLite's rows of one statement: so many that the way there and back no longer counts.
const BATCH: usize = 256;

/// PostgreSQL's rows of one set of arrays: some megabytes.
const ARRAY: usize = 1 << 14;

/// Columns that each row binds.
const COLUMNS: usize = 18;

macro_rules! insert_into {
    ($rest:literal) => {
        concat!(
            "insert into estimate (run_id, position, slice, arity, metric, value, n, numerator, \
             denominator, positives, n_effective, stderr, threshold, low, high, level, method, \
             undefined) ",
            $rest
        )
    };
}

const ARRAYS: &str = insert_into!(
    "select $1, * from unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[], \
     $6::double precision[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], \
     $11::double precision[], $12::double precision[], $13::double precision[], \
     $14::double precision[], $15::double precision[], $16::double precision[], \
     $17::text[], $18::text[])"
);

impl Tx {
    pub(super) async fn add_estimates(&mut self, run: RunId, estimates: &[Estimate]) -> Result<()> {
        let Distinct { slices, places } = estimates.iter().map(|it| &it.slice).collect();
        let slices: Vec<Arc<str>> = slices.iter().map(|slice| slice.to_string().into()).collect();
        let slices = places.into_iter().map(|place| Arc::clone(&slices[place])).collect();
        match self.db() {
            TxDb::Sqlite(tx) => insert_rows(tx, run, estimates, slices).await,
            TxDb::Postgres(tx) => insert_arrays(tx, run, estimates, &slices).await,
        }
    }
}

async fn insert_rows(
    db: &mut SqliteConnection,
    run: RunId,
    estimates: &[Estimate],
    slices: Vec<Arc<str>>,
) -> Result<()> {
    let whole: Arc<str> = rows(BATCH).into();
    let mut texts = Texts::default();
    let mut all = (0_i64..).zip(estimates.iter().zip(slices));
    let mut left = estimates.len();
    let mut next = || {
        let n = left.min(BATCH);
        if n == 0 {
            return None;
        }
        left -= n;
        // The last statement is as long as nothing before or after it: not worth keeping.
        let is_whole = n == BATCH;
        let sql = if is_whole { Arc::clone(&whole) } else { rows(n).into() };
        let mut query = sqlx::query::<Sqlite>(AssertSqlSafe(sql)).persistent(is_whole);
        for (position, (e, slice)) in all.by_ref().take(n) {
            let interval = e.interval.as_ref();
            query = query
                .bind(run.0)
                .bind(position)
                .bind(slice)
                .bind(whole_number(Some(e.slice.arity())))
                .bind(texts.of(&e.metric))
                .bind(e.value)
                .bind(whole_number(e.n))
                .bind(whole_number(e.numerator))
                .bind(whole_number(e.denominator))
                .bind(whole_number(e.positives))
                .bind(e.n_effective)
                .bind(e.stderr)
                .bind(e.threshold)
                .bind(interval.map(|it| it.low))
                .bind(interval.map(|it| it.high))
                .bind(interval.map(|it| it.level))
                .bind(interval.map(|it| texts.of(&it.method)))
                .bind(e.undefined.as_ref().map(|why| texts.of(why)));
        }
        Some(query)
    };
    let mut query = next();
    while let Some(now) = query {
        // One is made ready while the database's thread works on the one before.
        let (done, following) = tokio::join!(now.execute(&mut *db), async { next() });
        done?;
        query = following;
    }
    Ok(())
}

/// The statement for so many rows. Its parameters have no numbers: SQLite takes a numbered one for a
/// name, and looks it up among all of the statement's.
fn rows(n: usize) -> String {
    let row = format!("({})", ["?"; COLUMNS].join(", "));
    format!("{}{}", insert_into!("values "), vec![row.as_str(); n].join(", "))
}

/// Texts that stand in many rows, each made once for the database's own thread.
#[derive(Default)]
struct Texts<'e>(HashMap<&'e str, Arc<str>>);

impl<'e> Texts<'e> {
    fn of(&mut self, text: &'e str) -> Arc<str> {
        Arc::clone(self.0.entry(text).or_insert_with(|| text.into()))
    }
}

async fn insert_arrays(
    db: &mut PgConnection,
    run: RunId,
    estimates: &[Estimate],
    slices: &[Arc<str>],
) -> Result<()> {
    let mut position = 0_i64;
    for (part, slices) in estimates.chunks(ARRAY).zip(slices.chunks(ARRAY)) {
        let whole = |of: fn(&Estimate) -> Option<u64>| {
            part.iter().map(|e| whole_number(of(e))).collect::<Vec<_>>()
        };
        let real =
            |of: fn(&Estimate) -> Option<f64>| part.iter().map(of).collect::<Vec<Option<f64>>>();
        let end = |of: fn(&Interval) -> f64| {
            part.iter().map(|e| e.interval.as_ref().map(of)).collect::<Vec<_>>()
        };
        let from = position;
        position += i64::try_from(part.len()).unwrap_or(i64::MAX);
        let positions: Vec<i64> = (from..position).collect();
        let slices: Vec<&str> = slices.iter().map(AsRef::as_ref).collect();
        let metrics: Vec<&str> = part.iter().map(|e| e.metric.as_str()).collect();
        let methods = part.iter().map(|e| e.interval.as_ref().map(|it| it.method.as_str()));
        let methods: Vec<Option<&str>> = methods.collect();
        let undefined: Vec<Option<&str>> = part.iter().map(|e| e.undefined.as_deref()).collect();
        sqlx::query::<Postgres>(ARRAYS)
            .bind(run.0)
            .bind(positions)
            .bind(slices)
            .bind(whole(|e| Some(e.slice.arity() as u64)))
            .bind(metrics)
            .bind(real(|e| e.value))
            .bind(whole(|e| e.n))
            .bind(whole(|e| e.numerator))
            .bind(whole(|e| e.denominator))
            .bind(whole(|e| e.positives))
            .bind(real(|e| e.n_effective))
            .bind(real(|e| e.stderr))
            .bind(real(|e| e.threshold))
            .bind(end(|it| it.low))
            .bind(end(|it| it.high))
            .bind(end(|it| it.level))
            .bind(methods)
            .bind(undefined)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

fn whole_number<N: TryInto<i64>>(n: Option<N>) -> Option<i64> {
    n.map(|n| n.try_into().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_binds_its_own_parameters() {
        let two = rows(2);
        assert!(two.starts_with("insert into estimate (run_id, position, slice, "), "{two}");
        assert_eq!(two.matches('?').count(), 2 * COLUMNS);
        assert_eq!(two.matches("(?, ").count(), 2);
        assert!(two.ends_with("?)"), "{two}");
    }
}
