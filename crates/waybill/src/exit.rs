//! How a command ends: four exit codes, and errors that say which one they mean.
//!
//! Every message is one sentence for a person; what to do about it follows as a hint where we know it.

use std::fmt;
use std::process::ExitCode;

/// The exit codes every command keeps to; documented in `waybill --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done,
    /// Something failed, or did not arrive.
    Failed,
    /// The command was not understood, or it was refused; nothing was done.
    Refused,
    /// Everything that can be carried arrived, but something cannot be carried.
    Uncarried,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Refused => 2,
            Exit::Uncarried => 3,
        })
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub struct CliError {
    /// The exit code it means.
    pub exit: Exit,
    words: String,
    hint: Option<String>,
}

/// What commands answer.
pub type CliResult<T> = Result<T, CliError>;

/// Starts the error of a command that was refused before anything was done.
pub fn refused(words: impl Into<String>) -> CliError {
    CliError {
        exit: Exit::Refused,
        words: words.into(),
        hint: None,
    }
}

/// Starts the error of a command that failed.
pub fn failed(words: impl Into<String>) -> CliError {
    CliError {
        exit: Exit::Failed,
        words: words.into(),
        hint: None,
    }
}

impl CliError {
    /// Adds what the reader can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says whether it only means that nobody reads our output any more.
    pub fn is_closed_pipe(&self) -> bool {
        self.words == CLOSED_PIPE
    }
}

const CLOSED_PIPE: &str = "nobody reads the output";

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => failed(CLOSED_PIPE),
            _ => failed(error.to_string()),
        }
    }
}

impl From<anyhow::Error> for CliError {
    fn from(error: anyhow::Error) -> Self {
        failed(format!("{error:#}"))
    }
}

impl From<csv::Error> for CliError {
    fn from(error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => error.into(),
            other => failed(format!("cannot write CSV: {other:?}")),
        }
    }
}
