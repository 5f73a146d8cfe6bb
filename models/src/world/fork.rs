//! A run that is stopped at an instant, copied, and continued by other rules.

use super::ahead::Ahead;
use super::caller::EdgeState;
use super::client::ClientState;
use super::{Cx, Run, Simulated, layer};
use crate::plan::{EdgeId, EdgePlan, Plan, StackId, StackPlan};
use squall_sim::Time;
use std::sync::Arc;

impl EdgeState {
    /// Goes on by other rules. The counts stay, and so do the timers of what is in flight.
    pub(super) fn follow(&mut self, old: &EdgePlan, new: &EdgePlan, traced: bool, cx: &mut Cx) {
        if old.timeout != new.timeout {
            self.timeout_lane = new.timeout.map(|span| cx.lane(span));
        }
        if old.total != new.total {
            self.total_lane = new.total.map(|span| cx.lane(span));
        }
        self.refresh_short(new, traced);
    }
}

impl Plan {
    /// This plan with the stacks of another one behind its own.
    fn with_retired(&self, old: &Self) -> Self {
        let mut plan = self.clone();
        let (stacks, layers) = (plan.stacks.len() as u32, plan.layers);
        plan.stacks.extend(old.stacks.iter().map(|stack| StackPlan { first: stack.first + layers, ..stack.clone() }));
        plan.layers += old.layers;
        let current = old.edges.iter().zip(0..).filter_map(|(edge, id)| Some((EdgeId(id), edge.stack?)));
        let all = current.chain(old.retired.iter().copied());
        plan.retired.extend(all.map(|(edge, stack)| (edge, StackId(stack.0 + stacks))));
        plan.tied |= old.tied;
        plan
    }
}

impl Run<'_> {
    /// New calls go through new stacks, which have learnt nothing yet. Who is inside of an old one goes on through that.
    fn retire_stacks(&mut self, before: &Plan) {
        let (new, layers) = (self.plan.stacks.len() - before.stacks.len(), self.plan.layers - before.layers);
        let inside: Vec<_> = self.state.frames.iter().map(|(key, _)| key).collect();
        for key in inside {
            let frames = &mut self.state.frames[key];
            (frames.stack.0, frames.first) = (frames.stack.0 + new as u32, frames.first + layers);
        }
        let old = std::mem::take(&mut self.state.layers);
        self.state.layers = layer::all(self.plan, self.cx);
        let first = self.state.layers.len() - old.len();
        self.state.layers.truncate(first);
        self.state.layers.extend(old);
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
        let old = &self.0.model.plan;
        if old.edges.len() != plan.edges.len() {
            return Err("a fallback that calls another endpoint has to be there before and after".to_owned());
        }
        let exchanged = format!("{:?}", old.stacks) != format!("{:?}", plan.stacks);
        let plan = if exchanged { Arc::new(plan.with_retired(old)) } else { Arc::clone(plan) };
        let before = std::mem::replace(&mut copy.0.model.plan, plan);
        let (world, cx) = copy.0.parts();
        // What was drawn ahead followed the old plan.
        world.state.ahead = Ahead::new(&world.plan);
        world.state.clients.iter_mut().for_each(ClientState::forget_work);
        let traced = world.state.recorder.is_some();
        let mut run = Run { plan: &world.plan, state: &mut world.state, cx };
        if exchanged {
            run.retire_stacks(&before);
        }
        for (state, (old, new)) in run.state.edges.iter_mut().zip(before.edges.iter().zip(&run.plan.edges)) {
            state.follow(old, new, traced, run.cx);
        }
        // What actions have exchanged stays exchanged.
        for swap in std::mem::take(&mut world.state.exchanged) {
            world.exchange(swap, cx);
        }
        Ok(copy)
    }
}
