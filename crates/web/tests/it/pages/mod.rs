//! The console's pages, asked for as a browser without scripts does it: cookies, links and forms.

pub mod browser;
mod forms;
mod login;
mod properties;
mod repositories;
mod shown;
mod sources;
mod webhooks;
