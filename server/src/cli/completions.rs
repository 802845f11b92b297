//! `evenhand completions`: what a shell needs to complete commands, flags and their values.

use super::output::print;
use super::{Cli, Failure};
use clap::{Args, Command, CommandFactory};
use clap_complete::{Shell, generate};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  evenhand completions bash > ~/.local/share/bash-completion/completions/evenhand
  evenhand completions zsh > \"${fpath[1]}/_evenhand\"
  evenhand completions fish > ~/.config/fish/completions/evenhand.fish

A shell that is opened after that completes them.")]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

pub fn run(command: Completions) -> Result<(), Failure> {
    let whole = Cli::command();
    // What the help hides, nobody types.
    let shown = whole.get_subcommands().filter(|it| !it.is_hide_set()).cloned();
    let mut shown =
        Command::new("evenhand").args(whole.get_arguments().cloned()).subcommands(shown);
    let mut script = Vec::new();
    generate(command.shell, &mut shown, "evenhand", &mut script);
    print(&String::from_utf8_lossy(&script))
}
