//! A four-ary heap of keys.

use super::ring::NEVER;

const ARITY: usize = 4;

/// Keys, the least of them first. Every family of four is complete: a place that nobody has taken holds `NEVER`, so
/// that nothing on the way down has to ask whether a child is there.
#[derive(Clone, Debug)]
pub(super) struct Heap {
    keys: Vec<u128>,
    len: usize,
}

impl Default for Heap {
    fn default() -> Self {
        Self { keys: vec![NEVER], len: 0 }
    }
}

impl Heap {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The least key; `NEVER` if there is none.
    #[inline]
    pub(super) fn first(&self) -> u128 {
        self.keys[0]
    }

    #[inline]
    pub(super) fn push(&mut self, key: u128) {
        if self.len == self.keys.len() {
            self.grow();
        }
        let keys = &mut self.keys[..];
        let mut at = self.len;
        self.len += 1;
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

    #[cold]
    fn grow(&mut self) {
        self.keys.extend([NEVER; ARITY]);
    }

    /// Takes the first key out.
    #[inline]
    pub(super) fn drop_first(&mut self) {
        self.len -= 1;
        let last = std::mem::replace(&mut self.keys[self.len], NEVER);
        if self.len > 0 {
            self.replace_first(last);
        }
    }

    /// Puts a key in the first one's place, and moves it down to where it belongs.
    #[inline]
    pub(super) fn replace_first(&mut self, key: u128) {
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
        self.keys.truncate(self.len);
        self.keys.retain(keep);
        // A sorted list is a heap.
        self.keys.sort_unstable();
        self.len = self.keys.len();
        let families = self.len.saturating_sub(1).div_ceil(ARITY);
        self.keys.resize(1 + families * ARITY, NEVER);
    }
}
