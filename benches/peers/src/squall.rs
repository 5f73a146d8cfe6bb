//! The whole product: the `squall` binary on `topologies/gallery/bench/`, timed from its start to its exit.
//!
//! Reading the file, compiling the world, recording metrics and printing the report are all in the time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::clock::timed;
use crate::model::*;

/// The binary is `$SQUALL_BIN`, or the root workspace's release build.
pub struct Squall {
    binary: PathBuf,
}

impl Squall {
    pub fn new() -> Self {
        let built = root().join("target/release/squall");
        Squall { binary: std::env::var_os("SQUALL_BIN").map_or(built, PathBuf::from) }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The file that holds a workload.
fn scenario(workload: &Workload) -> Result<PathBuf, String> {
    let file = match workload.name {
        "w1" => "w1-mm1.yaml",
        "w2" => "w2-timeouts.yaml",
        "w2-patient" => "w2-busy.yaml",
        "w3" => "w3-chain.yaml",
        other => return Err(format!("no scenario file holds {other}")),
    };
    Ok(root().join("topologies/gallery/bench").join(file))
}

impl Engine for Squall {
    fn name(&self) -> &'static str {
        "squall"
    }

    fn counts_requests(&self) -> bool {
        false
    }

    fn check(&self) -> Result<(), String> {
        let works = Command::new(&self.binary).arg("--version").output();
        works.map(drop).map_err(|error| {
            let binary = self.binary.display();
            format!("{binary}: {error}; run `cargo build --release` in the root workspace, or set SQUALL_BIN")
        })
    }

    fn run(&self, workload: &Workload, requests: u64, seed: u64) -> Result<(Tally, Duration), String> {
        let file = scenario(workload)?;
        let duration = requests as f64 / workload.rate;
        let (output, elapsed) = timed(|| {
            Command::new(&self.binary)
                .arg("run")
                .arg(&file)
                .args(["--seeds", "1", "--threads", "1", "--format", "json", "--seed", &seed.to_string()])
                .args(["--set", &format!("run.duration={duration:.6}s")])
                .output()
        });
        let output = output.map_err(|error| error.to_string())?;
        // Exit 1 is an expectation of the file that a short run misses; the run itself is sound.
        if !matches!(output.status.code(), Some(0 | 1)) {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let report: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        Ok((tally(&report)?, elapsed))
    }
}

fn tally(report: &Value) -> Result<Tally, String> {
    let metrics = &report["scenarios"][0]["variants"][0]["metrics"];
    let metric = |name: &str| {
        let mut all = metrics.as_array().into_iter().flatten();
        let found = all.find(|metric| metric["component"] == "clients.web" && metric["metric"] == name);
        found.and_then(|metric| metric["value"].as_f64()).ok_or_else(|| format!("the report has no {name}"))
    };
    let succeeded = metric("count.ok")?;
    Ok(Tally {
        requests: (metric("count.arrivals")? - metric("count.in_flight")?) as u64,
        succeeded: succeeded as u64,
        attempts: metric("count.attempts")? as u64,
        latency: metric("latency.mean")? * succeeded,
    })
}
