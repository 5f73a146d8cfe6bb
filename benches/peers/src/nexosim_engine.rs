//! The models on NeXosim 1.0: one model a workload, which schedules events on itself.
//!
//! A NeXosim bench of several models with ports would pay for a message at each call; one model
//! does not, and the latency between components is zero anyway. One thread: there is nothing to
//! run in parallel. Timers that may be cancelled are keyed events. Randomness is a `Pcg64` in the
//! model, sampled with `rand_distr`, which is what simcore uses.

use std::collections::VecDeque;
use std::time::Duration;

use nexosim::model::{Context, Model as NexoModel, schedulable};
use nexosim::ports::QuerySource;
use nexosim::simulation::{EventKey, Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use rand::{Rng, SeedableRng};
use rand_distr::Exp1;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use slab::Slab;

use crate::clock::timed;
use crate::model::*;

pub struct Nexosim;

impl Engine for Nexosim {
    fn name(&self) -> &'static str {
        "nexosim"
    }

    fn run(&self, workload: &Workload, requests: u64, seed: u64) -> Result<(Tally, Duration), String> {
        let arrivals = Arrivals { gap: 1.0 / workload.rate, left: requests };
        let rng = Pcg64::seed_from_u64(seed);
        let (tally, elapsed) = timed(|| match workload.model {
            Model::W1 => simulate!(Single, Single::new(rng, arrivals)),
            Model::W2 { timeout } => simulate!(Pool, Pool::new(rng, arrivals, timeout)),
            Model::W3 => simulate!(Chain, Chain::new(rng, arrivals)),
        });
        tally.map(|tally| (tally, elapsed)).map_err(|error| error.to_string())
    }
}

/// Assembles a bench of one model, runs it dry and asks for its tally.
///
/// A macro, because ports connect to the methods of a concrete model.
macro_rules! simulate {
    ($type:ty, $model:expr) => {{
        let mailbox = Mailbox::new();
        let mut bench = SimInit::with_num_threads(1);
        let tally = QuerySource::new().connect(<$type>::tally, &mailbox).register(&mut bench);
        bench
            .add_model($model, mailbox, "model")
            .init(MonotonicTime::EPOCH)
            .and_then(|mut sim| Ok(sim.run().and_then(|()| sim.process_query(&tally, ()))?))
    }};
}
use simulate;

/// A delay, to the nearest nanosecond; at least one, since an event must lie in the future.
fn span(seconds: f64) -> Duration {
    Duration::from_nanos(((seconds * 1e9 + 0.5) as u64).max(1))
}

fn since<M: NexoModel>(arrived: MonotonicTime, cx: &Context<M>) -> f64 {
    cx.time().duration_since(arrived).as_secs_f64()
}

fn exponential(rng: &mut Pcg64, mean: f64) -> f64 {
    rng.sample::<f64, _>(Exp1) * mean
}

/// Poisson arrivals, `left` of them to come.
#[derive(Serialize, Deserialize)]
struct Arrivals {
    gap: f64,
    left: u64,
}

impl Arrivals {
    /// The delay until the next arrival, unless there is none.
    fn next(&mut self, rng: &mut Pcg64) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        Some(span(exponential(rng, self.gap)))
    }
}

// W1

#[derive(Serialize, Deserialize)]
struct Single {
    rng: Pcg64,
    arrivals: Arrivals,
    /// Arrival times; the head is in service.
    queue: VecDeque<MonotonicTime>,
    tally: Tally,
}

#[NexoModel]
impl Single {
    fn new(rng: Pcg64, arrivals: Arrivals) -> Self {
        Single { rng, arrivals, queue: VecDeque::new(), tally: Tally::default() }
    }

    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        self.await_arrival(cx);
    }

    fn await_arrival(&mut self, cx: &Context<Self>) {
        if let Some(delay) = self.arrivals.next(&mut self.rng) {
            cx.schedule_event(delay, schedulable!(Self::arrive), ()).expect("the delay is positive");
        }
    }

    fn serve_head(&mut self, cx: &Context<Self>) {
        let delay = span(exponential(&mut self.rng, SERVICE));
        cx.schedule_event(delay, schedulable!(Self::depart), ()).expect("the delay is positive");
    }

    #[nexosim(schedulable)]
    fn arrive(&mut self, _: (), cx: &Context<Self>) {
        self.await_arrival(cx);
        self.queue.push_back(cx.time());
        if self.queue.len() == 1 {
            self.serve_head(cx);
        }
    }

    #[nexosim(schedulable)]
    fn depart(&mut self, _: (), cx: &Context<Self>) {
        let arrived = self.queue.pop_front().expect("a departure has a customer");
        self.tally.succeed(since(arrived, cx), 1);
        if !self.queue.is_empty() {
            self.serve_head(cx);
        }
    }

    async fn tally(&mut self) -> Tally {
        self.tally
    }
}

// W2

/// An attempt as a server knows it. Slots are reused, serials are not.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Attempt {
    request: u32,
    serial: u32,
}

#[derive(Serialize, Deserialize)]
struct Request {
    arrived: MonotonicTime,
    attempts: u32,
    /// The attempt whose answer is awaited; 0 during a backoff.
    serial: u32,
    timer: Option<EventKey>,
}

#[derive(Serialize, Deserialize)]
struct Pool {
    rng: Pcg64,
    arrivals: Arrivals,
    timeout: f64,
    requests: Slab<Request>,
    serials: u32,
    idle: u32,
    queue: VecDeque<Attempt>,
    tally: Tally,
}

#[NexoModel]
impl Pool {
    fn new(rng: Pcg64, arrivals: Arrivals, timeout: f64) -> Self {
        let (requests, queue, tally) = (Slab::new(), VecDeque::new(), Tally::default());
        Pool { rng, arrivals, timeout, requests, serials: 0, idle: POOL, queue, tally }
    }

    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        self.await_arrival(cx);
    }

    fn await_arrival(&mut self, cx: &Context<Self>) {
        if let Some(delay) = self.arrivals.next(&mut self.rng) {
            cx.schedule_event(delay, schedulable!(Self::arrive), ()).expect("the delay is positive");
        }
    }

    #[nexosim(schedulable)]
    fn arrive(&mut self, _: (), cx: &Context<Self>) {
        self.await_arrival(cx);
        let request = Request { arrived: cx.time(), attempts: 0, serial: 0, timer: None };
        let request = self.requests.insert(request);
        self.attempt(request as u32, cx);
    }

    #[nexosim(schedulable)]
    fn attempt(&mut self, request: u32, cx: &Context<Self>) {
        self.serials += 1;
        let timer = cx
            .schedule_keyed_event(span(self.timeout), schedulable!(Self::time_out), request)
            .expect("the delay is positive");
        let state = &mut self.requests[request as usize];
        state.attempts += 1;
        state.serial = self.serials;
        state.timer = Some(timer);
        let attempt = Attempt { request, serial: self.serials };
        if self.idle > 0 {
            self.idle -= 1;
            self.serve(attempt, cx);
        } else {
            self.queue.push_back(attempt);
        }
    }

    fn serve(&mut self, attempt: Attempt, cx: &Context<Self>) {
        let delay = span(exponential(&mut self.rng, SERVICE));
        cx.schedule_event(delay, schedulable!(Self::done), attempt).expect("the delay is positive");
    }

    #[nexosim(schedulable)]
    fn done(&mut self, attempt: Attempt, cx: &Context<Self>) {
        match self.queue.pop_front() {
            Some(next) => self.serve(next, cx),
            None => self.idle += 1,
        }
        let slot = attempt.request as usize;
        if self.requests.get(slot).is_some_and(|request| request.serial == attempt.serial) {
            let request = self.requests.remove(slot);
            request.timer.expect("an awaited attempt has a timer").cancel();
            self.tally.succeed(since(request.arrived, cx), request.attempts);
        }
    }

    #[nexosim(schedulable)]
    fn time_out(&mut self, request: u32, cx: &Context<Self>) {
        let state = &mut self.requests[request as usize];
        state.serial = 0;
        if state.attempts == ATTEMPTS {
            self.tally.fail(ATTEMPTS);
            self.requests.remove(request as usize);
        } else {
            let most = BACKOFF * f64::from(1 << (state.attempts - 1));
            let delay = span(self.rng.r#gen::<f64>() * most);
            cx.schedule_event(delay, schedulable!(Self::attempt), request).expect("the delay is positive");
        }
    }

    async fn tally(&mut self) -> Tally {
        self.tally
    }
}

// W3

/// A request at a tier.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Visit {
    request: u32,
    tier: u32,
}

#[derive(Serialize, Deserialize)]
struct Hops {
    arrived: MonotonicTime,
    /// For each tier, the timer of its caller while that waits.
    timers: [Option<EventKey>; TIERS],
}

#[derive(Serialize, Deserialize)]
struct Tier {
    idle: u32,
    queue: VecDeque<u32>,
}

#[derive(Serialize, Deserialize)]
struct Chain {
    rng: Pcg64,
    arrivals: Arrivals,
    requests: Slab<Hops>,
    tiers: [Tier; TIERS],
    tally: Tally,
}

#[NexoModel]
impl Chain {
    fn new(rng: Pcg64, arrivals: Arrivals) -> Self {
        let tiers = std::array::from_fn(|_| Tier { idle: TIER_SERVERS, queue: VecDeque::new() });
        Chain { rng, arrivals, requests: Slab::new(), tiers, tally: Tally::default() }
    }

    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        self.await_arrival(cx);
    }

    fn await_arrival(&mut self, cx: &Context<Self>) {
        if let Some(delay) = self.arrivals.next(&mut self.rng) {
            cx.schedule_event(delay, schedulable!(Self::arrive), ()).expect("the delay is positive");
        }
    }

    #[nexosim(schedulable)]
    fn arrive(&mut self, _: (), cx: &Context<Self>) {
        self.await_arrival(cx);
        let hops = Hops { arrived: cx.time(), timers: Default::default() };
        let request = self.requests.insert(hops) as u32;
        self.call(request, 0, cx);
    }

    fn call(&mut self, request: u32, tier: usize, cx: &Context<Self>) {
        let visit = Visit { request, tier: tier as u32 };
        let timer = cx
            .schedule_keyed_event(span(HOP_TIMEOUT), schedulable!(Self::time_out), visit)
            .expect("the delay is positive");
        self.requests[request as usize].timers[tier] = Some(timer);
        if self.tiers[tier].idle > 0 {
            self.tiers[tier].idle -= 1;
            self.begin(request, tier, cx);
        } else {
            self.tiers[tier].queue.push_back(request);
        }
    }

    fn begin(&mut self, request: u32, tier: usize, cx: &Context<Self>) {
        let half = exponential(&mut self.rng, HALF);
        if tier + 1 == TIERS {
            self.finish(request, tier, half, cx);
        } else {
            let visit = Visit { request, tier: tier as u32 };
            cx.schedule_event(span(half), schedulable!(Self::half_done), visit).expect("the delay is positive");
        }
    }

    /// The second half, after `before` of other work.
    fn finish(&mut self, request: u32, tier: usize, before: f64, cx: &Context<Self>) {
        let delay = span(before + exponential(&mut self.rng, HALF));
        let visit = Visit { request, tier: tier as u32 };
        cx.schedule_event(delay, schedulable!(Self::all_done), visit).expect("the delay is positive");
    }

    fn release(&mut self, tier: usize, cx: &Context<Self>) {
        match self.tiers[tier].queue.pop_front() {
            Some(next) => self.begin(next, tier, cx),
            None => self.tiers[tier].idle += 1,
        }
    }

    /// The tier is done with the first half and calls the next one.
    #[nexosim(schedulable)]
    fn half_done(&mut self, visit: Visit, cx: &Context<Self>) {
        self.call(visit.request, visit.tier as usize + 1, cx);
    }

    /// The tier is done and answers its caller.
    #[nexosim(schedulable)]
    fn all_done(&mut self, Visit { request, tier }: Visit, cx: &Context<Self>) {
        self.release(tier as usize, cx);
        let Some(timer) = self.requests[request as usize].timers[tier as usize].take() else {
            // The caller gave up long ago, and this was the last that knew the request.
            self.requests.remove(request as usize);
            return;
        };
        timer.cancel();
        match tier.checked_sub(1) {
            Some(caller) => self.finish(request, caller as usize, 0.0, cx),
            None => {
                let hops = self.requests.remove(request as usize);
                self.tally.succeed(since(hops.arrived, cx), 1);
            }
        }
    }

    /// The caller of the tier gives up and fails, and so does its own caller at once, up to the
    /// client; the tier itself works on.
    #[nexosim(schedulable)]
    fn time_out(&mut self, Visit { request, tier }: Visit, cx: &Context<Self>) {
        self.requests[request as usize].timers[tier as usize] = None;
        for above in (0..tier as usize).rev() {
            self.release(above, cx);
            match self.requests[request as usize].timers[above].take() {
                Some(timer) => timer.cancel(),
                None => return,
            }
        }
        self.tally.fail(1);
    }

    async fn tally(&mut self) -> Tally {
        self.tally
    }
}
