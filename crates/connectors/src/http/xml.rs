//! XML answers, read as they come: nothing is held but the element that is open.
//!
//! What is hostile is refused: document types (and so entities of their own), deep nesting, endless texts.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::{Stream, StreamExt};
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;
use tokio_util::io::StreamReader;

/// Elements within elements.
const MOST_DEPTH: usize = 64;
/// Bytes of one text, tag or comment (roughly: the piece it came in counts whole).
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// What comes next in a document. Names are without their prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// An element begins.
    Open(String),
    /// An element ends; with the text that stands in it behind its last child.
    Close(String, String),
}

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A document that is being read.
pub struct Xml {
    reader: Reader<StreamReader<Pieces, Bytes>>,
    buffer: Vec<u8>,
    /// Bytes taken since something was understood.
    taken: Arc<AtomicUsize>,
    depth: usize,
    seen_root: bool,
    text: String,
    stage: Stage,
    subject: String,
}

impl Xml {
    /// Begins to read `bytes`; errors name `stage` and `subject`.
    pub fn new(bytes: ByteStream, stage: Stage, subject: &str) -> Self {
        let taken: Arc<AtomicUsize> = Arc::default();
        let counter = Arc::clone(&taken);
        let pieces = bytes.map(move |piece| {
            let piece = piece.map_err(io::Error::other)?;
            match counter.fetch_add(piece.len(), Ordering::Relaxed) > MOST_BYTES {
                true => Err(io::Error::other("a text or tag in it is too long")),
                false => Ok(piece),
            }
        });
        let mut reader = Reader::from_reader(StreamReader::new(Box::pin(pieces) as Pieces));
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            buffer: Vec::new(),
            taken,
            depth: 0,
            seen_root: false,
            text: String::new(),
            stage,
            subject: subject.into(),
        }
    }

    /// Returns what comes next; `None` at the end of a complete document.
    pub async fn next(&mut self) -> ConnectorResult<Option<Node>> {
        loop {
            self.buffer.clear();
            let event = self.reader.read_event_into_async(&mut self.buffer).await;
            self.taken.store(0, Ordering::Relaxed);
            let event = match event {
                Ok(event) => event,
                Err(error) => return Err(unreadable(&error, self.stage, &self.subject)),
            };
            let wrong = |words: &str| Err(strange(self.stage, &self.subject, words));
            match event {
                Event::Start(tag) => {
                    self.depth += 1;
                    self.seen_root = true;
                    self.text.clear();
                    if self.depth > MOST_DEPTH {
                        return wrong("its elements are nested too deep");
                    }
                    return Ok(Some(Node::Open(lossy(tag.local_name().as_ref()))));
                }
                Event::End(tag) => {
                    self.depth = self.depth.saturating_sub(1);
                    let text = std::mem::take(&mut self.text);
                    return Ok(Some(Node::Close(lossy(tag.local_name().as_ref()), text)));
                }
                Event::Text(text) => match std::str::from_utf8(&text) {
                    Ok(text) => self.text.push_str(text),
                    Err(_) => return wrong("it is not UTF-8"),
                },
                Event::CData(text) => self.text.push_str(&lossy(&text)),
                Event::GeneralRef(entity) => match resolved(&entity) {
                    Some(text) => self.text.push_str(&text),
                    None => return wrong("it has an entity of its own"),
                },
                Event::DocType(_) => return wrong("it has a document type, which no such answer has"),
                Event::Eof if self.depth > 0 || !self.seen_root => return wrong("it ends too early"),
                Event::Eof => return Ok(None),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
            }
            if self.text.len() > MOST_BYTES {
                return wrong("a text in it is too long");
            }
        }
    }
}

fn resolved(entity: &quick_xml::events::BytesRef<'_>) -> Option<String> {
    if let Ok(Some(character)) = entity.resolve_char_ref() {
        return Some(character.into());
    }
    let name = std::str::from_utf8(entity).ok()?;
    resolve_xml_entity(name).map(String::from)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn strange(stage: Stage, subject: &str, words: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Protocol, stage, subject).words(format!("its XML cannot be read: {words}"))
}

fn unreadable(error: &quick_xml::Error, stage: Stage, subject: &str) -> ConnectorError {
    if let quick_xml::Error::Io(cause) = error
        && let Some(cause) = cause.get_ref()
    {
        return match cause.downcast_ref::<ConnectorError>() {
            Some(broken) => broken.again(),
            None => strange(stage, subject, &cause.to_string()),
        };
    }
    strange(stage, subject, &error.to_string())
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    async fn nodes(text: &str) -> ConnectorResult<Vec<Node>> {
        // In small pieces, as a slow server sends them.
        let pieces: Vec<ConnectorResult<Bytes>> = text
            .as_bytes()
            .chunks(7)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let mut xml = Xml::new(Box::pin(stream::iter(pieces)), Stage::List, "a test");
        let mut nodes = Vec::new();
        while let Some(node) = xml.next().await? {
            nodes.push(node);
        }
        Ok(nodes)
    }

    #[tokio::test]
    async fn names_lose_their_prefix_and_texts_their_escapes() {
        let read =
            nodes("<?xml version='1.0'?><D:a xmlns:D='DAV:'><D:b>x &amp; y&#33;</D:b><c/></D:a>").await;

        let open = |name: &str| Node::Open(name.into());
        let close = |name: &str, text: &str| Node::Close(name.into(), text.into());
        let expected = [
            open("a"),
            open("b"),
            close("b", "x & y!"),
            open("c"),
            close("c", ""),
            close("a", ""),
        ];
        assert_eq!(read.expect("a document"), expected);
    }

    #[tokio::test]
    async fn hostile_and_broken_documents_are_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        let long = format!("<a>{}</a>", "x".repeat(3 * MOST_BYTES));

        for text in [
            bomb,
            &deep,
            &long,
            "<a>&c;</a>",
            "<a><b></a>",
            "<a>",
            "",
            "no XML at all",
        ] {
            let error = nodes(text).await.expect_err("it is refused");
            assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_no_wrong_document() {
        let broken = ConnectorError::new(ErrorKind::Unreachable, Stage::List, "a test");
        let pieces = [Ok(Bytes::from_static(b"<a><b>")), Err(broken)];
        let mut xml = Xml::new(Box::pin(stream::iter(pieces)), Stage::List, "a test");

        let error = loop {
            match xml.next().await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };

        assert_eq!(error.kind, ErrorKind::Unreachable);
    }
}
