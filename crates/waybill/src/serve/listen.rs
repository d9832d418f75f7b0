//! Takes connections and hands their requests to the router, within limits, until it is told to stop.
//!
//! A client cannot hold more than one connection's worth: the head of a request is bounded in bytes and
//! in time, connections are counted before they are accepted, and one that moves no byte is cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use web::origin::OverTls;

use super::idle::Idle;
use crate::config::LimitsConfig;

/// How long open requests may go on after the node was told to stop.
const GRACE: Duration = Duration::from_secs(3);
/// How long to wait before accepting again after the system refused (no file descriptors left).
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// An address that is listened on.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: LimitsConfig,
}

impl Listener {
    /// Starts listening on `address`; connections wait until [`Listener::serve`].
    pub async fn bind(
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        limits: LimitsConfig,
    ) -> std::io::Result<Self> {
        Ok(Self {
            socket: TcpListener::bind(address).await?,
            tls,
            limits,
        })
    }

    /// Returns the URL it answers under.
    pub fn url(&self) -> std::io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.socket.local_addr()?))
    }

    /// Serves `router` until `stop`, then lets open requests end within a few seconds.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let open = TaskTracker::new();
        let cut = CancellationToken::new();
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        while let Some((stream, peer, slot)) = self.next(&slots, &stop).await {
            let connection = Connection {
                tls: self.tls.clone(),
                limits: self.limits,
                service: router.clone(),
                peer,
                stop: stop.clone(),
            };
            let cut = cut.clone();
            open.spawn(async move {
                cut.run_until_cancelled(connection.carry(stream)).await;
                drop(slot);
            });
        }
        open.close();
        if tokio::time::timeout(GRACE, open.wait()).await.is_err() {
            tracing::warn!(connections = open.len(), "connections cut at shutdown");
            cut.cancel();
            open.wait().await;
        }
    }

    async fn next(
        &self,
        slots: &Arc<Semaphore>,
        stop: &CancellationToken,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        loop {
            let slot = stop
                .run_until_cancelled(slots.clone().acquire_owned())
                .await?
                .ok()?;
            match stop.run_until_cancelled(self.socket.accept()).await? {
                Ok((stream, peer)) => return Some((stream, peer, slot)),
                Err(error) => {
                    tracing::warn!(error = %error, "connection not accepted");
                    stop.run_until_cancelled(tokio::time::sleep(REFUSED_PAUSE))
                        .await?;
                }
            }
        }
    }
}

struct Connection {
    tls: Option<TlsAcceptor>,
    limits: LimitsConfig,
    service: Router,
    peer: SocketAddr,
    stop: CancellationToken,
}

impl Connection {
    async fn carry(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let idle = Duration::from_secs(self.limits.idle_timeout_s);
        let Some(tls) = self.tls.clone() else {
            return self.exchange(Idle::new(stream, idle)).await;
        };
        let handshake = tls.accept(stream);
        match tokio::time::timeout(Duration::from_secs(self.limits.header_timeout_s), handshake).await {
            Ok(Ok(stream)) => Box::pin(self.exchange(Idle::new(stream, idle))).await,
            Ok(Err(error)) => tracing::debug!(peer = %self.peer, error = %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let Self {
            tls,
            limits,
            service,
            peer,
            stop,
        } = self;
        let over_tls = tls.is_some();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            if over_tls {
                request.extensions_mut().insert(OverTls);
            }
            service.clone().oneshot(request)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(limits.header_timeout_s))
            .max_buf_size(limits.header_bytes)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %peer, error = %error, "connection broke");
        }
    }
}
