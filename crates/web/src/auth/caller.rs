//! The caller of a request, recognised once and asked by the handlers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::connect_info::ConnectInfo;
use axum::http::request::Parts;
use messages::text;
use storage::users::Role;

use crate::app::App;
use crate::auth::credentials::Credentials;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// Somebody whose credentials were right.
#[derive(Debug, Clone)]
pub struct Caller {
    /// User name.
    pub name: Arc<str>,
    /// What the user may do.
    pub role: Role,
}

impl Caller {
    /// Says whether this is an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Returns the projects a caller who is no administrator is limited to.
    pub fn projects(&self) -> &[String] {
        match &self.role {
            Role::Replicator { projects } => projects,
            Role::Admin | Role::None => &[],
        }
    }

    /// Says whether the caller may read what `project` holds.
    pub fn may_read(&self, project: &str) -> bool {
        self.is_admin() || self.projects().iter().any(|allowed| allowed == project)
    }

    /// Says whether the caller may change what `project` holds.
    pub fn may_write(&self, project: &str) -> bool {
        self.may_read(project)
    }

    /// Says whether the caller may use the peer API for `project`.
    pub fn may_replicate(&self, project: &str) -> bool {
        self.may_write(project)
    }

    /// Refuses callers that may not read `project`.
    pub fn need_read(&self, project: &str) -> ApiResult<()> {
        self.need(self.may_read(project), "READ", project)
    }

    /// Refuses callers that may not change `project`.
    pub fn need_write(&self, project: &str) -> ApiResult<()> {
        self.need(self.may_write(project), "WRITE", project)
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
        let about = text!(
            "need-permission",
            user = &*self.name,
            action = action,
            project = project
        );
        Err(ApiError::about(Code::AccessDenied, about))
    }
}

/// The caller, if credentials were presented; wrong ones are refused all the same.
#[derive(Debug, Clone)]
pub struct MaybeCaller(pub Option<Caller>);

impl MaybeCaller {
    /// Returns the caller, or the refusal an anonymous one gets.
    pub fn or_refuse(self) -> ApiResult<Caller> {
        self.0
            .ok_or_else(|| ApiError::about(Code::Unauthenticated, text!("login-absent")))
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

impl FromRequestParts<App> for MaybeCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let address = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        let caller = match Credentials::of(&parts.headers)? {
            Some(credentials) => Some(app.logins().recognise(credentials, address).await?),
            None => None,
        };
        parts.extensions.insert(Self(caller.clone()));
        Ok(Self(caller))
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
