//! The promises of the README against real processes: nodes are started, killed and cut off from each other.

mod crash;
mod faults;
mod laws;
mod limits;
mod proxy;
mod real_time;
mod soak;
pub(crate) mod world;
