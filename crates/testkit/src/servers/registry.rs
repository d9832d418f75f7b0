//! Debian's `docker-registry` (the reference implementation of the OCI distribution specification, 2.8).

use std::process::Command;

use super::{Place, Ready, Server, program};

/// Who may use a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryLogin {
    /// Anybody.
    Nobody,
    /// The user `bob` with the password `secret`, by basic authentication.
    Basic,
}

/// `bob` and the bcrypt hash of `secret`.
const HTPASSWD: &str = "bob:$2y$05$u2GDuh5iygMbp8ONjuZcdusAT97Z.xc/M0ZId5qU9fbH33doiynT2\n";

/// A running registry.
pub struct OciRegistry {
    /// Its process.
    pub server: Server,
}

impl OciRegistry {
    /// Starts an empty one anybody may use.
    pub async fn start() -> Self {
        Self::with(RegistryLogin::Nobody).await
    }

    /// Starts an empty one.
    pub async fn with(login: RegistryLogin) -> Self {
        let prepare = move |place: &Place| command(place, login);
        Self {
            server: Server::start(Ready::Answers("/v2/"), prepare).await,
        }
    }

    /// Returns host and port, as image references name it.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }
}

fn command(place: &Place, login: RegistryLogin) -> Command {
    let auth = match login {
        RegistryLogin::Nobody => String::new(),
        RegistryLogin::Basic => {
            let file = place.file("htpasswd", HTPASSWD);
            format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", file.display())
        }
    };
    let config = format!(
        "version: 0.1\n\
         log: {{level: warn, accesslog: {{disabled: true}}}}\n\
         storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
         http: {{addr: \"{}\"}}\n{auth}",
        place.subfolder("data").display(),
        place.address,
    );
    let mut command = Command::new(program("docker-registry"));
    command.arg("serve").arg(place.file("config.yml", config));
    command
}
