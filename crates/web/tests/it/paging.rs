//! The paging table: never an error but for what is no integer.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn pages_follow_the_contracts_table() {
    let world = World::start().await;
    for name in ["a1", "a2", "a3"] {
        world.cluster(name, "EDGE").await;
    }

    for (query, number, size, rows, pages) in [
        ("", 1, 20, 3, 1),
        ("pageNumber=0", 1, 20, 3, 1),
        ("pageNumber=-1&pageSize=2", 1, 2, 2, 2),
        ("pageNumber=2&pageSize=2", 2, 2, 1, 2),
        ("pageNumber=9&pageSize=2", 9, 2, 0, 2),
        ("pageSize=0", 1, 20, 3, 1),
        ("pageSize=-5", 1, 20, 3, 1),
        ("pageSize=2147483647", 1, 10_000, 3, 1),
    ] {
        let page = world
            .get(&format!("/replication/api/cluster/page?{query}"))
            .await
            .ok();
        let mut expected = json!({
            "pageNumber": number, "pageSize": size, "totalRecords": 3, "totalPages": pages,
            "count": 3, "page": number
        });
        expected["records"] = page["records"].clone();
        assert_eq!(page, expected, "{query}");
        assert_eq!(page["records"].as_array().map(Vec::len), Some(rows), "{query}");
    }
}
