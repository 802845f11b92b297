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
mod contract;
pub mod crawl;
mod database;
mod make;
mod people;
mod site;

pub use client::{Answer, Client};
pub use contract::assert_counts;
pub use database::{Database, fresh};
pub use make::{Model, SPEC, TEAM, estimate, fixture, id_of, multipart, other, policy};
pub use people::PASSWORD;
pub use site::Site;

use axum::Router;
use server::App;
use server::auth::password::Cost;
use server::clock::Clock;
use server::config::Config;
use server::store::Store;
use std::path::{Path, PathBuf};
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
        Self::with(database, |_| ()).await
    }

    /// The same, told something else than the usual.
    pub async fn with(database: Database, tell: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let url = fresh(database, folder.path()).await;
        let mut config = Config {
            audit_key: folder.path().join("audit-key"),
            database: url.clone(),
            // The real cost would be most of every test's time.
            password_cost: Cost { memory_kib: 8, passes: 1 },
            reader: reader(),
            ..Config::default()
        };
        tell(&mut config);
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

/// The program whose child processes read uploads: built beside the tests.
///
/// # Panics
/// When it is not there: uploads could not be tested.
fn reader() -> PathBuf {
    let tests = std::env::current_exe().expect("a test is a program");
    let profile = tests.parent().and_then(Path::parent).expect("it stands in target/PROFILE/deps");
    let reader = profile.join("evenhand");
    assert!(
        reader.is_file(),
        "{} is missing: build it first, with cargo build -p server",
        reader.display()
    );
    reader
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

/// Runs requests side by side and waits for all of them.
pub async fn at_once<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    use std::pin::Pin;
    use std::task::Poll;
    let mut waiting: Vec<Pin<Box<F>>> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            Poll::Ready(done.iter_mut().filter_map(Option::take).collect())
        } else {
            Poll::Pending
        }
    })
    .await
}
