//! The caller of a request, recognised once and asked by the handlers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::connect_info::ConnectInfo;
use axum::http::Extensions;
use axum::http::request::Parts;
use messages::text;
use storage::access::Access;
use storage::users::Role;

use crate::app::App;
use crate::auth::console::{AtConsole, refuse_other_sites};
use crate::auth::credentials::Credentials;
use crate::auth::platforms::ANONYMOUS;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// Somebody whose credentials were right.
#[derive(Debug, Clone)]
pub struct Caller {
    /// User name.
    pub name: Arc<str>,
    /// What the user may do everywhere.
    pub role: Role,
    /// What the user may do in single projects, by project name.
    pub access: Arc<BTreeMap<String, Access>>,
}

impl Caller {
    /// Says whether this is an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Returns the projects the caller may read, by name; `None` when it is all of them.
    pub fn readable_projects(&self) -> Option<Vec<String>> {
        let replicated: &[String] = match &self.role {
            Role::Admin => return None,
            Role::Replicator { projects } => projects,
            Role::None => &[],
        };
        let mut projects: Vec<String> = replicated.iter().chain(self.access.keys()).cloned().collect();
        projects.sort_unstable();
        projects.dedup();
        Some(projects)
    }

    /// Says whether the caller may read what `project` holds.
    pub fn may_read(&self, project: &str) -> bool {
        self.may(Access::Read, project) || self.may_replicate(project)
    }

    /// Says whether the caller may change files of `project`.
    pub fn may_write(&self, project: &str) -> bool {
        self.may(Access::Write, project) || self.may_replicate(project)
    }

    /// Says whether the caller may change the repositories of `project` and who may do what in it.
    pub fn may_manage(&self, project: &str) -> bool {
        self.may(Access::Manage, project)
    }

    /// Says whether the caller may use the peer APIs for `project`.
    pub fn may_replicate(&self, project: &str) -> bool {
        match &self.role {
            Role::Admin => true,
            Role::Replicator { projects } => projects.iter().any(|allowed| allowed == project),
            Role::None => false,
        }
    }

    fn may(&self, access: Access, project: &str) -> bool {
        self.is_admin() || self.access.get(project).is_some_and(|allowed| *allowed >= access)
    }

    /// Refuses callers that may not read `project`.
    pub fn need_read(&self, project: &str) -> ApiResult<()> {
        self.need(self.may_read(project), "READ", project)
    }

    /// Refuses callers that may not change files of `project`: upload, rename, delete.
    pub fn need_write(&self, project: &str) -> ApiResult<()> {
        self.need(self.may_write(project), "WRITE", project)
    }

    /// Refuses callers that may not make, change or delete repositories of `project`.
    pub fn need_manage(&self, project: &str) -> ApiResult<()> {
        self.need(self.may_manage(project), "MANAGE", project)
    }

    /// Refuses callers that may not replicate into or out of `project`.
    pub fn need_replicate(&self, project: &str) -> ApiResult<()> {
        self.need(self.may_replicate(project), "REPLICATION", project)
    }

    /// Refuses callers that are no administrators.
    pub fn need_admin(&self) -> ApiResult<()> {
        self.need(self.is_admin(), "ADMIN", "*")
    }

    fn need(&self, allowed: bool, action: &str, project: &str) -> ApiResult<()> {
        if allowed {
            return Ok(());
        }
        Err(denied(&self.name, action, project))
    }
}

/// Refuses `user`, naming what was wanted.
fn denied(user: &str, action: &str, project: &str) -> ApiError {
    let about = text!("need-permission", user = user, action = action, project = project);
    ApiError::about(Code::AccessDenied, about)
}

/// Who calls, where nobody has to log in; wrong credentials are refused all the same.
#[derive(Debug, Clone)]
pub enum MaybeCaller {
    /// No credentials, or ones of a kind nobody knows here.
    Anonymous,
    /// A platform that named no user: it may do what anonymous callers may, but is known.
    Platform,
    /// A user.
    User(Caller),
}

impl MaybeCaller {
    /// Returns the user, if it is one.
    pub fn user(&self) -> Option<&Caller> {
        match self {
            Self::User(caller) => Some(caller),
            Self::Anonymous | Self::Platform => None,
        }
    }

    /// Returns the user, or the refusal everybody else gets where one is needed.
    pub fn or_refuse(self) -> ApiResult<Caller> {
        match self {
            Self::User(caller) => Ok(caller),
            Self::Platform => Err(denied(ANONYMOUS, "LOGIN", "*")),
            Self::Anonymous => Err(ApiError::about(Code::Unauthenticated, text!("login-absent"))),
        }
    }

    /// Refuses callers that may not read a repository of `project`: anybody may read a `public` one.
    ///
    /// Ask with `public` false for a repository that does not exist, before saying so: anonymous callers then
    /// get 401, and users who may not read the project 403, as for one that does.
    pub fn need_read(&self, project: &str, public: bool) -> ApiResult<()> {
        match self {
            _ if public => Ok(()),
            Self::User(caller) => caller.need_read(project),
            other => other.clone().or_refuse().map(|_| ()),
        }
    }
}

/// A caller that is an administrator.
#[derive(Debug, Clone)]
pub struct Admin(pub Caller);

impl Admin {
    /// Returns the user name.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) IpAddr);

impl Address {
    /// Returns the address of the connection.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let connection = extensions.get::<ConnectInfo<SocketAddr>>();
        Self(connection.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

impl FromRequestParts<App> for MaybeCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let mut credentials = Credentials::of(&parts.headers)?;
        if credentials.is_none() && parts.extensions.get::<AtConsole>().is_some() {
            credentials = Credentials::of_cookie(&parts.headers);
            if credentials.is_some() {
                refuse_other_sites(&parts.method, &parts.headers)?;
            }
        }
        let caller = match credentials {
            Some(credentials) => {
                let Address(address) = Address::of(&parts.extensions);
                app.logins().recognise(credentials, address).await?
            }
            None => Self::Anonymous,
        };
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        MaybeCaller::from_request_parts(parts, app).await?.or_refuse()
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let caller = Caller::from_request_parts(parts, app).await?;
        caller.need_admin()?;
        Ok(Self(caller))
    }
}
