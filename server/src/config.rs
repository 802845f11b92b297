//! Configuration: command line over environment over file over default. Every default is here.

use crate::auth::password::Cost;
use crate::intake::Pace;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const DEFAULT_DATABASE: &str = "sqlite://evenhand.db";
pub const DEFAULT_LISTEN: &str = "127.0.0.1:3000";

/// What the server was told.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub database: String,
    /// Where people reach the server, when it is not where it listens: `https://evenhand.example.org`.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Serving other machines without TLS was asked for in so many words.
    pub insecure_http: bool,
    /// The file with the key that signs audit checkpoints.
    pub audit_key: PathBuf,
    /// Bearer token that may read `/metrics`; without one only loopback may.
    pub metrics_token: Option<String>,
    /// Largest upload of results, in bytes.
    pub results_limit: u64,
    /// Largest upload of predictions, in bytes.
    pub predictions_limit: u64,
    /// Predictions of more bytes than this are acknowledged before they are read.
    pub answered_at_once: u64,
    /// Pauses before an upload is tried again that something else than its file kept from being
    /// read.
    pub tries_again_after: [Duration; 4],
    /// How slowly an upload may come.
    pub pace: Pace,
    /// Cells of fewer rows are hidden from whoever may not see sensitive detail.
    pub small_cell: u64,
    /// Requests a minute that a token may make; 0: as many as it likes.
    pub rate_limit: u32,
    /// The binary whose child processes read uploads: this one.
    pub reader: PathBuf,
    /// What a password's hash costs. No operator can lower it; tests do.
    pub password_cost: Cost,
}

impl Config {
    /// The folder of large uploads that were acknowledged and are not read yet.
    pub fn uploads(&self) -> PathBuf {
        uploads_beside(&self.audit_key)
    }
}

/// The folder of large uploads, beside the key that signs the audit log: both belong to one server
/// and are in no backup.
pub fn uploads_beside(audit_key: &Path) -> PathBuf {
    audit_key.with_extension("uploads")
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN.parse().expect("the default address is one"),
            database: DEFAULT_DATABASE.to_owned(),
            public_url: None,
            trusted_proxies: vec![],
            insecure_http: false,
            audit_key: PathBuf::from("evenhand.audit-key"),
            metrics_token: None,
            results_limit: 64 << 20,
            predictions_limit: 2 << 30,
            // Read in about a second; longer, a connection may break before the answer.
            answered_at_once: 32 << 20,
            // A database or a disk that is away comes back: mostly at once, else when somebody
            // has mended it.
            tries_again_after: [
                Duration::from_secs(5),
                Duration::from_mins(1),
                Duration::from_mins(10),
                Duration::from_hours(1),
            ],
            pace: Pace::default(),
            small_cell: 10,
            // A build that uploads hundreds of runs at once stays far below it.
            rate_limit: 6_000,
            reader: crate::reader::own_binary(),
            password_cost: Cost::default(),
        }
    }
}

/// The same as a TOML file may say it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    pub listen: Option<SocketAddr>,
    pub database: Option<String>,
    pub public_url: Option<String>,
    #[serde(default)]
    pub trusted_proxies: Vec<IpAddr>,
    pub insecure_http: Option<bool>,
    pub audit_key: Option<PathBuf>,
    pub metrics_token: Option<String>,
    pub results_limit: Option<u64>,
    pub predictions_limit: Option<u64>,
    pub answered_at_once: Option<u64>,
    pub small_cell: Option<u64>,
    pub rate_limit: Option<u32>,
}

impl Config {
    /// Whether cookies may only travel over TLS.
    pub fn is_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// What is dangerous about it, if anything.
    pub fn refuse(&self) -> Result<(), String> {
        if self.listen.ip().is_loopback() || self.is_https() || self.insecure_http {
            return Ok(());
        }
        Err(format!(
            "{} is reachable from other machines, and without TLS passwords would travel in the \
             clear: give --public-url https://… of the proxy in front, or say --insecure-http",
            self.listen
        ))
    }

    /// The beginning of links that are printed or shown: the public URL, or where we listen.
    pub fn base_url(&self, listening: SocketAddr) -> String {
        self.public_url.as_deref().map_or_else(
            || format!("http://{listening}"),
            |url| url.trim_end_matches('/').to_owned(),
        )
    }
}
