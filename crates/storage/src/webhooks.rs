//! Webhooks: who is told what, and what was told.
//!
//! A delivery is made in the transaction that makes its reason true, so none is lost and none is told of what
//! did not happen; each webhook is told once of each thing, however often it comes up ([`crate::notices`]).

use domain::cluster::{Audit, Secret};
use domain::id::{NodeId, TaskKey};
use domain::notice::{Notice, NoticeKind};

use crate::Store;
use crate::db::{Row, Statement, StoreResult, Value, Write, blob, flag, int, maybe, size, text};
use crate::live::Subject;
use crate::rows::{audit, audit_values, from_json, json, json_text, one_row};

/// How long deliveries are kept, in milliseconds.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// Who is told what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: NodeId,
    /// Its name, unique on this node.
    pub name: String,
    /// Where it is called.
    pub url: String,
    /// The task it is told of; `None`: every task.
    pub task: Option<TaskKey>,
    /// What it is told.
    pub events: Vec<NoticeKind>,
    /// What its calls are signed with.
    pub secret: Secret,
    /// Whether it is called.
    pub enabled: bool,
    /// Who made and changed it.
    pub audit: Audit,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is tried, or tried again.
    Waiting,
    /// It was answered as it should be.
    Delivered,
    /// It was tried as often as it may be.
    GivenUp,
}

impl DeliveryState {
    /// Returns its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

/// One thing told to one webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its number: larger for later ones.
    pub no: i64,
    /// Its id; the same however often it is tried.
    pub id: NodeId,
    /// The webhook.
    pub webhook: NodeId,
    /// What is told.
    pub notice: Notice,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next (Unix milliseconds).
    pub due_ms: Option<i64>,
    /// When it was made.
    pub created_ms: i64,
    /// When it was tried last.
    pub answered_ms: Option<i64>,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// Words of the last refusal or failure.
    pub words: Option<String>,
}

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Where the delivery stands now.
    pub state: DeliveryState,
    /// When it is tried again.
    pub due_ms: Option<i64>,
    /// When it was answered, or not (Unix milliseconds).
    pub answered_ms: i64,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Words of a refusal or failure.
    pub words: Option<String>,
}

/// The webhooks of this node.
pub struct Webhooks<'a>(pub(crate) &'a Store);

const COLUMNS: usize = 11;
const INSERT: &str = "INSERT INTO webhook (id, name, url, task_key, events, secret, enabled, \
    created_by, created_ms, modified_by, modified_ms) VALUES ";
const UPDATE: &str = "UPDATE webhook SET name = $2, url = $3, task_key = $4, events = $5, secret = $6, enabled = $7, \
    created_by = $8, created_ms = $9, modified_by = $10, modified_ms = $11 WHERE id = $1";
const ALL: &str = "SELECT * FROM webhook ORDER BY name";
const GET: &str = "SELECT * FROM webhook WHERE id = $1";
const DELETE: &str = "DELETE FROM webhook WHERE id = $1";
const DELETE_DELIVERIES: &str = "DELETE FROM webhook_delivery WHERE webhook_id = $1";
const TOLD_OF: &str =
    "SELECT id, events FROM webhook WHERE enabled = 1 AND (task_key IS NULL OR task_key = $1)";
const DELIVER: &str = "INSERT INTO webhook_delivery (id, webhook_id, told, event, notice, state, due_ms, created_ms) \
    VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7) ON CONFLICT (webhook_id, told) DO NOTHING";
const DUE: &str = "SELECT d.* FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id AND w.enabled = 1 \
    WHERE d.due_ms IS NOT NULL AND d.due_ms <= $1 ORDER BY d.due_ms LIMIT $2";
const NEXT_DUE: &str = "SELECT MIN(due_ms) AS due_ms FROM webhook_delivery WHERE due_ms IS NOT NULL";
const TAKE: &str = "UPDATE webhook_delivery SET attempts = attempts + 1, due_ms = $3 \
    WHERE no = $1 AND attempts = $2 AND due_ms IS NOT NULL";
const TRIED: &str = "UPDATE webhook_delivery SET state = $2, due_ms = $3, answered_ms = $4, status = $5, words = $6 \
    WHERE no = $1";
const PAGE: &str =
    "SELECT * FROM webhook_delivery WHERE webhook_id = $1 AND no < $2 ORDER BY no DESC LIMIT $3";
const LATEST: &str = "SELECT d.* FROM webhook w JOIN webhook_delivery d \
    ON d.no = (SELECT MAX(x.no) FROM webhook_delivery x WHERE x.webhook_id = w.id)";
const ONE: &str = "SELECT * FROM webhook_delivery WHERE webhook_id = $1 AND id = $2";
const AGAIN: &str = "UPDATE webhook_delivery SET state = 'waiting', attempts = 0, due_ms = $3 \
    WHERE webhook_id = $1 AND id = $2";
const FORGET: &str = "DELETE FROM webhook_delivery WHERE created_ms < $1";

impl Webhooks<'_> {
    /// Adds `webhook`; [`crate::StoreError::Taken`] when its name is.
    pub async fn insert(&self, webhook: &Webhook) -> StoreResult<()> {
        let sql = format!("{INSERT}{}", one_row(COLUMNS));
        self.write(webhook.id, sql, self.values(webhook)?).await?;
        Ok(())
    }

    /// Replaces everything kept under the id of `webhook`; says whether there is one.
    pub async fn update(&self, webhook: &Webhook) -> StoreResult<bool> {
        Ok(self.write(webhook.id, UPDATE, self.values(webhook)?).await? > 0)
    }

    /// Removes a webhook and what it was told; says whether there was one.
    pub async fn delete(&self, id: NodeId) -> StoreResult<bool> {
        let mut write = self.0.db().begin().await?;
        write.changed(Subject::Webhook(id));
        let id = blob(*id.as_bytes());
        let removed = write.execute(DELETE, vec![id.clone()]).await? > 0;
        write.execute(DELETE_DELIVERIES, vec![id]).await?;
        write.commit().await?;
        Ok(removed)
    }

    /// Returns every webhook, by name: a node has dozens at most.
    pub async fn all(&self) -> StoreResult<Vec<Webhook>> {
        let rows = self.0.db().fetch_all(ALL, vec![]).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// Returns the webhook with this id.
    pub async fn get(&self, id: NodeId) -> StoreResult<Option<Webhook>> {
        let row = self
            .0
            .db()
            .fetch_optional(GET, vec![blob(*id.as_bytes())])
            .await?;
        row.map(|row| self.read(&row)).transpose()
    }

    /// Tells every webhook that wants to hear of it `notice`, once for each `told`; says whether one wants to.
    pub async fn tell(&self, notice: &Notice, told: &str) -> StoreResult<bool> {
        let mut write = self.0.db().begin().await?;
        let wanted = tell(&mut write, self.0, notice, told).await?;
        write.commit().await?;
        Ok(wanted)
    }

    /// Keeps a delivery to `webhook` that was tried already, such as a test.
    pub async fn keep(&self, id: NodeId, webhook: NodeId, notice: &Notice, tried: &Tried) -> StoreResult<()> {
        let mut write = self.0.db().begin().await?;
        deliver(&mut write, id, webhook, notice, &id.to_string()).await?;
        let row = write
            .fetch_optional(ONE, vec![blob(*webhook.as_bytes()), blob(*id.as_bytes())])
            .await?;
        if let Some(row) = row {
            let no = row.int("no")?;
            write
                .execute(TAKE, vec![int(no), int(0), maybe(tried.due_ms, int)])
                .await?;
            write.execute(TRIED, tried_values(no, tried)).await?;
        }
        write.commit().await
    }

    /// Returns one delivery to a webhook.
    pub async fn delivery(&self, webhook: NodeId, id: NodeId) -> StoreResult<Option<Delivery>> {
        let values = vec![blob(*webhook.as_bytes()), blob(*id.as_bytes())];
        let row = self.0.db().fetch_optional(ONE, values).await?;
        row.map(|row| read_delivery(&row)).transpose()
    }

    /// Returns at most `limit` deliveries that are due at `now_ms`, the longest due first.
    pub async fn due(&self, now_ms: i64, limit: usize) -> StoreResult<Vec<Delivery>> {
        let values = vec![int(now_ms), size(limit as u64)];
        let rows = self.0.db().fetch_all(DUE, values).await?;
        rows.iter().map(read_delivery).collect()
    }

    /// Returns when the next delivery is due (Unix milliseconds).
    pub async fn next_due_ms(&self) -> StoreResult<Option<i64>> {
        let row = self.0.db().fetch_optional(NEXT_DUE, vec![]).await?;
        row.map_or(Ok(None), |row| row.maybe_int("due_ms"))
    }

    /// Takes a delivery in hand for one try, until `until_ms`: then it is due again, should nobody hear of the
    /// try. Says `false` when somebody else has it.
    pub async fn take(&self, delivery: &Delivery, until_ms: i64) -> StoreResult<bool> {
        let values = vec![int(delivery.no), int(delivery.attempts.into()), int(until_ms)];
        Ok(self.write(delivery.webhook, TAKE, values).await? > 0)
    }

    /// Notes what came of a try.
    pub async fn tried(&self, delivery: &Delivery, tried: &Tried) -> StoreResult<()> {
        self.write(delivery.webhook, TRIED, tried_values(delivery.no, tried))
            .await?;
        Ok(())
    }

    /// Returns at most `limit` deliveries to a webhook before the one numbered `before`, the latest first.
    pub async fn deliveries(
        &self,
        webhook: NodeId,
        before: Option<i64>,
        limit: usize,
    ) -> StoreResult<Vec<Delivery>> {
        let values = vec![
            blob(*webhook.as_bytes()),
            int(before.unwrap_or(i64::MAX)),
            size(limit as u64),
        ];
        let rows = self.0.db().fetch_all(PAGE, values).await?;
        rows.iter().map(read_delivery).collect()
    }

    /// Returns the latest delivery to each webhook, as far as there was one.
    pub async fn latest_deliveries(&self) -> StoreResult<Vec<Delivery>> {
        let rows = self.0.db().fetch_all(LATEST, vec![]).await?;
        rows.iter().map(read_delivery).collect()
    }

    /// Lets a delivery be tried from the beginning; says whether there is one.
    pub async fn deliver_again(&self, webhook: NodeId, id: NodeId, now_ms: i64) -> StoreResult<bool> {
        let values = vec![blob(*webhook.as_bytes()), blob(*id.as_bytes()), int(now_ms)];
        Ok(self.write(webhook, AGAIN, values).await? > 0)
    }

    /// Forgets deliveries of long ago.
    pub async fn forget(&self, now_ms: i64) -> StoreResult<()> {
        self.0.db().execute(FORGET, vec![int(now_ms - KEPT_MS)]).await?;
        Ok(())
    }

    /// Runs one statement that changes `webhook` or a call of it; returns how many rows it touched.
    async fn write(&self, webhook: NodeId, sql: impl Statement, values: Vec<Value>) -> StoreResult<u64> {
        let mut write = self.0.db().begin().await?;
        let touched = write.execute(sql, values).await?;
        write.changed(Subject::Webhook(webhook));
        write.commit().await?;
        Ok(touched)
    }

    fn values(&self, webhook: &Webhook) -> StoreResult<Vec<Value>> {
        let row = webhook.id.to_string();
        let sealed = self.0.vault().seal(&webhook.secret, "webhook", "secret", &row)?;
        let mut values = vec![
            blob(*webhook.id.as_bytes()),
            text(&webhook.name),
            text(&webhook.url),
            maybe(webhook.task.as_ref(), |key| text(&key.0)),
            json(&webhook.events),
            blob(sealed),
            flag(webhook.enabled),
        ];
        values.extend(audit_values(&webhook.audit));
        Ok(values)
    }

    fn read(&self, row: &Row) -> StoreResult<Webhook> {
        let id = NodeId::from(row.bytes("id")?);
        let sealed = row.blob("secret")?;
        Ok(Webhook {
            id,
            name: row.text("name")?,
            url: row.text("url")?,
            task: row.maybe_text("task_key")?.map(TaskKey),
            events: from_json("webhook", &row.text("events")?)?,
            secret: self
                .0
                .vault()
                .open(&sealed, "webhook", "secret", &id.to_string())?,
            enabled: row.flag("enabled")?,
            audit: audit(row)?,
        })
    }
}

/// Says whether any webhook may want to hear of the task `key`.
pub(crate) async fn anybody(write: &mut Write, key: &TaskKey) -> StoreResult<bool> {
    Ok(write.fetch_optional(TOLD_OF, vec![text(&key.0)]).await?.is_some())
}

/// Tells every webhook that wants to hear of it `notice`, within a transaction; says whether one wants to.
pub(crate) async fn tell(write: &mut Write, store: &Store, notice: &Notice, told: &str) -> StoreResult<bool> {
    let key = notice.task.as_ref().map_or("", |task| task.key.0.as_str());
    let mut wanted = false;
    for row in write.fetch_all(TOLD_OF, vec![text(key)]).await? {
        let events: Vec<NoticeKind> = from_json("webhook", &row.text("events")?)?;
        if events.contains(&notice.kind) {
            let webhook = NodeId::from(row.bytes("id")?);
            deliver(write, store.next_id(), webhook, notice, told).await?;
            wanted = true;
        }
    }
    Ok(wanted)
}

async fn deliver(
    write: &mut Write,
    id: NodeId,
    webhook: NodeId,
    notice: &Notice,
    told: &str,
) -> StoreResult<()> {
    let values = vec![
        blob(*id.as_bytes()),
        blob(*webhook.as_bytes()),
        text(told),
        text(notice.kind.as_str()),
        text(json_text(notice)),
        int(notice.at_ms),
        int(notice.at_ms),
    ];
    if write.execute(DELIVER, values).await? > 0 {
        write.changed(Subject::Webhook(webhook));
    }
    Ok(())
}

fn tried_values(no: i64, tried: &Tried) -> Vec<Value> {
    vec![
        int(no),
        text(tried.state.as_str()),
        maybe(tried.due_ms, int),
        int(tried.answered_ms),
        maybe(tried.status, |status| int(status.into())),
        maybe(tried.words.as_deref(), text),
    ]
}

fn read_delivery(row: &Row) -> StoreResult<Delivery> {
    let state = row.text("state")?;
    Ok(Delivery {
        no: row.int("no")?,
        id: NodeId::from(row.bytes("id")?),
        webhook: NodeId::from(row.bytes("webhook_id")?),
        notice: from_json("webhook_delivery", &row.text("notice")?)?,
        state: match state.as_str() {
            "waiting" => DeliveryState::Waiting,
            "delivered" => DeliveryState::Delivered,
            "given_up" => DeliveryState::GivenUp,
            other => return Err(crate::rows::unreadable("webhook_delivery", other)),
        },
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
        due_ms: row.maybe_int("due_ms")?,
        created_ms: row.int("created_ms")?,
        answered_ms: row.maybe_int("answered_ms")?,
        status: row
            .maybe_int("status")?
            .and_then(|status| u16::try_from(status).ok()),
        words: row.maybe_text("words")?,
    })
}
