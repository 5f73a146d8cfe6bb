//! Processor sharing: all work in a replica goes on at once, each piece at the same speed, at most one core each.
//!
//! Virtual time runs as fast as one piece of work proceeds; a piece is done when virtual time has passed its length.
//! So an arrival or a departure changes one number, whatever the number of pieces. All in integers: virtual time has
//! 16 bits below the nanosecond.

use super::call::{Call, State as CallState};
use super::{Event, Run};
use crate::plan::ReplicaId;
use squall_sim::{Key, Span, Ticket, Time};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const FRACTION: u32 = 16;

/// The shared work of one replica.
#[derive(Clone, Debug)]
pub(crate) struct Sharing {
    cores: u32,
    active: u32,
    reached: u128,
    last: Time,
    pieces: BinaryHeap<Reverse<Piece>>,
    sequence: u64,
    timer: Ticket,
}

/// A piece of work, ordered by when it will be done.
#[derive(Clone, Copy, Debug)]
struct Piece {
    done: u128,
    sequence: u64,
    call: Key<Call>,
}

impl Piece {
    fn key(&self) -> (u128, u64) {
        (self.done, self.sequence)
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Piece {}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Piece {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl Sharing {
    pub(crate) fn new(cores: u32) -> Self {
        Self {
            cores,
            active: 0,
            reached: 0,
            last: Time::ZERO,
            pieces: BinaryHeap::new(),
            sequence: 0,
            timer: Ticket::NONE,
        }
    }

    /// Whether this replica shares its cores at all.
    pub(crate) fn applies(&self) -> bool {
        self.cores > 0
    }

    fn in_use(&self) -> u64 {
        self.active.min(self.cores).into()
    }

    fn advance(&mut self, now: Time) {
        let elapsed = u128::from(now.since(self.last).nanos()) << FRACTION;
        self.last = now;
        self.reached += if self.active <= self.cores {
            elapsed
        } else {
            elapsed * u128::from(self.cores) / u128::from(self.active)
        };
    }

    /// How long until virtual time has reached this point, if nothing changes; rounded up, so that it has.
    fn until(&self, point: u128) -> Span {
        let left = point.saturating_sub(self.reached);
        let real = if self.active <= self.cores {
            left
        } else {
            (left * u128::from(self.active)).div_ceil(u128::from(self.cores))
        };
        Span::from_nanos(u64::try_from(real.div_ceil(1 << FRACTION)).unwrap_or(u64::MAX))
    }
}

impl Run<'_> {
    /// A call begins a piece of work on shared cores.
    pub(super) fn share(&mut self, id: ReplicaId, call: Key<Call>, length: Span) {
        self.shared_change(id, |sharing| {
            sharing.active += 1;
            sharing.sequence += 1;
            let done = sharing.reached + (u128::from(length.nanos()) << FRACTION);
            sharing.pieces.push(Reverse(Piece { done, sequence: sharing.sequence, call }));
        });
        self.shared_next(id);
    }

    /// A call stops its piece of work before it is done; how much of it was done.
    pub(super) fn unshare(&mut self, id: ReplicaId, call: Key<Call>, length: Span) -> Span {
        let mut done = Span::ZERO;
        self.shared_change(id, |sharing| {
            sharing.active -= 1;
            let piece = sharing.pieces.iter().find(|piece| piece.0.call == call);
            let left = piece.map_or(0, |piece| piece.0.done.saturating_sub(sharing.reached) >> FRACTION);
            done = length - Span::from_nanos(u64::try_from(left).unwrap_or(u64::MAX));
            sharing.pieces.retain(|piece| piece.0.call != call);
        });
        self.shared_next(id);
        done
    }

    /// The first piece is done, and perhaps others with it.
    pub(super) fn shared(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        self.state.replicas[id.at()].sharing.advance(now);
        loop {
            let sharing = &mut self.state.replicas[id.at()].sharing;
            let Some(&Reverse(first)) = sharing.pieces.peek() else {
                break;
            };
            if first.done > sharing.reached {
                break;
            }
            self.shared_change(id, |sharing| {
                sharing.pieces.pop();
                sharing.active -= 1;
            });
            debug_assert_eq!(self.state.calls[first.call].state, CallState::Working);
            self.worked(first.call);
        }
        self.shared_next(id);
    }

    /// Changes the set of pieces, with virtual time and the service's books up to date.
    fn shared_change(&mut self, id: ReplicaId, change: impl FnOnce(&mut Sharing)) {
        let now = self.cx.now();
        let replica = &mut self.state.replicas[id.at()];
        let service = &mut self.state.services[replica.service.at()];
        service.touch(now);
        replica.sharing.advance(now);
        service.in_use -= replica.sharing.in_use();
        change(&mut replica.sharing);
        service.in_use += replica.sharing.in_use();
    }

    /// Schedules the end of the first piece.
    fn shared_next(&mut self, id: ReplicaId) {
        let sharing = &mut self.state.replicas[id.at()].sharing;
        self.cx.cancel(sharing.timer);
        sharing.timer = match sharing.pieces.peek() {
            Some(Reverse(first)) => self.cx.after(sharing.until(first.done), Event::Shared(id)),
            None => Ticket::NONE,
        };
    }
}
