//! One node: its floors put together, and the order in which they start and stop.

use std::sync::Arc;

use axum::Router;
use domain::cluster::Secret;
use storage::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::listen::Listener;
use super::settings::Settings;
use super::start::{self, Welcome};
use super::{health, tls};
use crate::clock::SystemClock;
use crate::exit::{CliError, CliResult, failed, refused};

/// One node, ready to serve.
pub struct Node {
    store: Store,
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
        let chosen = std::env::var("WAYBILL_ADMIN_PASSWORD")
            .ok()
            .filter(|text| !text.is_empty());
        let broken = |error: StoreError| unopened(settings, &error);
        let (first, password) = start::admin(&store, chosen.map(Secret::new))
            .await
            .map_err(broken)?;
        start::centre(&store, &settings.name, &listener.url()?)
            .await
            .map_err(broken)?;
        let own_key = settings.data.join("secret.key");
        let secret_key = settings.secret_key_file.clone().unwrap_or(own_key);
        Ok((
            Self { store },
            listener,
            Welcome {
                password,
                first,
                secret_key,
            },
        ))
    }

    /// Serves until `stop`, then ends what is open and closes the store.
    pub async fn serve(self, listener: Listener, stop: CancellationToken) {
        let router = self.router(&stop);
        listener.serve(router, stop).await;
        self.store.close().await;
    }

    fn router(&self, stop: &CancellationToken) -> Router {
        health::router(self.store.clone(), stop.clone())
    }
}

fn unopened(settings: &Settings, error: &StoreError) -> CliError {
    let words = format!("cannot open {}: {error}", settings.data.display());
    match error {
        StoreError::InUse(_) => refused(words).hint("is another `waybill serve` running on it?"),
        _ => failed(words),
    }
}
