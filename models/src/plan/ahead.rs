//! What the requests of a client are going to draw, so that it can be drawn before it is wanted (`world/ahead.rs`).

use super::{DistId, EndpointId, Op, Pattern, Pc, Plan};
use squall_sim::dist::Dist;
use squall_sim::random::{Luck, Place};

/// The work that a client's requests come to before anything can lead one of them another way than the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foresight {
    /// The calls that do it beside the request itself, each after the one that makes it.
    pub(crate) calls: Vec<Foreseen>,
    /// Each piece of work: which of the calls does it, 0 for the request itself, and what it draws.
    pub(crate) works: Vec<(usize, DistId, Place)>,
    /// The request itself begins with the first of them.
    pub(crate) begins: bool,
}

/// A call that will be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foreseen {
    /// Which of the calls makes it, 0 for the request itself, and where.
    made: (usize, Place),
    attempt: Place,
}

/// Requests that are drawn for at once.
pub(crate) const BLOCK: usize = 16;
/// There is room for the draws of so many blocks: a request that is under way for longer than it takes to make so many
/// others draws for itself.
pub(crate) const BLOCKS: usize = 32;
/// Draws that are kept at most: as many as a processor's second cache holds beside all the rest.
pub(crate) const KEPT: usize = 4096;
/// How far is looked: so many pieces of work, and so many calls.
pub(crate) const FORESEEN: usize = 16;
/// Instructions that are read at most, for some run in circles.
const READ: usize = 256;

impl Foreseen {
    /// The luck of its first attempt, from those of the calls before it.
    #[inline(always)]
    pub(crate) fn luck(&self, calls: impl FnOnce(usize) -> Luck) -> Luck {
        let (by, place) = self.made;
        calls(by).child(place, 0).child(self.attempt, 1)
    }
}

impl Plan {
    pub(super) fn look_ahead(&mut self) {
        // The blocks of all clients fill half of what is kept; the other half is for requests under way.
        let mut works = KEPT / 2 / BLOCK;
        for at in 0..self.clients.len() {
            let client = &self.clients[at];
            // To which side of a split a request goes is not known yet, nor when a user of a closed loop asks again.
            let known = client.ways.is_none() && !matches!(client.pattern, Pattern::Closed { .. });
            if known && works >= FORESEEN {
                let mut foresight = Foresight::default();
                self.follow(&mut foresight, (0, client.endpoint), &mut { READ });
                let first = self.ops[self.endpoints[client.endpoint.at()].start.at()];
                foresight.begins = matches!((first, foresight.works.first()),
                    (Op::Work { place: first, .. }, Some(&(0, _, place))) if first == place);
                works -= foresight.works.len();
                self.clients[at].foresight = foresight;
            }
        }
    }

    /// Follows the call of this number to its end; false if that is too far, or not foreseeable.
    fn follow(&self, to: &mut Foresight, (number, endpoint): (usize, EndpointId), left: &mut usize) -> bool {
        let mut pc = self.endpoints[endpoint.at()].start;
        while *left > 0 && to.works.len() < FORESEEN {
            *left -= 1;
            match self.ops[pc.at()] {
                Op::Work { dist, place } => {
                    if !matches!(self.dist(dist), Dist::Constant(_)) {
                        to.works.push((number, dist, place));
                    }
                }
                Op::Call { edge, endpoint, place, .. } => {
                    let callee = 1 + to.calls.len();
                    if callee == FORESEEN {
                        return false;
                    }
                    let attempt = self.edges[edge.at()].attempt_place;
                    to.calls.push(Foreseen { made: (number, place), attempt });
                    if !self.follow(to, (callee, endpoint), left) {
                        return false;
                    }
                }
                Op::Jump { to } => {
                    pc = to;
                    continue;
                }
                Op::End => return true,
                Op::Sleep { .. } | Op::Acquire { .. } | Op::Release | Op::Fail { .. } | Op::Write(_) => {}
                _ => return false,
            }
            pc = Pc(pc.0 + 1);
        }
        false
    }
}
