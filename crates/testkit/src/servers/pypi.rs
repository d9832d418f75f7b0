//! Indexes of Python packages: pypiserver (2.4), which speaks HTML only, and devpi (6.20), which also speaks JSON.

use std::process::Command;

use super::{Place, Ready, Server, python_tool, python_tools};

/// How a pypiserver is set up.
#[derive(Debug, Clone, Copy, Default)]
pub struct PypiOptions {
    /// Whether only the user `bob` with the password `secret`, or the token `secret`, may use it; otherwise anybody may.
    pub login: bool,
    /// Whether a file may be uploaded over another one.
    pub overwrite: bool,
    /// The algorithm of the sums it shows; `None`: SHA-256. `Some("off")` shows none.
    pub hash: Option<&'static str>,
    /// Where it sends whoever asks for a project that it does not have; `None`: nowhere.
    pub fallback: Option<&'static str>,
}

/// A running pypiserver.
pub struct PypiServer {
    /// Its process.
    pub server: Server,
}

/// `bob`, and whoever comes with a token, and the SHA-1 of `secret`.
const HTPASSWD: &str = "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n__token__:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n";

impl PypiServer {
    /// Starts an empty one anybody may use, where no file replaces another.
    pub async fn start() -> Self {
        Self::with(PypiOptions::default()).await
    }

    /// Starts an empty one.
    pub async fn with(options: PypiOptions) -> Self {
        let prepare = move |place: &Place| pypiserver(place, options);
        Self {
            server: Server::start(Ready::Answers("/simple/"), prepare).await,
        }
    }
}

fn pypiserver(place: &Place, options: PypiOptions) -> Command {
    let mut command = Command::new(python_tool("pypi-server"));
    command.arg("run");
    command.args(["--interface", &place.address.ip().to_string()]);
    command.args(["--port", &place.address.port().to_string()]);
    if options.login {
        let passwords = place.file("htpasswd", HTPASSWD);
        command.args(["--authenticate", "list,download,update", "--passwords"]);
        command.arg(passwords);
    } else {
        command.args(["--authenticate", ".", "--passwords", "."]);
    }
    if options.overwrite {
        command.arg("--overwrite");
    }
    match options.fallback {
        Some(url) => command.args(["--fallback-url", url]),
        None => command.arg("--disable-fallback"),
    };
    if let Some(hash) = options.hash {
        command.args(["--hash-algo", hash]);
    }
    command.arg(place.subfolder("packages"));
    command
}

/// A running devpi with one index, `bob/dev`.
pub struct Devpi {
    /// Its process.
    pub server: Server,
}

/// Makes the key that logins are signed with a matter of milliseconds instead of half a minute.
const QUICK: &str = "--argon2-memory-cost 8 --argon2-parallelism 1 --argon2-time-cost 1";

impl Devpi {
    /// Starts one whose index is empty. Everybody may upload to it, or only `bob` with the password `secret`; files of
    /// one that is not `volatile` cannot be replaced.
    pub async fn start(login: bool, volatile: bool) -> Self {
        let devpi = Self {
            server: Server::start(Ready::Answers("/+api"), devpi).await,
        };
        let who = if login { "bob" } else { ":ANONYMOUS:" };
        let root = devpi.server.url();
        devpi
            .put(&format!("{root}/bob"), r#"{"password":"secret"}"#)
            .await;
        let index = format!(r#"{{"bases":[],"volatile":{volatile},"acl_upload":["{who}"]}}"#);
        devpi.put(&devpi.url(), &index).await;
        devpi
    }

    /// Returns where its index is.
    pub fn url(&self) -> String {
        format!("{}/bob/dev", self.server.url())
    }

    async fn put(&self, url: &str, document: &str) {
        let mut command = Command::new("curl");
        command.args([
            "--silent",
            "--show-error",
            "--fail",
            "--noproxy",
            "*",
            "-X",
            "PUT",
        ]);
        command.args(["--user", "bob:secret", "-H", "Content-Type: application/json"]);
        super::run(command.args(["--data", document, url])).await;
    }
}

fn devpi(place: &Place) -> Command {
    let folder = place.folder.join("devpi");
    let script = format!(
        "{} || {} --serverdir '{folder}' --no-root-pypi && exec {} --serverdir '{folder}' {QUICK} --offline-mode \
         --enable-core-metadata --threads 8 --host {} --port {}",
        format_args!("[ -e '{}/.serverversion' ]", folder.display()),
        python_tool("devpi-init").display(),
        python_tool("devpi-server").display(),
        place.address.ip(),
        place.address.port(),
        folder = folder.display(),
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    command
}

/// Returns the files that real projects published, by name: two wheels and a source distribution.
pub fn python_packages() -> Vec<std::path::PathBuf> {
    let folder = python_tools().join("packages");
    let entries = std::fs::read_dir(folder).expect("run `make needs`");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|end| end == "whl" || end == "gz"))
        .collect();
    files.sort();
    files
}
