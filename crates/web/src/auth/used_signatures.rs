//! Signatures that were used: each counts once, so that nobody who saw a signed call can make it again.
//!
//! What is signed with a nonce never comes twice. A stock bk-repo has none, and signs the same call twice within a
//! second alike; so its calls may come again for a moment after the first one. A signature from before this process
//! began may have been used then, which nobody remembers: whoever made it is asked to sign anew.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};

/// How long after its first use a call without a nonce may come again, in milliseconds.
const TWINS_MS: i64 = 2_000;
/// Signatures that are remembered at most: memory stays bounded whatever their ends are.
const MOST_REMEMBERED: usize = 500_000;
/// When to come back while no more can be remembered, in seconds.
const COME_BACK_S: u64 = 10;
/// Longest time to come back after, in seconds: clocks that differ by more are not waited for.
const LONGEST_WAIT_S: u64 = 60;

/// A right signature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed {
    /// The signature itself.
    pub(crate) bytes: [u8; 20],
    /// From when on it is good, in Unix seconds.
    pub(crate) start_s: i64,
    /// Until when it is good, in Unix seconds.
    pub(crate) end_s: i64,
    /// Whether the call has a nonce.
    pub(crate) has_nonce: bool,
}

/// What using a signature comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is used for the first time, or counts as if it were.
    First,
    /// It was used before.
    Again,
    /// Whether it was used before cannot be told.
    NotNow {
        /// When to come back with another one, in seconds.
        after_s: u64,
    },
}

/// Remembers signatures until they end.
#[derive(Debug)]
pub(crate) struct UsedSignatures {
    /// Signatures from before this second are not known here.
    since_s: i64,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    count: usize,
    /// When each was used first (Unix milliseconds), by the second it ends in.
    by_end: BTreeMap<i64, HashMap<[u8; 20], i64>>,
}

impl UsedSignatures {
    /// Remembers what is used from `now_ms` (Unix milliseconds) on.
    pub(crate) fn since_ms(now_ms: i64) -> Self {
        Self {
            since_s: now_ms.div_euclid(1000) + i64::from(now_ms.rem_euclid(1000) > 0),
            used: Mutex::default(),
        }
    }

    /// Uses a signature at `now_ms`, which is before its end.
    pub(crate) fn take(&self, signed: &Signed, now_ms: i64) -> Use {
        if signed.start_s < self.since_s {
            let behind_s = u64::try_from(self.since_s - signed.start_s).unwrap_or(1);
            return Use::NotNow {
                after_s: behind_s.min(LONGEST_WAIT_S),
            };
        }
        let mut used = self.used();
        used.forget_before(now_ms.div_euclid(1000));
        let first_ms = used
            .by_end
            .get(&signed.end_s)
            .and_then(|used| used.get(&signed.bytes));
        match first_ms {
            Some(first_ms) if !signed.has_nonce && now_ms - first_ms <= TWINS_MS => Use::First,
            Some(_) => Use::Again,
            None if used.count >= MOST_REMEMBERED => Use::NotNow { after_s: COME_BACK_S },
            None => {
                used.count += 1;
                let ending = used.by_end.entry(signed.end_s).or_default();
                ending.insert(signed.bytes, now_ms);
                Use::First
            }
        }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Used {
    fn forget_before(&mut self, now_s: i64) {
        while let Some(ended) = self.by_end.first_entry()
            && *ended.key() < now_s
        {
            self.count -= ended.remove().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_790_000_000_500;
    const NOW_S: i64 = 1_790_000_001;

    fn signed(byte: u8, has_nonce: bool) -> Signed {
        Signed {
            bytes: [byte; 20],
            start_s: NOW_S,
            end_s: NOW_S + 300,
            has_nonce,
        }
    }

    #[test]
    fn a_signature_counts_once_and_is_forgotten_when_it_has_ended() {
        let used = UsedSignatures::since_ms(NOW_MS);

        assert_eq!(used.take(&signed(1, true), NOW_MS), Use::First);
        assert_eq!(used.take(&signed(1, true), NOW_MS), Use::Again);
        assert_eq!(used.take(&signed(2, true), NOW_MS), Use::First);
        let end_ms = (NOW_S + 300) * 1000;
        assert_eq!(used.take(&signed(1, true), end_ms + 999), Use::Again);
        let later = Signed {
            end_s: NOW_S + 900,
            ..signed(3, true)
        };
        assert_eq!(used.take(&later, end_ms + 1_000), Use::First);
        assert_eq!(used.used().count, 1);
    }

    #[test]
    fn a_call_without_a_nonce_may_have_a_twin_for_a_moment() {
        let used = UsedSignatures::since_ms(NOW_MS);

        assert_eq!(used.take(&signed(1, false), NOW_MS), Use::First);
        assert_eq!(used.take(&signed(1, false), NOW_MS + TWINS_MS), Use::First);
        assert_eq!(used.take(&signed(1, false), NOW_MS + TWINS_MS + 1), Use::Again);
    }

    #[test]
    fn what_was_signed_before_this_process_began_is_to_be_signed_anew() {
        let used = UsedSignatures::since_ms(NOW_MS);
        let before = Signed {
            start_s: NOW_S - 1,
            ..signed(1, true)
        };

        assert_eq!(used.take(&before, NOW_MS), Use::NotNow { after_s: 1 });
    }
}
