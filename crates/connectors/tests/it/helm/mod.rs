//! Chart repositories: a stand-in for ChartMuseum, and an index on a real web server.

mod charts;
mod contract;
mod elsewhere;
mod museum;
mod world;
