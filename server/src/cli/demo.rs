//! `evenhand demo`: serve on a throw-away database filled from real data.

use super::serve::{Serve, log_to_stderr};
use super::{Failure, block_on};
use crate::clock::Clock;
use crate::demo::{PASSWORD, STORIES, Walk, fill};
use crate::serve::{serve, told_to_stop};
use crate::state::App;
use crate::store::Store;
use clap::Args;
use std::fmt::Write as _;
use std::net::SocketAddr;

#[derive(Args)]
pub struct Demo {
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:3000]
    #[arg(long, env = "EVENHAND_LISTEN")]
    listen: Option<SocketAddr>,
    /// An empty database to fill, such as postgres://…, in place of a temporary file
    #[arg(long)]
    database: Option<String>,
}

pub fn run(command: Demo) -> Result<(), Failure> {
    log_to_stderr(false);
    let folder = tempfile::tempdir()?;
    let is_kept = command.database.is_some();
    let database = command
        .database
        .unwrap_or_else(|| format!("sqlite://{}", folder.path().join("demo.db").display()));
    let config = Serve {
        listen: command.listen,
        database: Some(database),
        audit_key: Some(folder.path().join("audit-key")),
        ..Serve::default()
    }
    .config()?;
    config.refuse()?;
    block_on(async {
        let store = Store::open(&config.database).await?;
        let app = App::open(store, Clock::System, config).await?;
        if app.store.has_people().await? {
            return Err(Failure::from("the demo fills an empty database, and this one has people"));
        }
        let mut welcome = format!("\nLog in as any of these, password: {PASSWORD}\n");
        for log_in in fill(&app).await? {
            let _ = writeln!(welcome, "  {:<24} {}, {}", log_in.email, log_in.name, log_in.what);
        }
        welcome.push_str("\nWhere to begin\n");
        for Walk { email, path, what } in STORIES {
            let _ = writeln!(welcome, "  {email:<24} {path}\n  {:<24}   {what}", "");
        }
        welcome.push_str(if is_kept {
            "\nThe database stays when the demo ends (Ctrl-C), the key of its audit log does not.\n"
        } else {
            "\nThe database is thrown away when the demo ends (Ctrl-C).\n"
        });
        serve(app, &welcome, told_to_stop()).await?;
        Ok(())
    })?
}
