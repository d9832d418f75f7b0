//! Maven deploys to one repository and resolves from another, by range and by snapshot, with wrong sums as errors.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::servers::{Nginx, program, run as finish};

use super::super::support::{run, waybill};

/// Where the system keeps Maven's own plugins and the packages that are replicated here.
const SYSTEM: &str = "/usr/share/maven-repo";
const CLI: &str = "commons-cli/commons-cli/1.5.0/commons-cli-1.5.0";
const PLUGINS: &str = "org.apache.maven.plugins";

/// Returns the version of the plugin `name` that the system has.
fn plugin(name: &str, goal: &str) -> String {
    let folder = format!("{SYSTEM}/org/apache/maven/plugins/{name}");
    let entries = std::fs::read_dir(folder).expect("run `make needs`");
    let versions = entries.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let version = versions
        .filter(|version| version.starts_with('3'))
        .max()
        .expect("a version");
    format!("{PLUGINS}:{name}:{version}:{goal}")
}

/// Prepares Maven in `folder`, with a local repository of its own; everything but `here` and `there` is the system's.
fn maven(folder: &Path, name: &str) -> Command {
    let settings = folder.join("settings.xml");
    let text = format!(
        "<settings><mirrors><mirror><id>system</id><mirrorOf>*,!here,!there</mirrorOf>\
         <url>file://{SYSTEM}</url></mirror></mirrors></settings>"
    );
    std::fs::write(&settings, text).expect("written");
    let mut command = Command::new(program("mvn"));
    command
        .args(["-q", "-B", "-s"])
        .arg(settings)
        .arg(format!("-Dmaven.repo.local={}", folder.join(name).display()))
        .current_dir(folder);
    command
}

/// Copies the file with this `ending` of the package into `folder`: what is deployed without a description gets one
/// beside it, taken out of the archive.
fn copied(folder: &Path, ending: &str) -> PathBuf {
    let copy = folder.join(format!("commons-cli{ending}"));
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::copy(format!("{SYSTEM}/{CLI}{ending}"), &copy).expect("run `make needs`");
    copy
}

async fn deploy(folder: &Path, name: &str, url: &str, coordinates: &[String]) {
    let mut command = maven(folder, name);
    let file = copied(&folder.join(format!("of-{name}")), ".jar");
    command
        .arg(plugin("maven-deploy-plugin", "deploy-file"))
        .arg(format!("-Durl={url}"))
        .arg("-DrepositoryId=here")
        .arg(format!("-Dfile={}", file.display()))
        .args(coordinates);
    finish(&mut command).await;
}

fn project(url: &str) -> String {
    let policy = "<enabled>true</enabled><checksumPolicy>fail</checksumPolicy>";
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>\
             </dependency>"
        )
    };
    format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>user</groupId><artifactId>user</artifactId>\
         <version>1</version><repositories><repository><id>there</id><url>{url}</url><releases>{policy}</releases>\
         <snapshots>{policy}</snapshots></repository></repositories><dependencies>{}{}</dependencies></project>",
        dependency("commons-cli", "commons-cli", "[1.0,2.0)"),
        dependency("org.example", "fresh", "1.0-SNAPSHOT"),
    )
}

#[tokio::test]
async fn maven_resolves_from_the_copy_what_it_deployed() {
    let (here, there) = (Nginx::start().await, Nginx::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = |nginx: &Nginx| format!("{}/repo", nginx.server.url());
    let described = copied(&folder.path().join("described"), ".pom");
    let release = [format!("-DpomFile={}", described.display())];
    let snapshot =
        ["groupId=org.example", "artifactId=fresh", "version=1.0-SNAPSHOT"].map(|text| format!("-D{text}"));
    let (first, second) = (url(&here), url(&here));
    tokio::join!(
        deploy(folder.path(), "first", &first, &release),
        deploy(folder.path(), "second", &second, &snapshot),
    );
    let copy = || {
        let (source, target) = (format!("maven+{}", url(&here)), format!("maven+{}", url(&there)));
        let mut command = waybill(&["copy", &source, &target, "--output", "json"]);
        let said = run(command.env("XDG_STATE_HOME", folder.path().join("state")));
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let answer: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
        answer["counts"].clone()
    };

    let first = copy();
    let second = copy();

    assert_eq!(first["copied"], 2, "{first}");
    assert_eq!(
        (&second["unchanged"], &second["bytes_moved"]),
        (&2.into(), &0.into()),
        "{second}"
    );
    std::fs::write(folder.path().join("pom.xml"), project(&url(&there))).expect("written");
    let mut resolve = maven(folder.path(), "user");
    finish(resolve.arg(plugin("maven-jar-plugin", "jar"))).await;
    let resolved = std::fs::read(folder.path().join(format!("user/{CLI}.jar"))).expect("it was resolved");
    assert!(resolved == std::fs::read(format!("{SYSTEM}/{CLI}.jar")).expect("the original"));
    let fresh = folder
        .path()
        .join("user/org/example/fresh/1.0-SNAPSHOT/fresh-1.0-SNAPSHOT.jar");
    assert!(std::fs::read(fresh).expect("it was resolved") == resolved);
}
