//! Chart repositories: `index.yaml` to read from, ChartMuseum's API to write to.
//!
//! Each version of a chart is one artifact (`helm://name`): the chart and, where there is one, its signature
//! (`.prov`). A ChartMuseum makes its index by itself, so a chart is listed once it is kept.

mod chart;
mod index;
mod repository;
mod source;
mod target;

use std::sync::Arc;

use domain::ports::ConnectorResult;
use domain::versions::Choice;

use crate::http::{Files, Server};
use crate::peer::login;
use crate::registry::{Connector, Opened};
use repository::Repository;
use source::HelmSource;
use target::HelmTarget;

/// Speaks with chart repositories.
#[derive(Debug, Clone, Copy)]
pub struct Helm;

impl Connector for Helm {
    fn scheme(&self) -> &'static str {
        "helm"
    }

    fn form(&self) -> &'static str {
        "helm+https://host[:port]/path"
    }

    fn repository_types(&self) -> &'static [&'static str] {
        &["HELM"]
    }

    fn chooses(&self, choice: &Choice) -> bool {
        choice.platforms.is_empty()
    }

    fn open(&self, server: Server) -> ConnectorResult<Opened> {
        let login = login(server.credentials());
        let repository = Repository::of(Files::of(server, login));
        Ok(Opened {
            source: Arc::new(HelmSource(repository.clone())),
            target: Arc::new(HelmTarget(repository)),
        })
    }
}
