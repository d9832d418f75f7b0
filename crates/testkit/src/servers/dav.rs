//! WebDAV servers: nginx with its DAV modules, which moves files by renaming, and WsgiDAV, which writes them in place.

use std::path::PathBuf;
use std::process::Command;

use super::{Place, Ready, Server, program, python_tool};

/// A running WebDAV server, empty and open to anybody.
pub struct DavServer {
    /// Its process.
    pub server: Server,
}

impl DavServer {
    /// Starts nginx.
    pub async fn nginx() -> Self {
        Self {
            server: Server::start(Ready::Answers("/"), nginx).await,
        }
    }

    /// Starts nginx without the methods of WebDAV that look: files can be read and written by their names.
    pub async fn plain_nginx() -> Self {
        let prepare = |place: &Place| nginx_with(place, "dav_methods PUT DELETE; create_full_put_path on;");
        Self {
            server: Server::start(Ready::Answers("/"), prepare).await,
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

fn nginx(place: &Place) -> Command {
    nginx_with(
        place,
        "dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK; dav_ext_lock zone=l;",
    )
}

fn nginx_with(place: &Place, methods: &str) -> Command {
    let (folder, files) = (place.folder.display(), place.subfolder("files"));
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/tmp/{kind};\n"))
        .concat();
    place.subfolder("tmp");
    // Its workers are somebody else unless told otherwise; only root may tell.
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let config = format!(
        "load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;\n{user}\n\
         worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log off; {temporary} dav_ext_lock_zone zone=l:1m;\n\
         server {{ listen {}; root {}; client_max_body_size 0;\n\
         location / {{ {methods} dav_access user:rw group:r all:r; }} }} }}\n",
        place.address,
        files.display(),
    );
    let mut command = Command::new(program("nginx"));
    command.arg("-e").arg(place.folder.join("error.log"));
    command.arg("-c").arg(place.file("nginx.conf", config));
    command
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
