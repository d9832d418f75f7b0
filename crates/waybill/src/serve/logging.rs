//! Log lines: for people or for collectors, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{LogConfig, LogFormat};
use crate::exit::{CliResult, refused};

/// Starts logging; `WAYBILL_LOG` wins over the configured level.
pub fn start(config: &LogConfig) -> CliResult<()> {
    let wanted = std::env::var("WAYBILL_LOG").ok().or_else(|| config.level.clone());
    let wanted = wanted.unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(&wanted).map_err(|error| {
        refused(format!("`{wanted}` is not a log level: {error}")).hint("try info or debug")
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE);
    let started = match config.format {
        LogFormat::Text => lines
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_ansi(false).try_init(),
    };
    // A second start in one process (`demo`) keeps the first one's settings.
    let _ = started;
    Ok(())
}
