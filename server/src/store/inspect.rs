//! What a database says about itself: its version, schema, tables, and whether it is sound.

use super::snapshot::Snapshot;
use super::{Store, TxDb, read};
use crate::error::Result;

/// A table with the columns that it has, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// The types of the portable subset; see `migrations/README.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    Real,
    Boolean,
    Uuid,
}

impl Kind {
    fn parse(declared: &str) -> Option<Self> {
        match declared.to_ascii_lowercase().as_str() {
            "text" => Some(Self::Text),
            "bigint" => Some(Self::Integer),
            "double precision" => Some(Self::Real),
            "boolean" => Some(Self::Boolean),
            "uuid" => Some(Self::Uuid),
            _ => None,
        }
    }
}

/// Our tables, without the list of migrations that sqlx keeps.
const SQLITE_TABLES: &str = "select name from sqlite_schema where type = 'table' \
     and name not like 'sqlite\\_%' escape '\\' and name <> '_sqlx_migrations' order by name";
const POSTGRES_TABLES: &str = "select table_name::text from information_schema.tables \
     where table_schema = current_schema() and table_type = 'BASE TABLE' \
     and table_name <> '_sqlx_migrations' order by table_name";

impl Store {
    /// The newest migration that was applied; `None` before the first.
    pub async fn schema(&self) -> Result<Option<i64>> {
        const SQLITE: &str =
            "select count(*) from sqlite_schema where type = 'table' and name = '_sqlx_migrations'";
        const POSTGRES: &str = "select count(*) from information_schema.tables \
             where table_schema = current_schema() and table_name = '_sqlx_migrations'";
        const NEWEST: &str = "select max(version) from _sqlx_migrations where success";
        let tables: i64 = match self {
            Self::Sqlite { read, .. } => sqlx::query_scalar(SQLITE).fetch_one(read).await?,
            Self::Postgres(pool) => sqlx::query_scalar(POSTGRES).fetch_one(pool).await?,
        };
        if tables == 0 {
            return Ok(None);
        }
        Ok(read!(self, db => sqlx::query_scalar(NEWEST).fetch_one(db).await)?)
    }

    /// The database's kind and version: `SQLite 3.51.3`, `PostgreSQL 15.4`.
    pub async fn version(&self) -> Result<String> {
        Ok(match self {
            Self::Sqlite { read, .. } => {
                let version: String =
                    sqlx::query_scalar("select sqlite_version()").fetch_one(read).await?;
                format!("SQLite {version}")
            }
            Self::Postgres(pool) => {
                let version: String =
                    sqlx::query_scalar("show server_version").fetch_one(pool).await?;
                format!("PostgreSQL {}", version.split(' ').next().unwrap_or_default())
            }
        })
    }

    /// What is broken in the database itself: damaged pages, rows that refer to nothing.
    pub async fn damage(&self) -> Result<Vec<String>> {
        const CONSTRAINTS: &str = "select conrelid::regclass::text || ': ' || conname::text \
             from pg_constraint where not convalidated \
             and connamespace = current_schema()::regnamespace";
        match self {
            Self::Sqlite { read, .. } => {
                let mut damage: Vec<String> =
                    sqlx::query_scalar("pragma integrity_check").fetch_all(read).await?;
                damage.retain(|line| line != "ok");
                let loose: Vec<(String, Option<i64>, String, i64)> =
                    sqlx::query_as("pragma foreign_key_check").fetch_all(read).await?;
                damage.extend(loose.into_iter().map(|(table, row, parent, _)| match row {
                    Some(row) => format!("row {row} of {table} refers to a missing {parent}"),
                    None => format!("a row of {table} refers to a missing {parent}"),
                }));
                Ok(damage)
            }
            Self::Postgres(pool) => Ok(sqlx::query_scalar(CONSTRAINTS).fetch_all(pool).await?),
        }
    }

    /// Whether anything was ever done here: people or audit entries.
    pub async fn is_used(&self) -> Result<bool> {
        const SQL: &str =
            "select (select count(*) from person) + (select count(*) from audit_entry)";
        if self.schema().await?.is_none() {
            return Ok(false);
        }
        let rows: i64 = read!(self, db => sqlx::query_scalar(SQL).fetch_one(db).await)?;
        Ok(rows > 0)
    }
}

impl Snapshot {
    /// All our tables.
    ///
    /// # Errors
    /// Also when a column has a type outside the portable subset.
    pub async fn tables(&mut self) -> Result<Vec<Table>> {
        tables(self.db()).await
    }

    /// How many rows a table has.
    pub async fn count(&mut self, table: &Table) -> Result<i64> {
        count(self.db(), table).await
    }
}

pub(super) async fn tables(db: &mut TxDb) -> Result<Vec<Table>> {
    const SQLITE: &str = "select name, type from pragma_table_info($1) order by name";
    const POSTGRES: &str = "select column_name::text, data_type::text \
         from information_schema.columns \
         where table_schema = current_schema() and table_name = $1 order by column_name";
    let names: Vec<String> = match db {
        TxDb::Sqlite(tx) => sqlx::query_scalar(SQLITE_TABLES).fetch_all(&mut **tx).await?,
        TxDb::Postgres(tx) => sqlx::query_scalar(POSTGRES_TABLES).fetch_all(&mut **tx).await?,
    };
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let declared: Vec<(String, String)> = match db {
            TxDb::Sqlite(tx) => sqlx::query_as(SQLITE).bind(&name).fetch_all(&mut **tx).await?,
            TxDb::Postgres(tx) => sqlx::query_as(POSTGRES).bind(&name).fetch_all(&mut **tx).await?,
        };
        let mut columns = Vec::with_capacity(declared.len());
        for (column, declared) in declared {
            let kind = Kind::parse(&declared).ok_or_else(|| {
                crate::error::Error::Internal(format!(
                    "{name}.{column} is {declared}, which cannot be copied"
                ))
            })?;
            columns.push(Column { name: column, kind });
        }
        // PostgreSQL sorts by its collation.
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        tables.push(Table { name, columns });
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

pub(super) async fn count(db: &mut TxDb, table: &Table) -> Result<i64> {
    let sql = sqlx::AssertSqlSafe(format!("select count(*) from \"{}\"", table.name));
    Ok(match db {
        TxDb::Sqlite(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await?,
        TxDb::Postgres(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await?,
    })
}
