//! Clients at work: requests begin, end, and are asked again.

use super::ahead::Ahead;
use super::call::{Invocation, Reload};
use super::short::Known;
use super::source::Source;
use super::split::Caller;
use super::{Event, Run};
use crate::histogram::{Batch, Histogram};
use crate::monitor::Buckets;
use crate::outcome::{Failure, Outcome};
use crate::plan::{BLOCK, ClientId, ClientPlan, Pattern, Plan};
use crate::report::ClientTotals;
use squall_sim::random::{Draw, Luck, Place, Purpose, Stream};
use squall_sim::{Key, Span, Time};

/// What changes about a client.
#[derive(Clone, Debug)]
pub(crate) struct ClientState {
    pub(crate) totals: ClientTotals,
    /// Latencies of the present window of the series, to 1 %: a window has few of them, and is emptied often.
    pub(crate) window: Histogram<6>,
    /// The same latencies as in the totals, as a scrape sees them.
    pub(crate) buckets: Buckets,
    pub(crate) in_flight: u64,
    /// Latencies that are in neither of them yet.
    latencies: Batch,
    /// The share of requests that is let in.
    pub(super) let_in: f64,
    source: Source,
    arrivals: Option<squall_sim::Source>,
    lucks: Stream,
    coming: Coming,
    number: u64,
    /// Requests that each closed-loop user has made.
    asked: Vec<u32>,
    /// What the users of a closed loop follow from.
    users: Luck,
}

/// What is known of an open loop's request, of a few before it and of a few after: all that does not depend on how the run
/// goes.
#[derive(Clone, Debug)]
struct Coming {
    lucks: [Luck; BLOCK],
    /// Those of their first attempts.
    attempts: [Luck; BLOCK],
    /// How long the work takes that these begin with, if they do.
    works: Option<[Span; BLOCK]>,
    /// When the one after each of them comes; `Time::MAX` when no more do.
    next: [Time; BLOCK],
}

impl ClientState {
    pub(crate) fn new(plan: &ClientPlan, seed: u64) -> Self {
        let mut lucks = Stream::new(seed, &format!("clients.{}.luck", plan.name));
        let (users, asked) = match plan.pattern {
            Pattern::Closed { users, .. } => (Luck::from_stream(&mut lucks), vec![0; users as usize]),
            _ => (Luck::default(), Vec::new()),
        };
        Self {
            totals: ClientTotals::default(),
            window: Histogram::default(),
            buckets: Buckets::default(),
            in_flight: 0,
            latencies: Batch::default(),
            let_in: 1.0,
            source: Source::new(&plan.pattern, seed, &plan.name),
            arrivals: None,
            lucks,
            coming: Coming {
                lucks: [Luck::default(); BLOCK],
                attempts: [Luck::default(); BLOCK],
                works: None,
                next: [Time::MAX; BLOCK],
            },
            number: 0,
            asked,
            users,
        }
    }
}

/// Where it is drawn whether a request is let in.
const TRAFFIC: Place = Place::named("traffic", Purpose::Choose);

impl ClientState {
    /// It makes its next request when the last is over.
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Counts the latencies that have gathered.
    #[inline(never)]
    pub(super) fn settle(&mut self) {
        let latencies = &self.latencies.take();
        self.totals.latency.record_all(latencies);
        self.window.record_all(latencies);
        self.buckets.record_all(latencies.spans);
    }

    /// Draws the lucks of the next requests, of which the first is there, and what follows from them.
    #[inline(never)]
    fn look_ahead(&mut self, plan: &Plan, client: &ClientPlan, ahead: &mut Ahead, now: Time) {
        let coming = &mut self.coming;
        coming.lucks = Luck::many_from_stream(&mut self.lucks);
        let place = plan.edges[client.edge.at()].attempt_place;
        for (attempt, luck) in coming.attempts.iter_mut().zip(coming.lucks) {
            *attempt = luck.child(place, 1);
        }
        self.source.next_of_each(now, &mut coming.next);
        coming.works = ahead.draw(plan, client, &coming.attempts);
    }

    /// Work is drawn again when it is wanted.
    pub(super) fn forget_work(&mut self) {
        self.coming.works = None;
    }

    /// Counts a request that begins; whether all are let in.
    #[inline(always)]
    fn begins(&mut self) -> bool {
        self.totals.arrivals += 1;
        self.in_flight += 1;
        self.let_in >= 1.0
    }

    /// A request has come to its end: its fate, as the digest keeps it.
    #[inline(always)]
    pub(super) fn ended(&mut self, request: &Invocation, outcome: Outcome, now: Time) -> u64 {
        let totals = &mut self.totals;
        self.in_flight -= 1;
        totals.attempts += u64::from(request.attempt);
        let code = match outcome {
            Ok(()) => {
                let latency = now.since(request.began);
                totals.ok += 1;
                totals.degraded += u64::from(request.degraded);
                if self.latencies.push(latency) {
                    self.settle();
                }
                0
            }
            Err(failure) => {
                totals.failed[failure as usize] += 1;
                1 + failure as u64
            }
        };
        request.number << 8 | code
    }
}

/// A request that begins.
struct Request {
    client: ClientId,
    user: u32,
    root: Luck,
    luck: Luck,
    /// Of its first attempt.
    known: Option<Known>,
    number: u64,
    reloads: u16,
}

impl Run<'_> {
    pub(super) fn schedule_clients(&mut self) {
        for (plan, id) in self.plan.clients.iter().zip(0..) {
            let client = ClientId(id);
            let arrivals = self.cx.source(Event::Arrive(client));
            self.state.clients[client.at()].arrivals = Some(arrivals);
            match &plan.pattern {
                Pattern::Deterministic(_, Some(first)) => {
                    self.cx.at(Time::ZERO + *first, Event::Arrive(client));
                }
                Pattern::Closed { users, .. } => (0..*users).for_each(|user| self.think(client, user)),
                _ => {
                    if let Some(first) = self.state.clients[client.at()].source.next(Time::ZERO) {
                        self.cx.at_source(arrivals, first);
                    }
                }
            }
        }
    }

    /// An open-loop client's next request.
    #[inline(always)]
    pub(super) fn arrive_open(&mut self, client: ClientId) {
        let state = &mut self.state.clients[client.at()];
        let number = state.number;
        let at = number as usize % BLOCK;
        if at == 0 {
            state.look_ahead(self.plan, &self.plan.clients[client.at()], &mut self.state.ahead, self.cx.now());
        }
        let coming = &state.coming;
        let (luck, next) = (coming.lucks[at], coming.next[at]);
        let known = Some(Known { luck: coming.attempts[at], work: coming.works.as_ref().map(|works| works[at]) });
        if next != Time::MAX
            && let Some(arrivals) = state.arrivals
        {
            self.cx.at_source(arrivals, next);
        }
        state.number += 1;
        let let_in = state.begins();
        self.request(Request { client, user: 0, root: luck, luck, known, number, reloads: 0 }, let_in);
    }

    /// A closed-loop user thinks before the next request.
    #[inline(never)]
    pub(super) fn think(&mut self, client: ClientId, user: u32) {
        let plan = &self.plan.clients[client.at()];
        let Pattern::Closed { think, .. } = plan.pattern else {
            return;
        };
        let state = &self.state.clients[client.at()];
        let luck = user_luck(state.users, user, state.asked[user as usize]);
        let span = self.plan.dist(think).sample_span(&mut luck.at(plan.think_place));
        self.cx.after(span, Event::Thought { client, user });
    }

    /// A closed-loop user's next request.
    pub(super) fn arrive_closed(&mut self, client: ClientId, user: u32) {
        let state = &mut self.state.clients[client.at()];
        let luck = user_luck(state.users, user, state.asked[user as usize]);
        state.asked[user as usize] += 1;
        let number = state.number;
        state.number += 1;
        let let_in = state.begins();
        self.request(Request { client, user, root: luck, luck, known: None, number, reloads: 0 }, let_in);
    }

    /// Somebody presses reload: the same request, under new circumstances.
    pub(super) fn arrive_again(&mut self, key: Key<Reload>) {
        let Some(Reload { client, root, number, reloads }) = self.state.reloads.remove(key) else {
            return;
        };
        let Some(reload) = &self.plan.clients[client.at()].reload else {
            return;
        };
        let luck = root.child(reload.luck_place, reloads.into());
        let state = &mut self.state.clients[client.at()];
        state.totals.reloads += 1;
        let let_in = state.begins();
        self.request(Request { client, user: 0, root, luck, known: None, number, reloads }, let_in);
    }

    /// A request begins, whether all are `let_in` or not.
    #[inline(always)]
    fn request(&mut self, request: Request, let_in: bool) {
        let Request { client, user, root, luck, number, reloads, .. } = request;
        let plan = &self.plan.clients[client.at()];
        if plan.apart || !let_in {
            // Made once more, so that only this way writes it to memory.
            return self.request_apart(Request { client, user, root, luck, known: None, number, reloads });
        }
        let asked = plan.invocation(&request, self.cx.now());
        self.begin_request(asked, plan, request.known);
    }

    #[inline(always)]
    fn begin_request(&mut self, asked: Invocation, plan: &ClientPlan, known: Option<Known>) {
        let luck = asked.luck;
        let (key, begun) = self.invoke(asked, known, plan.patience.is_none());
        if let Some((dist, place)) = plan.patience
            && let Some(invocation) = self.state.invocations.get_mut(key)
        {
            let patience = self.plan.dist(dist).sample_span(&mut luck.at(place));
            invocation.patience = self.cx.after(patience, Event::GiveUp(key));
        }
        if let Some(call) = begun {
            self.execute(call);
        }
    }

    /// A request of a session, or to a split, or while not all are let in.
    #[inline(never)]
    fn request_apart(&mut self, request: Request) {
        let Request { client, user, root, luck, .. } = request;
        let plan = &self.plan.clients[client.at()];
        let let_in = self.state.clients[client.at()].let_in;
        if let_in < 1.0 && luck.at(TRAFFIC).unit() >= let_in {
            return self.keep_out(request);
        }
        let session = plan.session(user, root);
        let mut invocation = Invocation { session, ..plan.invocation(&request, self.cx.now()) };
        let mut lost = false;
        if let Some(ways) = plan.ways {
            let route = self.route(ways, Caller { client, session, luck, replica: None });
            (invocation.edge, invocation.endpoint, lost) = (route.edge, route.endpoint, route.lost);
        }
        if lost {
            let key = self.state.invocations.insert(invocation);
            return self.turn_back(key);
        }
        self.begin_request(invocation, plan, None);
    }

    /// A request is not among those that are let in at the moment.
    #[cold]
    #[inline(never)]
    fn keep_out(&mut self, request: Request) {
        let invocation = self.plan.clients[request.client.at()].invocation(&request, self.cx.now());
        let totals = &mut self.state.edges[invocation.edge.at()].totals;
        totals.calls += 1;
        totals.turned_away[Failure::Shed as usize] += 1;
        let key = self.state.invocations.insert(invocation);
        self.traced_call(key);
        self.conclude(key, Err(Failure::Shed));
    }

    #[inline(never)]
    pub(super) fn perhaps_reload(&mut self, invocation: &Invocation) {
        let Some(reload) = &self.plan.clients[invocation.client.at()].reload else {
            return;
        };
        if invocation.reloads >= reload.times || invocation.luck.at(reload.share_place).unit() >= reload.share {
            return;
        }
        let delay = self.plan.dist(reload.delay).sample_span(&mut invocation.luck.at(reload.delay_place));
        let key = self.state.reloads.insert(Reload {
            client: invocation.client,
            root: invocation.root,
            number: invocation.number,
            reloads: invocation.reloads + 1,
        });
        self.cx.after(delay, Event::Reload(key));
    }
}

impl ClientPlan {
    /// The call that a request begins with.
    #[inline(always)]
    fn invocation(&self, request: &Request, now: Time) -> Invocation {
        let &Request { client, user, root, luck, number, reloads, .. } = request;
        Invocation {
            luck,
            root,
            number,
            client,
            user,
            caller: self.instance(user, root),
            reloads,
            priority: self.priority,
            first: reloads == 0,
            ..Invocation::new(self.edge, self.endpoint, now)
        }
    }
}

/// The luck of a user's request of this number: the same whatever became of the requests before.
fn user_luck(users: Luck, user: u32, number: u32) -> Luck {
    const USER: Place = Place::named("user", Purpose::Call);
    users.child(USER, user).child(USER, number)
}
