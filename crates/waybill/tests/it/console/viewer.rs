use super::play;
use crate::promises::world::Node;

#[tokio::test]
async fn both_documents_are_read_in_a_browser_without_a_script_or_a_request_to_anybody() {
    let (mut centre, mut edge) = tokio::join!(Node::start("centre"), Node::start("edge"));

    play("viewer.mjs", &mut centre, &mut edge, &[]).await;
}
