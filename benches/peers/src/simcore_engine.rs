//! The models on simcore 0.1: one component a model, one struct an event, `cast!` to tell them apart.
//!
//! Latency between components is zero, and simcore's own advice for that case is a direct call
//! instead of an event. Randomness is the simulation's (`Pcg64`), sampled with `rand_distr`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use rand_distr::Exp1;
use serde::Serialize;
use simcore::{Event, EventHandler, EventId, Simulation, SimulationContext, cast};
use slab::Slab;

use crate::clock::timed;
use crate::model::*;

/// simcore, with or without its queue for events that are emitted in the order of their time.
pub struct Simcore {
    /// Emit constant-delay timers (W2, W3) and arrivals (W1) with `emit_ordered`.
    pub ordered: bool,
}

impl Engine for Simcore {
    fn name(&self) -> &'static str {
        if self.ordered { "simcore (ordered)" } else { "simcore" }
    }

    fn run(&self, workload: &Workload, requests: u64, seed: u64) -> Result<(Tally, Duration), String> {
        Ok(timed(|| {
            let mut sim = Simulation::new(seed);
            let host = Host { ctx: sim.create_context("model"), ordered: self.ordered };
            let arrivals = Arrivals { gap: 1.0 / workload.rate, left: requests };
            match workload.model {
                Model::W1 => simulate(&mut sim, Single::new(host, arrivals)),
                Model::W2 { timeout } => simulate(&mut sim, Pool::new(host, arrivals, timeout)),
                Model::W3 => simulate(&mut sim, Chain::new(host, arrivals)),
            }
        }))
    }
}

trait Component: EventHandler + 'static {
    fn start(&mut self);
    fn tally(&self) -> Tally;
}

fn simulate(sim: &mut Simulation, component: impl Component) -> Tally {
    let component = Rc::new(RefCell::new(component));
    sim.add_handler("model", component.clone());
    component.borrow_mut().start();
    sim.step_until_no_events();
    component.borrow().tally()
}

/// The context, and the two things every model does with it.
struct Host {
    ctx: SimulationContext,
    ordered: bool,
}

impl Host {
    fn exponential(&self, mean: f64) -> f64 {
        self.ctx.sample_from_distribution::<f64, _>(&Exp1) * mean
    }

    /// Emits an event of a class whose events are created in the order in which they fire.
    fn emit_in_order<T: Clone + Serialize + 'static>(&self, event: T, delay: f64) -> EventId {
        if self.ordered { self.ctx.emit_ordered_self(event, delay) } else { self.ctx.emit_self(event, delay) }
    }
}

/// Poisson arrivals, `left` of them to come.
struct Arrivals {
    gap: f64,
    left: u64,
}

impl Arrivals {
    /// The delay until the next arrival, unless there is none.
    fn next(&mut self, host: &Host) -> Option<f64> {
        self.left = self.left.checked_sub(1)?;
        Some(host.exponential(self.gap))
    }
}

#[derive(Clone, Serialize)]
struct Arrival {}

// W1

#[derive(Clone, Serialize)]
struct Departure {}

struct Single {
    host: Host,
    arrivals: Arrivals,
    /// Arrival times; the head is in service.
    queue: VecDeque<f64>,
    tally: Tally,
}

impl Single {
    fn new(host: Host, arrivals: Arrivals) -> Self {
        Single { host, arrivals, queue: VecDeque::new(), tally: Tally::default() }
    }

    fn await_arrival(&mut self) {
        if let Some(delay) = self.arrivals.next(&self.host) {
            self.host.emit_in_order(Arrival {}, delay);
        }
    }

    fn serve_head(&self) {
        self.host.ctx.emit_self(Departure {}, self.host.exponential(SERVICE));
    }

    fn on_arrival(&mut self) {
        self.await_arrival();
        self.queue.push_back(self.host.ctx.time());
        if self.queue.len() == 1 {
            self.serve_head();
        }
    }

    fn on_departure(&mut self) {
        let arrived = self.queue.pop_front().expect("a departure has a customer");
        self.tally.succeed(self.host.ctx.time() - arrived, 1);
        if !self.queue.is_empty() {
            self.serve_head();
        }
    }
}

impl EventHandler for Single {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Departure {} => {
                self.on_departure()
            }
            Arrival {} => {
                self.on_arrival()
            }
        })
    }
}

impl Component for Single {
    fn start(&mut self) {
        self.await_arrival();
    }
    fn tally(&self) -> Tally {
        self.tally
    }
}

// W2

/// A server finished the work of one attempt.
#[derive(Clone, Serialize)]
struct Done {
    attempt: Attempt,
}

#[derive(Clone, Serialize)]
struct Timeout {
    request: u32,
}

#[derive(Clone, Serialize)]
struct Retry {
    request: u32,
}

/// An attempt as a server knows it. Slots are reused, serials are not.
#[derive(Clone, Copy, Serialize)]
struct Attempt {
    request: u32,
    serial: u32,
}

struct Request {
    arrived: f64,
    attempts: u32,
    /// The attempt whose answer is awaited; 0 during a backoff.
    serial: u32,
    timer: EventId,
}

struct Pool {
    host: Host,
    arrivals: Arrivals,
    timeout: f64,
    requests: Slab<Request>,
    serials: u32,
    idle: u32,
    queue: VecDeque<Attempt>,
    tally: Tally,
}

impl Pool {
    fn new(host: Host, arrivals: Arrivals, timeout: f64) -> Self {
        let (requests, queue, tally) = (Slab::new(), VecDeque::new(), Tally::default());
        Pool { host, arrivals, timeout, requests, serials: 0, idle: POOL, queue, tally }
    }

    fn await_arrival(&mut self) {
        if let Some(delay) = self.arrivals.next(&self.host) {
            self.host.ctx.emit_self(Arrival {}, delay);
        }
    }

    fn on_arrival(&mut self) {
        self.await_arrival();
        let arrived = self.host.ctx.time();
        let request = self.requests.insert(Request { arrived, attempts: 0, serial: 0, timer: 0 });
        self.attempt(request as u32);
    }

    fn attempt(&mut self, request: u32) {
        self.serials += 1;
        let state = &mut self.requests[request as usize];
        state.attempts += 1;
        state.serial = self.serials;
        state.timer = self.host.emit_in_order(Timeout { request }, self.timeout);
        let attempt = Attempt { request, serial: self.serials };
        if self.idle > 0 {
            self.idle -= 1;
            self.serve(attempt);
        } else {
            self.queue.push_back(attempt);
        }
    }

    fn serve(&self, attempt: Attempt) {
        self.host.ctx.emit_self(Done { attempt }, self.host.exponential(SERVICE));
    }

    fn on_done(&mut self, attempt: Attempt) {
        match self.queue.pop_front() {
            Some(next) => self.serve(next),
            None => self.idle += 1,
        }
        let slot = attempt.request as usize;
        if self.requests.get(slot).is_some_and(|request| request.serial == attempt.serial) {
            let request = self.requests.remove(slot);
            self.host.ctx.cancel_event(request.timer);
            self.tally.succeed(self.host.ctx.time() - request.arrived, request.attempts);
        }
    }

    fn on_timeout(&mut self, request: u32) {
        let state = &mut self.requests[request as usize];
        state.serial = 0;
        if state.attempts == ATTEMPTS {
            self.tally.fail(ATTEMPTS);
            self.requests.remove(request as usize);
        } else {
            let most = BACKOFF * f64::from(1 << (state.attempts - 1));
            self.host.ctx.emit_self(Retry { request }, self.host.ctx.rand() * most);
        }
    }
}

impl EventHandler for Pool {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Done { attempt } => {
                self.on_done(attempt)
            }
            Arrival {} => {
                self.on_arrival()
            }
            Timeout { request } => {
                self.on_timeout(request)
            }
            Retry { request } => {
                self.attempt(request)
            }
        })
    }
}

impl Component for Pool {
    fn start(&mut self) {
        self.await_arrival();
    }
    fn tally(&self) -> Tally {
        self.tally
    }
}

// W3

/// The tier is done with the first half and calls the next one.
#[derive(Clone, Serialize)]
struct HalfDone {
    request: u32,
    tier: u32,
}

/// The tier is done and answers its caller.
#[derive(Clone, Serialize)]
struct AllDone {
    request: u32,
    tier: u32,
}

/// The caller of `tier` has waited too long.
#[derive(Clone, Serialize)]
struct HopTimeout {
    request: u32,
    tier: u32,
}

struct Hops {
    arrived: f64,
    /// For each tier, the timer of its caller while that waits.
    timers: [Option<EventId>; TIERS],
}

struct Tier {
    idle: u32,
    queue: VecDeque<u32>,
}

struct Chain {
    host: Host,
    arrivals: Arrivals,
    requests: Slab<Hops>,
    tiers: [Tier; TIERS],
    tally: Tally,
}

impl Chain {
    fn new(host: Host, arrivals: Arrivals) -> Self {
        let tiers = std::array::from_fn(|_| Tier { idle: TIER_SERVERS, queue: VecDeque::new() });
        Chain { host, arrivals, requests: Slab::new(), tiers, tally: Tally::default() }
    }

    fn await_arrival(&mut self) {
        if let Some(delay) = self.arrivals.next(&self.host) {
            self.host.ctx.emit_self(Arrival {}, delay);
        }
    }

    fn on_arrival(&mut self) {
        self.await_arrival();
        let hops = Hops { arrived: self.host.ctx.time(), timers: [None; TIERS] };
        let request = self.requests.insert(hops) as u32;
        self.call(request, 0);
    }

    fn call(&mut self, request: u32, tier: usize) {
        let timer = self.host.emit_in_order(HopTimeout { request, tier: tier as u32 }, HOP_TIMEOUT);
        self.requests[request as usize].timers[tier] = Some(timer);
        if self.tiers[tier].idle > 0 {
            self.tiers[tier].idle -= 1;
            self.begin(request, tier);
        } else {
            self.tiers[tier].queue.push_back(request);
        }
    }

    fn begin(&self, request: u32, tier: usize) {
        let half = self.host.exponential(HALF);
        if tier + 1 == TIERS {
            self.finish(request, tier, half);
        } else {
            self.host.ctx.emit_self(HalfDone { request, tier: tier as u32 }, half);
        }
    }

    /// The second half, after `before` of other work.
    fn finish(&self, request: u32, tier: usize, before: f64) {
        let delay = before + self.host.exponential(HALF);
        self.host.ctx.emit_self(AllDone { request, tier: tier as u32 }, delay);
    }

    fn release(&mut self, tier: usize) {
        match self.tiers[tier].queue.pop_front() {
            Some(next) => self.begin(next, tier),
            None => self.tiers[tier].idle += 1,
        }
    }

    fn on_all_done(&mut self, request: u32, tier: usize) {
        self.release(tier);
        let Some(timer) = self.requests[request as usize].timers[tier].take() else {
            // The caller gave up long ago, and this was the last that knew the request.
            self.requests.remove(request as usize);
            return;
        };
        self.host.ctx.cancel_event(timer);
        match tier.checked_sub(1) {
            Some(caller) => self.finish(request, caller, 0.0),
            None => {
                let hops = self.requests.remove(request as usize);
                self.tally.succeed(self.host.ctx.time() - hops.arrived, 1);
            }
        }
    }

    /// The caller of `tier` gives up and fails, and so does its own caller at once, up to the
    /// client; `tier` itself works on.
    fn on_hop_timeout(&mut self, request: u32, tier: usize) {
        self.requests[request as usize].timers[tier] = None;
        for above in (0..tier).rev() {
            self.release(above);
            match self.requests[request as usize].timers[above].take() {
                Some(timer) => self.host.ctx.cancel_event(timer),
                None => return,
            }
        }
        self.tally.fail(1);
    }
}

impl EventHandler for Chain {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            AllDone { request, tier } => {
                self.on_all_done(request, tier as usize)
            }
            HalfDone { request, tier } => {
                self.call(request, tier as usize + 1)
            }
            Arrival {} => {
                self.on_arrival()
            }
            HopTimeout { request, tier } => {
                self.on_hop_timeout(request, tier as usize)
            }
        })
    }
}

impl Component for Chain {
    fn start(&mut self) {
        self.await_arrival();
    }
    fn tally(&self) -> Tally {
        self.tally
    }
}
