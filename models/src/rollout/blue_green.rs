//! Blue-green: all traffic goes over from one side to the other, after a look at that, and goes back if it is not well there.

use super::{Analysis, AnalysisSpec, Found, Order, Verdict};
use squall_sim::{Span, Time};

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// How long caches are filled before anything else; none if they are not.
    pub warm: Option<Span>,
    /// How long the traffic takes to go over, and in how many equal parts it does.
    pub over: (Span, u32),
    /// How long is looked at the new side before it counts as proven.
    pub validate: Span,
    /// How long the old side is kept after that; for good if none.
    pub scale_down: Option<Span>,
}

/// What is asked of the new side before it gets any traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// The least share of its replicas that are ready, from 0 to 1.
    pub ready: f64,
    /// So many good looks in a row.
    pub checks: u32,
    /// The time between two.
    pub every: Span,
    /// After a bad look it begins anew until this long after the first; then the switch is blocked.
    pub within: Span,
}

/// Two sides, one of which has the traffic.
#[derive(Clone, Debug)]
pub struct BlueGreen {
    times: Times,
    health: Option<Health>,
    spec: Option<AnalysisSpec>,
    phase: Phase,
    /// The second side has the traffic.
    second: bool,
    /// The side without traffic is gone.
    down: bool,
}

#[derive(Clone, Debug)]
enum Phase {
    /// No switch is under way. It may be that the old side is to go at a time.
    Idle {
        scale_down: Option<Time>,
    },
    Warming {
        until: Time,
    },
    Gated {
        since: Time,
        next: Time,
        good: u32,
    },
    /// So many parts have gone over.
    Switching {
        since: Time,
        parts: u32,
    },
    Interrupted,
    Validating {
        until: Time,
        analysis: Option<Box<Analysis>>,
        good: bool,
    },
    /// Nothing can be said of the new side, which somebody has to decide.
    Paused,
}

impl BlueGreen {
    /// Nothing is under way, and the first side has the traffic.
    #[must_use]
    pub fn new(times: Times, health: Option<Health>, spec: Option<AnalysisSpec>) -> Self {
        Self { times, health, spec, phase: Phase::Idle { scale_down: None }, second: false, down: false }
    }

    /// Whether the second side has the traffic, or had it before a switch that is under way.
    #[must_use]
    pub const fn second(&self) -> bool {
        self.second
    }

    /// A switch has begun and is not settled.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        !matches!(self.phase, Phase::Idle { .. })
    }

    /// Whether a check is due.
    #[must_use]
    pub fn checks_at(&self, now: Time) -> bool {
        let Phase::Validating { analysis: Some(analysis), .. } = &self.phase else { return false };
        analysis.next().is_some_and(|next| next <= now)
    }

    /// When it wants to look again.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        match &self.phase {
            Phase::Idle { scale_down } => *scale_down,
            Phase::Warming { until } => Some(*until),
            Phase::Gated { next, .. } => Some(*next),
            Phase::Switching { since, parts } => Some(self.part_at(*since, *parts)),
            Phase::Interrupted | Phase::Paused => None,
            Phase::Validating { until, analysis, good } => {
                let check = analysis.as_ref().and_then(|analysis| analysis.next());
                // Its end waits for a good check.
                Some(*until).filter(|_| *good).into_iter().chain(check).min()
            }
        }
    }

    fn part_at(&self, since: Time, parts: u32) -> Time {
        let (over, all) = self.times.over;
        since + Span::from_nanos(over.nanos() / u64::from(all) * u64::from(parts))
    }

    /// Somebody wants the other side to have the traffic.
    pub fn switch(&mut self, now: Time) -> Vec<Order> {
        if self.is_under_way() {
            return vec![Order::Refused("a switch is under way".to_owned())];
        }
        if self.down {
            return vec![Order::Refused("the other side has been scaled down".to_owned())];
        }
        let mut orders = vec![Order::Started];
        match self.times.warm {
            Some(warm) => {
                orders.push(Order::Warm);
                self.phase = Phase::Warming { until: now + warm };
            }
            None => self.come_to_gate(now, &mut orders),
        }
        orders
    }

    /// It was to look again: the share of the new side's replicas that are ready, and how it is.
    pub fn wake(&mut self, now: Time, ready: f64, found: &[Found]) -> Vec<Order> {
        let mut orders = Vec::new();
        match &mut self.phase {
            Phase::Idle { scale_down } => {
                if scale_down.is_some_and(|at| at <= now) {
                    *scale_down = None;
                    self.down = true;
                    orders.push(Order::ScaleDown);
                }
            }
            Phase::Warming { until } if *until <= now => self.come_to_gate(now, &mut orders),
            Phase::Gated { next, .. } if *next <= now => self.look(now, ready, &mut orders),
            Phase::Switching { since, parts } => {
                let (since, parts) = (*since, *parts);
                if self.part_at(since, parts) <= now {
                    self.go_over(now, since, parts + 1, &mut orders);
                }
            }
            Phase::Validating { .. } => self.validate(now, found, &mut orders),
            Phase::Warming { .. } | Phase::Gated { .. } | Phase::Interrupted | Phase::Paused => {}
        }
        orders
    }

    fn come_to_gate(&mut self, now: Time, orders: &mut Vec<Order>) {
        match self.health {
            // The first look is an event of its own.
            Some(_) => self.phase = Phase::Gated { since: now, next: now, good: 0 },
            None => self.go_over(now, now, 1, orders),
        }
    }

    /// A look at the new side before it gets any traffic.
    fn look(&mut self, now: Time, ready: f64, orders: &mut Vec<Order>) {
        let (Some(health), Phase::Gated { since, next, good }) = (self.health, &mut self.phase) else { return };
        *next = now + health.every;
        if ready >= health.ready {
            *good += 1;
            if *good >= health.checks {
                self.go_over(now, now, 1, orders);
            }
        } else if *next > *since + health.within {
            self.phase = Phase::Idle { scale_down: None };
            let (there, wanted) = (ready * 100.0, health.ready * 100.0);
            orders
                .push(Order::Blocked(format!("{there:.0} % of its replicas are ready, and {wanted:.0} % have to be")));
        } else {
            *good = 0;
        }
    }

    /// So many parts have gone over by now.
    fn go_over(&mut self, now: Time, since: Time, parts: u32, orders: &mut Vec<Order>) {
        let (over, all) = self.times.over;
        if over.is_zero() || parts >= all {
            orders.extend([self.share(1.0), Order::Switched]);
            return self.begin_validation(now, orders);
        }
        orders.push(self.share(f64::from(parts) / f64::from(all)));
        self.phase = Phase::Switching { since, parts };
    }

    fn begin_validation(&mut self, now: Time, orders: &mut Vec<Order>) {
        let analysis = self.spec.as_ref().map(|spec| Box::new(Analysis::new(spec, now)));
        if self.times.validate.is_zero() {
            return self.settle(now, orders);
        }
        let good = !analysis.as_ref().is_some_and(|analysis| analysis.blocks());
        self.phase = Phase::Validating { until: now + self.times.validate, analysis, good };
    }

    fn validate(&mut self, now: Time, found: &[Found], orders: &mut Vec<Order>) {
        let Phase::Validating { until, analysis, good } = &mut self.phase else { return };
        let until = *until;
        if let Some(analysis) = analysis
            && analysis.next().is_some_and(|next| next <= now)
        {
            let blocks = analysis.blocks();
            match analysis.check(now, found) {
                Verdict::Failed(why) => return self.go_back(why, orders),
                Verdict::Inconclusive(why) => {
                    self.phase = Phase::Paused;
                    return orders.push(Order::Paused(why));
                }
                Verdict::Held => *good = !blocks,
                Verdict::Going | Verdict::Done => *good = true,
            }
        }
        if *good && until <= now {
            self.settle(now, orders);
        }
    }

    /// The new side has proven itself.
    fn settle(&mut self, now: Time, orders: &mut Vec<Order>) {
        self.second = !self.second;
        self.phase = Phase::Idle { scale_down: self.times.scale_down.map(|after| now + after) };
        orders.push(Order::Promoted);
    }

    fn go_back(&mut self, why: String, orders: &mut Vec<Order>) {
        self.phase = Phase::Idle { scale_down: None };
        orders.extend([self.share(0.0), Order::RolledBack(why)]);
    }

    /// The order for a share of the side that the traffic goes to: told as that of the second side.
    fn share(&self, of_new: f64) -> Order {
        Order::Share(if self.second { 1.0 - of_new } else { of_new })
    }

    /// Somebody wants the old side to have the traffic again.
    pub fn roll_back(&mut self, why: &str) -> Vec<Order> {
        let mut orders = Vec::new();
        match self.phase {
            Phase::Idle { .. } if self.down => {
                orders.push(Order::Refused("the old side has been scaled down".to_owned()));
            }
            Phase::Idle { .. } if self.second => {
                // The last switch is undone; what was new is the other side from now on.
                self.second = false;
                self.go_back(why.to_owned(), &mut orders);
            }
            Phase::Idle { .. } => orders.push(Order::Refused("there was no switch".to_owned())),
            _ => self.go_back(why.to_owned(), &mut orders),
        }
        orders
    }

    /// Somebody wants a switch to be done with, whatever was still to be waited for.
    pub fn promote(&mut self, now: Time) -> Vec<Order> {
        let mut orders = Vec::new();
        match self.phase {
            Phase::Idle { .. } => orders.push(Order::Refused("no switch is under way".to_owned())),
            Phase::Validating { .. } | Phase::Paused => self.settle(now, &mut orders),
            Phase::Warming { .. } | Phase::Gated { .. } | Phase::Switching { .. } | Phase::Interrupted => {
                orders.extend([self.share(1.0), Order::Switched]);
                self.begin_validation(now, &mut orders);
            }
        }
        orders
    }

    /// Whoever carries the switch out is gone: what has gone over stays so.
    pub fn interrupt(&mut self) -> Vec<Order> {
        if !matches!(self.phase, Phase::Switching { .. }) {
            return vec![Order::Refused("no traffic is going over".to_owned())];
        }
        self.phase = Phase::Interrupted;
        vec![Order::Interrupted]
    }
}
