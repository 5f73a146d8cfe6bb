//! Least frequently used, with the counts of what is in the cache, or of all keys there are.

use super::{Entry, Victim};
use crate::world::lookup::Lookup;

/// A heap of entries by how often and how recently they were used.
#[derive(Clone, Debug)]
pub(crate) struct Lfu {
    /// Places of entries; the one to go next is in front.
    heap: Vec<u32>,
    /// For each place: its count, when it was last used (a running number), and where it is in the heap.
    uses: Vec<Use>,
    clock: u64,
    /// How often each key was asked for, if that is known for all.
    counts: Option<Lookup<u64>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Use {
    count: u64,
    last: u64,
    position: u32,
}

impl Lfu {
    pub(super) fn new(perfect: bool) -> Self {
        Self { heap: Vec::new(), uses: Vec::new(), clock: 0, counts: perfect.then(Lookup::default) }
    }

    fn count(&mut self, key: u64) -> u64 {
        let Some(counts) = &mut self.counts else { return 1 };
        match counts.get_mut(key) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                counts.insert(key, 1);
                1
            }
        }
    }

    pub(super) fn used(&mut self, entries: &[Entry], at: u32) {
        let count =
            if self.counts.is_some() { self.count(entries[at as usize].key) } else { self.uses[at as usize].count + 1 };
        self.clock += 1;
        let used = &mut self.uses[at as usize];
        (used.count, used.last) = (count, self.clock);
        let position = used.position;
        self.sink(position as usize);
    }

    pub(super) fn missed(&mut self, key: u64) {
        if self.counts.is_some() {
            self.count(key);
        }
    }

    pub(super) fn victim(&self, newcomer: u64) -> Victim {
        let worst = self.heap[0];
        match &self.counts {
            Some(counts) if counts.get(newcomer).copied().unwrap_or(0) <= self.uses[worst as usize].count => {
                Victim::Newcomer
            }
            _ => Victim::At(worst),
        }
    }

    pub(super) fn came(&mut self, entries: &[Entry], at: u32) {
        let known = self.counts.as_ref().and_then(|counts| counts.get(entries[at as usize].key));
        let count = known.copied().unwrap_or(1);
        self.clock += 1;
        if self.uses.len() <= at as usize {
            self.uses.resize(at as usize + 1, Use::default());
        }
        self.uses[at as usize] = Use { count, last: self.clock, position: self.heap.len() as u32 };
        self.heap.push(at);
        self.rise(self.heap.len() - 1);
    }

    pub(super) fn removed(&mut self, at: u32) {
        let position = self.uses[at as usize].position as usize;
        self.heap.swap_remove(position);
        if let Some(&moved) = self.heap.get(position) {
            self.uses[moved as usize].position = position as u32;
            self.rise(position);
            self.sink(self.uses[moved as usize].position as usize);
        }
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
        self.uses.clear();
    }

    /// What decides who goes: the count, then how long ago.
    fn rank(&self, position: usize) -> (u64, u64) {
        let used = &self.uses[self.heap[position] as usize];
        (used.count, used.last)
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        self.uses[self.heap[one] as usize].position = one as u32;
        self.uses[self.heap[other] as usize].position = other as u32;
    }

    fn rise(&mut self, mut position: usize) {
        while position > 0 && self.rank(position) < self.rank((position - 1) / 2) {
            self.swap(position, (position - 1) / 2);
            position = (position - 1) / 2;
        }
    }

    fn sink(&mut self, mut position: usize) {
        loop {
            let children = [2 * position + 1, 2 * position + 2];
            let there = children.into_iter().filter(|&child| child < self.heap.len());
            let Some(least) = there.min_by_key(|&child| self.rank(child)) else { return };
            if self.rank(position) <= self.rank(least) {
                return;
            }
            self.swap(position, least);
            position = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cache::eviction::{Spec, hits};

    #[test]
    fn the_least_often_used_goes_and_its_count_with_it() {
        // 1 and 2 are there, 1 used twice: 2 goes for 3, 3 goes for 2 (as often used, less recently than nobody).
        assert_eq!(hits(&Spec::Lfu, 2, &[1, 1, 2, 3, 1, 2, 3, 2]), 2);
    }

    #[test]
    fn with_perfect_counts_a_rarer_key_does_not_come_in() {
        // 3 comes in when it has been asked for twice, more often than 2.
        assert_eq!(hits(&Spec::PerfectLfu, 2, &[1, 1, 1, 2, 3, 2, 3, 3, 1, 3]), 5);
    }
}
