//! The three models, as numbers: every engine reads its parameters from here.
//!
//! Times are in seconds, rates per second. `python/models.py` repeats the numbers in Python and is
//! told the arrival rate and the timeout by the runner.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Mean service time of W1 and W2, and the sum of the two halves of a tier's work in W3.
pub const SERVICE: f64 = 0.010;
/// Servers of W2.
pub const POOL: u32 = 8;
/// Attempts a client of W2 makes, the first one included.
pub const ATTEMPTS: u32 = 3;
/// W2's backoff after attempt `k` is uniform in `0 .. BACKOFF * 2^(k-1)`: exponential, full jitter.
pub const BACKOFF: f64 = 0.010;
/// Tiers of W3.
pub const TIERS: usize = 5;
/// Servers of each tier of W3.
pub const TIER_SERVERS: u32 = 16;
/// Mean of half a tier's work in W3.
pub const HALF: f64 = SERVICE / 2.0;
/// How long a caller of W3, the client included, waits for the tier below.
pub const HOP_TIMEOUT: f64 = 1.0;

/// Which of the three models a workload runs.
#[derive(Clone, Copy, Debug)]
pub enum Model {
    /// M/M/1.
    W1,
    /// M/M/8 with retries, where a client waits this long for the answer to an attempt.
    W2 { timeout: f64 },
    /// Five-tier chain.
    W3,
}

/// A model at one arrival rate, and what is known about its answer.
#[derive(Debug)]
pub struct Workload {
    pub name: &'static str,
    pub about: &'static str,
    pub model: Model,
    /// Poisson arrivals per second.
    pub rate: f64,
    /// Whether a plain run measures it, or only `--workload`.
    pub default: bool,
    /// The exact mean latency, where queueing theory has one.
    pub theory: Option<f64>,
    /// Statistical noise; none if the workload has no steady state to compare.
    pub noise: Option<Noise>,
}

/// Noise of a mean over `n` requests: its standard deviation is the figure divided by `sqrt(n)`.
///
/// Successive requests are correlated, so these are far above the deviation of one request.
#[derive(Debug)]
pub struct Noise {
    pub latency: f64,
    pub attempts: f64,
}

/// What a run counted. Engines add to it on their hot path.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that ended, well or badly.
    pub requests: u64,
    pub succeeded: u64,
    /// Attempts of all requests that ended.
    pub attempts: u64,
    /// Sum of the latencies of those that succeeded, from arrival to answer, in seconds.
    pub latency: f64,
}

impl Tally {
    pub fn succeed(&mut self, latency: f64, attempts: u32) {
        self.requests += 1;
        self.succeeded += 1;
        self.attempts += u64::from(attempts);
        self.latency += latency;
    }

    pub fn fail(&mut self, attempts: u32) {
        self.requests += 1;
        self.attempts += u64::from(attempts);
    }

    pub fn add(&mut self, other: &Tally) {
        self.requests += other.requests;
        self.succeeded += other.succeeded;
        self.attempts += other.attempts;
        self.latency += other.latency;
    }

    pub fn mean_latency(&self) -> f64 {
        self.latency / self.succeeded as f64
    }

    pub fn mean_attempts(&self) -> f64 {
        self.attempts as f64 / self.requests as f64
    }
}

/// One engine under measurement.
pub trait Engine {
    fn name(&self) -> &'static str;

    /// Whether the engine can run here, or why not.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// Whether a run has exactly as many arrivals as it is asked for; else it lasts as long as so many take on average.
    fn counts_requests(&self) -> bool {
        true
    }

    /// Simulates `requests` arrivals from an empty system until nothing is left to happen, and
    /// says how long building and running took.
    fn run(&self, workload: &Workload, requests: u64, seed: u64) -> Result<(Tally, Duration), String>;
}
