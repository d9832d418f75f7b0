//! Webhooks: told once, signed, tried again, and of nothing that did not happen.

use std::sync::Mutex;

use async_trait::async_trait;
use connectors::webhook::{Answered, Call};
use domain::cluster::Secret;
use domain::failure::{ErrorKind, Stage};
use domain::notice::{Notice, NoticeKind};
use domain::ports::{ConnectorError, ConnectorResult};
use domain::record::RecordStatus;
use engine::webhooks::{Courier, WebhookDraft};
use serde_json::Value;
use storage::webhooks::DeliveryState;
use testkit::{Op, on};

use crate::build::task;
use crate::world::{START_MS, World};

/// Answers as it is told, and keeps what it was asked.
#[derive(Default)]
pub struct Calls {
    pub made: Mutex<Vec<Call>>,
    /// Status of every answer; 0: nobody answers.
    pub status: Mutex<Option<u16>>,
}

#[async_trait]
impl Courier for Calls {
    async fn call(&self, call: &Call) -> ConnectorResult<Answered> {
        self.made.lock().unwrap().push(call.clone());
        match *self.status.lock().unwrap() {
            Some(0) => Err(ConnectorError::new(ErrorKind::Unreachable, Stage::Write, "hook").words("gone")),
            status => Ok(Answered {
                status: status.unwrap_or(200),
                wait: None,
                words: None,
            }),
        }
    }
}

impl Calls {
    fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = Some(status);
    }

    /// Returns what was told so far, by event, and forgets it.
    fn told(&self) -> Vec<(String, Value)> {
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        made.into_iter()
            .map(|call| (call.event, serde_json::from_str(&call.body).unwrap()))
            .collect()
    }
}

fn hook(name: &str, events: &[NoticeKind]) -> WebhookDraft {
    WebhookDraft {
        name: name.into(),
        url: "https://hooks.example/waybill".into(),
        task: None,
        events: events.to_vec(),
        secret: Some(Secret::new("0123456789abcdef")),
        enabled: true,
    }
}

impl World {
    async fn hook(&self, events: &[NoticeKind]) -> String {
        let made = self
            .engine
            .create_webhook(hook("ops", events), "admin")
            .await
            .unwrap();
        made.id.to_string()
    }

    /// Waits until everything is delivered, whoever does it, and returns what was told since.
    async fn told(&self, webhook: &str) -> Vec<(String, Value)> {
        let id = webhook.parse().unwrap();
        loop {
            self.engine.deliver_due().await.unwrap();
            let log = self.store.webhooks().deliveries(id, None, 100).await.unwrap();
            if log
                .iter()
                .all(|delivery| delivery.state == DeliveryState::Delivered)
            {
                return self.calls().told();
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_task_that_fails_for_the_same_reason_is_told_of_once_until_it_recovers() {
    let world = World::start().await;
    let hook = world.hook(&[]).await;
    world.source.holds_files(3);
    world.target.script(on(Op::Put).fails(ErrorKind::Disk));

    let first = world.run(task()).await;
    let told_first = world.told(&hook).await;
    world.run_again(&first.task_key).await;
    let told_again = world.told(&hook).await;
    world.target.behaves();
    let well = world.run_again(&first.task_key).await;
    let told_well = world.told(&hook).await;
    world.run_again(&first.task_key).await;

    assert_eq!(
        (first.status, well.status),
        (RecordStatus::Failed, RecordStatus::Succeeded)
    );
    assert_eq!(told_first.len(), 1);
    let (event, body) = &told_first[0];
    assert_eq!(event, "run.failed");
    assert_eq!(body["record"]["id"], first.id.to_string());
    assert_eq!(body["record"]["counts"]["failed"], 3);
    assert_eq!(body["record"]["reasons"][0]["failure"]["class"], "disk");
    assert!(told_again.is_empty(), "{told_again:?}");
    assert_eq!(told_well.len(), 1);
    assert_eq!(
        (told_well[0].0.as_str(), &told_well[0].1["since"]),
        ("run.recovered", &body["at"])
    );
    assert_eq!(world.told(&hook).await, []);
}

#[tokio::test]
async fn a_webhook_that_does_not_answer_is_called_again_under_the_same_id_and_then_no_more() {
    let world = World::asleep(engine::Limits::default()).await;
    let id = world.hook(&[]).await;
    world.calls().answers(0);
    let notice = Notice {
        kind: NoticeKind::RunFailed,
        at_ms: world.store.now_ms(),
        task: None,
        run: None,
        since_ms: None,
    };
    for _ in 0..2 {
        assert!(world.store.webhooks().tell(&notice, "once").await.unwrap());
    }

    let mut ids = Vec::new();
    for _ in 0..12 {
        while world.engine.deliver_due().await.unwrap() > 0 {}
        ids.extend(
            world
                .calls()
                .made
                .lock()
                .unwrap()
                .drain(..)
                .map(|call| call.delivery),
        );
        world.clock.advance_ms(6 * 3_600_000);
    }
    let webhook = world.engine.webhook(&id).await.unwrap();
    let log = world
        .store
        .webhooks()
        .deliveries(webhook.id, None, 10)
        .await
        .unwrap();

    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(
        (log.len(), log[0].state, log[0].attempts),
        (1, DeliveryState::GivenUp, 9)
    );
    assert_eq!((log[0].due_ms, log[0].words.as_deref()), (None, Some("gone")));
    world.calls().answers(200);
    world.engine.deliver_again(&id, &ids[0]).await.unwrap();
    while world.engine.deliver_due().await.unwrap() > 0 {}
    let log = world
        .store
        .webhooks()
        .deliveries(webhook.id, None, 10)
        .await
        .unwrap();
    assert_eq!(
        (log[0].state, log[0].status),
        (DeliveryState::Delivered, Some(200))
    );
}

#[tokio::test]
async fn a_schedule_that_falls_silent_is_told_of_once_and_others_are_not_told() {
    let world = World::asleep(engine::Limits::default()).await;
    let hook = world.hook(&[NoticeKind::ScheduleSilent]).await;
    world.save(task().cron("0 0 * * * ?", START_MS + 3_600_000)).await;
    world.clock.advance_ms(2 * 3_600_000);

    world.engine.tell_silent().await.unwrap();
    let told = world.told(&hook).await;
    world.clock.advance_ms(3_600_000);
    world.engine.tell_silent().await.unwrap();

    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, "schedule.silent");
    assert!(told[0].1["since"].is_string() && told[0].1["record"].is_null());
    assert_eq!(world.told(&hook).await, []);
}

#[tokio::test]
async fn a_test_calls_once_and_says_what_was_answered() {
    let world = World::asleep(engine::Limits::default()).await;
    let id = world.hook(&[NoticeKind::RunFailed]).await;
    world.calls().answers(503);

    let tried = world.engine.test_webhook(&id).await.unwrap();
    let again = world.engine.create_webhook(hook("ops", &[]), "admin").await;

    assert_eq!(
        (tried.state, tried.status, tried.due_ms),
        (DeliveryState::GivenUp, Some(503), None)
    );
    assert_eq!(world.calls().told().len(), 1);
    assert!(again.is_err());
    for url in ["ftp://x", "hooks.example", "http://bob:pw@x/", "bkrepo+http://x"] {
        let draft = WebhookDraft {
            url: url.into(),
            ..hook("other", &[])
        };
        assert!(
            world.engine.create_webhook(draft, "admin").await.is_err(),
            "{url}"
        );
    }
}
