//! Which failures are a whole server's, and not those of a single artifact.

use domain::failure::ErrorKind;
use domain::ports::{ConnectorError, ConnectorResult};

/// Says whether an error is about the server and would meet every other artifact as well.
pub(crate) fn is_the_servers(error: &ConnectorError) -> bool {
    match error.kind {
        ErrorKind::Unreachable => error.remote_status.is_none(),
        // 403 may be about one file.
        ErrorKind::Unauthorised => error.remote_status != Some(403),
        ErrorKind::Tls => true,
        _ => false,
    }
}

/// Returns `answers`, or the first error among them that is the server's.
pub(crate) fn settled<T>(answers: Vec<ConnectorResult<T>>) -> ConnectorResult<Vec<ConnectorResult<T>>> {
    let mut errors = answers.iter().filter_map(|answer| answer.as_ref().err());
    match errors.find(|error| is_the_servers(error)) {
        Some(error) => Err(error.again()),
        None => Ok(answers),
    }
}
