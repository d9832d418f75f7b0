//! Runs the binary with nothing of the tester's own settings.

use std::process::{Command, Output};

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
