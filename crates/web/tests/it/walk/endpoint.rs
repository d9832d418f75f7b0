//! One endpoint as the contract writes it: who may call it, with what, and what it answers.

use axum::http::Method;
use serde_json::Value;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// An administrator.
    Admin,
    /// Anybody logged in.
    User,
    /// Somebody with rights to project `demo`, whose repository is not public.
    Project,
    /// The same, of the project a body names; a repository may be public, so a body that nobody can read is refused
    /// as such.
    ProjectInBody,
    /// Nobody: it answers whoever asks, and looks at no login.
    Nothing,
}

/// Any code.
pub const ANY: i64 = -1;

/// What is expected of one call.
#[derive(Debug, Clone)]
pub enum Expect {
    /// Data of this shape, in the envelope of a success.
    Data(String),
    /// An envelope with this HTTP status and code.
    Refused(u16, i64),
    /// An answer that is no envelope: its status and the start of its media type.
    Raw(u16, &'static str),
}

/// A call that differs from the good one.
#[derive(Debug, Clone)]
pub struct Call {
    pub what: String,
    /// Replaces path variables.
    pub variables: Vec<(&'static str, String)>,
    pub query: Option<String>,
    pub body: Option<Body>,
    pub headers: Vec<(&'static str, String)>,
    pub expect: Expect,
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

/// An endpoint and every call the walk makes of its own accord.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub method: Method,
    /// Its path, with variables in braces.
    pub path: &'static str,
    pub needs: Needs,
    pub query: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Body>,
    pub good: Expect,
    /// Members of the body that must be there, and the code without them.
    pub required: Vec<(&'static str, i64)>,
    /// Members whose type does not matter, because they are not read.
    pub lenient: Vec<&'static str>,
    pub calls: Vec<Call>,
    /// Whether its answers wait for time to pass or for a run to be carried.
    pub waits: bool,
}

/// Starts the description of an endpoint for administrators that answers null.
pub fn endpoint(method: Method, path: &'static str) -> Endpoint {
    Endpoint {
        method,
        path,
        needs: Needs::Admin,
        query: String::new(),
        headers: Vec::new(),
        body: None,
        good: Expect::Data("null".into()),
        required: Vec::new(),
        lenient: Vec::new(),
        calls: Vec::new(),
        waits: false,
    }
}

pub fn get(path: &'static str) -> Endpoint {
    endpoint(Method::GET, path)
}

pub fn post(path: &'static str) -> Endpoint {
    endpoint(Method::POST, path)
}

pub fn put(path: &'static str) -> Endpoint {
    endpoint(Method::PUT, path)
}

pub fn delete(path: &'static str) -> Endpoint {
    endpoint(Method::DELETE, path)
}

impl Endpoint {
    pub fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    /// Sets the query of the good call.
    pub fn query(mut self, query: &str) -> Self {
        self.query = query.into();
        self
    }

    /// Sets the body of the good call; `{variables}` in its texts are replaced.
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(Body::Json(body));
        self
    }

    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(Body::Bytes(bytes.into()));
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Says what the good call answers.
    pub fn answers(mut self, shape: impl Into<String>) -> Self {
        self.good = Expect::Data(shape.into());
        self
    }

    /// Says that even the good call is refused, and how.
    pub fn good_is(mut self, expect: Expect) -> Self {
        self.good = expect;
        self
    }

    pub fn answers_raw(mut self, status: u16, media: &'static str) -> Self {
        self.good = Expect::Raw(status, media);
        self
    }

    /// Names the members that must be in the body: without one it is unreadable.
    pub fn required(mut self, members: &[&'static str]) -> Self {
        self.required
            .extend(members.iter().map(|member| (*member, 250_106)));
        self
    }

    /// Names a member that must be in the body, and the code without it.
    pub fn required_as(mut self, member: &'static str, code: i64) -> Self {
        self.required.push((member, code));
        self
    }

    pub fn lenient(mut self, members: &[&'static str]) -> Self {
        self.lenient.extend(members);
        self
    }

    /// Says that its answers wait: the clock moves and runs are carried meanwhile.
    pub fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    fn call(mut self, what: String, expect: Expect, change: impl FnOnce(&mut Call)) -> Self {
        let (variables, headers) = (Vec::new(), Vec::new());
        let mut call = Call {
            what,
            variables,
            query: None,
            body: None,
            headers,
            expect,
        };
        change(&mut call);
        self.calls.push(call);
        self
    }

    /// Expects an answer with another query.
    pub fn also(self, query: &str, shape: impl Into<String>) -> Self {
        self.call(format!("?{query}"), Expect::Data(shape.into()), |call| {
            call.query = Some(query.into())
        })
    }

    /// Expects a refusal with another query.
    pub fn refuses(self, query: &str, status: u16, code: i64) -> Self {
        self.call(format!("?{query}"), Expect::Refused(status, code), |call| {
            call.query = Some(query.into())
        })
    }

    /// Expects a refusal of a body with members changed; null removes one.
    pub fn refuses_body(self, changes: Value, status: u16, code: i64) -> Self {
        let what = format!("body with {changes}");
        let Some(Body::Json(mut body)) = self.body.clone() else {
            unreachable!("the endpoint has a JSON body");
        };
        merge(&mut body, &changes);
        self.call(what, Expect::Refused(status, code), |call| {
            call.body = Some(Body::Json(body))
        })
    }

    /// Expects some refusal of a body with members changed: 400, and any code.
    pub fn refuses_any_body(self, changes: Value) -> Self {
        self.refuses_body(changes, 400, ANY)
    }

    /// Expects an answer to a body with members changed.
    pub fn also_body(self, changes: Value, shape: impl Into<String>) -> Self {
        let what = format!("body with {changes}");
        let Some(Body::Json(mut body)) = self.body.clone() else {
            unreachable!("the endpoint has a JSON body");
        };
        merge(&mut body, &changes);
        self.call(what, Expect::Data(shape.into()), |call| {
            call.body = Some(Body::Json(body))
        })
    }

    /// Expects something of a path variable that names nothing.
    pub fn unknown(self, variable: &'static str, expect: Expect) -> Self {
        self.with(variable, "unknown-one", expect)
    }

    /// Expects something of another value of a path variable.
    pub fn with(self, variable: &'static str, value: &str, expect: Expect) -> Self {
        let value = value.to_owned();
        self.call(format!("{variable} = {value}"), expect, |call| {
            call.variables.push((variable, value))
        })
    }

    /// Expects something with another header.
    pub fn with_header(self, name: &'static str, value: &str, expect: Expect) -> Self {
        let value = value.to_owned();
        self.call(format!("{name}: {value}"), expect, |call| {
            call.headers.push((name, value))
        })
    }

    /// Expects something with another body of bytes.
    pub fn with_bytes(self, what: &str, bytes: impl Into<Vec<u8>>, expect: Expect) -> Self {
        let bytes = Body::Bytes(bytes.into());
        self.call(what.into(), expect, |call| call.body = Some(bytes))
    }

    /// Expects something with other headers.
    pub fn with_headers(self, headers: &[(&'static str, &str)], expect: Expect) -> Self {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        self.call(format!("{headers:?}"), expect, |call| call.headers = headers)
    }

    /// Returns the name the table and the failures show.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Changes members of an object; null removes one.
pub fn merge(body: &mut Value, changes: &Value) {
    for (member, value) in changes.as_object().into_iter().flatten() {
        match (value, body.as_object_mut()) {
            (Value::Null, Some(members)) => drop(members.remove(member)),
            _ => body[member] = value.clone(),
        }
    }
}

pub fn data(shape: impl Into<String>) -> Expect {
    Expect::Data(shape.into())
}

pub fn refused(status: u16, code: i64) -> Expect {
    Expect::Refused(status, code)
}
