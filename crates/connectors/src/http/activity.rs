//! Notices silence: an exchange fails when nothing moved in either direction for a while, not when it is long. To wait
//! for an allowance of bytes is no silence.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use reqwest::{RequestBuilder, Response};
use tokio::time::Instant;

use super::answer::broken;
use super::secrets::Secrets;
use super::throttle::Throttle;

/// When something last moved in one exchange, and how long nothing may.
#[derive(Debug)]
pub struct Activity {
    last: Mutex<Instant>,
    idle_timeout: Duration,
    /// What the bytes of the exchange are taken from.
    allowance: OnceLock<Arc<Throttle>>,
    /// How many wait for that.
    waiting: AtomicUsize,
}

/// Somebody waits for an allowance until this is dropped.
struct Waiting<'a>(&'a Activity);

impl<'a> Waiting<'a> {
    fn on(activity: &'a Activity) -> Self {
        activity.waiting.fetch_add(1, Ordering::Relaxed);
        Self(activity)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.touch();
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Activity {
    /// Starts now.
    pub fn new(idle_timeout: Duration) -> Self {
        Self {
            last: Mutex::new(Instant::now()),
            idle_timeout,
            allowance: OnceLock::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Takes the bytes of the exchange from `allowance` from now on; the first one counts.
    pub fn spend_from(&self, allowance: Arc<Throttle>) {
        let _ = self.allowance.set(allowance);
    }

    /// Returns once `bytes` may pass, and notes that they did.
    pub async fn pass(&self, bytes: usize) {
        if let Some(allowance) = self.allowance.get().filter(|it| !it.is_unlimited()) {
            let _waiting = Waiting::on(self);
            allowance.take(bytes as u64).await;
        }
        self.touch();
    }

    /// Notes that something moved.
    pub fn touch(&self) {
        *self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Instant::now();
    }

    /// Returns once nothing has moved for the idle timeout.
    pub async fn silence(&self) {
        loop {
            let last = *self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let due = last + self.idle_timeout;
            if Instant::now() >= due {
                if self.waiting.load(Ordering::Relaxed) == 0 {
                    return;
                }
                self.touch();
                continue;
            }
            tokio::time::sleep_until(due).await;
        }
    }

    /// Returns the next piece of the body; `None` at its end.
    pub async fn chunk(
        &self,
        answer: &mut Response,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Option<Bytes>> {
        self.touch();
        match tokio::time::timeout(self.idle_timeout, answer.chunk()).await {
            Ok(Ok(piece)) => {
                self.pass(piece.as_ref().map_or(0, Bytes::len)).await;
                Ok(piece)
            }
            Ok(Err(error)) => Err(broken(&error, stage, subject)),
            Err(_) => Err(self.stalled(stage, subject)),
        }
    }

    /// Returns the error for silence.
    pub fn stalled(&self, stage: Stage, subject: &str) -> ConnectorError {
        let words = format!("nothing moved for {} s", self.idle_timeout.as_secs_f32());
        ConnectorError::new(ErrorKind::Unreachable, stage, subject).words(words)
    }
}

/// Sends `request` and returns its answer, whatever its status; silence is an error.
///
/// The request's body touches `activity` as it is taken. The answer carries the [`Secrets`] of its request.
pub async fn send(
    request: RequestBuilder,
    activity: &Activity,
    stage: Stage,
    subject: &str,
) -> ConnectorResult<Response> {
    activity.touch();
    let (client, request) = request.build_split();
    let request = request.map_err(|error| broken(&error, stage, subject))?;
    let secrets = Secrets::sent_in(request.headers());
    let mut answer = tokio::select! {
        answer = client.execute(request) => answer.map_err(|error| broken(&error, stage, subject))?,
        () = activity.silence() => return Err(activity.stalled(stage, subject)),
    };
    answer.extensions_mut().insert(secrets);
    Ok(answer)
}
