//! The short way of an attempt: over a link that takes no time and loses nothing, to a service of a single replica, with
//! no deadline to pass on. Most attempts of most worlds go this way, and nearly all of a run's time is spent on it.
//!
//! It does the same as the long way, only without asking at every step. A test holds the two against each other, and the
//! short way of an answer against its long way.

use super::call::{Call, Destination, Invocation};
use super::callee::start;
use super::caller::UNCOUNTED;
use super::{Event, Run};
use squall_sim::{Key, Ticket, Time};

impl Run<'_> {
    /// Makes the next attempt of a call.
    pub(super) fn attempt(&mut self, key: Key<Invocation>) {
        let begun = self.attempt_here::<false>(key);
        self.execute_later(begun);
    }

    /// The same, without a jump to it, or the whole call if that begins now. A callee's side that has got a worker at once
    /// is to be executed next.
    #[inline(always)]
    pub(super) fn attempt_here<const BEGINS: bool>(&mut self, key: Key<Invocation>) -> Option<Key<Call>> {
        let state = &mut *self.state;
        let invocation = state.invocations.get_mut(key)?;
        let edge = &mut state.edges[invocation.edge.at()];
        let replica = &mut state.replicas[edge.short.replica.at()];
        let mut open = edge.short.open && !edge.trouble.any && replica.up && state.recorder.is_none();
        if BEGINS {
            edge.totals.calls += 1;
            open = open && !edge.short.stacked && edge.total_lane.is_none();
        }
        if !open || invocation.depth > self.plan.settings.limits.depth.into() {
            if BEGINS {
                return self.invoke_far(key);
            }
            self.attempt_far(key);
            return None;
        }
        edge.totals.attempts += 1;
        let attempt = invocation.attempt + 1;
        invocation.attempt = attempt;
        invocation.waiting = true;
        invocation.target = UNCOUNTED;
        invocation.timer = match edge.timeout_lane {
            Some(lane) => self.cx.after_lane(lane, Event::AttemptTimeout(key)),
            None => Ticket::NONE,
        };
        let luck = invocation.luck.child(edge.short.place, attempt.into());
        let pc = self.plan.endpoint(invocation.endpoint).start;
        let to = Destination { service: edge.short.service, replica: edge.short.replica, pc };
        let now = self.cx.now();
        let (call, place) = state.calls.take_place();
        *place = Call::new((key, invocation), to, (attempt, luck), (now, Time::MAX));
        invocation.call = call;
        let service = &mut state.services[to.service.at()];
        service.arrival(now, place.first);
        if replica.is_impaired() || replica.busy >= replica.most || self.plan.tied {
            self.arrived(call);
            return None;
        }
        start(place, replica, service);
        service.totals.started_at_once += 1;
        Some(call)
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
