//! The command line.

use crate::model::{Engine, Workload};
use crate::workloads::WORKLOADS;

const HELP: &str = "\
Times the same models in several simulation engines, in turn.

Usage: cargo run --release -- [OPTIONS]

  --seconds <S>       time budget of one run; sets the number of requests [default: 1]
  --requests <N>      requests of each run, whatever it takes
  --repetitions <R>   runs of each engine on each workload, the median counts [default: 5]
  --seed <SEED>       seed of the first repetition; later ones count up [default: 1]
  --workload <NAME>   only this workload; may be given several times
  --engine <NAME>     only this engine; may be given several times
  --help              this text

Workloads:";

pub struct Options {
    pub seconds: f64,
    pub requests: Option<u64>,
    pub repetitions: u32,
    pub seed: u64,
    workloads: Vec<String>,
    engines: Vec<String>,
}

impl Options {
    pub fn workloads(&self) -> impl Iterator<Item = &'static Workload> {
        WORKLOADS.iter().filter(|workload| match self.workloads.is_empty() {
            true => workload.default,
            false => self.workloads.iter().any(|name| name == workload.name),
        })
    }

    /// The engines asked for: all of them, unless some were named.
    pub fn choose(&self, engines: Vec<Box<dyn Engine>>) -> Result<Vec<Box<dyn Engine>>, String> {
        let known: Vec<&str> = engines.iter().map(|engine| engine.name()).collect();
        if let Some(name) = self.engines.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("there is no engine {name}; there are {}", known.join(", ")));
        }
        let wanted = |name: &str| self.engines.is_empty() || self.engines.iter().any(|one| one == name);
        Ok(engines.into_iter().filter(|engine| wanted(engine.name())).collect())
    }
}

/// The options, or none if help was asked for and given.
pub fn parse() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let (workloads, engines) = (Vec::new(), Vec::new());
    let mut options = Options { seconds: 1.0, requests: None, repetitions: 5, seed: 1, workloads, engines };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => options.seconds = parser.value()?.parse()?,
            Long("requests") => options.requests = Some(parser.value()?.parse()?),
            Long("repetitions") => options.repetitions = parser.value()?.parse()?,
            Long("seed") => options.seed = parser.value()?.parse()?,
            Long("workload") => options.workloads.push(parser.value()?.string()?),
            Long("engine") => options.engines.push(parser.value()?.string()?),
            Long("help") => {
                help();
                return Ok(None);
            }
            other => return Err(other.unexpected()),
        }
    }
    if let Some(name) = options.workloads.iter().find(|name| WORKLOADS.iter().all(|known| known.name != **name)) {
        return Err(format!("there is no workload {name}; see --help").into());
    }
    if options.repetitions == 0 || options.requests == Some(0) || options.seconds.is_nan() || options.seconds <= 0.0 {
        return Err("--repetitions, --requests and --seconds must be above zero".into());
    }
    Ok(Some(options))
}

fn help() {
    println!("{HELP}");
    for workload in &WORKLOADS {
        let note = if workload.default { "" } else { " (only on request)" };
        println!("  {:<10} {}{note}", workload.name, workload.about);
    }
}
