//! Entries in a doubly linked list, by the number of their place. Several lists can share the same entries.

use squall_sim::Time;

/// No entry.
pub(crate) const NOBODY: u32 = u32::MAX;

/// An entry of a cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) key: u64,
    /// Until when it is good.
    pub(crate) expires: Time,
    pub(crate) newer: u32,
    pub(crate) older: u32,
}

/// A list from the newest to the oldest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(crate) newest: u32,
    pub(crate) oldest: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { newest: NOBODY, oldest: NOBODY }
    }
}

impl List {
    /// Puts an entry in front, as the newest.
    #[inline]
    pub(crate) fn link(&mut self, entries: &mut [Entry], at: u32) {
        let second = std::mem::replace(&mut self.newest, at);
        let entry = &mut entries[at as usize];
        (entry.newer, entry.older) = (NOBODY, second);
        match entries.get_mut(second as usize) {
            Some(second) => second.newer = at,
            None => self.oldest = at,
        }
    }

    /// Takes an entry out.
    #[inline]
    pub(crate) fn unlink(&mut self, entries: &mut [Entry], at: u32) {
        let Entry { newer, older, .. } = entries[at as usize];
        match entries.get_mut(newer as usize) {
            Some(newer) => newer.older = older,
            None => self.newest = older,
        }
        match entries.get_mut(older as usize) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
    }
}
