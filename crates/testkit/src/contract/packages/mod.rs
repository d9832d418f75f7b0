//! What every source and every target of packages promises: each version of a package is one artifact.
//!
//! A connector's tests implement [`PackageWorld`] for a real server and write one line with
//! [`package_source_contract!`](crate::package_source_contract) and one with
//! [`package_target_contract!`](crate::package_target_contract).

pub mod source;
pub mod target;

use std::sync::Arc;

use async_trait::async_trait;
use domain::artifact::{Artifact, ArtifactKey};
use domain::ports::{Source, Target};
use domain::versions::Choice;

/// A version of a package, in its protocol's own format.
#[derive(Debug, Clone)]
pub struct Release {
    /// What its source says of it, with the SHA-256 of every blob.
    pub artifact: Artifact,
    /// The bytes of its blobs, in their order.
    pub bytes: Vec<Vec<u8>>,
}

/// A server of packages that a test fills and reads, through the ports and behind their back.
#[async_trait]
pub trait PackageWorld: Send + Sync {
    /// Returns three names of packages, of every kind the protocol has (scoped, in groups, with signs).
    fn names(&self) -> [&'static str; 3];

    /// Makes a version. The bytes of its largest blob derive from `seed` and are at least `size_bytes` many.
    fn release(&self, name: &str, version: &str, size_bytes: usize, seed: u64) -> Release;

    /// Makes `release` stand there, behind the port's back.
    async fn hold(&self, release: &Release);

    /// Returns the bytes of each blob of `release` as a client of the protocol finds them, through its index; `None`
    /// for what a client does not find.
    async fn found(&self, release: &Release) -> Vec<Option<Vec<u8>>>;

    /// Returns the server as a source that wants only `choice`.
    fn source_of(&self, choice: Choice) -> Arc<dyn Source>;

    /// Returns the server as a source.
    fn source(&self) -> Arc<dyn Source> {
        self.source_of(Choice::default())
    }

    /// Returns the server as a target.
    fn target(&self) -> Arc<dyn Target>;
}

/// Versions that every protocol allows; they sort differently as texts and as versions.
pub const VERSIONS: [&str; 4] = ["0.9.0", "1.0.0", "1.2.0", "1.10.0"];

/// Larger than what travels together.
const LARGE: usize = 3_000_017;
/// A version that no package has.
const NOWHERE: &str = "0.0.1";

fn key(world: &dyn PackageWorld, name: &str, version: &str) -> ArtifactKey {
    world.release(name, version, 1, 0).artifact.key
}
