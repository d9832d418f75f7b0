//! Blobs that come and go by their digest alone, apart from any file: how bk-repo nodes replicate.
//!
//! Nobody learns or reads here what they could not through a file: a blob is known to those who may read a file
//! that consists of it, and to whoever brought it.

use std::ops::Range;

use domain::digest::Digest;
use domain::path::FilePath;
use domain::ports::ByteStream;
use futures_util::StreamExt;
use storage::nodes::Node;
use storage::publish::{Publication, Viewer};

use crate::Hosted;
use crate::checksums::Wanted;
use crate::content::unreadable;
use crate::error::{HostedError, HostedResult};
use crate::moves::seen_through;
use crate::receive::{Received, UploadOptions};
use crate::repository::HostedRepository;

impl Hosted {
    /// Receives bytes nobody has named yet; they are durable when this returns, and gone unless they are kept.
    pub async fn receive_blob(&self, bytes: ByteStream) -> HostedResult<Received> {
        self.receive("blob", bytes, None, Wanted::All).await
    }

    /// Makes what was received a live blob of `sender`, pinned for an hour; refuses what is not as announced.
    pub async fn keep_blob(
        &self,
        received: Received,
        digest: &Digest,
        size_bytes: Option<u64>,
        sender: &str,
    ) -> HostedResult<()> {
        let arrived_bytes = received.size_bytes();
        if let Some(announced_bytes) = size_bytes.filter(|announced| *announced != arrived_bytes) {
            return Err(HostedError::WrongSize {
                arrived_bytes,
                announced_bytes,
            });
        }
        if received.digest() != *digest {
            return Err(HostedError::Mismatch("sha256"));
        }
        self.adopt(received, sender).await
    }

    /// Returns the size of a blob `viewer` may know of, and pins it for an hour; `None` when there is none.
    pub async fn blob_size(&self, digest: &Digest, viewer: &Viewer) -> HostedResult<Option<u64>> {
        if self.present(&[*digest], viewer).await? != [true] {
            return Ok(None);
        }
        let places = self.data().places(&[*digest]).await?;
        Ok(places.into_iter().flatten().next().map(|place| place.size_bytes))
    }

    /// Returns the bytes of a blob `viewer` may know of, or those in `range` of them, and how many they are;
    /// `None` when there is no such blob.
    pub async fn open_blob(
        &self,
        digest: &Digest,
        viewer: &Viewer,
        range: Option<Range<u64>>,
    ) -> HostedResult<Option<(u64, ByteStream)>> {
        if self.present(&[*digest], viewer).await? != [true] {
            return Ok(None);
        }
        let places = self.data().places(&[*digest]).await?;
        let Some(place) = places.into_iter().flatten().next() else {
            return Ok(None);
        };
        let range = range.unwrap_or(0..place.size_bytes);
        if range.end > place.size_bytes || range.start > range.end {
            return Err(HostedError::RangeOutside);
        }
        let length_bytes = range.end - range.start;
        let files = self.data().files();
        let bytes = files.stream(place, range.start, length_bytes).await?;
        let subject = digest.to_string();
        let bytes = bytes.map(move |piece| piece.map_err(|error| unreadable(subject.clone(), &error)));
        Ok(Some((length_bytes, Box::pin(bytes))))
    }
}

impl HostedRepository {
    /// Makes a file at `path` of a blob that is here and that `viewer` may know of; `options` say the rest.
    pub async fn refer(
        &self,
        path: &FilePath,
        digest: &Digest,
        options: &UploadOptions,
        viewer: &Viewer,
    ) -> HostedResult<Node> {
        let size_bytes = self.hosted().blob_size(digest, viewer).await?;
        let size_bytes = size_bytes.ok_or_else(|| HostedError::BlobAbsent(path.clone()))?;
        if let Some(announced_bytes) = options.size_bytes.filter(|announced| *announced != size_bytes) {
            return Err(HostedError::WrongSize {
                arrived_bytes: size_bytes,
                announced_bytes,
            });
        }
        let mut write = options.write(path, *digest);
        write.brings_bytes = false;
        let (data, viewer, repository_no) = (self.hosted().data().clone(), viewer.clone(), self.info().no);
        let published = seen_through(async move {
            let publication = Publication {
                repository_no,
                viewer: &viewer,
                writes: &[write],
                blobs: &[],
                files: &[],
            };
            data.publish(publication).await
        })
        .await??;
        let written = published.written.into_iter().next();
        let written = written.ok_or_else(|| HostedError::BlobAbsent(path.clone()))?;
        self.answer(path, written).await
    }
}
