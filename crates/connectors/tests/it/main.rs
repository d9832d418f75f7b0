//! Connectors against real folders and real connections.

mod folder;
