//! Carries out an event record: a burst of changes, from the first one until nothing is left to carry.
//!
//! Its units are those of the task, but each begins only when something it covers has changed, and begins
//! again when something more has. They go side by side, so that one target's large blob keeps no change from
//! another. The record ends when no unit has anything in hand or waiting, and nothing came for a moment.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use connectors::http::Throttle;
use domain::record::ReasonLine;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use storage::db::StoreResult;
use storage::writer::UnitProgress;

use super::feed::Feed;
use super::part::Part;
use super::unit::UnitEnd;
use super::{Run, unit_of};

/// How long nothing must come before a burst is over, in milliseconds.
const QUIET_MS: i64 = 1_000;

/// How long a record takes what comes, in milliseconds: then it ends, and what comes is the next one's.
const LONGEST_MS: i64 = 3_600_000;

/// Longest sleep between two looks for more, in milliseconds; another process may have noted it.
const LOOK_EVERY_MS: i64 = 2_000;

type Flight<'a> = BoxFuture<'a, StoreResult<(u16, UnitEnd)>>;

struct Burst<'a> {
    run: &'a Run,
    throttle: Arc<Throttle>,
    /// One per target, in the order of the plan.
    parts: Vec<Arc<Part>>,
    flights: FuturesUnordered<Flight<'a>>,
    /// Of the units that are under way.
    feeds: HashMap<u16, Arc<Feed>>,
    /// Units whose part is over.
    ended: BTreeMap<u16, ReasonLine>,
}

impl Run {
    /// Carries what changed, until the burst is over; returns what was not attempted.
    pub(super) async fn carry_events(&self, throttle: Arc<Throttle>) -> StoreResult<Vec<ReasonLine>> {
        let burst = Burst {
            run: self,
            throttle,
            parts: self
                .plan
                .targets
                .iter()
                .map(|cluster| self.new_part(cluster))
                .collect(),
            flights: FuturesUnordered::new(),
            feeds: HashMap::new(),
            ended: BTreeMap::new(),
        };
        burst.carry().await
    }

    /// Carries what changed in one repository to one target, until nothing is left.
    async fn event_unit(
        &self,
        feed: Arc<Feed>,
        part: Arc<Part>,
        throttle: Arc<Throttle>,
    ) -> StoreResult<(u16, UnitEnd)> {
        let store = &self.engine.inner.store;
        let unit_no = feed.unit_no;
        let objects = self.plan.objects.len();
        let (target_no, object_no) = (usize::from(unit_no) / objects, usize::from(unit_no) % objects);
        let object = &self.plan.objects[object_no];
        let unit = unit_of(&self.plan, target_no, object_no, &self.engine.inner.cluster_name);
        store.records().set_units(self.claimed.no, &[unit]).await?;
        if let Some(failure) = self.failed_before(&part.cluster, object).await? {
            part.end(failure);
        }
        let known = store.writer().progress(self.claimed.no).await?;
        let known = known.into_iter().find(|progress| progress.unit_no == unit_no);
        let progress = UnitProgress {
            exhausted: false,
            ..known.unwrap_or_else(|| UnitProgress::new(unit_no))
        };
        let end = match self.unit(object, &part, throttle, unit_no, Some(feed)).await? {
            Ok(unit) => unit.run(progress).await?,
            Err(failure) => UnitEnd::Ended {
                from_key: None,
                failure,
            },
        };
        Ok((unit_no, end))
    }
}

impl Burst<'_> {
    async fn carry(mut self) -> StoreResult<Vec<ReasonLine>> {
        let inner = &self.run.engine.inner;
        let (no, stop) = (self.run.claimed.no, &self.run.stop);
        for unit in inner.store.writer().progress(no).await? {
            if !unit.open_pages.is_empty() {
                self.wake(unit.unit_no);
            }
        }
        let mut quiet_since_ms = None;
        loop {
            let events = inner.store.events();
            let noted = events.noted();
            let now_ms = inner.clock.now_ms();
            let takes_more = now_ms < self.closes_ms() && !stop.is_cancelled();
            if takes_more {
                for unit_no in events.due_units(no, now_ms).await? {
                    self.wake(unit_no);
                }
            }
            let over_ms = if self.flights.is_empty() {
                *quiet_since_ms.get_or_insert(now_ms) + QUIET_MS
            } else {
                quiet_since_ms = None;
                now_ms + LOOK_EVERY_MS
            };
            if self.flights.is_empty() && (!takes_more || now_ms >= over_ms) {
                return Ok(self.ended.into_values().collect());
            }
            tokio::select! {
                Some(flown) = self.flights.next() => {
                    let (unit_no, end) = flown?;
                    self.land(unit_no, end);
                }
                () = noted => {}
                () = inner.clock.sleep_until_ms(over_ms) => {}
                () = stop.cancelled(), if self.flights.is_empty() => {}
            }
        }
    }

    fn closes_ms(&self) -> i64 {
        let record = &self.run.claimed.record;
        record.started_ms.unwrap_or(record.created_ms) + LONGEST_MS
    }

    /// Sets a unit going, or tells it that there is more; one whose part is over stays as it is.
    fn wake(&mut self, unit_no: u16) {
        if let Some(feed) = self.feeds.get(&unit_no) {
            feed.grown.notify_one();
            return;
        }
        let target_no = usize::from(unit_no) / self.run.plan.objects.len();
        let Some(part) = self
            .parts
            .get(target_no)
            .filter(|_| !self.ended.contains_key(&unit_no))
        else {
            return;
        };
        let inner = &self.run.engine.inner;
        let feed = Arc::new(Feed {
            store: inner.store.clone(),
            clock: inner.clock.clone(),
            record_no: self.run.claimed.no,
            unit_no,
            closes_ms: self.closes_ms(),
            grown: tokio::sync::Notify::new(),
            in_hand: std::sync::Mutex::new(HashSet::new()),
        });
        self.feeds.insert(unit_no, feed.clone());
        let flight = self.run.event_unit(feed, part.clone(), self.throttle.clone());
        self.flights.push(Box::pin(flight));
    }

    fn land(&mut self, unit_no: u16, end: UnitEnd) {
        self.feeds.remove(&unit_no);
        if let UnitEnd::Ended { from_key, failure } = end {
            let plan = &self.run.plan;
            let target_no = usize::from(unit_no) / plan.objects.len();
            let line = ReasonLine::NotAttempted {
                cluster: plan.targets[target_no].clone(),
                repository: plan.objects[usize::from(unit_no) % plan.objects.len()]
                    .local_repository
                    .clone(),
                from_key,
                failure,
            };
            self.ended.insert(unit_no, line);
        }
    }
}
