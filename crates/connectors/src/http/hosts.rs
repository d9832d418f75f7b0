//! Which hosts users who are no administrators may have this node connect to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use url::Url;

/// One host, or all below a domain; on any port or on one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    host: String,
    below: bool,
    port: Option<u16>,
}

/// A text that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host, such as edge-1.example, edge-1:8080, [::1]:8080 or *.corp.example")]
pub struct InvalidHost(pub String);

impl FromStr for HostRule {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let invalid = || InvalidHost(text.chars().take(100).collect());
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // What a URL would take for something else than host and port is refused.
        if rest.contains(['/', '@', '?', '#', '*', '\\']) || rest.chars().any(char::is_whitespace) {
            return Err(invalid());
        }
        // With another scheme than the usual ones, no port is left out as the usual one.
        let url = Url::parse(&format!("host://{rest}")).map_err(|_| invalid())?;
        let host = url.host_str().filter(|host| !host.is_empty());
        Ok(Self {
            host: host.ok_or_else(invalid)?.to_ascii_lowercase(),
            below,
            port: url.port(),
        })
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.below { "*." } else { "" };
        write!(f, "{below}{}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl HostRule {
    fn allows(&self, url: &Url) -> bool {
        let Some(host) = url.host_str().map(str::to_ascii_lowercase) else {
            return false;
        };
        let named = match self.below {
            true => host
                .strip_suffix(&self.host)
                .is_some_and(|front| front.len() > 1 && front.ends_with('.')),
            false => host == self.host,
        };
        named
            && self
                .port
                .is_none_or(|port| url.port_or_known_default() == Some(port))
    }
}

/// The hosts that are allowed; none, unless some are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostList(Arc<[HostRule]>);

impl HostList {
    /// Allows what any of `rules` names.
    pub fn of(rules: impl IntoIterator<Item = HostRule>) -> Self {
        Self(rules.into_iter().collect())
    }

    /// Says whether the host of `url` is allowed.
    pub fn allows(&self, url: &str) -> bool {
        let url = url.strip_prefix(crate::node::BKREPO).unwrap_or(url);
        Url::parse(url).is_ok_and(|url| self.0.iter().any(|rule| rule.allows(&url)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rules: &[&str]) -> HostList {
        HostList::of(rules.iter().map(|rule| rule.parse().expect("a host")))
    }

    #[test]
    fn nothing_is_allowed_unless_it_is_named() {
        assert!(!HostList::default().allows("http://edge-1"));
        assert!(!list(&["edge-1"]).allows("http://edge-2"));
        assert!(!list(&["edge-1"]).allows("nonsense"));
    }

    #[test]
    fn a_host_is_named_with_or_without_its_port() {
        let hosts = list(&["Edge-1.example", "edge-2:8080", "[::1]:80", "10.0.0.7"]);

        for url in [
            "https://edge-1.EXAMPLE:9/x",
            "http://edge-2:8080",
            "http://[::1]",
            "http://10.0.0.7",
        ] {
            assert!(hosts.allows(url), "{url}");
        }
        for url in [
            "http://edge-2",
            "https://[::1]",
            "http://10.0.0.70",
            "http://x.edge-1.example",
        ] {
            assert!(!hosts.allows(url), "{url}");
        }
    }

    #[test]
    fn a_domain_stands_for_what_is_below_it() {
        let hosts = list(&["*.corp.example"]);

        assert!(hosts.allows("http://a.b.corp.example"));
        for url in [
            "http://corp.example",
            "http://evilcorp.example",
            "http://.corp.example",
        ] {
            assert!(!hosts.allows(url), "{url}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "http://x",
            "a/b",
            "user@host",
            "a b",
            "host:x",
            "a.*.b",
        ] {
            assert!(text.parse::<HostRule>().is_err(), "{text}");
        }
    }
}
