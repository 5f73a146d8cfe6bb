//! The pending-event set: what will happen, in the order in which it will.
//!
//! Events are ordered by time, and events of the same time by the order in which they were scheduled. Two structures
//! hold them, and the earlier of their heads is next:
//!
//! - **Lanes** for events that are scheduled in the order in which they are due: after a delay that is the same on every
//!   use (a timeout, a constant latency), or one after the other from a source that knows only its next one (arrivals).
//!   A lane is a ring buffer and costs nothing to keep sorted; a small tournament finds the earliest of their heads.
//! - A four-ary **heap** for all the rest, and a sorted list instead while they are few. Its entries are 16 bytes: the
//!   time, a sequence number of 40 bits, and the number of the slot that holds the event. An event that is handled
//!   usually schedules another one; the heap therefore leaves the place of the event that it gave out open and puts the
//!   next one there.
//!
//! Cancelling is cheap in both: an entry is marked, and skipped when it is next; a lane that is full lets go of those at its
//! head first.

mod heap;
mod ring;
mod tournament;

use crate::time::{Span, Time};
use heap::Heap;
use ring::{Ring, key};
use tournament::Tournament;

/// Bits of a key that hold the slot of an event in the heap, or the lane of one in a lane.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
const LANE_SHIFT: u32 = 56;
/// No lane.
const NONE: usize = usize::MAX;
const POSITION_MASK: u64 = (1 << LANE_SHIFT) - 1;

/// Lanes beyond this number go to the heap: merging too many heads would cost more than they save.
pub const MAX_LANES: usize = 64;
/// Events that the heap can hold at once.
pub const MAX_HEAP: usize = 1 << SLOT_BITS;

/// A receipt for a scheduled event, with which it can be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Ticket {
    /// The receipt of nothing; cancelling it does nothing.
    pub const NONE: Self = Self(u64::MAX);
}

/// Events that are scheduled in the order in which they are due: after a delay that is the same on every use, or at times
/// that never go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    delay: Span,
    index: u32,
}

impl Lane {
    const HEAP: u32 = u32::MAX;

    /// The delay of every event in this lane; zero if it was declared without one.
    #[must_use]
    pub const fn delay(self) -> Span {
        self.delay
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot<E> {
    event: E,
    /// Odd while the event is due.
    generation: u32,
    /// While the slot is free: the one that was freed before it.
    before: u32,
}

/// No slot.
const NOWHERE: u32 = u32::MAX;

/// The pending-event set.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    sequence: u64,
    heap: Heap,
    slots: Vec<Slot<E>>,
    /// The slot that was freed last.
    free: u32,
    cancelled: usize,
    /// What each lane was declared for.
    delays: Vec<Option<Span>>,
    rings: Vec<Ring<E>>,
    /// Between the heads of the lanes; that of the `moved` lane is out of date. A head may have been cancelled.
    heads: Tournament,
    /// The lane that has given out the last event, if it was a lane. Its next event often comes at once, so the tournament
    /// waits until somebody asks.
    moved: usize,
    overflow: bool,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            sequence: 0,
            heap: Heap::default(),
            slots: Vec::new(),
            free: NOWHERE,
            cancelled: 0,
            delays: Vec::new(),
            rings: Vec::new(),
            heads: Tournament::default(),
            moved: NONE,
            overflow: false,
        }
    }
}

impl<E: Copy> Queue<E> {
    /// How many events are pending. They are counted on request, so that nothing is counted at every event.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len() - self.cancelled + self.rings.iter().map(Ring::len).sum::<usize>()
    }

    /// True when nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True once an event was refused because the heap was full. The run cannot be trusted from then on.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflow
    }

    /// The lane for a delay; the same one for the same delay.
    pub fn lane(&mut self, delay: Span) -> Lane {
        match self.delays.iter().position(|&known| known == Some(delay)) {
            Some(index) => Lane { delay, index: index as u32 },
            None => self.declare(Some(delay)),
        }
    }

    /// A new lane for events that are scheduled one after the other.
    pub fn ordered_lane(&mut self) -> Lane {
        self.declare(None)
    }

    fn declare(&mut self, of: Option<Span>) -> Lane {
        let delay = of.unwrap_or(Span::ZERO);
        if self.delays.len() == MAX_LANES {
            return Lane { delay, index: Lane::HEAP };
        }
        self.delays.push(of);
        self.rings.push(Ring::default());
        self.heads.seat(self.rings.len());
        Lane { delay, index: self.delays.len() as u32 - 1 }
    }

    /// Schedules an event at a time.
    #[inline(always)]
    pub fn push(&mut self, time: Time, event: E) -> Ticket {
        if self.heap.is_large() {
            return self.push_large(time, event);
        }
        let Some((slot, generation)) = self.take_slot(event) else { return Ticket::NONE };
        let key = self.next_key(time, slot);
        self.heap.push_listed(key);
        Ticket(u64::from(generation) << SLOT_BITS | u64::from(slot))
    }

    /// The same, however many events the heap holds.
    #[inline(never)]
    fn push_large(&mut self, time: Time, event: E) -> Ticket {
        let Some((slot, generation)) = self.take_slot(event) else { return Ticket::NONE };
        let key = self.next_key(time, slot);
        self.heap.push(key);
        Ticket(u64::from(generation) << SLOT_BITS | u64::from(slot))
    }

    /// The key of one event more.
    #[inline]
    fn next_key(&mut self, time: Time, place: u32) -> u128 {
        let key = key(time.nanos(), self.sequence << SLOT_BITS | u64::from(place));
        self.sequence += 1;
        key
    }

    /// Schedules an event after the delay of a lane.
    #[inline(always)]
    pub fn push_lane(&mut self, lane: Lane, now: Time, event: E) -> Ticket {
        let time = now + lane.delay;
        if lane.index == Lane::HEAP { self.push(time, event) } else { self.append(lane.index, time, event) }
    }

    /// Schedules an event in an ordered lane. One that is due before the last one there is put where it belongs.
    #[inline(always)]
    pub fn push_ordered(&mut self, lane: Lane, time: Time, event: E) -> Ticket {
        match self.rings.get(lane.index as usize) {
            Some(ring) if time_of(ring.last()) <= time => self.append(lane.index, time, event),
            _ => self.push(time, event),
        }
    }

    #[inline(always)]
    fn append(&mut self, lane: u32, time: Time, event: E) -> Ticket {
        let index = lane as usize;
        if self.rings[index].is_full() {
            return self.append_to_full(lane, time, event);
        }
        let key = self.next_key(time, lane);
        let ring = &mut self.rings[index];
        let was_empty = ring.is_empty();
        let position = ring.push(key, event);
        if was_empty && self.moved != index {
            self.heads.set(index, key);
        }
        Ticket((index as u64 + 1) << LANE_SHIFT | position)
    }

    /// Makes room in a lane, by letting go of cancelled events if that frees half of it.
    #[cold]
    #[inline(never)]
    fn append_to_full(&mut self, lane: u32, time: Time, event: E) -> Ticket {
        let ring = &mut self.rings[lane as usize];
        let head = ring.settle();
        if ring.is_half_full() {
            ring.grow(event);
        }
        self.heads.set(lane as usize, head);
        self.append(lane, time, event)
    }

    /// Takes an event back; false if it has happened or was taken back before.
    #[inline(always)]
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        if ticket == Ticket::NONE {
            return false;
        }
        let lane = ticket.0 >> LANE_SHIFT;
        if lane > 0 {
            self.cancel_in_lane(lane as usize - 1, ticket.0 & POSITION_MASK)
        } else {
            self.cancel_in_heap(ticket)
        }
    }

    #[inline(always)]
    fn cancel_in_lane(&mut self, index: usize, position: u64) -> bool {
        self.rings[index].cancel(position)
    }

    #[inline(never)]
    fn cancel_in_heap(&mut self, ticket: Ticket) -> bool {
        let slot = &mut self.slots[(ticket.0 & SLOT_MASK) as usize];
        if u64::from(slot.generation) != ticket.0 >> SLOT_BITS {
            return false;
        }
        slot.generation = slot.generation.wrapping_add(1);
        self.cancelled += 1;
        if self.cancelled > 64 && self.cancelled * 2 > self.heap.len() {
            self.compact();
        }
        true
    }

    /// The next event, if it is due no later than `last`.
    #[inline(always)]
    pub fn pop(&mut self, last: Time) -> Option<(Time, E)> {
        let latest = key(last.nanos(), u64::MAX - 1);
        if let Some(ring) = self.rings.get_mut(self.moved) {
            self.heads.set(self.moved, ring.settle());
            self.moved = NONE;
        }
        loop {
            let (top, head) = (self.heap.first(), self.heads.least());
            if head < top {
                if head > latest {
                    return None;
                }
                match self.pop_lane(head) {
                    Some(event) => return Some((time_of(head), event)),
                    None => continue,
                }
            }
            if top > latest {
                return None;
            }
            self.heap.drop_first();
            let index = (top as u64 & SLOT_MASK) as usize;
            let slot = &mut self.slots[index];
            slot.before = self.free;
            self.free = index as u32;
            if slot.generation % 2 == 1 {
                slot.generation = slot.generation.wrapping_add(1);
                return Some((time_of(top), slot.event));
            }
            self.cancelled -= 1;
        }
    }

    /// Takes the event of this key out of its lane, where it is the first, unless it was cancelled.
    #[inline(always)]
    fn pop_lane(&mut self, key: u128) -> Option<E> {
        let index = (key as u64 & SLOT_MASK) as usize;
        let event = self.rings[index].pop();
        if event.is_none() {
            let head = self.rings[index].settle();
            self.heads.set(index, head);
        } else {
            self.moved = index;
        }
        event
    }

    /// A place for an event that is due, and its generation; none if there is none left.
    #[inline]
    fn take_slot(&mut self, event: E) -> Option<(u32, u32)> {
        let slot = self.free;
        let Some(place) = self.slots.get_mut(slot as usize) else { return self.new_slot(event) };
        self.free = place.before;
        place.generation = place.generation.wrapping_add(1);
        place.event = event;
        Some((slot, place.generation))
    }

    #[cold]
    #[inline(never)]
    fn new_slot(&mut self, event: E) -> Option<(u32, u32)> {
        if self.slots.len() == MAX_HEAP {
            self.overflow = true;
            return None;
        }
        self.slots.push(Slot { event, generation: 1, before: NOWHERE });
        Some((self.slots.len() as u32 - 1, 1))
    }

    /// Throws cancelled entries out of the heap.
    #[cold]
    fn compact(&mut self) {
        let (slots, free) = (&mut self.slots, &mut self.free);
        self.heap.retain(|&key| {
            let index = (key as u64 & SLOT_MASK) as usize;
            let slot = &mut slots[index];
            let live = slot.generation % 2 == 1;
            if !live {
                slot.before = std::mem::replace(free, index as u32);
            }
            live
        });
        self.cancelled = 0;
    }
}

#[inline]
fn time_of(key: u128) -> Time {
    Time::from_nanos((key >> 64) as u64)
}

#[cfg(test)]
mod tests;
