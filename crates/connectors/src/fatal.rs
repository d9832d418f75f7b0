//! Which failures are a whole server's, and not those of a single artifact.

use domain::failure::ErrorKind;
use domain::ports::{ConnectorError, ConnectorResult};

/// Says whether an error is about the server and would meet every other artifact as well. That of a server to which it
/// only points never is.
pub(crate) fn is_the_servers(error: &ConnectorError) -> bool {
    if error.elsewhere.is_some() {
        return false;
    }
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

/// What came of asking for something of one artifact. The outer error is the server's own and would meet every other
/// artifact as well; the inner one is this artifact's.
pub(crate) type Apart<T> = ConnectorResult<ConnectorResult<T>>;

/// Tells an error that is the server's from one that is a single artifact's.
pub(crate) fn told<T>(answer: ConnectorResult<T>) -> Apart<T> {
    match answer {
        Err(error) if is_the_servers(&error) => Err(error),
        answer => Ok(answer),
    }
}

/// Tells an error that is the server's from one that is `subject`'s alone, and gives that its name.
pub(crate) fn apart<T>(subject: &str, answer: ConnectorResult<T>) -> Apart<T> {
    let alone = |error| ConnectorError {
        subject: subject.into(),
        ..error
    };
    Ok(told(answer)?.map_err(alone))
}

/// Returns `answers`, or the first error among them that is the server's.
pub(crate) fn settled<T>(answers: Vec<ConnectorResult<T>>) -> ConnectorResult<Vec<ConnectorResult<T>>> {
    answers.into_iter().map(told).collect()
}
