//! Ctrl-C: once to stop beginning runs, twice to stop at once.

use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// A flag that Ctrl-C sets.
pub(super) fn flag() -> &'static AtomicBool {
    // Without a handler Ctrl-C simply ends the process, which is no reason not to run.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nfinishing the runs under way; Ctrl-C again stops at once");
    });
    &STOP
}
