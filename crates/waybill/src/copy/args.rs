//! What `copy` is told.

use std::path::PathBuf;

use clap::Args;
use domain::task::ConflictStrategy;

use crate::choice::ChoiceArgs;
use crate::cli::task::values::{Conflict, byte_count};

const EXAMPLES: &str = "\
Examples:
  waybill copy ./a ./b
  waybill copy ./dist waybill+http://admin@hq:8080/demo/files --dry-run
  waybill copy ./dist waybill+https://admin@hq/demo/files --conflict overwrite --rate 10MiB
  waybill copy waybill+http://admin@hq:8080/demo/files ./mirror
  waybill copy bkrepo+https://ann@bkrepo.example/demo/files ./mirror
  waybill copy oci://docker.io/library/busybox oci+http://localhost:5000/mirror/busybox --newest 3
  waybill copy 'oci://registry.example/team/*' 'oci://other.example/team/*' --include 'semver:>=1.2, <2'
  waybill copy npm+https://registry.example npm+http://localhost:4873 --newest 5
  waybill copy ./dist dav+https://ann@files.example/releases
  waybill copy s3://AKIAEXAMPLE@releases/stable s3+http://key@10.0.0.7:9000/mirror

SOURCE and TARGET are folders (./a, /a, file:///a), repositories of Waybill nodes
(waybill+http://[user@]host:port/project/repository, waybill+https://...), GENERIC repositories of
a bk-repo (bkrepo+http://..., bkrepo+https://...), folders of WebDAV servers (dav+https://...),
prefixes of buckets (s3://bucket/prefix, s3+https://host/bucket/prefix), packages of a registry
(npm+https://..., pypi+https://..., maven+https://..., helm+https://...) or images: one with all
its tags (oci://host/name), one tag (oci://host/name:tag), all below a name (oci://host/name/*).
Both ends hold the same kind of thing. Passwords come from WAYBILL_PASSWORD, the login
file or a prompt, never from the URL.

Nothing is ever deleted at the target. Ctrl-C stops cleanly; the same command again goes on and
repeats nothing that arrived. Empty folders do not travel; links, special files and names that are
not UTF-8 cannot be carried: they are named, and the exit code is 3 unless --allow-uncarried.";

/// `waybill copy SOURCE TARGET`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct CopyCommand {
    /// Where from.
    pub source: String,
    /// Where to.
    pub target: String,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// What to do where other content stands at the target.
    #[arg(long, value_enum, default_value_t = Conflict::Skip)]
    pub conflict: Conflict,
    /// Read every file again instead of trusting what is remembered of unchanged ones.
    #[arg(long)]
    pub verify: bool,
    /// End with 0 even if something cannot be carried.
    #[arg(long)]
    pub allow_uncarried: bool,
    /// Most bytes per second, for example 500KiB or 10MiB; 0: no limit.
    #[arg(long, default_value = "0", value_parser = byte_count, value_name = "BYTES")]
    pub rate: u64,
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// Leave properties (times, the executable bit) behind.
    #[arg(long)]
    pub no_metadata: bool,
    /// PEM file with the authority that signed the node's certificate.
    #[arg(long, env = "WAYBILL_CA_CERT", value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
    /// Folder that remembers what was copied [default: $XDG_STATE_HOME/waybill].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

impl CopyCommand {
    /// Returns the strategy for other content at the target.
    pub fn on_conflict(&self) -> ConflictStrategy {
        match self.conflict {
            Conflict::Skip => ConflictStrategy::Skip,
            Conflict::Overwrite => ConflictStrategy::Overwrite,
            Conflict::Fail => ConflictStrategy::FastFail,
        }
    }
}
