//! Slows failed logins per address and user, so that guessing is hopeless and nobody is locked out.
//!
//! After a few failures each further try for the same user from the same address waits its turn; the
//! waits double up to a limit. A right password passes when its turn comes, and other addresses are not
//! affected.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

/// Failures that cost nothing: people mistype.
const FREE_FAILURES: u32 = 3;
const FIRST_WAIT_MS: i64 = 250;
const LONGEST_WAIT_MS: i64 = 8_000;
/// A name is forgotten after this long without a failure.
const FORGOTTEN_AFTER_MS: i64 = 15 * 60 * 1000;
/// Names that are remembered at most; memory stays bounded whatever is tried.
const MOST_NAMES: usize = 10_000;
/// Tries that may wait for one name; more are told to come back.
const MOST_WAITING: u32 = 8;

type Name = (IpAddr, String);

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    failures: u32,
    next_turn_ms: i64,
    waiting: u32,
    touched_ms: i64,
}

/// Remembers who failed to log in.
#[derive(Debug, Default)]
pub(crate) struct Slowdown(Mutex<HashMap<Name, Entry>>);

/// When a try may be checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// At this Unix time in milliseconds.
    At(i64),
    /// Not before so many seconds, and not on this request.
    ComeBack(u64),
}

impl Slowdown {
    /// Takes a turn for a try of `name` at `now_ms`; it must be given back with [`Slowdown::end`].
    pub(crate) fn take_turn(&self, name: &Name, now_ms: i64) -> Turn {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(name) else {
            return Turn::At(now_ms);
        };
        if entry.failures < FREE_FAILURES {
            return Turn::At(now_ms);
        }
        let turn_ms = entry.next_turn_ms.max(now_ms);
        if entry.waiting >= MOST_WAITING {
            let wait_ms = u64::try_from(turn_ms - now_ms).unwrap_or(0);
            return Turn::ComeBack(wait_ms.div_ceil(1000).max(1));
        }
        entry.waiting += 1;
        entry.next_turn_ms = turn_ms + wait_ms(entry.failures);
        Turn::At(turn_ms)
    }

    /// Ends a try whose turn came: a right login forgets the failures, a wrong one adds to them.
    pub(crate) fn end(&self, name: &Name, right: bool, now_ms: i64) {
        let mut entries = self.entries();
        if right {
            entries.remove(name);
            return;
        }
        if entries.len() >= MOST_NAMES && !entries.contains_key(name) {
            entries.retain(|_, entry| entry.touched_ms > now_ms - FORGOTTEN_AFTER_MS);
            if entries.len() >= MOST_NAMES {
                return;
            }
        }
        let entry = entries.entry(name.clone()).or_default();
        if entry.touched_ms < now_ms - FORGOTTEN_AFTER_MS {
            *entry = Entry::default();
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.waiting = entry.waiting.saturating_sub(1);
        entry.touched_ms = now_ms;
        entry.next_turn_ms = entry.next_turn_ms.max(now_ms + wait_ms(entry.failures));
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Name, Entry>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn wait_ms(failures: u32) -> i64 {
    let doublings = failures.saturating_sub(FREE_FAILURES).min(16);
    (FIRST_WAIT_MS << doublings).min(LONGEST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn name(last: u8) -> Name {
        (IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), "admin".into())
    }

    fn fail(slowdown: &Slowdown, times: u32) {
        for _ in 0..times {
            slowdown.take_turn(&name(1), 0);
            slowdown.end(&name(1), false, 0);
        }
    }

    #[test]
    fn failures_wait_longer_and_longer_and_a_right_login_forgets_them() {
        let slowdown = Slowdown::default();

        fail(&slowdown, 3);
        let Turn::At(first) = slowdown.take_turn(&name(1), 0) else {
            unreachable!("nobody waits")
        };
        slowdown.end(&name(1), false, first);
        let Turn::At(second) = slowdown.take_turn(&name(1), first) else {
            unreachable!("nobody waits")
        };
        slowdown.end(&name(1), true, second);

        assert!(
            first >= FIRST_WAIT_MS && second - first > first,
            "{first} {second}"
        );
        assert_eq!(slowdown.take_turn(&name(1), second), Turn::At(second));
    }

    #[test]
    fn another_address_is_never_slowed() {
        let slowdown = Slowdown::default();

        fail(&slowdown, 50);

        assert_eq!(slowdown.take_turn(&name(2), 0), Turn::At(0));
    }

    #[test]
    fn a_crowd_of_tries_is_told_to_come_back() {
        let slowdown = Slowdown::default();
        fail(&slowdown, 3);

        let turns: Vec<Turn> = (0..20).map(|_| slowdown.take_turn(&name(1), 0)).collect();

        assert!(matches!(turns[0], Turn::At(_)));
        assert!(matches!(turns[19], Turn::ComeBack(_)));
    }
}
