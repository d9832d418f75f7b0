//! `waybill completions`: what a shell has to know to complete commands, options and their values.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::exit::{CliResult, Exit};

const EXAMPLES: &str = "\
Examples:
  waybill completions bash > /etc/bash_completion.d/waybill
  waybill completions zsh > \"${fpath[1]}/_waybill\"
  waybill completions fish > ~/.config/fish/completions/waybill.fish";

/// `waybill completions SHELL`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsCommand {
    /// The shell.
    shell: Shell,
}

impl CompletionsCommand {
    /// Prints the script.
    pub fn run(self) -> CliResult<Exit> {
        let mut command = super::Cli::command();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "waybill", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(Exit::Done)
    }
}
