//! Three nodes in one process: three folders, three ports, nothing shared but the computer.

use std::net::SocketAddr;
use std::path::Path;

use domain::cluster::Secret;
use domain::id::random_hex32;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::exit::{CliError, CliResult};
use crate::login;
use crate::serve::{Node, Settings};

/// One node of the demonstration.
pub struct DemoNode {
    /// Its name.
    pub name: &'static str,
    /// Where it answers.
    pub url: String,
    /// Speaks to it as `admin`.
    pub client: Client,
    password: Secret,
    serving: JoinHandle<()>,
}

impl DemoNode {
    /// Starts a node called `name` on `listen`, with its data below `folder`, until `stop`.
    pub async fn start(
        name: &'static str,
        listen: SocketAddr,
        folder: &Path,
        stop: CancellationToken,
    ) -> CliResult<Self> {
        let password = Secret::new(&random_hex32()[..16]);
        let mut settings = Settings::new(name, listen, folder.join(name));
        settings.admin_password = Some(password.clone());
        let (node, listener, _) = Node::open(&settings).await?;
        let url = listener.url().map_err(CliError::from)?;
        let client = Client::new(login::server_url(&url)?, "admin", password.clone(), None)?;
        let serving = tokio::spawn(node.serve(listener, stop));
        Ok(Self {
            name,
            url,
            client,
            password,
            serving,
        })
    }

    /// Returns the password of its `admin`; the node is gone in a moment, so that it may be shown.
    pub fn password(&self) -> &str {
        self.password.reveal()
    }

    /// Waits until it has ended.
    pub async fn ended(self) {
        // A node that panicked has ended as well.
        let _ = self.serving.await;
    }
}
