//! What of a page is on its way: takes the endings in, and shows what takes long as running.

use std::collections::HashMap;

use domain::detail::Outcome;
use domain::id::DetailId;
use storage::writer::DetailRow;
use tokio::sync::mpsc;

use super::batch::Ended;
use super::item::{Item, Line};
use super::page::{Before, GROUP_ROWS};
use super::unit::UnitRun;

/// How long an artifact may be in flight before it is shown as running.
pub(super) const SHOWN_RUNNING_AFTER_MS: i64 = 1_000;

/// The artifacts of a page that are not settled yet.
pub(super) struct Flight {
    flying: HashMap<DetailId, (Line, bool)>,
}

impl Flight {
    pub(super) fn new(writes: &[Item], before: &Before) -> Self {
        let flying = writes
            .iter()
            .map(|item| {
                let shown = before.running.contains_key(&item.artifact.key);
                (item.id, (Line::of(item), shown))
            })
            .collect();
        Self { flying }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flying.is_empty()
    }

    pub(super) fn all_shown(&self) -> bool {
        self.flying.values().all(|(_, shown)| *shown)
    }

    /// Takes one ending and whatever else has ended by now.
    pub(super) fn take(
        &mut self,
        run: &UnitRun,
        first: Ended,
        endings: &mut mpsc::UnboundedReceiver<Ended>,
        rows: &mut Vec<DetailRow>,
    ) {
        let now_ms = run.clock.now_ms();
        let mut next = Some(first);
        while let Some((item, settlement)) = next {
            if settlement.outcome == Outcome::Failed {
                run.note_failed(settlement.failure.as_ref());
            }
            if let Some((_, shown)) = self.flying.remove(&item.id) {
                rows.push(Line::of(&item).settled(run.unit_no, settlement, now_ms, shown));
            }
            next = if rows.len() < GROUP_ROWS {
                endings.try_recv().ok()
            } else {
                None
            };
        }
    }

    /// Shows what has been in flight for long as running.
    pub(super) fn show_running(&mut self, run: &UnitRun, rows: &mut Vec<DetailRow>) {
        let since_ms = run.clock.now_ms() - SHOWN_RUNNING_AFTER_MS;
        for (line, shown) in self.flying.values_mut() {
            if !*shown && line.started_ms <= since_ms && rows.len() < GROUP_ROWS {
                *shown = true;
                rows.push(line.clone().running(run.unit_no));
            }
        }
    }
}
