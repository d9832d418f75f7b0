//! WebDAV servers: nginx with its DAV modules, which moves files by renaming, and WsgiDAV, which writes them in place.

use std::path::PathBuf;
use std::process::Command;

use super::{Nginx, NginxOptions, Place, Ready, Server, python_tool};

/// A running WebDAV server, empty and open to anybody.
pub struct DavServer {
    /// Its process.
    pub server: Server,
}

impl DavServer {
    /// Starts nginx.
    pub async fn nginx() -> Self {
        Self {
            server: Nginx::start().await.server,
        }
    }

    /// Starts nginx without the methods of WebDAV that look: files can be read and written by their names.
    pub async fn plain_nginx() -> Self {
        let options = NginxOptions {
            webdav: false,
            ..NginxOptions::default()
        };
        Self {
            server: Nginx::with(options).await.server,
        }
    }

    /// Starts WsgiDAV.
    pub async fn wsgidav() -> Self {
        Self {
            server: Server::start(Ready::Answers("/"), wsgidav).await,
        }
    }

    /// Returns where the file `path` lies on the disk.
    pub fn file(&self, path: &str) -> PathBuf {
        self.server
            .folder()
            .join("files")
            .join(path.trim_start_matches('/'))
    }

    /// Makes `bytes` stand at `path`.
    pub fn hold(&self, path: &str, bytes: &[u8]) {
        let file = self.file(path);
        std::fs::create_dir_all(file.parent().expect("a file lies in a folder"))
            .expect("folders can be made");
        std::fs::write(file, bytes).expect("the file can be written");
    }

    /// Returns the bytes at `path`.
    pub fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.file(path)).ok()
    }
}

fn wsgidav(place: &Place) -> Command {
    let mut command = Command::new(python_tool("wsgidav"));
    command.args(["--host", &place.address.ip().to_string()]);
    command.args(["--port", &place.address.port().to_string()]);
    command.args([
        "--auth",
        "anonymous",
        "--server",
        "cheroot",
        "--no-config",
        "--root",
    ]);
    command.arg(place.subfolder("files"));
    command
}
