//! `waybill serve`: one node, from its first start to its last.

mod collect;
mod health;
mod idle;
mod listen;
mod logging;
mod metrics;
mod node;
mod settings;
mod start;
mod tls;

use std::io::Write;

use tokio_util::sync::CancellationToken;

use crate::exit::{CliResult, Exit, failed};
pub use logging::start as log;
pub use node::Node;
pub use settings::{ServeCommand, Settings};

/// Serves until Ctrl-C or SIGTERM.
pub async fn run(command: ServeCommand) -> CliResult<Exit> {
    let settings = command.settings()?;
    logging::start(&settings.log)?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let (node, listener, welcome) = Node::open(&settings).await?;
    let url = listener.url()?;
    welcome.print(&mut std::io::stdout().lock(), &settings.name, &url)?;
    tracing::info!(node.name = %settings.name, node.url = %url, "node ready");
    Box::pin(node.serve(listener, stop)).await;
    tracing::info!("node stopped");
    std::io::stdout().flush()?;
    Ok(Exit::Done)
}

/// Cancels `stop` at the first Ctrl-C or SIGTERM; the second one ends the process at once.
pub fn stop_on_signal(stop: CancellationToken) -> CliResult<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listening =
        |kind| signal(kind).map_err(|error| failed(format!("cannot listen for signals: {error}")));
    let mut interrupt = listening(SignalKind::interrupt())?;
    let mut terminate = listening(SignalKind::terminate())?;
    tokio::spawn(async move {
        for last in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if last {
                std::process::exit(1);
            }
            stop.cancel();
        }
    });
    Ok(())
}
