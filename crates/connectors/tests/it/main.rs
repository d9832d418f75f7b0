//! Connectors against real folders and real connections.

mod bkrepo;
mod folder;
mod maven;
mod oci;
