//! What the artifacts of a record ended as, counted by one rule.

use serde::{Deserialize, Serialize};

use crate::detail::{Outcome, Settlement};

/// Counters of one record; each settled artifact adds to exactly one of the six outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Artifacts that were not there and now are.
    pub copied: u64,
    /// Artifacts whose other content or properties were replaced.
    pub overwritten: u64,
    /// Artifacts that were equal already.
    pub unchanged: u64,
    /// Artifacts left alone because other content stands there.
    pub skipped_conflict: u64,
    /// Artifacts that did not arrive.
    pub failed: u64,
    /// Artifacts removed at the target.
    pub deleted: u64,
    /// Artifacts for which other content stood at the target, whatever became of them.
    pub conflicts: u64,
    /// Artifacts with notes, whatever became of them.
    pub noted: u64,
    /// Blobs whose bytes really moved.
    pub blobs_moved: u64,
    /// Blobs that failed after all tries.
    pub blobs_failed: u64,
    /// Bytes that really moved.
    pub bytes_moved: u64,
    /// Bytes of all settled artifacts.
    pub bytes_settled: u64,
}

impl Counts {
    /// Counts one settled artifact of `size_bytes`.
    pub fn add(&mut self, settlement: &Settlement, size_bytes: u64) {
        match settlement.outcome {
            Outcome::Copied => self.copied += 1,
            Outcome::Overwritten => self.overwritten += 1,
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::SkippedConflict => self.skipped_conflict += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Deleted => self.deleted += 1,
        }
        self.conflicts += u64::from(settlement.conflict);
        self.noted += u64::from(!settlement.notes.is_empty());
        self.blobs_moved += u64::from(settlement.moved_blobs);
        self.blobs_failed += u64::from(settlement.failed_blobs);
        self.bytes_moved += settlement.moved_bytes;
        self.bytes_settled += size_bytes;
    }

    /// Returns how many artifacts ended well at the target: all but the failed ones.
    pub fn succeeded(&self) -> u64 {
        self.copied + self.overwritten + self.unchanged + self.skipped_conflict + self.deleted
    }

    /// Returns how many artifacts are settled.
    pub fn settled(&self) -> u64 {
        self.succeeded() + self.failed
    }

    /// Adds `other`, counter by counter.
    pub fn merge(&mut self, other: &Self) {
        self.copied += other.copied;
        self.overwritten += other.overwritten;
        self.unchanged += other.unchanged;
        self.skipped_conflict += other.skipped_conflict;
        self.failed += other.failed;
        self.deleted += other.deleted;
        self.conflicts += other.conflicts;
        self.noted += other.noted;
        self.blobs_moved += other.blobs_moved;
        self.blobs_failed += other.blobs_failed;
        self.bytes_moved += other.bytes_moved;
        self.bytes_settled += other.bytes_settled;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_counts_once() {
        let mut counts = Counts::default();

        counts.add(
            &Settlement {
                conflict: true,
                ..Settlement::of(Outcome::SkippedConflict)
            },
            7,
        );

        assert_eq!(
            (counts.succeeded(), counts.conflicts, counts.settled()),
            (1, 1, 1)
        );
    }
}
