//! What of a page is on its way: takes the endings in, commits them, and shows what takes long as running.

use std::collections::HashMap;

use domain::detail::Outcome;
use domain::id::DetailId;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use storage::db::StoreResult;
use storage::writer::{DetailRow, PageMark};
use tokio::sync::mpsc;

use super::batch::{Ended, batches};
use super::item::{Item, Line};
use super::page::Before;
use super::started::{SHOWN_RUNNING_AFTER, Started};
use super::unit::UnitRun;

/// How long an artifact may be in flight before it is shown as running (milliseconds).
const SHOWN_RUNNING_AFTER_MS: i64 = SHOWN_RUNNING_AFTER.as_millis() as i64;

/// How long what is settled may wait for more that is committed with it.
const COMMITTED_WITHIN_MS: i64 = 100;

/// A time that does not come.
const NEVER: i64 = i64::MAX;

/// Most rows of one group.
const GROUP_ROWS: usize = 2_000;

/// The artifacts of a page that are not settled yet, and the rows that are not committed.
struct Flight {
    flying: HashMap<DetailId, Flying>,
    /// How many of them are not shown as running.
    unshown: usize,
    rows: Vec<DetailRow>,
    /// When the rows are committed at the latest.
    commit_ms: i64,
    /// When it is looked next for what takes long.
    look_ms: i64,
}

struct Flying {
    line: Line,
    started: Started,
    /// Whether it is stored as running.
    shown: bool,
}

impl UnitRun {
    /// Carries the artifacts of page `page_no` that have to be written, and settles every one.
    pub(super) async fn carry_writes(
        &self,
        writes: Vec<Item>,
        page_no: u32,
        before: Before,
    ) -> StoreResult<()> {
        let capabilities = self.carrier.target.capabilities();
        let mut flight = Flight::new(&writes, &before, self.clock.now_ms());
        let (ended, mut endings) = mpsc::unbounded_channel();
        let mut carrying: FuturesUnordered<_> = batches(writes, &capabilities)
            .into_iter()
            .map(|batch| self.carrier.carry(batch, ended.clone()))
            .collect();
        drop(ended);
        let mut is_over = false;
        while !is_over {
            tokio::select! {
                biased;
                ending = endings.recv() => match ending {
                    Some(ending) => flight.take(self, ending, &mut endings),
                    None => is_over = true,
                },
                more = carrying.next(), if !carrying.is_empty() => {
                    let () = more.unwrap_or_default();
                    continue;
                }
                () = self.clock.sleep_until_ms(flight.next_ms()), if flight.next_ms() < NEVER => {
                    flight.show_running(self);
                }
            }
            let mut marks = Vec::new();
            if flight.flying.is_empty() {
                is_over = true;
                let unit_no = self.unit_no;
                marks.push(PageMark::Closed { unit_no, page_no });
            }
            if !is_over && !flight.is_due(self.clock.now_ms()) {
                continue;
            }
            // Batches go on moving while this group becomes durable.
            let mut commit = std::pin::pin!(self.commit(flight.due(), marks));
            loop {
                tokio::select! {
                    biased;
                    result = &mut commit => break result?,
                    Some(()) = carrying.next(), if !carrying.is_empty() => {}
                }
            }
        }
        // Everything has arrived; a target may still have something to clear away.
        while let Some(()) = carrying.next().await {}
        Ok(())
    }
}

impl Flight {
    fn new(writes: &[Item], before: &Before, now_ms: i64) -> Self {
        let flying = writes.iter().map(|item| {
            let flying = Flying {
                line: Line::of(item),
                started: item.started.clone(),
                shown: before.running.contains_key(&item.artifact.key),
            };
            (item.id, flying)
        });
        let flying: HashMap<_, _> = flying.collect();
        Self {
            unshown: flying.values().filter(|flying| !flying.shown).count(),
            flying,
            rows: Vec::new(),
            commit_ms: NEVER,
            look_ms: now_ms + SHOWN_RUNNING_AFTER_MS,
        }
    }

    /// Takes one ending and whatever else has ended by now.
    fn take(&mut self, run: &UnitRun, first: Ended, endings: &mut mpsc::UnboundedReceiver<Ended>) {
        let now_ms = run.clock.now_ms();
        let mut next = Some(first);
        while let Some((item, settlement)) = next {
            if settlement.outcome == Outcome::Failed {
                run.note_failed(settlement.failure.as_ref());
            }
            if let Some(flying) = self.flying.remove(&item.id) {
                self.unshown -= usize::from(!flying.shown);
                let line = Line::of(&item);
                self.rows
                    .push(line.settled(run.unit_no, settlement, now_ms, flying.shown));
            }
            next = if self.rows.len() < GROUP_ROWS {
                endings.try_recv().ok()
            } else {
                None
            };
        }
        // All pages at the same moments, so that they share transactions.
        let next_ms = (now_ms / COMMITTED_WITHIN_MS + 1) * COMMITTED_WITHIN_MS;
        self.commit_ms = self.commit_ms.min(next_ms);
    }

    /// Shows what has been in flight for long as running, if it is time to look.
    fn show_running(&mut self, run: &UnitRun) {
        let now_ms = run.clock.now_ms();
        if now_ms < self.look_ms {
            return;
        }
        self.look_ms = now_ms + SHOWN_RUNNING_AFTER_MS;
        let since_ms = now_ms - SHOWN_RUNNING_AFTER_MS;
        for flying in self.flying.values_mut().filter(|flying| !flying.shown) {
            if self.rows.len() >= GROUP_ROWS {
                break;
            }
            if let Some(started_ms) = flying.started.begun_ms().filter(|begun_ms| *begun_ms <= since_ms) {
                flying.shown = true;
                self.unshown -= 1;
                self.commit_ms = now_ms;
                let line = Line {
                    started_ms,
                    ..flying.line.clone()
                };
                self.rows.push(line.running(run.unit_no));
            }
        }
    }

    /// Returns when there is something to do, though nothing ends.
    fn next_ms(&self) -> i64 {
        match self.unshown {
            0 => self.commit_ms,
            _ => self.commit_ms.min(self.look_ms),
        }
    }

    fn is_due(&self, now_ms: i64) -> bool {
        self.commit_ms <= now_ms || self.rows.len() >= GROUP_ROWS
    }

    /// Returns the rows that are to be committed now.
    fn due(&mut self) -> Vec<DetailRow> {
        self.commit_ms = NEVER;
        std::mem::take(&mut self.rows)
    }
}
