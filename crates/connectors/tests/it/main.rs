//! Connectors against real folders and real connections.

mod bkrepo;
mod dav;
mod folder;
mod maven;
mod npm;
mod s3;
