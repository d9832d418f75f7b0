//! Comparing an answer with what was expected, and with what holds of every answer.

use super::endpoint::{ANY, Expect};
use super::shape::Shape;
use crate::world::Answer;

/// Says how an answer differs from what was expected of it.
pub fn differs(answer: &Answer, expect: &Expect) -> Option<String> {
    match expect {
        Expect::Refused(status, code) => {
            let code = if *code == ANY { answer.refusal().1 } else { *code };
            (answer.refusal() != (*status, code)).then(|| format!("should be {status}/{code}"))
        }
        Expect::Data(shape) => {
            if answer.refusal() == (200, 0) {
                Shape::of(shape).differs(&answer.body["data"])
            } else {
                Some("should succeed".into())
            }
        }
        Expect::Raw(status, media) => {
            let found = answer.header("content-type").unwrap_or_default();
            let fits = answer.status.as_u16() == *status && found.starts_with(media);
            (!fits).then(|| format!("should be {status} with {media}"))
        }
    }
}

/// Says what is wrong with an answer to anything: a fault of ours, no envelope, two trace ids, an echo of control
/// characters. Where a success is `raw` bytes it has no envelope.
pub fn is_broken(answer: &Answer, raw: bool) -> Option<String> {
    let status = answer.status.as_u16();
    if status >= 500 {
        return Some("is a fault of ours".into());
    }
    if status < 300 && raw {
        return None;
    }
    let envelope = if status < 300 {
        "{code:0 message:null data:any traceId:hex32}"
    } else {
        "{code:int message:text data:null traceId:hex32}"
    };
    if let Some(difference) = Shape::of(envelope).differs(&answer.body) {
        return Some(difference.replacen("data", "the envelope", 1));
    }
    if answer.header("x-bkrepo-rid") != answer.body["traceId"].as_str() {
        return Some("says another trace id in its header".into());
    }
    let message = answer.message();
    let echo = message.chars().any(char::is_control) || message.len() > 2_000;
    echo.then(|| "echoes what nobody should see".into())
}

/// Says whether a refused caller is told how to log in.
pub fn has_challenge(answer: &Answer) -> bool {
    answer.header("www-authenticate") == Some("Basic realm=\"Authentication Required\"")
}
