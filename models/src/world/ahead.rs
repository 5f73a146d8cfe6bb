//! Work that is drawn before it is wanted.
//!
//! A draw is a chain of a hundred operations of which each waits for the one before, and where an event comes among the
//! others hangs on its end. But it depends on nothing than a luck and a place, and those are known as soon as the request
//! is: the draws of a few requests that are still to come are made together, which takes hardly longer than one. What is
//! kept here is no state: a run without it has the same bytes.

use crate::plan::{BLOCK, BLOCKS, ClientPlan, DistId, FORESEEN, KEPT, Plan};
use squall_sim::Span;
use squall_sim::random::{Luck, Place};

/// Lengths of work that are known already, each in the one place where its key says. A later one drives an earlier one
/// out, which is then drawn when it is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Ahead {
    kept: Vec<(u64, Span)>,
    mask: u64,
    /// Of calls while they are drawn for.
    lucks: Box<[[Luck; BLOCK]; FORESEEN]>,
}

impl Ahead {
    pub(super) fn new(plan: &Plan) -> Self {
        let works: usize = plan.clients.iter().map(|client| client.foresight.works.len()).sum();
        // The fewer they are, the nearer they are to the processor.
        let size = (BLOCKS * BLOCK * works).next_power_of_two().min(KEPT) as u64;
        // A key that belongs in another place is never found.
        Self { kept: (0..size).map(|at| (at + 1, Span::ZERO)).collect(), mask: size - 1, lucks: Box::default() }
    }

    /// How long a piece of work takes.
    #[inline(always)]
    pub(super) fn work(&self, plan: &Plan, luck: Luck, (dist, place): (DistId, Place)) -> Span {
        let key = key(luck, place);
        match self.kept[(key & self.mask) as usize] {
            (known, length) if known == key => length,
            _ => draw(plan, luck, (dist, place)),
        }
    }

    /// Draws what requests are going to need whose first attempts have these lucks, and keeps it; the work that they begin
    /// with, if they do, for whoever begins it at once.
    #[inline(never)]
    pub(super) fn draw(&mut self, plan: &Plan, client: &ClientPlan, attempts: &[Luck; BLOCK]) -> Option<[Span; BLOCK]> {
        let mut first = None;
        let foresight = &client.foresight;
        let lucks = &mut *self.lucks;
        lucks[0] = *attempts;
        for (call, number) in foresight.calls.iter().zip(1..) {
            lucks[number] = std::array::from_fn(|at| call.luck(|by| lucks[by][at]));
        }
        for (number, &(call, dist, place)) in foresight.works.iter().enumerate() {
            let mut spans = [Span::ZERO; BLOCK];
            plan.dist(dist).sample_span_of_each(lucks[call].map(|luck| luck.at(place)), &mut spans);
            if number == 0 && foresight.begins {
                first = Some(spans);
            }
            for (luck, span) in lucks[call].into_iter().zip(spans) {
                let key = key(luck, place);
                self.kept[(key & self.mask) as usize] = (key, span);
            }
        }
        first
    }
}

/// A luck that is tried at a place gives the draws that any other pair of the same sum does.
#[inline(always)]
const fn key(luck: Luck, place: Place) -> u64 {
    luck.value().wrapping_add(place.value())
}

#[inline(never)]
fn draw(plan: &Plan, luck: Luck, (dist, place): (DistId, Place)) -> Span {
    plan.dist(dist).sample_span(&mut luck.at(place))
}

#[cfg(test)]
mod tests {
    use crate::blueprint::{Limits, Settings};
    use crate::plan::{BLOCK, DistId, FORESEEN, KEPT, Plan};
    use crate::report::Report;
    use crate::spec;
    use crate::world::World;
    use squall_sim::Span;
    use squall_sim::dist::Dist;
    use std::sync::Arc;

    /// Everything that the foresight goes through, and what it stops at; a cycle; a client that it can say nothing about.
    const WORLD: &str = r#"{
        "clients": {
            "web": {"to": "api.get", "arrivals": {"poisson": {"rate": "90/s"}},
                "edge": {"policies": [{"retry": {"exponential": {"attempts": 3, "base": "10ms"}}}, {"timeout": "90ms"}]}},
            "loop": {"to": "ring.get", "arrivals": {"poisson": {"rate": "1/s"}}},
            "users": {"to": "db.get", "arrivals": {"closed": {"users": 3, "think": "1s"}}}},
        "services": {
            "api": {"capacity": {"workers": 4}, "replicas": 2,
                "endpoints": {"get": {"steps": [
                    {"work": {"exponential": {"mean": "10ms"}}}, {"call": "db.get"}, {"fail": "1%"},
                    {"work": {"lognormal": {"median": "2ms", "p99": "20ms"}}}, {"sleep": {"exponential": {"mean": "1ms"}}},
                    {"choose": [{"weight": 1, "steps": [{"work": {"exponential": {"mean": "5ms"}}}]}, {"weight": 1, "steps": []}]},
                    {"work": {"exponential": {"mean": "1ms"}}}]}}},
            "db": {"capacity": {"workers": 2},
                "endpoints": {"get": {"steps": [{"work": "1ms"}, {"work": {"exponential": {"mean": "5ms"}}}]}}},
            "ring": {"capacity": {"workers": 99},
                "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "1ms"}}}, {"call": "ring.get"}]}}}}
    }"#;

    fn plan() -> Plan {
        compiled(serde_json::from_str(WORLD).unwrap())
    }

    fn compiled(world: spec::World) -> Plan {
        let limits = Limits { events: 1 << 30, in_flight: 100_000, depth: 64 };
        let (duration, resolution) = (Span::from_secs(60), Span::from_secs(1));
        Plan::new(&world, Settings { duration, warmup: Span::ZERO, resolution, windows: Vec::new(), limits }).unwrap()
    }

    fn run(plan: Plan) -> Report {
        World::begin(Arc::new(plan), 1).finish().unwrap()
    }

    #[test]
    fn foresight_ends_where_requests_part() {
        let plan = plan();
        let works = |at: usize| plan.clients[at].foresight.works.iter().map(|work| work.0).collect::<Vec<_>>();
        // In the order of their names: the circle until it is enough, the users not at all, the web (of a constant nothing is
        // drawn).
        assert_eq!(works(0), (0..FORESEEN).collect::<Vec<_>>());
        assert!(works(1).is_empty());
        assert_eq!(works(2), [0, 1, 0]);
    }

    #[test]
    fn what_is_foreseen_for_all_clients_fits_into_what_is_kept() {
        let mut world: serde_json::Value = serde_json::from_str(WORLD).unwrap();
        for number in 0..100 {
            world["clients"][format!("loop{number}")] = world["clients"]["loop"].clone();
        }
        let plan = compiled(serde_json::from_value(world).unwrap());
        let works: usize = plan.clients.iter().map(|client| client.foresight.works.len()).sum();
        assert_eq!(2 * BLOCK * works, KEPT);
    }

    #[test]
    fn a_run_without_foresight_is_the_same_run() {
        let with = run(plan());
        let mut blind = plan();
        blind.clients.iter_mut().for_each(|client| client.foresight = Default::default());
        let without = run(blind);
        assert!(
            with.measured.clients[2].ok > 3000 && with.measured.clients[2].attempts > with.measured.clients[2].arrivals
        );
        assert_eq!(with.digest, without.digest);
        // Series hold NaN, which is not equal to itself.
        assert_eq!(format!("{:?}", with.measured), format!("{:?}", without.measured));
    }

    #[test]
    fn what_was_foreseen_is_what_is_used() {
        let mut wrong = plan();
        let dist = DistId(wrong.dists.len() as u32);
        wrong.dists.push(Dist::constant(0.003).unwrap());
        let foreseen = &mut wrong.clients[2].foresight.works;
        foreseen.truncate(1);
        foreseen[0].1 = dist;
        let (right, wrong) = (run(plan()), run(wrong));
        // 3 ms in place of 10 ms for the first piece, for all but retries and the few that others have driven out.
        let work = |report: &Report| {
            let api = &report.measured.services[0];
            api.work.seconds() / api.ok as f64
        };
        assert!(work(&right) > work(&wrong) + 0.006, "{} {}", work(&right), work(&wrong));
    }
}
