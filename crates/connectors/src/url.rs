//! Location URLs: how `copy` and configuration name a repository or a folder.
//!
//! Parsed once, before anything is touched. A secret in a URL is refused, because URLs end up in shell
//! histories and logs; a scheme that is designed but not built is refused by its name.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use domain::cluster::Credentials;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use domain::repository::{RepositoryRef, RepositoryType};
use domain::versions::Choice;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::peer::Peers;
use crate::registry::{Connector, Opened, by_scheme, by_type, checked, connectors};

/// Where artifacts are copied from or to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A repository of a Waybill node.
    Peer(PeerLocation),
    /// A repository of a bk-repo.
    BkRepo(PeerLocation),
    /// A repository of a foreign registry.
    Foreign(ForeignLocation),
}

/// A repository of a foreign registry, as a URL names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignLocation {
    /// Scheme of its [`Connector`].
    pub scheme: &'static str,
    /// Server and path: `http` or `https`, without user, query and fragment.
    pub url: Url,
    /// User to log in as.
    pub user: Option<String>,
}

/// A repository of another node, as a URL names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerLocation {
    /// Where the node answers: `http(s)://host[:port]`, nothing after it.
    pub url: String,
    /// User to log in as.
    pub user: Option<String>,
    /// The repository.
    pub repository: RepositoryRef,
}

/// Why a text names no location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLocation {
    /// The text is empty.
    #[error(
        "a location is missing: give a folder, or `waybill+http(s)://[user@]host[:port]/project/repository` \
         (`bkrepo+http(s)://` for a bk-repo)"
    )]
    Empty,
    /// A password stands in the URL.
    #[error(
        "a password in a URL ends up in histories and logs: leave it out of `{0}` and set WAYBILL_PASSWORD"
    )]
    Secret(String),
    /// The scheme is one this version cannot speak.
    #[error(
        "`{0}` locations are not supported: use a folder, `file://`, `waybill+http(s)://`, `bkrepo+http(s)://`, or a \
         registry's: {forms}",
        forms = registry_forms()
    )]
    Scheme(String),
    /// No protocol is known for repositories of this type.
    #[error("no registry protocol is known here for {0} repositories")]
    Unspoken(String),
    /// The protocol that the URL names does not carry repositories of this type.
    #[error("`{location}` does not take what {repository_type} repositories hold")]
    Pairing {
        /// What was given, without its query.
        location: String,
        /// Type of the repository.
        repository_type: String,
    },
    /// The rest of the URL has the wrong form.
    #[error("`{location}` is not a location: {why}")]
    Form {
        /// What was given, without user and query.
        location: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        if text.is_empty() {
            return Err(InvalidLocation::Empty);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Folder(text.into()));
        };
        match scheme {
            "file" => folder(rest),
            "waybill+http" | "waybill+https" => peer(scheme, rest).map(Self::Peer),
            "bkrepo+http" | "bkrepo+https" => peer(scheme, rest).map(Self::BkRepo),
            other => {
                let (name, plain) = match other.split_once('+') {
                    Some((name, plain @ ("http" | "https"))) => (name, plain),
                    Some(_) => ("", "https"),
                    None => (other, "https"),
                };
                match by_scheme(name) {
                    Some(connector) => foreign(connector, plain, rest).map(Self::Foreign),
                    None => Err(InvalidLocation::Scheme(shown_scheme(other))),
                }
            }
        }
    }
}

/// Returns how repositories of foreign registries are named, for people.
fn registry_forms() -> String {
    let forms: Vec<String> = connectors()
        .iter()
        .map(|connector| format!("`{}`", connector.form()))
        .collect();
    forms.join(", ")
}

fn shown_scheme(scheme: &str) -> String {
    scheme.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn folder(rest: &str) -> Result<Location, InvalidLocation> {
    let wrong = |why| InvalidLocation::Form {
        location: "file://".into(),
        why,
    };
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(wrong(
            "a file URL names an absolute path on this machine: file:///path",
        ));
    }
    if path.contains(['?', '#']) {
        return Err(wrong("`?` and `#` in a file URL are written %3F and %23"));
    }
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    if bytes.contains(&0) {
        return Err(wrong("a path holds no NUL"));
    }
    Ok(Location::Folder(path_of(bytes)))
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

fn peer(kind: &str, rest: &str) -> Result<PeerLocation, InvalidLocation> {
    let scheme = kind.split('+').next_back().unwrap_or(kind);
    let after_user = rest.rsplit_once('@').map_or(rest, |(_, after)| after);
    let location = format!(
        "{kind}://{}",
        after_user.split(['?', '#']).next().unwrap_or_default()
    );
    let wrong = |why| InvalidLocation::Form {
        location: location.clone(),
        why,
    };
    let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| wrong("host or port cannot be read"))?;
    if url.password().is_some() {
        return Err(InvalidLocation::Secret(location));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it ends after project and repository: no `?` and no `#`"));
    }
    let user = decoded(url.username()).ok_or_else(|| wrong("the user name is not UTF-8"))?;
    let names: Option<Vec<String>> = url
        .path_segments()
        .map(|segments| segments.filter(|name| !name.is_empty()).map(decoded).collect())
        .unwrap_or_default();
    match names.as_deref() {
        Some([project, repository]) => Ok(PeerLocation {
            url: url.origin().ascii_serialization(),
            user: if user.is_empty() { None } else { Some(user) },
            repository: RepositoryRef::new(project, repository),
        }),
        Some(_) => Err(wrong(
            "after the host come exactly two names: /project/repository",
        )),
        None => Err(wrong("project and repository are UTF-8")),
    }
}

fn foreign(connector: &dyn Connector, plain: &str, rest: &str) -> Result<ForeignLocation, InvalidLocation> {
    let after_user = rest.rsplit_once('@').map_or(rest, |(_, after)| after);
    let shown = after_user.split(['?', '#']).next().unwrap_or_default();
    let location = format!("{}+{plain}://{shown}", connector.scheme());
    let wrong = |why| InvalidLocation::Form {
        location: location.clone(),
        why,
    };
    let mut url =
        Url::parse(&format!("{plain}://{rest}")).map_err(|_| wrong("host or port cannot be read"))?;
    if url.password().is_some() {
        return Err(InvalidLocation::Secret(location));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has no `?` and no `#`"));
    }
    checked(connector, &location, url.path())?;
    let user = decoded(url.username()).ok_or_else(|| wrong("the user name is not UTF-8"))?;
    // An http URL has a host, so this cannot fail.
    let _ = url.set_username("");
    Ok(ForeignLocation {
        scheme: connector.scheme(),
        url,
        user: if user.is_empty() { None } else { Some(user) },
    })
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

impl Location {
    /// Returns the types of repositories, as the contract writes them, that are kept there.
    pub fn repository_types(&self) -> &'static [&'static str] {
        match self {
            Self::Folder(_) | Self::Peer(_) | Self::BkRepo(_) => &["GENERIC"],
            Self::Foreign(foreign) => foreign.repository_types(),
        }
    }
}

/// Returns the `http` or `https` address behind the URL of a cluster or a foreign repository, whatever protocol it
/// names; `None` when it is none.
pub fn address(url: &str) -> Option<Url> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Url::parse(url).ok();
    }
    match url.parse().ok()? {
        Location::Foreign(foreign) => Some(foreign.url),
        Location::Peer(node) | Location::BkRepo(node) => Url::parse(&node.url).ok(),
        Location::Folder(_) => None,
    }
}

impl ForeignLocation {
    /// Returns where a cluster or a foreign repository at `url` keeps what repositories of `repository_type` hold.
    ///
    /// A URL that names its protocol (`npm+https://`) has to name one that carries the type; a plain one (`https://`)
    /// is spoken to as the type says, files over WebDAV.
    pub fn of(url: &str, repository_type: &RepositoryType) -> Result<Self, InvalidLocation> {
        let location = url.split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(InvalidLocation::Scheme(shown_scheme(url)));
        };
        if matches!(scheme, "http" | "https") {
            let unspoken = || InvalidLocation::Unspoken(repository_type.to_string());
            let connector = by_type(repository_type).ok_or_else(unspoken)?;
            return foreign(connector, scheme, rest);
        }
        match url.parse()? {
            Location::Foreign(found) if found.repository_types().contains(&repository_type.as_str()) => {
                Ok(found)
            }
            _ => Err(InvalidLocation::Pairing {
                location: location.into(),
                repository_type: repository_type.to_string(),
            }),
        }
    }

    /// Returns the place below this one that `names` lead to: all that is kept there, whatever a name alone means.
    #[must_use]
    pub fn below<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let all = by_scheme(self.scheme).and_then(Connector::all_below);
        if let Ok(mut segments) = self.url.path_segments_mut() {
            segments.pop_if_empty();
        }
        let path = self.url.path().to_owned();
        let kept = all.and_then(|all| path.strip_suffix(all)).unwrap_or(&path);
        self.url.set_path(kept.trim_end_matches('/'));
        if let Ok(mut segments) = self.url.path_segments_mut() {
            segments.pop_if_empty().extend(names).extend(all);
        }
        self
    }

    /// Returns the types of repositories, as the contract writes them, that are kept there.
    pub fn repository_types(&self) -> &'static [&'static str] {
        by_scheme(self.scheme).map_or(&[], Connector::repository_types)
    }

    /// Opens it, logged in with `credentials`. Nothing is sent yet.
    pub fn open(&self, peers: &Peers, credentials: &Credentials) -> ConnectorResult<Opened> {
        self.open_some(peers, credentials, Choice::default())
    }

    /// Opens it as [`Self::open`] does, to read only what `choice` wants of it.
    pub fn open_some(
        &self,
        peers: &Peers,
        credentials: &Credentials,
        choice: Choice,
    ) -> ConnectorResult<Opened> {
        let server = peers.server(&self.url, credentials)?;
        let connector = by_scheme(self.scheme).ok_or_else(|| {
            ConnectorError::new(ErrorKind::Protocol, Stage::Describe, server.name())
                .words(format!("nobody here speaks {}", self.scheme))
        })?;
        if !connector.chooses(&choice) {
            let error = ConnectorError::new(ErrorKind::Protocol, Stage::List, server.name());
            return Err(error.words("what is there cannot be chosen among by version or platform"));
        }
        connector.open(server.choosing(choice))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Peer(peer) => write!(f, "waybill+{}/{}", peer.url, peer.repository),
            Self::BkRepo(peer) => write!(f, "bkrepo+{}/{}", peer.url, peer.repository),
            Self::Foreign(foreign) => write!(f, "{}+{}", foreign.scheme, foreign.url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(text: &str) -> Result<Location, InvalidLocation> {
        text.parse()
    }

    #[test]
    fn whatever_has_no_scheme_is_a_folder() {
        for text in ["./a", "/abs/ü b", "plain", "a:b"] {
            assert_eq!(location(text), Ok(Location::Folder(text.into())));
        }
    }

    #[test]
    fn a_file_url_names_an_absolute_path() {
        assert_eq!(location("file:///a%20b"), Ok(Location::Folder("/a b".into())));
        assert_eq!(location("file://localhost/a"), Ok(Location::Folder("/a".into())));
        assert!(location("file://elsewhere/a").is_err());
        assert!(location("file:///a%00b").is_err());
    }

    #[test]
    fn a_peer_url_names_user_project_and_repository() {
        let parsed = location("waybill+http://admin@[::1]:8080/shop/app%20files/");

        let expected = PeerLocation {
            url: "http://[::1]:8080".into(),
            user: Some("admin".into()),
            repository: RepositoryRef::new("shop", "app files"),
        };
        assert_eq!(parsed, Ok(Location::Peer(expected.clone())));
        let parsed = location("bkrepo+http://admin@[::1]:8080/shop/app%20files");
        assert_eq!(parsed, Ok(Location::BkRepo(expected)));
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        let refused = location("waybill+https://admin:hunter2@host/p/r").expect_err("a secret");

        assert!(matches!(refused, InvalidLocation::Secret(_)));
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }

    #[test]
    fn unbuilt_schemes_are_refused_by_name() {
        for scheme in ["ftp", "svn+https", "bkrepo", "https"] {
            let refused = location(&format!("{scheme}://host/x")).expect_err("unbuilt");
            assert_eq!(refused, InvalidLocation::Scheme(scheme.into()));
        }
    }

    #[test]
    fn a_repository_of_a_registry_of_images_is_all_below_its_name() {
        let docker: RepositoryType = "DOCKER".parse().expect("a type");
        let below = |url: &str, names: &[&'static str]| {
            let location = ForeignLocation::of(url, &docker).expect("a location");
            location.below(names.iter().copied()).url.to_string()
        };

        assert_eq!(
            below("oci://host", &["team", "images"]),
            "https://host/team/images/*"
        );
        assert_eq!(below("oci+http://host/x/*", &["team"]), "http://host/x/team/*");
        assert_eq!(below("oci://host", &[]), "https://host/*");
    }

    #[test]
    fn half_a_peer_url_is_refused_with_the_reason() {
        for text in [
            "waybill+http://host",
            "waybill+http://host/p",
            "waybill+http://host/p/r/x",
            "waybill+http:///p/r",
        ] {
            assert!(
                matches!(location(text), Err(InvalidLocation::Form { .. })),
                "{text}"
            );
        }
        assert!(
            location("waybill+http://host/p/r?token=x")
                .is_err_and(|refused| !refused.to_string().contains("token"))
        );
    }
}
