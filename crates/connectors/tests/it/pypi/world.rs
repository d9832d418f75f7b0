//! pypiserver, filled and read by hand as twine and pip do it.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use connectors::digests::Digests;
use connectors::http::{Links, Outgoing, Server};
use connectors::peer::Peers;
use connectors::registry::{Opened, by_scheme};
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::cluster::{Credentials, Secret};
use domain::digest::Digest;
use domain::ports::{ConnectorResult, Expect, Put, PutOutcome, Source, Target};
use domain::versions::Choice;
use reqwest::{Client, StatusCode, Url};
use testkit::ManualClock;
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::noise;
use testkit::contract::packages::{PackageWorld, Release};
use testkit::servers::PypiServer;

/// An index, and where it is spoken to: itself, or a proxy in front of it.
pub(super) struct Pypi {
    pub(super) pypiserver: PypiServer,
}

/// Returns the index at `url` behind the ports.
pub(super) fn opened(url: &str, credentials: &Credentials) -> Opened {
    choosing(url, credentials, Choice::default())
}

/// Returns what `choice` wants of the index at `url`.
pub(super) fn choosing(url: &str, credentials: &Credentials, choice: Choice) -> Opened {
    let server = reached(&Digests::default(), url, credentials);
    by_scheme("pypi")
        .expect("registered")
        .open(server.choosing(choice))
        .expect("opened")
}

/// Returns the index at `url` for anybody who remembers `digests`.
pub(super) fn remembering(digests: &Digests, url: &str) -> Opened {
    let server = reached(digests, url, &Credentials::default());
    by_scheme("pypi")
        .expect("registered")
        .open(server)
        .expect("opened")
}

fn reached(digests: &Digests, url: &str, credentials: &Credentials) -> Server {
    let outgoing = Outgoing {
        idle_timeout: std::time::Duration::from_millis(700),
        ..Outgoing::default()
    };
    let peers = Peers::new(outgoing, Arc::new(ManualClock::at(0))).with_digests(digests.clone());
    let url = url.parse().expect("a URL");
    peers.server(&url, credentials).expect("a server")
}

/// Returns the index at `url` for anybody.
pub(super) fn at(url: &str) -> Opened {
    opened(url, &Credentials::default())
}

/// `bob`, whose password is `secret`.
pub(super) fn bob() -> Credentials {
    Credentials {
        username: Some("bob".into()),
        password: Some(Secret::new("secret")),
        ..Default::default()
    }
}

impl Pypi {
    pub(super) async fn start() -> Self {
        Self {
            pypiserver: PypiServer::start().await,
        }
    }

    pub(super) fn url(&self) -> String {
        self.pypiserver.server.url()
    }

    /// Returns where it keeps the file `name`.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.pypiserver.server.folder().join("packages").join(name)
    }
}

fn client() -> Client {
    // The connectors' own client has installed what TLS needs.
    let _ = at("http://127.0.0.1:1");
    Client::builder().no_proxy().build().expect("a client")
}

/// Returns the bytes of the files `names` of `project` as installers find them below `simple`.
pub(super) async fn shown(simple: &str, project: &str, names: &[&str]) -> Vec<Option<Vec<u8>>> {
    let client = client();
    let page: Url = format!("{simple}/{project}/").parse().expect("a URL");
    let answer = client
        .get(page.clone())
        .header("Accept", "text/html")
        .send()
        .await
        .expect("an answer");
    let is_there = answer.status() == StatusCode::OK;
    let text = answer.text().await.expect("a text");
    let mut links: Vec<String> = Vec::new();
    if is_there {
        let (mut page, mut take) = (Links::default(), |link: connectors::http::Anchor| {
            links.push(link.href);
            Ok(())
        });
        page.read(text.as_bytes(), &mut take).expect("links");
        page.finish(&mut take).expect("links");
    }
    let mut found = Vec::new();
    for name in names {
        let link = links.iter().find(|link| link.contains(&format!("/{name}")));
        let Some(link) = link else {
            found.push(None);
            continue;
        };
        let url = page.join(link).expect("a URL");
        let answer = client.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{link}");
        found.push(Some(answer.bytes().await.expect("bytes").to_vec()));
    }
    found
}

/// Returns what a project's name is normalised to.
fn normalised(name: &str) -> String {
    name.to_lowercase().replace(['.', '_'], "-")
}

/// Makes a version of the project `name`: a wheel of `wheel` and a source distribution of `sdist`.
pub(super) fn release(name: &str, version: &str, wheel: Vec<u8>, sdist: Vec<u8>) -> Release {
    let blob = |name: String, bytes: &[u8]| Blob {
        name,
        ..Blob::of(Digest::of(bytes), bytes.len() as u64)
    };
    let escaped = name.replace(['-', '.'], "_");
    let blobs = vec![
        blob(format!("{escaped}-{version}-py3-none-any.whl"), &wheel),
        blob(format!("{name}-{version}.tar.gz"), &sdist),
    ];
    let key = ArtifactKey {
        name: format!("pypi://{}", normalised(name)),
        version: Some(version.into()),
    };
    Release {
        artifact: Artifact {
            key,
            digest: None,
            blobs,
            metadata: Metadata::new(),
            document: None,
        },
        bytes: vec![wheel, sdist],
    }
}

/// Makes a version with a wheel of `size_bytes`.
pub(super) fn made(name: &str, version: &str, size_bytes: usize, seed: u64) -> Release {
    let own = name
        .bytes()
        .chain(version.bytes())
        .fold(seed, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
    release(name, version, noise(size_bytes, own), noise(40, own + 1))
}

/// Returns the names of its files.
pub(super) fn names(release: &Release) -> Vec<&str> {
    release
        .artifact
        .blobs
        .iter()
        .map(|blob| blob.name.as_str())
        .collect()
}

/// Returns the project it is of.
pub(super) fn project(release: &Release) -> &str {
    release
        .artifact
        .key
        .name
        .strip_prefix("pypi://")
        .expect("a key of Python's")
}

/// Puts `release` as a run does.
pub(super) async fn put(
    target: &dyn Target,
    release: &Release,
    expect: Expect,
) -> ConnectorResult<PutOutcome> {
    let put = Put {
        artifact: release.artifact.clone(),
        expect,
        with_metadata: true,
    };
    let outcomes = Outcomes::of(1);
    let content = MemoryContent::of(release.bytes.iter().map(Vec::as_slice)).verifying();
    target.put(&[put], &content, &outcomes).await?;
    Ok(outcomes.all().remove(0))
}

#[async_trait]
impl PackageWorld for Pypi {
    fn names(&self) -> [&'static str; 3] {
        ["left-pad", "Some.Scope_2", "zope.interface"]
    }

    fn release(&self, name: &str, version: &str, size_bytes: usize, seed: u64) -> Release {
        made(name, version, size_bytes, seed)
    }

    async fn hold(&self, release: &Release) {
        for (blob, bytes) in release.artifact.blobs.iter().zip(&release.bytes) {
            std::fs::write(self.file(&blob.name), bytes).expect("it can be written");
        }
    }

    async fn found(&self, release: &Release) -> Vec<Option<Vec<u8>>> {
        shown(
            &format!("{}/simple", self.url()),
            project(release),
            &names(release),
        )
        .await
    }

    fn source_of(&self, choice: Choice) -> Arc<dyn Source> {
        choosing(&self.url(), &Credentials::default(), choice).source
    }

    fn target(&self) -> Arc<dyn Target> {
        at(&self.url()).target
    }
}
