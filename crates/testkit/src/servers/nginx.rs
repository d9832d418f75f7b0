//! nginx as a web server that takes files: WebDAV (`PUT`, `DELETE`, `MOVE`, `PROPFIND`), with listings of folders.

use std::path::PathBuf;
use std::process::Command;

use super::{Place, Ready, Server, program};

/// What one nginx does besides serving and taking files.
#[derive(Debug, Clone, Copy)]
pub struct NginxOptions {
    /// Whether it lists its folders (`autoindex`).
    pub lists: bool,
    /// Whether only `bob` with the password `secret` may use it.
    pub login: bool,
    /// Whether it knows WebDAV's own methods; otherwise files are read and written by their names only.
    pub webdav: bool,
}

impl Default for NginxOptions {
    fn default() -> Self {
        Self {
            lists: true,
            login: false,
            webdav: true,
        }
    }
}

/// A running nginx.
pub struct Nginx {
    /// Its process.
    pub server: Server,
}

impl Nginx {
    /// Starts one that serves, takes and lists files for anybody.
    pub async fn start() -> Self {
        Self::with(NginxOptions::default()).await
    }

    /// Starts one.
    pub async fn with(options: NginxOptions) -> Self {
        let prepare = move |place: &Place| command(place, options);
        Self {
            server: Server::start(Ready::Answers("/"), prepare).await,
        }
    }

    /// Returns the folder whose files it serves.
    pub fn files(&self) -> PathBuf {
        self.server.folder().join("files")
    }
}

fn command(place: &Place, options: NginxOptions) -> Command {
    let folder = place.folder.display();
    place.subfolder("files");
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    let login = if options.login {
        let users = place.file("htpasswd", "bob:{PLAIN}secret\n");
        format!("auth_basic tests; auth_basic_user_file {};", users.display())
    } else {
        String::new()
    };
    let lists = if options.lists { "on" } else { "off" };
    let methods = match options.webdav {
        true => "dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS;",
        false => "dav_methods PUT DELETE;",
    };
    let config = format!(
        "load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;\n\
         user root;\n\
         worker_processes 1;\n\
         daemon off;\n\
         pid {folder}/nginx.pid;\n\
         error_log {folder}/server.log warn;\n\
         events {{ worker_connections 512; }}\n\
         http {{\n\
         access_log off;\n\
         {temporary}\
         server {{\n\
         listen {address};\n\
         root {folder}/files;\n\
         client_max_body_size 0;\n\
         charset utf-8;\n\
         autoindex {lists};\n\
         {login}\n\
         location / {{\n\
         {methods}\n\
         create_full_put_path on;\n\
         dav_access user:rw group:r all:r;\n\
         }} }} }}\n",
        address = place.address,
    );
    let mut command = Command::new(program("nginx"));
    command.arg("-c").arg(place.file("nginx.conf", config));
    command
}
