//! Reading what nodes consist of.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::StreamExt;
use storage::blobfiles::BlobPlace;
use storage::nodes::{Node, NodeFile};

use crate::Hosted;
use crate::error::{HostedError, HostedResult};

/// Turns a disk's error into a port's: a file that is gone or cut short is lost data.
pub(crate) fn unreadable(subject: impl Into<String>, error: &io::Error) -> ConnectorError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => {
            ConnectorError::new(ErrorKind::Disk, Stage::Read, subject)
                .words("its bytes are lost from the disk")
        }
        _ => ConnectorError::new(ErrorKind::Disk, Stage::Read, subject).words(error.to_string()),
    }
}

/// Returns the bytes of `file` in `range`.
pub(crate) async fn stream(
    hosted: &Hosted,
    path: &FilePath,
    file: &NodeFile,
    range: Range<u64>,
) -> HostedResult<ByteStream> {
    let length_bytes = range.end - range.start;
    let opened = hosted
        .data()
        .files()
        .stream(file.place, range.start, length_bytes)
        .await;
    let bytes = match opened {
        Ok(bytes) => bytes,
        // A pack may have been rewritten since the node was read: the blob lies elsewhere now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let place = hosted
                .data()
                .places(&[file.digest])
                .await?
                .into_iter()
                .next()
                .flatten();
            let place = place.ok_or_else(|| HostedError::DataLost(path.clone()))?;
            match hosted
                .data()
                .files()
                .stream(place, range.start, length_bytes)
                .await
            {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(HostedError::DataLost(path.clone()));
                }
                other => other?,
            }
        }
        Err(error) => return Err(error.into()),
    };
    let subject = path.to_string();
    Ok(Box::pin(bytes.map(move |piece| {
        piece.map_err(|error| unreadable(subject.clone(), &error))
    })))
}

/// Returns the whole bytes of each of `nodes`, in their order.
pub(crate) async fn read_small(hosted: &Hosted, nodes: &[&Node]) -> Vec<ConnectorResult<Bytes>> {
    let places = nodes
        .iter()
        .map(|node| node.file.as_ref().map(|file| (node.path.as_str(), file.place)))
        .collect();
    read_places(hosted, places).await
}

/// Returns the bytes at each of `places`, in their order; `None` is a file that is not there.
pub(crate) async fn read_places(
    hosted: &Hosted,
    places: Vec<Option<(&str, BlobPlace)>>,
) -> Vec<ConnectorResult<Bytes>> {
    let wanted = places.iter().flatten().map(|(_, place)| *place).collect();
    let mut read = hosted.data().files().read_all(wanted).await.into_iter();
    places
        .into_iter()
        .map(|place| {
            let absent = || ConnectorError::new(ErrorKind::NotFound, Stage::Read, "file");
            let (subject, _) = place.ok_or_else(absent)?;
            read.next()
                .ok_or_else(absent)?
                .map_err(|error| unreadable(subject, &error))
        })
        .collect()
}
