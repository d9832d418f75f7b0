//! Charts made by hand, and the stand-in for ChartMuseum as a world of packages.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connectors::helm::Helm;
use connectors::http::Outgoing;
use connectors::peer::Peers;
use connectors::registry::{Connector, Opened};
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::cluster::Credentials;
use domain::digest::Digest;
use domain::ports::{Source, Target};
use domain::versions::Choice;
use flate2::Compression;
use flate2::write::GzEncoder;
use testkit::ManualClock;
use testkit::contract::noise;
use testkit::contract::packages::{PackageWorld, Release};
use url::Url;

use super::museum::Stand;

/// Opens the chart repository at `url`.
pub fn at(url: &str) -> Opened {
    opened(url, &Credentials::default(), Choice::default())
}

/// Opens what `choice` wants of the chart repository at `url`.
pub fn opened(url: &str, credentials: &Credentials, choice: Choice) -> Opened {
    let outgoing = Outgoing {
        idle_timeout: Duration::from_millis(500),
        ..Outgoing::default()
    };
    let peers = Peers::new(outgoing, Arc::new(ManualClock::at(0)));
    let url = Url::parse(url).expect("a URL");
    let server = peers.server(&url, credentials).expect("a server");
    Helm.open(server.choosing(choice)).expect("a repository")
}

/// A museum for many, below a path.
pub struct World(pub Stand);

impl World {
    pub async fn start() -> Self {
        Self(Stand::below("/org/charts").await)
    }

    pub fn url(&self) -> String {
        format!("http://{}/org/charts", self.0.address)
    }

    pub fn opened(&self) -> Opened {
        at(&self.url())
    }
}

/// Returns the key of a chart.
pub fn key(name: &str, version: &str) -> ArtifactKey {
    ArtifactKey {
        name: format!("helm://{name}"),
        version: Some(version.into()),
    }
}

/// Makes a chart: a gzipped tar with its Chart.yaml and one file of `bytes`.
pub fn chart(name: &str, version: &str, bytes: &[u8]) -> Vec<u8> {
    let yaml = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    for (path, bytes) in [("Chart.yaml", yaml.as_bytes()), ("files/data.bin", bytes)] {
        zip.write_all(&tar_head(&format!("{name}/{path}"), bytes.len()))
            .expect("memory");
        zip.write_all(bytes).expect("memory");
        zip.write_all(&vec![0; bytes.len().next_multiple_of(512) - bytes.len()])
            .expect("memory");
    }
    zip.write_all(&[0; 1024]).expect("memory");
    zip.finish().expect("memory")
}

/// Makes the head of a file in a tar archive (ustar).
fn tar_head(path: &str, size_bytes: usize) -> [u8; 512] {
    let mut head = [0; 512];
    let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size_bytes:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

/// Makes a release of a chart, signed if `provenance` says how.
pub fn release(name: &str, version: &str, bytes: &[u8], provenance: Option<&[u8]>) -> Release {
    let file = format!("{name}-{version}.tgz");
    let blob = |name: String, bytes: &[u8]| Blob {
        name,
        ..Blob::of(Digest::of(bytes), bytes.len() as u64)
    };
    let chart = chart(name, version, bytes);
    let mut blobs = vec![blob(file.clone(), &chart)];
    blobs.extend(provenance.map(|bytes| blob(format!("{file}.prov"), bytes)));
    Release {
        artifact: Artifact {
            key: key(name, version),
            digest: None,
            blobs,
            metadata: Metadata::new(),
            document: None,
        },
        bytes: [chart].into_iter().chain(provenance.map(Vec::from)).collect(),
    }
}

#[async_trait]
impl PackageWorld for World {
    fn names(&self) -> [&'static str; 3] {
        ["web", "web-api", "db.core_1"]
    }

    fn release(&self, name: &str, version: &str, size_bytes: usize, seed: u64) -> Release {
        let provenance = (name != "web").then_some(&b"-----BEGIN PGP SIGNED MESSAGE-----\n"[..]);
        release(name, version, &noise(size_bytes.max(100), seed), provenance)
    }

    async fn hold(&self, release: &Release) {
        let (chart, provenance) = (release.bytes[0].clone(), release.bytes.get(1).cloned());
        self.0.museum().keep(chart, provenance);
    }

    async fn found(&self, release: &Release) -> Vec<Option<Vec<u8>>> {
        let key = &release.artifact.key;
        let key = (
            key.name.trim_start_matches("helm://").to_owned(),
            key.version.clone().expect("a version"),
        );
        let kept = self.0.museum().charts.get(&key).cloned();
        let chart = kept.as_ref().map(|kept| kept.chart.clone());
        let provenance = kept.and_then(|kept| kept.provenance);
        [chart, provenance]
            .into_iter()
            .take(release.bytes.len())
            .collect()
    }

    fn source_of(&self, choice: Choice) -> Arc<dyn Source> {
        opened(&self.url(), &Credentials::default(), choice).source
    }

    fn target(&self) -> Arc<dyn Target> {
        self.opened().target
    }
}
