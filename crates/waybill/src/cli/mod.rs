//! The command line: one file per noun, each with its arguments, its calls and what it prints.

mod access;
mod artifact;
pub mod cluster;
mod completions;
mod cron;
mod event;
mod failure;
mod file;
mod login;
mod package;
pub mod plan;
mod platform;
pub mod record;
pub mod repo;
pub mod server;
pub mod task;
mod token;
mod user;
mod webhook;

use std::io::IsTerminal;
use std::time::Duration;

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::{CliResult, Exit};
use crate::output::Format;

const EXAMPLES: &str = "\
Examples:
  waybill serve --name hq --listen 127.0.0.1:8080 --data ./hq-data
  waybill login http://127.0.0.1:8080
  waybill cluster add edge-1 http://edge-1:8080 --username admin
  waybill task create nightly --project demo --repo files --to edge-1 --cron '0 30 2 * * ?'
  waybill record details nightly --status failed

Exit codes:
  0  everything that was asked for is done
  1  something failed or did not arrive
  2  the command was not understood or was refused; nothing was done
  3  all that can be carried arrived, but something cannot be carried";

/// Replicates artifact repositories between clusters and keeps the waybill of every run.
#[derive(Parser)]
#[command(name = "waybill", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// How results are printed.
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

#[derive(Subcommand)]
enum Command {
    /// Run a node.
    Serve(Box<crate::serve::ServeCommand>),
    /// Watch real files travel from a centre to two edges.
    Demo(crate::demo::DemoCommand),
    /// Copy a folder or repository to another, without a server of your own.
    Copy(crate::copy::CopyCommand),
    /// Look after the clusters that tasks replicate to.
    Cluster(cluster::ClusterCommand),
    /// Look after the projects and repositories this node keeps.
    Repo(repo::RepoCommand),
    /// Find, move, copy and delete the files this node keeps.
    File(file::FileCommand),
    /// List and delete the packages this node keeps: images and their tags.
    Package(package::PackageCommand),
    /// Say where an artifact is, and why it isn't there yet.
    Artifact(artifact::ArtifactCommand),
    /// Look after tasks: what is replicated, where to and when.
    Task(task::TaskCommand),
    /// Read the records of runs, artifact by artifact.
    Record(record::RecordCommand),
    /// Look after changes that real-time tasks have still to carry.
    Event(event::EventCommand),
    /// Look after what did not arrive when it was carried last.
    Failure(failure::FailureCommand),
    /// Look after the users that may log in.
    User(user::UserCommand),
    /// Say what users may do in a project.
    Access(access::AccessCommand),
    /// Look after tokens: texts that act as their user.
    Token(token::TokenCommand),
    /// Look after platforms: programs that act as the users they name.
    Platform(platform::PlatformCommand),
    /// Look after webhooks: who is called when a run fails or recovers, or a schedule falls silent.
    Webhook(webhook::WebhookCommand),
    /// Show when a cron expression fires.
    Cron(cron::CronCommand),
    /// Print the completions of a shell.
    Completions(completions::CompletionsCommand),
    /// Remember a server, a user and its password or token.
    Login(login::LoginCommand),
}

/// Carries out what the command line asks for.
pub async fn run(cli: Cli) -> CliResult<Exit> {
    let format = cli.output;
    match cli.command {
        Command::Serve(command) => Box::pin(crate::serve::run(*command)).await,
        Command::Demo(command) => Box::pin(crate::demo::run(command, format)).await,
        Command::Copy(command) => Box::pin(crate::copy::run(command, format)).await,
        Command::Cluster(command) => command.run(format).await,
        Command::Repo(command) => command.run(format).await,
        Command::File(command) => command.run(format).await,
        Command::Package(command) => command.run(format).await,
        Command::Artifact(command) => command.run(format).await,
        Command::Task(command) => command.run(format).await,
        Command::Record(command) => command.run(format).await,
        Command::Failure(command) => command.run(format).await,
        Command::Event(command) => command.run(format).await,
        Command::User(command) => command.run(format).await,
        Command::Access(command) => command.run(format).await,
        Command::Token(command) => command.run(format).await,
        Command::Platform(command) => command.run(format).await,
        Command::Webhook(command) => command.run(format).await,
        Command::Cron(command) => command.run(format),
        Command::Completions(command) => command.run(),
        Command::Login(command) => command.run(format).await,
    }
}

/// A line that moves while something goes on; invisible unless a person watches.
pub fn spinner() -> ProgressBar {
    if !watched() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A bar of `total` steps called `what`; invisible unless a person watches.
pub fn bar(total: usize, what: &'static str) -> ProgressBar {
    if !watched() {
        return ProgressBar::hidden();
    }
    let style = "{msg:11} {bar:40} {pos}/{len} {elapsed}";
    let bar = ProgressBar::new(total as u64).with_message(what);
    // The template is a constant; were it wrong, the default style does as well.
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn watched() -> bool {
    std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
