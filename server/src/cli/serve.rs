//! `evenhand serve`.

use super::{Failure, block_on};
use crate::clock::Clock;
use crate::config::{Config, ConfigFile};
use crate::serve::{serve, told_to_stop};
use crate::state::App;
use crate::store::Store;
use clap::Args;
use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use tracing_subscriber::EnvFilter;

#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:3000]
    #[arg(long, env = "EVENHAND_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// sqlite://FILE or postgres://… [default: sqlite://evenhand.db]
    #[arg(long, env = "EVENHAND_DATABASE_URL")]
    pub database: Option<String>,
    /// A TOML file with any of these settings
    #[arg(long, env = "EVENHAND_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where people reach this server, when a proxy stands in front: https://…
    #[arg(long, env = "EVENHAND_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Proxies whose X-Forwarded-For is believed
    #[arg(long, env = "EVENHAND_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<IpAddr>,
    /// Serve other machines without TLS; passwords then travel in the clear
    #[arg(long)]
    pub insecure_http: bool,
    /// File with the key that signs audit checkpoints; made at the first start
    #[arg(long, env = "EVENHAND_AUDIT_KEY")]
    pub audit_key: Option<PathBuf>,
    /// Token that may read /metrics from other machines
    #[arg(long, env = "EVENHAND_METRICS_TOKEN", hide_env_values = true)]
    pub metrics_token: Option<String>,
    /// Requests a minute that a token may make; 0: as many as it likes [default: 6000]
    #[arg(long, env = "EVENHAND_RATE_LIMIT")]
    pub rate_limit: Option<u32>,
    /// Log lines as JSON
    #[arg(long)]
    pub log_json: bool,
}

impl Serve {
    /// Command line and environment over file over default.
    pub fn config(&self) -> Result<Config, Failure> {
        let file: ConfigFile = match &self.config {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?
            }
            None => ConfigFile::default(),
        };
        let default = Config::default();
        let database = self.database.clone().or(file.database).unwrap_or(default.database);
        Ok(Config {
            listen: self.listen.or(file.listen).unwrap_or(default.listen),
            public_url: self.public_url.clone().or(file.public_url),
            trusted_proxies: if self.trusted_proxies.is_empty() {
                file.trusted_proxies
            } else {
                self.trusted_proxies.clone()
            },
            insecure_http: self.insecure_http || file.insecure_http.unwrap_or_default(),
            audit_key: self
                .audit_key
                .clone()
                .or(file.audit_key)
                .unwrap_or_else(|| key_beside(&database)),
            metrics_token: self.metrics_token.clone().or(file.metrics_token),
            results_limit: file.results_limit.unwrap_or(default.results_limit),
            predictions_limit: file.predictions_limit.unwrap_or(default.predictions_limit),
            answered_at_once: file.answered_at_once.unwrap_or(default.answered_at_once),
            small_cell: file.small_cell.unwrap_or(default.small_cell),
            rate_limit: self.rate_limit.or(file.rate_limit).unwrap_or(default.rate_limit),
            tries_again_after: default.tries_again_after,
            pace: default.pace,
            password_cost: default.password_cost,
            database,
            reader: default.reader,
        })
    }
}

/// Beside a SQLite file the key has its name; otherwise it stands in the working directory.
pub fn key_beside(database: &str) -> PathBuf {
    let file = database
        .strip_prefix("sqlite:")
        .map(|rest| rest.trim_start_matches("//"))
        .and_then(|rest| rest.split('?').next())
        .filter(|file| !file.is_empty());
    match file {
        Some(file) => PathBuf::from(file).with_extension("audit-key"),
        None => PathBuf::from("evenhand.audit-key"),
    }
}

pub fn log_to_stderr(json: bool) {
    let filter = EnvFilter::try_from_env("EVENHAND_LOG").unwrap_or_else(|_| {
        EnvFilter::new("info,sqlx=warn,tower_sessions=warn,tower_sessions_core=warn")
    });
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if json { lines.json().init() } else { lines.with_target(false).init() }
}

pub fn run(command: Serve) -> Result<(), Failure> {
    log_to_stderr(command.log_json);
    let config = command.config()?;
    config.refuse()?;
    block_on(async {
        let store = Store::open(&config.database).await?;
        let app = App::open(store, Clock::System, config).await?;
        serve(app, "", told_to_stop()).await?;
        Ok(())
    })?
}
