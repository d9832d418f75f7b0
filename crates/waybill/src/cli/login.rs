//! `waybill login`: remembers a server, so that other commands need no arguments.

use clap::Args;
use serde_json::json;

use super::server::{Server, read};
use crate::client::Client;
use crate::exit::{CliResult, Exit, failed};
use crate::login::{self, Login, Logins};
use crate::output::{Format, done};

const EXAMPLES: &str = "\
Examples:
  waybill login http://127.0.0.1:8080
  waybill login https://hq.example.com --user ci --ca-cert ./our-ca.pem
  WAYBILL_PASSWORD=... waybill login http://127.0.0.1:8080 --user admin

The password or token is tried before it is saved, in $XDG_CONFIG_HOME/waybill/login.toml,
which only its owner can read.";

/// `waybill login URL`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct LoginCommand {
    /// The server, for example http://127.0.0.1:8080.
    url: String,

    #[command(flatten)]
    server: Server,
}

impl LoginCommand {
    /// Tries the password and saves it; this server becomes the default.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let url = login::server_url(&self.url)?;
        let user = self.server.user().unwrap_or("admin").to_owned();
        let secret = login::secret(&user, &url, None)?;
        let ca_cert = self.server.ca_cert().map(std::path::absolute).transpose()?;
        let pem = ca_cert.as_deref().map(read).transpose()?;
        let client = Client::new(url.clone(), &user, secret.clone(), pem.as_deref())?;
        client.get(&["repository", "api", "project", "list"], &[]).await?;

        let mut logins = Logins::read()?;
        let entry = Login {
            user: user.clone(),
            secret: secret.reveal().to_owned(),
            ca_cert,
        };
        logins.servers.insert(url.to_string(), entry);
        logins.default = Some(url.to_string());
        let path = logins.write()?;
        let path = path
            .to_str()
            .ok_or_else(|| failed("the login file's path is not UTF-8"))?;
        let words = format!("{user} is logged in to {url}; saved in {path}");
        done(
            format,
            &words,
            &json!({ "server": url.as_str(), "user": user, "file": path }),
        )?;
        Ok(Exit::Done)
    }
}
