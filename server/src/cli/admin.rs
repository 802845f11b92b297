//! `evenhand admin`: works on the database itself, whether the server runs or not.

use super::{Failure, accounts, backup, doctor};
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Admin {
    /// People: add, list, disable, roles, links
    User(accounts::User),
    /// Make an API token and print it, alone
    Token(accounts::Token),
    /// Write a backup into one file, while the server runs
    Backup(backup::Backup),
    /// Restore a backup into an empty database
    Restore(backup::Restore),
    /// Look whether everything is in order
    Doctor(doctor::Doctor),
}

pub fn run(command: Admin) -> Result<(), Failure> {
    match command {
        Admin::User(command) => accounts::user(command),
        Admin::Token(command) => accounts::token(command),
        Admin::Backup(command) => backup::back_up(command),
        Admin::Restore(command) => backup::restore(command),
        Admin::Doctor(command) => doctor::run(command),
    }
}
