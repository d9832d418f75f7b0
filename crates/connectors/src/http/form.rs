//! Texts and files as one request's body (`multipart/form-data`, RFC 7578), the files streamed.

use bytes::Bytes;
use domain::artifact::Blob;
use domain::digest::Digest;
use domain::ports::{ByteStream, ConnectorResult};
use futures_util::{StreamExt, stream};

/// One part of a form.
pub enum Part<'a> {
    /// A text.
    Text {
        /// Name of its field.
        field: &'a str,
        /// The text.
        text: &'a str,
    },
    /// A file, called as its blob is; that name needs no quoting.
    File {
        /// Name of its field.
        field: &'a str,
        /// What it is.
        blob: &'a Blob,
        /// Its bytes.
        bytes: ByteStream,
    },
}

/// A body, its length and its type.
pub struct Form {
    /// The body.
    pub bytes: ByteStream,
    /// Its length.
    pub length_bytes: u64,
    /// Its media type, with the boundary.
    pub content_type: String,
}

impl Form {
    /// Makes a body of `parts`, in their order.
    pub fn of(parts: Vec<Part<'_>>) -> Self {
        let boundary = boundary(&parts);
        let mut form = Self {
            bytes: Box::pin(stream::empty()),
            length_bytes: 0,
            content_type: format!("multipart/form-data; boundary={boundary}"),
        };
        let mut pieces: Vec<ByteStream> = Vec::new();
        for part in parts {
            match part {
                Part::Text { field, text } => pieces.push(form.counted(format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{text}\r\n"
                ))),
                Part::File { field, blob, bytes } => {
                    let head = form.counted(format!(
                        "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{}\"\r\n\
                         Content-Type: application/octet-stream\r\n\r\n",
                        blob.name
                    ));
                    form.length_bytes += blob.size_bytes;
                    pieces.extend([head, bytes, form.counted("\r\n".into())]);
                }
            }
        }
        pieces.push(form.counted(format!("--{boundary}--\r\n")));
        form.bytes = Box::pin(stream::iter(pieces).flatten());
        form
    }

    fn counted(&mut self, text: String) -> ByteStream {
        let bytes = Bytes::from(text);
        self.length_bytes += bytes.len() as u64;
        Box::pin(stream::iter([ConnectorResult::Ok(bytes)]))
    }
}

/// Makes a boundary that no part holds by chance, nor on purpose: it is made of what the files digest to.
fn boundary(parts: &[Part<'_>]) -> String {
    let seed: String = parts
        .iter()
        .map(|part| match part {
            Part::Text { field, text } => format!("{field} {text} "),
            Part::File { blob, .. } => format!("{blob:?} "),
        })
        .collect();
    format!("waybill-{}", Digest::of(seed.as_bytes()).to_hex())
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn a_form_is_as_long_as_it_says_and_keeps_its_order() {
        let blob = Blob {
            name: "a.whl".into(),
            ..Blob::of(Digest::of(b"abc"), 3)
        };
        let bytes: ByteStream = Box::pin(stream::iter([Ok(Bytes::from_static(b"abc"))]));
        let text = |field, text| Part::Text { field, text };

        let form = Form::of(vec![
            text("name", "a"),
            Part::File {
                field: "content",
                blob: &blob,
                bytes,
            },
            text(":action", "file_upload"),
        ]);

        let boundary = form
            .content_type
            .split_once("boundary=")
            .expect("a boundary")
            .1
            .to_owned();
        let body: Vec<Bytes> = form.bytes.try_collect().await.expect("it does not break");
        let body = String::from_utf8(body.concat()).expect("a text");
        assert_eq!(body.len() as u64, form.length_bytes);
        assert_eq!(
            body.replace(&boundary, "B"),
            "--B\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n\
             --B\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a.whl\"\r\n\
             Content-Type: application/octet-stream\r\n\r\nabc\r\n\
             --B\r\nContent-Disposition: form-data; name=\":action\"\r\n\r\nfile_upload\r\n--B--\r\n"
        );
    }
}
