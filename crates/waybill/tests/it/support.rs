//! Runs the binary with nothing of the tester's own settings.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Starts a command line of the binary; no `WAYBILL_*` and no home of the tester's reaches it.
pub fn waybill(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WAYBILL_") {
            command.env_remove(name);
        }
    }
    command
        .env("TZ", "UTC")
        .env("HOME", "/nonexistent")
        .args(arguments);
    for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        command.env_remove(name);
    }
    command.stdin(std::process::Stdio::null());
    command
}

/// What a finished command said.
pub struct Said {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `command` to its end.
pub fn run(command: &mut Command) -> Said {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the binary runs");
    Said {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).expect("UTF-8"),
        err: String::from_utf8(stderr).expect("UTF-8"),
    }
}

/// Runs a command line to its end.
pub fn said(arguments: &[&str]) -> Said {
    run(&mut waybill(arguments))
}

/// A node of a test; ends with it.
pub struct Served {
    process: std::process::Child,
    /// What it said on standard output before it was ready, this line included.
    pub greeting: String,
    /// Where it answers: `http://127.0.0.1:PORT`.
    pub url: String,
}

/// How long a node may take to start or to end before a test gives up.
const GUARD: Duration = Duration::from_secs(120);

impl Served {
    /// Starts `command` and waits until it says that it is ready.
    pub fn start(command: &mut Command) -> Self {
        let process = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut served = Self {
            process,
            greeting: String::new(),
            url: String::new(),
        };
        let mut out = BufReader::new(served.process.stdout.take().expect("piped"));
        while served.url.is_empty() {
            let before = served.greeting.len();
            let read = out.read_line(&mut served.greeting).expect("UTF-8");
            assert!(read > 0, "it ended before it was ready: {}", served.greeting);
            if let Some((_, url)) = served.greeting[before..].split_once(" is ready at ") {
                served.url = url.trim().to_owned();
            }
        }
        served
    }

    /// Starts a node called `name` on a free port, with the admin password `secret`.
    pub fn node(name: &str, data: &Path) -> Self {
        Self::start(node(name, data).env("WAYBILL_ADMIN_PASSWORD", "secret"))
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal by name (`TERM`, `KILL`) and returns its exit code once it has ended, and how long that took.
    pub fn end(mut self, signal: &str) -> (Option<i32>, Duration) {
        let started = Instant::now();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &self.pid().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
        loop {
            if let Some(status) = self.process.try_wait().expect("it is our child") {
                return (status.code(), started.elapsed());
            }
            assert!(started.elapsed() < GUARD, "it did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns status line and body of `GET path`.
    pub fn get(&self, path: &str) -> (String, String) {
        let address = self.url.strip_prefix("http://").expect("plain http");
        let mut stream = std::net::TcpStream::connect(address).expect("it listens");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (
            head.lines().next().unwrap_or_default().to_owned(),
            body.to_owned(),
        )
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Prepares `waybill serve` on a free port.
pub fn node(name: &str, data: &Path) -> Command {
    let data = data.to_str().expect("UTF-8");
    waybill(&["serve", "--name", name, "--listen", "127.0.0.1:0", "--data", data])
}
