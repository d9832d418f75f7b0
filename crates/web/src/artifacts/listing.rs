//! A folder as a page of links for people with a browser: folders first, then files, by name.
//!
//! Every name is escaped, nothing in the page can run, and a folder of any length is sent page by page.

use std::fmt::Write;

use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use domain::path::FilePath;
use futures_util::stream;
use hosted::{HostedRepository, HostedResult, Node};
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::headers::PLAIN;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::reader::Reader;

/// Rows looked up at once.
const PAGE_ROWS: u32 = 500;

const HEAD: [(HeaderName, &str); 4] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-cache"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

const STYLE: &str = "body{font:14px/1.6 system-ui,sans-serif;margin:2em}table{border-spacing:0}\
    td{padding:0 2em 0 0}td+td+td{text-align:right}";

/// Refuses when the repository's configuration says that its folders are not shown.
pub(super) fn need_listing(repository: &HostedRepository, folder: &FilePath) -> ApiResult<()> {
    // What cannot be read says nothing of folders.
    let configuration: Value = serde_json::from_str(&repository.info().configuration).unwrap_or_default();
    if configuration["settings"]["autoIndex"]["enabled"] == false {
        return Err(ApiError::new(Code::ListingForbidden, [folder.as_str()]));
    }
    Ok(())
}

/// Sends what lies in `folder`; `asked` is the path of the URL, as it was sent.
pub(super) async fn page(
    repository: HostedRepository,
    folder: FilePath,
    asked: &str,
    reader: &Reader,
) -> ApiResult<Response> {
    need_listing(&repository, &folder)?;
    let mut listing = Listing {
        base: base(asked),
        reader: reader.clone(),
        next: Some(Part {
            folders: true,
            after: None,
        }),
        html: head(&repository, &folder, asked),
        repository,
        folder,
    };
    // What cannot be listed at all is refused; a page that breaks later ends short.
    listing.go_on().await?;
    let pieces = stream::unfold(Some(listing), |listing| async move {
        let mut listing = listing?;
        if listing.html.is_empty() {
            listing.next.as_ref()?;
            if let Err(error) = listing.go_on().await {
                return Some((Err(error), None));
            }
        }
        let piece = Bytes::from(std::mem::take(&mut listing.html));
        Some((Ok(piece), Some(listing)))
    });
    Ok((HEAD, Body::from_stream(pieces)).into_response())
}

/// A listing on its way.
struct Listing {
    repository: HostedRepository,
    folder: FilePath,
    base: String,
    reader: Reader,
    /// What is looked up next; `None` at the end.
    next: Option<Part>,
    /// What is not sent yet.
    html: String,
}

/// The folders, or the files, behind a path.
struct Part {
    folders: bool,
    after: Option<FilePath>,
}

impl Listing {
    async fn go_on(&mut self) -> HostedResult<()> {
        let Some(part) = self.next.take() else {
            return Ok(());
        };
        let rows = self
            .repository
            .children(&self.folder, part.folders, part.after.as_ref(), PAGE_ROWS)
            .await?;
        for node in &rows {
            self.row(node);
        }
        self.next = match rows.last() {
            Some(last) => Some(Part {
                after: Some(last.path.clone()),
                ..part
            }),
            None if part.folders => Some(Part {
                folders: false,
                after: None,
            }),
            None => {
                self.html.push_str("</table></body></html>\n");
                None
            }
        };
        Ok(())
    }

    fn row(&mut self, node: &Node) {
        let name = node.path.name();
        let slash = if node.file.is_some() { "" } else { "/" };
        let link = format!("./{}{}{slash}", self.base, utf8_percent_encode(name, PLAIN));
        let size = node
            .file
            .as_ref()
            .map_or_else(|| "-".into(), |file| file.size_bytes.to_string());
        let modified = self.reader.date(node.modified_ms);
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.html,
            "<tr><td><a href=\"{}\">{}{slash}</a></td><td>{modified}</td><td>{size}</td></tr>",
            escaped(&link),
            escaped(name),
        );
    }
}

fn head(repository: &HostedRepository, folder: &FilePath, asked: &str) -> String {
    let title = escaped(&format!("{}{folder}", repository.info().name));
    let up = if folder.is_root() {
        String::new()
    } else {
        format!("<tr><td><a href=\"{}\">../</a></td></tr>\n", escaped(&up(asked)))
    };
    format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><h1>{title}</h1><table>\n{up}"
    )
}

/// Returns what links to things in a folder begin with: its own name, where the URL does not end with a slash.
fn base(asked: &str) -> String {
    match asked.rsplit('/').next() {
        None | Some("") => String::new(),
        Some(last) => format!("{last}/"),
    }
}

/// Returns the link to the folder above; the path may have been sent as one segment.
fn up(asked: &str) -> String {
    let (up, asked) = match asked.strip_suffix('/') {
        Some(asked) => ("../", asked),
        None => ("./", asked),
    };
    let last = asked.rsplit('/').next().unwrap_or_default();
    let last = percent_decode_str(last).decode_utf8_lossy();
    match last.trim_end_matches('/').rsplit_once('/') {
        Some((above, _)) if !above.is_empty() => {
            format!("{up}{}/", utf8_percent_encode(above, PLAIN))
        }
        _ => up.into(),
    }
}

/// Returns `text` as text of a page or of an attribute.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_fit_the_url_they_are_shown_at() {
        for (asked, below, above) in [
            ("/generic/p/r/a/b/", "", "../"),
            ("/generic/p/r/a/b", "b/", "./"),
            ("/generic/p/r/a%2Fb", "a%2Fb/", "./a/"),
            ("/generic/p/r/%2Fa%2Fb%2Fc", "%2Fa%2Fb%2Fc/", "./%2Fa%2Fb/"),
            ("/generic/p/r/a%2Fb/", "", "../a/"),
        ] {
            assert_eq!(
                (base(asked).as_str(), up(asked).as_str()),
                (below, above),
                "{asked}"
            );
        }
    }

    #[test]
    fn nothing_in_a_name_becomes_markup() {
        assert_eq!(
            escaped("<a href='x' b=\"&\">"),
            "&lt;a href=&#39;x&#39; b=&quot;&amp;&quot;&gt;"
        );
    }
}
