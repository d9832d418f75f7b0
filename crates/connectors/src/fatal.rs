//! Which failures are a whole server's, and not those of a single artifact.

use domain::failure::ErrorKind;
use domain::ports::{ConnectorError, ConnectorResult};

/// Says whether an error is about the server and would meet every other artifact as well.
pub(crate) fn is_the_servers(error: &ConnectorError) -> bool {
    match error.kind {
        ErrorKind::Unreachable => error.remote_status.is_none(),
        // 403 may be about one file, or one package.
        ErrorKind::Unauthorised => error.remote_status != Some(403),
        ErrorKind::Tls => true,
        // Of an artifact that is too large, 413 says so.
        ErrorKind::Limit => error.remote_status == Some(429),
        _ => false,
    }
}

/// Tells an error that is the server's (the outer one) from one that is a single artifact's.
pub(crate) fn apart<T>(answer: ConnectorResult<T>) -> ConnectorResult<ConnectorResult<T>> {
    match answer {
        Err(error) if is_the_servers(&error) => Err(error),
        answer => Ok(answer),
    }
}

/// Returns `answers`, or the first error among them that is the server's.
pub(crate) fn settled<T>(answers: Vec<ConnectorResult<T>>) -> ConnectorResult<Vec<ConnectorResult<T>>> {
    answers.into_iter().map(apart).collect()
}
