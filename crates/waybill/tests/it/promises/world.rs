//! Real nodes on loopback, and what tests say to them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long a real process may take to come to a state before the test gives up on it.
pub const HANG_GUARD: Duration = Duration::from_secs(120);

pub const PASSWORD: &str = "a password of tests";

/// One `waybill serve` process and its data folder, which outlives it.
pub struct Node {
    pub name: String,
    pub address: SocketAddr,
    data: PathBuf,
    child: Option<Child>,
    http: reqwest::Client,
    _folder: TempDir,
}

/// Returns a loopback address that nobody but this process uses, whatever else runs here.
///
/// Free ports of 127.0.0.1 are given to whoever asks first, also while a node that will want its own again is
/// down. All of 127.0.0.0/8 is this machine, so each test process has a host of its own there.
pub fn own_address() -> SocketAddr {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    // Process ids have 22 bits; 127.0.x.y is left to everybody else.
    let host = Ipv4Addr::new(127, 64 + high % 64, middle, low);
    (host, NEXT_PORT.fetch_add(1, Ordering::Relaxed)).into()
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a plain client")
}

impl Node {
    /// Starts a new node and waits until it answers.
    pub async fn start(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let node = Self {
            name: name.into(),
            address: own_address(),
            data,
            child: None,
            http: http(),
            _folder: folder,
        };
        node.started().await
    }

    /// Starts the process of this node again, on its data and its port.
    pub async fn started(mut self) -> Self {
        self.start_again().await;
        self
    }

    /// Starts the process of this node again, on its data and its port.
    pub async fn start_again(&mut self) {
        let config = self._folder.path().join("waybill.toml");
        std::fs::write(
            &config,
            "[runs]\npatience_s = 8\nlease_s = 4\n[limits]\nsilence_s = 3\n",
        )
        .expect("a config file");
        let child = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args([
                "serve",
                "--name",
                &self.name,
                "--listen",
                &self.address.to_string(),
            ])
            .arg("--data")
            .arg(&self.data)
            .arg("--config")
            .arg(&config)
            .env("WAYBILL_ADMIN_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(
                std::fs::File::options()
                    .create(true)
                    .append(true)
                    .open(self.log())
                    .expect("a log file"),
            )
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        self.child = Some(child);
        let ready = format!("http://{}/readyz", self.address);
        until(&format!("{} is ready", self.name), || async {
            matches!(self.http.get(&ready).send().await, Ok(answer) if answer.status().is_success())
        })
        .await;
    }

    /// Returns the file its log goes to.
    pub fn log(&self) -> PathBuf {
        self._folder.path().join("log")
    }

    /// Kills the process with SIGKILL: no goodbye of any kind.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("a child can be killed");
        }
    }

    /// Ends the process with SIGTERM, as service managers do, and waits until it has ended.
    pub async fn end(&mut self) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(sent.expect("kill runs").success());
        if let Some(mut child) = self.child.take() {
            let ended = tokio::time::timeout(HANG_GUARD, child.wait()).await;
            ended.expect("it ends").expect("it is our child");
        }
    }

    /// Returns the id of its process; it must be running.
    pub fn pid(&self) -> u32 {
        let child = self.child.as_ref().expect("the node was started");
        child.id().expect("the node has not ended")
    }

    /// Prepares a call as administrator.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.http.request(method, url).basic_auth("admin", Some(PASSWORD))
    }

    /// Calls the contract as administrator; returns HTTP status and body.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("the node answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// Calls the contract, expects success and returns the payload.
    pub async fn ok(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert!(status < 300, "{path}: {status} {answer}");
        answer["data"].clone()
    }

    /// Makes a project and a GENERIC repository.
    pub async fn make_repository(&self, project: &str, repository: &str) {
        let body = json!({ "name": project, "displayName": project, "description": "" });
        self.call(Method::POST, "/repository/api/project/create", Some(body))
            .await;
        let body = json!({ "projectId": project, "name": repository, "type": "GENERIC", "category": "LOCAL",
            "public": false, "description": "" });
        self.ok(Method::POST, "/repository/api/repo/create", Some(body))
            .await;
    }

    /// Uploads a file, replacing what stands there.
    pub async fn upload(&self, repository: &str, path: &str, bytes: Vec<u8>) {
        let url = format!("http://{}/generic/{repository}{path}", self.address);
        let answer = self
            .http
            .put(url)
            .basic_auth("admin", Some(PASSWORD))
            .header("X-BKREPO-OVERWRITE", "true")
            .body(bytes)
            .send()
            .await
            .expect("the node answers");
        assert!(
            answer.status().is_success(),
            "{path}: {}",
            answer.text().await.unwrap_or_default()
        );
    }

    /// Downloads a file.
    pub async fn download(&self, repository: &str, path: &str) -> Option<Vec<u8>> {
        let url = format!("http://{}/generic/{repository}{path}", self.address);
        let answer = self
            .http
            .get(url)
            .basic_auth("admin", Some(PASSWORD))
            .send()
            .await
            .expect("the node answers");
        match answer.status().as_u16() {
            200 => Some(answer.bytes().await.expect("a whole body").to_vec()),
            404 => None,
            other => unreachable!("{path}: {other}"),
        }
    }

    /// Returns the digest of every file of a repository, by path; empty when there is no such repository.
    pub async fn files(&self, repository: &str) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for page in 1.. {
            let path = format!(
                "/repository/api/node/page/{repository}/%2F?deep=true&includeFolder=false&pageNumber={page}&pageSize=10000"
            );
            let (status, answer) = self.call(Method::GET, &path, None).await;
            if status == 404 || status == 400 {
                break;
            }
            let records = answer["data"]["records"].as_array().expect("a page of nodes");
            let text = |node: &Value, member: &str| node[member].as_str().unwrap_or_default().to_string();
            files.extend(
                records
                    .iter()
                    .map(|node| (text(node, "fullPath"), text(node, "sha256"))),
            );
            if page >= answer["data"]["totalPages"].as_u64().expect("a number of pages") {
                break;
            }
        }
        files
    }

    /// Registers `address` as a peer called `name`; returns its cluster id.
    pub async fn register(&self, name: &str, address: SocketAddr) -> String {
        let body = json!({ "name": name, "url": format!("http://{address}"), "type": "STANDALONE",
            "username": "admin", "password": PASSWORD });
        self.ok(Method::POST, "/replication/api/cluster/create", Some(body))
            .await;
        let path = format!("/replication/api/cluster/info?name={name}");
        self.ok(Method::GET, &path, None).await["id"]
            .as_str()
            .expect("a cluster has an id")
            .into()
    }

    /// Makes a task that replicates `project/repository` to `clusters` when asked to; returns its key.
    pub async fn make_task(
        &self,
        name: &str,
        repository: &str,
        clusters: &[String],
        setting: Value,
    ) -> String {
        let (project, repository) = repository.split_once('/').expect("project/repository");
        let body = json!({ "name": name, "localProjectId": project, "replicaObjectType": "REPOSITORY",
            "replicaType": "RUN_ONCE", "setting": setting, "remoteClusterIds": clusters, "description": null,
            "replicaTaskObjects": [{ "localRepoName": repository, "remoteProjectId": project,
                "remoteRepoName": repository, "repoType": "GENERIC", "packageConstraints": null,
                "pathConstraints": null }] });
        let task = self
            .ok(Method::POST, "/replication/api/task/create", Some(body))
            .await;
        task["key"].as_str().expect("a task has a key").into()
    }

    /// Starts a run of the task; returns its record's id.
    pub async fn execute(&self, task: &str) -> String {
        self.ok(
            Method::POST,
            &format!("/replication/api/task/execute/{task}"),
            None,
        )
        .await;
        let latest = self
            .records(task)
            .await
            .into_iter()
            .next()
            .expect("executing makes a record");
        latest["id"].as_str().expect("a record has an id").into()
    }

    /// Returns the records of a task, newest first.
    pub async fn records(&self, task: &str) -> Vec<Value> {
        let list = self
            .ok(
                Method::GET,
                &format!("/replication/api/task/record/list/{task}"),
                None,
            )
            .await;
        list.as_array().expect("a list of records").clone()
    }

    /// Returns a record.
    pub async fn record(&self, record: &str) -> Value {
        self.ok(
            Method::GET,
            &format!("/replication/api/task/record/{record}"),
            None,
        )
        .await["record"]
            .clone()
    }

    /// Waits until a record has ended and returns it.
    pub async fn ended(&self, record: &str) -> Value {
        until(&format!("record {record} has ended"), || async {
            self.record(record).await["status"] != json!("RUNNING")
        })
        .await;
        self.record(record).await
    }

    /// Returns every detail of a record.
    pub async fn details(&self, record: &str) -> Vec<Value> {
        let list = self
            .ok(
                Method::GET,
                &format!("/replication/api/task/record/detail/list/{record}"),
                None,
            )
            .await;
        list.as_array().expect("a list of details").clone()
    }

    /// Returns the overview of a record.
    pub async fn overview(&self, record: &str) -> Value {
        self.ok(
            Method::GET,
            &format!("/replication/api/task/record/overview/{record}"),
            None,
        )
        .await
    }

    /// Asserts that the record's overview is what its rows add up to, and that each artifact has one row.
    pub async fn assert_overview_equals_rows(&self, record: &str) -> Vec<Value> {
        let rows = self.details(record).await;
        let overview = self.overview(record).await;
        let sum = |member: &str| -> u64 {
            let settled = rows.iter().filter(|row| row["status"] != json!("RUNNING"));
            settled
                .map(|row| row["progress"][member].as_u64().unwrap_or(0))
                .sum()
        };
        let said = |member: &str| overview[member].as_u64().expect("an overview has five numbers");
        assert_eq!(
            said("success"),
            sum("success") + sum("skip"),
            "success: {overview}"
        );
        assert_eq!(said("failed"), sum("failed"), "failed: {overview}");
        assert_eq!(said("conflict"), sum("conflict"), "conflict: {overview}");
        let mut names: Vec<_> = rows
            .iter()
            .map(|row| format!("{} {}", row["remoteCluster"], row["artifactName"]))
            .collect();
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "an artifact has more than one row");
        rows
    }
}

/// Waits until `holds`, looking often; panics after [`HANG_GUARD`].
pub async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < HANG_GUARD, "gave up waiting until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Numbers that follow from a seed: the same seed, the same test.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns a number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// Returns `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}
