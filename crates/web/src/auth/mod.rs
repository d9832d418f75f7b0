//! Who calls, and what they may do.
//!
//! A handler asks for what it needs in its arguments: [`Caller`] (anybody logged in), [`Admin`], or
//! [`MaybeCaller`] (anonymous is fine, wrong credentials are not).

mod caller;
mod credentials;
mod logins;
mod slowdown;

pub use caller::{Admin, Caller, MaybeCaller};
pub(crate) use credentials::Credentials;
pub use logins::Logins;
