//! A slot for the whole product: the `squall` binary on `topologies/gallery/bench/`. Not wired yet.
//!
//! To fill it: `check` looks for the binary and the topologies; `run` starts it as `simpy.rs`
//! starts Python, and turns its report into a `Tally` and the time it took.

use std::time::Duration;

use crate::model::*;

pub struct Squall;

impl Engine for Squall {
    fn name(&self) -> &'static str {
        "squall"
    }

    fn check(&self) -> Result<(), String> {
        Err("the product is not wired to this benchmark yet".into())
    }

    fn run(&self, _: &Workload, _: u64, _: u64) -> Result<(Tally, Duration), String> {
        self.check().map(|()| unreachable!("check refuses"))
    }
}
