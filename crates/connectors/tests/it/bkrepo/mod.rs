//! The bk-repo connector against a stand-in for a stock node.

mod contract;
mod fake;
mod stock;
