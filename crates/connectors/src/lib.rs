//! Foreign repositories behind the ports: local folders, peers, bk-repo nodes, registries; the HTTP client they share.
//!
//! A connector knows one protocol and nothing about tasks, records or strategies. `url` turns what a person
//! types into a [`url::Location`]; each folder beside it turns one kind of location into a source and a target.
#![warn(missing_docs)]

pub mod bkrepo;
pub mod dav;
pub mod digests;
mod fatal;
mod files;
pub mod folder;
pub mod helm;
pub mod http;
pub mod maven;
pub mod node;
pub mod npm;
pub mod oci;
mod packages;
pub mod peer;
pub mod pypi;
pub mod registry;
pub mod s3;
mod scope;
pub mod signed;
mod summing;
pub mod url;
pub mod webhook;
