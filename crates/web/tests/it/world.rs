//! A node without a network: real store, real engine, manual clock, clusters that answer as they are told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::http::{HostList, Outgoing};
use connectors::webhook::Webhooks;
use domain::cluster::{Cluster, Secret};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, Source, Target};
use domain::repository::RepositoryRef;
use domain::task::TaskObject;
use engine::clusters::greet::{Greeter, Greeting};
use engine::distributions::RemoteUser;
use engine::endpoints::Endpoints;
use engine::{Engine, Limits, Parts};
use hosted::Hosted;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use storage::Store;
use storage::users::Role;
use tempfile::TempDir;
use testkit::ManualClock;
use tower::ServiceExt;
use web::app::App;

/// 2024-07-25T11:20:00+08:00.
pub const NOW_MS: i64 = 1_721_877_600_000;

pub struct World {
    pub router: Router,
    pub store: Store,
    pub engine: Engine,
    pub clock: Arc<ManualClock>,
    pub greeter: Arc<ToldGreeter>,
    admin_token: String,
    folder: TempDir,
}

/// Answers for every cluster, unless it was told otherwise.
#[derive(Default)]
pub struct ToldGreeter {
    told: Mutex<HashMap<String, Result<String, ErrorKind>>>,
}

impl ToldGreeter {
    pub fn fails(&self, cluster: &str, kind: ErrorKind) {
        self.told
            .lock()
            .expect("nobody panicked")
            .insert(cluster.into(), Err(kind));
    }

    pub fn is_node(&self, cluster: &str, node_id: &str) {
        self.told
            .lock()
            .expect("nobody panicked")
            .insert(cluster.into(), Ok(node_id.into()));
    }
}

#[async_trait::async_trait]
impl Greeter for ToldGreeter {
    async fn greet(&self, cluster: &Cluster) -> ConnectorResult<Greeting> {
        let told = self.told.lock().expect("nobody panicked");
        let told = told
            .get(&cluster.url)
            .or_else(|| told.get(&cluster.name))
            .cloned();
        match told {
            None => Ok(Greeting {
                node_id: format!("node of {}", cluster.name),
            }),
            Some(Ok(node_id)) => Ok(Greeting { node_id }),
            Some(Err(kind)) => Err(ConnectorError::new(kind, Stage::Describe, &cluster.url)),
        }
    }

    async fn may_write(&self, _: &Cluster, user: &RemoteUser, _: &RepositoryRef) -> ConnectorResult<bool> {
        Ok(user.password.reveal() == "right")
    }
}

/// Nothing runs in these tests.
struct NoEndpoints;

#[async_trait::async_trait]
impl Endpoints for NoEndpoints {
    async fn source(&self, _: &str, object: &TaskObject) -> ConnectorResult<Arc<dyn Source>> {
        Err(ConnectorError::new(
            ErrorKind::NotFound,
            Stage::List,
            object.local_repository.clone(),
        ))
    }

    async fn target(&self, cluster: &str, _: &str, _: &TaskObject) -> ConnectorResult<Arc<dyn Target>> {
        Err(ConnectorError::new(ErrorKind::NotFound, Stage::Describe, cluster))
    }
}

impl World {
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let store = Store::open(&folder.path().join("data"), clock.clone(), None)
            .await
            .expect("a store");
        let greeter = Arc::new(ToldGreeter::default());
        let engine = engine(&store, &greeter, &clock);
        let hosted = Hosted::open(&store).await.expect("hosted data");
        let users = store.users();
        users
            .create("admin", &Secret::new("secret"), &Role::Admin)
            .await
            .expect("an admin");
        let (_, token) = store
            .tokens()
            .create("admin", "tests", None)
            .await
            .expect("a token");
        Self {
            router: web::router::router(App::new(engine.clone(), hosted)),
            store,
            engine,

            clock,
            greeter,
            admin_token: token.reveal().into(),
            folder,
        }
    }

    /// Returns the folder everything is kept in.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Returns the administrator's `Authorization` header.
    pub fn login(&self) -> String {
        format!("Bearer {}", self.admin_token)
    }

    /// Starts a request by the administrator.
    pub fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        Ask {
            world: self,
            builder: Request::builder().method(method).uri(path),
            login: Some(self.login()),
            body: Body::empty(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path).json(body).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path).send().await
    }

    /// Registers a cluster and returns its id.
    pub async fn cluster(&self, name: &str, cluster_type: &str) -> String {
        let body = json!({ "name": name, "url": "http://edge.example:1", "type": cluster_type });
        self.post("/replication/api/cluster/create", body).await.ok();
        let path = format!("/replication/api/cluster/info?name={name}");
        let info = self.get(&path).await.ok();
        info["id"].as_str().expect("an id").into()
    }

    /// Makes a task of project `demo` with the members of `changes`, and returns it.
    pub async fn task(&self, name: &str, targets: &[&str], changes: Value) -> Value {
        let body = task_body(name, targets, changes);
        self.post("/replication/api/task/create", body).await.ok()
    }
}

/// Returns a task body that is complete, with the members of `changes` instead.
pub fn task_body(name: &str, targets: &[&str], changes: Value) -> Value {
    let mut body = json!({
        "name": name,
        "localProjectId": "demo",
        "replicaObjectType": "REPOSITORY",
        "replicaTaskObjects": [{ "localRepoName": "files", "repoType": "GENERIC" }],
        "setting": { "executionStrategy": "CRON_EXPRESSION", "executionPlan": { "cronExpression": "0 30 2 * * ?" } },
        "remoteClusterIds": targets,
    });
    for (member, value) in changes.as_object().expect("an object") {
        body[member] = value.clone();
    }
    body
}

/// Returns an engine nobody has started.
pub fn idle_engine(store: &Store) -> Engine {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    engine(store, &Arc::new(ToldGreeter::default()), &clock)
}

fn engine(store: &Store, greeter: &Arc<ToldGreeter>, clock: &Arc<ManualClock>) -> Engine {
    Engine::new(Parts {
        store: store.clone(),
        endpoints: Arc::new(NoEndpoints),
        limits: Limits {
            user_hosts: HostList::of(["*.allowed.example".parse().expect("a host")]),
            ..Limits::default()
        },
        greeter: greeter.clone(),
        courier: Arc::new(Webhooks::new(Outgoing::default())),
        clock: clock.clone(),
        zone: TimeZone::get("Asia/Shanghai").expect("it is bundled"),
        cluster_name: "hq".into(),
    })
}

pub struct Ask<'a> {
    world: &'a World,
    builder: axum::http::request::Builder,
    login: Option<String>,
    body: Body,
}

impl Ask<'_> {
    pub fn anonymous(mut self) -> Self {
        self.login = None;
        self
    }

    pub fn basic(mut self, user: &str, secret: &str) -> Self {
        self.login = Some(format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))));
        self
    }

    pub fn login(mut self, header: &str) -> Self {
        self.login = Some(header.into());
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub fn json(self, body: Value) -> Self {
        self.body(body.to_string())
            .header("content-type", "application/json")
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let mut builder = self.builder;
        if let Some(login) = self.login {
            builder = builder.header("authorization", login);
        }
        let request = builder.body(self.body).expect("a request");
        let response = self.world.router.clone().oneshot(request).await;
        let response = response.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let text = to_bytes(body, usize::MAX).await.expect("a body");
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&text).unwrap_or(Value::Null),
            text: String::from_utf8_lossy(&text).into(),
            bytes: text,
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
    pub bytes: Bytes,
}

impl Answer {
    /// Returns the data of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(
            (self.status.as_u16(), &self.body["code"]),
            (200, &json!(0)),
            "{}",
            self.text
        );
        self.body["data"].clone()
    }

    /// Returns HTTP status and code.
    pub fn refusal(&self) -> (u16, i64) {
        (
            self.status.as_u16(),
            self.body["code"].as_i64().unwrap_or_default(),
        )
    }

    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
