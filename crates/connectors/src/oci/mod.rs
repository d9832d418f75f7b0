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
use domain::versions::Choice;
use tokio::sync::Semaphore;
use url::Url;

use crate::http::Server;
use crate::registry::{Connector, Opened};
use client::Client;
use graph::Kept;
use holdings::Holdings;
use listed::ReferrerLists;
use place::Place;
use sessions::Sessions;
use source::{Listed, OciSource};
use target::{Confirmed, OciTarget, TRANSFERS_AT_ONCE};

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

    fn all_below(&self) -> Option<&'static str> {
        Some("*")
    }

    fn chooses(&self, _choice: &Choice) -> bool {
        true
    }

    fn check(&self, path: &str) -> Result<(), &'static str> {
        Place::parse(path).map(|_| ())
    }

    fn open(&self, server: Server) -> ConnectorResult<Opened> {
        open(server)
    }
}

/// Opens the images of `server` that its path names; only what its choice wants of them is read.
pub fn open(mut server: Server) -> ConnectorResult<Opened> {
    if let Some(url) = on_docker_hub(server.base()) {
        server = server.elsewhere(url);
    }
    let place = Place::parse(server.base().path())
        .map_err(|why| ConnectorError::new(ErrorKind::Protocol, Stage::Describe, server.name()).words(why))?;
    let place = Arc::new(place);
    let holdings = Holdings::of(server.name());
    let sessions = Sessions::kept_in(server.state().map(|state| state.join("oci-uploads")));
    let choice = server.choice().clone();
    let client = Client::new(server);
    Ok(Opened {
        source: Arc::new(OciSource {
            client: client.clone(),
            place: place.clone(),
            choice,
            holdings: holdings.clone(),
            kept: Kept::default(),
            lists: ReferrerLists::default(),
            listed: Mutex::new(Listed::default()),
        }),
        target: Arc::new(OciTarget {
            client,
            place,
            holdings,
            sessions,
            transfers: Semaphore::new(TRANSFERS_AT_ONCE),
            confirmed: Confirmed::default(),
        }),
    })
}

/// Returns where Docker Hub really answers, for an image as people name it: `docker.io/nginx` is `library/nginx` there.
fn on_docker_hub(url: &Url) -> Option<Url> {
    if !matches!(url.host_str(), Some("docker.io" | "index.docker.io")) {
        return None;
    }
    let mut url = url.clone();
    url.set_host(Some("registry-1.docker.io")).ok()?;
    let path = url.path().trim_matches('/').to_owned();
    if !path.is_empty() && !path.contains('/') {
        url.set_path(&format!("/library/{path}"));
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_docker_hub_may_be_named_as_people_name_them() {
        let hub = |text: &str| {
            let url = on_docker_hub(&Url::parse(text).expect("a URL"));
            url.map(String::from)
        };

        let nginx = "https://registry-1.docker.io/library/nginx:1";
        assert_eq!(hub("https://docker.io/nginx:1").as_deref(), Some(nginx));
        let team = "https://registry-1.docker.io/team/app";
        assert_eq!(hub("https://index.docker.io/team/app").as_deref(), Some(team));
        assert_eq!(hub("https://quay.io/team/app"), None);
    }
}
