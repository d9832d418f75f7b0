//! S3 against a real store.

mod faults;
mod world;

mod source {
    testkit::source_contract!(super::world::World::start());
}

mod target {
    testkit::target_contract!(super::world::World::start());
}
