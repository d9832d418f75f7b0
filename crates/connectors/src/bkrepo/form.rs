//! A blob as a form, the way every bk-repo takes one: `file`, `size`, `sha256`.

use bytes::Bytes;
use domain::artifact::KnownBlob;
use domain::id::random_hex32;
use domain::ports::ByteStream;
use futures_util::{StreamExt, stream};

use super::exchange::Payload;

/// A form around the bytes of one file.
pub(super) struct Form {
    content_type: String,
    head: Bytes,
    tail: Bytes,
}

impl Form {
    /// Describes `blob`, which goes to the store `storage_key`.
    pub(super) fn of(blob: &KnownBlob<'_>, storage_key: Option<&str>) -> Self {
        let boundary = random_hex32();
        let sha256 = blob.digest.to_hex();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{sha256}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let field = |name: &str, value: &str| {
            format!("\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}")
        };
        let mut tail = field("size", &blob.size_bytes.to_string()) + &field("sha256", &sha256);
        if let Some(key) = storage_key {
            tail.push_str(&field("storageKey", key));
        }
        tail.push_str(&format!("\r\n--{boundary}--\r\n"));
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            head: head.into(),
            tail: tail.into(),
        }
    }

    /// Puts the form around `bytes`, which are `length_bytes` long.
    pub(super) fn around(self, length_bytes: u64, bytes: ByteStream) -> Payload {
        let length_bytes = length_bytes + (self.head.len() + self.tail.len()) as u64;
        let head = stream::iter([Ok(self.head)]);
        let tail = stream::iter([Ok(self.tail)]);
        Payload::streamed(
            self.content_type,
            length_bytes,
            Box::pin(head.chain(bytes).chain(tail)),
        )
    }
}
