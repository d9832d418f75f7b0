//! Maven repositories: the Maven 2 layout over HTTP, as repository managers and plain web servers have it.
//!
//! Each version of an artifact is one artifact here (`gav://group:artifact`), with all of its files: main file,
//! description, classified files, signatures. Sums are made anew at the target, and `maven-metadata.xml` is merged with
//! what stands there and written last, so that a version is listed once it is complete.

mod chosen;
mod layout;
mod merge;
mod order;
mod repository;
mod source;
mod target;
mod upload;
mod view;
mod walk;
mod wire;

use std::sync::Arc;

use domain::ports::ConnectorResult;
use domain::versions::Choice;

use crate::http::{Files, Server};
use crate::peer::login;
use crate::registry::{Connector, Opened};
use repository::Repository;
use source::MavenSource;
use target::MavenTarget;

/// Speaks with Maven repositories.
#[derive(Debug, Clone, Copy)]
pub struct Maven;

impl Connector for Maven {
    fn scheme(&self) -> &'static str {
        "maven"
    }

    fn form(&self) -> &'static str {
        "maven+https://host[:port]/path"
    }

    fn repository_types(&self) -> &'static [&'static str] {
        &["MAVEN"]
    }

    fn chooses(&self, choice: &Choice) -> bool {
        choice.platforms.is_empty()
    }

    fn open(&self, server: Server) -> ConnectorResult<Opened> {
        let login = login(server.credentials());
        let repository = Repository::of(Files::of(server, login));
        Ok(Opened {
            source: Arc::new(MavenSource::of(repository.clone())),
            target: Arc::new(MavenTarget::of(repository)),
        })
    }
}
