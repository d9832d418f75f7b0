//! Ids: 12 bytes, printed as 24 hex digits, the first 4 bytes the creation second.
//!
//! Ids of one node sort by creation: second, then a counter that restarts each second, then bytes
//! drawn once per process so that two nodes never make the same one.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

/// A text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: 24 lowercase hex digits")]
pub struct InvalidId(pub String);

/// Makes ids that grow with time within one process.
#[derive(Debug)]
pub struct IdSource {
    process: [u8; 4],
    last: Mutex<(u32, u32)>,
}

impl Default for IdSource {
    fn default() -> Self {
        let mut process = [0; 4];
        getrandom::fill(&mut process).expect("the operating system has random bytes");
        Self {
            process,
            last: Mutex::new((0, 0)),
        }
    }
}

impl IdSource {
    /// Returns a new id for something created at `now_ms` (Unix time), larger than every earlier one.
    ///
    /// A clock that steps back does not bring the ids back: they go on from the latest second seen.
    pub fn next<I: From<[u8; 12]>>(&self, now_ms: i64) -> I {
        let now_s = u32::try_from(now_ms.max(0) / 1000).unwrap_or(u32::MAX);
        let mut last = self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *last = if now_s > last.0 {
            (now_s, 0)
        } else {
            (last.0, last.1 + 1)
        };
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&last.0.to_be_bytes());
        bytes[4..8].copy_from_slice(&last.1.to_be_bytes());
        bytes[8..].copy_from_slice(&self.process);
        I::from(bytes)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 12]);

        impl $name {
            /// Returns the 12 raw bytes, as the database keeps them.
            pub fn as_bytes(&self) -> &[u8; 12] {
                &self.0
            }

            /// Returns the creation time in Unix milliseconds, to the second.
            pub fn created_ms(&self) -> i64 {
                i64::from(u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])) * 1000
            }
        }

        impl From<[u8; 12]> for $name {
            fn from(bytes: [u8; 12]) -> Self {
                Self(bytes)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let mut bytes = [0; 12];
                let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
                match hex::decode_to_slice(text, &mut bytes) {
                    Ok(()) if lower => Ok(Self(bytes)),
                    _ => Err(InvalidId(text.chars().take(100).collect())),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// Names a record: one run of one task.
    RecordId;
    /// Names a record detail: one artifact to one target within a record.
    DetailId;
    /// Names one saved version of a task; it changes with every update, the [`TaskKey`] does not.
    TaskId;
    /// Names a cluster.
    ClusterId;
    /// Names a change of an artifact that a task has still to carry; a newer change has another one.
    EventId;
    /// Names a node of a hosted repository (a file or a folder), a repository or a user's token.
    NodeId;
}

/// Names a task for good: 32 lowercase hex digits. Unknown shapes are simply unknown tasks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct TaskKey(pub String);

impl TaskKey {
    /// Draws a new key.
    pub fn random() -> Self {
        Self(random_hex32())
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns 32 lowercase hex digits drawn at random: task keys, trace ids, upload ids.
pub fn random_hex32() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_steps_back() {
        let source = IdSource::default();

        let ids: Vec<RecordId> = [5_000, 5_001, 4_000, 9_000, 1_000]
            .map(|now_ms| source.next(now_ms))
            .to_vec();

        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        assert_eq!(ids[0].created_ms(), 5_000);
        assert_eq!(ids[4].created_ms(), 9_000);
    }

    #[test]
    fn an_id_reads_back_what_it_printed() {
        let id: RecordId = IdSource::default().next(1_700_000_000_000);

        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 24);
    }
}
