//! What the nodes hold in memory while they are busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a node may hold at most, in KiB; it is not optimised, and serves a hundred clients.
const MOST_KIB: u64 = 200 * 1024;

/// Looks at the memory of both processes four times a second, in KiB.
pub(super) async fn watch(pids: [u32; 2], busy: Arc<AtomicBool>) -> Vec<[u64; 2]> {
    let mut seen = Vec::new();
    while busy.load(Ordering::Relaxed) {
        seen.push(pids.map(resident_kib));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    seen
}

/// Returns what a process holds in memory; 0 where the system does not say.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Asserts that neither process holds too much, and that a `long` run did not make it grow to the end.
///
/// What is compared are medians: checking passwords takes 20 MiB each for a moment, once a minute. The caches
/// of the database, 40 MiB, may still be filling when a minute is over.
pub(super) fn assert_flat(seen: &[[u64; 2]], long: bool) {
    for process in 0..2 {
        let sorted = |part: &[[u64; 2]]| {
            let mut held: Vec<u64> = part.iter().map(|both| both[process]).collect();
            held.sort_unstable();
            held
        };
        let most = sorted(seen).last().copied().unwrap_or(0);
        let thirds = seen.chunks(seen.len().div_ceil(3)).map(sorted);
        let thirds: Vec<u64> = thirds.map(|held| held[held.len() / 2]).collect();
        println!("process {process}: {thirds:?} KiB in each third of the time, at most {most}");
        assert!(most < MOST_KIB, "process {process} holds {most} KiB");
        if let [_, middle, last] = thirds[..]
            && long
        {
            assert!(last <= middle + middle / 6, "process {process} grows: {thirds:?}");
        }
    }
}
