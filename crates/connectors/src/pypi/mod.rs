//! Indexes of Python packages: the simple API to read from (PEP 503, PEP 691), the legacy upload API to write to.
//!
//! An artifact is one version of a project (`pypi://name`) with all of its files: wheels, source distributions, eggs.
//! Files go up one by one, since the protocol has no other way; what an index then shows of them is compared with
//! what was sent, and read back where it shows too little. What an index had before is taken away only where it is
//! to be replaced and the index does not take another file of that name.

mod file;
mod index;
mod page;
mod put;
mod source;
mod target;
mod upload;

use std::sync::Arc;

use domain::cluster::Credentials;
use domain::ports::ConnectorResult;
use domain::versions::Choice;

use crate::http::{Files, Server};
use crate::peer::login;
use crate::registry::{Connector, Opened};
use index::Index;

/// Property: which versions of Python a version is for.
const REQUIRES_PYTHON: &str = "requires-python";
/// Property: why a version is not to be installed any more; `true` where nobody says why.
const YANKED: &str = "yanked";
/// Who logs in with nothing but a token.
const TOKEN_USER: &str = "__token__";

/// Speaks with indexes of Python packages.
#[derive(Debug, Clone, Copy)]
pub struct PyPi;

impl Connector for PyPi {
    fn scheme(&self) -> &'static str {
        "pypi"
    }

    fn form(&self) -> &'static str {
        "pypi+https://host[:port][/path]"
    }

    fn repository_types(&self) -> &'static [&'static str] {
        &["PYPI"]
    }

    fn chooses(&self, choice: &Choice) -> bool {
        choice.platforms.is_empty()
    }

    fn open(&self, server: Server) -> ConnectorResult<Opened> {
        let login = login(&named(server.credentials()));
        let index = Index::of(Files::of(server, login));
        Ok(Opened {
            source: Arc::new(source::PyPiSource::of(index.clone())),
            target: Arc::new(target::PyPiTarget(index)),
        })
    }
}

/// Names the user a token alone belongs to.
fn named(credentials: &Credentials) -> Credentials {
    let mut named = credentials.clone();
    if named.password.is_some() {
        named.username.get_or_insert_with(|| TOKEN_USER.into());
    }
    named
}
