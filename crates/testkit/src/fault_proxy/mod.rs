//! A proxy in front of a real HTTP server that breaks chosen exchanges: the faults servers will not produce on demand.
//!
//! One request for each connection, so that a fault strikes one exchange and nothing else. The `Host` of the
//! client is passed on: servers that answer with URLs of their own name the proxy in them.

mod relay;
mod rule;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use rule::{Fault, Rule};

/// A request that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path and query, as they were sent.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Whether a fault befell it.
    pub struck: bool,
}

impl Seen {
    /// Returns the first value of a header (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
}

/// A listening proxy; stops when dropped.
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Ends every connection when it is dropped.
    _alive: watch::Sender<()>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FaultProxy {
    /// Starts a proxy to `target` that breaks nothing yet.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state: Arc<Mutex<State>> = Arc::default();
        let alive = watch::Sender::new(());
        let (shared, mut end) = (state.clone(), alive.subscribe());
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = end.changed() => return,
                };
                let Ok((client, _)) = accepted else { continue };
                let (state, mut end) = (shared.clone(), end.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = relay::serve(client, target, &state) => {}
                        _ = end.changed() => {}
                    }
                });
            }
        });
        Self {
            address,
            state,
            _alive: alive,
        }
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns `http://` and its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule; the first one that fits a request decides.
    pub fn add(&self, rule: Rule) {
        lock(&self.state).rules.push(rule);
    }

    /// Forgets all rules and requests.
    pub fn clear(&self) {
        *lock(&self.state) = State::default();
    }

    /// Returns the requests that came by, in the order of their heads.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    /// Returns how many requests that came by fit a method and a pattern (see [`Rule::on`]).
    pub fn count(&self, method: &str, pattern: &str) -> usize {
        let seen = self.seen();
        let fitting = seen
            .iter()
            .filter(|seen| rule::fits(method, &seen.method) && rule::fits(pattern, &seen.path));
        fitting.count()
    }

    /// Returns how many requests a fault befell.
    pub fn struck(&self) -> usize {
        self.seen().iter().filter(|seen| seen.struck).count()
    }
}
