//! Registries of npm packages. An artifact is one version of a package: its tarball, and the entry that the registry's
//! document of the package (the packument) has for it, unchanged but for the tarball's address.
//!
//! Tags and deprecation travel as properties. Tags are set and never taken away: what a source does not have is none
//! of its business. A registry does not confirm what it stored, so the tarball is read back before it counts.

mod client;
mod confirm;
mod edit;
mod publish;
mod source;
mod standing;
mod target;
mod wire;

use std::sync::Arc;

use domain::ports::ConnectorResult;
use domain::versions::Choice;

use crate::http::Server;
use crate::registry::{Connector, Opened};
use client::Registry;

/// Requests that are on their way to one registry at the same time.
const PARALLEL: usize = 16;

/// The protocol of npm registries.
#[derive(Debug)]
pub struct Npm;

impl Connector for Npm {
    fn scheme(&self) -> &'static str {
        "npm"
    }

    fn form(&self) -> &'static str {
        "npm+http(s)://[user@]host[:port][/path]"
    }

    fn repository_types(&self) -> &'static [&'static str] {
        &["NPM"]
    }

    fn chooses(&self, choice: &Choice) -> bool {
        choice.platforms.is_empty()
    }

    fn open(&self, server: Server) -> ConnectorResult<Opened> {
        let registry = Registry::new(server);
        Ok(Opened {
            source: Arc::new(source::NpmSource::new(registry.clone())),
            target: Arc::new(target::NpmTarget::new(registry)),
        })
    }
}
