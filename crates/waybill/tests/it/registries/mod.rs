//! Between real registries, with the clients people use: what they publish is what they install from the copy.

mod maven;
mod npm;
mod pypi;
