//! A run takes the memory of what is in flight, however long it is. A program of its own, for the system counts over all
//! children of a process.
#![cfg(target_os = "linux")]

use nix::sys::resource::{UsageWho, getrusage};
use std::path::Path;
use std::process::Command;

/// The most that any child has taken so far, in KiB.
fn peak() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss()
}

#[test]
fn a_run_ten_times_longer_takes_no_more_memory() {
    // As many requests in flight in both, calls on all of five tiers, timers set and cancelled.
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/gallery/bench/w3-chain.yaml");
    let run = |duration: &str| {
        let set = format!("run.duration={duration}");
        let mut squall = Command::new(env!("CARGO_BIN_EXE_squall"));
        let ended = squall.arg("run").arg(&scenario).args(["--quiet", "--set", &set]).output().unwrap();
        assert!(ended.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&ended.stderr));
        peak()
    };
    let (short, long) = (run("500s"), run("5000s"));
    assert!(short > 1000, "{short} KiB are too few to be true");
    assert!(long * 10 <= short * 11, "{short} KiB, and {long} KiB for ten times as long");
}
