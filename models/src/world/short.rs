//! The short way of an attempt: over a link that takes no time and loses nothing, to a service of a single replica, with
//! no deadline to pass on. Most attempts of most worlds go this way, and nearly all of a run's time is spent on it.
//!
//! It does the same as the long way, only without asking at every step. A test holds the two against each other, and the
//! short way of an answer against its long way.

use super::call::{Call, Destination, Invocation, State as CallState};
use super::callee::start;
use super::caller::UNCOUNTED;
use super::{Event, Run};
use crate::plan::Op;
use squall_sim::random::Luck;
use squall_sim::{Key, Span, Ticket, Time};

/// What is known of an attempt before it is made: its luck, and how long the work takes with which its callee begins.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) luck: Luck,
    pub(super) work: Option<Span>,
}

/// A call that was sent: its caller's side, and the callee's side if that has got a worker and is to be executed next.
/// Either may be over when this is returned, so the keys can be stale.
pub(super) type Begun = (Key<Invocation>, Option<Key<Call>>);

impl Run<'_> {
    /// Makes the next attempt of a call.
    pub(super) fn attempt(&mut self, key: Key<Invocation>) {
        let begun = self.attempt_here(key);
        self.execute_later(begun);
    }

    /// The same, without a jump to it. A callee's side that has got a worker at once is to be executed next.
    #[inline(never)]
    pub(super) fn attempt_here(&mut self, key: Key<Invocation>) -> Option<Key<Call>> {
        let asked = *self.state.invocations.get(key)?;
        match self.send_short::<false>(key, asked, None, false) {
            Some((_, begun)) => begun,
            None => {
                self.attempt_far(key);
                None
            }
        }
    }

    /// Begins a call over an edge, of whose first attempt something may be known already. If its callee may go on and
    /// begins with a piece of work, that is under way when this returns.
    #[inline(always)]
    pub(super) fn invoke(&mut self, asked: Invocation, known: Option<Known>, goes_on: bool) -> Begun {
        let state = &mut *self.state;
        // With the one that begins now.
        let places = (state.invocations.places() + 1).max(state.calls.places());
        if places as u64 >= self.plan.settings.limits.in_flight {
            self.look_whether_full();
        }
        match self.send_short::<true>(Key::NONE, asked, known, goes_on) {
            Some(begun) => begun,
            None => {
                let (key, record) = self.state.invocations.take_place();
                *record = asked;
                (key, self.invoke_far(key))
            }
        }
    }

    /// Makes an attempt, if the short way is open: the first of a call that has no record yet, or the next of this one.
    #[inline(always)]
    fn send_short<const BEGINS: bool>(
        &mut self,
        key: Key<Invocation>,
        asked: Invocation,
        known: Option<Known>,
        goes_on: bool,
    ) -> Option<Begun> {
        let (plan, state, now) = (self.plan, &mut *self.state, self.cx.now());
        let edge = &mut state.edges[asked.edge.at()];
        let replica = &mut state.replicas[edge.short.replica.at()];
        // What is not up is impaired.
        let impaired = replica.is_impaired();
        let mut open = edge.short.open;
        if BEGINS {
            edge.totals.calls += 1;
            open = edge.short.begins;
        }
        if !open || impaired && !replica.up || asked.depth > plan.settings.limits.depth.into() {
            return None;
        }
        edge.totals.attempts += 1;
        let attempt = asked.attempt + 1;
        // No closure: that would have all of what is asked for in memory.
        let luck = match known {
            Some(known) => known.luck,
            None => asked.luck.child(edge.short.place, attempt.into()),
        };
        let pc = plan.endpoint(asked.endpoint).start;
        let to = Destination { service: edge.short.service, replica: edge.short.replica, pc };
        let (key, record) = if BEGINS { state.invocations.take_place() } else { (key, &mut state.invocations[key]) };
        let (callee, place) = state.calls.take_place();
        // Both records are written at once, and their timers when those are known: what has to be remembered until then
        // does not fit into the registers.
        *record = Invocation { attempt, waiting: true, target: UNCOUNTED, call: callee, timer: Ticket::NONE, ..asked };
        *place = Call::new((key, &asked), to, (attempt, luck), (now, Time::MAX));
        let service = &mut state.services[to.service.at()];
        service.arrival(now, place.first);
        let starts = !impaired && replica.busy < replica.most && !plan.tied;
        let mut work = Span::ZERO;
        if starts {
            start(place, replica, service);
            service.totals.started_at_once += 1;
            if goes_on && !(replica.stretched | replica.sharing.applies()) {
                if let Some(Known { work: Some(length), .. }) = known {
                    work = length;
                } else if let Op::Work { dist, place: at } = plan.ops[pc.at()] {
                    work = state.ahead.work(plan, luck, (dist, at));
                }
            }
        }
        if let Some(lane) = edge.timeout_lane {
            record.timer = self.cx.after_lane(lane, Event::AttemptTimeout(key));
        }
        if !work.is_zero() {
            (place.state, place.piece) = (CallState::Working, work);
            place.timer = self.cx.after(work, Event::Elapsed(callee));
            return Some((key, None));
        }
        if starts {
            return Some((key, Some(callee)));
        }
        if impaired | plan.tied {
            self.arrived(callee);
        } else {
            self.wait_for_worker(callee, Time::MAX);
        }
        Some((key, None))
    }
}

#[cfg(test)]
mod tests {
    use crate::blueprint::{Limits, Settings};
    use crate::plan::Plan;
    use crate::report::Report;
    use crate::world::World;
    use squall_sim::Span;
    use std::sync::Arc;

    /// Two tiers with all that can come in the way of an attempt: queues, timeouts, retries, crashes, a partition.
    const WORLD: &str = r#"{
        "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": "90/s"}}, "patience": "2s",
            "edge": {"policies": [{"timeout": "1s"},
                {"retry": {"exponential": {"attempts": 3, "base": "10ms", "jitter": "full"}}}, {"timeout": "90ms"}]}}},
        "services": {
            "api": {"capacity": {"workers": 4}, "queue": {"capacity": 6},
                "edges": {"db": {"policies": [{"timeout": "60ms"}]}},
                "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "10ms"}}}, {"call": "db.get"}]}}},
            "db": {"capacity": {"workers": 2}, "queue": {"max_wait": "40ms"},
                "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "15ms"}}}]}}}},
        "faults": [
            {"crash": {"at": "20s", "for": "2s", "service": "db"}},
            {"errors": {"at": "40s", "for": "2s", "service": "api", "share": "30%"}},
            {"partition": {"at": "60s", "for": "2s", "from": "api", "to": "db"}}]
    }"#;

    fn run(short: bool) -> Report {
        let world = serde_json::from_str(WORLD).unwrap();
        let limits = Limits { events: 1 << 30, in_flight: 100_000, depth: 64 };
        let (duration, resolution) = (Span::from_secs(100), Span::from_secs(1));
        let settings = Settings { duration, warmup: Span::ZERO, resolution, windows: Vec::new(), limits };
        let mut plan = Plan::new(&world, settings).unwrap();
        assert!(plan.edges.iter().all(|edge| edge.short));
        plan.edges.iter_mut().for_each(|edge| (edge.short, edge.plain) = (edge.short && short, edge.plain && short));
        World::begin(Arc::new(plan), 1).finish().unwrap()
    }

    #[test]
    fn the_short_way_leads_where_the_long_one_does() {
        let (short, long) = (run(true), run(false));
        let failed = short.measured.clients[0].failed.iter().sum::<u64>();
        assert!(failed > 100 && short.measured.clients[0].ok > 5_000, "{failed}");
        assert_eq!(short.digest, long.digest);
        assert_eq!((short.events, short.failure_order), (long.events, long.failure_order));
        // Series hold NaN, which is not equal to itself.
        assert_eq!(format!("{:?}", short.measured), format!("{:?}", long.measured));
    }
}
