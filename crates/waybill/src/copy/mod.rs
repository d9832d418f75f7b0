//! `waybill copy`: one run of the engine in this process, with its own records, journal and cache.
//!
//! Every copy looks at everything again: what equals is left alone, so the same command after an
//! interruption carries on where it stopped without trusting what was true then.

mod args;
mod ends;
mod pair;
mod report;
mod state;

use std::time::Duration;

use domain::id::RecordId;
use domain::record::{Record, RecordStatus};
use engine::Engine;
use storage::live::{Live, Position};
use tokio_util::sync::CancellationToken;

pub use args::CopyCommand;
use pair::Pair;
use report::Progress;
use state::State;

use crate::cli::plan;
use crate::config::LogConfig;
use crate::exit::{CliResult, Exit, failed};
use crate::output::Format;

/// Longest time between two looks at the progress.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Shortest time between two looks at the progress.
const BREATH: Duration = Duration::from_millis(10);

/// Copies, and says what became of it.
pub async fn run(command: CopyCommand, format: Format) -> CliResult<Exit> {
    crate::serve::log(&LogConfig {
        level: Some("error".into()),
        ..LogConfig::default()
    })?;
    let stop = CancellationToken::new();
    crate::serve::stop_on_signal(stop.clone())?;
    let pair = Pair::of(&command)?;
    let state = State::open(&command, &pair).await?;
    let ended = match command.dry_run {
        true => state.dry_run().await.and_then(|found| plan::show(format, &found)),
        false => carried(&command, format, &state, &stop).await,
    };
    state.close().await;
    ended
}

async fn carried(
    command: &CopyCommand,
    format: Format,
    state: &State,
    stop: &CancellationToken,
) -> CliResult<Exit> {
    let engine = state.engine().clone();
    let shutdown = CancellationToken::new();
    let loops = {
        let (engine, shutdown) = (engine.clone(), shutdown.clone());
        tokio::spawn(async move { engine.run_until(shutdown).await })
    };
    let record = follow(&engine, state.start().await?, stop).await;
    shutdown.cancel();
    let _ = loops.await;
    let record = record?;
    let uncarried = state.ends().uncarried();
    report::outcome(format, &engine, &record, &uncarried).await?;
    Ok(exit(&record, uncarried.losses > 0 && !command.allow_uncarried))
}

/// Shows the progress of `id` until it has ended; a signal stops it first.
async fn follow(engine: &Engine, id: RecordId, stop: &CancellationToken) -> CliResult<Record> {
    let progress = Progress::start();
    let mut asked = false;
    loop {
        let position = engine.store().live().now();
        let record = engine
            .store()
            .records()
            .get(id)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let record = record.ok_or_else(|| failed("the record of this copy is gone"))?;
        if record.status.end().is_some() {
            progress.end();
            return Ok(record);
        }
        progress.show(&record, engine.live_bytes(id));
        if stop.is_cancelled() && !asked {
            asked = true;
            engine
                .stop_record(id, "Ctrl-C")
                .await
                .map_err(|error| failed(error.to_string()))?;
        }
        let pause = pause(engine.store().live(), &position);
        match asked {
            true => pause.await,
            false => {
                stop.run_until_cancelled(pause).await;
            }
        }
    }
}

/// Waits for the next look: until something changed behind `position`, with a breath before.
async fn pause(live: &Live, position: &Position) {
    tokio::time::sleep(BREATH).await;
    tokio::select! {
        _ = live.changed(position) => {}
        () = tokio::time::sleep(LOOK_EVERY) => {}
    }
}

fn exit(record: &Record, uncarried: bool) -> Exit {
    match record.status {
        RecordStatus::Succeeded if uncarried => Exit::Uncarried,
        RecordStatus::Succeeded => Exit::Done,
        RecordStatus::Waiting
        | RecordStatus::Running
        | RecordStatus::Stopping
        | RecordStatus::Failed
        | RecordStatus::Stopped => Exit::Failed,
    }
}
