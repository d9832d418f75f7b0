//! Maven repositories on real web servers, and what carries versions between them without an engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connectors::http::Outgoing;
use connectors::maven::Maven;
use connectors::peer::Peers;
use connectors::registry::{Connector, Opened};
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::cluster::{Credentials, Secret};
use domain::digest::Digest;
use domain::ports::{Source, Target};
use domain::versions::Choice;
use testkit::ManualClock;
use testkit::contract::noise;
use testkit::contract::packages::{PackageWorld, Release};
use testkit::servers::Nginx;
use url::Url;

/// Opens the Maven repository at `url`, logged in as `user` with the password `secret`.
pub fn at_as(url: &str, user: Option<&str>) -> Opened {
    opened(url, user, Choice::default())
}

fn opened(url: &str, user: Option<&str>, choice: Choice) -> Opened {
    let outgoing = Outgoing {
        idle_timeout: Duration::from_millis(500),
        ..Outgoing::default()
    };
    let peers = Peers::new(outgoing, Arc::new(ManualClock::at(0)));
    let credentials = Credentials {
        username: user.map(String::from),
        password: user.map(|_| Secret::new("secret")),
        ..Credentials::default()
    };
    let url = Url::parse(url).expect("a URL");
    let server = peers.server(&url, &credentials).expect("a server");
    Maven.open(server.choosing(choice)).expect("a repository")
}

/// Opens the Maven repository at `url`.
pub fn at(url: &str) -> Opened {
    at_as(url, None)
}

/// A Maven repository on a web server.
pub struct World {
    pub nginx: Nginx,
}

impl World {
    pub async fn start() -> Self {
        Self::on(Nginx::start().await)
    }

    pub fn on(nginx: Nginx) -> Self {
        std::fs::create_dir_all(nginx.files().join("repo")).expect("made");
        Self { nginx }
    }

    pub fn url(&self) -> String {
        format!("{}/repo", self.nginx.server.url())
    }

    pub fn opened(&self) -> Opened {
        at(&self.url())
    }

    /// Returns where the file `path` of the repository lies.
    pub fn file(&self, path: &str) -> PathBuf {
        self.nginx.files().join("repo").join(path)
    }

    /// Makes a file of the repository, with the sums Maven writes beside it.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        self.write_bare(path, bytes);
        for (ending, sum) in sums(bytes) {
            self.write_bare(&format!("{path}{ending}"), sum.as_bytes());
        }
    }

    /// Makes a file of the repository.
    pub fn write_bare(&self, path: &str, bytes: &[u8]) {
        let path = self.file(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    /// Returns the text of a file of the repository.
    pub fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.file(path)).ok()
    }

    /// Returns the names of all files of the repository, sorted.
    pub fn files(&self) -> Vec<String> {
        let root = self.file("");
        let mut files = Vec::new();
        below(&root, &root, &mut files);
        files.sort();
        files
    }
}

fn below(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            below(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("within");
            files.push(name.to_string_lossy().into_owned());
        }
    }
}

/// Returns the sums Maven writes of `bytes`.
pub fn sums(bytes: &[u8]) -> [(&'static str, String); 2] {
    let mut wanted = Blob::unknown(0);
    wanted.checksums.sha1 = Some([0; 20]);
    wanted.checksums.md5 = Some([0; 16]);
    let checksums = domain::checksums::Sums::of(bytes, &wanted).checksums;
    let sha1 = checksums.sha1.map(hex_of).expect("asked");
    [(".sha1", sha1), (".md5", checksums.md5_hex().expect("asked"))]
}

fn hex_of(bytes: [u8; 20]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the key of a version.
pub fn key(package: &str, version: &str) -> ArtifactKey {
    ArtifactKey {
        name: format!("gav://{package}"),
        version: Some(version.into()),
    }
}

/// Makes a version of `package` (`group:artifact`) with these files, named by what follows artifact and version.
pub fn release(package: &str, version: &str, files: &[(&str, &[u8])]) -> Release {
    let artifact = package.split(':').next_back().expect("an artifact");
    let blob = |(rest, bytes): &(&str, &[u8])| Blob {
        name: format!("{artifact}-{version}{rest}"),
        ..Blob::of(Digest::of(bytes), bytes.len() as u64)
    };
    Release {
        artifact: Artifact {
            key: key(package, version),
            digest: None,
            blobs: files.iter().map(blob).collect(),
            metadata: Metadata::new(),
            document: None,
        },
        bytes: files.iter().map(|(_, bytes)| bytes.to_vec()).collect(),
    }
}

/// Returns the folder of an artifact's version, and of its package.
pub fn folders(key: &ArtifactKey) -> (String, String) {
    let (group, artifact) = key
        .name
        .trim_start_matches("gav://")
        .split_once(':')
        .expect("a key");
    let package = format!("{}/{artifact}", group.replace('.', "/"));
    (
        format!("{package}/{}", key.version.as_deref().expect("a version")),
        package,
    )
}

/// Writes the `maven-metadata.xml` that lists `versions`.
pub fn listing_of(package: &str, versions: &[String]) -> String {
    let (group, artifact) = package.split_once(':').expect("a package");
    let versions: String = versions
        .iter()
        .map(|version| format!("<version>{version}</version>"))
        .collect();
    format!(
        "<?xml version=\"1.0\"?><metadata><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
         <versioning><versions>{versions}</versions><lastUpdated>20200101000000</lastUpdated></versioning></metadata>"
    )
}

/// Returns the versions a `maven-metadata.xml` lists.
pub fn listed(document: &str) -> Vec<String> {
    let versions = document.split("<version>").skip(1);
    versions
        .filter_map(|rest| Some(rest.split_once("</version>")?.0.to_owned()))
        .collect()
}

#[async_trait]
impl PackageWorld for World {
    fn names(&self) -> [&'static str; 3] {
        ["org.example:app", "org.example.app:app-core_2.12", "single:x"]
    }

    fn release(&self, name: &str, version: &str, size_bytes: usize, seed: u64) -> Release {
        let pom = format!("<project><!-- {name} {version} --></project>");
        let (jar, sources) = (noise(size_bytes.max(100), seed), noise(60, seed + 1000));
        release(
            name,
            version,
            &[
                (".pom", pom.as_bytes()),
                (".jar", &jar),
                ("-sources.jar", &sources),
            ],
        )
    }

    async fn hold(&self, release: &Release) {
        let (folder, package) = folders(&release.artifact.key);
        for (blob, bytes) in release.artifact.blobs.iter().zip(&release.bytes) {
            self.write(&format!("{folder}/{}", blob.name), bytes);
        }
        let document = format!("{package}/maven-metadata.xml");
        let mut versions = self.text(&document).map(|text| listed(&text)).unwrap_or_default();
        versions.extend(release.artifact.key.version.clone());
        let name = release.artifact.key.name.trim_start_matches("gav://");
        self.write(&document, listing_of(name, &versions).as_bytes());
    }

    async fn found(&self, release: &Release) -> Vec<Option<Vec<u8>>> {
        let (folder, package) = folders(&release.artifact.key);
        let document = self
            .text(&format!("{package}/maven-metadata.xml"))
            .unwrap_or_default();
        let version = release.artifact.key.version.clone().expect("a version");
        let is_listed = listed(&document).contains(&version);
        let read = |blob: &Blob| {
            let bytes = std::fs::read(self.file(&format!("{folder}/{}", blob.name))).ok()?;
            // Maven refuses files whose sums are wrong.
            let right = sums(&bytes).iter().all(|(ending, sum)| {
                self.text(&format!("{folder}/{}{ending}", blob.name)).as_ref() == Some(sum)
            });
            right.then_some(bytes)
        };
        let found = release.artifact.blobs.iter().map(read);
        found.map(|bytes| bytes.filter(|_| is_listed)).collect()
    }

    fn source_of(&self, choice: Choice) -> Arc<dyn Source> {
        opened(&self.url(), None, choice).source
    }

    fn target(&self) -> Arc<dyn Target> {
        self.opened().target
    }
}
