//! Drafts on their way to their places, once the second they were written in is over.

use std::time::Duration;

use domain::checksums::Sums;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ConnectorError, ConnectorResult, Expect, PutOutcome, Settled};
use reqwest::Response;
use reqwest::header::HeaderValue;

use super::client::Standing;
use super::state::State;
use super::target::DavTarget;
use super::write::{Draft, Not};
use crate::files::{Job, conflict, corrupt};
use crate::http::Activity;

/// After this long the second of a write is over, on the other side's clock too.
const SECOND: Duration = Duration::from_millis(1_020);
/// How often a file that others change meanwhile is looked at again.
const LOOKS: usize = 3;

/// A file in its place.
pub(super) struct Placed<'a> {
    job: Job<'a>,
    sums: Sums,
    /// The state it should have; whether every later change will show in it.
    state: State,
    lasting: bool,
}

impl DavTarget {
    /// Moves a draft to its place.
    pub(super) async fn place<'a>(&self, draft: Draft<'a>) -> Result<Placed<'a>, Not> {
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
    pub(super) async fn confirm(
        &self,
        placed: Vec<Placed<'_>>,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
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
}
