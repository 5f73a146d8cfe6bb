//! Runs a small world from its JSON text and looks at what came out by name.

// Each of the modules that share this uses another part of it.
#![allow(dead_code)]

use squall_models::report::{CacheTotals, ClientTotals, EdgeTotals, Names, PoolTotals, Report, ServiceTotals, Totals};
use squall_models::{Blueprint, Limits, Settings, run, spec};
use squall_sim::{Span, Time};

pub(crate) use serde_json::{Value, json};

/// A world, and how to run it.
#[derive(Clone)]
pub(crate) struct Lab {
    pub(crate) world: spec::World,
    pub(crate) settings: Settings,
}

/// What a run of a [`Lab`] found.
pub(crate) struct Run {
    pub(crate) report: Report,
    names: Names,
}

impl Lab {
    /// A world from JSON, to be run for so many seconds, without a warm-up.
    pub(crate) fn new(world: Value, seconds: f64) -> Self {
        let world = serde_json::from_value(world).expect("the world reads");
        let duration = Span::from_seconds(seconds);
        Self {
            world,
            settings: Settings {
                duration,
                warmup: Span::ZERO,
                resolution: Span::from_seconds(seconds / 100.0),
                windows: Vec::new(),
                limits: Limits { events: 1 << 39, in_flight: 1_000_000, depth: 64 },
            },
        }
    }

    pub(crate) fn warmup(mut self, seconds: f64) -> Self {
        self.settings.warmup = Span::from_seconds(seconds);
        self
    }

    pub(crate) fn resolution(mut self, seconds: f64) -> Self {
        self.settings.resolution = Span::from_seconds(seconds);
        self
    }

    pub(crate) fn windows(mut self, windows: &[(f64, f64)]) -> Self {
        let time = |seconds| Time::ZERO + Span::from_seconds(seconds);
        self.settings.windows = windows.iter().map(|&(from, to)| (time(from), time(to))).collect();
        self
    }

    pub(crate) fn run(&self, seed: u64) -> Run {
        let blueprint = Blueprint::new(&self.world, self.settings.clone()).unwrap_or_else(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("the world has problems:\n{}", lines.join("\n"))
        });
        Run {
            report: run(&blueprint, seed).unwrap_or_else(|violation| panic!("{violation}")),
            names: blueprint.names().clone(),
        }
    }
}

fn at(names: &[String], name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| panic!("nothing is called `{name}`"))
}

impl Run {
    pub(crate) fn all(&self) -> &Totals {
        &self.report.measured
    }

    /// Length of the measured part, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        let totals = &self.report.measured;
        totals.to.since(totals.from).seconds()
    }

    pub(crate) fn client(&self, name: &str) -> &ClientTotals {
        &self.all().clients[at(&self.names.clients, name)]
    }

    pub(crate) fn client_in(&self, window: usize, name: &str) -> &ClientTotals {
        &self.report.windows[window].clients[at(&self.names.clients, name)]
    }

    pub(crate) fn service(&self, name: &str) -> &ServiceTotals {
        &self.all().services[at(&self.names.services, name)]
    }

    pub(crate) fn service_in(&self, window: usize, name: &str) -> &ServiceTotals {
        &self.report.windows[window].services[at(&self.names.services, name)]
    }

    pub(crate) fn cache(&self, name: &str) -> &CacheTotals {
        &self.all().caches[at(&self.names.caches, name)]
    }

    pub(crate) fn pool(&self, service: &str, name: &str) -> &PoolTotals {
        let known = self.names.pools.iter().position(|(s, p)| s == service && p == name);
        &self.all().pools[known.expect("the pool is there")]
    }

    pub(crate) fn edge(&self, from: &str, to: &str) -> &EdgeTotals {
        &self.all().edges[self.edge_at(from, to)]
    }

    pub(crate) fn edge_in(&self, window: usize, from: &str, to: &str) -> &EdgeTotals {
        &self.report.windows[window].edges[self.edge_at(from, to)]
    }

    fn edge_at(&self, from: &str, to: &str) -> usize {
        let known = self.names.edges.iter().position(|(f, t)| f == from && t == to);
        known.expect("the edge is there")
    }

    /// One column of the series, window by window.
    pub(crate) fn series(&self, component: &str, metric: &str) -> Vec<f64> {
        let column = self.report.series.column(component, metric);
        column.expect("the column is there").collect()
    }
}

/// Busy time over time that was there.
pub(crate) fn utilisation(service: &ServiceTotals) -> f64 {
    service.held.seconds() / service.available.seconds()
}

pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
