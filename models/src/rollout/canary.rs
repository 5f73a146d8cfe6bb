//! A canary: the new side gets its traffic step by step, for as long as nothing speaks against it.

use super::{Analysis, AnalysisSpec, Found, Order, Verdict};
use squall_sim::{Span, Time};

/// A step: the share that the new side gets, and how long that is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// From 0 to 1.
    pub share: f64,
    /// None for as long as it takes until somebody does something.
    pub pause: Option<Span>,
}

/// A canary under way.
#[derive(Clone, Debug)]
pub struct Canary {
    legs: Vec<Leg>,
    spec: Option<AnalysisSpec>,
    /// Without a ready new side for longer than this it is given up.
    deadline: Option<Span>,
    stage: Stage,
    analysis: Option<Analysis>,
    /// The step that it is at.
    leg: usize,
    /// When the next one is due.
    due: Option<Time>,
    /// The last check was a good one, or there is none that would have to be.
    good: bool,
    unready: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has not begun.
    Waiting,
    Going,
    /// It goes on only if somebody says so.
    Paused,
    Promoted,
    RolledBack,
}

impl Canary {
    /// A canary that has not begun.
    #[must_use]
    pub fn new(legs: Vec<Leg>, spec: Option<AnalysisSpec>, deadline: Option<Span>) -> Self {
        Self {
            legs,
            spec,
            deadline,
            stage: Stage::Waiting,
            analysis: None,
            leg: 0,
            due: None,
            good: true,
            unready: None,
        }
    }

    /// When it wants to look again.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        if self.stage != Stage::Going {
            return None;
        }
        let check = self.analysis.as_ref().and_then(Analysis::next);
        // A step that waits for a good check comes with that.
        self.due.filter(|_| self.good).into_iter().chain(check).min()
    }

    /// Whether a check is due.
    #[must_use]
    pub fn checks_at(&self, now: Time) -> bool {
        self.stage == Stage::Going && self.analysis.as_ref().and_then(Analysis::next).is_some_and(|next| next <= now)
    }

    /// It begins.
    pub fn start(&mut self, now: Time) -> Vec<Order> {
        if self.stage != Stage::Waiting && self.stage != Stage::RolledBack {
            return vec![Order::Refused("it has begun already".to_owned())];
        }
        self.stage = Stage::Going;
        self.analysis = self.spec.as_ref().map(|spec| Analysis::new(spec, now));
        self.good = !self.analysis.as_ref().is_some_and(Analysis::blocks);
        (self.leg, self.unready) = (0, None);
        let mut orders = vec![Order::Started];
        self.take(now, &mut orders);
        orders
    }

    /// It was to look again: how the new side is, and whether all of its replicas are ready.
    pub fn wake(&mut self, now: Time, ready: bool, found: &[Found]) -> Vec<Order> {
        let mut orders = Vec::new();
        if self.stage != Stage::Going {
            return orders;
        }
        if self.checks_at(now) {
            self.check(now, ready, found, &mut orders);
        }
        if self.stage == Stage::Going && self.good && self.due.is_some_and(|due| due <= now) {
            self.leg += 1;
            self.take(now, &mut orders);
        }
        orders
    }

    fn check(&mut self, now: Time, ready: bool, found: &[Found], orders: &mut Vec<Order>) {
        let Some(analysis) = &mut self.analysis else { return };
        let paced = matches!(analysis, Analysis::Flagger(_));
        let unready = if ready { None } else { Some(*self.unready.get_or_insert(now)) };
        self.unready = unready;
        if let (Some(since), Some(deadline)) = (unready, self.deadline)
            && now.since(since) >= deadline
        {
            return self.give_up(format!("not ready for {deadline}"), orders);
        }
        if let (Analysis::Flagger(machine), false) = (&mut *analysis, ready) {
            return machine.skip(now);
        }
        let verdict = analysis.check(now, found);
        let blocks = analysis.blocks();
        match verdict {
            Verdict::Failed(why) => self.give_up(why, orders),
            Verdict::Inconclusive(why) => {
                self.stage = Stage::Paused;
                orders.push(Order::Paused(why));
            }
            Verdict::Held => self.good = !blocks,
            Verdict::Going | Verdict::Done if paced => {
                self.leg += 1;
                self.take(now, orders);
            }
            Verdict::Going | Verdict::Done => self.good = true,
        }
    }

    /// Takes the step that it has come to.
    fn take(&mut self, now: Time, orders: &mut Vec<Order>) {
        match self.legs.get(self.leg) {
            Some(leg) => {
                orders.push(Order::Share(leg.share));
                self.due = leg.pause.map(|pause| now + pause);
            }
            None => self.finish(orders),
        }
    }

    fn finish(&mut self, orders: &mut Vec<Order>) {
        (self.stage, self.analysis, self.due) = (Stage::Promoted, None, None);
        orders.extend([Order::Share(1.0), Order::Promoted]);
    }

    fn give_up(&mut self, why: String, orders: &mut Vec<Order>) {
        (self.stage, self.analysis, self.due) = (Stage::RolledBack, None, None);
        orders.extend([Order::Share(0.0), Order::RolledBack(why)]);
    }

    /// Somebody wants the new side to have everything.
    pub fn promote(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        match self.stage {
            Stage::Promoted => orders.push(Order::Refused("it has been promoted already".to_owned())),
            Stage::RolledBack => orders.push(Order::Refused("it has been rolled back".to_owned())),
            Stage::Waiting | Stage::Going | Stage::Paused => self.finish(&mut orders),
        }
        orders
    }

    /// Somebody wants the new side to have nothing.
    pub fn roll_back(&mut self, why: &str) -> Vec<Order> {
        let mut orders = Vec::new();
        match self.stage {
            Stage::Waiting => orders.push(Order::Refused("it has not begun".to_owned())),
            Stage::RolledBack => orders.push(Order::Refused("it has been rolled back already".to_owned())),
            Stage::Going | Stage::Paused | Stage::Promoted => self.give_up(why.to_owned(), &mut orders),
        }
        orders
    }

    /// It stays where it is until somebody says otherwise.
    pub fn interrupt(&mut self) -> Vec<Order> {
        if self.stage != Stage::Going {
            return vec![Order::Refused("nothing is under way".to_owned())];
        }
        self.stage = Stage::Paused;
        vec![Order::Interrupted]
    }
}
