//! The network between a caller and a callee: what becomes of a message.

use super::Run;
use crate::plan::{EdgeId, LinkFault};
use squall_sim::random::{Draw, Luck};
use squall_sim::{Span, Time};

/// What faults do to a link at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) any: bool,
    pub(crate) no_calls: bool,
    pub(crate) no_answers: bool,
    /// What is wrong with the messages that get through.
    pub(crate) link: LinkFault,
}

/// What one direction of a link remembers from one message to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wire {
    /// Where the delay of the last message lay in its range, from 0 to 1.
    last: Option<f64>,
    /// Until when the link is taken.
    free: Time,
}

/// A message is sent again so often, and waits for so long at most, before it is given up: `tcp_retries2` and
/// `TCP_RTO_MAX` of Linux.
const RETRIES: u32 = 15;
const LONGEST: Span = Span::from_secs(120);

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
        if state.short.back {
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
            loss = 1.0 - (1.0 - loss) * (1.0 - trouble.link.loss);
            latency += self.delay_of(id, luck, there);
            if let Some(wait) = trouble.link.retransmit {
                return self.send_until_it_arrives(id, luck, there, (latency, loss, wait));
            }
        }
        if loss > 0.0 && luck.at(places.loss).unit() < loss {
            self.state.edges[id.at()].totals.lost += 1;
            return Sent::Lost;
        }
        Sent::After(latency)
    }

    /// What faults add to the time that a message takes.
    fn delay_of(&mut self, id: EdgeId, luck: Luck, there: bool) -> Span {
        let now = self.cx.now();
        let edge = &self.plan.edges[id.at()];
        let places = if there { &edge.there } else { &edge.back };
        let state = &mut self.state.edges[id.at()];
        let link = state.trouble.link;
        let wire = &mut state.wires[usize::from(there)];
        let mut delay = match link.delay {
            Some(dist) => self.plan.dist(dist).sample_span(&mut luck.at(places.fault)),
            None => Span::ZERO,
        };
        if link.jitter > 0.0 {
            let fresh = luck.at(places.jitter).unit();
            let drawn = wire.last.map_or(fresh, |last| link.correlation * last + (1.0 - link.correlation) * fresh);
            wire.last = Some(drawn);
            delay = Span::from_seconds((delay.seconds() + link.jitter * (2.0 * drawn - 1.0)).max(0.0));
        }
        if let Some(transmission) = link.transmission {
            wire.free = wire.free.max(now) + transmission;
            delay += wire.free.since(now);
        }
        delay
    }

    /// What is lost is sent again, so that it comes late.
    fn send_until_it_arrives(
        &mut self,
        id: EdgeId,
        luck: Luck,
        there: bool,
        (mut latency, loss, mut wait): (Span, f64, Span),
    ) -> Sent {
        let edge = &self.plan.edges[id.at()];
        let mut draws = luck.at(if there { edge.there.loss } else { edge.back.loss });
        for _ in 0..=RETRIES {
            if draws.unit() >= loss {
                return Sent::After(latency);
            }
            latency += wait;
            wait = (wait + wait).min(LONGEST);
        }
        self.state.edges[id.at()].totals.lost += 1;
        Sent::Lost
    }
}
