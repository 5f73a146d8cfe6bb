//! Who calls whom, how often, and for how long.

use super::mean;
use super::warm::Stream;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{EdgeRef, VisitMap, Visitable};
use squall_models::spec::{Lookup, Service, Step, World};
use std::collections::{BTreeMap, BTreeSet};

/// Times around a circle; what is called more often than this in one request fails anyway.
const ROUNDS: usize = 256;

/// What an endpoint does itself, on average and for one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    /// Seconds of work, also that of what it does not wait for.
    pub(super) work: f64,
    /// It looks into a cache.
    pub(super) looks_up: bool,
    /// Calls of other endpoints.
    calls: BTreeMap<usize, f64>,
    /// The share of each look-up that misses, by the place of the step in memory.
    misses: BTreeMap<usize, f64>,
}

/// Endpoints and the calls between them.
pub(super) struct Graph<'a> {
    world: &'a World,
    /// Calls per second of every endpoint, where caches are taken to have been in use at these rates for long.
    rates: Option<&'a [f64]>,
    names: Vec<(&'a str, &'a str)>,
    indices: BTreeMap<(&'a str, &'a str), usize>,
    programs: Vec<Program>,
    /// Seconds that a call of each endpoint takes if it waits for nothing but its callees.
    holds: Vec<f64>,
    edges: DiGraph<(), f64>,
    /// Endpoints that reach each other, callees before callers.
    components: Vec<Vec<usize>>,
}

impl<'a> Graph<'a> {
    /// With every look into a cache a miss; or with warm caches, if it is known how often each endpoint is called.
    pub(super) fn of(world: &'a World, rates: Option<&'a [f64]>) -> Self {
        let names: Vec<(&str, &str)> = world
            .services
            .iter()
            .flat_map(|(service, spec)| {
                spec.endpoints.keys().map(move |endpoint| (service.as_str(), endpoint.as_str()))
            })
            .collect();
        let indices: BTreeMap<_, _> = names.iter().copied().zip(0..).collect();
        let mut graph = Self {
            world,
            rates,
            names,
            indices,
            programs: Vec::new(),
            holds: Vec::new(),
            edges: DiGraph::new(),
            components: Vec::new(),
        };
        graph.programs = graph.nodes().map(|node| graph.read_program(node)).collect();
        for _ in graph.nodes() {
            graph.edges.add_node(());
        }
        for (node, program) in graph.programs.iter().enumerate() {
            for (&callee, &times) in &program.calls {
                graph.edges.add_edge(NodeIndex::new(node), NodeIndex::new(callee), times);
            }
        }
        let index = |component: Vec<NodeIndex>| component.into_iter().map(NodeIndex::index).collect();
        graph.components = kosaraju_scc(&graph.edges).into_iter().map(index).collect();
        graph.holds = vec![0.0; graph.len()];
        // Callees come first, so what they hold is known, except around a circle, where it counts as nothing.
        for component in 0..graph.components.len() {
            for at in 0..graph.components[component].len() {
                let node = graph.components[component][at];
                graph.holds[node] = graph.time(graph.spec(node), graph.steps(node));
            }
        }
        graph
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn nodes(&self) -> std::ops::Range<usize> {
        0..self.names.len()
    }

    pub(super) fn service(&self, node: usize) -> &'a str {
        self.names[node].0
    }

    pub(super) fn name(&self, node: usize) -> String {
        format!("{}.{}", self.names[node].0, self.names[node].1)
    }

    pub(super) fn program(&self, node: usize) -> &Program {
        &self.programs[node]
    }

    pub(super) fn holds(&self, node: usize) -> f64 {
        self.holds[node]
    }

    /// The endpoints that `service.endpoint` or `split.endpoint` names, each with its share of the calls at the beginning.
    pub(super) fn targets(&self, to: &str) -> Vec<(usize, f64)> {
        let split = to.split_once('.').and_then(|(name, endpoint)| Some((self.world.splits.get(name)?, endpoint)));
        let Some((split, endpoint)) = split else { return self.find(to).map(|node| (node, 1.0)).into_iter().collect() };
        let all: f64 = split.weights.values().sum();
        let side = |(side, weight): (&String, &f64)| Some((self.find(&format!("{side}.{endpoint}"))?, weight / all));
        split.weights.iter().filter_map(side).collect()
    }

    /// The endpoint that `service.endpoint` names.
    fn find(&self, to: &str) -> Option<usize> {
        let (service, endpoint) = to.split_once('.')?;
        self.indices.get(&(service, endpoint)).copied()
    }

    fn spec(&self, node: usize) -> &'a Service {
        &self.world.services[self.names[node].0]
    }

    fn steps(&self, node: usize) -> &'a [Step] {
        &self.spec(node).endpoints[self.names[node].1].steps
    }

    fn read_program(&self, node: usize) -> Program {
        let mut program = Program::default();
        self.count((node, self.steps(node)), 1.0, &mut BTreeMap::new(), &mut program);
        program
    }

    /// Adds what steps do when they are run `times` times. `streams` are the keys that get this far, by key set.
    fn count(
        &self,
        (node, steps): (usize, &[Step]),
        times: f64,
        streams: &mut BTreeMap<String, Stream>,
        program: &mut Program,
    ) {
        for step in steps {
            match step {
                Step::Work(time) => program.work += times * mean::of(time),
                Step::Call(call) => {
                    for (callee, share) in self.targets(&call.0.to) {
                        *program.calls.entry(callee).or_default() += times * share;
                    }
                }
                Step::Parallel(parallel) => {
                    for branch in &parallel.branches {
                        self.count((node, branch), times * f64::from(parallel.copies), streams, program);
                    }
                }
                Step::Choose(choices) => {
                    let total: f64 = choices.iter().map(|choice| choice.weight).sum();
                    for choice in choices.iter().filter(|_| total > 0.0) {
                        self.count((node, &choice.steps), times * choice.weight / total, streams, program);
                    }
                }
                Step::Cache(lookup) => self.look_up((node, lookup), times, streams, program),
                Step::Acquire(acquire) => self.count((node, &acquire.steps), times, streams, program),
                Step::Optional(optional) => self.count((node, &optional.steps), times, streams, program),
                Step::Spawn(inner) => self.count((node, inner), times, streams, program),
                Step::Sleep(_) | Step::Write(_) | Step::Read(_) | Step::Fail(_) => {}
            }
        }
    }

    fn look_up(
        &self,
        (node, lookup): (usize, &Lookup),
        times: f64,
        streams: &BTreeMap<String, Stream>,
        program: &mut Program,
    ) {
        program.looks_up = true;
        let mut missed = 1.0;
        // What misses goes on as a stream of its own; what comes after the look-up is about all requests again.
        let mut misses = streams.clone();
        let known = self.world.caches.get(&lookup.name).zip(self.world.keys.get(&lookup.keys));
        if let Some(((cache, keys), rates)) = known.zip(self.rates) {
            let stream = misses.entry(lookup.keys.clone()).or_insert_with(|| Stream::of(keys));
            let stores = if cache.per_replica { f64::from(self.spec(node).replicas) } else { 1.0 };
            missed = stream.through(cache, rates[node] * times / stores);
        }
        program.misses.insert(place(lookup), missed);
        self.count((node, &lookup.miss), times * missed, &mut misses, program);
        self.count((node, &lookup.hit), times * (1.0 - missed), &mut streams.clone(), program);
    }

    /// Mean seconds from the beginning of steps to their end.
    fn time(&self, service: &Service, steps: &[Step]) -> f64 {
        let of = |step: &Step| match step {
            Step::Work(time) | Step::Sleep(time) => mean::of(time),
            Step::Call(call) => {
                let split = call.0.to.split('.').next().unwrap_or_default();
                let of = |(callee, share): (usize, f64)| {
                    let edge = service.edges.get(self.service(callee)).or_else(|| service.edges.get(split));
                    let latency = edge.and_then(|edge| edge.link.latency.as_ref()).map_or(0.0, mean::of);
                    share * (self.holds[callee] + 2.0 * latency)
                };
                self.targets(&call.0.to).into_iter().map(of).sum()
            }
            Step::Parallel(parallel) => {
                let slowest = |slowest: f64, branch: &Vec<Step>| slowest.max(self.time(service, branch));
                parallel.branches.iter().fold(0.0, slowest)
            }
            Step::Choose(choices) => {
                let total: f64 = choices.iter().map(|choice| choice.weight).sum();
                let sum: f64 = choices.iter().map(|choice| choice.weight * self.time(service, &choice.steps)).sum();
                if total > 0.0 { sum / total } else { 0.0 }
            }
            Step::Cache(lookup) => {
                let missed = self.programs.iter().find_map(|program| program.misses.get(&place(lookup)));
                let missed = missed.copied().unwrap_or(1.0);
                missed * self.time(service, &lookup.miss) + (1.0 - missed) * self.time(service, &lookup.hit)
            }
            Step::Acquire(acquire) => self.time(service, &acquire.steps),
            Step::Optional(optional) => self.time(service, &optional.steps),
            Step::Spawn(_) | Step::Write(_) | Step::Read(_) | Step::Fail(_) => 0.0,
        };
        steps.iter().map(of).sum()
    }

    /// Calls per second of every endpoint, from those that come from outside.
    pub(super) fn loads(&self, arrivals: &[f64]) -> Vec<f64> {
        let mut loads = arrivals.to_vec();
        for component in self.components.iter().rev() {
            let mut wave: BTreeMap<usize, f64> = component.iter().map(|&node| (node, loads[node])).collect();
            let rounds = if self.is_circle(component) { ROUNDS } else { 0 };
            for _ in 0..rounds {
                let mut next = BTreeMap::new();
                for (&node, &load) in &wave {
                    for (callee, times) in
                        self.programs[node].calls.iter().filter(|(callee, _)| wave.contains_key(callee))
                    {
                        *next.entry(*callee).or_insert(0.0) += load * times;
                    }
                }
                for (&node, load) in &next {
                    loads[node] += load;
                }
                wave = component.iter().map(|node| (*node, next.get(node).copied().unwrap_or(0.0))).collect();
                if wave.values().all(|load| *load < 1e-12) {
                    break;
                }
            }
            let inside: BTreeSet<usize> = component.iter().copied().collect();
            for &node in component {
                for (&callee, times) in self.programs[node].calls.iter().filter(|(callee, _)| !inside.contains(callee))
                {
                    loads[callee] += loads[node] * times;
                }
            }
        }
        loads
    }

    fn is_circle(&self, component: &[usize]) -> bool {
        component.len() > 1 || component.iter().any(|node| self.programs[*node].calls.contains_key(node))
    }

    /// Endpoints that reach themselves.
    pub(super) fn endless(&self) -> BTreeSet<usize> {
        self.components.iter().filter(|component| self.is_circle(component)).flatten().copied().collect()
    }

    /// The names in each circle of calls.
    pub(super) fn circles(&self) -> Vec<Vec<String>> {
        let circles = self.components.iter().filter(|component| self.is_circle(component));
        circles
            .map(|component| {
                let mut names: Vec<String> = component.iter().map(|&node| self.name(node)).collect();
                names.sort();
                names
            })
            .collect()
    }

    /// Endpoints that no call reaches from these.
    pub(super) fn unreached(&self, from: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut seen = self.edges.visit_map();
        let mut next: Vec<NodeIndex> = from.map(NodeIndex::new).collect();
        while let Some(node) = next.pop() {
            if seen.visit(node) {
                next.extend(self.edges.edges(node).map(|edge| edge.target()));
            }
        }
        self.nodes().filter(|node| !seen.is_visited(&NodeIndex::<u32>::new(*node))).collect()
    }
}

/// A step is known by where it is.
fn place(lookup: &Lookup) -> usize {
    std::ptr::from_ref(lookup) as usize
}
