//! One node: its floors put together, and the order in which they start and stop.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use connectors::http::{AddressRules, HostList, Outgoing};
use connectors::peer::Peers;
use connectors::webhook::Webhooks;
use engine::endpoints::ClusterEndpoints;
use engine::{Engine, Limits, Parts};
use hosted::Hosted;
use storage::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use web::app::App;

use super::listen::Listener;
use super::settings::Settings;
use super::start::{self, Welcome};
use super::{collect, health, metrics, tls};
use crate::clock::SystemClock;
use crate::exit::{CliError, CliResult, failed, refused};

/// One node, ready to serve.
pub struct Node {
    store: Store,
    hosted: Hosted,
    engine: Engine,
}

impl Node {
    /// Opens the data folder and the address; on the first start makes what every node starts with.
    pub async fn open(settings: &Settings) -> CliResult<(Self, Listener, Welcome)> {
        let acceptor = match &settings.tls {
            Some((cert, key)) => Some(tls::acceptor(cert, key)?),
            None => None,
        };
        let clock = Arc::new(SystemClock);
        let store = Store::open(&settings.data, clock, settings.secret_key_file.as_deref())
            .await
            .map_err(|error| unopened(settings, &error))?;
        let listener = Listener::bind(settings.listen, acceptor, settings.limits)
            .await
            .map_err(|error| failed(format!("cannot listen on {}: {error}", settings.listen)))?;
        let welcome = begin(&store, settings, &listener.url()?)
            .await
            .map_err(|error| unopened(settings, &error))?;
        let hosted = Hosted::open(&store)
            .await
            .map_err(|error| failed(format!("cannot open {}: {error}", settings.data.display())))?;
        let engine = engine(settings, &store, &hosted);
        Ok((
            Self {
                store,
                hosted,
                engine,
            },
            listener,
            welcome,
        ))
    }

    /// Serves until `stop`, then ends what is open and closes the store.
    pub async fn serve(self, listener: Listener, stop: CancellationToken) {
        let router = self.router(&stop);
        tokio::join!(
            self.engine.run_until(stop.clone()),
            collect::run_until(&self.hosted, &**self.store.clock(), stop.clone()),
            listener.serve(router, stop)
        );
        self.store.close().await;
    }

    fn router(&self, stop: &CancellationToken) -> Router {
        let app = App::new(self.engine.clone(), self.hosted.clone());
        health::router(self.store.clone(), stop.clone())
            .merge(metrics::router(self.engine.clone()))
            .fallback_service(web::router::router(app))
    }
}

async fn begin(store: &Store, settings: &Settings, url: &str) -> Result<Welcome, StoreError> {
    let (first, password) = start::admin(store, settings.admin_password.clone()).await?;
    start::centre(store, &settings.name, url).await?;
    let own_key = settings.data.join("secret.key");
    let secret_key = settings.secret_key_file.clone().unwrap_or(own_key);
    Ok(Welcome {
        password,
        first,
        secret_key,
    })
}

fn engine(settings: &Settings, store: &Store, hosted: &Hosted) -> Engine {
    let denied = settings.outgoing.denied.iter().map(|range| range.0);
    let outgoing = Outgoing {
        rules: AddressRules::refusing(denied),
        idle_timeout: Duration::from_secs(settings.limits.silence_s),
        budget: settings.outgoing.budget(),
        ..Outgoing::default()
    };
    let courier = Webhooks::new(outgoing.clone());
    let peers = Peers::new(outgoing, store.clock().clone()).keeping_state(&settings.data);
    let endpoints = ClusterEndpoints {
        store: store.clone(),
        hosted: hosted.clone(),
        peers: peers.clone(),
    };
    Engine::new(Parts {
        store: store.clone(),
        endpoints: Arc::new(endpoints),
        greeter: Arc::new(peers),
        courier: Arc::new(courier),
        clock: store.clock().clone(),
        zone: settings.zone.clone(),
        cluster_name: settings.name.clone(),
        limits: Limits {
            parallel_runs: settings.runs.parallel,
            parallel_exchanges: settings.runs.exchanges,
            patience_ms: i64::from(settings.runs.patience_s) * 1000,
            lease_ms: i64::from(settings.runs.lease_s) * 1000,
            user_hosts: HostList::of(settings.outgoing.user_hosts.iter().map(|host| host.0.clone())),
        },
    })
}

fn unopened(settings: &Settings, error: &StoreError) -> CliError {
    let words = format!("cannot open {}: {error}", settings.data.display());
    match error {
        StoreError::InUse(_) => refused(words).hint("is another `waybill serve` running on it?"),
        StoreError::BadKey { .. } => refused(words),
        _ => failed(words),
    }
}
