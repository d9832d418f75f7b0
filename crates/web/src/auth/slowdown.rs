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
const LONGEST_WAIT_MS: i64 = 4_000;
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

/// One try of a name; dropped without [`Try::ended`] it was given up, and counts for nothing.
pub(crate) struct Try<'a> {
    slowdown: &'a Slowdown,
    name: Name,
    /// When it may be checked, in Unix milliseconds.
    pub(crate) turn_ms: i64,
    waits: bool,
}

/// Says that too many tries wait already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ComeBack {
    /// When to try again, in seconds.
    pub(crate) after_s: u64,
}

impl Slowdown {
    /// Takes a turn for a try of `user` from `address` at `now_ms`.
    pub(crate) fn take_turn(&self, address: IpAddr, user: &str, now_ms: i64) -> Result<Try<'_>, ComeBack> {
        let name = (address, user.to_owned());
        let mut turn_ms = now_ms;
        let mut waits = false;
        if let Some(entry) = self.entries().get_mut(&name)
            && entry.failures >= FREE_FAILURES
        {
            turn_ms = entry.next_turn_ms.max(now_ms);
            if entry.waiting >= MOST_WAITING {
                let wait_ms = u64::try_from(turn_ms - now_ms).unwrap_or(0);
                let after_s = wait_ms.div_ceil(1000).max(1);
                return Err(ComeBack { after_s });
            }
            entry.waiting += 1;
            entry.next_turn_ms = turn_ms + wait_ms(entry.failures);
            waits = true;
        }
        Ok(Try {
            slowdown: self,
            name,
            turn_ms,
            waits,
        })
    }

    fn end(&self, name: &Name, right: bool, now_ms: i64) {
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
            entry.failures = 0;
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.touched_ms = now_ms;
        entry.next_turn_ms = entry.next_turn_ms.max(now_ms + wait_ms(entry.failures));
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Name, Entry>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Try<'_> {
    /// Ends a try whose turn came: a right login forgets the failures, a wrong one adds to them.
    pub(crate) fn ended(self, right: bool, now_ms: i64) {
        self.slowdown.end(&self.name, right, now_ms);
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        if self.waits
            && let Some(entry) = self.slowdown.entries().get_mut(&self.name)
        {
            entry.waiting = entry.waiting.saturating_sub(1);
        }
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

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    fn turn(slowdown: &Slowdown, now_ms: i64) -> Try<'_> {
        let turn = slowdown.take_turn(address(1), "admin", now_ms);
        turn.unwrap_or_else(|_| unreachable!("nobody else waits"))
    }

    fn fail(slowdown: &Slowdown, times: u32) {
        for _ in 0..times {
            turn(slowdown, 0).ended(false, 0);
        }
    }

    #[test]
    fn failures_wait_longer_and_longer_and_a_right_login_forgets_them() {
        let slowdown = Slowdown::default();

        fail(&slowdown, 3);
        let first = turn(&slowdown, 0);
        let first_ms = first.turn_ms;
        first.ended(false, first_ms);
        let second = turn(&slowdown, first_ms);
        let second_ms = second.turn_ms;
        second.ended(true, second_ms);

        assert!(
            first_ms >= FIRST_WAIT_MS && second_ms - first_ms > first_ms,
            "{first_ms} {second_ms}"
        );
        assert_eq!(turn(&slowdown, second_ms).turn_ms, second_ms);
    }

    #[test]
    fn another_address_is_never_slowed() {
        let slowdown = Slowdown::default();

        fail(&slowdown, 50);

        let other = slowdown.take_turn(address(2), "admin", 0);
        assert_eq!(other.map(|other| other.turn_ms).ok(), Some(0));
    }

    #[test]
    fn a_crowd_of_tries_is_told_to_come_back_until_it_gives_up() {
        let slowdown = Slowdown::default();
        fail(&slowdown, 3);

        let crowd: Vec<_> = (0..20)
            .map(|_| slowdown.take_turn(address(1), "admin", 0))
            .collect();
        let told = crowd.iter().filter(|turn| turn.is_err()).count();
        drop(crowd);

        assert_eq!(told, 12);
        assert!(slowdown.take_turn(address(1), "admin", 0).is_ok());
    }
}
