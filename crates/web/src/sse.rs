//! Live events: tells whoever looks on what changed, no oftener than a reader can follow.
//!
//! A stream is a place in [`storage::live::Live`] that moves on: however much happens between two looks, each
//! record, task, cluster and webhook is told once, as it is then. An event's id is that place, so a browser that
//! comes back with `Last-Event-ID` misses nothing; after a restart of the node it is told `reset`, and reads
//! everything again. Streams end by themselves after a while: who may look on is asked anew.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::id::{RecordId, TaskKey};
use engine::RunningNow;
use futures_util::stream;
use messages::text;
use storage::live::{Position, Since, Subject};
use tokio::sync::OwnedSemaphorePermit;

use crate::api::records::record_id;
use crate::app::App;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::Params;

/// Shortest time between two looks, in milliseconds.
const PACE_MS: i64 = 500;
/// Longest time between two looks, in milliseconds: bytes of runs that settle nothing meanwhile move on too.
const LOOK_MS: u64 = 1_000;
/// Silence after which a stream says that it lives, in milliseconds; connections that say nothing are cut.
const SILENCE_MS: i64 = 15_000;
/// How long a stream lasts, in milliseconds; the browser comes back by itself.
const LONGEST_MS: i64 = 15 * 60_000;
/// Most subjects told by one look.
const MOST_TOLD: usize = 200;
/// How long a browser waits before it comes back, in milliseconds.
const RETRY_MS: u32 = 2_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What somebody wants to hear of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    /// Only this record.
    pub record: Option<RecordId>,
    /// Only this task and its records.
    pub task: Option<TaskKey>,
    /// Leave out records.
    pub no_records: bool,
    /// Leave out tasks.
    pub no_tasks: bool,
    /// Leave out clusters.
    pub no_clusters: bool,
    /// Leave out webhooks.
    pub no_webhooks: bool,
}

/// What somebody can choose to hear of.
const TOPICS: [&str; 4] = ["records", "tasks", "clusters", "webhooks"];

impl Interest {
    /// Reads what a query asks for: `record`, `task`, and `topics` unless it is all of them.
    pub fn of(params: &Params) -> ApiResult<Self> {
        let topics = params.filled("topics");
        let named: Vec<&str> = match topics {
            Some(topics) => topics.split(',').map(str::trim).collect(),
            None => TOPICS.to_vec(),
        };
        if let Some(unknown) = named.iter().find(|topic| !TOPICS.contains(topic)) {
            let error = ApiError::invalid("topics", unknown);
            return Err(error.because(text!("choose-among", choices = TOPICS.join(", "))));
        }
        Ok(Self {
            record: params.filled("record").map(record_id).transpose()?,
            task: params.text("task").map(TaskKey),
            no_records: !named.contains(&"records"),
            no_tasks: !named.contains(&"tasks"),
            no_clusters: !named.contains(&"clusters"),
            no_webhooks: !named.contains(&"webhooks"),
        })
    }

    fn covers(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Record { id, task } => {
                !self.no_records
                    && self.record.is_none_or(|wanted| wanted == *id)
                    && self.task.as_ref().is_none_or(|wanted| wanted == task)
            }
            Subject::Task(key) => {
                !self.no_tasks
                    && self.record.is_none()
                    && self.task.as_ref().is_none_or(|wanted| wanted == key)
            }
            Subject::Cluster(_) => !self.no_clusters && self.record.is_none() && self.task.is_none(),
            Subject::Webhook(_) => !self.no_webhooks && self.record.is_none() && self.task.is_none(),
        }
    }
}

/// One event as a browser gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// What it carries: JSON, or a piece of a page.
    pub data: String,
}

/// Puts what changed into events.
#[async_trait]
pub trait Teller: Send + Sync {
    /// Tells of `subject` as it is now; nothing when there is nothing to tell.
    async fn tell(&self, subject: Subject) -> ApiResult<Vec<Event>>;
}

/// Returns the place a browser comes back to: `Last-Event-ID`, else `after`; `None`: it begins now.
///
/// A place nobody knows any more is as good as one of another process: the answer begins with `reset`.
pub fn begins_after(headers: &HeaderMap, after: Option<&str>) -> Option<String> {
    let last = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    last.or(after).filter(|text| !text.is_empty()).map(String::from)
}

/// Answers a stream of what `interest` covers behind `after`, a [`Position`].
pub fn answer(
    app: &App,
    interest: Interest,
    after: Option<String>,
    teller: Arc<dyn Teller>,
) -> ApiResult<Response> {
    let permit = app
        .stream_permit()
        .ok_or_else(|| ApiError::new(Code::TooManyRequests, ["events"]).retry_after_s(30))?;
    let live = app.store().live();
    let (begin, known) = match after.as_deref().map(str::parse::<Position>) {
        None => (live.now(), true),
        Some(Ok(position)) => match live.since(&position) {
            Since::Changed(_) => (position, true),
            Since::Lost(now) => (now, false),
        },
        Some(Err(_)) => (live.now(), false),
    };
    let mut hello = format!("retry: {RETRY_MS}\n");
    write_event(
        &mut hello,
        Some(&begin),
        if known { "ready" } else { "reset" },
        "{}",
    );
    let now_ms = app.clock().now_ms();
    let follower = Follower {
        app: app.clone(),
        interest,
        position: begin,
        teller,
        said: VecDeque::from([Bytes::from(hello)]),
        read_bytes: HashMap::new(),
        begun_ms: now_ms,
        said_ms: now_ms,
        _permit: permit,
    };
    let body = stream::unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), follower))
    });
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // A proxy that gathered events would tell them late.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((head, Body::from_stream(body)).into_response())
}

/// One stream.
struct Follower {
    app: App,
    interest: Interest,
    position: Position,
    teller: Arc<dyn Teller>,
    said: VecDeque<Bytes>,
    /// Bytes each run had read when it was told last.
    read_bytes: HashMap<RecordId, u64>,
    begun_ms: i64,
    said_ms: i64,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// Returns what is said next; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(said) = self.said.pop_front() {
            return Some(said);
        }
        let clock = self.app.engine().clock().clone();
        while clock.now_ms() < self.begun_ms + LONGEST_MS {
            clock
                .sleep_until_ms(self.said_ms.min(clock.now_ms()) + PACE_MS)
                .await;
            let said = match self.look().await {
                Ok(said) => said,
                Err(error) => {
                    // The browser comes back to where it was.
                    tracing::warn!(%error, "live events broke off");
                    return None;
                }
            };
            let now_ms = clock.now_ms();
            if !said.is_empty() {
                self.said_ms = now_ms;
                return Some(said.into());
            }
            if now_ms >= self.said_ms + SILENCE_MS {
                self.said_ms = now_ms;
                return Some(Bytes::from_static(b":\n\n"));
            }
            let open = tokio::select! {
                open = self.app.store().live().changed(&self.position) => open,
                () = clock.sleep_ms(LOOK_MS) => true,
            };
            if !open {
                return None;
            }
        }
        None
    }

    /// Says what changed since the look before.
    async fn look(&mut self) -> ApiResult<String> {
        let mut said = String::new();
        let changed = match self.app.store().live().since(&self.position) {
            Since::Changed(changed) => changed,
            Since::Lost(now) => {
                write_event(&mut said, Some(&now), "reset", "{}");
                self.position = now;
                return Ok(said);
            }
        };
        let running = self.app.engine().running();
        let mut told = Vec::new();
        for (position, subject) in changed {
            if told.len() == MOST_TOLD {
                break;
            }
            if self.interest.covers(&subject) {
                for event in self.teller.tell(subject.clone()).await? {
                    write_event(&mut said, Some(&position), &event.name, &event.data);
                }
                told.push(subject);
            }
            self.position = position;
        }
        self.tell_progress(running, &told, &mut said).await?;
        Ok(said)
    }

    /// Tells of runs that read bytes since they were told last, though none of their artifacts is settled.
    async fn tell_progress(
        &mut self,
        running: Vec<RunningNow>,
        told: &[Subject],
        said: &mut String,
    ) -> ApiResult<()> {
        let before = std::mem::take(&mut self.read_bytes);
        for run in running {
            let moved = before.get(&run.record).copied().unwrap_or_default() != run.read_bytes;
            self.read_bytes.insert(run.record, run.read_bytes);
            let subject = Subject::Record {
                id: run.record,
                task: run.task,
            };
            if moved && !told.contains(&subject) && self.interest.covers(&subject) {
                for event in self.teller.tell(subject).await? {
                    write_event(said, None, &event.name, &event.data);
                }
            }
        }
        Ok(())
    }
}

/// Adds an event; each line of its data is a line of its own, whatever ends it.
fn write_event(said: &mut String, id: Option<&Position>, name: &str, data: &str) {
    if let Some(id) = id {
        said.push_str(&format!("id: {id}\n"));
    }
    said.push_str(&format!("event: {name}\n"));
    for line in data.split(['\n', '\r']) {
        said.push_str("data: ");
        said.push_str(line);
        said.push('\n');
    }
    said.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_its_event_or_begin_another() {
        let mut said = String::new();

        write_event(&mut said, None, "record", "a\n\nevent: reset\rb");

        assert_eq!(
            said,
            "event: record\ndata: a\ndata: \ndata: event: reset\ndata: b\n\n"
        );
    }

    #[test]
    fn who_looks_at_one_record_hears_of_nothing_else() {
        let record = |byte| RecordId::from([byte; 12]);
        let subject = |byte| Subject::Record {
            id: record(byte),
            task: TaskKey("t".into()),
        };
        let one = Interest {
            record: Some(record(1)),
            ..Interest::default()
        };

        assert!(one.covers(&subject(1)) && !one.covers(&subject(2)));
        assert!(!one.covers(&Subject::Task(TaskKey("t".into()))));
        let of_task = Interest {
            task: Some(TaskKey("t".into())),
            ..Interest::default()
        };
        assert!(of_task.covers(&subject(2)) && of_task.covers(&Subject::Task(TaskKey("t".into()))));
        assert!(!of_task.covers(&Subject::Cluster([1; 12].into())));
    }
}
