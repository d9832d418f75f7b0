//! Which requests are struck, by what, and how often.

/// What happens to an exchange. Positions count bytes of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The proxy answers by itself; the server hears nothing.
    Answer {
        /// The status.
        status: u16,
        /// More headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The proxy answers 200 by itself and repeats a piece of a body until the client has had enough.
    Endless {
        /// The media type.
        media_type: &'static str,
        /// What the body begins with.
        begin: String,
        /// What it goes on with, for ever.
        piece: String,
    },
    /// The connection is reset before anything is answered; the server hears nothing.
    Reset,
    /// The server answers, and the client never hears it: the connection is reset instead.
    LoseAnswer,
    /// The answer ends after so many bytes of its body, politely.
    CutAnswer(u64),
    /// The answer stops moving after so many bytes of its body.
    StallAnswer(u64),
    /// One byte of the answer's body is another.
    ChangeAnswer(u64),
    /// The answer says that it has so many bytes fewer, and has.
    ShortenAnswer(u64),
    /// The answer says that it has so many bytes more, and has.
    LengthenAnswer(u64),
    /// The request breaks off after so many bytes of its body.
    CutRequest(u64),
    /// The request stops moving after so many bytes of its body.
    StallRequest(u64),
    /// One byte of the request's body is another.
    ChangeRequest(u64),
}

impl Fault {
    /// An answer of the proxy with `status` and some words.
    pub fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: "the proxy says no".into(),
        }
    }

    /// 429 that asks to wait for `seconds`.
    pub fn slow_down(seconds: u64) -> Self {
        Self::Answer {
            status: 429,
            headers: vec![("Retry-After".into(), seconds.to_string())],
            body: "slow down".into(),
        }
    }
}

/// Lets a fault befall the requests of one kind.
#[derive(Debug, Clone)]
pub struct Rule {
    method: String,
    pattern: String,
    fault: Fault,
    passes: u64,
    strikes: u64,
}

impl Rule {
    /// Strikes every request whose method and path (with its query) fit; `*` in either stands for any text.
    pub fn on(method: &str, pattern: &str, fault: Fault) -> Self {
        Self {
            method: method.into(),
            pattern: pattern.into(),
            fault,
            passes: 0,
            strikes: u64::MAX,
        }
    }

    /// Lets the first `count` such requests pass.
    #[must_use]
    pub fn after(mut self, count: u64) -> Self {
        self.passes = count;
        self
    }

    /// Strikes only `count` times.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.strikes = count;
        self
    }

    /// Returns what befalls this request, and counts it.
    pub(super) fn meet(&mut self, method: &str, path: &str) -> Option<Fault> {
        if self.strikes == 0 || !fits(&self.method, method) || !fits(&self.pattern, path) {
            return None;
        }
        if self.passes > 0 {
            self.passes -= 1;
            return None;
        }
        self.strikes -= 1;
        Some(self.fault.clone())
    }
}

/// Says whether `text` is `pattern`, in which `*` stands for any text.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
