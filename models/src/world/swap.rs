//! A part of the plan is exchanged while a run goes on.

use super::{Cx, Run, World};
use crate::plan::Swap;
use std::sync::Arc;

impl World {
    /// Exchanges what an action says. Between two tasks, so that nobody is just reading the plan.
    #[cold]
    pub(super) fn exchange(&mut self, number: u32, cx: &mut Cx) {
        self.state.exchanged.push(number);
        let plan = Arc::make_mut(&mut self.plan);
        match plan.swaps[number as usize].clone() {
            Swap::Edge(id, new) => {
                let old = std::mem::replace(&mut plan.edges[id.at()], *new);
                let new = &plan.edges[id.at()];
                plan.retired.retain(|retired| Some(retired.1) != new.stack);
                plan.retired.extend(old.stack.filter(|stack| Some(*stack) != new.stack).map(|stack| (id, stack)));
                let traced = self.state.recorder.is_some();
                self.state.edges[id.at()].follow(&old, new, traced, cx);
            }
            Swap::Admission(service, admission) => {
                plan.services[service.at()].admission = admission;
                Run::exchange_guards(&mut self.state, plan, service);
            }
            Swap::Memory(service, limit) => {
                let platform = plan.services[service.at()].platform.as_mut();
                if let Some(memory) = platform.and_then(|platform| platform.memory.as_mut()) {
                    memory.limit = limit;
                }
            }
        }
    }
}
