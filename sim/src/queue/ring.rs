//! One lane: a ring buffer whose places have absolute numbers, so that a ticket can name one.

pub(super) const CANCELLED: u64 = u64::MAX;
/// Later than every event. Keys are the time in the upper 64 bits, the sequence number and the slot in the lower.
pub(super) const NEVER: u128 = u128::MAX;

#[derive(Clone, Copy, Debug)]
pub(super) struct Queued<E> {
    pub(super) time: u64,
    /// The lower half of the key, or `CANCELLED`.
    pub(super) order: u64,
    pub(super) event: E,
}

/// Events in the order in which they are due. A power of two of places, used in turn.
#[derive(Clone, Debug)]
pub(super) struct Ring<E> {
    pub(super) entries: Vec<Queued<E>>,
    pub(super) head: u64,
    pub(super) tail: u64,
}

impl<E> Default for Ring<E> {
    fn default() -> Self {
        Self { entries: Vec::new(), head: 0, tail: 0 }
    }
}

impl<E: Copy> Ring<E> {
    #[inline]
    pub(super) fn at(&self, position: u64) -> usize {
        position as usize & (self.entries.len() - 1)
    }

    #[inline]
    pub(super) fn push(&mut self, entry: Queued<E>) -> u64 {
        if (self.tail - self.head) as usize == self.entries.len() {
            self.grow(entry);
        }
        let position = self.tail;
        let at = self.at(position);
        self.entries[at] = entry;
        self.tail += 1;
        position
    }

    #[cold]
    fn grow(&mut self, filler: Queued<E>) {
        let mut larger = vec![filler; (self.entries.len() * 2).max(16)];
        for position in self.head..self.tail {
            let to = position as usize & (larger.len() - 1);
            larger[to] = self.entries[self.at(position)];
        }
        self.entries = larger;
    }

    /// Steps over cancelled entries; the key of the one that is then at the head.
    #[inline]
    pub(super) fn settle(&mut self) -> u128 {
        while self.head < self.tail {
            let entry = &self.entries[self.at(self.head)];
            if entry.order != CANCELLED {
                return key(entry.time, entry.order);
            }
            self.head += 1;
        }
        NEVER
    }
}

#[inline]
pub(super) fn key(time: u64, order: u64) -> u128 {
    u128::from(time) << 64 | u128::from(order)
}
