//! Failures and reasons of records in words: `step/class: what happened; what to do`.

use domain::failure::{ErrorKind, Failure};
use domain::record::ReasonLine;

use crate::{Language, Render, Text, text};

impl From<&Failure> for Text {
    fn from(failure: &Failure) -> Self {
        text!(
            "failure",
            step = failure.stage.as_str(),
            class = failure.class.as_str(),
            said = said(failure),
            tries = failure.attempts,
            advice = advice(failure.class),
        )
    }
}

impl Render for Failure {
    fn render(&self, language: Language) -> String {
        Text::from(self).render(language)
    }
}

fn said(failure: &Failure) -> Text {
    let subject = &failure.subject;
    match (failure.remote_status, &failure.words) {
        (Some(status), Some(words)) => {
            text!(
                "failure-answered-words",
                subject = subject,
                status = status,
                words = words
            )
        }
        (Some(status), None) => text!("failure-answered", subject = subject, status = status),
        (None, Some(words)) => text!("failure-words", subject = subject, words = words),
        (None, None) => text!("failure-silent", subject = subject),
    }
}

/// Says what to do about failures of `class`.
pub fn advice(class: ErrorKind) -> Text {
    match class {
        ErrorKind::Unreachable => text!("advice-unreachable"),
        ErrorKind::Tls => text!("advice-tls"),
        ErrorKind::Unauthorised => text!("advice-unauthorised"),
        ErrorKind::NotFound => text!("advice-not-found"),
        ErrorKind::Conflict => text!("advice-conflict"),
        ErrorKind::Limit => text!("advice-limit"),
        ErrorKind::Corrupt => text!("advice-corrupt"),
        ErrorKind::Changed => text!("advice-changed"),
        ErrorKind::Disk => text!("advice-disk"),
        ErrorKind::Protocol => text!("advice-protocol"),
        ErrorKind::Stopped => text!("advice-stopped"),
    }
}

impl From<&ReasonLine> for Text {
    fn from(line: &ReasonLine) -> Self {
        match line {
            ReasonLine::ArtifactsFailed {
                cluster,
                failed,
                artifact,
                first,
            } => text!(
                "reason-artifacts-failed",
                cluster = cluster,
                failed = *failed,
                artifact = artifact,
                first = Self::from(first),
            ),
            ReasonLine::NotAttempted {
                cluster,
                repository,
                from_key: Some(key),
                failure,
            } => text!(
                "reason-not-attempted-from",
                cluster = cluster,
                repository = repository,
                key = key,
                failure = Self::from(failure),
            ),
            ReasonLine::NotAttempted {
                cluster,
                repository,
                from_key: None,
                failure,
            } => text!(
                "reason-not-attempted",
                cluster = cluster,
                repository = repository,
                failure = Self::from(failure),
            ),
            ReasonLine::StoppedBy { user } => text!("reason-stopped-by", user = user),
            ReasonLine::NoPlan => text!("reason-no-plan"),
            ReasonLine::BrokeOff { words } => text!("reason-broke-off", words = words),
            ReasonLine::Text { text } => Self::verbatim(text),
        }
    }
}

impl Render for ReasonLine {
    fn render(&self, language: Language) -> String {
        Text::from(self).render(language)
    }
}
