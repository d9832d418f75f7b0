//! A node as a stock bk-repo sees it, and the bk-repo connector over the real thing.

mod contract;
mod replica;
mod resume;
