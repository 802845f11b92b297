//! The server: what the browser may not know.
//!
//! ```text
//! main -> cli -> serve -> http, api  ->  actions  ->  store
//!                            └── auth (who you are, what you may), error, clock: used by all
//! ```
//!
//! - [`http`] has one file per area: routes first, then handlers. A handler loads, builds a view
//!   struct of [`app::pages`] and renders it; a form posts, and is answered by a redirect.
//! - [`api`] is the same for programs, JSON in and out.
//! - [`actions`] has one file per thing a person can do: load, ask `app::domain`, write, audit.
//! - [`store`] is the database. Nothing else knows SQL.
//!
//! A write needs a [`auth::Permit`] and a [`store::Tx`]; the transaction writes the audit entry
//! with the change or does neither.

pub mod actions;
pub mod api;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod error;
pub mod http;
pub mod intake;
pub mod meter;
pub mod reader;
pub mod serve;
pub mod state;
pub mod store;

pub use error::{Error, Result};
pub use state::App;
