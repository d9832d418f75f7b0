//! One artifact on its way to one target, and the row it ends as.

use std::collections::BTreeSet;

use domain::artifact::{Artifact, ArtifactKey, Existing, Metadata};
use domain::decide::{Action, decide};
use domain::detail::{Outcome, Settlement};
use domain::failure::Failure;
use domain::id::DetailId;
use domain::note::Note;
use domain::ports::{Expect, Put, Target};
use domain::task::Settings;
use storage::writer::{DetailRow, RowState};

use super::started::Started;

/// Decides what happens to `artifact` at `target`: properties that it cannot keep make no difference.
pub(crate) fn decided(
    target: &dyn Target,
    artifact: &Artifact,
    existing: Option<&Existing>,
    settings: &Settings,
) -> Action {
    let differ = |existing: &Existing| !target.same_metadata(&artifact.metadata, &existing.metadata);
    let compared = settings.include_metadata && existing.is_some_and(differ);
    decide(artifact, existing, settings.on_conflict, compared)
}

/// Returns the names of the properties that are not at `target` as they are `wanted`.
fn differing<'a>(target: &dyn Target, wanted: &'a Metadata, existing: &'a Metadata) -> Vec<&'a str> {
    if target.same_metadata(wanted, existing) {
        return Vec::new();
    }
    let alone = |metadata: &Metadata, name: &str| -> Metadata {
        let property = metadata.get_key_value(name).into_iter();
        property
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let names: BTreeSet<&str> = wanted.keys().chain(existing.keys()).map(String::as_str).collect();
    let differs = |name: &&str| !target.same_metadata(&alone(wanted, name), &alone(existing, name));
    names.into_iter().filter(differs).collect()
}

/// An artifact to be written, and what was decided for it.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Id its row will have.
    pub(crate) id: DetailId,
    /// The artifact as its source described it.
    pub(crate) artifact: Artifact,
    /// What was decided.
    pub(crate) action: Action,
    /// What stood at the target when it was decided.
    pub(crate) existing: Option<Existing>,
    /// When it was taken in hand.
    pub(crate) started: Started,
}

impl Item {
    /// Returns what the target is asked to do.
    pub(crate) fn put(&self, include_metadata: bool) -> Put {
        let expect = match &self.existing {
            None => Expect::Absent,
            Some(Existing {
                digest: Some(digest), ..
            }) => Expect::Digest(*digest),
            Some(Existing { mark: Some(mark), .. }) => Expect::Mark(mark.clone()),
            Some(_) => Expect::Anything,
        };
        Put {
            artifact: self.artifact.clone(),
            expect,
            with_metadata: include_metadata,
        }
    }

    /// Returns what a reader should know of this item once its action was carried out at `target`.
    ///
    /// Nothing but what was described and found is looked at, so a run that goes on after a crash comes to the same.
    pub(crate) fn notes(&self, target: &dyn Target, settings: &Settings) -> Vec<Note> {
        let (artifact, existing) = (&self.artifact, self.existing.as_ref());
        if matches!(self.action, Action::SkipConflict | Action::Refuse) {
            return Vec::new();
        }
        let mut notes = target.notes(artifact, existing, self.action);
        if settings.include_metadata {
            let wanted = &artifact.metadata;
            let names = wanted.keys().map(String::as_str);
            let unkept = names.filter(|name| !target.keeps_property(name));
            notes.extend(Note::properties_unkept(unkept, wanted));
            if let (Action::Keep, Some(existing)) = (self.action, existing) {
                notes.extend(Note::properties_differ(differing(
                    target,
                    wanted,
                    &existing.metadata,
                )));
            }
        }
        notes
    }

    /// Returns the settlement of this item when its action was carried out.
    pub(crate) fn carried_out(&self, moved_bytes: u64, moved_blobs: u32, attempts: u32) -> Settlement {
        Settlement {
            moved_bytes,
            moved_blobs,
            attempts,
            ..self.action.settled()
        }
    }

    /// Returns the settlement of this item when it arrived, but nobody was there to hear of it.
    pub(crate) fn arrived_before(&self, attempts: u32) -> Settlement {
        if self.action == Action::OverwriteMetadata {
            return self.carried_out(0, 0, attempts);
        }
        let blobs = u32::try_from(self.artifact.blobs.len()).unwrap_or(u32::MAX);
        self.carried_out(self.artifact.size_bytes(), blobs, attempts)
    }

    /// Returns the settlement of this item when it could not be carried out.
    pub(crate) fn failed(&self, failure: Failure) -> Settlement {
        Settlement {
            conflict: self.action.is_conflict(),
            on_conflict: self.action.shown_strategy(),
            failed_blobs: u32::try_from(self.artifact.blobs.len()).unwrap_or(u32::MAX),
            attempts: failure.attempts,
            failure: Some(failure),
            ..Settlement::of(Outcome::Failed)
        }
    }
}

/// One artifact's row, on its way to the store.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: DetailId,
    pub(crate) key: ArtifactKey,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) digest: Option<domain::digest::Digest>,
    pub(crate) started_ms: i64,
}

impl Line {
    /// Starts the row of `item`.
    pub(crate) fn of(item: &Item) -> Self {
        Self {
            id: item.id,
            key: item.artifact.key.clone(),
            size_bytes: Some(item.artifact.size_bytes()),
            digest: item.artifact.sha256(),
            started_ms: item.started.ms(),
        }
    }

    /// Returns the row of unit `unit_no` settled as `settlement` at `ended_ms`.
    pub(crate) fn settled(
        self,
        unit_no: u16,
        settlement: Settlement,
        ended_ms: i64,
        was_running: bool,
    ) -> DetailRow {
        self.row(
            unit_no,
            RowState::Settled(settlement),
            Some(ended_ms),
            was_running,
        )
    }

    /// Returns the row of unit `unit_no` while it is still in flight.
    pub(crate) fn running(self, unit_no: u16) -> DetailRow {
        self.row(unit_no, RowState::Running, None, false)
    }

    fn row(self, unit_no: u16, state: RowState, ended_ms: Option<i64>, was_running: bool) -> DetailRow {
        DetailRow {
            unit_no,
            id: self.id,
            key: self.key,
            package_name: None,
            size_bytes: self.size_bytes,
            digest: self.digest,
            state,
            started_ms: self.started_ms,
            ended_ms,
            was_running,
        }
    }
}
