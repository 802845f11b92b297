//! The service on a socket of its own, by the machine's clock, for browsers: cookies expire by it.

use crate::database::{Database, fresh};
use crate::{Client, TestServer};
use server::App;
use server::auth::password::Cost;
use server::clock::Clock;
use server::config::Config;
use server::store::Store;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;

pub struct Site {
    pub app: App,
    _folder: TempDir,
    /// Stops the server when it goes.
    _stop: oneshot::Sender<()>,
}

impl Site {
    /// A site that nobody has set up yet.
    pub async fn empty() -> Self {
        let (app, folder) = open().await;
        Self::serve(app, folder).await
    }

    /// The demo: real predictions evaluated by the real actions.
    pub async fn demo() -> Self {
        let (app, folder) = open().await;
        server::demo::fill(&app).await.expect("the demo fills an empty database");
        Self::serve(app, folder).await
    }

    async fn serve(app: App, folder: TempDir) -> Self {
        let (stop, stopped) = oneshot::channel();
        let served = app.clone();
        tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            server::serve::serve(served, "", stopped).await.expect("the server serves");
        });
        while app.base_url.get().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let site = Self { app, _folder: folder, _stop: stop };
        // Only now has it made the set-up link of its own, which any later one replaces.
        let health = format!("{}/healthz", site.address());
        reqwest::get(health).await.expect("the server answers").error_for_status().expect("well");
        site
    }

    /// `http://HOST:PORT`
    pub fn address(&self) -> String {
        self.app.base_url()
    }

    /// The path of a new link that makes the first admin.
    pub async fn setup_link(&self) -> String {
        server::actions::setup_link(&self.app)
            .await
            .expect("a link can be made")
            .expect("nobody has an account yet")
    }
}

impl TestServer {
    /// The demo on a fresh SQLite database, without a socket.
    pub async fn demo() -> Self {
        let (app, folder) = open().await;
        server::demo::fill(&app).await.expect("the demo fills an empty database");
        let router = server::http::router(&app);
        Self { app, router, folder }
    }

    /// Somebody of the demo, signed in.
    pub async fn log_in_to(app: &App, email: &str) -> Client {
        let client = Client::new(server::http::router(app));
        client
            .post("/login", &[("email", email), ("password", server::demo::PASSWORD)])
            .await
            .assert_redirect("/");
        client
    }
}

async fn open() -> (App, TempDir) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let url = fresh(Database::Sqlite, folder.path()).await;
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        audit_key: folder.path().join("audit-key"),
        database: url.clone(),
        password_cost: Cost { memory_kib: 8, passes: 1 },
        reader: reader(),
        ..Config::default()
    };
    let store = Store::open(&url).await.expect("the fresh database opens");
    (App::open(store, Clock::System, config).await.expect("it migrates"), folder)
}

/// The binary whose child processes read uploads, beside this test's own.
fn reader() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/test");
    let binary = profile.join("evenhand");
    assert!(
        binary.is_file(),
        "{} is not there: build it first (cargo build --package server)",
        binary.display()
    );
    binary
}
