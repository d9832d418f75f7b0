//! The promises of the README against real processes: nodes are started, killed and cut off from each other.

mod crash;
mod faults;
mod laws;
mod limits;
mod proxy;
pub(crate) mod world;
