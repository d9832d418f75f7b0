//! A repository of a peer promises what every source and every target does.

mod source {
    use crate::peer::node::{Node, demo};

    async fn world() -> Node {
        let node = Node::start().await;
        node.hosted
            .ensure_repository(&demo(), "admin")
            .await
            .expect("a repository");
        node
    }

    testkit::source_contract!(world());
}

mod target {
    testkit::target_contract!(crate::peer::node::Node::start());
}
