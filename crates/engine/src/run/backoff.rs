//! When to try again: at most five times, later each time, never all at once.

use std::time::Duration;

use domain::failure::ErrorKind;
use domain::ports::ConnectorError;

/// Most times one operation is tried.
pub(crate) const MOST_TRIES: u32 = 5;

/// Longest wait another side may ask for; asked to wait longer, the operation fails instead.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Returns how long to wait before try number `tried + 1`, or `None` when there is to be none.
///
/// An unreachable side is given longer than one that answers: it may be restarting. `jitter` is drawn
/// from 0..1 and spreads the waits of many over half of their length.
pub(crate) fn wait_before_next(error: &ConnectorError, tried: u32, jitter: f64) -> Option<Duration> {
    if !error.kind.is_transient() || tried >= MOST_TRIES {
        return None;
    }
    if let Some(asked) = error.retry_after {
        return (asked <= LONGEST_WAIT).then_some(asked);
    }
    let first_ms = match error.kind {
        ErrorKind::Unreachable => 1_000.0,
        _ => 200.0,
    };
    let full_ms = first_ms * f64::from(1_u32 << (tried.max(1) - 1));
    Some(Duration::from_millis((full_ms * (0.75 + 0.5 * jitter)) as u64))
}

/// Draws a number from 0..1.
pub(crate) fn jitter() -> f64 {
    let mut byte = [0];
    match getrandom::fill(&mut byte) {
        Ok(()) => f64::from(byte[0]) / 256.0,
        Err(_) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use domain::failure::Stage;

    use super::*;

    fn error(kind: ErrorKind) -> ConnectorError {
        ConnectorError::new(kind, Stage::Write, "edge-1")
    }

    #[test]
    fn waits_grow_and_end_after_five_tries() {
        let waits: Vec<_> = (1..=5)
            .map(|tried| wait_before_next(&error(ErrorKind::Unreachable), tried, 0.5))
            .collect();

        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(waits, [seconds(1), seconds(2), seconds(4), seconds(8), None]);
    }

    #[test]
    fn what_cannot_help_is_not_tried_again() {
        assert_eq!(wait_before_next(&error(ErrorKind::Unauthorised), 1, 0.5), None);
        assert_eq!(wait_before_next(&error(ErrorKind::Disk), 1, 0.5), None);
    }

    #[test]
    fn what_the_other_side_asks_for_is_obeyed_unless_it_is_absurd() {
        let asked = |s| ConnectorError {
            retry_after: Some(Duration::from_secs(s)),
            ..error(ErrorKind::Limit)
        };

        assert_eq!(wait_before_next(&asked(7), 1, 0.0), Some(Duration::from_secs(7)));
        assert_eq!(wait_before_next(&asked(86_400), 1, 0.0), None);
    }
}
