//! The workloads: a model, an arrival rate, and how exactly its answer is known.

use crate::model::{HALF, Model, Noise, POOL, SERVICE, TIER_SERVERS, TIERS, Workload};

/// Arrivals per second at which `servers` servers, each held for `holding`, are busy for `share`.
const fn rate(share: f64, servers: u32, holding: f64) -> f64 {
    share * servers as f64 / holding
}

/// The noise of W1 is the asymptotic formula for the waiting time of M/M/1 (Whitt 1989), that of the
/// others was measured over 300 runs of 20,000 requests, each with a seed of its own.
pub static WORKLOADS: [Workload; 5] = [
    Workload {
        name: "w1",
        about: "M/M/1, 80 % busy",
        model: Model::W1,
        rate: rate(0.8, 1, SERVICE),
        default: true,
        theory: Some(0.050),
        noise: Some(Noise { latency: 0.445, attempts: 0.0 }),
    },
    Workload {
        name: "w2",
        about: "M/M/8, 50 % busy, timeouts and retries",
        model: Model::W2 { timeout: 5.0 * SERVICE },
        rate: rate(0.5, POOL, SERVICE),
        default: true,
        theory: None,
        noise: Some(Noise { latency: 0.0112, attempts: 0.0833 }),
    },
    Workload {
        name: "w2-patient",
        about: "M/M/8, 90 % busy, timers that never fire",
        model: Model::W2 { timeout: 30.0 * SERVICE },
        rate: rate(0.9, POOL, SERVICE),
        default: true,
        theory: Some(0.0187691624),
        noise: Some(Noise { latency: 0.229, attempts: 0.0 }),
    },
    Workload {
        name: "w2-storm",
        about: "M/M/8, 90 % busy: timeouts and retries overload it for good",
        model: Model::W2 { timeout: 5.0 * SERVICE },
        rate: rate(0.9, POOL, SERVICE),
        default: false,
        theory: None,
        noise: None,
    },
    Workload {
        name: "w3",
        about: "five-tier chain, first tier 70 % busy",
        model: Model::W3,
        rate: rate(0.7, TIER_SERVERS, 2.0 * HALF * TIERS as f64),
        default: true,
        theory: None,
        noise: Some(Noise { latency: 0.0245, attempts: 0.0 }),
    },
];
