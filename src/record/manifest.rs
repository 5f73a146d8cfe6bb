//! The manifest: what was run, with what, where. The only file of a results folder that differs between two equal runs.

use crate::experiment::{Outcome, ending};
use crate::scenario::Loaded;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What the command line knows about this execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// When it began, in seconds since 1970.
    pub started_unix_s: u64,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// Threads.
    pub threads: usize,
    /// Seeds that were asked for, as the first and how many.
    pub seeds: (u64, u64),
    /// The `--set` options.
    pub sets: Vec<String>,
    /// It was interrupted: some runs are missing.
    pub interrupted: bool,
}

pub(super) fn manifest(loaded: &Loaded, outcomes: &[Outcome], session: &Session) -> Value {
    let runs: Vec<Value> = outcomes.iter().flat_map(runs).collect();
    let variants: Vec<&str> = outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
    json!({
        "squall": env!("CARGO_PKG_VERSION"),
        "schema": super::SCHEMA,
        "scenario": {
            "name": loaded.name,
            "path": loaded.path.to_string_lossy(),
            "about": loaded.about,
            "sha256": sha256(loaded.canonical.as_bytes()),
            "set": session.sets,
        },
        "variants": variants,
        "seeds": { "first": session.seeds.0, "count": session.seeds.1 },
        "interrupted": session.interrupted,
        "runs": runs,
        "execution": execution(session),
    })
}

/// When, how long, and on what.
pub(super) fn execution(session: &Session) -> Value {
    json!({
        "started_unix_s": session.started_unix_s,
        "took_s": session.took_s,
        "threads": session.threads,
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    })
}

fn runs(outcome: &Outcome) -> impl Iterator<Item = Value> {
    outcome.lines.iter().map(|line| {
        json!({
            "variant": outcome.name,
            "seed": line.seed,
            "digest": format!("{:016x}", line.digest),
            "ending": ending(line.ending),
            "ended_at_s": line.ended_at.seconds(),
            "events": line.events,
        })
    })
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hash_is_the_one_that_sha256sum_prints() {
        assert_eq!(super::sha256(b"squall\n").len(), 64);
        assert_eq!(super::sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
