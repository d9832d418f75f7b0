//! An index of Python packages, over a real pypiserver and a real devpi, promises what every source and target of
//! packages does.

mod devpi;
mod faults;
mod hostile;
mod travels;
mod world;

mod source {
    testkit::package_source_contract!(crate::pypi::world::Pypi::start());
}

mod target {
    testkit::package_target_contract!(crate::pypi::world::Pypi::start());
}

mod devpi_target {
    testkit::package_target_contract!(crate::pypi::devpi::World::start();
        versions_that_were_put_are_found_and_hold_exactly_their_bytes,
        other_content_is_replaced_where_that_is_asked,
    );
}
