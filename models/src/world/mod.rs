//! The world under way: what is where at this moment, and what each event does to it.

mod action;
mod ahead;
mod answer;
mod audit;
mod balance;
mod cache;
mod call;
mod callee;
mod caller;
mod client;
mod connection;
mod counters;
mod data;
mod deadlock;
mod eject;
mod execute;
mod fault;
mod fork;
mod guard;
mod hint;
mod layer;
mod line;
mod link;
pub(crate) mod lookup;
mod monitor;
mod observe;
mod packed;
mod platform;
mod pool;
mod replica;
mod rollout;
mod server;
mod sharing;
mod short;
mod slices;
mod source;
mod split;
mod stack;
mod strand;
mod swap;
mod tasks;
mod totals;
mod trace;
mod traffic;
mod trouble;

use crate::blueprint::Violation;
use crate::outcome::Failure;
use crate::plan::{CacheId, ClientId, Plan, ReplicaId, ServiceId};
use crate::report::{Ending, Report};
use crate::trace::Traced;
use cache::CacheState;
use call::{Call, Invocation, Reload};
use caller::EdgeState;
use client::ClientState;
use data::{Later, Stores};
use layer::{Branches, LayerState};
use observe::Observer;
use packed::Packed;
use platform::{Platform, Turn};
use pool::PoolState;
use replica::{Replica, ServiceState};
use server::{Errand, Ghost, Servers};
use squall_sim::{Context, Ended, Key, Model, Simulation, Slab, Span, Time};
use stack::{Alarm, Frames};
use std::sync::Arc;
use tasks::{Task, Tasks};
use trace::Recorder;

/// What can happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// An open-loop client's next request.
    Arrive(ClientId),
    /// A closed-loop user has thought.
    Thought { client: ClientId, user: u32 },
    /// Somebody presses reload.
    Reload(Key<Reload>),
    /// A call reaches its callee.
    Deliver(Key<Call>),
    /// A piece of work or a sleep is over.
    Elapsed(Key<Call>),
    /// The first piece of shared work in a replica is over.
    Shared(ReplicaId),
    /// An answer reaches the caller.
    Answer { invocation: Key<Invocation>, attempt: u16, failure: Option<Failure> },
    /// An attempt has taken too long.
    AttemptTimeout(Key<Invocation>),
    /// A whole call has taken too long.
    TotalTimeout(Key<Invocation>),
    /// A person has waited too long.
    GiveUp(Key<Invocation>),
    /// A backoff is over.
    Retry(Key<Invocation>),
    /// A layer of a call's policies has waited long enough.
    Layer { invocation: Key<Invocation>, layer: u8, alarm: Alarm },
    /// A call has waited too long in a queue.
    QueueTimeout(Key<Call>),
    /// A call has waited too long for a connection.
    PoolTimeout(Key<Call>),
    /// It is time for a library to look after its pool.
    PoolWake(u32),
    /// It is time to look at the size of a pool.
    PoolSize(u32),
    /// A log-in has reached the server, or a round trip is over.
    ErrandDone(Key<Errand>),
    /// A log-in or a round trip has taken too long.
    ErrandLate(Key<Errand>),
    /// A server has noticed that the other end of a connection is gone.
    Forget(Key<Ghost>),
    /// A call that waits for a cache entry looks again.
    LookAgain(Key<Call>),
    /// The time has come to renew the entry at this place of a cache.
    Renew { cache: CacheId, store: u32, at: u32 },
    /// The next key of a job that fills a cache.
    Warm { cache: CacheId, job: u16, next: u32 },
    /// Word that the caller no longer waits reaches the callee.
    Cancel(Key<Call>),
    /// A fault begins or ends.
    Fault { number: u32, begins: bool },
    /// A planned action is due.
    Planned(u32),
    /// Something happens to a replica that is looked after, unless its life has gone on since.
    Turn { replica: ReplicaId, life: u32, turn: Turn },
    /// An autoscaler measures, or decides.
    Scaling { service: ServiceId, decides: bool },
    /// It is time to scrape, to evaluate alerts, or for somebody to look at them.
    Watch,
    /// It is time for an operator's next step, unless things have gone on since.
    Operate { number: u32, life: u32 },
    /// Something happens to what a service stores; the number is a copy, an election or a check.
    Data { service: ServiceId, what: Later, number: u32 },
    /// The controller of a rollout wants to look, unless things have gone on since.
    Roll { number: u32, life: u32 },
    /// A window of the series is over.
    Tick,
    /// The state at this instant is wanted for a window of its own.
    Mark(u32),
}

type Cx = Context<Packed>;

/// A plan, and the state of one run of it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    plan: Arc<Plan>,
    state: State,
}

/// What is where at this moment.
#[derive(Clone, Debug)]
struct State {
    seed: u64,
    calls: Slab<Call>,
    invocations: Slab<Invocation>,
    reloads: Slab<Reload>,
    tasks: Tasks,
    ahead: ahead::Ahead,
    clients: Vec<ClientState>,
    services: Vec<ServiceState>,
    replicas: Vec<Replica>,
    /// One for each replica of a service with an `admission`.
    guards: Vec<guard::Guard>,
    edges: Vec<EdgeState>,
    /// Calls among the policies of their edges.
    frames: Slab<Frames>,
    /// Hedged calls.
    branches: Slab<Branches>,
    /// One for each stack of policies, caller's replica and layer.
    layers: Vec<LayerState>,
    /// When calls were told to come back, by their keys, until somebody asks.
    hints: lookup::Lookup<Span>,
    /// Calls outstanding, for each edge, caller's replica and callee's replica.
    outstanding: Vec<u32>,
    /// Calls whose callers have left without a word, and the place above where each is still counted.
    lingering: lookup::Lookup<u32>,
    /// One for each replica and pool of its service.
    pools: Vec<PoolState>,
    servers: Servers,
    caches: Vec<CacheState>,
    splits: Vec<split::SplitState>,
    faults: Vec<fault::Force>,
    settled: action::Settled,
    /// What was exchanged in the plan, in order.
    exchanged: Vec<u32>,
    log: action::Log,
    platform: Platform,
    monitor: monitor::Monitor,
    rollouts: Vec<rollout::Controller>,
    written: lookup::Recent,
    stores: Stores,
    observer: Observer,
    /// Only of a run that is traced.
    recorder: Option<Box<Recorder>>,
    full: bool,
}

/// The state, the plan and the kernel together, while one event is handled.
struct Run<'a> {
    plan: &'a Plan,
    state: &'a mut State,
    cx: &'a mut Cx,
}

impl Model for World {
    type Event = Packed;

    #[inline]
    fn handle(&mut self, event: Packed, cx: &mut Cx) {
        let mut run = Run { plan: &self.plan, state: &mut self.state, cx };
        run.state.tasks.done = 0;
        // Nearly every event is of one of two kinds, and a comparison is foreseen better than a jump through a table.
        if let Some(call) = event.elapsed() {
            run.elapsed(call);
        } else if let Some(client) = event.arrival() {
            run.arrive_open(client);
        } else {
            run.dispatch(event.unpack());
        }
        while let Some(task) = run.state.tasks.pop() {
            match task {
                // Nearly every task there is, without a look into a table of all of them.
                Task::Execute(call) => run.execute(call),
                Task::Exchange(swap) => {
                    self.exchange(swap, cx);
                    run = Run { plan: &self.plan, state: &mut self.state, cx };
                }
                _ => run.perform(task),
            }
            run.state.tasks.done += 1;
            // Calls that take no time can call each other without end at one instant, where no event is counted.
            if run.state.tasks.done >= run.plan.settings.limits.events || run.state.full {
                return run.cx.stop();
            }
        }
    }
}

impl Run<'_> {
    #[inline(always)]
    fn dispatch(&mut self, event: Event) {
        match event {
            Event::Arrive(_) | Event::Elapsed(_) => unreachable!("the common events are handled by the caller"),
            Event::Answer { invocation, attempt, failure } => {
                self.answer(invocation, attempt, failure.map_or(Ok(()), Err));
            }
            Event::Deliver(call) => self.deliver(call),
            Event::AttemptTimeout(invocation) => self.attempt_timeout(invocation),
            Event::Retry(invocation) => self.attempt(invocation),
            Event::Layer { invocation, layer, alarm } => self.alarm(invocation, layer, alarm),
            Event::Shared(replica) => self.shared(replica),
            Event::TotalTimeout(invocation) => self.total_timeout(invocation, Failure::Timeout),
            Event::GiveUp(invocation) => self.total_timeout(invocation, Failure::Abandoned),
            Event::QueueTimeout(call) => self.queue_timeout(call),
            Event::PoolTimeout(call) => self.pool_timeout(call),
            Event::PoolWake(pool) => self.pool_wake(pool),
            Event::PoolSize(pool) => self.pool_size(pool),
            Event::ErrandDone(errand) => self.errand_done(errand),
            Event::ErrandLate(errand) => self.errand_late(errand),
            Event::Forget(ghost) => self.state.servers.forget(ghost),
            Event::LookAgain(call) => self.look_again(call),
            Event::Renew { cache, store, at } => self.renew(cache, store, at),
            Event::Warm { cache, job, next } => self.warm(cache, job, next),
            Event::Cancel(call) => self.kill(call, Failure::Cancelled),
            Event::Thought { client, user } => self.arrive_closed(client, user),
            Event::Reload(reload) => self.arrive_again(reload),
            Event::Fault { number, begins } => self.fault(number, begins),
            Event::Planned(number) => self.planned(number),
            Event::Turn { replica, life, turn } => self.turn(replica, life, turn),
            Event::Scaling { service, decides } => self.scaling(service, decides),
            Event::Watch => self.watch(),
            Event::Operate { number, life } => self.operate(number, life),
            Event::Data { service, what, number } => self.data_later(service, what, number),
            Event::Roll { number, life } => self.roll(number, life),
            Event::Tick => self.tick(),
            Event::Mark(number) => self.mark(number),
        }
    }

    #[inline]
    fn perform(&mut self, task: Task) {
        match task {
            Task::Execute(call) => self.execute(call),
            Task::Attempt(invocation) => self.attempt(invocation),
            Task::Descend(invocation, stand) => self.proceed(invocation, stand, None),
            Task::SendBack(invocation, stand, failure) => self.proceed(invocation, stand, Some(failure)),
            Task::Resume { call, outcome } => self.resume(call, outcome),
            Task::Finish { call, outcome } => self.finish(call, outcome),
            Task::LookAgain(call) => self.look_again(call),
            Task::Cancel(call) => self.kill(call, Failure::Cancelled),
            Task::Exchange(_) => unreachable!("the world exchanges its plan itself"),
        }
    }
}

impl World {
    /// A world at its beginning.
    pub(crate) fn begin(plan: Arc<Plan>, seed: u64) -> Simulated {
        let mut simulation = Simulation::new(Self { state: State::new(&plan, seed), plan });
        let (world, cx) = simulation.parts();
        let mut run = Run { plan: &world.plan, state: &mut world.state, cx };
        run.schedule_observations();
        run.declare_lanes();
        run.state.layers = layer::all(run.plan, run.cx);
        run.schedule_faults();
        run.schedule_actions();
        run.schedule_clients();
        run.prefill_caches();
        run.schedule_sizes();
        let up = |run: &Run<'_>, replica: u32| run.state.replicas[replica as usize].up;
        (0..run.plan.replicas)
            .filter(|id| up(&run, *id))
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|id| run.start_pools(ReplicaId(id)));
        run.schedule_warming();
        run.begin_platform();
        run.begin_monitoring();
        run.schedule_rollouts();
        Simulated(simulation)
    }
}

impl State {
    fn new(plan: &Plan, seed: u64) -> Self {
        let replicas = replica::all(plan);
        Self {
            seed,
            calls: Slab::default(),
            invocations: Slab::default(),
            reloads: Slab::default(),
            guards: guard::all(plan),
            tasks: Tasks::default(),
            ahead: ahead::Ahead::new(plan),
            clients: plan.clients.iter().map(|client| ClientState::new(client, seed)).collect(),
            services: plan.services.iter().map(ServiceState::new).collect(),
            frames: Slab::default(),
            branches: Slab::default(),
            layers: Vec::new(),
            edges: plan.edges.iter().map(|edge| EdgeState::new(plan, edge, seed)).collect(),
            hints: lookup::Lookup::default(),
            outstanding: vec![0; plan.balancer_slots as usize],
            lingering: lookup::Lookup::default(),
            pools: pool::all(plan, seed),
            servers: Servers::new(plan),
            caches: plan.caches.iter().map(|cache| CacheState::new(cache, replicas.len())).collect(),
            splits: plan.splits.iter().map(|split| split::SplitState::new(plan, split)).collect(),
            faults: vec![fault::Force::Not; plan.faults.len()],
            settled: action::Settled::new(plan),
            exchanged: Vec::new(),
            log: action::Log::default(),
            platform: Platform::new(plan, seed),
            monitor: monitor::Monitor::new(plan, seed),
            written: lookup::Recent::new(plan.remembers),
            stores: Stores::new(plan, seed),
            rollouts: rollout::all(plan),
            observer: Observer::new(plan),
            replicas,
            recorder: None,
            full: false,
        }
    }
}

/// A run under way.
#[derive(Clone, Debug)]
pub(crate) struct Simulated(Simulation<World>);

impl Simulated {
    /// Runs to the end, and checks the books.
    pub(crate) fn finish(mut self) -> Result<Report, Violation> {
        self.complete()
    }

    /// The same, with the spans of a part of the time.
    pub(crate) fn finish_traced(mut self, (from, to): (Time, Time)) -> Result<Traced, Violation> {
        let World { plan, state } = &mut self.0.model;
        state.recorder = Some(Box::new(Recorder::new(from, to)));
        plan.edges.iter().zip(&mut state.edges).for_each(|(edge, state)| state.refresh_short(edge, true));
        let report = self.complete()?;
        let recorder = self.0.model.state.recorder.take();
        let (spans, notes, cut) = recorder.map(|recorder| recorder.finish()).unwrap_or_default();
        Ok(Traced { report, spans, notes, cut })
    }

    fn complete(&mut self) -> Result<Report, Violation> {
        let settings = &self.0.model.plan.settings;
        let (end, events) = (Time::ZERO + settings.duration, settings.limits.events);
        let ended = self.0.run(end, events);
        let seed = self.0.model.state.seed;
        let (at, handled) = (self.0.now(), self.0.handled());
        let ending = match ended {
            Ended::Time => Ending::Horizon,
            Ended::Drained => Ending::Drained,
            Ended::Stopped if !self.0.model.state.full => Ending::EventLimit,
            Ended::Events => Ending::EventLimit,
            Ended::Stopped | Ended::Overflow => Ending::InFlightLimit,
            Ended::Backwards => {
                return Err(Violation { seed, at, rule: "an event was due before the present".into() });
            }
        };
        let digest = self.0.digest();
        let (world, cx) = self.0.parts();
        let mut run = Run { plan: &world.plan, state: &mut world.state, cx };
        run.audit().map_err(|rule| Violation { seed, at, rule })?;
        Ok(run.report(ending, digest, handled))
    }
}
