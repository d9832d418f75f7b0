//! Registries of images and other OCI artifacts behind the ports, over the OCI distribution API (version 1.1) and
//! what Docker's registries add to it.
//!
//! One artifact is one tag of one image: package key `docker://name`, the tag as version, and as its blobs every
//! manifest, configuration and layer it consists of, in the order in which they can be written, followed by what is
//! about it: signatures, bills of materials ([`domain::oci::Role`]). Bytes travel as they are; nothing is unpacked.
//! Layers that stay elsewhere (foreign ones) are not copied, and manifests nobody tagged are not listed.

mod auth;
mod challenge;
mod client;
mod graph;
mod holdings;
mod listed;
mod manifests;
mod place;
mod sessions;
mod source;
mod target;
mod upload;
pub mod wire;

use std::sync::{Arc, Mutex};

use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use tokio::sync::Semaphore;

use crate::http::Server;
use crate::registry::{Connector, Opened};
use client::Client;
use graph::Kept;
use holdings::Holdings;
use place::Place;
use sessions::Sessions;
pub use source::Choice;
use source::{Listed, OciSource};
use target::{OciTarget, TRANSFERS_AT_ONCE};

/// Artifacts that are looked up at the same time.
const PARALLEL: usize = 16;

/// The connector for registries of images.
#[derive(Debug)]
pub struct Oci;

impl Connector for Oci {
    fn scheme(&self) -> &'static str {
        "oci"
    }

    fn form(&self) -> &'static str {
        "oci://host[:port]/name[:tag], oci://host[:port]/name/*"
    }

    fn repository_types(&self) -> &'static [&'static str] {
        &["DOCKER", "OCI"]
    }

    fn check(&self, path: &str) -> Result<(), &'static str> {
        Place::parse(path).map(|_| ())
    }

    fn open(&self, server: Server) -> ConnectorResult<Opened> {
        open(server, Choice::default())
    }
}

/// Opens the images of `server` that its path names; only what `choice` wants of them is read.
pub fn open(server: Server, choice: Choice) -> ConnectorResult<Opened> {
    let place = Place::parse(server.base().path())
        .map_err(|why| ConnectorError::new(ErrorKind::Protocol, Stage::Describe, server.name()).words(why))?;
    let place = Arc::new(place);
    let holdings = Holdings::of(server.name());
    let sessions = Sessions::kept_in(server.state().map(|state| state.join("oci-uploads")));
    let client = Client::new(server);
    Ok(Opened {
        source: Arc::new(OciSource {
            client: client.clone(),
            place: place.clone(),
            choice,
            holdings: holdings.clone(),
            kept: Kept::default(),
            listed: Mutex::new(Listed::default()),
        }),
        target: Arc::new(OciTarget {
            client,
            place,
            holdings,
            sessions,
            transfers: Semaphore::new(TRANSFERS_AT_ONCE),
        }),
    })
}
