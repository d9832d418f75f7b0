//! The serving side of the peer exchange: `connectors::peer::wire` over this node's own repositories.
//!
//! One door for every question: its frames are checked, its repository is named in it, the caller must be an
//! administrator or a replicator of that project. Refusals travel inside frames, so that the asking node
//! sees step, kind and words exactly; HTTP statuses are left to logins, unknown URLs and whatever stands between.

mod answer;
mod incoming;
mod read;
mod write;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use connectors::peer::frame::{BadFrame, Frames};
use connectors::peer::wire::{Answer, EXCHANGE_VERSION, Handshake, PREFIX, PRODUCT, Question};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use domain::repository::{RepositoryRef, RepositoryType};
use hosted::{Hosted, HostedRepository, Viewer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiResult;
use incoming::Arriving;

/// Batches, and answers with many blobs, that are held in memory at the same time: each up to 8 MiB.
const HELD_AT_ONCE: usize = 4;
/// Parts that are written at the same time; each holds about a MiB.
const PARTS_AT_ONCE: usize = 8;
/// Longest wait for a turn; then the asker is told to come back.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Returns the routes of the peer exchange.
pub fn router() -> Router<App> {
    let turns = Turns {
        held: Arc::new(Semaphore::new(HELD_AT_ONCE)),
        parts: Arc::new(Semaphore::new(PARTS_AT_ONCE)),
    };
    Router::new()
        .route(PREFIX, get(handshake))
        .route(&format!("{PREFIX}/{{endpoint}}"), post(exchange))
        .layer(Extension(turns))
}

/// Bounds what the exchange holds in memory.
#[derive(Clone)]
struct Turns {
    held: Arc<Semaphore>,
    parts: Arc<Semaphore>,
}

async fn turn(turns: &Arc<Semaphore>) -> ConnectorResult<OwnedSemaphorePermit> {
    let waiting = Arc::clone(turns).acquire_owned();
    if let Ok(Ok(turn)) = tokio::time::timeout(LONGEST_WAIT, waiting).await {
        return Ok(turn);
    }
    let mut busy = ConnectorError::new(ErrorKind::Limit, Stage::Write, "exchange")
        .words("too many exchanges are going on at once");
    busy.retry_after = Some(Duration::from_secs(1));
    Err(busy)
}

/// Says who this is, to anybody who may log in.
async fn handshake(State(app): State<App>, _caller: Caller) -> Json<Handshake> {
    Json(Handshake {
        product: PRODUCT.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        exchange_version: EXCHANGE_VERSION,
        node_id: app.store().node_id().into(),
    })
}

/// Who asks, about what, and where the answer comes from.
struct Asked {
    hosted: Hosted,
    viewer: Viewer,
    turns: Turns,
    name: RepositoryRef,
}

impl Asked {
    fn error(&self, kind: ErrorKind, stage: Stage, words: &str) -> ConnectorError {
        ConnectorError::new(kind, stage, self.name.to_string()).words(words)
    }

    /// Returns the repository asked about, which must be there and hold files.
    async fn repository(&self, stage: Stage) -> ConnectorResult<HostedRepository> {
        let found = self.hosted.repository(&self.name).await;
        let found = found.map_err(|error| error.to_connector(stage, self.name.to_string()))?;
        let Some(repository) = found else {
            let words = format!("repository {} does not exist", self.name);
            return Err(self.error(ErrorKind::NotFound, stage, &words));
        };
        self.holding_files(repository, stage)
    }

    fn holding_files(&self, repository: HostedRepository, stage: Stage) -> ConnectorResult<HostedRepository> {
        if repository.info().is_foreign() {
            let words = format!("repository {} stands for a registry elsewhere", self.name);
            return Err(self.error(ErrorKind::Conflict, stage, &words));
        }
        let held = &repository.info().repository_type;
        if *held == RepositoryType::generic() {
            return Ok(repository);
        }
        let words = format!(
            "repository {} is of type {held}, only GENERIC ones take part",
            self.name
        );
        Err(self.error(ErrorKind::Conflict, stage, &words))
    }
}

/// Takes one question and answers it.
async fn exchange(
    State(app): State<App>,
    caller: Caller,
    Extension(turns): Extension<Turns>,
    Path(endpoint): Path<String>,
    body: Body,
) -> ApiResult<Response> {
    let arriving = Arc::new(Arriving::default());
    let mut frames = Frames::new(incoming::pieces(body, arriving.clone()), Stage::Write, "request");
    let question = match frames.head::<Question>().await {
        Ok(Some(Some(question))) if question.endpoint()[1..] == endpoint => question,
        Ok(_) => return Ok(answer::refused(&frames.bad(BadFrame::Unexpected))),
        Err(error) => return Ok(answer::refused(&error)),
    };
    caller.need_replicate(&question.repository().project)?;
    let asked = Asked {
        hosted: app.hosted().clone(),
        viewer: Viewer {
            user: caller.name.to_string(),
            projects: caller.readable_projects(),
        },
        turns,
        name: question.repository().clone(),
    };
    Ok(match question {
        Question::Read { wanted, .. } => read::read(asked, wanted).await,
        Question::Range {
            wanted,
            offset_bytes,
            length_bytes,
            ..
        } => read::range(asked, wanted, offset_bytes, length_bytes).await,
        question => answer::once(arriving, work(asked, question, frames)).await,
    })
}

/// Answers the questions that have one answer.
async fn work(asked: Asked, question: Question, mut frames: Frames) -> ConnectorResult<Vec<Answer>> {
    match question {
        Question::Batch { .. } => write::batch(asked, frames).await,
        Question::Part { upload, part, .. } => write::part(asked, upload, part, frames).await,
        other => {
            frames.ended().await?;
            reply(asked, other).await
        }
    }
}

async fn reply(asked: Asked, question: Question) -> ConnectorResult<Vec<Answer>> {
    match question {
        Question::Prepare { create, .. } => write::prepare(asked, create).await,
        Question::Inventory { keys, checksums, .. } => write::inventory(asked, keys, checksums).await,
        Question::Blobs { digests, .. } => write::blobs(asked, digests).await,
        Question::Upload {
            digest, size_bytes, ..
        } => write::upload(asked, digest, size_bytes).await,
        Question::Finish { upload, .. } => write::finish(asked, upload).await,
        Question::List {
            scope, cursor, limit, ..
        } => read::list(asked, scope, cursor, limit).await,
        Question::Missing { scope, .. } => read::missing(asked, scope).await,
        Question::Describe { keys, .. } => read::describe(asked, keys).await,
        Question::Batch { .. } | Question::Part { .. } | Question::Read { .. } | Question::Range { .. } => {
            Err(asked.error(ErrorKind::Protocol, Stage::Write, "asked at the wrong door"))
        }
    }
}
