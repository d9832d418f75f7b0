//! What a node does before it answers: its first user, its own cluster, a few words for the person who started it.

use std::io::{self, Write};
use std::path::PathBuf;

use domain::cluster::{Audit, Cluster, ClusterStatus, ClusterType, Credentials, DetectType, Secret};
use domain::id::random_hex32;
use storage::users::Role;
use storage::{Store, StoreResult};

/// Name of the user every node starts with.
pub const ADMIN: &str = "admin";
/// Who made what the node made by itself.
const SYSTEM: &str = "system";
const PASSWORD_LENGTH: usize = 24;

/// What the person who started the node has to know.
pub struct Welcome {
    /// Password of `admin`, when it was made just now and nobody chose it.
    pub password: Option<Secret>,
    /// Whether this was the first start.
    pub first: bool,
    /// File with the key that seals secrets.
    pub secret_key: PathBuf,
}

impl Welcome {
    /// Says where the node answers, and on its first start what is said only once.
    pub fn print(&self, out: &mut impl Write, name: &str, url: &str) -> io::Result<()> {
        if let Some(password) = &self.password {
            writeln!(
                out,
                "user {ADMIN} has the password {} (shown only now)",
                password.reveal()
            )?;
        }
        if self.first {
            let key = self.secret_key.display();
            writeln!(
                out,
                "cluster passwords are sealed with {key}: keep it, and keep it out of backups of the data"
            )?;
        }
        writeln!(out, "{name} is ready at {url}")?;
        out.flush()
    }
}

/// Makes the user `admin` where there is none; returns whether it did, and the password nobody chose.
pub async fn admin(store: &Store, chosen: Option<Secret>) -> StoreResult<(bool, Option<Secret>)> {
    if store.users().get(ADMIN).await?.is_some() {
        return Ok((false, None));
    }
    let drawn = match chosen {
        Some(_) => None,
        None => Some(Secret::new(&random_hex32()[..PASSWORD_LENGTH])),
    };
    let Some(password) = chosen.as_ref().or(drawn.as_ref()) else {
        return Ok((false, None));
    };
    store.users().create(ADMIN, password, &Role::Admin).await?;
    Ok((true, drawn))
}

/// Makes sure that the node's own cluster exists under its name and address.
pub async fn centre(store: &Store, name: &str, url: &str) -> StoreResult<()> {
    let known = store.clusters().all().await?;
    match known
        .into_iter()
        .find(|cluster| cluster.cluster_type == ClusterType::Center)
    {
        Some(own) if own.name == name && own.url == url => Ok(()),
        Some(own) => {
            let audit = Audit {
                modified_by: SYSTEM.into(),
                modified_ms: store.now_ms(),
                ..own.audit.clone()
            };
            store
                .clusters()
                .update(&Cluster {
                    name: name.into(),
                    url: url.into(),
                    audit,
                    ..own
                })
                .await
        }
        None => store.clusters().insert(&own_cluster(store, name, url)).await,
    }
}

fn own_cluster(store: &Store, name: &str, url: &str) -> Cluster {
    Cluster {
        id: store.next_id(),
        name: name.into(),
        cluster_type: ClusterType::Center,
        url: url.into(),
        credentials: Credentials::default(),
        udp_port: None,
        detect_type: DetectType::Ping,
        status: ClusterStatus::Healthy,
        error_reason: None,
        last_report_ms: None,
        audit: Audit::new(SYSTEM, store.now_ms()),
    }
}
