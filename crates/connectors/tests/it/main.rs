//! Connectors against real folders and real connections.

mod bkrepo;
mod dav;
mod folder;
mod maven;
mod s3;
