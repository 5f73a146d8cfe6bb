//! One lane: a ring buffer whose places have absolute numbers, so that a ticket can name one.

/// Later than every event, and the mark of one that was cancelled. Keys are the time in the upper 64 bits, the sequence
/// number and the slot (or the lane) in the lower.
pub(super) const NEVER: u128 = u128::MAX;

/// Places that a ring has at least: so many that to let cancelled events go, which is done when they are full, is rare.
const LEAST: usize = 32;

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
}

impl<E> Default for Ring<E> {
    fn default() -> Self {
        Self { entries: Vec::new(), head: 0, tail: 0 }
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

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        (self.tail - self.head) as usize == self.entries.len()
    }

    pub(super) fn is_half_full(&self) -> bool {
        (self.tail - self.head) as usize * 2 >= self.entries.len()
    }

    /// Puts an event into a ring that is not full; where it is from now on.
    #[inline]
    pub(super) fn push(&mut self, key: u128, event: E) -> u64 {
        let position = self.tail;
        let at = self.at(position);
        self.entries[at] = Queued { key, event };
        self.tail = position + 1;
        position
    }

    /// Makes room. Places that nobody has used hold the filler.
    pub(super) fn grow(&mut self, filler: E) {
        let filler = Queued { key: NEVER, event: filler };
        let mut larger = vec![filler; (self.entries.len() * 2).max(LEAST)];
        for position in self.head..self.tail {
            let to = position as usize & (larger.len() - 1);
            larger[to] = self.entries[self.at(position)];
        }
        self.entries = larger;
    }

    /// Takes the event at the head out, unless it was cancelled.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<E> {
        let Queued { key, event } = self.entries[self.at(self.head)];
        if is_never(key) {
            return None;
        }
        self.head += 1;
        Some(event)
    }

    /// Marks an event as cancelled; false if it is not there any more.
    #[inline(always)]
    pub(super) fn cancel(&mut self, position: u64) -> bool {
        // What has left the ring is before its head; the difference of such a position is huge.
        if position.wrapping_sub(self.head) >= self.tail - self.head {
            return false;
        }
        let at = self.at(position);
        let key = &mut self.entries[at].key;
        let was_due = !is_never(*key);
        // The half that tells is enough.
        *key |= u128::from(NEVER as u64);
        was_due
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
