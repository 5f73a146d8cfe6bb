//! Endpoints, flattened: nested steps become one list of instructions with jumps.

use super::{CacheId, Checker, DistId, EdgeId, EndpointId, KeysId, Pc, Plan, beside};
use crate::spec::{self, OnError, Step};
use squall_sim::random::{Place, Purpose};
use std::collections::{BTreeMap, BTreeSet};

/// Scopes (pools held, caches being filled) that can be open inside each other.
pub(crate) const MAX_SCOPES: usize = 6;
/// Instructions in the whole world.
const MAX_OPS: usize = 4_000_000;

/// One instruction. A call carries the number of the next one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Work {
        dist: DistId,
        place: Place,
    },
    Sleep {
        dist: DistId,
        place: Place,
    },
    Call {
        edge: EdgeId,
        endpoint: EndpointId,
        place: Place,
        go_on: bool,
        /// The depth, from 1, of the scope whose connection the call goes over; 0 for none.
        via: u8,
    },
    /// The same to a split, over one of several edges.
    Split {
        ways: u32,
        place: Place,
        go_on: bool,
    },
    Parallel {
        table: u32,
    },
    Choose {
        table: u32,
        place: Place,
    },
    Jump {
        to: Pc,
    },
    /// On a hit goes to `hit`; on a miss goes on with the next instruction until `Fill`.
    Cache {
        cache: CacheId,
        keys: KeysId,
        hit: Pc,
        place: Place,
    },
    /// Closes the scope that a missed `Cache` opened, and writes the entry.
    Fill,
    /// Opens a scope that holds a connection of the service's pool number `pool`.
    Acquire {
        pool: u32,
    },
    /// Closes the scope that `Acquire` opened.
    Release,
    /// Starts the next instruction as a strand of its own, and goes on at `after`.
    Spawn {
        place: Place,
        after: Pc,
    },
    /// Goes on at `after` when what follows is left out.
    Optional {
        level: u8,
        place: Place,
        after: Pc,
    },
    Write(Write),
    /// The same with a key, or where something is said about data, by its number.
    Store(u32),
    Read {
        primary: bool,
    },
    Fail {
        share: f64,
        place: Place,
    },
    /// The endpoint or strand is done.
    End,
}

/// A durable effect, by the number that its name has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    pub(crate) effect: Place,
}

#[derive(Clone, Debug)]
pub(crate) struct ParallelPlan {
    pub(crate) branches: Vec<(Pc, Place)>,
    pub(crate) copies: u32,
    pub(crate) need: u32,
    pub(crate) after: Pc,
}

/// Compiles the endpoints of one service.
struct Compiler<'a, 'b, 'c> {
    plan: &'a mut Plan,
    checker: &'b mut Checker<'c>,
    world: &'c spec::World,
    service_name: &'c str,
    /// The number of the service.
    own: usize,
    /// The service's edges by callee.
    edges: BTreeMap<&'c str, EdgeId>,
    called: BTreeSet<&'c str>,
    scopes: usize,
    /// Services that a connection leads to, with the depth of its scope, innermost last.
    held: Vec<(&'c str, usize)>,
    /// The same of the parent of a strand: a connection carries one call at a time.
    barred: Vec<&'c str>,
}

impl Plan {
    pub(super) fn compile_programs<'a>(&mut self, world: &'a spec::World, checker: &mut Checker<'a>) {
        let mut checker_here = Checker::new(world);
        let mut endpoint = 0;
        for (own, (name, service)) in world.services.iter().enumerate() {
            let mut compiler = Compiler {
                plan: self,
                checker: &mut checker_here,
                world,
                service_name: name,
                own,
                edges: BTreeMap::new(),
                called: BTreeSet::new(),
                scopes: 0,
                held: Vec::new(),
                barred: Vec::new(),
            };
            compiler.edges(service);
            compiler.pools(service);
            for (endpoint_name, spec) in &service.endpoints {
                let start = compiler.plan.next();
                let path = format!("services.{name}.endpoints.{endpoint_name}.steps");
                compiler.steps(&path, &spec.steps);
                compiler.plan.ops.push(Op::End);
                compiler.plan.endpoints[endpoint].start = start;
                endpoint += 1;
            }
            compiler.unused(service);
        }
        if self.ops.len() > MAX_OPS {
            checker.problem(
                "services",
                format!("{} steps are more than {MAX_OPS}", self.ops.len()),
                "model fewer of them",
            );
        }
        checker.absorb(checker_here);
    }

    fn next(&self) -> Pc {
        Pc(self.ops.len() as u32)
    }
}

impl<'c> Compiler<'_, '_, 'c> {
    /// Compiles the edges that the service declares.
    fn edges(&mut self, service: &'c spec::Service) {
        let is_split = |callee: &str| self.world.splits.contains_key(callee);
        let (splits, plain): (Vec<_>, Vec<_>) = service.edges.iter().partition(|(callee, _)| is_split(callee));
        for (callee, edge) in plain {
            let path = format!("services.{}.edges.{callee}", self.service_name);
            self.edge(&path, callee, edge);
        }
        // What is said of a split holds for those sides of which nothing is said.
        for (split, edge) in splits {
            let path = format!("services.{}.edges.{split}", self.service_name);
            for side in self.world.splits[split].weights.keys() {
                if !self.edges.contains_key(side.as_str()) {
                    self.edge(&path, side, edge);
                }
            }
        }
    }

    fn edge(&mut self, path: &str, callee: &'c str, edge: &spec::Edge) -> Option<EdgeId> {
        let callers = self.plan.services[self.own].replicas;
        let id = self.plan.compile_edge((path, self.service_name, callee), callers, edge, self.checker)?;
        self.edges.insert(callee, id);
        Some(id)
    }

    /// Finds or makes the edges that pools connect over.
    fn pools(&mut self, service: &'c spec::Service) {
        let first = self.plan.services[self.own].pools.0 as usize;
        for ((name, pool), at) in service.pools.iter().zip(first..) {
            let (Some(to), Some(_)) = (&pool.to, &pool.library) else { continue };
            let path = format!("services.{}.pools.{name}.to", self.service_name);
            let known = self.edges.get(to.as_str()).copied();
            let edge = known.or_else(|| self.edge(&path, to, &spec::Edge::default()));
            self.called.insert(to);
            if let (Some(edge), Some(service)) = (edge, super::rank(&self.world.services, to)) {
                self.plan.connect_pool(at, (super::ServiceId(service), edge));
                if self.plan.edges[edge.at()].eject.is_some() {
                    let path = format!("services.{}.edges.{to}.eject", self.service_name);
                    let rule =
                        format!("calls to `{to}` go over the connections of the pool `{name}`, wherever these lead");
                    self.checker.problem(path, rule, "leave `eject` out");
                }
            }
        }
    }

    /// Declared but unused is an error: a user would believe that it does something.
    fn unused(&mut self, service: &spec::Service) {
        for callee in service.edges.keys().filter(|callee| !self.called.contains(callee.as_str())) {
            if !self.world.services.contains_key(callee) && !self.world.splits.contains_key(callee) {
                continue; // That there is no such service was said already.
            }
            let path = format!("services.{}.edges.{callee}", self.service_name);
            let rule = format!("`{}` has an edge to `{callee}`, but never calls it", self.service_name);
            let uses = ["endpoints", "pools"].map(|part| format!("services.{}.{part}", self.service_name));
            self.checker.missing(path, rule, "add a `call` step, or take the edge out", &uses);
        }
    }

    fn steps(&mut self, path: &str, steps: &'c [Step]) {
        for (at, step) in steps.iter().enumerate() {
            self.step(&format!("{path}.{at}"), step);
        }
    }

    fn step(&mut self, path: &str, step: &'c Step) {
        match step {
            Step::Work(dist) => {
                let op = |dist, place| Op::Work { dist, place };
                self.timed(&format!("{path}.work"), dist, Purpose::Work, op);
            }
            Step::Sleep(dist) => {
                let op = |dist, place| Op::Sleep { dist, place };
                self.timed(&format!("{path}.sleep"), dist, Purpose::Wait, op);
            }
            Step::Call(call) => self.call(&format!("{path}.call"), &call.0),
            Step::Parallel(parallel) => self.parallel(&format!("{path}.parallel"), parallel),
            Step::Choose(choices) => self.choose(&format!("{path}.choose"), choices),
            Step::Cache(lookup) => self.cache(&format!("{path}.cache"), lookup),
            Step::Acquire(acquire) => self.acquire(&format!("{path}.acquire"), acquire),
            Step::Optional(optional) => self.optional(&format!("{path}.optional"), optional),
            Step::Spawn(steps) => {
                let at = self.plan.ops.len();
                let place = Place::named(path, Purpose::Call);
                self.plan.ops.push(Op::Spawn { place, after: Pc(0) });
                self.strand(&format!("{path}.spawn"), steps);
                self.plan.ops[at] = Op::Spawn { place, after: self.plan.next() };
            }
            Step::Write(write) => self.write(&format!("{path}.write"), &write.0),
            Step::Read(read) => {
                if self.world.services[self.service_name].data.is_none() {
                    let rule = format!("`{}` stores nothing that could be read", self.service_name);
                    self.checker.missing(
                        format!("{path}.read"),
                        rule,
                        "give the service `data`",
                        &[beside(path, "data")],
                    );
                }
                self.plan.ops.push(Op::Read { primary: *read == spec::Read::Primary });
            }
            Step::Fail(share) => {
                let place = Place::named(path, Purpose::Fail);
                self.plan.ops.push(Op::Fail { share: share.get(), place });
            }
        }
    }

    fn write(&mut self, path: &str, write: &spec::WriteOptions) {
        if write.effect.is_empty() {
            self.checker.problem(path, "an effect needs a name", "write `write: order`, for example");
        }
        self.plan.writes = true;
        let effect = Place::named(&format!("{}/{}", self.service_name, write.effect), Purpose::Key);
        let plain = write.idempotency.is_none() && self.world.services[self.service_name].data.is_none();
        let op = if plain {
            Op::Write(Write { effect })
        } else {
            Op::Store(self.plan.store(path, effect, write, self.checker))
        };
        self.plan.ops.push(op);
    }

    fn optional(&mut self, path: &str, optional: &'c spec::Optional) {
        let (world, name) = (self.world, self.service_name);
        let service = &world.services[name];
        match super::admission::levels(service) {
            None if super::swap::degrades(world, name) => {
                self.checker.within(format!("{path}.level"), optional.level.into(), 1, 255);
            }
            None => {
                let rule = format!("`{name}` has nothing that would leave these steps out");
                let remedy = "give it an `admission` with `shed: {brownout: …}` or `shed: {degradation: …}`, or an action `degrade`";
                self.checker.missing(path, rule, remedy, &[beside(path, "admission"), "actions".to_owned()]);
            }
            Some(levels) => self.checker.within(format!("{path}.level"), optional.level.into(), 1, levels),
        }
        let (at, place) = (self.plan.ops.len(), Place::named(path, Purpose::Choose));
        self.plan.ops.push(Op::Optional { level: optional.level, place, after: Pc(0) });
        self.steps(&format!("{path}.steps"), &optional.steps);
        self.plan.ops[at] = Op::Optional { level: optional.level, place, after: self.plan.next() };
    }

    /// Steps that run as a strand: the scopes of the parent are not theirs.
    fn strand(&mut self, path: &str, steps: &'c [Step]) {
        let outside = std::mem::take(&mut self.scopes);
        let held = std::mem::take(&mut self.held);
        let barred = self.barred.len();
        self.barred.extend(held.iter().map(|(service, _)| service));
        self.steps(path, steps);
        self.plan.ops.push(Op::End);
        self.barred.truncate(barred);
        (self.scopes, self.held) = (outside, held);
    }

    fn timed(&mut self, path: &str, dist: &spec::Distribution, purpose: Purpose, op: impl FnOnce(DistId, Place) -> Op) {
        if let Some(dist) = self.checker.dist(self.plan, path, dist) {
            self.plan.ops.push(op(dist, Place::named(path, purpose)));
        }
    }

    fn call(&mut self, path: &str, call: &'c spec::CallOptions) {
        if let Some((split, _)) = call.to.split_once('.').filter(|(name, _)| self.world.splits.contains_key(*name)) {
            return self.call_split(path, call, split);
        }
        let Some(endpoint) = self.checker.endpoint(path, &call.to) else {
            return;
        };
        let callee = call.to.split_once('.').map_or("", |(service, _)| service);
        self.called.insert(callee);
        let edge = match self.edges.get(callee) {
            Some(&edge) => Some(edge),
            None => self.edge(path, callee, &spec::Edge::default()),
        };
        let Some(edge) = edge else { return };
        let place = Place::named(path, Purpose::Call);
        let over = self.held.iter().rev().find(|(service, _)| *service == callee);
        if over.is_none() && self.barred.contains(&callee) {
            let rule =
                format!("a connection carries one call at a time, so a branch cannot use its parent's to `{callee}`");
            self.checker.problem(path, rule, "take a connection inside of the branch");
        }
        let via = over.map_or(0, |(_, depth)| *depth as u8);
        self.plan.ops.push(Op::Call { edge, endpoint, place, go_on: call.on_error == OnError::Continue, via });
    }

    fn call_split(&mut self, path: &str, call: &'c spec::CallOptions, split: &'c str) {
        self.called.insert(split);
        let world = self.world;
        self.called.extend(world.splits[split].weights.keys().map(String::as_str));
        let (name, callers) = (self.service_name, self.plan.services[self.own].replicas);
        let edges = &mut self.edges;
        let edge = |plan: &mut Plan, side: &str, checker: &mut Checker<'_>| {
            let (side, _) = world.services.get_key_value(side)?;
            if let Some(&edge) = edges.get(side.as_str()) {
                return Some(edge);
            }
            let edge = plan.compile_edge((path, name, side), callers, &spec::Edge::default(), checker)?;
            edges.insert(side, edge);
            Some(edge)
        };
        let place = Place::named(path, Purpose::Call);
        if let Some(ways) = self.plan.ways(world, (path, &call.to), self.checker, edge) {
            self.plan.ops.push(Op::Split { ways, place, go_on: call.on_error == OnError::Continue });
        }
    }

    fn parallel(&mut self, path: &str, parallel: &'c spec::Parallel) {
        let strands = parallel.branches.len() as u64 * u64::from(parallel.copies);
        self.checker.within(path, strands, 1, 100_000);
        let need = parallel.need.map_or(strands, u64::from);
        self.checker.within(format!("{path}.need"), need, 1, strands.max(1));
        let table = self.plan.parallels.len() as u32;
        self.plan.ops.push(Op::Parallel { table });
        self.plan.parallels.push(ParallelPlan {
            branches: Vec::new(),
            copies: parallel.copies,
            need: need.try_into().unwrap_or(u32::MAX),
            after: Pc(0),
        });
        let mut branches = Vec::new();
        for (at, steps) in parallel.branches.iter().enumerate() {
            let path = format!("{path}.branches.{at}");
            branches.push((self.plan.next(), Place::named(&path, Purpose::Call)));
            self.strand(&path, steps);
        }
        let after = self.plan.next();
        let plan = &mut self.plan.parallels[table as usize];
        (plan.branches, plan.after) = (branches, after);
    }

    fn choose(&mut self, path: &str, choices: &'c [spec::Choice]) {
        self.checker.count(path, choices.len() as u64);
        let table = self.plan.choices.len() as u32;
        self.plan.ops.push(Op::Choose { table, place: Place::named(path, Purpose::Choose) });
        self.plan.choices.push(Vec::new());
        let total: f64 = choices.iter().map(|choice| choice.weight).sum();
        let (mut cumulative, mut starts, mut jumps) = (0.0, Vec::new(), Vec::new());
        for (at, choice) in choices.iter().enumerate() {
            self.checker.positive(format!("{path}.{at}.weight"), choice.weight);
            cumulative += choice.weight / total;
            starts.push((cumulative, self.plan.next()));
            self.steps(&format!("{path}.{at}.steps"), &choice.steps);
            jumps.push(self.plan.ops.len());
            self.plan.ops.push(Op::Jump { to: Pc(0) });
        }
        // Rounding must not leave a gap above the last branch.
        if let Some(last) = starts.last_mut() {
            last.0 = 1.0;
        }
        self.land(&jumps);
        self.plan.choices[table as usize] = starts;
    }

    fn cache(&mut self, path: &str, lookup: &'c spec::Lookup) {
        let cache = self.checker.cache(&format!("{path}.name"), &lookup.name);
        let keys = self.checker.keys(&format!("{path}.keys"), &lookup.keys);
        let at = self.plan.ops.len();
        let place = Place::named(path, Purpose::Jitter);
        let op = |hit| Some(Op::Cache { cache: cache?, keys: keys?, hit, place });
        self.plan.ops.push(Op::End);
        self.scoped(path, |compiler| compiler.steps(&format!("{path}.miss"), &lookup.miss));
        self.plan.ops.push(Op::Fill);
        let jump = self.plan.ops.len();
        self.plan.ops.push(Op::Jump { to: Pc(0) });
        if let Some(op) = op(self.plan.next()) {
            self.plan.ops[at] = op;
        }
        self.steps(&format!("{path}.hit"), &lookup.hit);
        self.land(&[jump]);
    }

    fn acquire(&mut self, path: &str, acquire: &'c spec::Acquire) {
        let world = self.world;
        let pools = &world.services[self.service_name].pools;
        match super::rank(pools, &acquire.pool) {
            Some(pool) => self.plan.ops.push(Op::Acquire { pool }),
            None => {
                let remedy = crate::problem::did_you_mean(&acquire.pool, pools.keys().map(String::as_str), "pools");
                let rule = format!("service `{}` has no pool `{}`", self.service_name, acquire.pool);
                self.checker.problem(format!("{path}.pool"), rule, remedy);
            }
        }
        let library = pools.get(&acquire.pool).filter(|pool| pool.library.is_some());
        let to = library.and_then(|pool| pool.to.as_deref());
        self.held.extend(to.map(|to| (to, self.scopes + 1)));
        self.scoped(path, |compiler| compiler.steps(&format!("{path}.steps"), &acquire.steps));
        self.held.truncate(self.held.len() - usize::from(to.is_some()));
        self.plan.ops.push(Op::Release);
    }

    fn scoped(&mut self, path: &str, inner: impl FnOnce(&mut Self)) {
        self.scopes += 1;
        if self.scopes == MAX_SCOPES + 1 {
            let rule = format!("more than {MAX_SCOPES} `cache` and `acquire` steps are open inside each other");
            self.checker.problem(path, rule, "move the inner ones to an endpoint of their own");
        }
        inner(self);
        self.scopes -= 1;
    }

    /// Lets these jumps go to the next instruction.
    fn land(&mut self, jumps: &[usize]) {
        let to = self.plan.next();
        for &jump in jumps {
            self.plan.ops[jump] = Op::Jump { to };
        }
    }
}
