//! What a node keeps: SQL rows and blobs.

pub mod db;
