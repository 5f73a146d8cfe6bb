//! The keys of events in no particular order of coming.

use super::ring::NEVER;
use std::cell::Cell;

const ARITY: usize = 4;
/// Up to this many keys are kept as a sorted list, where the least is taken for nothing and one comes in by a few moves.
const MOST_LISTED: usize = 32;
/// A heap that has shrunk to this many becomes a list again; so few that it does not go back and forth.
const LEAST_HEAPED: usize = 8;

/// Keys of which the least comes first: few as a sorted list, many as a four-ary heap.
#[derive(Clone, Debug)]
pub(super) struct Heap {
    /// From the largest to the least; so many of them. Empty while there is a heap.
    list: [u128; MOST_LISTED],
    listed: usize,
    /// A heap whose families of four are all complete: a place that nobody has taken holds `NEVER`, so that nothing on
    /// the way down has to ask whether a child is there. Empty while there is a list.
    keys: Vec<u128>,
    heaped: usize,
    /// The first place of the heap is open: its key was taken. The next that comes is put there.
    open: bool,
}

impl Default for Heap {
    fn default() -> Self {
        Self { list: [NEVER; MOST_LISTED], listed: 0, keys: Vec::new(), heaped: 0, open: false }
    }
}

impl Heap {
    pub(super) fn len(&self) -> usize {
        self.listed + self.heaped - usize::from(self.open)
    }

    /// Whether there are so many keys that they are, or have to become, a heap.
    #[inline]
    pub(super) fn is_large(&self) -> bool {
        self.heaped > 0 || self.listed == MOST_LISTED
    }

    /// The least key; `NEVER` if there is none.
    #[inline]
    pub(super) fn first(&mut self) -> u128 {
        if self.listed > 0 { self.list[(self.listed - 1) % MOST_LISTED] } else { self.first_heaped() }
    }

    #[inline(never)]
    fn first_heaped(&mut self) -> u128 {
        if self.open {
            self.close();
        }
        if self.listed > 0 { self.list[self.listed - 1] } else { self.keys.first().copied().unwrap_or(NEVER) }
    }

    /// Takes the least key out.
    #[inline]
    pub(super) fn drop_first(&mut self) {
        if self.listed > 0 {
            self.listed -= 1;
        } else {
            self.open = true;
        }
    }

    /// Puts in the key of an event that was scheduled after all the others, while they are few.
    #[inline]
    pub(super) fn push_listed(&mut self, key: u128) {
        // Of the same time it comes last, so that a comparison of times is enough. Moving keys one by one is faster than
        // a search without branches and one move of many.
        let time = key >> 64;
        let list = Cell::from_mut(&mut self.list[..=self.listed]).as_slice_of_cells();
        self.listed += 1;
        let mut place = &list[list.len() - 1];
        for pair in list.windows(2).rev() {
            let earlier = pair[0].get();
            if earlier >> 64 > time {
                break;
            }
            pair[1].set(earlier);
            place = &pair[0];
        }
        place.set(key);
    }

    /// Puts a key in, however many they are.
    pub(super) fn push(&mut self, key: u128) {
        if !self.is_large() {
            return self.push_listed(key);
        }
        if self.listed > 0 {
            self.heap_up();
        }
        self.push_heaped(key);
    }

    /// Makes a heap of the list.
    #[cold]
    fn heap_up(&mut self) {
        // Sorted from the least on, a list is a heap.
        let listed = self.list[..self.listed].iter().rev();
        self.keys.clear();
        self.keys.extend(listed);
        self.complete();
        self.listed = 0;
    }

    /// Takes the keys for a heap, and completes its last family.
    fn complete(&mut self) {
        self.heaped = self.keys.len();
        let families = self.heaped.saturating_sub(1).div_ceil(ARITY);
        self.keys.resize(1 + families * ARITY, NEVER);
    }

    /// Makes a list of the heap.
    #[cold]
    fn list_up(&mut self) {
        self.keys.truncate(self.heaped);
        self.keys.sort_unstable_by(|a, b| b.cmp(a));
        self.list[..self.heaped].copy_from_slice(&self.keys);
        (self.listed, self.heaped) = (self.heaped, 0);
        self.keys.clear();
    }

    fn push_heaped(&mut self, key: u128) {
        if self.open {
            self.open = false;
            return self.replace_first(key);
        }
        let mut at = self.heaped;
        self.heaped += 1;
        if at == self.keys.len() {
            self.keys.extend([NEVER; ARITY]);
        }
        let keys = &mut self.keys[..];
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if keys[parent] <= key {
                break;
            }
            keys[at] = keys[parent];
            at = parent;
        }
        keys[at] = key;
    }

    /// Fills the open place with the last key.
    fn close(&mut self) {
        self.open = false;
        self.heaped -= 1;
        let last = std::mem::replace(&mut self.keys[self.heaped], NEVER);
        self.replace_first(last);
        if self.heaped <= LEAST_HEAPED {
            self.list_up();
        }
    }

    /// Puts a key in the first one's place, and moves it down to where it belongs.
    fn replace_first(&mut self, key: u128) {
        let keys = &mut self.keys[..];
        let mut at = 0;
        while let Some(children) = keys.get(at * ARITY + 1..).and_then(|rest| rest.first_chunk::<ARITY>()) {
            let left = usize::from(children[1] < children[0]);
            let right = 2 + usize::from(children[3] < children[2]);
            let least = if children[right] < children[left] { right } else { left };
            let child = children[least];
            if key <= child {
                break;
            }
            keys[at] = child;
            at = at * ARITY + 1 + least;
        }
        keys[at] = key;
    }

    /// Throws out the keys that do not fulfil the condition.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&u128) -> bool) {
        if self.open {
            self.close();
        }
        if self.listed > 0 {
            let kept: Vec<u128> = self.list[..self.listed].iter().copied().filter(&mut keep).collect();
            self.listed = kept.len();
            return self.list[..kept.len()].copy_from_slice(&kept);
        }
        self.keys.truncate(self.heaped);
        self.keys.retain(keep);
        self.keys.sort_unstable();
        self.complete();
        if self.heaped <= LEAST_HEAPED {
            self.list_up();
        }
    }
}
