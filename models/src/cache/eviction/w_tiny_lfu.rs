//! W-TinyLFU: a small window for new keys, and a main part that only lets in who is asked for more often.
//!
//! Source: Einziger, Eytan, Friedman, Manes, "Adaptive Software Cache Management" (2018); Caffeine's `BoundedLocalCache`.
//! Left out, on purpose: Caffeine adapts the size of the window over time, and lets one in 128 of the losers with a high
//! count in at random against attacks on the hash; here the window keeps its size, and no draw is made.

use super::sketch::Sketch;
use super::{Entry, List, NOBODY};
use crate::units::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// W-TinyLFU, as in Caffeine: new keys go through a small window (LRU); who leaves it comes into the main part only if it
/// was asked for more often than the entry that would have to go. Four fifths of the main part are for entries that were
/// used again.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The window's share of the room; 1 % by default, at least one entry.
    #[serde(default = "one_percent")]
    pub window: Share,
}

fn one_percent() -> Share {
    Share::new(0.01)
}

impl Default for Spec {
    fn default() -> Self {
        Self { window: one_percent() }
    }
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Window,
    Probation,
    Protected,
}

#[derive(Clone, Debug)]
pub(crate) struct WTinyLfu {
    sketch: Sketch,
    parts: Vec<Part>,
    lists: [List; 3],
    lengths: [u64; 3],
    window_most: u64,
    protected_most: u64,
}

impl WTinyLfu {
    pub(super) fn new(spec: &Spec, capacity: u64) -> Self {
        let window = ((capacity as f64 * spec.window.get()) as u64).clamp(1, capacity.max(1));
        let main = capacity.saturating_sub(window);
        Self {
            sketch: Sketch::new(capacity),
            parts: Vec::new(),
            lists: [List::default(); 3],
            lengths: [0; 3],
            window_most: window,
            protected_most: (main as f64 * 0.8) as u64,
        }
    }

    fn put(&mut self, entries: &mut [Entry], at: u32, part: Part) {
        self.parts[at as usize] = part;
        self.lists[part as usize].link(entries, at);
        self.lengths[part as usize] += 1;
    }

    fn take(&mut self, entries: &mut [Entry], at: u32) -> Part {
        let part = self.parts[at as usize];
        self.lists[part as usize].unlink(entries, at);
        self.lengths[part as usize] -= 1;
        part
    }

    pub(super) fn missed(&mut self, key: u64) {
        self.sketch.increment(key);
    }

    pub(super) fn used(&mut self, entries: &mut [Entry], at: u32) {
        self.sketch.increment(entries[at as usize].key);
        let part = match self.take(entries, at) {
            Part::Window => Part::Window,
            Part::Probation | Part::Protected => Part::Protected,
        };
        self.put(entries, at, part);
        if self.lengths[Part::Protected as usize] > self.protected_most {
            let demoted = self.lists[Part::Protected as usize].oldest;
            self.take(entries, demoted);
            self.put(entries, demoted, Part::Probation);
        }
    }

    /// Who leaves the window against who would have to go: the rarer one loses, the candidate if they are equal.
    pub(super) fn victim(&mut self, entries: &mut [Entry]) -> u32 {
        let [window, probation, protected] = self.lists.map(|list| list.oldest);
        let victim = if probation == NOBODY { protected } else { probation };
        if victim == NOBODY {
            return window;
        }
        if self.lengths[Part::Window as usize] < self.window_most {
            return victim;
        }
        let count = |at: u32| self.sketch.count(entries[at as usize].key);
        if count(window) <= count(victim) {
            return window;
        }
        self.take(entries, window);
        self.put(entries, window, Part::Probation);
        victim
    }

    pub(super) fn came(&mut self, entries: &mut [Entry], at: u32) {
        if self.parts.len() <= at as usize {
            self.parts.resize(at as usize + 1, Part::Window);
        }
        self.put(entries, at, Part::Window);
        // As long as there is room, who leaves the window need not compete.
        while self.lengths[Part::Window as usize] > self.window_most {
            let oldest = self.lists[Part::Window as usize].oldest;
            self.take(entries, oldest);
            self.put(entries, oldest, Part::Probation);
        }
    }

    pub(super) fn removed(&mut self, entries: &mut [Entry], at: u32) {
        self.take(entries, at);
    }

    pub(super) fn clear(&mut self) {
        self.parts.clear();
        self.lists = [List::default(); 3];
        self.lengths = [0; 3];
    }
}

#[cfg(test)]
mod tests {
    use super::Spec;
    use crate::cache::eviction::{self, hits};

    /// A scan over many keys that are never asked for again must not push out what is used all the time.
    #[test]
    fn a_scan_leaves_the_popular_keys_alone() {
        let popular = |round: u64| (0..50).map(move |key| (round, key));
        let mut keys = Vec::new();
        for round in 0..40 {
            keys.extend(popular(round).map(|(_, key)| key));
            keys.extend((0..100).map(|at| 1000 + round * 100 + at));
        }
        let tiny = hits(&eviction::Spec::WTinyLfu(Spec::default()), 100, &keys);
        let lru = hits(&eviction::Spec::Lru, 100, &keys);
        assert_eq!(lru, 0);
        assert!(tiny > 37 * 50, "{tiny}");
    }
}
