//! A registry of npm packages, over a real verdaccio, promises what every source and target of packages does.

mod faults;
mod large;
mod travels;
mod world;

mod source {
    testkit::package_source_contract!(crate::npm::world::Npm::start());
}

mod target {
    testkit::package_target_contract!(crate::npm::world::Npm::start());
}
