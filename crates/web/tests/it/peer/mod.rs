//! The peer exchange over loopback: the real client, a real node, and a way between them that breaks.

mod contract;
mod exchange;
mod faults;
pub mod node;
mod speed;
pub mod way;
