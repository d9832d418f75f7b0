//! Receiving a file: hashed while it arrives, small ones in memory, large ones straight into their blob file.

use bytes::{Bytes, BytesMut};
use domain::artifact::Metadata;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorError, Expect, SMALL_BLOB_BYTES};
use futures_util::StreamExt;
use storage::blobfiles::{BlobPlace, NewFile, PartWriter, reserve};
use storage::block_uploads::BlockUpload;
use storage::nodes::Node;
use storage::publish::{NewBlob, NewBlobFile, NodeWrite, Publication, Viewer, Written};

use crate::Hosted;
use crate::checksums::{Checksums, Summing, Wanted};
use crate::error::{HostedError, HostedResult};
use crate::moves::seen_through;
use crate::publish::Checked;
use crate::repository::HostedRepository;

/// How a file is uploaded.
#[derive(Debug, Clone, Default)]
pub struct UploadOptions {
    /// SHA-256 its bytes must have.
    pub sha256: Option<Digest>,
    /// MD5 its bytes must have, in hex.
    pub md5: Option<String>,
    /// CRC-64 its bytes must have.
    pub crc64ecma: Option<u64>,
    /// Whether it replaces a file that stands there.
    pub overwrite: bool,
    /// When it goes away by itself, in Unix milliseconds.
    pub expires_ms: Option<i64>,
    /// Its properties.
    pub metadata: Metadata,
    /// How many bytes will come, where that is known: taken from the disk at once.
    pub size_bytes: Option<u64>,
}

/// A large blob that arrived whole and is durable, though nothing names it.
pub struct Received {
    file: NewFile,
    size_bytes: u64,
    sums: Checksums,
}

impl Received {
    /// Takes a file that holds exactly a blob, durably, with the sums of it.
    pub(crate) fn of(file: NewFile, size_bytes: u64, sums: Checksums) -> Self {
        Self {
            file,
            size_bytes,
            sums,
        }
    }

    /// Returns the digest of what arrived.
    pub fn digest(&self) -> Digest {
        self.sums.sha256
    }

    /// Returns how many bytes arrived.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(crate) fn sums(&self) -> &Checksums {
        &self.sums
    }

    pub(crate) fn place(&self) -> BlobPlace {
        BlobPlace {
            file_no: self.file.no(),
            offset_bytes: 0,
            size_bytes: self.size_bytes,
        }
    }

    /// Leaves its file where it is: a row names it now, or may do.
    pub(crate) fn keep(self) {
        self.file.keep();
    }

    fn blob(&self) -> NewBlob {
        NewBlob {
            digest: self.sums.sha256,
            md5: self.sums.md5,
            crc64: self.sums.crc64,
            place: self.place(),
        }
    }
}

impl HostedRepository {
    /// Stores the file that `bytes` are at `path`; it is durable when this returns.
    ///
    /// Whether something stands there is checked before a byte is read and again when all have arrived. What
    /// fails leaves nothing behind.
    pub async fn upload(
        &self,
        path: &FilePath,
        bytes: ByteStream,
        options: UploadOptions,
        viewer: &Viewer,
    ) -> HostedResult<Node> {
        if path.is_root() {
            return Err(HostedError::NodeConflict(path.clone()));
        }
        self.check_place(path, options.overwrite, options.size_bytes)
            .await?;
        let written = match self.hosted().arrive(path, bytes, &options).await? {
            Arrived::Small(bytes, sums) => {
                options.check(&sums)?;
                let write = options.write(path, sums.sha256);
                let item = Checked {
                    write,
                    bytes,
                    md5: sums.md5,
                    crc64: sums.crc64,
                };
                self.hosted().take_in(self.info().no, viewer, item).await?
            }
            Arrived::Large(received) => {
                options.check(&received.sums)?;
                let write = options.write(path, received.digest());
                let written = self
                    .publish_received(received, write, viewer.clone(), None)
                    .await?;
                written.ok_or_else(|| HostedError::BlobAbsent(path.clone()))?
            }
        };
        self.answer(path, written).await
    }

    /// Refuses early what publishing would refuse: a path that is taken, and bytes there is no room for.
    pub(crate) async fn check_place(
        &self,
        path: &FilePath,
        overwrite: bool,
        size_bytes: Option<u64>,
    ) -> HostedResult<()> {
        match self.node(path).await? {
            Some(node) if node.file.is_none() => Err(HostedError::NodeConflict(path.clone())),
            Some(_) if !overwrite => Err(HostedError::NodeExists(path.clone())),
            standing => {
                let instead_of_bytes = standing.and_then(|node| node.file).map(|file| file.size_bytes);
                self.check_room(size_bytes, instead_of_bytes).await
            }
        }
    }

    /// Refuses bytes there is no room for, before they travel.
    pub(crate) async fn check_room(
        &self,
        size_bytes: Option<u64>,
        instead_of_bytes: Option<u64>,
    ) -> HostedResult<()> {
        let (Some(size_bytes), Some(_)) = (size_bytes, self.info().quota_bytes) else {
            return Ok(());
        };
        let instead_of_bytes = instead_of_bytes.unwrap_or(0);
        let data = self.hosted().data();
        if data
            .has_room(self.info().no, size_bytes, instead_of_bytes)
            .await?
        {
            Ok(())
        } else {
            Err(HostedError::OverQuota(self.info().name.clone()))
        }
    }

    /// Publishes a blob that arrived as the file `write` says, and ends the block upload it came from.
    ///
    /// `None` when that upload is not as it was any more. Runs to its end even when whoever asked goes away.
    pub(crate) async fn publish_received(
        &self,
        received: Received,
        write: NodeWrite,
        viewer: Viewer,
        ends: Option<BlockUpload>,
    ) -> HostedResult<Option<Written>> {
        let (hosted, repository_no) = (self.hosted().clone(), self.info().no);
        seen_through(async move {
            let file = NewBlobFile {
                no: received.file.no(),
                size_bytes: received.size_bytes,
            };
            let publication = Publication {
                repository_no,
                viewer: &viewer,
                writes: &[write],
                blobs: &[received.blob()],
                files: &[file],
            };
            let published = match &ends {
                None => hosted
                    .data()
                    .publish(publication)
                    .await
                    .map(|published| Some((published, Vec::new()))),
                Some(upload) => hosted.data().end_block_upload(upload, publication).await,
            };
            let kept = published.as_ref().map_or(true, |published| {
                let published = published.as_ref().map(|(published, _)| published);
                published.is_some_and(|published| published.kept_files.contains(&file.no))
            });
            if kept {
                received.file.keep();
            }
            let Some((published, block_files)) = published? else {
                return Ok(None);
            };
            hosted.remove_files(block_files).await?;
            Ok(published.written.into_iter().next())
        })
        .await?
    }

    pub(crate) async fn answer(&self, path: &FilePath, written: Written) -> HostedResult<Node> {
        match written {
            Written::Stored { .. } => {
                let node = self.node(path).await?;
                node.ok_or_else(|| HostedError::NodeUnknown(path.clone()))
            }
            Written::Raced { .. } => Err(HostedError::NodeExists(path.clone())),
            Written::Blocked { by } => Err(HostedError::NodeConflict(by)),
            Written::BlobAbsent => Err(HostedError::BlobAbsent(path.clone())),
            Written::OverQuota => Err(HostedError::OverQuota(self.info().name.clone())),
            Written::RepositoryGone => Err(HostedError::RepositoryUnknown(self.info().name.clone())),
        }
    }
}

impl UploadOptions {
    /// Returns the sums that are needed to check these.
    pub(crate) fn wanted(&self) -> Wanted {
        if self.md5.is_some() || self.crc64ecma.is_some() {
            Wanted::All
        } else {
            Wanted::Sha256
        }
    }

    pub(crate) fn check(&self, sums: &Checksums) -> HostedResult<()> {
        if self.sha256.is_some_and(|wanted| wanted != sums.sha256) {
            return Err(HostedError::Mismatch("sha256"));
        }
        if let Some(wanted) = &self.md5
            && !sums.md5_hex().is_some_and(|md5| md5.eq_ignore_ascii_case(wanted))
        {
            return Err(HostedError::Mismatch("md5"));
        }
        if self.crc64ecma.is_some_and(|wanted| sums.crc64 != Some(wanted)) {
            return Err(HostedError::Mismatch("crc64ecma"));
        }
        Ok(())
    }

    pub(crate) fn write(&self, path: &FilePath, digest: Digest) -> NodeWrite {
        NodeWrite {
            path: path.clone(),
            digest,
            brings_bytes: true,
            expect: if self.overwrite {
                Expect::Anything
            } else {
                Expect::Absent
            },
            metadata: self.metadata.clone(),
            with_metadata: true,
            expires_ms: self.expires_ms,
        }
    }
}

enum Arrived {
    Small(Bytes, Checksums),
    Large(Received),
}

impl Hosted {
    async fn arrive(
        &self,
        path: &FilePath,
        mut bytes: ByteStream,
        options: &UploadOptions,
    ) -> HostedResult<Arrived> {
        let mut first = Vec::new();
        let mut first_bytes = 0;
        while first_bytes <= SMALL_BLOB_BYTES {
            let Some(piece) = bytes.next().await else {
                let whole = joined(first);
                let sums = if whole.len() > 32 * 1024 {
                    let hashed = whole.clone();
                    let summing = tokio::task::spawn_blocking(move || Checksums::of(&hashed));
                    summing
                        .await
                        .map_err(|error| HostedError::Disk(std::io::Error::other(error)))?
                } else {
                    Checksums::of(&whole)
                };
                return Ok(Arrived::Small(whole, sums));
            };
            let piece = piece?;
            first_bytes += piece.len() as u64;
            first.push(piece);
        }
        let first = futures_util::stream::iter(first.into_iter().map(Ok));
        let rest: ByteStream = Box::pin(first.chain(bytes));
        let received = self
            .receive(&path.to_string(), rest, options.size_bytes, Wanted::All)
            .await?;
        Ok(Arrived::Large(received))
    }

    /// Receives a large blob into a file of its own; it is durable when this returns.
    pub(crate) async fn receive(
        &self,
        subject: &str,
        mut bytes: ByteStream,
        size_bytes: Option<u64>,
        wanted: Wanted,
    ) -> HostedResult<Received> {
        let files = self.data().files().clone();
        let file = blocking(move || {
            let file = files.create()?;
            reserve(file.file(), size_bytes.unwrap_or(0))?;
            Ok(file)
        })
        .await?;
        let mut writer = PartWriter::new(file.file().clone(), 0);
        let mut summing = Summing::start(wanted);
        let mut arrived_bytes = 0;
        while let Some(piece) = bytes.next().await {
            let piece = piece?;
            arrived_bytes += piece.len() as u64;
            if size_bytes.is_some_and(|announced| arrived_bytes > announced) {
                return Err(too_long(subject).into());
            }
            summing.push(piece.clone()).await;
            writer.push(piece).await?;
        }
        let sums = summing.finish().await;
        writer.finish().await?;
        let (files, no) = (self.data().files().clone(), file.no());
        blocking(move || files.sync_entry(no)).await?;
        let sums = sums.ok_or(HostedError::Mismatch("sha256"))?;
        Ok(Received {
            file,
            size_bytes: arrived_bytes,
            sums,
        })
    }

    /// Makes a received blob live; `sender` may refer to it by its digest.
    pub(crate) async fn adopt(&self, received: Received, sender: &str) -> HostedResult<()> {
        let (data, sender) = (self.data().clone(), sender.to_owned());
        seen_through(async move {
            let adopted = data.adopt(&received.blob(), &sender).await;
            if *adopted.as_ref().unwrap_or(&true) {
                received.file.keep();
            }
            adopted
        })
        .await??;
        Ok(())
    }
}

fn too_long(subject: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Changed, Stage::Read, subject).words("more bytes came than announced")
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() == 1 {
        return pieces.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
    whole.freeze()
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> HostedResult<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| HostedError::Disk(std::io::Error::other(error)))?
        .map_err(HostedError::Disk)
}
