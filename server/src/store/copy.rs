//! Copies everything from one database into an empty one, of either kind: what a backup and its
//! restore are made of. Tables and columns come from the catalogue, so that a new migration is
//! copied without a word here.

use super::inspect::{Column, Kind, Table, count, tables};
use super::snapshot::Snapshot;
use super::{Store, TxDb};
use crate::error::{Error, Result};
use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};
use uuid::Uuid;

/// What opens doors for a while is not copied: sessions and one-time links. The pruned rows of runs
/// are: what of them has been kept long enough when a backup is restored is not read, and swept.
pub const LEFT_OUT: [&str; 2] = ["one_time_link", "session"];

/// Values of one statement: SQLite takes 32,766, and each statement may wait 40 ms on its way to
/// PostgreSQL ([`super::estimates`] says why).
const MOST_VALUES: usize = 32_000;
/// Bytes of text in one statement, more or less.
const MOST_BYTES: usize = 4 << 20;

/// Rows that go into one statement.
#[derive(Default)]
struct Batch {
    rows: Vec<Vec<Cell>>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, row: Vec<Cell>) {
        self.bytes += row.iter().map(Cell::bytes).sum::<usize>();
        self.rows.push(row);
    }

    fn is_full(&self, columns: usize) -> bool {
        (self.rows.len() + 1) * columns > MOST_VALUES || self.bytes > MOST_BYTES
    }
}

/// A value on its way.
enum Cell {
    Text(Option<String>),
    Integer(Option<i64>),
    Real(Option<f64>),
    Boolean(Option<bool>),
    Uuid(Option<Uuid>),
}

impl Cell {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            _ => 0,
        }
    }
}

macro_rules! cell {
    ($row:expr, $at:expr, $kind:expr) => {
        match $kind {
            Kind::Text => Cell::Text($row.try_get($at)?),
            Kind::Integer => Cell::Integer($row.try_get($at)?),
            Kind::Real => Cell::Real($row.try_get($at)?),
            Kind::Boolean => Cell::Boolean($row.try_get($at)?),
            Kind::Uuid => Cell::Uuid($row.try_get($at)?),
        }
    };
}

/// Copies all rows of one table.
macro_rules! pour {
    ($from:expr, $to:expr, $table:expr) => {{
        let names = names(&$table.columns);
        let sql = format!("select {names} from \"{}\"", $table.name);
        let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut **$from);
        let columns = $table.columns.len();
        let mut batch = Batch::default();
        while let Some(row) = rows.try_next().await? {
            let mut cells = Vec::with_capacity(columns);
            for (at, column) in $table.columns.iter().enumerate() {
                cells.push(cell!(row, at, column.kind));
            }
            batch.add(cells);
            if batch.is_full(columns) {
                insert($to, $table, std::mem::take(&mut batch).rows).await?;
            }
        }
        if !batch.rows.is_empty() {
            insert($to, $table, batch.rows).await?;
        }
    }};
}

macro_rules! insert_rows {
    ($kind:ty, $tx:expr, $table:expr, $rows:expr) => {{
        let names = names(&$table.columns);
        let mut query =
            QueryBuilder::<$kind>::new(format!("insert into \"{}\" ({names}) ", $table.name));
        query.push_values($rows, |mut values, row| {
            for cell in row {
                match cell {
                    Cell::Text(value) => values.push_bind(value),
                    Cell::Integer(value) => values.push_bind(value),
                    Cell::Real(value) => values.push_bind(value),
                    Cell::Boolean(value) => values.push_bind(value),
                    Cell::Uuid(value) => values.push_bind(value),
                };
            }
        });
        query.build().persistent(false).execute(&mut **$tx).await?;
    }};
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

async fn insert(to: &mut TxDb, table: &Table, rows: Vec<Vec<Cell>>) -> Result<()> {
    match to {
        TxDb::Sqlite(tx) => insert_rows!(sqlx::Sqlite, tx, table, rows),
        TxDb::Postgres(tx) => insert_rows!(sqlx::Postgres, tx, table, rows),
    }
    Ok(())
}

/// Replaces what is in a migrated database by what a snapshot holds, in one transaction; returns
/// the rows per table, counted in the target.
///
/// # Errors
/// When the two have different tables, or the target has not as many rows afterwards: then it is as
/// it was.
pub async fn copy(from: &mut Snapshot, to: &Store) -> Result<Vec<(String, i64)>> {
    let all = from.tables().await?;
    let mut to = match to {
        Store::Sqlite { write, .. } => TxDb::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
        Store::Postgres(pool) => TxDb::Postgres(pool.begin().await?),
    };
    if tables(&mut to).await? != all {
        return Err(Error::Internal(
            "the two databases do not have the same tables: start evenhand once on the older one, \
             which brings it up to date"
                .to_owned(),
        ));
    }
    let references = loosen(&mut to).await?;
    for table in &all {
        run(&mut to, format!("delete from \"{}\"", table.name)).await?;
    }
    let mut counts = Vec::with_capacity(all.len());
    for table in &all {
        if LEFT_OUT.contains(&table.name.as_str()) {
            continue;
        }
        match from.db() {
            TxDb::Sqlite(tx) => pour!(tx, &mut to, table),
            TxDb::Postgres(tx) => pour!(tx, &mut to, table),
        }
        let (there, here) = (from.count(table).await?, count(&mut to, table).await?);
        if there != here {
            return Err(Error::Internal(format!(
                "{} has {there} rows, and {here} arrived",
                table.name
            )));
        }
        counts.push((table.name.clone(), here));
    }
    for restore in references {
        run(&mut to, restore).await?;
    }
    match to {
        TxDb::Sqlite(tx) => tx.commit().await?,
        TxDb::Postgres(tx) => tx.commit().await?,
    }
    Ok(counts)
}

/// Lets rows arrive before the rows that they refer to, until the transaction ends; returns the
/// statements that bring the references back, which check every row.
async fn loosen(to: &mut TxDb) -> Result<Vec<String>> {
    const REFERENCES: &str = "select conrelid::regclass::text, conname::text, \
         pg_get_constraintdef(oid) from pg_constraint \
         where contype = 'f' and connamespace = current_schema()::regnamespace";
    match to {
        TxDb::Sqlite(tx) => {
            sqlx::query("pragma defer_foreign_keys = on").execute(&mut **tx).await?;
            Ok(vec![])
        }
        TxDb::Postgres(tx) => {
            let references: Vec<(String, String, String)> =
                sqlx::query_as(REFERENCES).fetch_all(&mut **tx).await?;
            let mut restore = Vec::with_capacity(references.len());
            for (table, name, definition) in references {
                let drop = format!("alter table {table} drop constraint \"{name}\"");
                sqlx::query(AssertSqlSafe(drop)).execute(&mut **tx).await?;
                restore.push(format!("alter table {table} add constraint \"{name}\" {definition}"));
            }
            Ok(restore)
        }
    }
}

async fn run(to: &mut TxDb, sql: String) -> Result<()> {
    let sql = AssertSqlSafe(sql);
    match to {
        TxDb::Sqlite(tx) => sqlx::query(sql).execute(&mut **tx).await.map(drop)?,
        TxDb::Postgres(tx) => sqlx::query(sql).execute(&mut **tx).await.map(drop)?,
    }
    Ok(())
}
