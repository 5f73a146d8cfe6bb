//! The pending-event set: what will happen, in the order in which it will.
//!
//! Events are ordered by time, and events of the same time by the order in which they were scheduled. Two structures
//! hold them, and the earlier of their heads is next:
//!
//! - **Lanes** for delays that are the same on every use (a timeout, a constant latency). Such events are already in
//!   order when they are scheduled, so a lane is a ring buffer and costs nothing to keep sorted.
//! - A four-ary **heap** for all the rest. Its entries are 16 bytes: the time, a sequence number of 40 bits, and the
//!   number of the slot that holds the event. An event that is handled usually schedules another one; the heap
//!   therefore leaves the place of the event that it gave out open and puts the next one there.
//!
//! Cancelling is cheap in both: an entry is marked, and skipped when it comes to the head.

mod ring;

use crate::time::{Span, Time};
use ring::{CANCELLED, NEVER, Queued, Ring, key};

const SLOT_BITS: u32 = 24;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
const LANE_SHIFT: u32 = 56;
const POSITION_MASK: u64 = (1 << LANE_SHIFT) - 1;
const ARITY: usize = 4;

/// Lanes beyond this number go to the heap: merging too many heads would cost more than they save.
pub const MAX_LANES: usize = 32;
/// Events that the heap can hold at once.
pub const MAX_HEAP: usize = 1 << SLOT_BITS;

/// A receipt for a scheduled event, with which it can be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Ticket {
    /// The receipt of nothing; cancelling it does nothing.
    pub const NONE: Self = Self(u64::MAX);
}

/// A delay that is the same on every use.
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

#[derive(Clone, Copy, Debug)]
struct Slot<E> {
    event: E,
    generation: u32,
    live: bool,
}

/// The pending-event set.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    sequence: u64,
    heap: Vec<u128>,
    /// The place at the top of the heap is open: its event was given out.
    open: bool,
    slots: Vec<Slot<E>>,
    free: Vec<u32>,
    cancelled: usize,
    delays: Vec<Span>,
    rings: Vec<Ring<E>>,
    /// The key of the head of each ring.
    heads: Vec<u128>,
    /// The earliest of the heads, and whose it is.
    first: u128,
    first_lane: usize,
    live: usize,
    overflow: bool,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            sequence: 0,
            heap: Vec::new(),
            open: false,
            slots: Vec::new(),
            free: Vec::new(),
            cancelled: 0,
            delays: Vec::new(),
            rings: Vec::new(),
            heads: Vec::new(),
            first: NEVER,
            first_lane: 0,
            live: 0,
            overflow: false,
        }
    }
}

impl<E: Copy> Queue<E> {
    /// How many events are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// True when nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// True once an event was refused because the heap was full. The run cannot be trusted from then on.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflow
    }

    /// The lane for a delay; the same one for the same delay.
    pub fn lane(&mut self, delay: Span) -> Lane {
        if let Some(index) = self.delays.iter().position(|&known| known == delay) {
            return Lane { delay, index: index as u32 };
        }
        if self.delays.len() == MAX_LANES {
            return Lane { delay, index: Lane::HEAP };
        }
        self.delays.push(delay);
        self.rings.push(Ring::default());
        self.heads.push(NEVER);
        Lane { delay, index: self.delays.len() as u32 - 1 }
    }

    /// Schedules an event at a time.
    #[inline]
    pub fn push(&mut self, time: Time, event: E) -> Ticket {
        let (slot, generation) = match self.free.pop() {
            Some(slot) => {
                let place = &mut self.slots[slot as usize];
                place.event = event;
                place.live = true;
                (slot, place.generation)
            }
            None => match self.new_slot(event) {
                Some(slot) => (slot, 0),
                None => return Ticket::NONE,
            },
        };
        let order = self.sequence << SLOT_BITS | u64::from(slot);
        self.sequence += 1;
        self.live += 1;
        let entry = key(time.nanos(), order);
        if self.open {
            self.open = false;
            self.sift_down(entry);
        } else {
            self.heap.push(entry);
            self.sift_up(entry);
        }
        Ticket(u64::from(generation) << SLOT_BITS | u64::from(slot))
    }

    /// Schedules an event after the delay of a lane.
    #[inline]
    pub fn push_lane(&mut self, lane: Lane, now: Time, event: E) -> Ticket {
        let time = now + lane.delay;
        if lane.index == Lane::HEAP {
            return self.push(time, event);
        }
        let index = lane.index as usize;
        let order = self.sequence << SLOT_BITS;
        self.sequence += 1;
        self.live += 1;
        let ring = &mut self.rings[index];
        let was_empty = ring.head == ring.tail;
        let position = ring.push(Queued { time: time.nanos(), order, event });
        if was_empty {
            self.heads[index] = key(time.nanos(), order);
            if self.heads[index] < self.first {
                self.first = self.heads[index];
                self.first_lane = index;
            }
        }
        Ticket((index as u64 + 1) << LANE_SHIFT | position)
    }

    /// Takes an event back; false if it has happened or was taken back before.
    #[inline]
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

    #[inline]
    fn cancel_in_lane(&mut self, index: usize, position: u64) -> bool {
        let ring = &mut self.rings[index];
        if position < ring.head || position >= ring.tail {
            return false;
        }
        let at = ring.at(position);
        if ring.entries[at].order == CANCELLED {
            return false;
        }
        ring.entries[at].order = CANCELLED;
        self.live -= 1;
        if position == ring.head {
            self.advance(index);
        }
        true
    }

    fn cancel_in_heap(&mut self, ticket: Ticket) -> bool {
        let slot = &mut self.slots[(ticket.0 & SLOT_MASK) as usize];
        if !slot.live || u64::from(slot.generation) != ticket.0 >> SLOT_BITS {
            return false;
        }
        slot.live = false;
        self.live -= 1;
        self.cancelled += 1;
        if self.cancelled > 64 && self.cancelled * 2 > self.heap.len() {
            self.compact();
        }
        true
    }

    /// The next event, if it is due no later than `last`.
    #[inline]
    pub fn pop(&mut self, last: Time) -> Option<(Time, E)> {
        let top = self.heap_head();
        let from_heap = top < self.first;
        let next = if from_heap { top } else { self.first };
        if time_of(next) > last || next == NEVER {
            return None;
        }
        self.live -= 1;
        let event = if from_heap {
            let slot = (next as u64 & SLOT_MASK) as usize;
            self.open = true;
            self.release(slot);
            self.slots[slot].event
        } else {
            let index = self.first_lane;
            let ring = &mut self.rings[index];
            let event = ring.entries[ring.at(ring.head)].event;
            ring.head += 1;
            self.advance(index);
            event
        };
        Some((time_of(next), event))
    }

    #[cold]
    fn new_slot(&mut self, event: E) -> Option<u32> {
        if self.slots.len() == MAX_HEAP {
            self.overflow = true;
            return None;
        }
        self.slots.push(Slot { event, generation: 0, live: true });
        Some(self.slots.len() as u32 - 1)
    }

    #[inline]
    fn release(&mut self, slot: usize) {
        let place = &mut self.slots[slot];
        place.live = false;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot as u32);
    }

    /// The head of a ring has changed: find its new one, and the earliest of all.
    #[inline]
    fn advance(&mut self, index: usize) {
        self.heads[index] = self.rings[index].settle();
        if self.first_lane == index {
            (self.first, self.first_lane) = (self.heads[index], index);
            for (lane, &head) in self.heads.iter().enumerate() {
                if head < self.first {
                    (self.first, self.first_lane) = (head, lane);
                }
            }
        }
    }

    /// The key of the first live event in the heap.
    #[inline]
    fn heap_head(&mut self) -> u128 {
        loop {
            if self.open {
                self.close();
            }
            let Some(&top) = self.heap.first() else { return NEVER };
            let slot = (top as u64 & SLOT_MASK) as usize;
            if self.slots[slot].live {
                return top;
            }
            self.release(slot);
            self.cancelled -= 1;
            self.open = true;
        }
    }

    /// Fills the open place at the top with the last entry.
    fn close(&mut self) {
        self.open = false;
        if let Some(last) = self.heap.pop()
            && !self.heap.is_empty()
        {
            self.sift_down(last);
        }
    }

    /// Puts an entry in the place at the top, and moves it down to where it belongs.
    #[inline]
    fn sift_down(&mut self, entry: u128) {
        let heap = &mut self.heap[..];
        let mut at = 0;
        while let Some(children) = heap.get(at * ARITY + 1..).and_then(|rest| rest.first_chunk::<ARITY>()) {
            let left = usize::from(children[1] < children[0]);
            let right = 2 + usize::from(children[3] < children[2]);
            let least = if children[right] < children[left] { right } else { left };
            let key = children[least];
            if entry <= key {
                heap[at] = entry;
                return;
            }
            heap[at] = key;
            at = at * ARITY + 1 + least;
        }
        // The last family may be incomplete; its members have no children.
        let rest = heap.get(at * ARITY + 1..).unwrap_or_default();
        if let Some((offset, &key)) = rest.iter().enumerate().min_by_key(|(_, key)| **key)
            && key < entry
        {
            heap[at] = key;
            at = at * ARITY + 1 + offset;
        }
        heap[at] = entry;
    }

    #[inline]
    fn sift_up(&mut self, entry: u128) {
        let heap = &mut self.heap[..];
        let mut at = heap.len() - 1;
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if heap[parent] <= entry {
                break;
            }
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = entry;
    }

    /// Throws cancelled entries out of the heap.
    #[cold]
    fn compact(&mut self) {
        if self.open {
            self.close();
        }
        let mut entries = std::mem::take(&mut self.heap);
        entries.retain(|&entry| {
            let slot = (entry as u64 & SLOT_MASK) as usize;
            let live = self.slots[slot].live;
            if !live {
                self.release(slot);
            }
            live
        });
        // A sorted list is a heap.
        entries.sort_unstable();
        self.heap = entries;
        self.cancelled = 0;
    }
}

#[inline]
fn time_of(key: u128) -> Time {
    Time::from_nanos((key >> 64) as u64)
}

#[cfg(test)]
mod tests;
