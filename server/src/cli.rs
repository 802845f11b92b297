//! The command line: one sub-command per file.

mod accounts;
mod admin;
mod audit;
mod backup;
mod choice;
mod client;
mod completions;
mod database;
pub mod demo;
mod doctor;
mod evaluate;
mod gate;
mod metrics;
mod output;
mod sending;
pub mod serve;
mod settling;
mod spec;
mod upload;
mod validate;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "evenhand", version, about = "The launch desk for responsible AI")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the dashboard
    Serve(serve::Serve),
    /// Compute metrics from predictions, here, without a server
    Evaluate(evaluate::Evaluate),
    /// Compute metrics where the rows are
    #[command(subcommand)]
    Metrics(metrics::Metrics),
    /// Ask a server what an upload would become, storing nothing
    Validate(validate::Validate),
    /// Upload results or predictions to a server
    Upload(upload::Upload),
    /// Ask a server whether a version may launch
    Gate(gate::Gate),
    /// Print a script that completes commands in a shell
    Completions(completions::Completions),
    /// Work on the database itself: accounts, tokens, backups, health
    #[command(subcommand)]
    Admin(admin::Admin),
    /// The audit log
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Serve on a throw-away database filled from real data, log-ins printed
    Demo(demo::Demo),
    /// Read one upload as a limited child process of the server
    #[command(name = crate::reader::SUBCOMMAND, hide = true)]
    ReadUpload,
}

/// Why a command ended without what it was asked for: a sentence for standard error, and the exit
/// code.
pub struct Failure {
    pub message: String,
    pub code: u8,
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { message: error.to_string(), code: 1 }
    }
}

#[expect(clippy::print_stderr, reason = "a command line answers on its terminal")]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let ended = match cli.command {
        Command::Serve(command) => serve::run(command),
        Command::Evaluate(command) => evaluate::run(command),
        Command::Metrics(command) => metrics::run(command),
        Command::Validate(command) => validate::run(command),
        Command::Upload(command) => upload::run(command),
        Command::Gate(command) => gate::run(command),
        Command::Completions(command) => completions::run(command),
        Command::Admin(command) => admin::run(command),
        Command::Audit(command) => audit::run(command),
        Command::Demo(command) => demo::run(command),
        Command::ReadUpload => crate::reader::child().map_err(Failure::from),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("evenhand: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Ends as clap would, but for `gate`, whose exit code 2 is an answer.
fn misused(error: &clap::Error) -> ExitCode {
    let is_gate = std::env::args_os().nth(1).is_some_and(|command| command == "gate");
    // A terminal that is gone cannot be told so.
    let _ = error.print();
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if is_gate => ExitCode::from(output::COULD_NOT_ASK),
        _ => ExitCode::from(output::MISUSED),
    }
}

/// Runs a command that needs to wait for things.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}
