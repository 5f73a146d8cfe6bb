//! When the next request comes.

use crate::plan::{Intensity, Pattern, Segment};
use squall_sim::dist::Dist;
use squall_sim::random::{BlockStream, Draw, Stream};
use squall_sim::{Span, Time};
use std::sync::Arc;

/// The arrivals of one open-loop client.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Gaps in operational time, in which one request comes per unit; the intensity turns them into real time.
    Renewal { gaps: Gaps, clock: Clock },
    /// Known beforehand, in order.
    Listed { times: Arc<Vec<Time>>, next: usize },
    /// Closed loop: nothing comes by itself.
    Closed,
}

#[derive(Clone, Debug)]
pub(crate) enum Gaps {
    /// Boxed, because a block of draws is a thousand bytes.
    Exponential(Box<BlockStream>),
    Even,
    Gamma(Dist, Box<Stream>),
}

/// Turns operational time into real time.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    segments: Arc<Vec<Segment>>,
    at: usize,
    /// Seconds for each unit of operational time, where that never changes.
    steady: Option<f64>,
    modulation: Option<Modulation>,
}

/// A rate that jumps between two factors at random times.
#[derive(Clone, Debug)]
struct Modulation {
    factors: [f64; 2],
    means: [f64; 2],
    state: usize,
    until: f64,
    sojourns: Box<BlockStream>,
}

impl Source {
    pub(crate) fn new(pattern: &Pattern, seed: u64, name: &str) -> Self {
        let stream = |what: &str| Stream::new(seed, &format!("clients.{name}.{what}"));
        let block = |what: &str| Box::new(BlockStream::new(stream(what)));
        match pattern {
            Pattern::Poisson(intensity) => {
                Self::Renewal { gaps: Gaps::Exponential(block("arrivals")), clock: Clock::new(intensity, None) }
            }
            Pattern::Deterministic(intensity, _) => {
                Self::Renewal { gaps: Gaps::Even, clock: Clock::new(intensity, None) }
            }
            Pattern::Gamma(intensity, dist) => {
                let gaps = Gaps::Gamma(dist.clone(), Box::new(stream("arrivals")));
                Self::Renewal { gaps, clock: Clock::new(intensity, None) }
            }
            Pattern::Bursty { intensity, quiet, burst } => {
                let modulation = Modulation::new([*quiet, *burst], block("bursts"));
                let clock = Clock::new(intensity, Some(modulation));
                Self::Renewal { gaps: Gaps::Exponential(block("arrivals")), clock }
            }
            Pattern::Trace(times) => Self::Listed { times: Arc::clone(times), next: 0 },
            Pattern::Herd { count, at, over } => {
                let mut draws = stream("arrivals");
                let mut times: Vec<Time> = (0..*count).map(|_| *at + over.scaled(draws.unit())).collect();
                times.sort_unstable();
                Self::Listed { times: Arc::new(times), next: 0 }
            }
            Pattern::Closed { .. } => Self::Closed,
        }
    }

    /// When the request after one at `now` comes; `None` when no more do.
    #[inline]
    pub(crate) fn next(&mut self, now: Time) -> Option<Time> {
        match self {
            Self::Renewal { gaps, clock } => {
                let gap = match gaps {
                    Gaps::Exponential(block) => block.next_exp(),
                    _ => gaps.other(),
                };
                clock.after(now, gap)
            }
            _ => self.listed(),
        }
    }

    /// When the requests after one at `now` come, each counted from the one before: `Time::MAX` when no more do.
    pub(crate) fn next_of_each(&mut self, now: Time, times: &mut [Time]) {
        if let Self::Renewal { gaps: Gaps::Exponential(block), clock: Clock { steady: Some(unit), .. } } = self {
            let mut at = now;
            for time in times {
                at += Span::from_seconds(block.next_exp() * *unit);
                *time = at;
            }
            return;
        }
        let mut last = Some(now);
        for time in times {
            last = last.and_then(|last| self.next(last));
            *time = last.unwrap_or(Time::MAX);
        }
    }

    /// The next of the times that are known beforehand.
    #[inline(never)]
    fn listed(&mut self) -> Option<Time> {
        let Self::Listed { times, next } = self else { return None };
        let time = times.get(*next).copied();
        *next += 1;
        time
    }
}

impl Gaps {
    /// A gap of any law.
    #[inline(never)]
    fn other(&mut self) -> f64 {
        match self {
            Self::Exponential(block) => block.next_exp(),
            Self::Even => 1.0,
            Self::Gamma(dist, stream) => dist.sample(stream.as_mut()),
        }
    }
}

impl Clock {
    fn new(intensity: &Intensity, modulation: Option<Modulation>) -> Self {
        let segments = Arc::clone(&intensity.segments);
        let steady = (segments.len() == 1 && modulation.is_none()).then(|| 1.0 / segments[0].from);
        Self { segments, at: 0, steady, modulation }
    }

    /// The real time that is `gap` of operational time after `now`.
    #[inline]
    fn after(&mut self, now: Time, gap: f64) -> Option<Time> {
        match self.steady {
            Some(unit) => Some(now + Span::from_seconds(gap * unit)),
            None => self.walk(now, gap),
        }
    }

    /// Uses the gap up line by line.
    #[inline(never)]
    fn walk(&mut self, now: Time, mut gap: f64) -> Option<Time> {
        let begin = now.seconds();
        let mut at = begin;
        loop {
            while self.segments[self.at].end <= at {
                self.at += 1;
            }
            let segment = self.segments[self.at];
            let (factor, toggle) = match &mut self.modulation {
                Some(modulation) => modulation.at(at),
                None => (1.0, f64::INFINITY),
            };
            let end = segment.end.min(toggle);
            let from = rate(&segment, at) * factor;
            if end.is_infinite() {
                return (from > 0.0).then(|| now + Span::from_seconds(at - begin + gap / from));
            }
            let to = rate(&segment, end) * factor;
            let area = 0.5 * (from + to) * (end - at);
            if area > gap {
                // from·x + slope·x²/2 = gap, solved in the form that does not cancel.
                let slope = (to - from) / (end - at);
                let x = 2.0 * gap / (from + (from * from + 2.0 * slope * gap).max(0.0).sqrt());
                return Some(now + Span::from_seconds(at - begin + x));
            }
            gap -= area;
            at = end;
        }
    }
}

fn rate(segment: &Segment, at: f64) -> f64 {
    if segment.from == segment.to {
        return segment.from;
    }
    segment.from + (segment.to - segment.from) * ((at - segment.start) / (segment.end - segment.start))
}

impl Modulation {
    /// Begins in either state with its share of the time.
    fn new(states: [(f64, f64); 2], mut sojourns: Box<BlockStream>) -> Self {
        let means = states.map(|(_, mean)| mean);
        // 1 − e^(−E) of an exponential draw is uniform.
        let uniform = 1.0 - libm::exp(-sojourns.next_exp());
        let state = usize::from(uniform < means[1] / (means[0] + means[1]));
        let until = sojourns.next_exp() * means[state];
        Self { factors: states.map(|(factor, _)| factor), means, state, until, sojourns }
    }

    /// The factor at this time, and until when it holds.
    fn at(&mut self, time: f64) -> (f64, f64) {
        while self.until <= time {
            self.state = 1 - self.state;
            self.until += self.sojourns.next_exp() * self.means[self.state];
        }
        (self.factors[self.state], self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(segments: Vec<Segment>) -> Clock {
        Clock::new(&Intensity { segments: Arc::new(segments) }, None)
    }

    fn segment(start: f64, end: f64, from: f64, to: f64) -> Segment {
        Segment { start, end, from, to }
    }

    #[test]
    fn a_ramp_is_integrated_exactly() {
        let ramp = || clock(vec![segment(0.0, 10.0, 0.0, 10.0), segment(10.0, f64::INFINITY, 10.0, 10.0)]);
        // The integral of t is t²/2: one unit has passed at √2.
        let at = ramp().after(Time::ZERO, 1.0).unwrap().seconds();
        assert!((at - 2f64.sqrt()).abs() < 1e-8, "{at}");
        // 50 units at the end of the ramp, 10 a second from then on.
        let at = ramp().after(Time::ZERO, 60.0).unwrap().seconds();
        assert!((at - 11.0).abs() < 1e-8, "{at}");
    }

    #[test]
    fn many_at_once_are_those_one_after_the_other() {
        let steady = || Intensity { segments: Arc::new(vec![segment(0.0, f64::INFINITY, 100.0, 100.0)]) };
        let ends = vec![segment(0.0, 3.0, 0.0, 20.0), segment(3.0, f64::INFINITY, 0.0, 0.0)];
        let patterns = [
            Pattern::Poisson(steady()),
            Pattern::Poisson(Intensity { segments: Arc::new(ends) }),
            Pattern::Deterministic(steady(), None),
            Pattern::Gamma(steady(), Dist::gamma(1.0, 0.5).unwrap()),
            Pattern::Bursty { intensity: steady(), quiet: (0.5, 4.0), burst: (3.0, 1.0) },
            Pattern::Herd { count: 40, at: Time::ZERO, over: Span::from_secs(1) },
        ];
        for pattern in patterns {
            let (mut one, mut many) = (Source::new(&pattern, 1, "test"), Source::new(&pattern, 1, "test"));
            let (mut now, mut block) = (Time::ZERO, [Time::ZERO; 16]);
            for _ in 0..5 {
                many.next_of_each(now, &mut block);
                for time in block {
                    let next = if now == Time::MAX { None } else { one.next(now) };
                    now = next.unwrap_or(Time::MAX);
                    assert_eq!(time, now);
                }
                if now == Time::MAX {
                    break;
                }
            }
        }
    }

    #[test]
    fn nothing_comes_at_a_rate_of_zero() {
        let mut clock = clock(vec![segment(0.0, 1.0, 1.0, 1.0), segment(1.0, f64::INFINITY, 0.0, 0.0)]);
        assert_eq!(clock.after(Time::ZERO, 2.0), None);
    }

    /// Mean number, and variance over mean, of requests a second over a long time.
    #[test]
    fn bursts_keep_the_mean_and_raise_the_variance() {
        let intensity = Intensity { segments: Arc::new(vec![segment(0.0, f64::INFINITY, 100.0, 100.0)]) };
        let low = 1.0 / (1.0 - 0.2 + 10.0 * 0.2);
        let pattern = Pattern::Bursty { intensity, quiet: (low, 4.0), burst: (low * 10.0, 1.0) };
        let mut source = Source::new(&pattern, 1, "test");
        let (mut now, mut counts) = (Time::ZERO, vec![0.0; 20_000]);
        while now.seconds() < 20_000.0 {
            counts[now.seconds() as usize] += 1.0;
            now = source.next(now).unwrap();
        }
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        let variance = counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / counts.len() as f64;
        assert!((mean - 100.0).abs() < 3.0 && variance / mean > 20.0, "{mean} {variance}");
    }
}
