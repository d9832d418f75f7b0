//! A repository in memory, behind both ports: the reference the other connectors are measured against.
//!
//! Clones share it, so a test keeps one to look inside while a run reads or writes another. Everything
//! that goes wrong is scripted with [`on`]; every call is counted, and how many went on at the same time.

mod ports;
mod script;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Existing, Metadata};
use domain::digest::Digest;
use domain::path::FilePath;
use domain::ports::{Capabilities, ConnectorError, ConnectorResult, Expect, Source, Target};

use crate::artifact::{ArtifactBuilder, artifact, key};
use script::Effect;
pub use script::{Hold, Line, Occasion, Op, on, on_any};

/// A repository in memory; clones share it.
#[derive(Clone, Default)]
pub struct MemoryRepository {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    held: Mutex<Shelf>,
    script: Mutex<Vec<Line>>,
    tallies: Mutex<HashMap<Op, Tally>>,
    capabilities: Mutex<Option<Capabilities>>,
    moved_bytes: Mutex<u64>,
}

#[derive(Debug, Clone)]
struct Held {
    bytes: Bytes,
    digest: Digest,
    metadata: Metadata,
}

impl Held {
    fn existing(&self) -> Existing {
        Existing::of(self.digest, self.bytes.len() as u64, self.metadata.clone())
    }
}

/// What is held, and how many keys hold each digest.
#[derive(Default)]
struct Shelf {
    by_key: BTreeMap<ArtifactKey, Held>,
    holders: HashMap<Digest, usize>,
}

impl Shelf {
    fn insert(&mut self, key: ArtifactKey, held: Held) {
        self.remove(&key);
        *self.holders.entry(held.digest).or_default() += 1;
        self.by_key.insert(key, held);
    }

    fn remove(&mut self, key: &ArtifactKey) {
        if let Some(held) = self.by_key.remove(key)
            && let Some(holders) = self.holders.get_mut(&held.digest)
        {
            *holders -= 1;
        }
    }

    /// Says whether a file at `path` would stand where a folder is, or below a file.
    fn is_in_the_way(&self, path: &FilePath) -> bool {
        let below = format!("{path}/");
        let mut behind = self.by_key.range(file_key(&below)..);
        behind.next().is_some_and(|(key, _)| key.name.starts_with(&below))
            || path
                .ancestors()
                .any(|folder| self.by_key.contains_key(&ArtifactKey::file(&folder)))
    }

    fn blob(&self, digest: &Digest) -> Option<Bytes> {
        if self.holders.get(digest).is_none_or(|holders| *holders == 0) {
            return None;
        }
        self.by_key
            .values()
            .find(|held| held.digest == *digest)
            .map(|held| held.bytes.clone())
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    calls: usize,
    keys: usize,
    going_on: usize,
    most_going_on: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("nobody panics while holding a memory repository")
}

impl MemoryRepository {
    /// Returns it as a run reads from it.
    pub fn as_source(&self) -> Arc<dyn Source> {
        Arc::new(self.clone())
    }

    /// Returns it as a run writes to it.
    pub fn as_target(&self) -> Arc<dyn Target> {
        Arc::new(self.clone())
    }

    /// Puts `artifact` there, replacing what stood under its path.
    pub fn holds(&self, artifact: ArtifactBuilder) {
        let described = artifact.build();
        let held = Held {
            digest: Digest::of(&artifact.bytes),
            bytes: artifact.bytes,
            metadata: artifact.metadata,
        };
        lock(&self.shared.held).insert(described.key, held);
    }

    /// Puts `count` small artifacts there: `/f/00000.bin` and so on.
    pub fn holds_files(&self, count: usize) {
        for n in 0..count {
            self.holds(artifact(&format!("/f/{n:05}.bin")));
        }
    }

    /// Removes what stands under `path`.
    pub fn loses(&self, path: &str) {
        lock(&self.shared.held).remove(&key(path));
    }

    /// Adds `line` to the script.
    pub fn script(&self, line: Line) {
        lock(&self.shared.script).push(line);
    }

    /// Forgets the script: from now on nothing goes wrong.
    pub fn behaves(&self) {
        lock(&self.shared.script).clear();
    }

    /// Makes [`Target::capabilities`] answer this.
    pub fn is_capable_of(&self, capabilities: Capabilities) {
        *lock(&self.shared.capabilities) = Some(capabilities);
    }

    /// Returns the bytes that stand under `path`.
    pub fn bytes_of(&self, path: &str) -> Option<Bytes> {
        lock(&self.shared.held)
            .by_key
            .get(&key(path))
            .map(|held| held.bytes.clone())
    }

    /// Returns the properties of what stands under `path`.
    pub fn properties_of(&self, path: &str) -> Option<Metadata> {
        lock(&self.shared.held)
            .by_key
            .get(&key(path))
            .map(|held| held.metadata.clone())
    }

    /// Returns everything it holds: names and digests, in order.
    pub fn content(&self) -> Vec<(String, Digest)> {
        let held = lock(&self.shared.held);
        held.by_key
            .iter()
            .map(|(key, held)| (key.to_string(), held.digest))
            .collect()
    }

    /// Returns how often `op` happened.
    pub fn calls(&self, op: Op) -> usize {
        self.tally(op).calls
    }

    /// Returns how many keys all the calls of `op` were about.
    pub fn keys_asked(&self, op: Op) -> usize {
        self.tally(op).keys
    }

    /// Returns how many calls of `op` go on now.
    pub fn going_on(&self, op: Op) -> usize {
        self.tally(op).going_on
    }

    /// Returns how many calls of `op` went on at the same time, at most.
    pub fn most_going_on(&self, op: Op) -> usize {
        self.tally(op).most_going_on
    }

    /// Returns how often anything happened.
    pub fn steps(&self) -> usize {
        lock(&self.shared.tallies).values().map(|tally| tally.calls).sum()
    }

    /// Returns how many bytes were put here over a wire.
    pub fn moved_bytes(&self) -> u64 {
        *lock(&self.shared.moved_bytes)
    }

    fn tally(&self, op: Op) -> Tally {
        lock(&self.shared.tallies).get(&op).copied().unwrap_or_default()
    }

    /// Counts a call of `op` about `keys`, and waits where the script says so.
    async fn call(&self, op: Op, keys: &[&ArtifactKey]) -> Call {
        {
            let mut tallies = lock(&self.shared.tallies);
            let tally = tallies.entry(op).or_default();
            tally.calls += 1;
            tally.keys += keys.len();
            tally.going_on += 1;
            tally.most_going_on = tally.most_going_on.max(tally.going_on);
        }
        let lines: Vec<Line> = lock(&self.shared.script).clone();
        let effects = lines.iter().filter_map(|line| line.strikes(op, keys)).collect();
        let call = Call {
            repository: self.clone(),
            op,
            effects,
        };
        for (_, effect) in &call.effects {
            match effect {
                Effect::Wait(hold) => hold.wait().await,
                Effect::Panic => std::panic::resume_unwind(Box::new("the script of a test breaks it here")),
                _ => {}
            }
        }
        call
    }

    fn existing(&self, key: &ArtifactKey) -> Option<Existing> {
        lock(&self.shared.held).by_key.get(key).map(Held::existing)
    }

    fn held_blob(&self, artifact: &Artifact) -> Option<Bytes> {
        lock(&self.shared.held).blob(&artifact.digest?)
    }

    /// Stores `bytes` as `artifact` if `expect` holds, in one step; answers what stands there otherwise.
    fn store(
        &self,
        artifact: &Artifact,
        expect: &Expect,
        with_metadata: bool,
        bytes: Bytes,
    ) -> Result<(), Refused> {
        let mut held = lock(&self.shared.held);
        let standing = held.by_key.get(&artifact.key);
        if !is_met(expect, standing.map(|held| held.digest)) {
            return Err(Refused::Raced(standing.map(Held::existing)));
        }
        if artifact.key.path().is_some_and(|path| held.is_in_the_way(&path)) {
            return Err(Refused::InTheWay);
        }
        let metadata = match standing {
            _ if with_metadata => artifact.metadata.clone(),
            Some(standing) => standing.metadata.clone(),
            None => Metadata::new(),
        };
        let digest = artifact.digest.unwrap_or_else(|| Digest::of(&bytes));
        held.insert(
            artifact.key.clone(),
            Held {
                bytes,
                digest,
                metadata,
            },
        );
        Ok(())
    }

    /// Lets somebody else write or remove `key`.
    fn race(&self, key: &ArtifactKey, bytes: Option<&Bytes>) {
        let mut held = lock(&self.shared.held);
        match bytes {
            Some(bytes) => {
                let metadata = held
                    .by_key
                    .get(key)
                    .map(|held| held.metadata.clone())
                    .unwrap_or_default();
                let digest = Digest::of(bytes);
                let bytes = bytes.clone();
                held.insert(
                    key.clone(),
                    Held {
                        bytes,
                        digest,
                        metadata,
                    },
                );
            }
            None => {
                held.remove(key);
            }
        }
    }
}

/// Why nothing was stored.
enum Refused {
    /// Something else than expected stands there.
    Raced(Option<Existing>),
    /// A folder stands there, or a file where a folder would have to.
    InTheWay,
}

fn file_key(name: &str) -> ArtifactKey {
    ArtifactKey {
        name: name.into(),
        version: None,
    }
}

fn is_met(expect: &Expect, standing: Option<Digest>) -> bool {
    match (expect, standing) {
        (Expect::Anything, _) | (Expect::Absent, None) => true,
        (Expect::Digest(wanted), Some(standing)) => *wanted == standing,
        (Expect::Absent, Some(_)) | (Expect::Digest(_), None) | (Expect::Mark(_), _) => false,
    }
}

/// A call that goes on, and what the script does to it.
struct Call {
    repository: MemoryRepository,
    op: Op,
    effects: Vec<(Option<ArtifactKey>, Effect)>,
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(tally) = lock(&self.repository.shared.tallies).get_mut(&self.op) {
            tally.going_on -= 1;
        }
    }
}

impl Call {
    /// Fails when the script says so of the whole call.
    fn allowed(&self) -> ConnectorResult<()> {
        match self.effects.iter().find(|(about, _)| about.is_none()) {
            Some((_, Effect::Fail(refusal))) => Err(refusal.error(self.op)),
            _ => Ok(()),
        }
    }

    /// Returns the error of `key` alone.
    fn refused(&self, key: &ArtifactKey) -> Option<ConnectorError> {
        self.effects.iter().find_map(|(about, effect)| match effect {
            Effect::Fail(refusal) if about.as_ref() == Some(key) => Some(refusal.error(self.op)),
            _ => None,
        })
    }

    /// Returns the error that replaces the acknowledgement of the whole call, or of `key` alone.
    fn lost(&self, key: Option<&ArtifactKey>) -> Option<ConnectorError> {
        self.effects.iter().find_map(|(about, effect)| match effect {
            Effect::Lose(refusal) if about.as_ref() == key => Some(refusal.error(self.op)),
            _ => None,
        })
    }

    /// Lets others write in between, where the script says so.
    fn raced(&self) {
        for (about, effect) in &self.effects {
            if let (Some(about), Effect::Race(bytes)) = (about, effect) {
                self.repository.race(about, bytes.as_ref());
            }
        }
    }

    /// Changes what is read, where the script says so; returns the new bytes.
    fn changed(&self, key: &ArtifactKey) -> Option<Bytes> {
        self.concerning(key).find_map(|effect| match effect {
            Effect::Change(bytes) => {
                self.repository.race(key, Some(bytes));
                Some(bytes.clone())
            }
            _ => None,
        })
    }

    /// Spoils `bytes` on their way, where the script says so.
    fn spoiled(&self, key: &ArtifactKey, bytes: Bytes) -> Bytes {
        let mut bytes = bytes;
        for effect in self.concerning(key) {
            match effect {
                Effect::Flip if !bytes.is_empty() => {
                    let mut flipped = bytes.to_vec();
                    flipped[0] ^= 1;
                    bytes = flipped.into();
                }
                Effect::Cut => bytes.truncate(bytes.len().saturating_sub(1)),
                _ => {}
            }
        }
        bytes
    }

    fn concerning<'a>(&'a self, key: &'a ArtifactKey) -> impl Iterator<Item = &'a Effect> {
        let concerned = move |about: &Option<ArtifactKey>| about.as_ref().is_none_or(|about| about == key);
        self.effects
            .iter()
            .filter(move |(about, _)| concerned(about))
            .map(|(_, effect)| effect)
    }
}

#[cfg(test)]
mod tests;
