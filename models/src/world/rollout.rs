//! Controllers of rollouts at work: each is woken when it wants to look, is told what was scraped, and has its orders carried out.

use super::monitor::seen_now;
use super::{Event, Run};
use crate::plan::{Action, CacheId, Cause, CheckPlan, Plan, RolloutKind, RolloutPlan, Wish};
use crate::report::RolloutTotals;
use crate::rollout::{BlueGreen, Canary, Found, Order};
use squall_sim::{Span, Time};

/// A controller.
#[derive(Clone, Debug)]
pub(crate) struct Controller {
    kind: Kind,
    /// Goes up whenever what was waited for no longer matters.
    life: u32,
    pub(super) totals: RolloutTotals,
}

#[derive(Clone, Debug)]
enum Kind {
    Canary(Canary),
    BlueGreen(BlueGreen),
}

impl Controller {
    pub(crate) fn new(plan: &RolloutPlan) -> Self {
        let kind = match &plan.kind {
            RolloutKind::Canary { legs, deadline } => {
                Kind::Canary(Canary::new(legs.clone(), plan.analysis.clone(), *deadline))
            }
            RolloutKind::BlueGreen { times, health } => {
                Kind::BlueGreen(BlueGreen::new(*times, *health, plan.analysis.clone()))
            }
        };
        Self { kind, life: 0, totals: RolloutTotals::default() }
    }

    fn next(&self) -> Option<Time> {
        match &self.kind {
            Kind::Canary(canary) => canary.next(),
            Kind::BlueGreen(switch) => switch.next(),
        }
    }

    /// Which of its two sides is the new one.
    fn new_side(&self) -> usize {
        match &self.kind {
            Kind::Canary(_) => 0,
            Kind::BlueGreen(switch) => usize::from(switch.second()),
        }
    }

    fn wants(&mut self, wish: Wish, now: Time) -> Vec<Order> {
        const BY_HAND: &str = "asked for";
        match (&mut self.kind, wish) {
            (Kind::Canary(canary), Wish::Switch) => canary.start(now),
            (Kind::Canary(canary), Wish::Promote) => canary.promote(),
            (Kind::Canary(canary), Wish::RollBack) => canary.roll_back(BY_HAND),
            (Kind::Canary(canary), Wish::Interrupt) => canary.interrupt(),
            (Kind::BlueGreen(switch), Wish::Switch) => switch.switch(now),
            (Kind::BlueGreen(switch), Wish::Promote) => switch.promote(now),
            (Kind::BlueGreen(switch), Wish::RollBack) => switch.roll_back(BY_HAND),
            (Kind::BlueGreen(switch), Wish::Interrupt) => switch.interrupt(),
        }
    }
}

/// All controllers of a plan.
pub(crate) fn all(plan: &Plan) -> Vec<Controller> {
    plan.rollouts.iter().map(Controller::new).collect()
}

impl<'a> Run<'a> {
    pub(super) fn schedule_rollouts(&mut self) {
        for (plan, number) in self.plan.rollouts.iter().zip(0..) {
            if let Some(at) = plan.at {
                self.cx.at(at, Event::Roll { number, life: u32::MAX });
            }
        }
    }

    fn rollout_plan(&self, number: u32) -> &'a RolloutPlan {
        let plan = self.plan;
        &plan.rollouts[number as usize]
    }

    /// A controller wants to look, or it is time for it to begin.
    pub(super) fn roll(&mut self, number: u32, life: u32) {
        let now = self.cx.now();
        if life == u32::MAX {
            let orders = self.state.rollouts[number as usize].wants(Wish::Switch, now);
            return self.carry_out_orders(number, orders);
        }
        if self.state.rollouts[number as usize].life != life {
            return;
        }
        if self.is_to_be_scraped() {
            // Where both are due, the scrape comes first.
            self.cx.after(Span::ZERO, Event::Roll { number, life });
            return;
        }
        let plan = self.rollout_plan(number);
        let side = self.state.rollouts[number as usize].new_side();
        let found = self.look_at(number, &plan.checks[side]);
        let service = self.plan.splits[plan.split.at()].sides[plan.sides[side] as usize].service;
        let ready = self.ready_share(service);
        let orders = match &mut self.state.rollouts[number as usize].kind {
            Kind::Canary(canary) => canary.wake(now, ready >= 1.0, &found),
            Kind::BlueGreen(switch) => switch.wake(now, ready, &found),
        };
        self.carry_out_orders(number, orders);
    }

    /// What was scraped says this of each condition; what is not good is written down.
    fn look_at(&mut self, number: u32, checks: &[CheckPlan]) -> Vec<Found> {
        let now = self.cx.now();
        // What the looks of a canary between two checks find is of no consequence.
        let counts = self.checks_now(number);
        let mut all = Vec::with_capacity(checks.len());
        for check in checks {
            let (found, shown) = seen_now(&mut self.state.monitor, check, now);
            all.push(found);
            let word = match found {
                _ if !counts => continue,
                Found::Healthy => continue,
                Found::Unhealthy => "check failed",
                Found::Unknown => "no data",
            };
            self.write_down(Cause::Rollout(number), word, check.condition.what.clone(), shown);
            if found == Found::Unhealthy {
                let since = self.state.monitor.since_trouble(now);
                let totals = &mut self.state.rollouts[number as usize].totals;
                totals.failed_checks += 1;
                totals.detected = totals.detected.or(since);
            }
        }
        all
    }

    /// Whether it is for a check that a controller looks now.
    fn checks_now(&self, number: u32) -> bool {
        let now = self.cx.now();
        match &self.state.rollouts[number as usize].kind {
            Kind::Canary(canary) => canary.checks_at(now),
            Kind::BlueGreen(switch) => switch.checks_at(now),
        }
    }

    /// Somebody asks something of a rollout; what came of it.
    pub(super) fn wish(&mut self, number: u32, wish: Wish) -> String {
        let now = self.cx.now();
        let orders = self.state.rollouts[number as usize].wants(wish, now);
        let refused = orders.iter().find_map(|order| match order {
            Order::Refused(why) => Some(format!("refused: {why}")),
            _ => None,
        });
        self.carry_out_orders(number, orders);
        refused.unwrap_or_else(|| "done".to_owned())
    }

    fn carry_out_orders(&mut self, number: u32, orders: Vec<Order>) {
        for order in orders {
            self.carry_out_order(number, order);
        }
        let controller = &mut self.state.rollouts[number as usize];
        controller.life = controller.life.wrapping_add(1) % u32::MAX;
        let life = controller.life;
        if let Some(next) = controller.next() {
            let next = next.max(self.cx.now());
            self.cx.at(next, Event::Roll { number, life });
        }
    }

    fn carry_out_order(&mut self, number: u32, order: Order) {
        let (now, plan) = (self.cx.now(), self.rollout_plan(number));
        let since = self.state.monitor.since_trouble(now);
        let totals = &mut self.state.rollouts[number as usize].totals;
        let (word, effect) = match order {
            Order::Share(share) => {
                let weights = self.weights_for(plan, share).into();
                return self.act(Cause::Rollout(number), &Action::Split { split: plan.split, weights });
            }
            Order::Warm => {
                if let Some(cache) = plan.warm {
                    self.warm_now(cache);
                }
                ("warm", String::new())
            }
            Order::Started => {
                totals.started += 1;
                ("started", String::new())
            }
            Order::Refused(why) => {
                totals.refused += 1;
                ("refused", why)
            }
            Order::Blocked(why) => {
                totals.blocked += 1;
                ("blocked", why)
            }
            Order::Paused(why) => {
                totals.paused += 1;
                ("paused", why)
            }
            Order::Switched => {
                totals.switched += 1;
                ("switched", String::new())
            }
            Order::Interrupted => {
                totals.interrupted += 1;
                ("interrupted", String::new())
            }
            Order::Promoted => {
                totals.promoted += 1;
                ("promoted", String::new())
            }
            Order::RolledBack(why) => {
                totals.rolled_back += 1;
                totals.time_to_rollback = totals.time_to_rollback.or(since);
                ("rolled back", why)
            }
            Order::ScaleDown => {
                let side = plan.sides[usize::from(self.state.rollouts[number as usize].new_side() == 1)];
                let service = self.plan.splits[plan.split.at()].sides[side as usize].service;
                return self.act(Cause::Rollout(number), &Action::Scale { service, to: 0 });
            }
        };
        let target = format!("splits.{}", self.plan.splits[plan.split.at()].name);
        self.write_down(Cause::Rollout(number), word, target, effect);
    }

    /// The weights with which the new side has this share, and the others the rest as at the beginning.
    fn weights_for(&self, plan: &RolloutPlan, share: f64) -> Vec<f64> {
        let [new, old] = plan.sides.map(|side| side as usize);
        let first = &self.plan.splits[plan.split.at()].weights;
        let rest: f64 = first.iter().enumerate().filter(|(side, _)| *side != new).map(|(_, weight)| weight).sum();
        let weight = |(side, weight): (usize, &f64)| match side {
            _ if side == new => share * 100.0,
            _ if rest > 0.0 => (1.0 - share) * 100.0 * weight / rest,
            _ if side == old => (1.0 - share) * 100.0,
            _ => 0.0,
        };
        first.iter().enumerate().map(weight).collect()
    }

    /// The jobs that fill a cache are done once more, from now on.
    fn warm_now(&mut self, cache: CacheId) {
        for job in 0..self.plan.caches[cache.at()].warm.len() as u16 {
            self.cx.after(Span::ZERO, Event::Warm { cache, job, next: 0 });
        }
    }
}
