//! moto: the calls of S3, in memory.

use std::process::Command;

use super::{Place, Ready, Server, python_tool};

/// A running store, without buckets, open to every key.
pub struct S3Server {
    /// Its process.
    pub server: Server,
}

impl S3Server {
    /// Starts moto.
    pub async fn moto() -> Self {
        let server = Server::start(Ready::Answers("/moto-api/"), |place: &Place| {
            let mut command = Command::new(python_tool("moto_server"));
            command.args(["-H", &place.address.ip().to_string()]);
            command.args(["-p", &place.address.port().to_string()]);
            command.env("MOTO_S3_DEFAULT_MAX_KEYS", "1000");
            command
        });
        Self { server: server.await }
    }
}
