//! `evenhand completions`: for packagers, so hidden from the help.

use super::output::print;
use super::{Cli, Failure};
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

#[derive(Args, Debug)]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

pub fn run(command: Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(command.shell, &mut Cli::command(), "evenhand", &mut script);
    print(&String::from_utf8_lossy(&script))
}
