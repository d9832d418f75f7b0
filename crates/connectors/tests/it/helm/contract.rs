//! A ChartMuseum promises what every source and every target of packages does.

use super::world::World;

mod as_a_source {
    use super::World;

    testkit::package_source_contract!(World::start());
}

mod as_a_target {
    use super::World;

    testkit::package_target_contract!(World::start());
}
