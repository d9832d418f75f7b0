//! The XML of S3: listings, uploads and errors.

use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use percent_encoding::percent_decode_str;
use reqwest::StatusCode;

use super::state::{State, unquoted};
use crate::http::{Node, Xml, kind_of};

/// Most objects of one page; ten times as many as are asked for.
const MOST_OBJECTS: usize = 50_000;

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Keys and what is said of them, in the order of the keys.
    pub(super) objects: Vec<(String, State)>,
    /// Whether there are more.
    pub(super) more: bool,
}

/// Reads an answer to `ListObjectsV2`.
pub(super) async fn listing(answer: ByteStream, subject: &str) -> ConnectorResult<Listing> {
    let mut xml = begin(answer, Stage::List, subject, "ListBucketResult").await?;
    let mut listing = Listing::default();
    let (mut key, mut state, mut encoded) = (String::new(), State::default(), false);
    while let Some(node) = xml.next().await? {
        match node {
            Node::Open(name) if name == "Contents" => (key, state) = Default::default(),
            Node::Open(_) => {}
            Node::Close(name, text) => match name.as_str() {
                "Key" => key = text,
                "Size" => state.size_bytes = text.trim().parse().unwrap_or(0),
                "ETag" => state.etag = Some(unquoted(&text)).filter(|etag| !etag.is_empty()),
                "LastModified" => state.modified = Some(text.trim().to_owned()),
                "IsTruncated" => listing.more = text.trim() == "true",
                "EncodingType" => encoded = text.trim() == "url",
                "Contents" => listing
                    .objects
                    .push((std::mem::take(&mut key), std::mem::take(&mut state))),
                _ => {}
            },
        }
        if listing.objects.len() > MOST_OBJECTS {
            let words = format!("it lists more than {MOST_OBJECTS} objects at once");
            return Err(strange(Stage::List, subject, &words));
        }
    }
    if encoded {
        for (key, _) in &mut listing.objects {
            *key = percent_decode_str(&key.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned();
        }
    }
    if listing.objects.is_sorted_by(|(a, _), (b, _)| a < b) {
        Ok(listing)
    } else {
        Err(strange(
            Stage::List,
            subject,
            "it does not list objects in the order of their keys",
        ))
    }
}

/// A part that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its number, from 1.
    pub(super) number: u32,
    /// Its length.
    pub(super) size_bytes: u64,
    /// Its entity tag, without quotes; empty if it was not said.
    pub(super) etag: String,
}

/// Reads an answer to `ListParts`: the parts, and whether there are more.
pub(super) async fn parts(answer: ByteStream, subject: &str) -> ConnectorResult<(Vec<Part>, bool)> {
    let mut xml = begin(answer, Stage::Write, subject, "ListParts").await?;
    let empty = || Part {
        number: 0,
        size_bytes: 0,
        etag: String::new(),
    };
    let (mut parts, mut part, mut more) = (Vec::new(), empty(), false);
    while let Some(node) = xml.next().await? {
        match node {
            Node::Open(name) if name == "Part" => part = empty(),
            Node::Open(_) => {}
            Node::Close(name, text) => match name.as_str() {
                "PartNumber" => part.number = text.trim().parse().unwrap_or(0),
                "Size" => part.size_bytes = text.trim().parse().unwrap_or(0),
                "ETag" => part.etag = unquoted(&text),
                "IsTruncated" => more = text.trim() == "true",
                "Part" => parts.push(std::mem::replace(&mut part, empty())),
                _ => {}
            },
        }
    }
    Ok((parts, more))
}

/// Reads an answer to `ListMultipartUploads`: the ids of the uploads of `key`, the newest last.
pub(super) async fn uploads(answer: ByteStream, key: &str) -> ConnectorResult<Vec<String>> {
    let mut xml = begin(answer, Stage::Write, key, "ListMultipartUploadsResult").await?;
    let (mut ids, mut id, mut its_key) = (Vec::new(), String::new(), String::new());
    while let Some(node) = xml.next().await? {
        match node {
            Node::Open(_) => {}
            Node::Close(name, text) => match name.as_str() {
                "Key" => its_key = text,
                "UploadId" => id = text,
                "Upload" if its_key == key => ids.push(std::mem::take(&mut id)),
                _ => {}
            },
        }
    }
    Ok(ids)
}

/// Reads one text of a short answer whose root is `root`. An answer may say success and hold an error.
pub(super) async fn text_of(
    answer: ByteStream,
    subject: &str,
    root: &str,
    element: &str,
) -> ConnectorResult<Option<String>> {
    let mut xml = Xml::new(answer, Stage::Write, subject);
    match xml.next().await? {
        Some(Node::Open(name)) if name == root => {}
        Some(Node::Open(name)) if name == "Error" => {
            let said = said(xml).await?;
            return Err(said.error(StatusCode::OK, Stage::Commit, subject));
        }
        _ => return Err(strange(Stage::Write, subject, "its answer is not one of S3")),
    }
    let mut found = None;
    while let Some(node) = xml.next().await? {
        if let Node::Close(name, text) = node
            && name == element
        {
            found = Some(text.trim().to_owned());
        }
    }
    Ok(found)
}

async fn begin(answer: ByteStream, stage: Stage, subject: &str, root: &str) -> ConnectorResult<Xml> {
    let mut xml = Xml::new(answer, stage, subject);
    match xml.next().await? {
        // Not every store calls it exactly as Amazon does.
        Some(Node::Open(name)) if name.starts_with(root) => Ok(xml),
        _ => Err(strange(stage, subject, "its answer is not one of S3")),
    }
}

/// An error, in the store's words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Its code.
    pub(super) code: String,
    message: String,
    /// The region it would have the signature for.
    pub(super) region: Option<String>,
}

/// Reads the body of a refusal, as far as it can be read.
pub(super) async fn refusal(answer: ByteStream) -> Said {
    let mut xml = Xml::new(answer, Stage::Describe, "");
    match xml.next().await {
        Ok(Some(Node::Open(name))) if name == "Error" => said(xml).await.unwrap_or_default(),
        _ => Said::default(),
    }
}

async fn said(mut xml: Xml) -> ConnectorResult<Said> {
    let mut said = Said::default();
    while let Some(node) = xml.next().await? {
        if let Node::Close(name, text) = node {
            match name.as_str() {
                "Code" => said.code = text,
                "Message" => said.message = text,
                "Region" => said.region = Some(text),
                _ => {}
            }
        }
    }
    Ok(said)
}

impl Said {
    /// Returns what a port says of it.
    pub(super) fn error(&self, status: StatusCode, stage: Stage, subject: &str) -> ConnectorError {
        let kind = match self.code.as_str() {
            "BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody" => {
                ErrorKind::Corrupt
            }
            "SlowDown" | "TooManyRequests" | "QuotaExceeded" | "EntityTooLarge" => ErrorKind::Limit,
            "NoSuchKey" | "NoSuchBucket" | "NoSuchUpload" => ErrorKind::NotFound,
            "AccessDenied"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "AllAccessDisabled"
            | "AuthorizationHeaderMalformed"
            | "RequestTimeTooSkewed" => ErrorKind::Unauthorised,
            "InternalError" | "RequestTimeout" | "ServiceUnavailable" => ErrorKind::Unreachable,
            "PreconditionFailed" | "ConditionalRequestConflict" => ErrorKind::Conflict,
            _ => kind_of(status).unwrap_or(ErrorKind::Protocol),
        };
        let words = match (self.code.as_str(), self.message.as_str()) {
            ("", _) => String::new(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        ConnectorError::new(kind, stage, subject)
            .status(status.as_u16())
            .words(words)
    }
}

pub(super) fn strange(stage: Stage, subject: &str, words: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Protocol, stage, subject).words(words)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;

    use super::*;

    fn bytes(text: &str) -> ByteStream {
        Box::pin(stream::iter([Ok(Bytes::copy_from_slice(text.as_bytes()))]))
    }

    #[tokio::test]
    async fn a_listing_is_read_with_its_encoding() {
        let text = "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b/%C3%A9</Key><Size>3</Size>\
            <ETag>&quot;x-2&quot;</ETag><LastModified>2024-07-25T03:20:00.123Z</LastModified><Owner><ID>1</ID></Owner>\
            </Contents><IsTruncated>true</IsTruncated></ListBucketResult>";

        let read = listing(bytes(text), "/").await.expect("a listing");

        assert!(read.more);
        assert_eq!(read.objects[0].0, "a b/é");
        assert_eq!(read.objects[0].1.etag.as_deref(), Some("x-2"));
        assert_eq!(read.objects[0].1.size_bytes, 3);
    }

    #[tokio::test]
    async fn a_listing_out_of_order_is_refused() {
        let text = "<ListBucketResult><Contents><Key>b</Key></Contents><Contents><Key>a</Key></Contents></ListBucketResult>";

        assert!(listing(bytes(text), "/").await.is_err());
    }

    #[tokio::test]
    async fn success_that_holds_an_error_is_one() {
        let text = "<Error><Code>InternalError</Code><Message>try again</Message></Error>";

        let error = text_of(bytes(text), "/", "CompleteMultipartUploadResult", "ETag")
            .await
            .expect_err("it says so");

        assert_eq!(error.kind, ErrorKind::Unreachable);
        assert_eq!(error.words.as_deref(), Some("InternalError: try again"));
    }
}
