//! Connectors against real folders and real connections.

mod bkrepo;
mod carrying;
mod dav;
mod folder;
mod helm;
mod manners;
mod maven;
mod npm;
mod oci;
mod pypi;
mod s3;
