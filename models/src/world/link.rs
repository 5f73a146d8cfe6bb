//! The network between a caller and a callee: what becomes of a message.

use super::Run;
use crate::plan::{DistId, EdgeId};
use squall_sim::Span;
use squall_sim::random::{Draw, Luck};

/// What faults do to a link at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) any: bool,
    pub(crate) no_calls: bool,
    pub(crate) no_answers: bool,
    pub(crate) loss: f64,
    pub(crate) delay: Option<DistId>,
}

/// What became of a message.
pub(super) enum Sent {
    Lost,
    /// Arrives after this long; zero is now.
    After(Span),
}

impl Run<'_> {
    /// What becomes of a message over an edge, there or back.
    #[inline]
    pub(super) fn send(&mut self, id: EdgeId, luck: Luck, there: bool) -> Sent {
        let state = &self.state.edges[id.at()];
        if state.plain && !state.trouble.any {
            return Sent::After(Span::ZERO);
        }
        self.send_far(id, luck, there)
    }

    #[inline(never)]
    fn send_far(&mut self, id: EdgeId, luck: Luck, there: bool) -> Sent {
        let edge = &self.plan.edges[id.at()];
        let state = &mut self.state.edges[id.at()];
        let places = if there { &edge.there } else { &edge.back };
        let mut latency = match edge.latency {
            Some(dist) => self.plan.dist(dist).sample_span(&mut luck.at(places.latency)),
            None => Span::ZERO,
        };
        let mut loss = edge.loss;
        if state.trouble.any {
            let trouble = state.trouble;
            if if there { trouble.no_calls } else { trouble.no_answers } {
                state.totals.lost += 1;
                return Sent::Lost;
            }
            // Two independent chances of loss.
            loss = 1.0 - (1.0 - loss) * (1.0 - trouble.loss);
            if let Some(delay) = trouble.delay {
                latency += self.plan.dist(delay).sample_span(&mut luck.at(places.fault));
            }
        }
        if loss > 0.0 && luck.at(places.loss).unit() < loss {
            state.totals.lost += 1;
            return Sent::Lost;
        }
        Sent::After(latency)
    }
}
