//! `waybill copy` between registries of other projects, and what their own clients find there afterwards.

mod dav;
