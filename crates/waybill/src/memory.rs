//! Keeps the process small: the C library may use two arenas of memory, not eight for each core.
//!
//! With its default, every thread that allocates at the same time as another gets an arena of its own and
//! gives little of it back; the peak of a busy node is half as much again. The library reads this setting
//! when a process starts and at no other time, so the process starts itself once more.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// What the C library reads.
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Starts this program again with two arenas, unless somebody chose a number already.
///
/// Returns when that is not needed or not possible; a larger peak is no reason not to start.
pub fn keep_small() {
    if std::env::var_os(ARENAS).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut arguments = std::env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // Only a failure returns.
    let _ = again.args(arguments).env(ARENAS, "2").exec();
}
