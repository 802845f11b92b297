//! A database of its own for every test.

use sqlx::{Connection, Executor, PgConnection};
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// The URL of an empty database. SQLite gets a file, because a database in memory lives only as
/// long as one connection.
///
/// # Panics
/// When `TEST_DATABASE_URL` names no PostgreSQL: a test that cannot run must fail.
pub async fn fresh(database: Database, folder: &Path) -> String {
    match database {
        Database::Sqlite => format!("sqlite://{}", folder.join("test.db").display()),
        Database::Postgres => {
            let url = std::env::var("TEST_DATABASE_URL").expect(
                "TEST_DATABASE_URL must name a PostgreSQL in which databases can be made; \
                 scripts/test starts one",
            );
            let name =
                format!("evenhand_{}", uuid::Uuid::from_bytes(server::clock::random()).simple());
            let mut server = PgConnection::connect(&url).await.expect("PostgreSQL answers");
            let sql = format!("create database {name}");
            server.execute(sqlx::AssertSqlSafe(sql)).await.expect("a database can be made");
            let (base, query) = url.split_once('?').unwrap_or((&url, ""));
            let base = base.rsplit_once('/').map_or(base, |(base, _)| base);
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            format!("{base}/{name}{query}")
        }
    }
}
