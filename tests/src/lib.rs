//! What every test starts from: a server on a fresh database of either kind, and people who use it.
//!
//! ```ignore
//! each_db!(an_engineer_may_not_invite, |server| {
//!     let ann = server.signed_in(Role::Engineer).await;
//!     ann.get("/people").await.assert_status(403);
//! });
//! ```

pub mod browser;
mod client;
pub mod crawl;
mod database;
mod people;
mod site;

pub use client::{Answer, Client};
pub use database::{Database, fresh};
pub use people::PASSWORD;
pub use site::Site;

use axum::Router;
use server::App;
use server::auth::password::Cost;
use server::clock::Clock;
use server::config::Config;
use server::store::Store;
use tempfile::TempDir;
use time::macros::datetime;

/// A server without a socket: requests go straight into its router.
pub struct TestServer {
    pub app: App,
    pub router: Router,
    /// Holds the database file and the key until the test ends.
    pub folder: TempDir,
}

/// When every test starts, unless it moves the clock.
pub const START: time::OffsetDateTime = datetime!(2026-11-01 09:00 UTC);

impl TestServer {
    /// A server on an empty database, its clock standing still at [`START`].
    pub async fn on(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let url = fresh(database, folder.path()).await;
        let config = Config {
            audit_key: folder.path().join("audit-key"),
            database: url.clone(),
            // The real cost would be most of every test's time.
            password_cost: Cost { memory_kib: 8, passes: 1 },
            ..Config::default()
        };
        let store = Store::open(&url).await.expect("the fresh database opens");
        let app = App::open(store, Clock::fixed(START), config).await.expect("it migrates");
        let router = server::http::router(&app);
        Self { app, router, folder }
    }

    /// Somebody who has not signed in.
    pub fn visitor(&self) -> Client {
        Client::new(self.router.clone())
    }
}

/// Makes one test out of a story for each kind of database.
#[macro_export]
macro_rules! each_db {
    ($(#[$attribute:meta])* $name:ident, |$server:ident| $story:block) => {
        mod $name {
            use super::*;

            async fn story($server: $crate::TestServer) $story

            #[tokio::test]
            async fn on_sqlite() {
                story($crate::TestServer::on($crate::Database::Sqlite).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                story($crate::TestServer::on($crate::Database::Postgres).await).await;
            }
        }
    };
}
