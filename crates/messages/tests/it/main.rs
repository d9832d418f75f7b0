//! The files against each other and against the code that names their texts.
#![allow(clippy::unwrap_used, clippy::panic)]

mod files;
mod words;
