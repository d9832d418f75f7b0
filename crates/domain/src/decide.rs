//! Decides what happens to one artifact before any byte moves.
//!
//! Pure: no I/O, no clock, no randomness. The engine asks [`decide`] once per artifact and target,
//! journals the answer, and writes what came of it into the record detail.

use serde::{Deserialize, Serialize};

use crate::artifact::{Artifact, Existing, Likeness};
use crate::detail::{Outcome, Settlement};
use crate::task::ConflictStrategy;

/// What is to be done with one artifact at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not there: copy it.
    Copy,
    /// Other content stands there: replace it.
    Overwrite,
    /// The same content stands there with other properties: replace those.
    OverwriteMetadata,
    /// It is equal: leave it.
    Keep,
    /// Other content stands there: leave it, and that is fine.
    SkipConflict,
    /// Other content stands there: leave it, and fail the artifact.
    Refuse,
}

/// Returns what to do with `artifact` where `existing` stands.
///
/// Equal content is never a conflict; an artifact of which some blobs are missing is completed. Content that cannot
/// be compared counts as other content. Properties are compared only when `include_metadata` is set, and
/// replaced only under [`ConflictStrategy::Overwrite`].
pub fn decide(
    artifact: &Artifact,
    existing: Option<&Existing>,
    on_conflict: ConflictStrategy,
    include_metadata: bool,
) -> Action {
    let Some(existing) = existing else {
        return Action::Copy;
    };
    let likeness = artifact.likeness(existing);
    if likeness == Likeness::Partial {
        return Action::Copy;
    }
    if likeness == Likeness::Same {
        let differs = include_metadata && existing.metadata != artifact.metadata;
        return match on_conflict {
            ConflictStrategy::Overwrite if differs => Action::OverwriteMetadata,
            ConflictStrategy::Overwrite | ConflictStrategy::Skip | ConflictStrategy::FastFail => Action::Keep,
        };
    }
    match on_conflict {
        ConflictStrategy::Skip => Action::SkipConflict,
        ConflictStrategy::Overwrite => Action::Overwrite,
        ConflictStrategy::FastFail => Action::Refuse,
    }
}

impl Action {
    /// Says whether other content stands at the target.
    pub fn is_conflict(self) -> bool {
        match self {
            Self::Overwrite | Self::SkipConflict | Self::Refuse => true,
            Self::Copy | Self::OverwriteMetadata | Self::Keep => false,
        }
    }

    /// Says whether the target has to be written to.
    pub fn writes(self) -> bool {
        match self {
            Self::Copy | Self::Overwrite | Self::OverwriteMetadata => true,
            Self::Keep | Self::SkipConflict | Self::Refuse => false,
        }
    }

    /// Returns the strategy a detail shows: the one applied to other content, `None` where there was none.
    pub fn shown_strategy(self) -> Option<ConflictStrategy> {
        match self {
            Self::Overwrite => Some(ConflictStrategy::Overwrite),
            Self::SkipConflict => Some(ConflictStrategy::Skip),
            Self::Refuse => Some(ConflictStrategy::FastFail),
            Self::Copy | Self::OverwriteMetadata | Self::Keep => None,
        }
    }

    /// Returns the settlement of this action when it went well; a refusal's failure is the caller's to add.
    pub fn settled(self) -> Settlement {
        let outcome = match self {
            Self::Copy => Outcome::Copied,
            Self::Overwrite | Self::OverwriteMetadata => Outcome::Overwritten,
            Self::Keep => Outcome::Unchanged,
            Self::SkipConflict => Outcome::SkippedConflict,
            Self::Refuse => Outcome::Failed,
        };
        Settlement {
            conflict: self.is_conflict(),
            on_conflict: self.shown_strategy(),
            ..Settlement::of(outcome)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Blob, Metadata};
    use crate::digest::Digest;
    use crate::path::FilePath;

    fn artifact(bytes: &[u8], metadata: &[(&str, &str)]) -> Artifact {
        let blob = Blob::of(Digest::of(bytes), bytes.len() as u64);
        let metadata: Metadata = metadata
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        Artifact::file(&FilePath::root(), blob, metadata)
    }

    fn existing(bytes: &[u8]) -> Existing {
        Existing::of(Digest::of(bytes), bytes.len() as u64, Metadata::new())
    }

    #[test]
    fn equal_content_is_no_conflict_under_any_strategy() {
        use ConflictStrategy::*;
        for on_conflict in [Skip, Overwrite, FastFail] {
            let action = decide(&artifact(b"a", &[]), Some(&existing(b"a")), on_conflict, true);

            assert_eq!(action, Action::Keep);
        }
    }

    #[test]
    fn other_content_is_left_replaced_or_refused() {
        use ConflictStrategy::*;
        let actions = [Skip, Overwrite, FastFail]
            .map(|strategy| decide(&artifact(b"new", &[]), Some(&existing(b"old")), strategy, true));

        assert_eq!(actions, [Action::SkipConflict, Action::Overwrite, Action::Refuse]);
    }

    #[test]
    fn other_properties_are_replaced_only_when_overwriting_them_is_asked_for() {
        use ConflictStrategy::*;
        let new = artifact(b"a", &[("k", "v")]);
        let old = existing(b"a");

        assert_eq!(
            decide(&new, Some(&old), Overwrite, true),
            Action::OverwriteMetadata
        );
        assert_eq!(decide(&new, Some(&old), Overwrite, false), Action::Keep);
        assert_eq!(decide(&new, Some(&old), Skip, true), Action::Keep);
    }
}
