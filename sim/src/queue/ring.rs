//! One lane: a ring buffer whose places have absolute numbers, so that a ticket can name one.

/// Later than every event, and the mark of one that was cancelled. Keys are the time in the upper 64 bits, the sequence
/// number and the slot (or the lane) in the lower.
pub(super) const NEVER: u128 = u128::MAX;

#[derive(Clone, Copy, Debug)]
pub(super) struct Queued<E> {
    pub(super) key: u128,
    pub(super) event: E,
}

/// Events in the order in which they are due. A power of two of places, used in turn.
#[derive(Clone, Debug)]
pub(super) struct Ring<E> {
    entries: Vec<Queued<E>>,
    head: u64,
    tail: u64,
    /// The key of the last that was pushed.
    last: u128,
}

impl<E> Default for Ring<E> {
    fn default() -> Self {
        Self { entries: Vec::new(), head: 0, tail: 0, last: 0 }
    }
}

impl<E: Copy> Ring<E> {
    #[inline]
    fn at(&self, position: u64) -> usize {
        position as usize & self.entries.len().wrapping_sub(1)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    /// How many events are here.
    pub(super) fn len(&self) -> usize {
        (self.head..self.tail).filter(|&position| !is_never(self.entries[self.at(position)].key)).count()
    }

    /// The key of the last event that was pushed, whether it is still there or not.
    #[inline]
    pub(super) fn last(&self) -> u128 {
        self.last
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        (self.tail - self.head) as usize == self.entries.len()
    }

    /// Puts an event into a ring that is not full; where it is from now on.
    #[inline]
    pub(super) fn push(&mut self, key: u128, event: E) -> u64 {
        let position = self.tail;
        let at = self.at(position);
        self.entries[at] = Queued { key, event };
        self.last = key;
        self.tail = position + 1;
        position
    }

    /// Makes room. Places that nobody has used hold the filler.
    pub(super) fn grow(&mut self, filler: E) {
        let filler = Queued { key: NEVER, event: filler };
        let mut larger = vec![filler; (self.entries.len() * 2).max(16)];
        for position in self.head..self.tail {
            let to = position as usize & (larger.len() - 1);
            larger[to] = self.entries[self.at(position)];
        }
        self.entries = larger;
    }

    /// Takes the event at the head out.
    #[inline]
    pub(super) fn pop(&mut self) -> E {
        let event = self.entries[self.at(self.head)].event;
        self.head += 1;
        event
    }

    /// Marks an event as cancelled, if it is still there; whether it was, and whether at the head.
    #[inline(always)]
    pub(super) fn cancel(&mut self, position: u64) -> Option<bool> {
        // What has left the ring is before its head; the difference of such a position is huge.
        if position.wrapping_sub(self.head) >= self.tail - self.head {
            return None;
        }
        let at = self.at(position);
        let entry = &mut self.entries[at];
        if is_never(entry.key) {
            return None;
        }
        entry.key = NEVER;
        Some(position == self.head)
    }

    /// Steps over cancelled entries; the key of the one that is then at the head.
    #[inline(always)]
    pub(super) fn settle(&mut self) -> u128 {
        while self.head < self.tail {
            let key = self.entries[self.at(self.head)].key;
            if !is_never(key) {
                return key;
            }
            self.head += 1;
        }
        NEVER
    }
}

/// Whether a key is that mark. Its lower half tells: the order of an event never comes near it.
#[inline]
fn is_never(key: u128) -> bool {
    key as u64 == NEVER as u64
}

#[inline]
pub(super) fn key(time: u64, order: u64) -> u128 {
    u128::from(time) << 64 | u128::from(order)
}
