//! Registries of images: copying between real ones, logging in, and what breaks on the way.

mod contract;
mod copy;
mod gate;
mod hostile;
mod login;
mod referrers;
mod selection;
mod struck;
mod world;
