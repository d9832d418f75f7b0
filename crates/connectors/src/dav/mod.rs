//! WebDAV (RFC 4918) and plain HTTP servers behind the ports: every file below a URL is an artifact.
//!
//! Folders are listed with `PROPFIND`, a level at a time. A file is written under a name of its own, read back, and
//! moved to where it belongs, so that nobody sees half of it. Neither protocol names digests: what was read once is
//! remembered by the server's size, time and tag of the file, but only where a later change would show in them.
//! Servers without `PROPFIND` are asked with `HEAD` (named paths only), those without `MOVE` get conditional `PUT`s.

mod client;
mod folders;
mod place;
mod source;
mod state;
mod target;
mod walk;
mod wire;
mod write;

use std::sync::Arc;

use domain::ports::ConnectorResult;

use crate::http::Server;
use crate::registry::{Connector, Opened};
use client::Dav;
use source::DavSource;
use target::DavTarget;

/// Requests that are on their way for one call at the same time.
const PARALLEL: usize = 16;

/// The folder that files are written to before they are moved to their place; never listed.
const DRAFTS: &str = ".waybill-drafts";

/// `dav+https://[user@]host[:port]/folder`.
pub(crate) struct DavConnector;

impl Connector for DavConnector {
    fn scheme(&self) -> &'static str {
        "dav"
    }

    fn form(&self) -> &'static str {
        "dav+https://[user@]host[:port]/folder"
    }

    fn repository_types(&self) -> &'static [&'static str] {
        &["GENERIC"]
    }

    fn open(&self, server: Server) -> ConnectorResult<Opened> {
        let dav = Arc::new(Dav::new(server)?);
        Ok(Opened {
            source: Arc::new(DavSource::new(Arc::clone(&dav))),
            target: Arc::new(DavTarget::new(dav)),
        })
    }
}
