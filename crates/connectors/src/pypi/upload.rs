//! How files get into an index and out of it again: the upload API that twine speaks, its older `remove_pkg`, and
//! DELETE of a file where it is.
//!
//! What is to be done with a form stands at its end: a server that is cut off from the rest of one stores nothing.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use domain::artifact::{ArtifactKey, Blob};
use domain::checksums::{Hasher, Sums};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::TryStreamExt;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use url::form_urlencoded::Serializer;

use super::file::FileName;
use super::index::Index;
use super::page::File;
use crate::http::{Form, Part};
use crate::summing::Summing;

/// The version of core metadata that the forms are of: none of their fields is newer.
const METADATA_VERSION: &str = "2.1";

/// A file to be uploaded.
pub(super) struct Upload<'a> {
    /// The version it belongs to.
    pub(super) key: &'a ArtifactKey,
    /// The file.
    pub(super) blob: &'a Blob,
    /// What its name says.
    pub(super) said: FileName,
    /// Which versions of Python it is for, where its source says so.
    pub(super) requires_python: Option<&'a str>,
}

impl Upload<'_> {
    /// Returns what errors are about.
    pub(super) fn subject(&self) -> String {
        format!("{} {}", self.key, self.blob.name)
    }

    /// Returns the texts of its form.
    fn fields(&self, with_digests: bool) -> Vec<(&'static str, String)> {
        let (name, version) = &self.said.written;
        let mut fields = vec![
            ("protocol_version", "1".into()),
            ("metadata_version", METADATA_VERSION.into()),
            ("name", name.clone()),
            ("version", version.clone()),
            ("filetype", self.said.filetype.into()),
            ("pyversion", self.said.python.clone()),
        ];
        fields.extend(
            self.requires_python
                .map(|python| ("requires_python", python.to_owned())),
        );
        if with_digests {
            let digest = self.blob.digest.map(|digest| ("sha256_digest", digest.to_hex()));
            fields.extend(digest);
            fields.extend(self.blob.checksums.md5_hex().map(|md5| ("md5_digest", md5)));
        }
        fields
    }
}

impl Index {
    /// Uploads a file whose bytes are `bytes`; returns what was sent.
    ///
    /// Digests are sent only to indexes that want them: what one shows of a file it was told nothing of, it has
    /// digested itself.
    pub(super) async fn upload(&self, upload: &Upload<'_>, bytes: ByteStream) -> ConnectorResult<Sums> {
        let subject = upload.subject();
        let url = self.uploads().await?;
        let (bytes, summing) = Summing::over(bytes, Hasher::of(upload.blob));
        let fields = upload.fields(self.wants_digests().load(Ordering::Relaxed));
        let text = |(field, text): &'_ (&'static str, String)| (*field, text.clone());
        let fields: Vec<_> = fields.iter().map(text).collect();
        let mut parts: Vec<Part<'_>> = fields
            .iter()
            .map(|(field, text)| Part::Text { field, text })
            .collect();
        parts.push(Part::File {
            field: "content",
            blob: upload.blob,
            bytes,
        });
        parts.push(Part::Text {
            field: ":action",
            text: "file_upload",
        });
        let form = Form::of(parts);
        let request = self
            .files()
            .request(Method::POST, url)
            .header(CONTENT_TYPE, form.content_type)
            .header(CONTENT_LENGTH, form.length_bytes);
        let sent = self
            .files()
            .send_body(request, form.bytes, Stage::Write, &subject)
            .await;
        sent.map_err(|error| self.learned(error))?;
        let whole = summing.finish();
        let whole = whole.filter(|sums| sums.length_bytes == upload.blob.size_bytes);
        whole.ok_or_else(|| {
            ConnectorError::new(ErrorKind::Protocol, Stage::Write, subject)
                .words("the index answered before it had everything")
        })
    }

    /// Notes whether a refusal is for want of a digest.
    fn learned(&self, error: ConnectorError) -> ConnectorError {
        let words = error.words.as_deref().unwrap_or_default().to_lowercase();
        let wants = ["digest", "hash", "sha256"]
            .iter()
            .any(|word| words.contains(word));
        if matches!(error.remote_status, Some(400 | 422)) && wants {
            self.wants_digests().store(true, Ordering::Relaxed);
        }
        error
    }

    /// Takes the files `gone` out of the index, as far as it lets that be done, and says whether it did; none of those
    /// that `stay` goes with them.
    pub(super) async fn withdraw(&self, gone: &[&File], stay: &[&File]) -> ConnectorResult<bool> {
        let mut refused = Vec::new();
        for file in gone {
            if !self.deleted(file).await? {
                refused.push(*file);
            }
        }
        // `remove_pkg` takes everything of that name out.
        let kept: BTreeSet<_> = stay.iter().map(|file| removed_as(file)).collect();
        let removed: BTreeSet<_> = refused.iter().map(|file| removed_as(file)).collect();
        let mut all = removed.is_disjoint(&kept);
        for (name, version) in removed.difference(&kept) {
            let body = Serializer::new(String::new())
                .append_pair(":action", "remove_pkg")
                .append_pair("name", name)
                .append_pair("version", version)
                .finish();
            let request = self
                .files()
                .request(Method::POST, self.uploads().await?)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body);
            all &= self.asked(request, name).await?;
        }
        Ok(all)
    }

    /// Deletes a file where it is; says whether that was done. A file that another index keeps is left alone.
    async fn deleted(&self, file: &File) -> ConnectorResult<bool> {
        let server = self.files().server();
        let base = format!("{}/", self.uploads().await?.path().trim_end_matches('/'));
        let is_known = file.wrong.is_none();
        if !is_known || !server.owns(&file.url) || !file.url.path().starts_with(&base) {
            return Ok(false);
        }
        let request = self.files().request(Method::DELETE, &file.url);
        self.asked(request, &file.blob.name).await
    }

    /// Asks for something that may be refused; says whether it was not.
    async fn asked(&self, request: reqwest::RequestBuilder, subject: &str) -> ConnectorResult<bool> {
        let activity = self.files().server().activity();
        match self.files().ask(request, &activity, Stage::Write, subject).await {
            Ok(answer) => Ok(answer.is_some()),
            Err(error) if matches!(error.remote_status, Some(400..=499 | 501)) => {
                tracing::debug!(%error, "not withdrawn");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads what the index keeps of a file back.
    pub(super) async fn read_back(&self, file: &File, stage: Stage, subject: &str) -> ConnectorResult<Sums> {
        let at_target = |error: ConnectorError| ConnectorError { stage, ..error };
        let opened = self.files().bytes_from(&file.url, 0, subject).await;
        let mut bytes = opened.map_err(at_target)?;
        let mut hasher = Hasher::of(&file.blob);
        while let Some(piece) = bytes.try_next().await.map_err(at_target)? {
            hasher.update(&piece);
        }
        Ok(hasher.finish())
    }
}

/// Returns the name and the version that `remove_pkg` knows a file by.
fn removed_as(file: &File) -> (String, String) {
    let (name, version) = file.said.written.clone();
    match &file.said.build {
        Some(build) => (name, format!("{version}-{build}")),
        None => (name, version),
    }
}
