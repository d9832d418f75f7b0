use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use super::*;

/// Returns the status line of `GET path`.
fn status(address: SocketAddr, path: &str, login: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{login}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_registry_lets_in_who_logs_in() {
    let registry = OciRegistry::with(RegistryLogin::Basic).await;

    let stranger = status(registry.server.address(), "/v2/", "");
    let bob = status(
        registry.server.address(),
        "/v2/",
        "Authorization: Basic Ym9iOnNlY3JldA==\r\n",
    );

    assert_eq!(stranger, "HTTP/1.1 401 Unauthorized");
    assert_eq!(bob, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_killed_server_starts_again_where_it_was() {
    let mut registry = OciRegistry::start().await;
    let address = registry.server.address();

    registry.server.kill();
    assert!(TcpStream::connect(address).is_err());
    registry.server.start_again().await;

    assert_eq!(registry.server.address(), address);
    assert_eq!(status(address, "/v2/", ""), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_dropped_server_has_ended() {
    let registry = OciRegistry::start().await;
    let address = registry.server.address();

    drop(registry);

    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn a_program_that_is_run_says_what_it_wrote() {
    assert_eq!(run(Command::new("echo").arg("yes")).await, "yes\n");
}
