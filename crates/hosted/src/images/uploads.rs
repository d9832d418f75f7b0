//! Blobs that are pushed: whole in one request, or piece after piece in a session that says its digest last.

use std::sync::Arc;

use domain::digest::Digest;
use domain::id::random_hex32;
use domain::ports::ByteStream;
use futures_util::StreamExt;
use storage::appends::AppendRow;
use storage::blobfiles::{BlobPlace, Held, NewFile, PartWriter};
use storage::publish::{Viewer, Written};

use super::Image;
use crate::Hosted;
use crate::appends::Appended;
use crate::checksums::Wanted;
use crate::error::{HostedError, HostedResult};
use crate::moves::seen_through;
use crate::receive::{Received, blocking};
use crate::upload_room::UploadRoom;
use crate::uploads::UPLOAD_MS;

impl Image {
    /// Takes a blob that comes whole; durable and one of this image when this returns.
    pub async fn put_blob(
        &self,
        digest: &Digest,
        size_bytes: Option<u64>,
        bytes: ByteStream,
        viewer: &Viewer,
    ) -> HostedResult<()> {
        self.repository.check_room(size_bytes, None).await?;
        let hosted = self.hosted();
        let received = hosted
            .receive(&digest.to_string(), bytes, size_bytes, Wanted::Sha256)
            .await?;
        self.keep(received, digest, viewer).await
    }

    /// Opens a session of `owner`.
    pub async fn open_upload(&self, owner: &str) -> HostedResult<Appended> {
        let data = self.hosted().data();
        let files = data.files().clone();
        let file: NewFile = blocking(move || {
            let file = files.create()?;
            files.sync_entry(file.no())?;
            Ok(file)
        })
        .await?;
        let row = AppendRow {
            id: random_hex32(),
            owner: owner.into(),
            digest: None,
            arrived_bytes: 0,
            file_no: file.no(),
            expires_ms: data.clock().now_ms() + UPLOAD_MS,
        };
        let inserted = data.insert_append(&row).await;
        // After an error the row may be there all the same; the next start knows.
        file.keep();
        inserted?;
        Ok(row.into())
    }

    /// Takes the bytes that come next: those from `offset_bytes` on, which has to be the end of what is there.
    ///
    /// When they break off, what arrived by then counts. Returns how many bytes are there then.
    pub async fn push(
        &self,
        owner: &str,
        id: &str,
        offset_bytes: Option<u64>,
        bytes: ByteStream,
    ) -> HostedResult<u64> {
        let hosted = self.hosted();
        let turn = hosted.appends().turn(id).await;
        let row = hosted.append_row(owner, id).await?;
        if offset_bytes.is_some_and(|offset| offset != row.arrived_bytes) {
            return Err(HostedError::RangeOutside);
        }
        let room = hosted.upload_room().await?;
        let hosted = hosted.clone();
        seen_through(async move {
            let (arrived_bytes, ended) = write_on(&hosted, &row, bytes, room, turn).await?;
            let expires_ms = hosted.data().clock().now_ms() + UPLOAD_MS;
            let data = hosted.data();
            data.note_arrived(&row.id, arrived_bytes, expires_ms).await?;
            ended.map(|()| arrived_bytes)
        })
        .await?
    }

    /// Ends a session whose bytes are all there: they have to be `digest`.
    ///
    /// One whose bytes are others is given up: everything has to be sent again.
    pub async fn finish_push(
        &self,
        owner: &str,
        id: &str,
        digest: &Digest,
        viewer: &Viewer,
    ) -> HostedResult<()> {
        let hosted = self.hosted();
        let turn = hosted.appends().turn(id).await;
        let row = hosted.append_row(owner, id).await?;
        let place = BlobPlace {
            file_no: row.file_no,
            offset_bytes: 0,
            size_bytes: row.arrived_bytes,
        };
        let sums = hosted.sums_of(place, Wanted::Sha256).await?;
        let (files, no) = (hosted.data().files().clone(), row.file_no);
        let file = blocking(move || {
            let file = files.adopt(no)?;
            // What a broken last piece left behind the end.
            file.file().set_len(place.size_bytes)?;
            file.file().sync_all()?;
            Ok(file)
        })
        .await?;
        if !hosted.data().drop_append(&row.id).await? {
            // Somebody else ended it, and knows what becomes of the file.
            file.keep();
            return Err(HostedError::UploadUnknown(row.id));
        }
        drop(turn);
        self.keep(Received::of(file, place.size_bytes, sums), digest, viewer)
            .await
    }

    /// Gives a session up.
    pub async fn give_up(&self, owner: &str, id: &str) -> HostedResult<()> {
        let hosted = self.hosted();
        let _turn = hosted.appends().turn(id).await;
        let row = hosted.append_row(owner, id).await?;
        hosted.drop_append(&row).await
    }

    /// Makes what arrived a blob of this image, if it is what was announced.
    async fn keep(&self, received: Received, digest: &Digest, viewer: &Viewer) -> HostedResult<()> {
        if received.digest() != *digest {
            return Err(HostedError::Mismatch("sha256"));
        }
        let write = self.blob_write(*digest, true)?;
        let repository = &self.repository;
        let written = repository
            .publish_received(received, write, viewer.clone(), None)
            .await?;
        match written {
            // A blob that stands already has the same digest, and perhaps a manifest that names it.
            Some(Written::Raced { .. }) => self.blob_for_push(digest).await.map(|_| ()),
            Some(Written::Stored { .. }) => Ok(()),
            Some(other) => Err(self.refused(other, digest)),
            None => Err(HostedError::BlobsMissing(vec![*digest])),
        }
    }
}

/// Writes `bytes` behind what is there; returns how many are there then, and how they ended.
async fn write_on(
    hosted: &Hosted,
    row: &AppendRow,
    mut bytes: ByteStream,
    room: UploadRoom,
    turn: Held,
) -> HostedResult<(u64, HostedResult<()>)> {
    let (files, no) = (hosted.data().files().clone(), row.file_no);
    let file = Arc::new(blocking(move || files.reopen(no)).await?);
    let mut writer = PartWriter::new(file, row.arrived_bytes).holding(turn);
    let mut arrived_bytes = row.arrived_bytes;
    let ended = loop {
        let piece = match bytes.next().await {
            None => break Ok(()),
            Some(Err(error)) => break Err(error.into()),
            Some(Ok(piece)) => piece,
        };
        let length_bytes = piece.len() as u64;
        if let Err(refused) = room.check(arrived_bytes - row.arrived_bytes + length_bytes) {
            break Err(refused);
        }
        if let Err(error) = writer.push(piece).await {
            writer.settle().await;
            return Err(error.into());
        }
        arrived_bytes += length_bytes;
    };
    writer.finish_part().await?;
    Ok((arrived_bytes, ended))
}
