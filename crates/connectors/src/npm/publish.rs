//! How versions get into a registry: published, read back, and tagged.
//!
//! A version and its tarball arrive in one document, so a reader sees both or neither. The tarball is encoded as it
//! is read; a source that breaks breaks the document, and nothing is published.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::artifact::{Artifact, Blob};
use domain::checksums::{Hasher, Sums};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Registry, Sent, encoded};
use super::wire::{DEPRECATED, Entry, TAGS};

/// A version to be published.
pub(super) struct Publication<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) artifact: &'a Artifact,
    /// Tags that shall name it.
    pub(super) tags: Vec<String>,
    /// Whether its deprecation travels.
    pub(super) with_metadata: bool,
}

/// What a stream turned out to be, once it has ended.
type Passed = Arc<OnceLock<Sums>>;

impl Registry {
    /// Publishes a version whose tarball is `bytes`; returns what was sent.
    pub(super) async fn publish(
        &self,
        publication: &Publication<'_>,
        bytes: ByteStream,
    ) -> ConnectorResult<Sums> {
        let Publication {
            name,
            version,
            artifact,
            ..
        } = publication;
        let subject = artifact.key.to_string();
        let error = |kind, words: &str| ConnectorError::new(kind, Stage::Write, &subject).words(words);
        let [blob] = artifact.blobs.as_slice() else {
            return Err(error(ErrorKind::Protocol, "a version has exactly one tarball"));
        };
        let document = self.document(publication).ok_or_else(|| {
            error(
                ErrorKind::Protocol,
                "its source has no npm entry for it, so it cannot be published",
            )
        })?;
        let name_of_file = json!(format!("{name}-{version}.tgz"));
        let size_bytes = blob.size_bytes;
        // The document without the brace that closes it.
        let text = document.to_string();
        let head = format!(
            "{},\"_attachments\":{{{name_of_file}:{{\"content_type\":\"application/octet-stream\",\
             \"length\":{size_bytes},\"data\":\"",
            &text[..text.len() - 1]
        );
        let tail = "\"}}}";
        let length_bytes = head.len() as u64 + size_bytes.div_ceil(3) * 4 + tail.len() as u64;
        let (bytes, passed) = tallied(bytes, blob);
        let ends = |text: String| stream::iter([Ok(Bytes::from(text))]);
        let body = ends(head).chain(in_base64(bytes)).chain(ends(tail.into()));
        let sent = Sent {
            method: Method::PUT,
            url: self.url(&encoded(name)),
            body: Some((length_bytes, Box::pin(body))),
            stage: Stage::Write,
            subject: &subject,
        };
        self.send(sent).await.map_err(refused_sums)?;
        let unsent = || {
            error(
                ErrorKind::Protocol,
                "the registry answered before it had everything",
            )
        };
        passed.get().copied().ok_or_else(unsent)
    }

    /// Returns the document that publishes, without its tarball; `None` when the source said nothing of the version.
    fn document(&self, publication: &Publication<'_>) -> Option<Value> {
        let Publication {
            name,
            version,
            artifact,
            ..
        } = publication;
        let mut entry = artifact.document.clone()?;
        let members = entry.as_object_mut()?;
        members.insert("_id".into(), json!(format!("{name}@{version}")));
        members.remove(DEPRECATED);
        if let Some(words) = artifact
            .metadata
            .get(DEPRECATED)
            .filter(|_| publication.with_metadata)
        {
            members.insert(DEPRECATED.into(), json!(words));
        }
        let dist = members.get_mut("dist")?.as_object_mut()?;
        dist.insert("tarball".into(), json!(self.tarball(name, version).as_str()));
        let tags: serde_json::Map<String, Value> = publication
            .tags
            .iter()
            .map(|tag| (tag.clone(), json!(version)))
            .collect();
        Some(json!({
            "_id": name,
            "name": name,
            "description": entry.get("description"),
            "dist-tags": tags,
            "versions": { *version: entry },
            "access": null,
        }))
    }

    /// Reads the tarball of `entry` back and compares it with `blob`.
    pub(super) async fn read_back(&self, entry: &Entry, blob: &Blob, subject: &str) -> ConnectorResult<Sums> {
        let url = self.tarball_of(entry, subject)?;
        let verify = |error: ConnectorError| ConnectorError {
            stage: Stage::Verify,
            ..error
        };
        let mut bytes = self.files().bytes_from(&url, 0, subject).await.map_err(verify)?;
        let mut hasher = Hasher::of(blob);
        while let Some(piece) = bytes.try_next().await.map_err(verify)? {
            hasher.update(&piece);
        }
        Ok(hasher.finish())
    }

    /// Lets `tag` name `version`.
    pub(super) async fn tag(&self, name: &str, tag: &str, version: &str) -> ConnectorResult<()> {
        let url = self.url(&format!("-/package/{}/dist-tags/{}", encoded(name), encoded(tag)));
        self.put(url, &json!(version), Stage::Commit, name).await
    }
}

/// Returns the tags among the properties of a version.
pub(super) fn tags_of(artifact: &Artifact) -> Vec<String> {
    let tags = artifact
        .metadata
        .get(TAGS)
        .map(String::as_str)
        .unwrap_or_default();
    tags.split(',')
        .filter(|tag| !tag.is_empty())
        .map(Into::into)
        .collect()
}

/// Understands a refusal of bytes that are not those their entry speaks of.
fn refused_sums(mut error: ConnectorError) -> ConnectorError {
    let words = error.words.as_deref().unwrap_or_default();
    if matches!(error.remote_status, Some(400 | 422))
        && (words.contains("shasum") || words.contains("integrity"))
    {
        error.kind = ErrorKind::Corrupt;
        error.stage = Stage::Verify;
    }
    error
}

/// Digests what passes.
fn tallied(bytes: ByteStream, blob: &Blob) -> (ByteStream, Passed) {
    let passed = Passed::default();
    let state = (bytes, Some(Hasher::of(blob)), passed.clone());
    let bytes = stream::try_unfold(state, |(mut bytes, mut hasher, passed)| async move {
        let Some(running) = &mut hasher else {
            return Ok(None);
        };
        if let Some(piece) = bytes.try_next().await? {
            running.update(&piece);
            return Ok(Some((piece, (bytes, hasher, passed))));
        }
        if let Some(hasher) = hasher.take() {
            // Set once: the stream ends once.
            let _ = passed.set(hasher.finish());
        }
        Ok(None)
    });
    (Box::pin(bytes), passed)
}

/// Encodes what passes in base64.
fn in_base64(bytes: ByteStream) -> ByteStream {
    let state = (Some(bytes), Vec::new());
    let encoded = stream::try_unfold(state, |(bytes, mut left)| async move {
        let Some(mut bytes) = bytes else {
            return Ok(None);
        };
        while let Some(piece) = bytes.try_next().await? {
            left.extend_from_slice(&piece);
            let whole = left.len() - left.len() % 3;
            if whole > 0 {
                let rest = left.split_off(whole);
                let text = STANDARD.encode(&left);
                return Ok(Some((Bytes::from(text), (Some(bytes), rest))));
            }
        }
        let text = STANDARD.encode(&left);
        Ok((!text.is_empty()).then(|| (Bytes::from(text), (None, Vec::new()))))
    });
    Box::pin(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_in_any_pieces_are_encoded_as_one() {
        let bytes: Vec<u8> = (0..=255).collect();
        for piece in [1, 2, 3, 4, 7, 100, 300] {
            for length in [0, 1, 2, 3, 254, 255, 256] {
                let pieces: Vec<_> = bytes[..length]
                    .chunks(piece)
                    .map(Bytes::copy_from_slice)
                    .map(Ok)
                    .collect();

                let encoded = in_base64(Box::pin(stream::iter(pieces)));

                let text: Vec<Bytes> = encoded.try_collect().await.expect("it does not break");
                assert_eq!(
                    text.concat(),
                    STANDARD.encode(&bytes[..length]).as_bytes(),
                    "{length} by {piece}"
                );
            }
        }
    }
}
