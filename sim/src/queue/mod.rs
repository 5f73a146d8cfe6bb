//! The pending-event set: what will happen, in the order in which it will.
//!
//! Events are ordered by time, and events of the same time by the order in which they were scheduled. Three structures
//! hold them, and the earliest of their heads is next:
//!
//! - **Lanes** for events after a delay that is the same on every use (a timeout, a constant latency), and so scheduled in
//!   the order in which they are due. A lane is a ring buffer and costs nothing to keep sorted.
//! - **Sources** for an event that comes again and again and of which only the next time is known (a client's arrivals).
//!   A source is that time and nothing else. A small tournament finds the earliest of the heads of lanes and sources.
//! - A four-ary **heap** for all the rest, and a sorted list instead while they are few. Its entries are 16 bytes: the
//!   time, a sequence number of 40 bits, and the number of the slot that holds the event. An event that is handled
//!   usually schedules another one; the heap therefore leaves the place of the event that it gave out open and puts the
//!   next one there.
//!
//! Cancelling is cheap in lanes and heap: an entry is marked, and skipped when it is next; a lane that is full lets go of
//! those at its head first.

mod heap;
mod ring;
mod tournament;

use crate::time::{Span, Time};
use heap::Heap;
use ring::{NEVER, Ring, key};
use tournament::Tournament;

/// Bits of a key that hold the slot of an event in the heap, or the lane of one in a lane.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
/// Bits of a ticket that hold the lane, from 1, of an event in a lane; 0 for one in the heap.
const LANE_BITS: u32 = 8;
/// No lane.
const NONE: usize = usize::MAX;

/// Lanes and sources beyond this number go to the heap: merging too many heads would cost more than they save.
pub const MAX_LANES: usize = 64;
/// Events that the heap can hold at once.
pub const MAX_HEAP: usize = 1 << SLOT_BITS;

/// A receipt for a scheduled event, with which it can be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Ticket {
    /// The receipt of nothing; cancelling it does nothing.
    pub const NONE: Self = Self(u64::MAX);

    const fn in_heap(slot: u32, generation: u32) -> Self {
        Self(((generation as u64) << SLOT_BITS | slot as u64) << LANE_BITS)
    }
}

/// Events after a delay that is the same on every use, so that they are due in the order in which they are scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    delay: Span,
    index: u32,
}

impl Lane {
    const HEAP: u32 = u32::MAX;

    /// The delay of every event in this lane.
    #[must_use]
    pub const fn delay(self) -> Span {
        self.delay
    }
}

/// An event that comes again and again, and of which only the next time is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The lane in whose place it is, or the place in the list of those that have none, from `MAX_LANES` on.
    index: u32,
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
    /// What each lane was declared for; none for a source.
    delays: Vec<Option<Span>>,
    /// Those of the lanes; empty for a source.
    rings: Vec<Ring<E>>,
    /// The event of each source; none for a lane.
    sources: Vec<Option<E>>,
    /// Sources that have no place among the lanes, and their next event.
    crowd: Vec<(E, Ticket)>,
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
            sources: Vec::new(),
            crowd: Vec::new(),
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
        let waiting = |source: &usize| *source != self.moved && self.heads.of(*source) != NEVER;
        let sources = (0..self.sources.len()).filter(|at| self.sources[*at].is_some()).filter(waiting).count();
        self.heap.len() - self.cancelled + self.rings.iter().map(Ring::len).sum::<usize>() + sources
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
            None => Lane { delay, index: self.seat(Some(delay), None).unwrap_or(Lane::HEAP) },
        }
    }

    /// A source of this event.
    pub fn source(&mut self, event: E) -> Source {
        match self.seat(None, Some(event)) {
            Some(index) => Source { index },
            None => {
                self.crowd.push((event, Ticket::NONE));
                Source { index: (MAX_LANES + self.crowd.len() - 1) as u32 }
            }
        }
    }

    /// A place among the lanes, unless there is none left.
    fn seat(&mut self, delay: Option<Span>, event: Option<E>) -> Option<u32> {
        if self.rings.len() == MAX_LANES {
            return None;
        }
        self.delays.push(delay);
        self.rings.push(Ring::default());
        self.sources.push(event);
        self.heads.seat(self.rings.len());
        Some(self.rings.len() as u32 - 1)
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
        Ticket::in_heap(slot, generation)
    }

    /// The same, however many events the heap holds.
    #[inline(never)]
    fn push_large(&mut self, time: Time, event: E) -> Ticket {
        let Some((slot, generation)) = self.take_slot(event) else { return Ticket::NONE };
        let key = self.next_key(time, slot);
        self.heap.push(key);
        Ticket::in_heap(slot, generation)
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
        if (lane.index as usize) < self.rings.len() {
            self.append(lane.index, time, event)
        } else {
            self.push(time, event)
        }
    }

    /// Schedules the next event of a source, in place of the one that was scheduled before and has not come.
    #[inline(always)]
    pub fn push_source(&mut self, source: Source, time: Time) {
        let index = source.index as usize;
        if index >= MAX_LANES {
            return self.push_crowded(index - MAX_LANES, time);
        }
        let key = self.next_key(time, source.index);
        self.heads.set(index, key);
        // If it has just given out an event, its head is known again.
        self.moved = if self.moved == index { NONE } else { self.moved };
    }

    #[cold]
    #[inline(never)]
    fn push_crowded(&mut self, at: usize, time: Time) {
        let (event, before) = self.crowd[at];
        self.cancel(before);
        self.crowd[at].1 = self.push(time, event);
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
        Ticket(position << LANE_BITS | (index as u64 + 1))
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
        let lane = (ticket.0 % (1 << LANE_BITS)) as usize;
        match self.rings.get_mut(lane.wrapping_sub(1)) {
            Some(ring) => ring.cancel(ticket.0 >> LANE_BITS),
            None => self.cancel_in_heap(ticket.0 >> LANE_BITS),
        }
    }

    #[inline(never)]
    fn cancel_in_heap(&mut self, place: u64) -> bool {
        let slot = &mut self.slots[(place & SLOT_MASK) as usize];
        if u64::from(slot.generation) != place >> SLOT_BITS {
            return false;
        }
        slot.generation = slot.generation.wrapping_add(1);
        self.cancelled += 1;
        if self.cancelled > 64 && self.cancelled * 2 > self.heap.len() {
            self.compact();
        }
        true
    }

    /// The next event, if it is due no later than `last`. One that is due at `Time::MAX` never comes.
    #[inline(always)]
    pub fn pop(&mut self, last: Time) -> Option<(Time, E)> {
        let last = last.min(JUST_BEFORE_NEVER);
        if let Some(ring) = self.rings.get_mut(self.moved) {
            self.heads.set(self.moved, ring.settle());
            self.moved = NONE;
        }
        loop {
            let (top, head) = (self.heap.first(), self.heads.least());
            if head < top {
                if time_of(head) > last {
                    return None;
                }
                match self.pop_head(head) {
                    Some(event) => return Some((time_of(head), event)),
                    None => continue,
                }
            }
            if time_of(top) > last {
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

    /// Takes the event of this key out of its source or its lane, where it is the first, unless it was cancelled.
    #[inline(always)]
    fn pop_head(&mut self, key: u128) -> Option<E> {
        let index = (key as u64 & SLOT_MASK) as usize;
        let event = self.sources[index].or_else(|| self.rings[index].pop());
        if event.is_none() {
            let head = self.rings[index].settle();
            self.heads.set(index, head);
        } else {
            self.moved = index;
        }
        event
    }

    /// A place for an event that is due, and its generation; none if there is none left.
    #[inline(always)]
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

/// The last instant that comes: where there is no event, the next one is at `Time::MAX`.
const JUST_BEFORE_NEVER: Time = Time::from_nanos(u64::MAX - 1);

#[inline]
fn time_of(key: u128) -> Time {
    Time::from_nanos((key >> 64) as u64)
}

#[cfg(test)]
mod tests;
