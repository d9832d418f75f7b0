//! Manners towards one foreign server: how many requests it gets at once and in a second, how many bytes pass in a
//! second, from when on, and that it is left alone for a while once it has stopped answering.
//!
//! Shared by everything on this node that speaks to the server, so that many runs together are as polite as one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::clock::Clock;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use reqwest::header::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::answer::retry_after;
use super::throttle::Throttle;

/// Requests in a row without an answer, after which a server is left alone.
const GIVES_UP_AFTER: u32 = 5;
/// How long it is left alone at first; twice as long after each further silence.
const LEFT_ALONE: Duration = Duration::from_secs(2);
/// How long it is left alone at most.
const LEFT_ALONE_AT_MOST: Duration = Duration::from_secs(60);
/// Longest wait that the headers of an answer can ask for.
const LONGEST_RESET: Duration = Duration::from_secs(600);

/// How many requests one foreign server gets, and how many bytes go to it and come from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests under way at the same time.
    pub at_once: usize,
    /// Requests that begin within a second; `None`: as many as there are.
    pub per_second: Option<u32>,
    /// Bytes of bodies that pass within a second, in both directions together; `None`: as many as there are.
    pub bytes_per_second: Option<u64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            at_once: 128,
            per_second: None,
            bytes_per_second: None,
        }
    }
}

/// How one server is treated.
#[derive(Debug)]
pub struct Manners {
    permits: Arc<Semaphore>,
    pace: Option<Duration>,
    bytes: Arc<Throttle>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Before this nothing is sent.
    not_before: Option<Instant>,
    /// When the next request may begin, by the pace.
    next_slot: Option<Instant>,
    /// Requests in a row that were not answered.
    silences: u32,
    /// Until then the server is left alone.
    alone_until: Option<Instant>,
}

impl Manners {
    fn new(budget: Budget, clock: Arc<dyn Clock>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(budget.at_once.max(1))),
            pace: budget
                .per_second
                .filter(|per_second| *per_second > 0)
                .map(|per_second| Duration::from_secs(1) / per_second),
            bytes: Arc::new(Throttle::new(clock, budget.bytes_per_second.unwrap_or(0))),
            state: Mutex::default(),
        }
    }

    /// Returns the allowance that every body to and from the server takes its bytes from.
    pub fn bytes(&self) -> &Arc<Throttle> {
        &self.bytes
    }

    /// Waits until the next request may be sent; it counts as under way until the permit is dropped.
    ///
    /// A server that has stopped answering is an error at once, with the time after which it is asked again.
    pub async fn turn(&self, stage: Stage, name: &str) -> ConnectorResult<Option<OwnedSemaphorePermit>> {
        let permit = self.permits.clone().acquire_owned().await.ok();
        loop {
            self.check_answering(stage, name)?;
            match self.due() {
                Some(due) => tokio::time::sleep_until(due).await,
                None => return Ok(permit),
            }
        }
    }

    /// Notes what an answer asks for: whoever says when to come back is not asked before.
    pub fn answered(&self, status: u16, headers: &HeaderMap) {
        let refused = matches!(status, 429 | 503);
        let wait = retry_after(headers)
            .filter(|_| refused)
            .or_else(|| reset(headers));
        let mut state = self.state();
        state.silences = 0;
        state.alone_until = None;
        if let Some(wait) = wait {
            let until = Instant::now() + wait;
            state.not_before = Some(state.not_before.map_or(until, |earlier| earlier.max(until)));
        }
    }

    /// Notes that a request was not answered.
    pub fn silent(&self) {
        let mut state = self.state();
        state.silences = state.silences.saturating_add(1);
        if let Some(over) = state.silences.checked_sub(GIVES_UP_AFTER) {
            let wait = LEFT_ALONE
                .saturating_mul(1 << over.min(5))
                .min(LEFT_ALONE_AT_MOST);
            state.alone_until = Some(Instant::now() + wait);
        }
    }

    fn check_answering(&self, stage: Stage, name: &str) -> ConnectorResult<()> {
        let state = self.state();
        let Some(left) = state
            .alone_until
            .and_then(|until| until.checked_duration_since(Instant::now()))
            .filter(|left| !left.is_zero())
        else {
            return Ok(());
        };
        let words = format!(
            "it did not answer {} times in a row and is asked again in {} s",
            state.silences,
            left.as_secs() + 1
        );
        let mut error = ConnectorError::new(ErrorKind::Unreachable, stage, name).words(words);
        error.retry_after = Some(left);
        Err(error)
    }

    /// Returns when the next request may be sent; `None`, and its place is taken, when that is now.
    fn due(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.state();
        let due = state.not_before.max(state.next_slot).filter(|due| *due > now);
        if due.is_none()
            && let Some(pace) = self.pace
        {
            state.next_slot = Some(now + pace);
        }
        due
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how long a server asks to wait that says how many requests are left: none.
///
/// `RateLimit-Remaining` and `RateLimit-Reset` in seconds, with or without `X-` before them; some write the time of
/// the reset instead.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| -> Option<u64> {
        let value = headers.get(name).or_else(|| headers.get(format!("x-{name}")))?;
        let digits = value.to_str().ok()?.split([';', ',']).next()?;
        digits.trim().parse().ok()
    };
    if number("ratelimit-remaining")? > 0 {
        return None;
    }
    let seconds = number("ratelimit-reset")?;
    let seconds = match seconds {
        0..1_000_000_000 => seconds,
        // Its own clock says how far away that time is.
        _ => {
            let date = headers.get(reqwest::header::DATE)?.to_str().ok()?;
            let now = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
            seconds.checked_sub(u64::try_from(now).ok()?)?
        }
    };
    Some(Duration::from_secs(seconds).min(LONGEST_RESET))
}

/// The manners towards all servers, by scheme, host and port.
#[derive(Clone)]
pub struct AllManners {
    budget: Budget,
    clock: Arc<dyn Clock>,
    all: Arc<Mutex<HashMap<String, Arc<Manners>>>>,
}

impl AllManners {
    /// Gives every server this budget, of which `clock` says how much has come together.
    pub fn of(budget: Budget, clock: Arc<dyn Clock>) -> Self {
        Self {
            budget,
            clock,
            all: Arc::default(),
        }
    }

    /// Returns those towards the server called `origin`.
    pub fn towards(&self, origin: &str) -> Arc<Manners> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let manners = all
            .entry(origin.to_owned())
            .or_insert_with(|| Arc::new(Manners::new(self.budget, Arc::clone(&self.clock))));
        manners.clone()
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{DATE, HeaderName, HeaderValue, RETRY_AFTER};
    use testkit::ManualClock;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn all(budget: Budget) -> AllManners {
        AllManners::of(budget, Arc::new(ManualClock::at(0)))
    }

    #[test]
    fn whoever_says_when_to_come_back_is_not_asked_before() {
        let manners = all(Budget::default());
        let here = manners.towards("https://registry.example");
        let asks = headers(&[(RETRY_AFTER.as_str(), "700")]);

        here.answered(200, &asks);
        assert!(here.due().is_none(), "only a refusal asks for it");
        here.answered(429, &asks);

        let due = manners.towards("https://registry.example").due();
        assert!(due.is_some(), "everybody waits");
        assert!(
            manners.towards("https://other.example").due().is_none(),
            "nobody else's server"
        );
    }

    #[test]
    fn a_spent_allowance_is_waited_for() {
        let left = headers(&[("ratelimit-remaining", "1;w=60"), ("ratelimit-reset", "30")]);
        let spent = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "30")]);
        let dated = headers(&[
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "1792000007"),
            (DATE.as_str(), "Wed, 14 Oct 2026 17:46:40 GMT"),
        ]);

        assert_eq!(reset(&left), None);
        assert_eq!(reset(&spent), Some(Duration::from_secs(30)));
        assert_eq!(reset(&dated), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_server_that_stops_answering_is_left_alone_and_nobody_else() {
        let manners = all(Budget::default());
        let dead = manners.towards("https://dead.example");

        for _ in 1..GIVES_UP_AFTER {
            dead.silent();
            assert!(dead.check_answering(Stage::Write, "dead").is_ok());
        }
        dead.silent();
        let refused = dead
            .check_answering(Stage::Write, "dead")
            .expect_err("left alone");

        assert_eq!(refused.kind, ErrorKind::Unreachable);
        assert!(refused.retry_after.is_some_and(|wait| wait <= LEFT_ALONE));
        let other = manners.towards("https://alive.example");
        assert!(other.check_answering(Stage::Write, "alive").is_ok());
        dead.answered(500, &HeaderMap::new());
        assert!(
            dead.check_answering(Stage::Write, "dead").is_ok(),
            "it answers again"
        );
    }

    #[test]
    fn requests_begin_at_the_pace_of_the_budget() {
        let budget = Budget {
            per_second: Some(1),
            ..Budget::default()
        };
        let manners = all(budget).towards("https://registry.example");

        assert!(manners.due().is_none(), "the first begins at once");
        assert!(manners.due().is_some(), "the next waits its turn");
    }
}
