//! Clients at work: requests begin, end, and are asked again.

use super::call::{Invocation, Reload};
use super::source::Source;
use super::split::Caller;
use super::{Cx, Event, Run};
use crate::histogram::{Batch, Histogram};
use crate::monitor::Buckets;
use crate::outcome::{Failure, Outcome};
use crate::plan::{BLOCK, ClientId, ClientPlan, Pattern};
use crate::report::ClientTotals;
use squall_sim::random::{Draw, Luck, Place, Purpose, Stream};
use squall_sim::{Key, Lane, Time};

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
    /// One arrival knows the next, so they are in order.
    lane: Option<Lane>,
    lucks: Stream,
    /// Those of this request, of a few before and of a few after.
    coming: [Luck; BLOCK],
    number: u64,
    /// Requests that each closed-loop user has made.
    asked: Vec<u32>,
    /// What the users of a closed loop follow from.
    users: Luck,
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
            lane: None,
            lucks,
            coming: [Luck::default(); BLOCK],
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
        let latencies = self.latencies.take();
        self.totals.latency.record_all(latencies);
        self.window.record_all(latencies);
        self.buckets.record_all(latencies.spans);
    }

    /// An open loop's next request comes when its source says.
    #[inline(always)]
    fn schedule_next(&mut self, client: ClientId, cx: &mut Cx) {
        if let (Some(time), Some(lane)) = (self.source.next(cx.now()), self.lane) {
            cx.at_lane(lane, time, Event::Arrive(client));
        }
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
    number: u64,
    reloads: u16,
}

impl Run<'_> {
    pub(super) fn schedule_clients(&mut self) {
        for (plan, id) in self.plan.clients.iter().zip(0..) {
            let client = ClientId(id);
            self.state.clients[client.at()].lane = Some(self.cx.ordered_lane());
            match &plan.pattern {
                Pattern::Deterministic(_, Some(first)) => {
                    self.cx.at(Time::ZERO + *first, Event::Arrive(client));
                }
                Pattern::Closed { users, .. } => (0..*users).for_each(|user| self.think(client, user)),
                _ => self.state.clients[client.at()].schedule_next(client, self.cx),
            }
        }
    }

    /// An open-loop client's next request.
    #[inline(never)]
    pub(super) fn arrive_open(&mut self, client: ClientId) {
        let state = &mut self.state.clients[client.at()];
        state.schedule_next(client, self.cx);
        let at = state.number as usize % BLOCK;
        if at == 0 {
            state.coming = std::array::from_fn(|_| Luck::from_stream(&mut state.lucks));
            self.state.ahead.draw(self.plan, &self.plan.clients[client.at()], &state.coming);
        }
        let luck = state.coming[at];
        let number = state.number;
        state.number += 1;
        self.request(Request { client, user: 0, root: luck, luck, number, reloads: 0 });
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
        self.request(Request { client, user, root: luck, luck, number, reloads: 0 });
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
        self.state.clients[client.at()].totals.reloads += 1;
        self.request(Request { client, user: 0, root, luck, number, reloads });
    }

    #[inline(always)]
    fn request(&mut self, request: Request) {
        let Request { client, user, root, luck, number, reloads } = request;
        let plan = &self.plan.clients[client.at()];
        let state = &mut self.state.clients[client.at()];
        state.totals.arrivals += 1;
        state.in_flight += 1;
        if plan.apart || state.let_in < 1.0 {
            // Made once more, so that only this way writes it to memory.
            return self.request_apart(Request { client, user, root, luck, number, reloads });
        }
        let now = self.cx.now();
        let (key, record) = self.state.invocations.take_place();
        *record = plan.invocation(&request, now);
        self.begin_request(key, plan, luck);
    }

    #[inline(always)]
    fn begin_request(&mut self, key: Key<Invocation>, plan: &ClientPlan, luck: Luck) {
        let begun = self.invoke(key);
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
        let key = self.state.invocations.insert(invocation);
        if lost {
            return self.turn_back(key);
        }
        self.begin_request(key, plan, luck);
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
        let &Request { client, user, root, luck, number, reloads } = request;
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
