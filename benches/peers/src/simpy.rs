//! SimPy, in a child process: `python/models.py` times itself, so the interpreter's start is free.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::model::*;

/// The interpreter is `$PEERS_PYTHON`, or `python3`.
pub struct Simpy {
    python: PathBuf,
}

impl Simpy {
    pub fn new() -> Self {
        Simpy { python: std::env::var_os("PEERS_PYTHON").map_or_else(|| "python3".into(), PathBuf::from) }
    }
}

#[derive(Deserialize)]
struct Report {
    tally: Tally,
    seconds: f64,
}

impl Engine for Simpy {
    fn name(&self) -> &'static str {
        "simpy"
    }

    fn check(&self) -> Result<(), String> {
        output(Command::new(&self.python).args(["-c", "import simpy"])).map(drop).map_err(|error| {
            let cause = error.lines().last().unwrap_or_default();
            format!(
                "{} cannot import simpy ({cause}); install python/requirements.txt and set PEERS_PYTHON",
                self.python.display()
            )
        })
    }

    fn run(&self, workload: &Workload, requests: u64, seed: u64) -> Result<(Tally, Duration), String> {
        // Only W2 has a timeout to choose.
        let (model, timeout) = match workload.model {
            Model::W1 => ("w1", 0.0),
            Model::W2 { timeout } => ("w2", timeout),
            Model::W3 => ("w3", HOP_TIMEOUT),
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/models.py");
        let numbers = [workload.rate.to_string(), requests.to_string(), seed.to_string(), timeout.to_string()];
        let line = output(Command::new(&self.python).arg(script).arg(model).args(numbers))?;
        let report: Report = serde_json::from_slice(&line).map_err(|error| error.to_string())?;
        Ok((report.tally, Duration::from_secs_f64(report.seconds)))
    }
}

/// What the command printed, or what went wrong.
fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
