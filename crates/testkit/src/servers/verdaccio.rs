//! verdaccio (5.33), a registry of npm packages.

use std::process::Command;

use super::{Place, Ready, Server, npm_tool};

/// Who may use a verdaccio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdaccioLogin {
    /// Anybody.
    Nobody,
    /// The user `bob` with the password `secret`, by basic authentication.
    Basic,
}

/// `bob` and the bcrypt hash of `secret`.
const HTPASSWD: &str = "bob:$2y$05$u2GDuh5iygMbp8ONjuZcdusAT97Z.xc/M0ZId5qU9fbH33doiynT2\n";

/// A running verdaccio.
pub struct Verdaccio {
    /// Its process.
    pub server: Server,
}

impl Verdaccio {
    /// Starts an empty one anybody may use.
    pub async fn start() -> Self {
        Self::with(VerdaccioLogin::Nobody).await
    }

    /// Starts an empty one.
    pub async fn with(login: VerdaccioLogin) -> Self {
        let prepare = move |place: &Place| command(place, login);
        Self {
            server: Server::start(Ready::Answers("/-/ping"), prepare).await,
        }
    }
}

fn command(place: &Place, login: VerdaccioLogin) -> Command {
    let who = match login {
        VerdaccioLogin::Nobody => "$anonymous",
        VerdaccioLogin::Basic => "$authenticated",
    };
    let rights = format!("{{access: {who}, publish: {who}, unpublish: {who}}}");
    let config = format!(
        "storage: {}\n\
         auth: {{htpasswd: {{file: {}, algorithm: bcrypt}}}}\n\
         uplinks: {{}}\n\
         packages: {{'@*/*': {rights}, '**': {rights}}}\n\
         max_body_size: 100mb\n\
         web: {{enable: false}}\n\
         log: {{type: stdout, format: pretty, level: warn}}\n",
        place.subfolder("storage").display(),
        place.file("htpasswd", HTPASSWD).display(),
    );
    let mut command = Command::new(npm_tool("verdaccio"));
    command
        .arg("--config")
        .arg(place.file("config.yaml", config))
        .arg("--listen")
        .arg(place.address.to_string());
    command
}
