//! What changed just now: which records, tasks, clusters and webhooks somebody who looks on should read again.
//!
//! No log of events: for each subject only its latest change is known, so a thousand changes nobody has seen
//! yet are one, and the memory is bounded however long nobody looks. Changes are noted once they are durable.
//! A [`Position`] says up to where somebody has seen them; one of another process, or of too long ago, is
//! answered with [`Since::Lost`]: then everything has to be read again.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard};

use domain::id::{ClusterId, NodeId, RecordId, TaskKey, random_hex32};
use tokio::sync::watch;

/// Most subjects whose changes are known; those that changed longest ago are forgotten first.
const MOST_SUBJECTS: usize = 4_096;
/// Characters of the text that tells processes apart.
const BOOT_LENGTH: usize = 12;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A record: its status or its counts.
    Record {
        /// The record.
        id: RecordId,
        /// Its task.
        task: TaskKey,
    },
    /// A task: what it says, when it starts next, how its latest run stands; or it is gone.
    Task(TaskKey),
    /// A cluster: what is known of it, its health, or that it was looked at; or it is gone.
    Cluster(ClusterId),
    /// A webhook: what it is told of, or a call of it; or it is gone.
    Webhook(NodeId),
}

/// Up to where somebody has seen what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    boot: String,
    seq: u64,
}

/// A text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a position among the live events")]
pub struct InvalidPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.boot, self.seq)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (boot, seq) = text.split_once('.').ok_or(InvalidPosition)?;
        let known = boot.len() == BOOT_LENGTH && boot.bytes().all(|b| b.is_ascii_hexdigit());
        let seq = seq.parse().map_err(|_| InvalidPosition)?;
        if known {
            Ok(Self {
                boot: boot.into(),
                seq,
            })
        } else {
            Err(InvalidPosition)
        }
    }
}

/// What changed behind a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// These, the longest ago first, each with the position behind it.
    Changed(Vec<(Position, Subject)>),
    /// More than is known: read everything again, and go on from here.
    Lost(Position),
}

#[derive(Default)]
struct Known {
    seq: u64,
    /// The latest change that was forgotten.
    forgotten: u64,
    by_seq: BTreeMap<u64, Subject>,
    seq_of: HashMap<Subject, u64>,
}

/// What changed, as far as this process knows.
pub struct Live {
    boot: String,
    known: Mutex<Known>,
    /// The latest change; dropped when there will be no more.
    latest: Mutex<Option<watch::Sender<u64>>>,
    heard: watch::Receiver<u64>,
}

impl Default for Live {
    fn default() -> Self {
        let (latest, heard) = watch::channel(0);
        Self {
            boot: random_hex32()[..BOOT_LENGTH].into(),
            known: Mutex::default(),
            latest: Mutex::new(Some(latest)),
            heard,
        }
    }
}

impl Live {
    /// Notes that `subject` changed.
    pub(crate) fn note(&self, subject: Subject) {
        let mut known = lock(&self.known);
        known.seq += 1;
        let seq = known.seq;
        if let Some(before) = known.seq_of.insert(subject.clone(), seq) {
            known.by_seq.remove(&before);
        }
        known.by_seq.insert(seq, subject);
        if known.by_seq.len() > MOST_SUBJECTS
            && let Some((oldest, subject)) = known.by_seq.pop_first()
        {
            known.seq_of.remove(&subject);
            known.forgotten = oldest;
        }
        drop(known);
        if let Some(latest) = &*lock(&self.latest) {
            latest.send_replace(seq);
        }
    }

    /// Returns the position behind everything that changed so far.
    pub fn now(&self) -> Position {
        self.position(lock(&self.known).seq)
    }

    /// Returns what changed behind `position`.
    pub fn since(&self, position: &Position) -> Since {
        let known = lock(&self.known);
        let lost = position.boot != self.boot || position.seq < known.forgotten || position.seq > known.seq;
        if lost {
            return Since::Lost(self.position(known.seq));
        }
        let changed = known.by_seq.range(position.seq + 1..);
        Since::Changed(
            changed
                .map(|(seq, subject)| (self.position(*seq), subject.clone()))
                .collect(),
        )
    }

    /// Returns once something changed behind `position`; `false` when nothing will change here any more.
    pub async fn changed(&self, position: &Position) -> bool {
        let mut heard = self.heard.clone();
        heard.wait_for(|seq| *seq > position.seq).await.is_ok()
    }

    /// Says that nothing will change here any more, so that nobody waits for it.
    pub fn close(&self) {
        lock(&self.latest).take();
    }

    fn position(&self, seq: u64) -> Position {
        Position {
            boot: self.boot.clone(),
            seq,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(n: usize) -> Subject {
        Subject::Task(TaskKey(n.to_string()))
    }

    fn subjects(since: Since) -> Vec<Subject> {
        match since {
            Since::Changed(changed) => changed.into_iter().map(|(_, subject)| subject).collect(),
            Since::Lost(_) => unreachable!("it is known"),
        }
    }

    #[test]
    fn a_thousand_changes_of_one_subject_are_one_and_it_moves_to_the_end() {
        let live = Live::default();
        let begin = live.now();

        for n in 0..1_000 {
            live.note(task(n % 2));
        }

        assert_eq!(subjects(live.since(&begin)), [task(0), task(1)]);
        assert_eq!(subjects(live.since(&live.now())), []);
    }

    #[test]
    fn a_position_of_another_process_or_of_too_long_ago_is_lost() {
        let live = Live::default();
        let begin = live.now();
        let elsewhere = Live::default().now();

        for n in 0..=MOST_SUBJECTS {
            live.note(task(n));
        }

        assert_eq!(live.since(&begin), Since::Lost(live.now()));
        assert_eq!(live.since(&elsewhere), Since::Lost(live.now()));
        assert_eq!(lock(&live.known).by_seq.len(), MOST_SUBJECTS);
    }

    #[test]
    fn positions_are_read_back_and_nothing_else_is() {
        let position = Live::default().now();

        assert_eq!(position.to_string().parse(), Ok(position));
        for text in [
            "",
            "1",
            "x.1",
            "0123456789ab.",
            "0123456789ab.-1",
            "0123456789xy.1",
        ] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn who_waits_hears_of_a_change_and_of_the_end() {
        let live = Live::default();
        let begin = live.now();

        live.note(task(1));
        assert!(live.changed(&begin).await);
        live.close();

        assert!(!live.changed(&live.now()).await);
    }
}
