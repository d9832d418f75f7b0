//! What a node keeps: SQL rows and blobs.

pub mod db;

pub mod blobfiles;
pub mod blobs;
pub mod hosted;
pub mod nodes;
pub mod projects;
pub mod publish;
pub mod repositories;
