//! Two nodes and a command line that speaks to the first of them.

use std::process::Command;

use serde_json::Value;

use super::support::{Said, Served, run, waybill};

pub struct Two {
    pub folder: tempfile::TempDir,
    pub hq: Served,
    pub edge: Served,
}

impl Two {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (hq, edge) = (folder.path().join("hq"), folder.path().join("edge"));
        Self {
            hq: Served::node("hq", &hq),
            edge: Served::node("edge", &edge),
            folder,
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = waybill(arguments);
        command
            .env("WAYBILL_SERVER", &self.hq.url)
            .env("WAYBILL_PASSWORD", "secret")
            .env("WAYBILL_CLUSTER_PASSWORD", "secret")
            .env("XDG_STATE_HOME", self.folder.path().join("state"));
        command
    }

    pub fn said(&self, arguments: &[&str]) -> Said {
        run(&mut self.command(arguments))
    }

    /// Runs a command that has to succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let said = self.said(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
        said.out
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        serde_json::from_str(&self.ok(&all)).expect("JSON")
    }

    /// Returns what the edge answers.
    pub fn at_edge(&self, arguments: &[&str]) -> Value {
        let mut command = self.command(arguments);
        let said = run(command.args(["--output", "json", "--server", &self.edge.url]));
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
        serde_json::from_str(&said.out).expect("JSON")
    }

    /// Returns the path of a file or folder of the tester's.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Writes a file of the tester's.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let file = self.folder.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        std::fs::write(file, bytes).expect("written");
    }

    /// Makes a task of `demo/files` to the edge that runs when asked to.
    pub fn task(&self, name: &str, more: &[&str]) {
        let mut arguments = vec![
            "task",
            "create",
            name,
            "--project",
            "demo",
            "--repo",
            "files",
            "--to",
            "edge",
            "--manual",
        ];
        arguments.extend(more);
        self.ok(&arguments);
    }

    /// Runs a task to its end and returns how that was.
    pub fn carried(&self, task: &str) -> Said {
        self.ok(&["task", "run", task]);
        self.said(&["record", "watch", task])
    }
}
