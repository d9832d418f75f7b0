//! Webhooks: telling others when a run fails or recovers, or a schedule falls silent.
//!
//! What is to be told stands in the store ([`storage::webhooks`]); here it is put into JSON, signed, sent, and
//! tried again. A delivery is taken in hand before it is sent: a node that dies in the middle sends it again
//! under the same id.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use connectors::webhook::{Answered, Call};
use domain::cluster::{Audit, Secret};
use domain::id::{NodeId, TaskKey, random_hex32};
use domain::notice::{Notice, NoticeKind, NoticeTask};
use domain::ports::ConnectorResult;
use futures_util::{StreamExt, stream};
use storage::StoreError;
use storage::webhooks::{Delivery, DeliveryState, Tried, Webhook};
use tokio_util::sync::CancellationToken;

use crate::Engine;
use crate::clusters::checked_url;
use crate::error::{EngineError, EngineResult, Why};
use crate::freshness::{Freshness, StandingFilter};

mod payload;

/// How webhooks are called.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Makes `call` once; an answer is an answer, whatever its status.
    async fn call(&self, call: &Call) -> ConnectorResult<Answered>;
}

#[async_trait]
impl Courier for connectors::webhook::Webhooks {
    async fn call(&self, call: &Call) -> ConnectorResult<Answered> {
        Self::call(self, call).await
    }
}

/// Pauses before each further try, in milliseconds: half a day in all.
const PAUSES_MS: [i64; 8] = [
    10_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000,
];
/// How long a try may take before it counts as unheard of, in milliseconds.
const IN_HAND_MS: i64 = 60_000;
/// Deliveries looked at by one pass, and webhooks called at the same time.
const AT_ONCE: usize = 64;
const CALLED_AT_ONCE: usize = 8;
/// Longest pause between two looks, in milliseconds.
const LOOK_EVERY_MS: i64 = 30_000;
/// How often silent schedules are looked for, in milliseconds.
const SILENCE_EVERY_MS: i64 = 60_000;
/// Shortest secret that is taken.
const SHORTEST_SECRET: usize = 16;
/// Longest name.
const LONGEST_NAME: usize = 64;

/// A webhook as somebody asks for it.
#[derive(Debug, Clone)]
pub struct WebhookDraft {
    /// Its name.
    pub name: String,
    /// Where it is called.
    pub url: String,
    /// The task it is told of; `None`: every task.
    pub task: Option<TaskKey>,
    /// What it is told; empty: everything.
    pub events: Vec<NoticeKind>,
    /// What its calls are signed with; `None`: what it has, or a new one.
    pub secret: Option<Secret>,
    /// Whether it is called.
    pub enabled: bool,
}

impl Engine {
    /// Returns the webhook with this id; an id of another shape is unknown.
    pub async fn webhook(&self, id: &str) -> EngineResult<Webhook> {
        let unknown = || EngineError::NotFound(format!("webhook {id}"));
        let id: NodeId = id.parse().map_err(|_| unknown())?;
        self.store().webhooks().get(id).await?.ok_or_else(unknown)
    }

    /// Makes a webhook for `user`.
    pub async fn create_webhook(&self, draft: WebhookDraft, user: &str) -> EngineResult<Webhook> {
        self.check_webhook(&draft).await?;
        let webhook = Webhook {
            id: self.store().next_id(),
            name: draft.name,
            url: draft.url,
            task: draft.task,
            events: filled(draft.events),
            secret: draft.secret.unwrap_or_else(|| Secret::new(random_hex32())),
            enabled: draft.enabled,
            audit: Audit::new(user, self.clock().now_ms()),
        };
        let made = self.store().webhooks().insert(&webhook).await;
        made.map_err(|error| taken(error, &webhook.name))?;
        Ok(webhook)
    }

    /// Replaces what a webhook says; its secret stays unless another one is given.
    pub async fn update_webhook(&self, id: &str, draft: WebhookDraft, user: &str) -> EngineResult<Webhook> {
        let known = self.webhook(id).await?;
        self.check_webhook(&draft).await?;
        let webhook = Webhook {
            id: known.id,
            name: draft.name,
            url: draft.url,
            task: draft.task,
            events: filled(draft.events),
            secret: draft.secret.unwrap_or(known.secret),
            enabled: draft.enabled,
            audit: Audit {
                modified_by: user.into(),
                modified_ms: self.clock().now_ms(),
                ..known.audit
            },
        };
        let replaced = self.store().webhooks().update(&webhook).await;
        replaced.map_err(|error| taken(error, &webhook.name))?;
        self.nudge();
        Ok(webhook)
    }

    /// Calls a webhook now, once, as a test; the log of its deliveries keeps what came of it.
    pub async fn test_webhook(&self, id: &str) -> EngineResult<Delivery> {
        let webhook = self.webhook(id).await?;
        let notice = Notice {
            kind: NoticeKind::Test,
            at_ms: self.clock().now_ms(),
            task: None,
            run: None,
            since_ms: None,
        };
        let id = self.store().next_id();
        let answer = self.call(&webhook, id, &notice).await;
        let mut tried = self.judge(answer, PAUSES_MS.len());
        tried.due_ms = None;
        let webhooks = self.store().webhooks();
        webhooks.keep(id, webhook.id, &notice, &tried).await?;
        let kept = webhooks.delivery(webhook.id, id).await?;
        kept.ok_or_else(|| EngineError::NotFound(format!("webhook {}", webhook.id)))
    }

    /// Lets a delivery to a webhook be tried from the beginning.
    pub async fn deliver_again(&self, id: &str, delivery: &str) -> EngineResult<()> {
        let webhook = self.webhook(id).await?;
        let unknown = || EngineError::NotFound(format!("delivery {delivery}"));
        let delivery: NodeId = delivery.parse().map_err(|_| unknown())?;
        let now_ms = self.clock().now_ms();
        let webhooks = self.store().webhooks();
        if !webhooks.deliver_again(webhook.id, delivery, now_ms).await? {
            return Err(unknown());
        }
        self.nudge();
        Ok(())
    }

    /// Tries each webhook's delivery that is due longest; returns how many were tried.
    pub async fn deliver_due(&self) -> EngineResult<usize> {
        let webhooks = self.store().webhooks();
        let mut due = webhooks.due(self.clock().now_ms(), AT_ONCE).await?;
        let mut seen = HashSet::new();
        due.retain(|delivery| seen.insert(delivery.webhook));
        let mut tried = stream::iter(due)
            .map(|delivery| self.deliver(delivery))
            .buffer_unordered(CALLED_AT_ONCE);
        let mut count = 0;
        while let Some(result) = tried.next().await {
            count += usize::from(result?);
        }
        Ok(count)
    }

    async fn deliver(&self, delivery: Delivery) -> EngineResult<bool> {
        let webhooks = self.store().webhooks();
        let until_ms = self.clock().now_ms() + IN_HAND_MS;
        let Some(webhook) = webhooks.get(delivery.webhook).await? else {
            return Ok(false);
        };
        if !webhooks.take(&delivery, until_ms).await? {
            return Ok(false);
        }
        let answer = self.call(&webhook, delivery.id, &delivery.notice).await;
        let tried = self.judge(answer, delivery.attempts as usize);
        tracing::info!(
            webhook.name = %webhook.name,
            event = delivery.notice.kind.as_str(),
            state = tried.state.as_str(),
            status = ?tried.status,
            "webhook called"
        );
        webhooks.tried(&delivery, &tried).await?;
        Ok(true)
    }

    async fn call(&self, webhook: &Webhook, id: NodeId, notice: &Notice) -> ConnectorResult<Answered> {
        let call = Call {
            url: webhook.url.clone(),
            event: notice.kind.as_str().into(),
            delivery: id.to_string(),
            body: payload::of(notice, id, self.cluster_name()),
            secret: webhook.secret.clone(),
            at_s: self.clock().now_ms() / 1000,
        };
        self.inner.courier.call(&call).await
    }

    /// Says what an answer means after `before` earlier tries.
    fn judge(&self, answer: ConnectorResult<Answered>, before: usize) -> Tried {
        let now_ms = self.clock().now_ms();
        let (status, wait, words) = match answer {
            Ok(answer) if (200..300).contains(&answer.status) => {
                return Tried {
                    state: DeliveryState::Delivered,
                    due_ms: None,
                    answered_ms: now_ms,
                    status: Some(answer.status),
                    words: None,
                };
            }
            Ok(answer) => (Some(answer.status), answer.wait, answer.words),
            Err(error) => (None, None, error.words.or_else(|| Some(error.kind.to_string()))),
        };
        let pause_ms = PAUSES_MS.get(before).map(|pause_ms| {
            let asked = wait.as_ref().map_or(0, Duration::as_millis);
            i64::try_from(asked).unwrap_or(i64::MAX).max(*pause_ms)
        });
        Tried {
            state: match pause_ms {
                Some(_) => DeliveryState::Waiting,
                None => DeliveryState::GivenUp,
            },
            due_ms: pause_ms.map(|pause_ms| now_ms + pause_ms),
            answered_ms: now_ms,
            status,
            words,
        }
    }

    /// Tells of schedules that should have run and did not, once for each time.
    pub async fn tell_silent(&self) -> EngineResult<()> {
        let webhooks = self.store().webhooks();
        let all = webhooks.all().await?;
        let wanted =
            |webhook: &Webhook| webhook.enabled && webhook.events.contains(&NoticeKind::ScheduleSilent);
        if !all.iter().any(wanted) {
            return Ok(());
        }
        let silent = StandingFilter {
            freshness: vec![Freshness::Silent],
            ..StandingFilter::default()
        };
        for standing in self.standings(&silent).await? {
            let since_ms = standing.silent_since_ms.unwrap_or_default();
            let told = format!("schedule.silent {} {since_ms}", standing.task.key);
            let notice = Notice {
                kind: NoticeKind::ScheduleSilent,
                at_ms: self.clock().now_ms(),
                task: Some(NoticeTask {
                    key: standing.task.key,
                    name: standing.task.name,
                    project: standing.task.project,
                }),
                run: None,
                since_ms: Some(since_ms),
            };
            webhooks.tell(&notice, &told).await?;
        }
        Ok(())
    }

    async fn check_webhook(&self, draft: &WebhookDraft) -> EngineResult<()> {
        let length = draft.name.trim().chars().count();
        if !(1..=LONGEST_NAME).contains(&length) {
            return Err(EngineError::invalid(
                "name",
                &draft.name,
                between(1, LONGEST_NAME),
            ));
        }
        let url = checked_url("url", Some(&draft.url))?;
        if url != draft.url || !url.starts_with("http") {
            return Err(EngineError::invalid("url", &draft.url, Why::Url));
        }
        if let Some(secret) = &draft.secret
            && !(SHORTEST_SECRET..=256).contains(&secret.reveal().chars().count())
        {
            return Err(EngineError::invalid(
                "secret",
                "***",
                between(SHORTEST_SECRET, 256),
            ));
        }
        if let Some(key) = &draft.task {
            self.task(key).await?;
        }
        Ok(())
    }
}

fn between(least: usize, most: usize) -> Why {
    Why::Length { least, most }
}

fn filled(events: Vec<NoticeKind>) -> Vec<NoticeKind> {
    if events.is_empty() {
        NoticeKind::TOLD.to_vec()
    } else {
        events
    }
}

fn taken(error: StoreError, name: &str) -> EngineError {
    match error {
        StoreError::Taken(_) => EngineError::Exists(format!("webhook {name}")),
        other => other.into(),
    }
}

/// Looks for silent schedules and calls webhooks until `shutdown`.
pub(crate) async fn run_until(engine: &Engine, shutdown: CancellationToken) {
    let mut looked_ms = i64::MIN;
    loop {
        let nudged = engine.inner.nudge.notified();
        let now_ms = engine.clock().now_ms();
        if now_ms.saturating_sub(looked_ms) >= SILENCE_EVERY_MS {
            looked_ms = now_ms;
            if let Err(error) = engine.tell_silent().await {
                tracing::error!(%error, "silent schedules could not be looked for");
            }
        }
        let next_ms = tokio::select! {
            () = shutdown.cancelled() => return,
            next_ms = deliver_all(engine) => next_ms,
        };
        let until_ms = next_ms.clamp(now_ms + 10, now_ms + LOOK_EVERY_MS);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = nudged => {}
            () = engine.clock().sleep_until_ms(until_ms) => {}
        }
    }
}

/// Delivers until nothing is due; returns when something is next, in Unix milliseconds.
async fn deliver_all(engine: &Engine) -> i64 {
    loop {
        match engine.deliver_due().await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "webhooks could not be called");
                return i64::MAX;
            }
        }
    }
    let next = engine.store().webhooks().next_due_ms().await;
    next.ok().flatten().unwrap_or(i64::MAX)
}
