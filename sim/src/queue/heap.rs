//! The keys of events in no particular order of coming.

use super::ring::NEVER;

const ARITY: usize = 4;
/// Up to this many keys are kept as a sorted list, where the least is taken for nothing and one comes in by a few moves.
const MOST_SORTED: usize = 32;
/// A heap that has shrunk to this many becomes a list again; so few that it does not go back and forth.
const LEAST_HEAPED: usize = 8;

/// Keys of which the least comes first: few as a sorted list, many as a four-ary heap.
#[derive(Clone, Debug, Default)]
pub(super) struct Heap {
    /// While `sorted`, from the largest to the least. Else a heap whose families of four are all complete: a place that
    /// nobody has taken holds `NEVER`, so that nothing on the way down has to ask whether a child is there.
    keys: Vec<u128>,
    /// Keys in the heap; 0 while `sorted`.
    heaped: usize,
    /// The first place of the heap is open: its key was taken. The next that comes is put there.
    open: bool,
}

impl Heap {
    pub(super) fn len(&self) -> usize {
        if self.heaped == 0 { self.keys.len() } else { self.heaped - usize::from(self.open) }
    }

    /// The least key; `NEVER` if there is none.
    #[inline]
    pub(super) fn first(&mut self) -> u128 {
        if self.heaped == 0 {
            return self.keys.last().copied().unwrap_or(NEVER);
        }
        if self.open {
            self.close();
        }
        if self.heaped == 0 { self.keys.last().copied().unwrap_or(NEVER) } else { self.keys[0] }
    }

    /// Takes the least key out.
    #[inline]
    pub(super) fn drop_first(&mut self) {
        if self.heaped == 0 {
            self.keys.pop();
        } else {
            self.open = true;
        }
    }

    #[inline]
    pub(super) fn push(&mut self, key: u128) {
        if self.heaped > 0 {
            return self.push_heaped(key);
        }
        let mut at = self.keys.len();
        if at == MOST_SORTED {
            self.heap_up();
            return self.push_heaped(key);
        }
        self.keys.push(key);
        let keys = &mut self.keys[..];
        while at > 0 && keys[at - 1] < key {
            keys[at] = keys[at - 1];
            at -= 1;
        }
        keys[at] = key;
    }

    /// Makes a heap of the list.
    #[cold]
    fn heap_up(&mut self) {
        self.heaped = self.keys.len();
        // Sorted from the least on, a list is a heap.
        self.keys.reverse();
        let families = (self.heaped - 1).div_ceil(ARITY);
        self.keys.resize(1 + families * ARITY, NEVER);
    }

    /// Makes a list of the heap.
    #[cold]
    fn sort(&mut self) {
        self.keys.retain(|&key| key != NEVER);
        self.keys.sort_unstable_by(|a, b| b.cmp(a));
        self.heaped = 0;
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
            self.sort();
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
    pub(super) fn retain(&mut self, keep: impl FnMut(&u128) -> bool) {
        if self.open {
            self.close();
        }
        if self.heaped > 0 {
            self.sort();
        }
        self.keys.retain(keep);
        if self.keys.len() > MOST_SORTED {
            self.heap_up();
        }
    }
}
