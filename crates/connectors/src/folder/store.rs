//! The blocking half of writing into a folder: look, write drafts, make durable, give names.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use domain::artifact::Existing;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, Expect, Put, PutOutcome};
use tokio::sync::mpsc;

use super::beneath::{is_link, split};
use super::draft::{Draft, set_metadata};
use super::{Folder, failure, metadata, relative, wanted_executable};
use crate::digests::Identity;

/// Up to this many files or folders are made durable one by one; more by one call for the whole file system.
const SYNCED_ALONE: usize = 8;

/// What stands at a path.
pub(super) enum Standing {
    Nothing,
    File(Existing, Identity),
}

/// What has to be done for an item.
pub(super) enum Need {
    /// Its bytes have to be written.
    Bytes(Job),
    /// Nothing more.
    Done(PutOutcome),
}

/// An item whose bytes have to be written.
pub(super) struct Job {
    put: Put,
    relative: String,
    /// The file it is to replace, where a certain one is expected.
    replaced: Option<Identity>,
    executable: bool,
}

/// Looks at what stands at `relative`; an error if it is no file.
pub(super) fn standing(folder: &Folder, relative: &str) -> io::Result<Standing> {
    let (mut file, stat) = match folder.root()?.file(relative) {
        Ok(opened) => opened,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Standing::Nothing);
        }
        Err(error) => return Err(error),
    };
    let identity = Identity::of(&stat);
    let digest = folder.digest(&mut file, &identity)?;
    let digest = digest.ok_or_else(|| io::Error::other("the file changed while it was read"))?;
    let existing = Existing::of(digest, identity.size_bytes, metadata(&stat));
    Ok(Standing::File(existing, identity))
}

/// Returns what a look-up says: something that is no file cannot be told in it, so it counts as nothing here
/// and is refused when it is written to.
pub(super) fn found(folder: &Folder, relative: &str) -> io::Result<Option<Existing>> {
    match standing(folder, relative) {
        Ok(Standing::File(existing, _)) => Ok(Some(existing)),
        Ok(Standing::Nothing) => Ok(None),
        Err(error) if is_link(&error) => Ok(None),
        // The root itself may not be there yet.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::IsADirectory | io::ErrorKind::NotFound
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Decides what has to be done for `put`, and does it if no bytes are needed.
pub(super) fn look(folder: &Folder, put: Put) -> Need {
    let subject = put.artifact.key.to_string();
    match try_look(folder, put) {
        Ok(need) => need,
        Err(LookError::Port(error)) => Need::Done(PutOutcome::Failed(error)),
        Err(LookError::Io(error)) => Need::Done(PutOutcome::Failed(failure(Stage::Write, subject, &error))),
    }
}

enum LookError {
    Port(ConnectorError),
    Io(io::Error),
}

impl From<io::Error> for LookError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn try_look(folder: &Folder, put: Put) -> Result<Need, LookError> {
    let relative = relative(&put.artifact.key, Stage::Write).map_err(LookError::Port)?;
    let executable = wanted_executable(&put.artifact.metadata).unwrap_or(false);
    let (existing, identity) = match standing(folder, &relative)? {
        Standing::File(existing, identity) => (existing, identity),
        Standing::Nothing if matches!(put.expect, Expect::Digest(_) | Expect::Mark(_)) => {
            return Ok(Need::Done(PutOutcome::Raced { found: None }));
        }
        Standing::Nothing => {
            let replaced = None;
            return Ok(Need::Bytes(Job {
                put,
                relative,
                replaced,
                executable,
            }));
        }
    };
    let expected = match put.expect {
        Expect::Absent | Expect::Mark(_) => false,
        Expect::Digest(digest) => Some(digest) == existing.digest,
        Expect::Anything => true,
    };
    if !expected {
        return Ok(Need::Done(PutOutcome::Raced {
            found: Some(existing),
        }));
    }
    if existing.digest == put.artifact.digest {
        if put.with_metadata {
            set_metadata(folder.root()?, &relative, &put.artifact.metadata)?;
        }
        return Ok(Need::Done(PutOutcome::Stored {
            moved_bytes: 0,
            moved_blobs: 0,
        }));
    }
    let executable = match put.with_metadata {
        true => executable,
        false => wanted_executable(&existing.metadata).unwrap_or(executable),
    };
    let replaced = matches!(put.expect, Expect::Digest(_)).then_some(identity);
    Ok(Need::Bytes(Job {
        put,
        relative,
        replaced,
        executable,
    }))
}

/// Writes small files, makes them durable together and names them; answers each in its order.
pub(super) fn store(folder: &Arc<Folder>, jobs: Vec<(Job, ConnectorResult<Bytes>)>) -> Vec<PutOutcome> {
    let alone = jobs.len() <= SYNCED_ALONE;
    let mut drafts: Vec<Result<(Job, Draft), PutOutcome>> = jobs
        .into_iter()
        .map(|(job, bytes)| {
            let draft = bytes.and_then(|bytes| draft(folder, &job, alone, |draft| draft.write(&bytes)));
            match draft {
                Ok(draft) => Ok((job, draft)),
                Err(error) => Err(PutOutcome::Failed(error)),
            }
        })
        .collect();
    if !alone && let Err(error) = sync_all(folder) {
        fail_open(&mut drafts, |job| {
            failure(Stage::Write, job.put.artifact.key.to_string(), &error)
        });
    }
    let mut holders = BTreeSet::new();
    let outcomes: Vec<(String, PutOutcome)> = drafts
        .into_iter()
        .map(|draft| match draft {
            Ok((job, draft)) => {
                add_holders(&mut holders, &job.relative);
                (job.put.artifact.key.to_string(), name(folder, &job, draft))
            }
            Err(outcome) => (String::new(), outcome),
        })
        .collect();
    match sync_folders(folder, &holders) {
        Ok(()) => outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
        Err(error) => outcomes
            .into_iter()
            .map(|(subject, outcome)| match outcome {
                PutOutcome::Stored { .. } => PutOutcome::Failed(failure(Stage::Commit, subject, &error)),
                other => other,
            })
            .collect(),
    }
}

fn fail_open(drafts: &mut [Result<(Job, Draft), PutOutcome>], error: impl Fn(&Job) -> ConnectorError) {
    for draft in drafts {
        if let Ok((job, _)) = draft {
            *draft = Err(PutOutcome::Failed(error(job)));
        }
    }
}

/// Writes one large file from the pieces that arrive, makes it durable and names it.
pub(super) fn store_stream(
    folder: &Arc<Folder>,
    job: &Job,
    mut pieces: mpsc::Receiver<ConnectorResult<Bytes>>,
) -> PutOutcome {
    let mut broken = None;
    let written = draft(folder, job, true, |draft| {
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Ok(piece) => draft.write(&piece)?,
                Err(error) => {
                    broken = Some(error);
                    return Err(io::Error::other("the source ended with an error"));
                }
            }
        }
        Ok(())
    });
    let outcome = match (broken, written) {
        (Some(error), _) | (None, Err(error)) => return PutOutcome::Failed(error),
        (None, Ok(draft)) => name(folder, job, draft),
    };
    let mut holders = BTreeSet::new();
    add_holders(&mut holders, &job.relative);
    match sync_folders(folder, &holders) {
        Ok(()) => outcome,
        Err(error) => PutOutcome::Failed(failure(Stage::Commit, job.put.artifact.key.to_string(), &error)),
    }
}

/// Makes a draft of `job` from what `fill` writes, and compares its digest with the one announced.
fn draft(
    folder: &Arc<Folder>,
    job: &Job,
    sync: bool,
    fill: impl FnOnce(&mut Draft) -> io::Result<()>,
) -> ConnectorResult<Draft> {
    let artifact = &job.put.artifact;
    let failed = |error: io::Error| failure(Stage::Write, artifact.key.to_string(), &error);
    let mut draft = Draft::begin(folder, &job.relative, job.executable).map_err(failed)?;
    fill(&mut draft).map_err(failed)?;
    let digest = draft.complete(&artifact.metadata, sync).map_err(failed)?;
    if Some(digest) != artifact.digest {
        return Err(
            ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, artifact.key.to_string())
                .words("the bytes that arrived have another digest than announced"),
        );
    }
    Ok(draft)
}

fn name(folder: &Arc<Folder>, job: &Job, draft: Draft) -> PutOutcome {
    let artifact = &job.put.artifact;
    let failed =
        |error: &io::Error| PutOutcome::Failed(failure(Stage::Commit, artifact.key.to_string(), error));
    let named = match job.put.expect {
        Expect::Absent => draft.publish_new(),
        Expect::Digest(_) | Expect::Mark(_) | Expect::Anything => draft.publish_over(job.replaced.as_ref()),
    };
    match named {
        Ok(true) => {}
        Ok(false) => {
            return match found(folder, &job.relative) {
                Ok(found) => PutOutcome::Raced { found },
                Err(error) => failed(&error),
            };
        }
        Err(error) => return failed(&error),
    }
    remember(folder, job);
    PutOutcome::Stored {
        moved_bytes: artifact.size_bytes(),
        moved_blobs: 1,
    }
}

/// Puts what was just written into the digest cache; failing to costs a later run time, nothing else.
fn remember(folder: &Folder, job: &Job) {
    let Some(cache) = &folder.options.cache else {
        return;
    };
    if let Ok(root) = folder.root()
        && let Ok(Some(stat)) = root.stat(&job.relative)
    {
        let identity = Identity::of(&stat);
        if let Some(digest) = &job.put.artifact.digest
            && identity.size_bytes == job.put.artifact.size_bytes()
        {
            let _ = cache.put(&identity, digest);
        }
    }
}

/// Adds the folders whose entries change when `relative` appears: those above it, as any may be new.
fn add_holders(holders: &mut BTreeSet<String>, relative: &str) {
    let mut folder = relative;
    while !folder.is_empty() {
        folder = split(folder).0;
        if !holders.insert(folder.into()) {
            return;
        }
    }
}

fn sync_folders(folder: &Folder, holders: &BTreeSet<String>) -> io::Result<()> {
    if holders.len() > SYNCED_ALONE {
        return sync_all(folder);
    }
    let root = folder.root()?;
    for holder in holders {
        File::from(root.folder(holder)?).sync_all()?;
    }
    Ok(())
}

fn sync_all(folder: &Folder) -> io::Result<()> {
    Ok(rustix::fs::syncfs(folder.root()?.folder("")?)?)
}

impl Job {
    /// Returns what is to be put.
    pub(super) fn put(&self) -> &Put {
        &self.put
    }
}
