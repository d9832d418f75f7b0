//! A chart and its signature as one request's body (`multipart/form-data`, RFC 7578), the chart streamed.

use bytes::Bytes;
use domain::artifact::Blob;
use domain::ports::{ByteStream, ConnectorResult};
use futures_util::{StreamExt, stream};

/// A body, its length and its type.
pub(super) struct Form {
    pub(super) bytes: ByteStream,
    pub(super) length_bytes: u64,
    pub(super) content_type: String,
}

/// Makes a body of files, each with the name ChartMuseum expects it under.
pub(super) fn form(parts: Vec<(&'static str, Blob, ByteStream)>) -> Form {
    // Not to be met in a file by chance: it is made of the files' names and lengths.
    let seed: String = parts
        .iter()
        .map(|(_, blob, _)| format!("{} {} ", blob.name, blob.size_bytes))
        .collect();
    let boundary = format!("waybill-{}", domain::digest::Digest::of(seed.as_bytes()).to_hex());
    let mut length_bytes = 0;
    let mut pieces: Vec<ByteStream> = Vec::new();
    let text = |text: String| -> (u64, ByteStream) {
        let bytes = Bytes::from(text);
        (
            bytes.len() as u64,
            Box::pin(stream::iter([ConnectorResult::Ok(bytes)])),
        )
    };
    for (field, blob, bytes) in parts {
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            blob.name
        );
        let (head_bytes, head) = text(head);
        let (tail_bytes, tail) = text("\r\n".into());
        length_bytes += head_bytes + blob.size_bytes + tail_bytes;
        pieces.extend([head, bytes, tail]);
    }
    let (end_bytes, end) = text(format!("--{boundary}--\r\n"));
    pieces.push(end);
    Form {
        bytes: Box::pin(stream::iter(pieces).flatten()),
        length_bytes: length_bytes + end_bytes,
        content_type: format!("multipart/form-data; boundary={boundary}"),
    }
}
