//! A folder on a WebDAV server promises what every source and every target does.

use super::world::World;

mod nginx_source {
    testkit::source_contract!(super::World::nginx());
}

mod nginx_target {
    testkit::target_contract!(super::World::nginx());
}

mod wsgidav_source {
    testkit::source_contract!(super::World::wsgidav());
}

mod wsgidav_target {
    testkit::target_contract!(super::World::wsgidav());
}
