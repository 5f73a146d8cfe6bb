//! The models on squall's kernel, `squall-sim`: a closed enum of events a model, lanes for timeouts.
//!
//! Randomness is the kernel's: ChaCha8 streams by name, exponentials computed a block at a time.

use std::collections::VecDeque;
use std::time::Duration;

use squall_sim::random::{BlockStream, Draw, Stream};
use squall_sim::{Context, Ended, Key, Lane, Simulation, Slab, Span, Ticket, Time};

use crate::clock::timed;
use crate::model::*;

pub struct SquallKernel;

impl Engine for SquallKernel {
    fn name(&self) -> &'static str {
        "squall-sim"
    }

    fn run(&self, workload: &Workload, requests: u64, seed: u64) -> Result<(Tally, Duration), String> {
        let (tally, elapsed) = timed(|| {
            let arrivals = Arrivals::new(workload.rate, requests, seed);
            match workload.model {
                Model::W1 => simulate(Single::new(arrivals, seed)),
                Model::W2 { timeout } => simulate(Pool::new(arrivals, timeout, seed)),
                Model::W3 => simulate(Chain::new(arrivals, seed)),
            }
        });
        Ok((tally?, elapsed))
    }
}

trait Bench: squall_sim::Model {
    fn start(&mut self, cx: &mut Context<Self::Event>);
    fn tally(&self) -> Tally;
}

fn simulate<M: Bench>(model: M) -> Result<Tally, String> {
    let mut simulation = Simulation::new(model);
    let (model, cx) = simulation.parts();
    model.start(cx);
    match simulation.run(Time::MAX, u64::MAX) {
        Ended::Drained => Ok(simulation.model.tally()),
        ended => Err(format!("the run ended early: {ended:?}")),
    }
}

/// Exponential delays from a stream of their own.
struct Delays {
    stream: BlockStream,
    mean: f64,
}

impl Delays {
    fn new(mean: f64, seed: u64, name: &str) -> Self {
        Delays { stream: BlockStream::new(Stream::new(seed, name)), mean }
    }

    fn next(&mut self) -> Span {
        Span::from_seconds(self.stream.next_exp() * self.mean)
    }
}

/// Poisson arrivals, `left` of them to come.
struct Arrivals {
    gaps: Delays,
    left: u64,
}

impl Arrivals {
    fn new(rate: f64, left: u64, seed: u64) -> Self {
        Arrivals { gaps: Delays::new(1.0 / rate, seed, "arrivals"), left }
    }

    /// Schedules the next arrival, unless there is none.
    fn expect<E: Copy>(&mut self, cx: &mut Context<E>, arrival: E) {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            cx.after(self.gaps.next(), arrival);
        }
    }
}

fn since<E: Copy>(arrived: Time, cx: &Context<E>) -> f64 {
    cx.now().since(arrived).seconds()
}

// W1

#[derive(Clone, Copy)]
enum SingleEvent {
    Arrival,
    Departure,
}

struct Single {
    arrivals: Arrivals,
    work: Delays,
    /// Arrival times; the head is in service.
    queue: VecDeque<Time>,
    tally: Tally,
}

impl Single {
    fn new(arrivals: Arrivals, seed: u64) -> Self {
        let work = Delays::new(SERVICE, seed, "work");
        Single { arrivals, work, queue: VecDeque::new(), tally: Tally::default() }
    }

    fn serve_head(&mut self, cx: &mut Context<SingleEvent>) {
        cx.after(self.work.next(), SingleEvent::Departure);
    }

    fn on_arrival(&mut self, cx: &mut Context<SingleEvent>) {
        self.arrivals.expect(cx, SingleEvent::Arrival);
        self.queue.push_back(cx.now());
        if self.queue.len() == 1 {
            self.serve_head(cx);
        }
    }

    fn on_departure(&mut self, cx: &mut Context<SingleEvent>) {
        let arrived = self.queue.pop_front().expect("a departure has a customer");
        self.tally.succeed(since(arrived, cx), 1);
        if !self.queue.is_empty() {
            self.serve_head(cx);
        }
    }
}

impl squall_sim::Model for Single {
    type Event = SingleEvent;

    fn handle(&mut self, event: SingleEvent, cx: &mut Context<SingleEvent>) {
        match event {
            SingleEvent::Arrival => self.on_arrival(cx),
            SingleEvent::Departure => self.on_departure(cx),
        }
    }
}

impl Bench for Single {
    fn start(&mut self, cx: &mut Context<SingleEvent>) {
        self.arrivals.expect(cx, SingleEvent::Arrival);
    }
    fn tally(&self) -> Tally {
        self.tally
    }
}

// W2

#[derive(Clone, Copy)]
enum PoolEvent {
    Arrival,
    /// A server finished the work of one attempt.
    Done(Attempt),
    Timeout(Key<Request>),
    Retry(Key<Request>),
}

/// An attempt as a server knows it. The request may be gone by then, or at a later attempt.
#[derive(Clone, Copy)]
struct Attempt {
    request: Key<Request>,
    number: u32,
}

#[derive(Clone, Copy)]
struct Request {
    arrived: Time,
    attempts: u32,
    /// Not during a backoff.
    waiting: bool,
    timer: Ticket,
}

struct Pool {
    arrivals: Arrivals,
    work: Delays,
    jitter: Stream,
    timeout: Span,
    /// Of the timeout; declared when the run starts.
    lane: Option<Lane>,
    requests: Slab<Request>,
    idle: u32,
    queue: VecDeque<Attempt>,
    tally: Tally,
}

impl Pool {
    fn new(arrivals: Arrivals, timeout: f64, seed: u64) -> Self {
        Pool {
            arrivals,
            work: Delays::new(SERVICE, seed, "work"),
            jitter: Stream::new(seed, "jitter"),
            timeout: Span::from_seconds(timeout),
            lane: None,
            requests: Slab::default(),
            idle: POOL,
            queue: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    fn on_arrival(&mut self, cx: &mut Context<PoolEvent>) {
        self.arrivals.expect(cx, PoolEvent::Arrival);
        let request = Request { arrived: cx.now(), attempts: 0, waiting: false, timer: Ticket::NONE };
        let request = self.requests.insert(request);
        self.attempt(request, cx);
    }

    fn attempt(&mut self, request: Key<Request>, cx: &mut Context<PoolEvent>) {
        let lane = self.lane.expect("declared at the start");
        let state = &mut self.requests[request];
        state.attempts += 1;
        state.waiting = true;
        state.timer = cx.after_lane(lane, PoolEvent::Timeout(request));
        let attempt = Attempt { request, number: state.attempts };
        if self.idle > 0 {
            self.idle -= 1;
            self.serve(attempt, cx);
        } else {
            self.queue.push_back(attempt);
        }
    }

    fn serve(&mut self, attempt: Attempt, cx: &mut Context<PoolEvent>) {
        cx.after(self.work.next(), PoolEvent::Done(attempt));
    }

    fn on_done(&mut self, attempt: Attempt, cx: &mut Context<PoolEvent>) {
        match self.queue.pop_front() {
            Some(next) => self.serve(next, cx),
            None => self.idle += 1,
        }
        let awaited = |request: &&Request| request.waiting && request.attempts == attempt.number;
        if let Some(&request) = self.requests.get(attempt.request).filter(awaited) {
            cx.cancel(request.timer);
            self.tally.succeed(since(request.arrived, cx), request.attempts);
            self.requests.remove(attempt.request);
        }
    }

    fn on_timeout(&mut self, request: Key<Request>, cx: &mut Context<PoolEvent>) {
        let state = &mut self.requests[request];
        state.waiting = false;
        if state.attempts == ATTEMPTS {
            self.tally.fail(ATTEMPTS);
            self.requests.remove(request);
        } else {
            let most = BACKOFF * f64::from(1 << (state.attempts - 1));
            cx.after(Span::from_seconds(self.jitter.unit() * most), PoolEvent::Retry(request));
        }
    }
}

impl squall_sim::Model for Pool {
    type Event = PoolEvent;

    fn handle(&mut self, event: PoolEvent, cx: &mut Context<PoolEvent>) {
        match event {
            PoolEvent::Arrival => self.on_arrival(cx),
            PoolEvent::Done(attempt) => self.on_done(attempt, cx),
            PoolEvent::Timeout(request) => self.on_timeout(request, cx),
            PoolEvent::Retry(request) => self.attempt(request, cx),
        }
    }
}

impl Bench for Pool {
    fn start(&mut self, cx: &mut Context<PoolEvent>) {
        self.lane = Some(cx.lane(self.timeout));
        self.arrivals.expect(cx, PoolEvent::Arrival);
    }
    fn tally(&self) -> Tally {
        self.tally
    }
}

// W3

#[derive(Clone, Copy)]
enum ChainEvent {
    Arrival,
    /// The tier is done with the first half and calls the next one.
    HalfDone(Visit),
    /// The tier is done and answers its caller.
    AllDone(Visit),
    /// The caller of the tier has waited too long.
    Timeout(Visit),
}

/// A request at a tier.
#[derive(Clone, Copy)]
struct Visit {
    request: Key<Hops>,
    tier: u32,
}

#[derive(Clone, Copy)]
struct Hops {
    arrived: Time,
    /// For each tier, the timer of its caller while that waits, else `Ticket::NONE`.
    timers: [Ticket; TIERS],
}

struct Tier {
    idle: u32,
    queue: VecDeque<Key<Hops>>,
}

struct Chain {
    arrivals: Arrivals,
    halves: Delays,
    /// Of the timeout; declared when the run starts.
    lane: Option<Lane>,
    requests: Slab<Hops>,
    tiers: [Tier; TIERS],
    tally: Tally,
}

impl Chain {
    fn new(arrivals: Arrivals, seed: u64) -> Self {
        Chain {
            arrivals,
            halves: Delays::new(HALF, seed, "work"),
            lane: None,
            requests: Slab::default(),
            tiers: std::array::from_fn(|_| Tier { idle: TIER_SERVERS, queue: VecDeque::new() }),
            tally: Tally::default(),
        }
    }

    fn on_arrival(&mut self, cx: &mut Context<ChainEvent>) {
        self.arrivals.expect(cx, ChainEvent::Arrival);
        let request = self.requests.insert(Hops { arrived: cx.now(), timers: [Ticket::NONE; TIERS] });
        self.call(Visit { request, tier: 0 }, cx);
    }

    fn call(&mut self, visit: Visit, cx: &mut Context<ChainEvent>) {
        let lane = self.lane.expect("declared at the start");
        self.requests[visit.request].timers[visit.tier as usize] = cx.after_lane(lane, ChainEvent::Timeout(visit));
        let tier = &mut self.tiers[visit.tier as usize];
        if tier.idle > 0 {
            tier.idle -= 1;
            self.begin(visit, cx);
        } else {
            tier.queue.push_back(visit.request);
        }
    }

    fn begin(&mut self, visit: Visit, cx: &mut Context<ChainEvent>) {
        let half = self.halves.next();
        if visit.tier as usize + 1 == TIERS {
            self.finish(visit, half, cx);
        } else {
            cx.after(half, ChainEvent::HalfDone(visit));
        }
    }

    /// The second half, after `before` of other work.
    fn finish(&mut self, visit: Visit, before: Span, cx: &mut Context<ChainEvent>) {
        cx.after(before + self.halves.next(), ChainEvent::AllDone(visit));
    }

    fn release(&mut self, tier: u32, cx: &mut Context<ChainEvent>) {
        match self.tiers[tier as usize].queue.pop_front() {
            Some(request) => self.begin(Visit { request, tier }, cx),
            None => self.tiers[tier as usize].idle += 1,
        }
    }

    /// The timer of the tier's caller, which waits no longer; none if it had given up.
    fn take_timer(&mut self, visit: Visit) -> Option<Ticket> {
        let timer = &mut self.requests[visit.request].timers[visit.tier as usize];
        Some(std::mem::replace(timer, Ticket::NONE)).filter(|&timer| timer != Ticket::NONE)
    }

    fn on_all_done(&mut self, visit: Visit, cx: &mut Context<ChainEvent>) {
        let Visit { request, tier } = visit;
        self.release(tier, cx);
        let Some(timer) = self.take_timer(visit) else {
            // The caller gave up long ago, and this was the last that knew the request.
            self.requests.remove(request);
            return;
        };
        cx.cancel(timer);
        match tier.checked_sub(1) {
            Some(tier) => self.finish(Visit { request, tier }, Span::ZERO, cx),
            None => {
                self.tally.succeed(since(self.requests[request].arrived, cx), 1);
                self.requests.remove(request);
            }
        }
    }

    /// The caller of the tier gives up and fails, and so does its own caller at once, up to the
    /// client; the tier itself works on.
    fn on_timeout(&mut self, visit: Visit, cx: &mut Context<ChainEvent>) {
        let Visit { request, tier } = visit;
        self.take_timer(visit);
        for above in (0..tier).rev() {
            self.release(above, cx);
            match self.take_timer(Visit { request, tier: above }) {
                Some(timer) => cx.cancel(timer),
                None => return,
            };
        }
        self.tally.fail(1);
    }
}

impl squall_sim::Model for Chain {
    type Event = ChainEvent;

    fn handle(&mut self, event: ChainEvent, cx: &mut Context<ChainEvent>) {
        match event {
            ChainEvent::Arrival => self.on_arrival(cx),
            ChainEvent::HalfDone(Visit { request, tier }) => self.call(Visit { request, tier: tier + 1 }, cx),
            ChainEvent::AllDone(visit) => self.on_all_done(visit, cx),
            ChainEvent::Timeout(visit) => self.on_timeout(visit, cx),
        }
    }
}

impl Bench for Chain {
    fn start(&mut self, cx: &mut Context<ChainEvent>) {
        self.lane = Some(cx.lane(Span::from_seconds(HOP_TIMEOUT)));
        self.arrivals.expect(cx, ChainEvent::Arrival);
    }
    fn tally(&self) -> Tally {
        self.tally
    }
}
