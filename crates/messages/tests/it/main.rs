//! The files against each other and against the code that names their texts.

mod files;
mod words;
