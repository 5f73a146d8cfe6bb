//! Splits at work: which side a call goes to, and whether its session is known there.

use super::call::{Call, Invocation};
use super::{Run, Task};
use crate::outcome::Failure;
use crate::plan::{ClientId, EdgeId, Effect, EndpointId, Plan, ReplicaId, SidePlan, SplitId, SplitPlan};
use crate::report::SplitTotals;
use crate::spec::State;
use squall_sim::random::{Draw, Luck, Place, Purpose};
use squall_sim::{Key, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// What changes about a split.
#[derive(Clone, Debug)]
pub(crate) struct SplitState {
    /// Weights and since when they hold, the newest last; as far back as somebody may still go by them.
    weights: VecDeque<(Time, Arc<[f64]>)>,
    /// One for each side.
    pub(super) totals: Vec<SplitTotals>,
    /// For each client its sessions, if it has any.
    seats: Vec<Vec<Seat>>,
    /// What changes about a session is not copied to other sides at the moment.
    pub(super) uncopied: bool,
}

/// Where a session is.
#[derive(Clone, Copy, Debug)]
struct Seat {
    /// The side that it last came to.
    side: u8,
    /// The sides that know it, a bit for each.
    known: u8,
}

/// A session that has not come yet.
const NOWHERE: Seat = Seat { side: u8::MAX, known: 0 };

/// Who calls a split.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) client: ClientId,
    /// From 1; 0 for none.
    pub(super) session: u32,
    /// The call's own.
    pub(super) luck: Luck,
    /// The replica that calls, unless it is a client.
    pub(super) replica: Option<ReplicaId>,
}

/// Where a call to a split goes.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub(super) edge: EdgeId,
    pub(super) endpoint: EndpointId,
    /// It is of a session that is not known there.
    pub(super) lost: bool,
}

impl SplitState {
    pub(crate) fn new(plan: &Plan, split: &SplitPlan) -> Self {
        let seats = plan.clients.iter().map(|client| vec![NOWHERE; client.sessions as usize]);
        Self {
            weights: VecDeque::from([(Time::ZERO, Arc::clone(&split.weights))]),
            totals: vec![SplitTotals::default(); split.sides.len()],
            seats: seats.collect(),
            uncopied: false,
        }
    }

    /// The weights that somebody goes by who has last asked at this time.
    fn heard(&self, asked: Time) -> &[f64] {
        let heard = self.weights.iter().rev().find(|(since, _)| *since <= asked);
        heard.or(self.weights.front()).map_or(&[], |(_, weights)| weights)
    }
}

impl SplitPlan {
    /// The side that somebody comes to. Each side is drawn by itself, so that a change of weights moves hardly more than it
    /// has to, and of two sides nothing at all the other way: the smallest of exponential times whose rates are the weights.
    fn side(&self, weights: &[f64], luck: Luck) -> usize {
        let time = |side: &SidePlan, weight: f64| -libm::log(1.0 - luck.at(side.place).unit()) / weight;
        let mut nearest = (0, f64::INFINITY);
        for (at, (side, weight)) in self.sides.iter().zip(weights).enumerate() {
            if *weight > 0.0 {
                let time = time(side, *weight);
                if time < nearest.1 {
                    nearest = (at, time);
                }
            }
        }
        nearest.0
    }

    /// When somebody has last asked for the weights.
    fn asked(&self, who: Luck, now: Time) -> Time {
        if self.ttl.is_zero() {
            return now;
        }
        let phase = Time::ZERO + self.ttl.scaled(who.at(self.refresh_place).unit());
        if now < phase {
            return Time::ZERO;
        }
        let since = now.since(phase).nanos() % self.ttl.nanos();
        Time::from_nanos(now.nanos() - since)
    }
}

impl Run<'_> {
    /// Where a call goes that is made by these ways. If it is of a session, that takes its seat there.
    #[inline(never)]
    pub(super) fn route(&mut self, ways: u32, caller: Caller) -> Route {
        const REPLICA: Place = Place::named("resolver", Purpose::Call);
        let ways = &self.plan.ways[ways as usize];
        let plan = &self.plan.splits[ways.split.at()];
        // Of the seed, so that other runs have other people.
        let luck = Luck::new(self.state.seed);
        let place = self.plan.session_place(caller.client);
        let session = caller.session.checked_sub(1).map(|session| luck.child(place, session));
        // Many people are behind a client, each with a resolver of their own; the calls of a replica share one.
        let who = session.unwrap_or_else(|| match caller.replica {
            Some(replica) => luck.child(REPLICA, replica.0),
            None => caller.luck,
        });
        let now = self.cx.now();
        let state = &mut self.state.splits[ways.split.at()];
        let side = plan.side(state.heard(plan.asked(who, now)), session.unwrap_or(caller.luck));
        state.totals[side].calls += 1;
        let mut lost = false;
        if let Some(number) = caller.session.checked_sub(1) {
            let copied = plan.state == State::Shared || plan.state == State::Copied && !state.uncopied;
            let seat = &mut state.seats[caller.client.at()][number as usize];
            let bit = 1 << side;
            let is_new = seat.side == NOWHERE.side;
            state.totals[side].moved += u64::from(!is_new && usize::from(seat.side) != side);
            lost = !is_new && seat.known & bit == 0;
            state.totals[side].lost += u64::from(lost);
            *seat = Seat { side: side as u8, known: if copied { u8::MAX } else { bit } };
        }
        let (edge, endpoint) = ways.to[side];
        Route { edge, endpoint, lost }
    }

    /// A step calls a split.
    pub(super) fn call_split(&mut self, key: Key<Call>, ways: u32, place: Place) {
        let Call { client, session, luck, replica, .. } = self.state.calls[key];
        let caller = Caller { client, session, luck: luck.child(place, 0), replica: Some(replica) };
        let route = self.route(ways, caller);
        if route.lost {
            let asked = self.asked(key, (route.edge, 0), route.endpoint, place);
            let child = self.state.invocations.insert(asked);
            self.awaits(key, child);
            return self.turn_back(child);
        }
        if let Some(callee) = self.call(key, (route.edge, 0), route.endpoint, place) {
            self.state.tasks.push(Task::Execute(callee));
        }
    }

    /// A call comes to a side that does not know its session, which begins anew there.
    pub(super) fn turn_back(&mut self, key: Key<Invocation>) {
        let edge = self.state.invocations[key].edge;
        self.state.edges[edge.at()].totals.calls += 1;
        self.traced_call(key);
        self.conclude(key, Err(Failure::SessionLost));
    }

    /// Calls to a split are shared among its sides in another way from now on.
    pub(super) fn share_out(&mut self, id: SplitId, weights: &Arc<[f64]>) -> String {
        let now = self.cx.now();
        let plan = &self.plan.splits[id.at()];
        let state = &mut self.state.splits[id.at()];
        while state.weights.get(1).is_some_and(|(since, _)| *since + plan.ttl <= now) {
            state.weights.pop_front();
        }
        state.weights.push_back((now, Arc::clone(weights)));
        let shown: Vec<String> =
            plan.sides.iter().zip(weights.iter()).map(|(side, weight)| format!("{} {weight}", side.name)).collect();
        shown.join(", ")
    }

    /// Whether sessions are copied between sides, or a fault keeps them from it.
    pub(super) fn apply_copying(&mut self, id: SplitId) {
        let uncopied = self.in_force().any(|effect| matches!(effect, Effect::Uncopied(split) if *split == id));
        self.state.splits[id.at()].uncopied = uncopied;
    }

    /// A side, or all of them, loses a share of the sessions that it knows; how many those are.
    pub(super) fn lose_sessions(&mut self, id: SplitId, side: Option<u32>, (share, place): (f64, Place)) -> String {
        let bits = side.map_or(u8::MAX, |side| 1 << side);
        let mut lost = 0_u64;
        for (client, seats) in self.plan.clients.iter().zip(&mut self.state.splits[id.at()].seats) {
            let luck = Luck::new(self.state.seed).child(client.session_place, 0);
            for (seat, number) in seats.iter_mut().zip(0..) {
                if seat.known & bits != 0 && luck.child(place, number).at(place).unit() < share {
                    seat.known &= !bits;
                    lost += 1;
                }
            }
        }
        format!("{lost} sessions lost")
    }

    /// Calls that ended well over some edges, and badly.
    fn ended_over(&self, edges: &[EdgeId]) -> (u64, u64) {
        let edges = edges.iter().map(|edge| &self.state.edges[edge.at()].totals);
        let failed = edges.clone().map(|edge| edge.failed.iter().sum::<u64>());
        (edges.map(|edge| edge.ok).sum(), failed.sum())
    }

    /// Calls of those who call a split that a side has answered well, and badly.
    pub(super) fn side_ended(&self, split: SplitId, side: u32) -> (u64, u64) {
        self.ended_over(&self.plan.splits[split.at()].sides[side as usize].edges)
    }

    /// The counts of all sides of all splits.
    pub(super) fn split_totals(&self) -> Vec<SplitTotals> {
        let mut all = Vec::new();
        for (plan, state) in self.plan.splits.iter().zip(&self.state.splits) {
            let of = state.totals.iter().map(|totals| totals.calls).sum();
            for (side, totals) in plan.sides.iter().zip(&state.totals) {
                let (ok, failed) = self.ended_over(&side.edges);
                all.push(SplitTotals { of, ok, failed, ..*totals });
            }
        }
        all
    }
}
