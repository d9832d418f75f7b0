//! `waybill cluster`: the places tasks replicate to.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::server::{Server, read};
use crate::client::Client;
use crate::exit::{CliResult, Exit, refused};
use crate::login;
use crate::output::{Column, Format, done, list, members, text};

const EXAMPLES: &str = "\
Examples:
  waybill cluster list
  waybill cluster add edge-1 http://edge-1:8080 --username admin
  waybill cluster add edge-2 https://edge-2 --type edge --username sync --cluster-ca ./edge-ca.pem
  waybill cluster add mirror npm+https://npm.example/mirror --type remote --username ci
  waybill cluster add old bkrepo+https://bkrepo.example --app-id ci --access-key 0a1b2c3d
  waybill cluster test edge-1

bkrepo+http(s):// names a bk-repo; one behind http(s):// is recognised by itself. The cluster's password comes from --password-file (- reads standard input), from
WAYBILL_CLUSTER_PASSWORD, or a prompt; so does the secret key that belongs to --access-key
(--secret-key-file, WAYBILL_CLUSTER_SECRET_KEY). They are stored encrypted and never shown.";

/// Where a cluster's password may come from.
const PASSWORD: &str = "WAYBILL_CLUSTER_PASSWORD";
/// Where the secret half of a platform's key may come from.
const SECRET_KEY: &str = "WAYBILL_CLUSTER_SECRET_KEY";

/// `waybill cluster ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ClusterCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List the clusters, this one included.
    #[command(after_help = "Example:\n  waybill cluster list --output json")]
    List,
    /// Show one cluster.
    #[command(after_help = "Example:\n  waybill cluster show edge-1")]
    Show {
        /// Its name.
        name: String,
    },
    /// Register a cluster; it must answer unless --no-test is given.
    #[command(after_help = "Example:\n  waybill cluster add edge-1 http://edge-1:8080 --username admin")]
    Add(Place),
    /// Replace the address and the login of a cluster; all of them, the ones not given included.
    #[command(after_help = "Example:\n  waybill cluster update edge-1 https://edge-1 --username admin")]
    Update(Place),
    /// Forget a cluster.
    #[command(after_help = "Example:\n  waybill cluster remove edge-1")]
    Remove {
        /// Its name.
        name: String,
    },
    /// Try to reach a cluster and log in.
    #[command(after_help = "Example:\n  waybill cluster test edge-1 && echo it answers")]
    Test {
        /// Its name.
        name: String,
    },
}

#[derive(Args)]
struct Place {
    /// Its name, 2 to 256 characters.
    name: String,
    /// Where it answers, for example https://edge-1:8443.
    url: String,
    /// What it is to this node.
    #[arg(long = "type", value_enum, default_value_t = Kind::Standalone)]
    kind: Kind,
    /// User to log in as.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// File with the password or token that goes with it; - reads standard input.
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Platform whose keys sign every call, as bk-repo nodes do among themselves; --username is who it acts as.
    #[arg(long, value_name = "NAME", requires = "access_key")]
    app_id: Option<String>,
    /// Public half of the platform's key.
    #[arg(
        long,
        value_name = "KEY",
        requires = "app_id",
        conflicts_with = "password_file"
    )]
    access_key: Option<String>,
    /// File with the secret half of it; - reads standard input.
    #[arg(long, value_name = "FILE", requires = "access_key")]
    secret_key_file: Option<PathBuf>,
    /// PEM file with the authority that signed the cluster's certificate.
    // Not `--ca-cert`: that one is about the server this command talks to.
    #[arg(long, value_name = "FILE")]
    cluster_ca: Option<PathBuf>,
    /// Do not try to reach it now.
    #[arg(long)]
    no_test: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A peer that belongs to this centre.
    Edge,
    /// A peer on its own.
    Standalone,
    /// A registry that is no Waybill node.
    Remote,
}

const COLUMNS: [Column; 6] = [
    Column::text("NAME", |row| text(row, "name")),
    Column::text("TYPE", |row| text(row, "type")),
    Column::text("STATUS", |row| text(row, "status")),
    Column::text("URL", |row| text(row, "url")),
    Column::text("USER", |row| text(row, "username")),
    Column::text("REASON", |row| text(row, "errorReason")),
];

impl ClusterCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List => {
                let rows = client.get(&api("list"), &[]).await?;
                list(
                    format,
                    &COLUMNS,
                    rows.as_array().map_or(&[], Vec::as_slice),
                    "no clusters",
                )?;
            }
            Verb::Show { name } => show(format, &by_name(&client, &name).await?)?,
            Verb::Add(place) => {
                let mut body = place.body()?;
                body["ping"] = json!(!place.no_test);
                client.post(&api("create"), &body).await?;
                saved(&client, format, &place.name, "registered").await?;
            }
            Verb::Update(place) => {
                client.post(&api("update"), &place.body()?).await?;
                saved(&client, format, &place.name, "updated").await?;
            }
            Verb::Remove { name } => {
                let cluster = by_name(&client, &name).await?;
                client
                    .delete(
                        &["replication", "api", "cluster", "delete", &text(&cluster, "id")],
                        &[],
                    )
                    .await?;
                done(format, &format!("cluster {name} is forgotten"), &cluster)?;
            }
            Verb::Test { name } => {
                client.post(&api("tryConnect"), &json!({ "name": name })).await?;
                saved(&client, format, &name, "answers").await?;
            }
        }
        Ok(Exit::Done)
    }
}

fn api(call: &str) -> [&str; 4] {
    ["replication", "api", "cluster", call]
}

/// Returns the cluster called `name`; refused when there is none.
pub async fn by_name(client: &Client, name: &str) -> CliResult<Value> {
    let cluster = client
        .get(&api("info"), &[("name", Some(name.to_owned()))])
        .await?;
    if cluster.is_null() {
        return Err(
            refused(format!("there is no cluster `{name}`")).hint("`waybill cluster list` shows them")
        );
    }
    Ok(cluster)
}

async fn saved(client: &Client, format: Format, name: &str, what: &str) -> CliResult<()> {
    let cluster = by_name(client, name).await?;
    done(format, &format!("cluster {name} {what}"), &cluster)
}

fn show(format: Format, cluster: &Value) -> CliResult<()> {
    const SHOWN: [(&str, &str); 10] = [
        ("name", "name"),
        ("id", "id"),
        ("type", "type"),
        ("status", "status"),
        ("reason", "errorReason"),
        ("url", "url"),
        ("user", "username"),
        ("created by", "createdBy"),
        ("created", "createdDate"),
        ("last report", "lastReportTime"),
    ];
    let rows: Vec<(&str, String)> = SHOWN
        .iter()
        .map(|(label, name)| (*label, text(cluster, name)))
        .collect();
    members(format, &rows, cluster)
}

impl Place {
    fn body(&self) -> CliResult<Value> {
        let certificate = self.cluster_ca.as_deref().map(read_text).transpose()?;
        let secret = |file: Option<&std::path::Path>, variable: &str, of: &str| -> CliResult<String> {
            let question = format!("{of} at {}: ", self.name);
            Ok(login::new_secret(file, variable, &question)?.reveal().to_owned())
        };
        let (mut password, mut secret_key) = (None, None);
        if let Some(key) = &self.access_key {
            let of = format!("Secret key of {key}");
            secret_key = Some(secret(self.secret_key_file.as_deref(), SECRET_KEY, &of)?);
        } else if let Some(user) = &self.username {
            let of = format!("Password of {user}");
            password = Some(secret(self.password_file.as_deref(), PASSWORD, &of)?);
        }
        Ok(json!({
            "name": self.name,
            "url": self.url,
            "type": match self.kind {
                Kind::Edge => "EDGE",
                Kind::Standalone => "STANDALONE",
                Kind::Remote => "REMOTE",
            },
            "username": self.username,
            "password": password,
            "appId": self.app_id,
            "accessKey": self.access_key,
            "secretKey": secret_key,
            "certificate": certificate,
        }))
    }
}

fn read_text(path: &std::path::Path) -> CliResult<String> {
    String::from_utf8(read(path)?).map_err(|_| refused(format!("{} is not UTF-8", path.display())))
}
