//! The answer to `PROPFIND` (RFC 4918, section 9.1), read entry by entry.

use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use percent_encoding::percent_decode_str;
use url::Url;

use super::state::{State, seconds};
use crate::http::{Node, Xml};

/// What is asked of each file and folder.
pub(super) const ASKED: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
<propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>";

/// Most entries of one folder.
const MOST_ENTRIES: usize = 1_000_000;

/// A file or folder, as an answer has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The names in its URL's path, decoded; a name that is not UTF-8 has replacement characters.
    pub(super) names: Vec<String>,
    /// Whether it is a folder.
    pub(super) folder: bool,
    /// Its state.
    pub(super) state: State,
}

/// Reads the entries of `answer`.
pub(super) async fn entries(answer: ByteStream, stage: Stage, subject: &str) -> ConnectorResult<Vec<Entry>> {
    let wrong = |words: &str| Err(ConnectorError::new(ErrorKind::Protocol, stage, subject).words(words));
    let mut xml = Xml::new(answer, stage, subject);
    if xml.next().await? != Some(Node::Open("multistatus".into())) {
        return wrong("its answer to PROPFIND is no multistatus");
    }
    let mut entries = Vec::new();
    let mut reading = Reading::default();
    while let Some(node) = xml.next().await? {
        if let Some(entry) = reading.take(node) {
            entries.push(entry);
        }
        if entries.len() > MOST_ENTRIES {
            return wrong("a folder in it has more than a million entries");
        }
    }
    Ok(entries)
}

/// One entry in the making.
#[derive(Debug, Default)]
struct Reading {
    entry: Entry,
    href: Option<String>,
    refused: bool,
    /// Properties that share a status; `None` outside.
    shared: Option<(Entry, bool)>,
}

impl Reading {
    fn take(&mut self, node: Node) -> Option<Entry> {
        match (node, &mut self.shared) {
            (Node::Open(name), _) if name == "response" => *self = Self::default(),
            (Node::Open(name), _) if name == "propstat" => self.shared = Some((Entry::default(), true)),
            (Node::Open(name), Some((entry, _))) if name == "collection" => entry.folder = true,
            (Node::Open(_), _) => {}
            (Node::Close(name, text), Some((entry, good))) => match name.as_str() {
                "getcontentlength" => entry.state.size_bytes = text.trim().parse().ok(),
                "getetag" => entry.state.etag = Some(text.trim().to_owned()).filter(|tag| !tag.is_empty()),
                "getlastmodified" => entry.state.modified_s = seconds(&text),
                "status" => *good = is_good(&text),
                "propstat" => self.share(),
                _ => {}
            },
            (Node::Close(name, text), None) => match name.as_str() {
                "href" => {
                    self.href.get_or_insert(text);
                }
                "status" => self.refused = !is_good(&text),
                "response" => return self.finish(),
                _ => {}
            },
        }
        None
    }

    fn share(&mut self) {
        if let Some((entry, true)) = self.shared.take() {
            let (here, there) = (&mut self.entry, entry);
            here.folder |= there.folder;
            here.state = State {
                size_bytes: there.state.size_bytes.or(here.state.size_bytes),
                etag: there.state.etag.or(here.state.etag.take()),
                modified_s: there.state.modified_s.or(here.state.modified_s),
            };
        }
    }

    fn finish(&mut self) -> Option<Entry> {
        let Self {
            entry, href, refused, ..
        } = std::mem::take(self);
        let href = href.filter(|_| !refused)?;
        Some(Entry {
            names: names(&href),
            ..entry
        })
    }
}

fn is_good(status: &str) -> bool {
    status
        .split_whitespace()
        .nth(1)
        .is_some_and(|code| code.starts_with('2'))
}

/// Returns the names in the path of `href`, a URL or the path of one, decoded.
pub(super) fn names(href: &str) -> Vec<String> {
    let href = href.trim();
    let path = match Url::parse(href) {
        // Its dots are resolved; a name with dots in it could not be fetched anyway.
        Ok(url) => url.path().to_owned(),
        Err(_) => href.split(['?', '#']).next().unwrap_or_default().to_owned(),
    };
    path.split('/')
        .filter(|name| !name.is_empty())
        .map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;

    use super::*;

    async fn read(text: &'static str) -> ConnectorResult<Vec<Entry>> {
        let bytes = Box::pin(stream::iter([Ok(Bytes::from_static(text.as_bytes()))]));
        entries(bytes, Stage::List, "/").await
    }

    #[tokio::test]
    async fn only_properties_that_were_found_count() {
        let text = r#"<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">
            <D:response><D:href>/a%20b/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype>
              </D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
              <D:propstat><D:prop><D:getcontentlength/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>
            </D:response>
            <D:response><D:href>http://host/a%20b/%C3%A9&amp;.txt</D:href><D:propstat><D:prop>
              <D:resourcetype/><D:getcontentlength>7</D:getcontentlength><D:getetag>"x"</D:getetag>
              <D:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</D:getlastmodified><D:lockdiscovery><D:href>no</D:href>
              </D:lockdiscovery></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
            <D:response><D:href>/gone</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>
            </D:multistatus>"#;

        let entries = read(text).await.expect("an answer");

        assert_eq!(entries.len(), 2);
        assert!(entries[0].folder && entries[0].names == ["a b"]);
        assert_eq!(entries[0].state, State::default());
        assert_eq!(entries[1].names, ["a b", "é&.txt"]);
        assert_eq!(entries[1].state.size_bytes, Some(7));
        assert_eq!(entries[1].state.mark().as_deref(), Some("784111777 \"x\""));
    }

    #[tokio::test]
    async fn an_answer_that_is_no_multistatus_is_refused() {
        for text in ["<html></html>", "<multistatus>", "", "{}"] {
            let error = read(text).await.expect_err("it is refused");
            assert_eq!(error.kind, ErrorKind::Protocol);
        }
    }
}
