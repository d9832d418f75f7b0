//! Calls one endpoint in every way: good, missing, mistyped, unknown, over-long, hostile, unauthorised.

use axum::http::Method;
use serde_json::{Value, json};

use super::ask::{As, Different, path, send};
use super::check;
use super::endpoint::{Body, Endpoint, Expect, Needs};
use super::furnished::Furnished;
use crate::world::Answer;

/// Longest body that is read, and a bit.
const TOO_LONG: usize = 2 * 1024 * 1024 + 1;

/// What nobody should send as one segment of a path, percent-encoded.
const HOSTILE_SEGMENTS: &[&str] = &[
    "..%2F..%2Fetc%2Fpasswd",
    "%2E%2E",
    "%00",
    "a%0d%0aSet-Cookie:%20x=1",
    "%27%3B%20DROP%20TABLE%20tasks%3B--",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    ".*(%5B%7B",
    "%25s%25n",
    "%F0%9F%92%A9%E2%80%AE",
    "%EF%BF%BF",
];

/// What nobody should send as a text.
const HOSTILE_TEXTS: &[&str] = &[
    "'; DROP TABLE tasks;--",
    "../../etc/passwd",
    "\u{0}",
    "<script>",
    ".*([{",
    "%s%n",
    "💩\u{202e}",
    "\r\nX: 1",
    "",
    "-1",
    "99999999999999999999",
];

/// An endpoint on its way through every input.
pub struct Trip<'a> {
    furnished: &'a Furnished,
    endpoint: &'a Endpoint,
    /// Names of query parameters the document knows.
    parameters: Vec<String>,
    calls: usize,
    wrong: Vec<String>,
}

impl<'a> Trip<'a> {
    pub fn new(furnished: &'a Furnished, endpoint: &'a Endpoint, parameters: Vec<String>) -> Self {
        Self {
            furnished,
            endpoint,
            parameters,
            calls: 0,
            wrong: Vec::new(),
        }
    }

    /// Makes every call; returns how many there were, and what was wrong. What may destroy comes last.
    pub async fn made(mut self) -> (usize, Vec<String>) {
        self.unauthorised().await;
        self.broken_bodies().await;
        self.missing_and_mistyped_members().await;
        self.own_calls().await;
        self.routing().await;
        self.hostile_queries().await;
        self.expect("good", Different::default(), &self.endpoint.good.clone())
            .await;
        self.hostile_bodies().await;
        self.hostile_paths().await;
        (self.calls, self.wrong)
    }

    async fn unauthorised(&mut self) {
        let by = |caller| Different {
            caller,
            ..Different::default()
        };
        let (unknown, denied) = (Expect::Refused(401, 250_114), Expect::Refused(403, 250_113));
        let needs = self.endpoint.needs;
        if needs == Needs::Nothing {
            return;
        }
        for (what, caller) in [("a wrong login", As::Wrong), ("anonymous", As::Nobody)] {
            let answer = self.expect(what, by(caller), &unknown).await;
            if !check::has_challenge(&answer) {
                self.wrong(what, &answer, "has no challenge");
            }
        }
        self.expect("a platform that names no user", by(As::Platform), &denied)
            .await;
        if self.endpoint.method == Method::GET {
            let good = self.endpoint.good.clone();
            self.expect("a platform as admin", by(As::PlatformAsAdmin), &good)
                .await;
        }
        if needs != Needs::User {
            self.expect("a user without a role", by(As::Stranger), &denied)
                .await;
        }
        self.unauthorised_with_broken_body(&unknown, &denied).await;
    }

    /// Who may call is asked before what is sent is read, unless only the body says what it is about.
    async fn unauthorised_with_broken_body(&mut self, unknown: &Expect, denied: &Expect) {
        let needs = self.endpoint.needs;
        if needs == Needs::ProjectInBody || !matches!(self.endpoint.body, Some(Body::Json(_))) {
            return;
        }
        let broken = Body::Bytes(b"{".to_vec());
        let by = |caller| Different {
            caller,
            body: Some(&broken),
            ..Different::default()
        };
        self.expect("anonymous with a broken body", by(As::Nobody), unknown)
            .await;
        let told_by_path = needs == Needs::Project && self.endpoint.path.contains("{projectId}");
        if needs == Needs::Admin || told_by_path {
            self.expect(
                "a user without a role and with a broken body",
                by(As::Stranger),
                denied,
            )
            .await;
        }
    }

    async fn broken_bodies(&mut self) {
        let Some(Body::Json(_)) = self.endpoint.body else {
            return;
        };
        let unreadable = Expect::Refused(400, 250_106);
        for text in ["", "{", "\"x\"", "nul", "\u{feff}{}"] {
            let body = Body::Bytes(text.into());
            let different = Different {
                body: Some(&body),
                ..Different::default()
            };
            self.expect(&format!("body {text:?}"), different, &unreadable)
                .await;
        }
        let plain = [("content-type", "text/plain".to_owned())];
        let different = Different {
            headers: &plain,
            ..Different::default()
        };
        self.expect("text/plain", different, &Expect::Refused(415, 250_119))
            .await;
        let long = Body::Json(json!({ "long": "x".repeat(TOO_LONG) }));
        let different = Different {
            body: Some(&long),
            ..Different::default()
        };
        self.expect("a body too long", different, &Expect::Refused(413, 250_106))
            .await;
    }

    async fn missing_and_mistyped_members(&mut self) {
        let Some(Body::Json(good)) = self.endpoint.body.clone() else {
            return;
        };
        for (member, code) in self.endpoint.required.clone() {
            let expect = Expect::Refused(400, code);
            let mut without = good.clone();
            without.as_object_mut().and_then(|members| members.remove(member));
            self.sends(&format!("body without {member}"), without, Some(&expect))
                .await;
            let mut null = good.clone();
            null[member] = Value::Null;
            self.sends(&format!("body with null for {member}"), null, Some(&expect))
                .await;
        }
        for (member, value) in good.as_object().into_iter().flatten() {
            if self.endpoint.lenient.contains(&member.as_str()) {
                continue;
            }
            let mut body = good.clone();
            body[member] = match value {
                Value::Object(_) | Value::Array(_) => json!("mistyped"),
                Value::Number(_) | Value::Bool(_) => json!("neither"),
                Value::Null | Value::String(_) => json!({ "an": "object" }),
            };
            let expect = Expect::Refused(400, 250_106);
            self.sends(&format!("body with {member} mistyped"), body, Some(&expect))
                .await;
        }
    }

    async fn own_calls(&mut self) {
        for call in &self.endpoint.calls {
            let different = Different {
                path: Some(path(self.furnished, self.endpoint, &call.variables)),
                query: call.query.as_deref(),
                body: call.body.as_ref(),
                headers: &call.headers,
                ..Different::default()
            };
            self.expect(&call.what, different, &call.expect).await;
        }
    }

    /// Another method, another prefix, a slash too many.
    async fn routing(&mut self) {
        let here = path(self.furnished, self.endpoint, &[]);
        let different = Different {
            method: Some(Method::TRACE),
            ..Different::default()
        };
        let answer = self
            .expect("TRACE", different, &Expect::Refused(405, 250_112))
            .await;
        if !answer
            .header("allow")
            .unwrap_or_default()
            .contains(self.endpoint.method.as_str())
        {
            self.wrong("TRACE", &answer, "does not say what is allowed");
        }
        if self.endpoint.method != Method::GET {
            return;
        }
        for prefix in ["/api", "/web"] {
            let different = Different {
                path: Some(format!("{prefix}{here}")),
                ..Different::default()
            };
            let good = self.endpoint.good.clone();
            self.expect(&format!("behind {prefix}"), different, &good).await;
        }
        if here.starts_with("/replication/api/") {
            let different = Different {
                path: Some(format!("{here}/")),
                query: Some(""),
                ..Different::default()
            };
            self.expect("a slash at the end", different, &Expect::Refused(404, 250_130))
                .await;
        }
        let different = Different {
            method: Some(Method::HEAD),
            ..Different::default()
        };
        self.calls += 1;
        let head = send(self.furnished, self.endpoint, different).await;
        // A refusal loses its body only on the wire.
        let (good, bare) = match self.endpoint.good {
            Expect::Refused(status, _) => (status, true),
            Expect::Raw(status, _) => (status, head.text.is_empty()),
            Expect::Data(_) => (200, head.text.is_empty()),
        };
        if head.status.as_u16() != good || !bare {
            self.wrong("HEAD", &head, "is not the head of GET");
        }
    }

    async fn hostile_queries(&mut self) {
        if self.endpoint.method != Method::GET {
            return;
        }
        let long = "x".repeat(4_000);
        for name in self.parameters.clone() {
            for text in HOSTILE_TEXTS.iter().copied().chain([long.as_str()]) {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                let kept = url::form_urlencoded::parse(self.endpoint.query.as_bytes());
                query
                    .extend_pairs(kept.filter(|(kept, _)| *kept != *name))
                    .append_pair(&name, text);
                let query = query.finish();
                let different = Different {
                    query: Some(&query),
                    ..Different::default()
                };
                self.survives(&format!("{name} = {text:.20?}"), different).await;
            }
        }
    }

    async fn hostile_bodies(&mut self) {
        let Some(Body::Json(good)) = self.endpoint.body.clone() else {
            return;
        };
        let long = "x".repeat(100_000);
        for (member, _) in good
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| value.is_string())
        {
            for text in HOSTILE_TEXTS.iter().copied().chain([long.as_str()]) {
                let mut body = good.clone();
                body[member] = text.into();
                self.sends(&format!("body with {member} = {text:.20?}"), body, None)
                    .await;
            }
        }
    }

    async fn hostile_paths(&mut self) {
        let segments = self.endpoint.path.split('/');
        let variables = segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        let long = "x".repeat(3_000);
        for variable in variables {
            for text in HOSTILE_SEGMENTS.iter().copied().chain([long.as_str()]) {
                let path = path(self.furnished, self.endpoint, &[(variable, text.to_owned())]);
                let different = Different {
                    path: Some(path),
                    ..Different::default()
                };
                self.survives(&format!("{variable} = {text:.30}"), different)
                    .await;
            }
            let path = path(self.furnished, self.endpoint, &[(variable, "%FF".to_owned())]);
            let different = Different {
                path: Some(path),
                ..Different::default()
            };
            self.expect(
                &format!("{variable} = %FF"),
                different,
                &Expect::Refused(400, 250_105),
            )
            .await;
        }
    }

    /// Sends a body, and expects something of the answer or only that it is an answer.
    async fn sends(&mut self, what: &str, body: Value, expect: Option<&Expect>) {
        let body = Body::Json(body);
        let different = Different {
            body: Some(&body),
            ..Different::default()
        };
        match expect {
            Some(expect) => drop(self.expect(what, different, expect).await),
            None => drop(self.survives(what, different).await),
        }
    }

    async fn expect(&mut self, what: &str, different: Different<'_>, expect: &Expect) -> Answer {
        let answer = self.survives(what, different).await;
        if let Some(difference) = check::differs(&answer, expect) {
            self.wrong(what, &answer, &difference);
        }
        answer
    }

    async fn survives(&mut self, what: &str, different: Different<'_>) -> Answer {
        self.calls += 1;
        let answer = send(self.furnished, self.endpoint, different).await;
        let raw = matches!(self.endpoint.good, Expect::Raw(..));
        if let Some(fault) = check::is_broken(&answer, raw) {
            self.wrong(what, &answer, &fault);
        }
        answer
    }

    fn wrong(&mut self, what: &str, answer: &Answer, why: &str) {
        let text: String = answer.text.chars().take(400).collect();
        let (name, status) = (self.endpoint.name(), answer.status.as_u16());
        self.wrong
            .push(format!("{name}, {what}: {why}\n    {status} {text}"));
    }
}
