//! Where the CLI finds the server to talk to, and who it says it is.
//!
//! Server: `--server`, `WAYBILL_SERVER`, the login file's default. Password: `WAYBILL_PASSWORD`, the
//! login file, a prompt; never a URL, never an argument. The login file is readable by its owner only.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use domain::cluster::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::exit::{CliError, CliResult, failed, refused};

/// The login file: one entry per server.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logins {
    /// Server to talk to when none is named.
    pub default: Option<String>,
    /// What is known of each server, by its URL.
    pub servers: BTreeMap<String, Login>,
}

/// How to log in to one server.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Who.
    pub user: String,
    /// Password or token.
    pub secret: String,
    /// PEM file with the authority that signed the server's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<PathBuf>,
}

impl Logins {
    /// Reads the login file; an absent one holds nothing.
    pub fn read() -> CliResult<Self> {
        let path = file()?;
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| refused(format!("{}: {}", path.display(), error.message()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(format!("cannot read {}: {error}", path.display()))),
        }
    }

    /// Writes the login file, readable by its owner only, in one step.
    pub fn write(&self) -> CliResult<PathBuf> {
        let path = file()?;
        let problem = |error: std::io::Error| failed(format!("cannot write {}: {error}", path.display()));
        let text = toml::to_string_pretty(self).map_err(|error| failed(error.to_string()))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(problem)?;
        }
        let new = path.with_extension("toml.new");
        let _ = std::fs::remove_file(&new);
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .map_err(problem)?;
        out.write_all(text.as_bytes()).map_err(problem)?;
        out.sync_all().map_err(problem)?;
        std::fs::rename(&new, &path).map_err(problem)?;
        Ok(path)
    }
}

fn file() -> CliResult<PathBuf> {
    Ok(folder("XDG_CONFIG_HOME", ".config")?.join("login.toml"))
}

/// Returns the folder `waybill` in the XDG folder that `variable` names, by default `home/fallback`.
pub fn folder(variable: &str, fallback: &str) -> CliResult<PathBuf> {
    let named = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base = match named {
        Some(path) => path,
        None => std::env::var_os("HOME")
            .map(|home| Path::new(&home).join(fallback))
            .ok_or_else(|| refused(format!("neither {variable} nor HOME is set")))?,
    };
    Ok(base.join("waybill"))
}

/// Reads `text` as the URL of a server: http or https, without path and without password.
pub fn server_url(text: &str) -> CliResult<Url> {
    let invalid = |why: &str| refused(format!("`{}` is not the URL of a server: {why}", redacted(text)));
    let text = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url = Url::parse(&text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid("http://HOST:PORT or https://HOST:PORT is wanted"));
    }
    if url.password().is_some() || !url.username().is_empty() {
        return Err(
            invalid("user and password do not belong into it").hint("use --user and WAYBILL_PASSWORD")
        );
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it ends after the port"));
    }
    Ok(url)
}

/// Returns `text` without what stands between `://` and `@`.
fn redacted(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(start), Some(end)) if start + 3 < end => format!("{}://...{}", &text[..start], &text[end..]),
        (None, Some(end)) => format!("...{}", &text[end..]),
        _ => text.to_owned(),
    }
}

/// Finds the secret of `user` at `server`: `WAYBILL_PASSWORD`, the login file, else a prompt on a terminal.
pub fn secret(user: &str, server: &Url, saved: Option<&Login>) -> CliResult<Secret> {
    if let Some(password) = std::env::var("WAYBILL_PASSWORD")
        .ok()
        .filter(|password| !password.is_empty())
    {
        return Ok(Secret::new(password));
    }
    if let Some(login) = saved.filter(|login| login.user == user) {
        return Ok(Secret::new(login.secret.clone()));
    }
    prompt(&format!("Password of {user} at {server}: ")).map_err(|error| {
        error.hint(format!(
            "set WAYBILL_PASSWORD, or save it once with `waybill login {server} --user {user}`"
        ))
    })
}

/// Asks on the terminal, without showing what is typed.
pub fn prompt(question: &str) -> Result<Secret, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(refused(
            "a password is needed and there is no terminal to ask for it",
        ));
    }
    let password =
        rpassword::prompt_password(question).map_err(|error| failed(format!("cannot ask: {error}")))?;
    Ok(Secret::new(password))
}

/// Finds a password that is to be set: in `file` (- reads standard input), in `variable`, else by asking.
pub fn new_secret(file: Option<&Path>, variable: &str, question: &str) -> CliResult<Secret> {
    let text = match file {
        Some(path) if path.as_os_str() == "-" => Some(std::io::read_to_string(std::io::stdin())?),
        Some(path) => {
            let read = std::fs::read_to_string(path);
            Some(read.map_err(|error| refused(format!("cannot read {}: {error}", path.display())))?)
        }
        None => std::env::var(variable).ok(),
    };
    match text {
        Some(text) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']))),
        None => prompt(question).map_err(|error| error.hint(format!("use --password-file or {variable}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        let error = server_url("http://admin:hunter2@host:8080")
            .expect_err("refused")
            .to_string();

        assert!(
            !error.contains("hunter2") && error.contains("WAYBILL_PASSWORD"),
            "{error}"
        );
    }

    #[test]
    fn a_host_and_port_alone_is_a_server() {
        assert_eq!(
            server_url("127.0.0.1:8080").expect("valid").as_str(),
            "http://127.0.0.1:8080/"
        );
    }

    #[test]
    fn a_path_after_the_port_is_refused() {
        assert!(server_url("http://host/replication").is_err());
    }
}
