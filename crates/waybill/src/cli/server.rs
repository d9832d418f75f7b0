//! The arguments that say which server a command talks to, and as whom.

use std::path::PathBuf;

use clap::Args;

use crate::client::Client;
use crate::exit::{CliResult, refused};
use crate::login::{self, Logins};

/// Which server, and as whom.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Server")]
pub struct Server {
    /// The node to talk to; default: the one saved by `waybill login`, else http://127.0.0.1:8080.
    #[arg(long, global = true, env = "WAYBILL_SERVER", value_name = "URL")]
    server: Option<String>,

    /// Who you are there; the password comes from WAYBILL_PASSWORD, the login file or a prompt.
    #[arg(long, global = true, env = "WAYBILL_USER", value_name = "NAME")]
    user: Option<String>,

    /// PEM file with the authority that signed the server's certificate.
    #[arg(long, global = true, env = "WAYBILL_CA_CERT", value_name = "FILE")]
    ca_cert: Option<PathBuf>,
}

const FALLBACK: &str = "http://127.0.0.1:8080";

impl Server {
    /// Finds the server and the secret, and prepares calls to it.
    pub fn client(&self) -> CliResult<Client> {
        let logins = Logins::read()?;
        let named = self.server.clone().or_else(|| logins.default.clone());
        let server = login::server_url(named.as_deref().unwrap_or(FALLBACK))?;
        let saved = logins.servers.get(server.as_str());
        let user = match (&self.user, saved) {
            (Some(user), _) => user.clone(),
            (None, Some(saved)) => saved.user.clone(),
            (None, None) => "admin".to_owned(),
        };
        let secret = login::secret(&user, &server, saved)?;
        let authority = self
            .ca_cert
            .clone()
            .or_else(|| saved.and_then(|saved| saved.ca_cert.clone()));
        let pem = authority.map(|path| read(&path)).transpose()?;
        Client::new(server, &user, secret, pem.as_deref())
    }

    /// Returns the user that was named, if any.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the file of the authority that was named, if any.
    pub fn ca_cert(&self) -> Option<&PathBuf> {
        self.ca_cert.as_ref()
    }
}

/// Reads a file the command line names.
pub fn read(path: &std::path::Path) -> CliResult<Vec<u8>> {
    std::fs::read(path).map_err(|error| refused(format!("cannot read {}: {error}", path.display())))
}
