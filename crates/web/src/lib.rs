//! Translation: from HTTP to the engine's use cases and back, and nothing else.
//!
//! `contract` is frozen by its specification, `api` is our own. Every exchange passes the layer in
//! [`router`], which makes the [`reader::Reader`] an answer is rendered for.

mod accounts;
pub mod api;
pub mod app;
mod artifacts;
pub mod auth;
mod body;
mod codes;
mod console;
pub mod contract;
pub mod dates;
pub mod envelope;
pub mod error;
pub mod json;
pub mod openapi;
pub mod origin;
pub mod page;
pub mod params;
pub mod peer;
pub mod reader;
mod refusals;
mod registry;
mod replica;
pub mod router;
pub mod sse;
