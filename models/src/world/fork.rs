//! A run that is stopped at an instant, copied, and continued by other rules.

use super::caller::EdgeState;
use super::{Cx, Run, Simulated, layer};
use crate::plan::{EdgePlan, Plan};
use squall_sim::Time;
use std::sync::Arc;

impl EdgeState {
    /// Goes on by other rules. The counts stay, and so do the timers of what is in flight.
    pub(super) fn follow(&mut self, old: &EdgePlan, new: &EdgePlan, cx: &mut Cx) {
        if old.timeout != new.timeout {
            self.timeout_lane = new.timeout.map(|span| cx.lane(span));
        }
        if old.total != new.total {
            self.total_lane = new.total.map(|span| cx.lane(span));
        }
        self.plain = new.plain;
        self.short.open = new.short;
        self.short.stacked = new.stack.is_some();
    }
}

impl Simulated {
    /// Goes on to an instant, what is due then included.
    pub(crate) fn go_on(&mut self, until: Time) {
        let settings = &self.0.model.plan.settings;
        let (end, events) = (Time::ZERO + settings.duration, settings.limits.events);
        let _ended = self.0.run(until.min(end), events);
    }

    /// A copy that goes on by another plan of the same frame.
    pub(crate) fn onto(&self, plan: &Arc<Plan>) -> Result<Self, String> {
        let mut copy = self.clone();
        let before = std::mem::replace(&mut copy.0.model.plan, Arc::clone(plan));
        let (world, cx) = copy.0.parts();
        let run = Run { plan: &world.plan, state: &mut world.state, cx };
        if format!("{:?}", before.stacks) != format!("{:?}", plan.stacks) {
            // Calls inside of a stack stand at a layer of it, and would find another one there.
            if !before.stacks.is_empty() {
                let rule = "calls in flight are inside of policies other than a timeout around a retry around a timeout, \
                            which cannot be exchanged";
                return Err(rule.to_owned());
            }
            run.state.layers = layer::all(run.plan, run.cx);
        }
        for (state, (old, new)) in run.state.edges.iter_mut().zip(before.edges.iter().zip(&run.plan.edges)) {
            state.follow(old, new, run.cx);
        }
        Ok(copy)
    }
}
