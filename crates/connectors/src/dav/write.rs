//! Files on their way to a WebDAV server.
//!
//! A file is written to a draft and read back; once the second it was written in is over it is moved to its place.
//! So whatever is written there later has another time, and what was digested can be remembered.

use std::time::Duration;

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

/// After this long the second of a write is over, on the other side's clock too.
const SECOND: Duration = Duration::from_millis(1_020);
/// How often a file that others change meanwhile is looked at again.
const LOOKS: usize = 3;

/// A file that is written and right, but not in its place.
struct Draft<'a> {
    job: Job<'a>,
    /// Where it is.
    at: FilePath,
    sums: Sums,
    /// Its state as a draft.
    state: State,
    written: Instant,
    /// What stood in its place.
    over: Standing,
}

/// A file in its place.
struct Placed<'a> {
    job: Job<'a>,
    sums: Sums,
    /// The state it should have; whether every later change will show in it.
    state: State,
    lasting: bool,
}

type Not = crate::files::Not<Standing>;

impl DavTarget {
    /// Writes `batch`, group after group.
    pub(super) async fn write_all(
        &self,
        batch: &[Put],
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        for group in groups(batch) {
            let mut jobs = Vec::with_capacity(group.len());
            for (index, put) in group {
                match job(index, put) {
                    Ok(job) => jobs.push(job),
                    Err(error) => settled.settled(index, PutOutcome::Failed(error)),
                }
            }
            self.write_group(jobs, content, settled).await?;
        }
        Ok(())
    }

    async fn write_group(
        &self,
        jobs: Vec<Job<'_>>,
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
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

    /// Moves a draft to its place.
    async fn place<'a>(&self, draft: Draft<'a>) -> Result<Placed<'a>, Not> {
        if self.dav.server.digests().are_kept() {
            tokio::time::sleep_until(draft.written + SECOND).await;
        }
        if draft.at == draft.job.path {
            // It was read back within its second, so nothing is known of what came after.
            let Draft { job, sums, state, .. } = draft;
            return Ok(Placed {
                job,
                sums,
                state,
                lasting: false,
            });
        }
        match self.move_there(&draft).await {
            Ok(lasting) => {
                let Draft { job, sums, state, .. } = draft;
                Ok(Placed {
                    job,
                    sums,
                    state,
                    lasting,
                })
            }
            Err(not) => {
                self.remove(&draft.at).await;
                Err(not)
            }
        }
    }

    /// Moves a draft; returns whether the second it was written in was over by then.
    async fn move_there(&self, draft: &Draft<'_>) -> Result<bool, Not> {
        let path = &draft.job.path;
        self.make_parents(path).await?;
        let mut over = draft.over.clone();
        let mut again = true;
        for _ in 0..LOOKS {
            let activity = self.dav.server.activity();
            let answer = self.send_move(draft, &over, &activity).await?;
            match answer.status().as_u16() {
                412 => {
                    let now = self.dav.look(path.as_str(), Stage::Commit).await?;
                    match (&over, &now) {
                        (Standing::File(before), Standing::File(now)) if !before.differs(now) => {
                            self.knows_no_if.store(true, std::sync::atomic::Ordering::Relaxed);
                        }
                        (_, Standing::Folder) => return Err(conflict(path, "a folder stands there").into()),
                        _ if draft.job.put.expect == Expect::Anything => over = now,
                        _ => return Err(Not::Raced(now)),
                    }
                }
                // The folder it belongs in went away, or was never there.
                403 | 404 | 409 | 500 if again => {
                    again = false;
                    self.forget_folders();
                    self.make_parents(path).await?;
                }
                _ => {
                    let lasting = draft.state.is_lasting(answer.headers());
                    self.accepted(answer, &activity, path).await?;
                    return Ok(lasting);
                }
            }
        }
        let error = ConnectorError::new(ErrorKind::Conflict, Stage::Commit, path.as_str());
        Err(error
            .words("it is changed by somebody else again and again")
            .into())
    }

    async fn send_move(
        &self,
        draft: &Draft<'_>,
        over: &Standing,
        activity: &Activity,
    ) -> ConnectorResult<Response> {
        let to = self.dav.url(draft.job.path.as_str(), false);
        let mut request = self
            .dav
            .own("MOVE", self.dav.url(draft.at.as_str(), false))
            .header("Destination", to.as_str());
        request = match over {
            // Never over a folder, which would vanish with all it holds.
            Standing::Nothing | Standing::Folder => request.header("Overwrite", "F"),
            Standing::File(state) => {
                let etag = state
                    .strong_etag()
                    .filter(|_| self.may_know_if() && draft.job.put.expect != Expect::Anything);
                let condition =
                    etag.and_then(|etag| HeaderValue::from_str(&format!("<{to}> ([{etag}])")).ok());
                let request = request.header("Overwrite", "T");
                match condition {
                    Some(condition) => request.header("If", condition),
                    None => request,
                }
            }
        };
        self.dav
            .server
            .send(request, activity, Stage::Commit, draft.job.path.as_str())
            .await
    }

    /// Looks whether the files are in their places, and says so.
    async fn confirm(&self, placed: Vec<Placed<'_>>, settled: &dyn Settled) -> ConnectorResult<()> {
        if placed.is_empty() {
            return Ok(());
        }
        let paths: Vec<FilePath> = placed.iter().map(|file| file.job.path.clone()).collect();
        let standings = self.standings(&paths, Stage::Verify).await?;
        for (file, standing) in placed.into_iter().zip(standings) {
            let size_bytes = file.sums.length_bytes;
            let outcome = match standing {
                Standing::File(state) if state.size_bytes.is_none_or(|size| size == size_bytes) => {
                    self.remember(&file, &state);
                    PutOutcome::Stored {
                        moved_bytes: size_bytes,
                        moved_blobs: 1,
                    }
                }
                _ => PutOutcome::Failed(corrupt(
                    &file.job.path,
                    "other content stands there than was just written",
                )),
            };
            settled.settled(file.job.index, outcome);
        }
        Ok(())
    }

    /// Remembers the digest of a file that was just placed, if it is still the one that was written.
    fn remember(&self, file: &Placed<'_>, now: &State) {
        let same_time = file.state.modified_s.is_some() && file.state.modified_s == now.modified_s;
        let same_tag = now.modified_s.is_none() && now.strong_etag().is_some() && now.etag == file.state.etag;
        if let Some(mark) = now.mark().filter(|_| file.lasting && (same_time || same_tag)) {
            let place = self.dav.place(file.job.path.as_str());
            let Sums {
                length_bytes, digest, ..
            } = &file.sums;
            self.dav
                .server
                .digests()
                .put(&place, *length_bytes, &mark, digest);
        }
    }

    async fn raced(&self, path: &FilePath) -> Not {
        match self.dav.look(path.as_str(), Stage::Write).await {
            Ok(standing) => Not::Raced(standing),
            Err(error) => Not::Failed(error),
        }
    }

    async fn accepted(&self, answer: Response, activity: &Activity, path: &FilePath) -> ConnectorResult<()> {
        answered(answer, activity, Stage::Write, path.as_str())
            .await
            .map(drop)
    }

    /// Removes what nobody needs, as far as it can.
    async fn remove(&self, path: &FilePath) {
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
