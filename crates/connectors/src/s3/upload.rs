//! Objects on their way to a bucket: whole, or in parts that survive a broken connection and a restart.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::checksums::Sums;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorResult, Content, Expect};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use md5::{Digest as _, Md5};
use reqwest::Method;

use super::client::{Ask, is_unknown, stream_of};
use super::parts::{PART_BYTES, Part, Parts, md5_of, part_bytes};
use super::state::{SHA256, Standing, State};
use super::target::{Not, S3Target};
use super::wire;
use crate::files::{Job, checked, corrupt, other_bytes};

/// Parts of one object that are on their way at the same time.
const PARTS_AT_ONCE: usize = 3;
/// How often a part is sent before its error counts.
const PART_TRIES: u32 = 3;
/// A store puts parts together at least this fast.
const JOINED_PER_SECOND: u64 = 20 * 1024 * 1024;

/// What the store calls the parts, by number.
type Tags = BTreeMap<u32, String>;

/// An upload in parts.
struct Upload {
    id: String,
    /// What is there already, by number.
    there: HashMap<u32, wire::Part>,
}

impl S3Target {
    /// Sends an object whole; it is there and right when this returns.
    pub(super) async fn put_whole(&self, job: &Job<'_>, bytes: Bytes, over: &Standing) -> Result<(), Not> {
        let sums = Sums::of(&bytes, job.blob);
        if !sums.are_of(job.blob) {
            return Err(other_bytes(&job.path).into());
        }
        let md5 = match sums.checksums.md5 {
            Some(md5) => md5,
            None => md5_of(bytes.clone()).await,
        };
        let key = self.bucket.key(job.path.as_str());
        let mut conditions = conditions(job, over);
        let answer = loop {
            let mut ask = Ask::new(Method::PUT, Some(&key), Stage::Write, job.path.as_str())
                .header("content-type", "application/octet-stream")
                .header("content-md5", STANDARD.encode(md5))
                .header(SHA256, sums.digest.to_hex());
            ask.headers.extend(conditions.clone());
            ask.body = Some(bytes.clone());
            match self.bucket.send(ask).await {
                // Not every store knows conditions.
                Err(error) if !conditions.is_empty() && is_unknown(&error) => conditions.clear(),
                Err(error) if matches!(error.remote_status, Some(409 | 412)) => {
                    return Err(self.raced(job).await);
                }
                answer => break answer?,
            }
        };
        let state = State::of(answer.response.headers());
        self.verified(job, &state, &hex::encode(md5), &sums, over).await
    }

    /// Makes sure that what is kept is what was sent: by the entity tag, or by reading it back.
    async fn verified(
        &self,
        job: &Job<'_>,
        answer: &State,
        expected: &str,
        sums: &Sums,
        over: &Standing,
    ) -> Result<(), Not> {
        let is_right = match answer.etag.as_deref() {
            Some(etag) if etag == expected => true,
            // A tag that looks like an MD5 and is another one may still be something else.
            _ => self.holds(job, &sums.digest).await?,
        };
        if is_right {
            self.remember(&job.path, sums.length_bytes, answer.etag.as_deref(), &sums.digest);
            return Ok(());
        }
        if *over == Standing::Nothing {
            self.bucket.remove(job.path.as_str()).await;
        }
        Err(corrupt(&job.path, "what the store keeps are not the bytes that were sent").into())
    }

    async fn holds(&self, job: &Job<'_>, digest: &Digest) -> ConnectorResult<bool> {
        // Neither metadata nor memory counts here: the bytes are read.
        let kept = self.digested(&job.path, None).await?;
        Ok(kept.is_some_and(|kept| kept.digest == Some(*digest)))
    }

    /// Sends an object that is read as it is sent; returns how many bytes moved.
    pub(super) async fn put_large(
        &self,
        job: &Job<'_>,
        content: &dyn Content,
        over: &Standing,
    ) -> Result<u64, Not> {
        let size_bytes = job.blob.size_bytes;
        let source = content.open(&job.put.artifact.key, job.blob, 0).await?;
        let (source, summed) = checked(source, job.blob, &job.path);
        if size_bytes <= PART_BYTES {
            let mut parts = Parts::new(source, size_bytes.max(1), self.room.clone());
            let part = parts.next().await?;
            // To the end, where what is known of the whole is compared.
            parts.next().await?;
            let Some(part) = part else {
                return Err(other_bytes(&job.path).into());
            };
            self.put_whole(job, part.bytes.clone(), over).await?;
            return Ok(size_bytes);
        }
        let length = part_bytes(size_bytes, job.path.as_str())?;
        let mut parts = Parts::new(source, length, self.room.clone());
        let first = parts.next().await?;
        let Some(first) = first else {
            return Err(other_bytes(&job.path).into());
        };
        let upload = self.begun(job, &first).await?;
        let sent = self.send_parts(job, &upload, first, &mut parts).await;
        let (tags, moved_bytes) = match sent {
            Ok(sent) => sent,
            Err(error) => {
                // Parts of other bytes are of no use; of these, the next try goes on.
                if matches!(error.kind, ErrorKind::Corrupt | ErrorKind::Changed) {
                    self.abort(job, &upload).await;
                }
                return Err(error.into());
            }
        };
        let sums = summed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(sums) = sums else {
            return Err(other_bytes(&job.path).into());
        };
        self.complete(job, &upload, &tags, &sums, over).await?;
        Ok(moved_bytes)
    }

    /// Returns an upload of this object that was begun and whose first part is `first`, or begins one.
    async fn begun(&self, job: &Job<'_>, first: &Part) -> ConnectorResult<Upload> {
        let key = self.bucket.key(job.path.as_str());
        for id in self.uploads(&key).await?.into_iter().rev().take(3) {
            let there = self.parts_there(&key, &id).await.unwrap_or_default();
            if is_there(&there, first).await.is_some() {
                return Ok(Upload { id, there });
            }
        }
        let mut ask = Ask::new(Method::POST, Some(&key), Stage::Write, job.path.as_str())
            .header("content-type", "application/octet-stream");
        ask.query = vec![("uploads", "")];
        if let Some(digest) = job.blob.digest {
            ask = ask.header(SHA256, digest.to_hex());
        }
        ask.body = Some(Bytes::new());
        let answer = stream_of(self.bucket.send(ask).await?, Stage::Write, &key);
        let id = wire::text_of(answer, &key, "InitiateMultipartUploadResult", "UploadId").await?;
        let there = HashMap::new();
        match id {
            Some(id) if !id.is_empty() => Ok(Upload { id, there }),
            _ => Err(wire::strange(Stage::Write, &key, "it began no upload")),
        }
    }

    async fn uploads(&self, key: &str) -> ConnectorResult<Vec<String>> {
        let mut ask = Ask::new(Method::GET, None, Stage::Write, key);
        ask.query = vec![("uploads", ""), ("prefix", key)];
        match self.bucket.send(ask).await {
            Ok(answer) => wire::uploads(stream_of(answer, Stage::Write, key), key).await,
            // Whoever may write need not be allowed, or able, to list.
            Err(error) if error.remote_status.is_some() && error.kind != ErrorKind::Limit => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn parts_there(&self, key: &str, id: &str) -> ConnectorResult<HashMap<u32, wire::Part>> {
        let mut there = HashMap::new();
        let mut after = 0;
        loop {
            let marker = after.to_string();
            let mut ask = Ask::new(Method::GET, Some(key), Stage::Write, key);
            ask.query = vec![("uploadId", id), ("part-number-marker", &marker)];
            let answer = stream_of(self.bucket.send(ask).await?, Stage::Write, key);
            let (parts, more) = wire::parts(answer, key).await?;
            let last = parts.iter().map(|part| part.number).max().unwrap_or(after);
            there.extend(parts.into_iter().map(|part| (part.number, part)));
            if !more || last <= after {
                return Ok(there);
            }
            after = last;
        }
    }

    /// Sends the parts that are not there; returns all their tags and how many bytes moved.
    async fn send_parts(
        &self,
        job: &Job<'_>,
        upload: &Upload,
        first: Part,
        parts: &mut Parts,
    ) -> ConnectorResult<(Tags, u64)> {
        let (mut tags, mut moved_bytes) = (BTreeMap::new(), 0);
        let mut sending = FuturesUnordered::new();
        let (mut next, mut broken) = (Some(first), None);
        'parts: while let Some(part) = next.take() {
            match is_there(&upload.there, &part).await {
                Some(etag) => {
                    tags.insert(part.number, etag.to_owned());
                }
                None => {
                    moved_bytes += part.bytes.len() as u64;
                    sending.push(self.send_part(job, upload, part));
                }
            }
            // Kept over turns: what it has read must not be lost.
            let mut reading = std::pin::pin!(parts.next());
            loop {
                let error = tokio::select! {
                    biased;
                    Some(sent) = sending.next(), if !sending.is_empty() => match sent {
                        Ok(tag) => {
                            tags.extend([tag]);
                            continue;
                        }
                        Err(error) => error,
                    },
                    part = &mut reading, if sending.len() < PARTS_AT_ONCE => match part {
                        Ok(part) => {
                            next = part;
                            continue 'parts;
                        }
                        Err(error) => error,
                    },
                };
                broken = Some(error);
                break 'parts;
            }
        }
        // What is on its way may arrive, so that the next try need not send it.
        while let Some(sent) = sending.next().await {
            match sent {
                Ok(tag) => tags.extend([tag]),
                Err(error) => broken = broken.or(Some(error)),
            }
        }
        match broken {
            Some(error) => Err(error),
            None => Ok((tags, moved_bytes)),
        }
    }

    /// Sends a part; returns its number and what the store calls it.
    async fn send_part(&self, job: &Job<'_>, upload: &Upload, part: Part) -> ConnectorResult<(u32, String)> {
        let key = self.bucket.key(job.path.as_str());
        let number = part.number.to_string();
        // Summed here, so that meanwhile the next part is read.
        let md5 = part.md5().await;
        let mut tries = 1;
        loop {
            let mut ask = Ask::new(Method::PUT, Some(&key), Stage::Write, job.path.as_str())
                .header("content-md5", STANDARD.encode(md5));
            ask.query = vec![("partNumber", &number), ("uploadId", &upload.id)];
            ask.body = Some(part.bytes.clone());
            let error = match self.bucket.send(ask).await {
                Ok(answer) => {
                    let state = State::of(answer.response.headers());
                    let md5 = hex::encode(md5);
                    let is_md5 = state.sealed != Some(true);
                    let plain = |tag: &String| {
                        tag.bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || b"-_=+/.".contains(&byte))
                    };
                    let tag = state.etag.filter(plain).unwrap_or_else(|| md5.clone());
                    if !is_md5 || tag == md5 {
                        return Ok((part.number, tag));
                    }
                    corrupt(&job.path, "a part that the store keeps is not what was sent")
                }
                Err(error) => error,
            };
            let again = matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Corrupt);
            if !again || error.retry_after.is_some() || tries >= PART_TRIES {
                return Err(error);
            }
            tries += 1;
        }
    }

    /// Puts the parts together and makes sure that the object is right.
    async fn complete(
        &self,
        job: &Job<'_>,
        upload: &Upload,
        tags: &Tags,
        sums: &Sums,
        over: &Standing,
    ) -> Result<(), Not> {
        let key = self.bucket.key(job.path.as_str());
        let parts: String = tags
            .iter()
            .map(|(number, tag)| {
                format!("<Part><PartNumber>{number}</PartNumber><ETag>&quot;{tag}&quot;</ETag></Part>")
            })
            .collect();
        let body = format!(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{parts}</CompleteMultipartUpload>"
        );
        let mut conditions = conditions(job, over);
        let answer = loop {
            let mut ask = Ask::new(Method::POST, Some(&key), Stage::Commit, job.path.as_str())
                .header("content-type", "application/xml");
            ask.headers.extend(conditions.clone());
            ask.query = vec![("uploadId", &upload.id)];
            ask.body = Some(Bytes::from(body.clone()));
            ask.more = Duration::from_secs(job.blob.size_bytes / JOINED_PER_SECOND);
            match self.bucket.send(ask).await {
                Err(error) if !conditions.is_empty() && is_unknown(&error) => conditions.clear(),
                Err(error) if matches!(error.remote_status, Some(409 | 412)) => {
                    self.abort(job, upload).await;
                    return Err(self.raced(job).await);
                }
                answer => break answer?,
            }
        };
        let mut state = State::of(answer.response.headers());
        let body = stream_of(answer, Stage::Commit, job.path.as_str());
        let etag = wire::text_of(body, job.path.as_str(), "CompleteMultipartUploadResult", "ETag").await?;
        state.etag = etag.map(|etag| super::state::unquoted(&etag));
        // Of tags that are MD5s; of others it is none, and the object is read back.
        let whole: Vec<u8> = tags
            .values()
            .flat_map(|tag| hex::decode(tag).unwrap_or_default())
            .collect();
        let expected = format!("{}-{}", hex::encode(Md5::digest(whole)), tags.len());
        self.verified(job, &state, &expected, sums, over).await
    }

    async fn abort(&self, job: &Job<'_>, upload: &Upload) {
        let key = self.bucket.key(job.path.as_str());
        let mut ask = Ask::new(Method::DELETE, Some(&key), Stage::Write, job.path.as_str());
        ask.query = vec![("uploadId", &upload.id)];
        if let Err(error) = self.bucket.send(ask).await {
            tracing::debug!(%error, "upload not aborted");
        }
    }

    async fn raced(&self, job: &Job<'_>) -> Not {
        match self.bucket.look(job.path.as_str(), Stage::Write).await {
            Ok(standing) => Not::Raced(standing),
            Err(error) => Not::Failed(error),
        }
    }
}

/// Returns the headers that make the write depend on what was seen.
fn conditions(job: &Job<'_>, over: &Standing) -> Vec<(String, String)> {
    match over {
        Standing::Nothing | Standing::Folder => vec![("if-none-match".into(), "*".into())],
        Standing::Object(State { etag: Some(etag), .. }) if job.put.expect != Expect::Anything => {
            vec![("if-match".into(), format!("\"{etag}\""))]
        }
        Standing::Object(_) => Vec::new(),
    }
}

/// Returns what the store calls `part`, if it is among those that are there.
async fn is_there<'a>(there: &'a HashMap<u32, wire::Part>, part: &Part) -> Option<&'a str> {
    let there = there.get(&part.number)?;
    let same_length = there.size_bytes == part.bytes.len() as u64;
    (same_length && there.etag == hex::encode(part.md5().await)).then_some(&*there.etag)
}
