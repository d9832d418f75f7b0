//! Files on their way to a WebDAV server.
//!
//! A file is written to a draft and read back; once the second it was written in is over it is moved to its place.
//! So whatever is written there later has another time, and what was digested can be remembered.

use bytes::Bytes;
use domain::artifact::Likeness;
use domain::checksums::Sums;
use domain::failure::{ErrorKind, Stage};
use domain::id::random_hex32;
use domain::path::FilePath;
use domain::ports::{ConnectorError, ConnectorResult, Content, Expect, Put, PutOutcome, Settled};
use futures_util::{StreamExt, stream};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, Response};
use tokio::time::Instant;

use super::client::Standing;
use super::state::State;
use super::target::DavTarget;
use super::{DRAFTS, PARALLEL};
use crate::fatal::is_the_servers;
use crate::files::{Job, checked, conflict, corrupt, groups, job, other_bytes, read_small};
use crate::http::{Activity, answered, body};

/// Groups of one batch that are read, sent or waited for at the same time.
const GROUPS_UNDER_WAY: usize = 8;

/// A file that is written and right, but not in its place.
pub(super) struct Draft<'a> {
    pub(super) job: Job<'a>,
    /// Where it is.
    pub(super) at: FilePath,
    pub(super) sums: Sums,
    /// Its state as a draft.
    pub(super) state: State,
    pub(super) written: Instant,
    /// What stood in its place.
    pub(super) over: Standing,
}

pub(super) type Not = crate::files::Not<Standing>;

impl DavTarget {
    /// Writes `batch`: while the files of one group wait for their second to be over, others are read and sent.
    pub(super) async fn write_all(
        &self,
        batch: &[Put],
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        let groups = groups(batch).into_iter();
        let writing: Vec<_> = groups
            .map(|group| self.write_group(group, content, settled))
            .collect();
        // All of them end even if one fails for all, so that no drafts of the others are left behind.
        let mut written = stream::iter(writing).buffer_unordered(GROUPS_UNDER_WAY);
        let mut result = Ok(());
        while let Some(group) = written.next().await {
            result = result.and(group);
        }
        result
    }

    async fn write_group(
        &self,
        group: Vec<(usize, &Put)>,
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        let mut jobs = Vec::with_capacity(group.len());
        for (index, put) in group {
            match job(index, put) {
                Ok(job) => jobs.push(job),
                Err(error) => settled.settled(index, PutOutcome::Failed(error)),
            }
        }
        let drafts = self.draft_group(jobs, content, settled).await?;
        let mut placed = Vec::new();
        let moving = drafts.into_iter().map(|draft| async move {
            let (index, path) = (draft.job.index, draft.job.path.clone());
            let place = self.place(draft).await;
            (index, path, place)
        });
        let moving: Vec<_> = moving.collect();
        let mut moved = stream::iter(moving).buffer_unordered(PARALLEL);
        while let Some((index, path, place)) = moved.next().await {
            match place {
                Ok(file) => placed.push(file),
                Err(not) => self.settle(index, &path, not, settled).await?,
            }
        }
        drop(moved);
        self.confirm(placed, settled).await
    }

    /// Writes files beside their places, in its turn.
    async fn draft_group<'a>(
        &self,
        mut jobs: Vec<Job<'a>>,
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<Vec<Draft<'a>>> {
        // Never closed, so it is always had.
        let _turn = self.sending.acquire().await.ok();
        read_small(&mut jobs, content).await;
        let writing = jobs.into_iter().map(|job| async move {
            let (index, path) = (job.index, job.path.clone());
            let draft = self.draft(job, content).await;
            (index, path, draft)
        });
        let writing: Vec<_> = writing.collect();
        let mut drafted = stream::iter(writing).buffer_unordered(PARALLEL);
        let mut drafts = Vec::new();
        while let Some((index, path, draft)) = drafted.next().await {
            match draft {
                Ok(draft) => drafts.push(draft),
                Err(not) => self.settle(index, &path, not, settled).await?,
            }
        }
        drop(drafted);
        Ok(drafts)
    }

    async fn settle(
        &self,
        index: usize,
        path: &FilePath,
        not: Not,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        let outcome = match not {
            Not::Failed(error) if error.stage != Stage::Read && is_the_servers(&error) => return Err(error),
            Not::Failed(error) => PutOutcome::Failed(error),
            Not::Same => PutOutcome::Stored {
                moved_bytes: 0,
                moved_blobs: 0,
            },
            Not::Raced(standing) => match self.read_back_one(path, &standing).await {
                Ok(found) => PutOutcome::Raced { found },
                Err(error) => PutOutcome::Failed(error),
            },
        };
        settled.settled(index, outcome);
        Ok(())
    }

    /// Writes a file beside its place and reads it back.
    async fn draft<'a>(&self, mut job: Job<'a>, content: &dyn Content) -> Result<Draft<'a>, Not> {
        let over = self.expected(&job).await?;
        let bytes = job.bytes.take().transpose()?;
        let at = match self.can_still_move() && is_sure_to_arrive(&job.path) {
            true => drafts_path(&format!("/{DRAFTS}/{}", random_hex32())),
            false => {
                self.make_parents(&job.path).await?;
                job.path.clone()
            }
        };
        let written = match self.write(&job, &at, &over, bytes, content).await {
            Ok(sums) => self.read_draft(&job, &at, &sums).await.map(|state| (sums, state)),
            Err(not) => Err(not),
        };
        match written {
            Ok((sums, state)) => Ok(Draft {
                job,
                at,
                sums,
                state,
                written: Instant::now(),
                over,
            }),
            Err(not) => {
                // In its place it is removed only if nobody else can have written it.
                let ours = at != job.path || (over == Standing::Nothing && is_corrupt(&not));
                // Who asks to be left alone has taken nothing.
                let wanted = !matches!(&not, Not::Failed(error) if error.kind == ErrorKind::Limit);
                if ours && wanted {
                    self.remove(&at).await;
                }
                Err(not)
            }
        }
    }

    /// Looks whether what is expected stands there; returns what does.
    async fn expected(&self, job: &Job<'_>) -> Result<Standing, Not> {
        let standing = match self.looked(&job.path) {
            Some(standing) => standing,
            None => self.dav.look(job.path.as_str(), Stage::Write).await?,
        };
        if standing == Standing::Folder {
            return Err(conflict(&job.path, "a folder stands there").into());
        }
        let holds = match (&job.put.expect, &standing) {
            (Expect::Anything, _) => true,
            (Expect::Absent, standing) => *standing == Standing::Nothing,
            (Expect::Mark(mark), Standing::File(state)) => state.mark().as_ref() == Some(mark),
            (Expect::Digest(digest), Standing::File(_)) => {
                let found = self.read_back_one(&job.path, &standing).await?;
                found.is_some_and(|found| found.digest == Some(*digest))
            }
            (Expect::Mark(_) | Expect::Digest(_), _) => false,
        };
        if !holds {
            return Err(Not::Raced(standing));
        }
        if let Standing::File(state) = &standing
            && state.size_bytes == Some(job.blob.size_bytes)
        {
            let found = self.read_back_one(&job.path, &standing).await?;
            let likeness = found.map(|found| job.put.artifact.likeness(&found));
            if likeness == Some(Likeness::Same) {
                return Err(Not::Same);
            }
        }
        Ok(standing)
    }

    /// Sends the bytes to `at`; returns their sums, which are those of the blob.
    async fn write(
        &self,
        job: &Job<'_>,
        at: &FilePath,
        over: &Standing,
        bytes: Option<Bytes>,
        content: &dyn Content,
    ) -> Result<Sums, Not> {
        let activity = std::sync::Arc::new(self.dav.server.activity());
        let mut request = self
            .dav
            .request(Method::PUT, self.dav.url(at.as_str(), false))
            .header(CONTENT_LENGTH, job.blob.size_bytes)
            .header(CONTENT_TYPE, "application/octet-stream");
        if *at == job.path {
            request = match over {
                Standing::File(state) => match state
                    .strong_etag()
                    .and_then(|tag| HeaderValue::from_str(tag).ok())
                {
                    Some(etag) if job.put.expect != Expect::Anything => request.header(IF_MATCH, etag),
                    _ => request,
                },
                Standing::Nothing | Standing::Folder => request.header(IF_NONE_MATCH, "*"),
            };
        }
        let (sums, broken) = match bytes {
            Some(bytes) => {
                let sums = Sums::of(&bytes, job.blob);
                if !sums.are_of(job.blob) {
                    return Err(other_bytes(&job.path).into());
                }
                request = request.body(bytes);
                (Some(sums), None)
            }
            None => {
                let source = content.open(&job.put.artifact.key, job.blob, 0).await?;
                let (checked, sums) = checked(source, job.blob, &job.path);
                let (sent, broken) = body(checked, std::sync::Arc::clone(&activity));
                request = request.body(sent);
                (None, Some((broken, sums)))
            }
        };
        let answer = self
            .dav
            .server
            .send(request, &activity, Stage::Write, job.path.as_str())
            .await;
        let sums = match broken {
            None => sums,
            Some((broken, sums)) => {
                if let Some(error) = broken.get() {
                    return Err(error.again().into());
                }
                sums.lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .take()
            }
        };
        let answer = answer?;
        if answer.status().as_u16() == 412 {
            return Err(self.raced(&job.path).await);
        }
        self.accepted(answer, &activity, &job.path).await?;
        sums.ok_or_else(|| {
            let error = ConnectorError::new(ErrorKind::Protocol, Stage::Write, job.path.as_str());
            Not::Failed(error.words("it answered before it had all bytes"))
        })
    }

    /// Reads a draft back; returns its state if it holds what was sent.
    async fn read_draft(&self, job: &Job<'_>, at: &FilePath, sums: &Sums) -> Result<State, Not> {
        match self.digested(at).await? {
            Some((digest, state)) if digest == sums.digest => Ok(state),
            Some(_) => Err(corrupt(
                &job.path,
                "what the server keeps are not the bytes that were sent",
            )
            .into()),
            None => Err(corrupt(&job.path, "what was sent and acknowledged is not there").into()),
        }
    }

    async fn raced(&self, path: &FilePath) -> Not {
        match self.dav.look(path.as_str(), Stage::Write).await {
            Ok(standing) => Not::Raced(standing),
            Err(error) => Not::Failed(error),
        }
    }

    pub(super) async fn accepted(
        &self,
        answer: Response,
        activity: &Activity,
        path: &FilePath,
    ) -> ConnectorResult<()> {
        answered(answer, activity, Stage::Write, path.as_str())
            .await
            .map(drop)
    }

    /// Removes what nobody needs, as far as it can.
    pub(super) async fn remove(&self, path: &FilePath) {
        let activity = self.dav.server.activity();
        let request = self
            .dav
            .request(Method::DELETE, self.dav.url(path.as_str(), false));
        if let Err(error) = self
            .dav
            .server
            .send(request, &activity, Stage::Write, path.as_str())
            .await
        {
            tracing::debug!(%error, "draft not removed");
        }
    }
}

/// Says whether every server understands where a file is to be moved: some take a `?` or `#` for the path's end, even an
/// encoded one, and would move it elsewhere.
fn is_sure_to_arrive(path: &FilePath) -> bool {
    !path.as_str().contains(['?', '#'])
}

pub(super) fn drafts_path(text: &str) -> FilePath {
    text.parse().expect("the names of drafts are paths")
}

fn is_corrupt(not: &Not) -> bool {
    matches!(not, Not::Failed(error) if error.kind == ErrorKind::Corrupt && error.stage == Stage::Verify)
}
