//! What `serve` was told, merged: command line and environment over the file over the defaults.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use domain::cluster::Secret;
use jiff::tz::TimeZone;

use crate::config::{
    ConfigFile, DEFAULT_TIME_ZONE, LimitsConfig, LogConfig, LogFormat, OutgoingConfig, RunsConfig, time_zone,
};
use crate::exit::{CliResult, refused};

const EXAMPLES: &str = "\
Examples:
  waybill serve --name hq --listen 127.0.0.1:8080 --data ./hq-data
  waybill serve --config /etc/waybill.toml
  WAYBILL_ADMIN_PASSWORD=... waybill serve --name hq --data /var/lib/waybill --listen 0.0.0.0:8443 \\
      --tls-cert cert.pem --tls-key key.pem

The first start creates the user admin: with WAYBILL_ADMIN_PASSWORD, else with a password that is
printed once. Stop it with Ctrl-C or SIGTERM; runs that are going on are resumed by the next start.

waybill.toml (all keys may be left out; a key it does not know is refused):
  name = \"hq\"                       # this node's own cluster
  listen = \"127.0.0.1:8080\"
  data = \"/var/lib/waybill\"
  time_zone = \"Asia/Shanghai\"       # governs contract dates and cron
  secret_key_file = \"/etc/waybill/secret.key\"
  [tls]
  cert = \"cert.pem\"
  key = \"key.pem\"
  [log]
  format = \"text\"                   # or \"json\"
  level = \"info\"                    # WAYBILL_LOG wins: info,engine=debug
  [limits]
  connections = 1024
  header_bytes = 262144
  header_timeout_s = 30
  idle_timeout_s = 300
  silence_s = 10                    # how long another node may say nothing
  [runs]
  parallel = 8                      # runs at the same time
  exchanges = 4                     # with one target at the same time, over all runs
  patience_s = 30                   # how long a target may answer nothing
  lease_s = 15                      # how long a run outlives its node's last heartbeat
  [outgoing]
  denied = [\"10.0.0.0/8\"]          # never connected to, besides link-local addresses
  user_hosts = [\"*.corp.example\"]  # what users who are no administrators may name as targets
  requests_at_once = 128            # to one registry, from all runs together
  requests_per_second = 50          # to one registry; no limit unless said
  bytes_per_second = \"20MiB\"       # to and from one registry; no limit unless said";

/// `waybill serve`.
#[derive(Args, Debug, Default)]
#[command(after_help = EXAMPLES)]
pub struct ServeCommand {
    /// Configuration file; default: none.
    #[arg(long, env = "WAYBILL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Name of this node's own cluster.
    #[arg(long, env = "WAYBILL_NAME")]
    name: Option<String>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, env = "WAYBILL_LISTEN", value_name = "HOST:PORT")]
    listen: Option<SocketAddr>,
    /// Folder of the database and the blobs; made if it is missing.
    #[arg(long, env = "WAYBILL_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Time zone that governs contract dates and cron [default: Asia/Shanghai].
    #[arg(long, env = "WAYBILL_TIME_ZONE", value_name = "ZONE")]
    time_zone: Option<String>,
    /// File with the key that encrypts secrets [default: secret.key in the data folder].
    #[arg(long, env = "WAYBILL_SECRET_KEY_FILE", value_name = "FILE")]
    secret_key_file: Option<PathBuf>,
    /// PEM file with the certificate chain: serves HTTPS.
    #[arg(long, env = "WAYBILL_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    #[arg(long, env = "WAYBILL_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How log lines look [default: text].
    #[arg(long, env = "WAYBILL_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

/// What a node is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of its own cluster.
    pub name: String,
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Folder of the database and the blobs.
    pub data: PathBuf,
    /// Zone that governs contract dates and cron.
    pub zone: TimeZone,
    /// File with the key that encrypts secrets.
    pub secret_key_file: Option<PathBuf>,
    /// Certificate and key files.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// What is logged.
    pub log: LogConfig,
    /// What one client can make it hold.
    pub limits: LimitsConfig,
    /// How runs are carried out.
    pub runs: RunsConfig,
    /// Where it connects to.
    pub outgoing: OutgoingConfig,
    /// Password of the first user; drawn when it is `None`.
    pub admin_password: Option<Secret>,
}

impl Settings {
    /// The defaults for a node called `name` that keeps its data in `data`.
    pub fn new(name: &str, listen: SocketAddr, data: PathBuf) -> Self {
        Self {
            name: name.into(),
            listen,
            data,
            zone: TimeZone::get(DEFAULT_TIME_ZONE).unwrap_or(TimeZone::UTC),
            secret_key_file: None,
            tls: None,
            log: LogConfig::default(),
            limits: LimitsConfig::default(),
            runs: RunsConfig::default(),
            outgoing: OutgoingConfig::default(),
            admin_password: None,
        }
    }
}

impl ServeCommand {
    /// Merges everything; refuses what is missing or wrong.
    pub fn settings(self) -> CliResult<Settings> {
        let file = match &self.config {
            Some(path) => ConfigFile::read(path)?,
            None => ConfigFile::default(),
        };
        let missing = |what: &str| {
            refused(format!("the node needs a {what}"))
                .hint(format!("give --{what}, or `{what}` in waybill.toml"))
        };
        let name = self.name.or(file.name).ok_or_else(|| missing("name"))?;
        let length = name.chars().count();
        if !(2..=256).contains(&length) || name.trim() != name || name.chars().any(char::is_control) {
            return Err(refused(format!(
                "`{name}` cannot name a cluster: 2 to 256 characters are wanted"
            )));
        }
        let zone = self.time_zone.or(file.time_zone);
        let mut log = file.log;
        log.format = self.log_format.unwrap_or(log.format);
        Ok(Settings {
            name,
            listen: self
                .listen
                .or(file.listen)
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            data: self.data.or(file.data).ok_or_else(|| missing("data"))?,
            zone: time_zone(zone.as_deref().unwrap_or(DEFAULT_TIME_ZONE)).map_err(refused)?,
            secret_key_file: self.secret_key_file.or(file.secret_key_file),
            tls: self.tls_cert.or(file.tls.cert).zip(self.tls_key.or(file.tls.key)),
            log,
            limits: file.limits,
            runs: file.runs,
            outgoing: file.outgoing,
            admin_password: std::env::var("WAYBILL_ADMIN_PASSWORD")
                .ok()
                .filter(|text| !text.is_empty())
                .map(Secret::new),
        })
    }
}
