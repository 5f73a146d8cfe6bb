//! Clients at work: requests begin, end, and are asked again.

use super::call::{Invocation, Reload};
use super::source::Source;
use super::{Event, Run};
use crate::histogram::Histogram;
use crate::outcome::Outcome;
use crate::plan::{ClientId, ClientPlan, Pattern};
use crate::report::ClientTotals;
use squall_sim::random::{Draw, Luck, Place, Purpose, Stream};
use squall_sim::{Key, Lane, Time};

/// What changes about a client.
#[derive(Clone, Debug)]
pub(crate) struct ClientState {
    pub(crate) totals: ClientTotals,
    /// Latencies of the present window of the series, to 1 %: a window has few of them, and is emptied often.
    pub(crate) window: Histogram<6>,
    pub(crate) in_flight: u64,
    source: Source,
    /// One arrival knows the next, so they are in order.
    lane: Option<Lane>,
    lucks: Stream,
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
            in_flight: 0,
            source: Source::new(&plan.pattern, seed, &plan.name),
            lane: None,
            lucks,
            number: 0,
            asked,
            users,
        }
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
                _ => self.schedule_next(client),
            }
        }
    }

    #[inline]
    fn schedule_next(&mut self, client: ClientId) {
        let state = &mut self.state.clients[client.at()];
        if let (Some(time), Some(lane)) = (state.source.next(self.cx.now()), state.lane) {
            self.cx.at_lane(lane, time, Event::Arrive(client));
        }
    }

    /// An open-loop client's next request.
    #[inline(never)]
    pub(super) fn arrive_open(&mut self, client: ClientId) {
        self.schedule_next(client);
        let state = &mut self.state.clients[client.at()];
        let luck = Luck::from_stream(&mut state.lucks);
        let number = state.number;
        state.number += 1;
        self.request(Request { client, user: 0, root: luck, luck, number, reloads: 0 });
    }

    /// A closed-loop user thinks before the next request.
    #[inline(never)]
    fn think(&mut self, client: ClientId, user: u32) {
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
        let now = self.cx.now();
        let key = self.invoke(Invocation {
            luck,
            root,
            number,
            client,
            user,
            caller: plan.instance(user, root),
            reloads,
            priority: plan.priority,
            first: reloads == 0,
            ..Invocation::new(plan.edge, plan.endpoint, now)
        });
        if let Some((dist, place)) = plan.patience
            && let Some(invocation) = self.state.invocations.get_mut(key)
        {
            let patience = self.plan.dist(dist).sample_span(&mut luck.at(place));
            invocation.patience = self.cx.after(patience, Event::GiveUp(key));
        }
    }

    /// A request has come to its end: this is its fate.
    #[inline(always)]
    pub(super) fn request_ended(&mut self, key: Key<Invocation>, outcome: Outcome) {
        let now = self.cx.now();
        let invocation = &self.state.invocations[key];
        let client = invocation.client;
        let state = &mut self.state.clients[client.at()];
        let totals = &mut state.totals;
        state.in_flight -= 1;
        totals.attempts += u64::from(invocation.attempt);
        let code = match outcome {
            Ok(()) => {
                let latency = now.since(invocation.began);
                totals.ok += 1;
                totals.degraded += u64::from(invocation.degraded);
                totals.latency.record(latency);
                state.window.record(latency);
                0
            }
            Err(failure) => {
                totals.failed[failure as usize] += 1;
                1 + failure as u64
            }
        };
        self.cx.note(invocation.number << 8 | code);
        if !state.asked.is_empty() {
            let user = invocation.user;
            self.think(client, user);
        } else if outcome.is_err() {
            self.perhaps_reload(key);
        }
    }

    #[inline(never)]
    fn perhaps_reload(&mut self, key: Key<Invocation>) {
        let invocation = &self.state.invocations[key];
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

/// The luck of a user's request of this number: the same whatever became of the requests before.
fn user_luck(users: Luck, user: u32, number: u32) -> Luck {
    const USER: Place = Place::named("user", Purpose::Call);
    users.child(USER, user).child(USER, number)
}
