//! `waybill serve`: starting, stopping, refusing.

use std::io::{Read, Write};

use super::support::{Served, node, run, said, waybill};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn the_first_start_prints_a_password_and_the_second_does_not() {
    let data = folder();

    let first = Served::start(&mut node("hq", data.path()));
    assert!(
        first.greeting.contains("user admin has the password"),
        "{}",
        first.greeting
    );
    assert!(first.greeting.contains("secret.key"), "{}", first.greeting);
    first.end("TERM");
    let second = Served::start(&mut node("hq", data.path()));

    assert!(!second.greeting.contains("password"), "{}", second.greeting);
}

#[test]
fn a_chosen_password_is_never_printed() {
    let data = folder();

    let served = Served::node("hq", data.path());

    assert!(
        !served.greeting.contains("has the password"),
        "{}",
        served.greeting
    );
}

#[test]
fn a_node_says_that_it_is_alive_and_ready() {
    let data = folder();
    let served = Served::node("hq", data.path());

    for path in ["/healthz", "/readyz"] {
        assert_eq!(served.get(path).0, "HTTP/1.1 200 OK", "{path}");
    }
}

#[test]
fn a_node_ends_after_a_signal_even_with_a_connection_open() {
    for signal in ["TERM", "INT"] {
        let data = folder();
        let served = Served::node("hq", data.path());
        let address = served.url.trim_start_matches("http://").to_owned();
        let mut half_a_request = std::net::TcpStream::connect(address).expect("it listens");
        half_a_request
            .write_all(b"GET /healthz HTTP/1.1\r\n")
            .expect("sent");

        let (code, took) = served.end(signal);

        assert_eq!(code, Some(0), "{signal}");
        println!("{signal}: ended after {took:?}");
    }
}

#[test]
fn a_data_folder_in_use_is_refused() {
    let data = folder();
    let _first = Served::node("hq", data.path());

    let second = run(&mut node("hq", data.path()));

    assert_eq!(second.code, 2);
    assert!(second.err.contains("in use"), "{}", second.err);
}

#[test]
fn a_head_beyond_the_limit_is_refused() {
    let data = folder();
    let served = Served::node("hq", data.path());
    let address = served.url.trim_start_matches("http://").to_owned();
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ")
        .expect("sent");
    // The node may answer and close before it has read all of it.
    let _ = stream.write_all(&vec![b'a'; 1 << 20]);

    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);

    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    assert_eq!(served.get("/healthz").0, "HTTP/1.1 200 OK");
}

#[test]
fn an_unknown_key_of_the_configuration_is_refused_and_its_line_named() {
    let data = folder();
    let file = data.path().join("waybill.toml");
    std::fs::write(&file, "name = \"hq\"\n[limits]\nconections = 1\n").expect("written");

    let said = said(&["serve", "--config", file.to_str().expect("UTF-8")]);

    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("line 3") && said.err.contains("conections"),
        "{}",
        said.err
    );
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let data = folder();
    let file = data.path().join("waybill.toml");
    let text = format!(
        "name = \"of-file\"\nlisten = \"127.0.0.1:0\"\ndata = {:?}\n",
        data.path().join("data")
    );
    std::fs::write(&file, text).expect("written");
    let arguments = ["serve", "--config", file.to_str().expect("UTF-8")];

    let of_file = Served::start(&mut waybill(&arguments));
    assert!(
        of_file.greeting.contains("of-file is ready"),
        "{}",
        of_file.greeting
    );
    of_file.end("TERM");
    let of_env = Served::start(waybill(&arguments).env("WAYBILL_NAME", "of-env"));
    assert!(of_env.greeting.contains("of-env is ready"), "{}", of_env.greeting);
    of_env.end("TERM");
    let of_line = Served::start(
        waybill(&arguments)
            .args(["--name", "of-line"])
            .env("WAYBILL_NAME", "of-env"),
    );

    assert!(
        of_line.greeting.contains("of-line is ready"),
        "{}",
        of_line.greeting
    );
}

#[test]
fn a_node_without_a_name_says_what_is_missing() {
    let said = said(&["serve", "--data", "/nonexistent"]);

    assert_eq!(said.code, 2);
    assert!(said.err.contains("--name"), "{}", said.err);
}

#[test]
fn a_certificate_that_is_none_is_refused() {
    let data = folder();
    let (cert, key) = (data.path().join("cert.pem"), data.path().join("key.pem"));
    std::fs::write(&cert, "nothing").expect("written");
    std::fs::write(&key, "nothing").expect("written");

    let said = run(node("hq", data.path())
        .arg("--tls-cert")
        .arg(&cert)
        .arg("--tls-key")
        .arg(&key));

    assert_eq!(said.code, 2);
    assert!(said.err.contains("cert.pem"), "{}", said.err);
}

#[test]
fn over_tls_a_node_is_reached_only_by_who_trusts_its_certificate() {
    let data = folder();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (cert, key) = (data.path().join("cert.pem"), data.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let mut command = node("hq", &data.path().join("data"));
    command
        .arg("--tls-cert")
        .arg(&cert)
        .arg("--tls-key")
        .arg(&key)
        .env("WAYBILL_ADMIN_PASSWORD", "secret");
    let served = Served::start(&mut command);
    let list = |more: &[&str]| {
        let mut arguments = vec!["cluster", "list", "--server", &served.url, "--output", "csv"];
        arguments.extend(more);
        run(waybill(&arguments).env("WAYBILL_PASSWORD", "secret"))
    };

    let stranger = list(&[]);
    let friend = list(&["--ca-cert", cert.to_str().expect("UTF-8")]);

    assert_eq!(stranger.code, 1, "{}", stranger.err);
    assert_eq!(friend.code, 0, "{}", friend.err);
    assert!(
        friend.out.contains("hq,CENTER,HEALTHY,https://127.0.0.1:"),
        "{}",
        friend.out
    );
}
