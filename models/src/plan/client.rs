//! Clients, compiled: a rate over time becomes a list of straight lines.

use super::{Checker, DistId, EdgeId, EndpointId, Foresight, Plan};
use crate::spec::{self, Arrivals, Fault, Load, Profile};
use crate::units::Duration;
use squall_sim::dist::Dist;
use squall_sim::random::{Draw, Luck, Place, Purpose};
use squall_sim::{Span, Time};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) struct ClientPlan {
    pub(crate) name: String,
    pub(crate) edge: EdgeId,
    pub(crate) endpoint: EndpointId,
    pub(crate) pattern: Pattern,
    pub(crate) patience: Option<(DistId, Place)>,
    pub(crate) reload: Option<Reloading>,
    pub(crate) priority: u8,
    pub(crate) think_place: Place,
    pub(crate) instances: u32,
    pub(crate) instance_place: Place,
    /// How it gets to the sides of the split that it calls, if it calls one.
    pub(crate) ways: Option<u32>,
    /// Sessions that its requests belong to; 0 if they belong to none.
    pub(crate) sessions: u32,
    pub(crate) session_place: Place,
    /// It has one or the other, so that its requests take a way of their own.
    pub(crate) apart: bool,
    pub(crate) foresight: Foresight,
}

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// Gaps of mean 1 in operational time, turned into real time by the intensity.
    Poisson(Intensity),
    Deterministic(Intensity, Option<Span>),
    Gamma(Intensity, Dist),
    /// Quiet and burst as factors on the rate, and the mean length of each in seconds.
    Bursty {
        intensity: Intensity,
        quiet: (f64, f64),
        burst: (f64, f64),
    },
    Trace(Arc<Vec<Time>>),
    Herd {
        count: u64,
        at: Time,
        over: Span,
    },
    Closed {
        users: u32,
        think: DistId,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Reloading {
    pub(crate) share: f64,
    pub(crate) delay: DistId,
    pub(crate) times: u16,
    pub(crate) share_place: Place,
    pub(crate) delay_place: Place,
    pub(crate) luck_place: Place,
}

/// A rate over time, as straight lines; the last one goes on for ever at its final rate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Intensity {
    pub(crate) segments: Arc<Vec<Segment>>,
}

/// From `start` (seconds) to `end`, the rate goes in a straight line from `from` to `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

const FOREVER: f64 = f64::INFINITY;
const LINES_A_PERIOD: u32 = 96;

impl Segment {
    fn rate_at(&self, time: f64) -> f64 {
        if self.end == FOREVER || self.from == self.to {
            return self.from;
        }
        self.from + (self.to - self.from) * ((time - self.start) / (self.end - self.start))
    }
}

impl ClientPlan {
    /// Which process makes a request: always the same one for a user, and for a person who asks again.
    #[inline]
    pub(crate) fn instance(&self, user: u32, root: Luck) -> u32 {
        match self.pattern {
            _ if self.instances == 1 => 0,
            Pattern::Closed { .. } => user % self.instances,
            _ => (root.at(self.instance_place).bits() % u64::from(self.instances)) as u32,
        }
    }
}

impl ClientPlan {
    /// The session that a request belongs to, from 1; 0 if there are none.
    pub(crate) fn session(&self, user: u32, root: Luck) -> u32 {
        match self.pattern {
            _ if self.sessions == 0 => 0,
            Pattern::Closed { .. } => 1 + user % self.sessions,
            _ => 1 + (root.at(self.session_place).bits() % u64::from(self.sessions)) as u32,
        }
    }
}

impl Plan {
    pub(super) fn compile_clients(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        if world.clients.is_empty() {
            checker.problem(
                "clients",
                "there is no client, so nothing would happen",
                "add one; `squall init` writes an example",
            );
        }
        for (name, client) in &world.clients {
            let path = format!("clients.{name}");
            if world.services.contains_key(name) {
                checker.problem(&path, format!("`{name}` is a service already"), "give the client a name of its own");
            }
            self.compile_client(world, name, &path, client, checker);
        }
    }

    fn compile_client(
        &mut self,
        world: &spec::World,
        name: &str,
        path: &str,
        client: &spec::Client,
        checker: &mut Checker<'_>,
    ) {
        let pattern = self.pattern(world, name, path, &client.arrivals, checker);
        let patience = client.patience.as_ref().and_then(|dist| {
            let id = checker.dist(self, &format!("{path}.patience"), dist)?;
            Some((id, Place::named(path, Purpose::Patience)))
        });
        let reload = client.reload.as_ref().and_then(|reload| {
            checker.within(format!("{path}.reload.times"), reload.times.into(), 1, 1000);
            if matches!(client.arrivals, Arrivals::Closed { .. }) {
                let remedy = "leave `reload` out: a user of a closed loop comes back anyway";
                checker.problem(format!("{path}.reload"), "`reload` is for open loops", remedy);
            }
            Some(Reloading {
                share: reload.share.get(),
                delay: checker.dist(self, &format!("{path}.reload.delay"), &reload.delay)?,
                times: reload.times,
                share_place: Place::named(&format!("{path}.reload"), Purpose::Choose),
                delay_place: Place::named(&format!("{path}.reload"), Purpose::Wait),
                luck_place: Place::named(&format!("{path}.reload"), Purpose::Call),
            })
        });
        checker.count(format!("{path}.instances"), client.instances.into());
        if let Some(sessions) = client.sessions {
            checker.within(format!("{path}.sessions"), sessions.into(), 1, 10_000_000);
        }
        let (Some((edge, endpoint, ways)), Some(pattern)) = (self.first_call(world, name, client, checker), pattern)
        else {
            return;
        };
        self.clients.push(ClientPlan {
            name: name.to_owned(),
            edge,
            endpoint,
            pattern,
            patience,
            reload,
            priority: client.priority,
            think_place: Place::named(path, Purpose::Think),
            instances: client.instances,
            instance_place: Place::named(path, Purpose::Choose),
            ways,
            sessions: client.sessions.unwrap_or(0),
            session_place: Place::named(path, Purpose::Other(2)),
            foresight: Foresight::default(),
            apart: ways.is_some() || client.sessions.is_some(),
        });
    }

    /// Where a client's requests go: the edge and the endpoint, of a split those of its first side, and the ways to all.
    fn first_call(
        &mut self,
        world: &spec::World,
        name: &str,
        client: &spec::Client,
        checker: &mut Checker<'_>,
    ) -> Option<(EdgeId, EndpointId, Option<u32>)> {
        let path = format!("clients.{name}.to");
        let edge_path = format!("clients.{name}.edge");
        let callee = client.to.split_once('.').map_or("", |(service, _)| service);
        if world.splits.contains_key(callee) {
            let edge = |plan: &mut Self, side: &str, checker: &mut Checker<'_>| {
                plan.compile_edge((&edge_path, name, side), client.instances, &client.edge, checker)
            };
            let ways = self.ways(world, (&path, &client.to), checker, edge)?;
            let (edge, endpoint) = *self.ways[ways as usize].to.first()?;
            return Some((edge, endpoint, Some(ways)));
        }
        let endpoint = checker.endpoint(&path, &client.to);
        world.services.get(callee)?;
        let edge = self.compile_edge((&edge_path, name, callee), client.instances, &client.edge, checker);
        Some((edge?, endpoint?, None))
    }

    fn pattern(
        &mut self,
        world: &spec::World,
        name: &str,
        path: &str,
        arrivals: &Arrivals,
        checker: &mut Checker<'_>,
    ) -> Option<Pattern> {
        let path = format!("{path}.arrivals");
        let mut intensity = |tag: &str, load: &Load| {
            let intensity = Intensity::new(&format!("{path}.{tag}.rate"), load, checker);
            intensity.surged(world, name)
        };
        Some(match arrivals {
            Arrivals::Poisson { rate } => Pattern::Poisson(intensity("poisson", rate)),
            Arrivals::Deterministic { rate, first } => {
                Pattern::Deterministic(intensity("deterministic", rate), first.map(Duration::span))
            }
            Arrivals::Gamma { rate, cv } => {
                let intensity = intensity("gamma", rate);
                Pattern::Gamma(intensity, checker.built(&format!("{path}.gamma.cv"), Dist::gamma(1.0, *cv))?)
            }
            Arrivals::Bursty { rate, ratio, burst, quiet } => {
                let intensity = intensity("bursty", rate);
                checker.span(format!("{path}.bursty.burst"), *burst);
                checker.span(format!("{path}.bursty.quiet"), *quiet);
                if !(*ratio >= 1.0 && *ratio <= 1e6) {
                    let rule = format!("the ratio {ratio} of burst to quiet is not between 1 and 1000000");
                    checker.problem(format!("{path}.bursty.ratio"), rule, "use a number such as `10`");
                }
                // The factors that make the mean over both states 1.
                let in_burst = burst.seconds() / (burst.seconds() + quiet.seconds());
                let low = 1.0 / (1.0 - in_burst + ratio * in_burst);
                Pattern::Bursty { intensity, quiet: (low, quiet.seconds()), burst: (low * ratio, burst.seconds()) }
            }
            Arrivals::Trace { times, .. } => {
                Pattern::Trace(Arc::new(times.iter().map(|&at| Time::ZERO + Span::from_seconds(at)).collect()))
            }
            Arrivals::Herd { count, at, over } => {
                checker.within(format!("{path}.herd.count"), *count, 1, 10_000_000);
                Pattern::Herd {
                    count: *count,
                    at: Time::ZERO + at.span(),
                    over: over.map_or(Span::ZERO, Duration::span),
                }
            }
            Arrivals::Closed { users, think } => {
                checker.count(format!("{path}.closed.users"), (*users).into());
                Pattern::Closed { users: *users, think: checker.dist(self, &format!("{path}.closed.think"), think)? }
            }
        })
    }
}

impl Intensity {
    fn new(path: &str, load: &Load, checker: &mut Checker<'_>) -> Self {
        let segments = match &load.0 {
            Profile::Constant(rate) => vec![flat(0.0, rate.get())],
            Profile::Steps(points) => steps(path, points, checker),
            Profile::Ramp { from, to, start, over } => {
                checker.span(format!("{path}.ramp.over"), *over);
                let (begin, end) = (start.seconds(), start.seconds() + over.seconds());
                let lines = [(0.0, from.get()), (begin, from.get()), (end, to.get())];
                polyline(&lines)
            }
            Profile::Spike { base, peak, at, over } => {
                checker.span(format!("{path}.spike.over"), *over);
                let (begin, end) = (at.seconds(), at.seconds() + over.seconds());
                jumps(&[(0.0, base.get()), (begin, peak.get()), (end, base.get())])
            }
            Profile::Diurnal { mean, swing, period, peak } => {
                checker.span(format!("{path}.diurnal.period"), *period);
                diurnal(mean.get(), swing.get(), period.seconds().max(1e-3), peak.seconds())
            }
            Profile::Trace { points, .. } => {
                if points.is_empty() {
                    checker.problem(
                        path,
                        "the file of this profile holds no points",
                        "name a CSV file with lines of seconds and rate",
                    );
                }
                polyline(points)
            }
        };
        if segments.iter().all(|segment| segment.from == 0.0 && segment.to == 0.0) {
            checker.problem(path, "the rate is zero all the time", "give it a rate above zero, or take the client out");
        }
        Self { segments: Arc::new(segments) }
    }

    /// With the surges that the faults lay on this client.
    fn surged(self, world: &spec::World, client: &str) -> Self {
        let mut segments = self.segments.to_vec();
        for fault in &world.faults {
            if let Fault::Surge { at, r#for, client: target, factor, .. } = fault
                && target == client
            {
                let (begin, end) = (at.seconds(), r#for.map_or(FOREVER, |long| at.seconds() + long.seconds()));
                segments = segments.into_iter().flat_map(|segment| surge(segment, begin, end, *factor)).collect();
            }
        }
        Self { segments: Arc::new(segments) }
    }
}

fn flat(start: f64, rate: f64) -> Segment {
    Segment { start, end: FOREVER, from: rate, to: rate }
}

/// A rate that jumps at each point.
fn jumps(points: &[(f64, f64)]) -> Vec<Segment> {
    let ends = points.iter().skip(1).map(|&(start, _)| start).chain([FOREVER]);
    let lines = points.iter().zip(ends).map(|(&(start, rate), end)| Segment { start, end, from: rate, to: rate });
    lines.filter(|segment| segment.end > segment.start).collect()
}

/// Straight lines between points, level before the first and after the last.
fn polyline(points: &[(f64, f64)]) -> Vec<Segment> {
    let (Some(&(begin, first)), Some(&(end, last))) = (points.first(), points.last()) else {
        return vec![flat(0.0, 0.0)];
    };
    let lead = Segment { start: 0.0, end: begin, from: first, to: first };
    let lines =
        points.windows(2).map(|pair| Segment { start: pair[0].0, end: pair[1].0, from: pair[0].1, to: pair[1].1 });
    let all = std::iter::once(lead).chain(lines).chain([flat(end, last)]);
    all.filter(|segment| segment.end > segment.start).collect()
}

fn steps(path: &str, points: &[spec::RatePoint], checker: &mut Checker<'_>) -> Vec<Segment> {
    let points: Vec<_> = points.iter().map(|point| (point.at.seconds(), point.rate.get())).collect();
    if points.first().is_none_or(|&(at, _)| at != 0.0) {
        checker.problem(
            format!("{path}.steps"),
            "the first step does not begin at `0s`",
            "say what the rate is from the beginning",
        );
    }
    if let Some(at) = points.windows(2).position(|pair| pair[1].0 <= pair[0].0) {
        checker.problem(
            format!("{path}.steps.{}.at", at + 1),
            "this step is not after the one before",
            "list the steps in order of time",
        );
    }
    jumps(&points)
}

/// A century of days would be too many lines: the wave is drawn for 400 periods, and level after that.
fn diurnal(mean: f64, swing: f64, period: f64, peak: f64) -> Vec<Segment> {
    let rate = |at: f64| mean * (1.0 + swing * libm::cos(std::f64::consts::TAU * (at - peak) / period));
    let lines = LINES_A_PERIOD * 400;
    let points: Vec<_> =
        (0..=lines).map(|n| period * f64::from(n) / f64::from(LINES_A_PERIOD)).map(|at| (at, rate(at))).collect();
    polyline(&points)
}

/// A segment with the part between `begin` and `end` multiplied.
fn surge(segment: Segment, begin: f64, end: f64, factor: f64) -> Vec<Segment> {
    let cuts =
        [segment.start, begin.clamp(segment.start, segment.end), end.clamp(segment.start, segment.end), segment.end];
    let pieces = cuts.windows(2).zip([1.0, factor, 1.0]).filter(|(cut, _)| cut[1] > cut[0]);
    pieces
        .map(|(cut, factor)| {
            let to = if cut[1] == FOREVER { segment.to } else { segment.rate_at(cut[1]) };
            Segment { start: cut[0], end: cut[1], from: segment.rate_at(cut[0]) * factor, to: to * factor }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surge_cuts_a_line_in_three() {
        let line = Segment { start: 0.0, end: 10.0, from: 0.0, to: 100.0 };
        let pieces = surge(line, 2.0, 4.0, 3.0);
        assert_eq!(pieces.len(), 3);
        assert_eq!((pieces[1].from, pieces[1].to), (60.0, 120.0));
        assert_eq!((pieces[2].start, pieces[2].from, pieces[2].to), (4.0, 40.0, 100.0));
    }

    #[test]
    fn a_surge_without_an_end_lasts() {
        let pieces = surge(flat(0.0, 10.0), 5.0, FOREVER, 2.0);
        assert_eq!(pieces[1], Segment { start: 5.0, end: FOREVER, from: 20.0, to: 20.0 });
    }
}
