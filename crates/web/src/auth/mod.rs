//! Who calls, and what they may do.
//!
//! A handler asks for what it needs in its arguments: [`Caller`] (anybody logged in), [`Admin`], or
//! [`MaybeCaller`] (anonymous is fine, wrong credentials are not).

mod caller;
mod console;
mod credentials;
mod login_key;
mod logins;
mod platforms;
pub(crate) mod session;
mod slowdown;
mod ticket;
mod used_signatures;

pub(crate) use caller::Address;
pub use caller::{Admin, Caller, MaybeCaller};
pub(crate) use console::{AtConsole, cookie, refuse_other_sites};
pub(crate) use credentials::{Credentials, is_user_name, ticket};
pub use logins::Logins;
pub(crate) use logins::caller as caller_of;
pub(crate) use platforms::{ANONYMOUS, SYSTEM};
pub(crate) use ticket::Claims;
