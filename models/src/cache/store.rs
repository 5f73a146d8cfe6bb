//! One store of entries: what is there, until when it is good, and what had to go.

use super::eviction::{self, Entry, Order, Victim};
use crate::plan::{Pc, ReplicaId};
use crate::world::lookup::Lookup;
use squall_sim::random::Luck;
use squall_sim::{Span, Time};

/// The entries of one cache, or of one replica's or one shard's part of it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    places: Lookup<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    order: Order,
    /// More about each entry, where a policy wants to know it.
    notes: Option<Vec<Note>>,
    capacity: u64,
    /// What was written before this is old: the store was away and has come back.
    back_since: Option<Time>,
}

/// More about an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    /// When it was filled, how long that took, and when it was last read.
    pub(crate) set: Time,
    pub(crate) took: Span,
    pub(crate) read: Time,
    /// When it is to be renewed, if a time was set.
    pub(crate) due: Time,
    /// The `cache` step that filled it, for which replica, and for which request.
    pub(crate) origin: Option<(Pc, ReplicaId)>,
    pub(crate) root: Luck,
    pub(crate) number: u64,
    pub(crate) holds: Holds,
}

/// What an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Value,
    /// Word that there is nothing of this key.
    Nothing,
    /// The failure with this number.
    Failure(u8),
    Garbage,
}

impl Default for Note {
    fn default() -> Self {
        Self {
            set: Time::ZERO,
            took: Span::ZERO,
            read: Time::ZERO,
            due: Time::MAX,
            origin: None,
            root: Luck::new(0),
            number: 0,
            holds: Holds::Value,
        }
    }
}

/// What became of an entry that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is at this place.
    At(u32),
    /// It is at this place, and another one had to go.
    Evicting(u32),
    /// It did not come in.
    Refused,
}

impl Written {
    pub(crate) const fn place(self) -> Option<u32> {
        match self {
            Self::At(at) | Self::Evicting(at) => Some(at),
            Self::Refused => None,
        }
    }
}

impl Store {
    pub(crate) fn new(eviction: &eviction::Spec, capacity: u64, notes: bool) -> Self {
        Self {
            places: Lookup::default(),
            entries: Vec::new(),
            free: Vec::new(),
            order: Order::new(eviction, capacity),
            notes: notes.then(Vec::new),
            capacity,
            back_since: None,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.places.len() as u64
    }

    /// Loses all entries.
    pub(crate) fn flush(&mut self) {
        self.places.clear();
        self.entries.clear();
        self.free.clear();
        self.order.clear();
        self.notes.iter_mut().for_each(Vec::clear);
    }

    /// Loses one entry.
    pub(crate) fn remove(&mut self, key: u64) {
        if let Some(at) = self.places.remove(key) {
            self.order.removed(&mut self.entries, at);
            self.free.push(at);
        }
    }

    /// Where the entry of a key is, whether or not it is still good.
    #[inline]
    pub(crate) fn find(&self, key: u64) -> Option<u32> {
        self.places.get(key).copied()
    }

    #[inline]
    pub(crate) fn expires(&self, at: u32) -> Time {
        self.entries[at as usize].expires
    }

    pub(crate) fn expire(&mut self, at: u32, now: Time) {
        let entry = &mut self.entries[at as usize];
        entry.expires = entry.expires.min(now);
    }

    pub(crate) fn note(&self, at: u32) -> Note {
        self.notes.as_ref().map_or_else(Note::default, |notes| notes[at as usize])
    }

    pub(crate) fn note_mut(&mut self, at: u32) -> Option<&mut Note> {
        self.notes.as_mut().map(|notes| &mut notes[at as usize])
    }

    /// The entry at this place was used.
    #[inline]
    pub(crate) fn used(&mut self, at: u32) {
        self.order.used(&mut self.entries, at);
    }

    /// A key was asked for in vain.
    #[inline]
    pub(crate) fn missed(&mut self, key: u64) {
        self.order.missed(key);
    }

    /// Whether a good entry is there; that counts as a use of it.
    #[inline]
    pub(crate) fn hit(&mut self, key: u64, now: Time) -> bool {
        match self.find(key) {
            Some(at) if self.expires(at) > now => {
                self.used(at);
                true
            }
            _ => {
                self.missed(key);
                false
            }
        }
    }

    /// Writes an entry.
    pub(crate) fn insert(&mut self, key: u64, expires: Time) -> Written {
        if let Some(at) = self.find(key) {
            self.entries[at as usize].expires = expires;
            self.order.written(&mut self.entries, at);
            return Written::At(at);
        }
        let full = self.len() >= self.capacity;
        if full {
            match self.order.victim(&mut self.entries, key) {
                Victim::Newcomer => return Written::Refused,
                Victim::At(at) => self.remove(self.entries[at as usize].key),
            }
        }
        let entry = Entry { key, expires, newer: eviction::NOBODY, older: eviction::NOBODY };
        let at = if let Some(at) = self.free.pop() {
            self.entries[at as usize] = entry;
            at
        } else {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        };
        if let Some(notes) = &mut self.notes
            && notes.len() <= at as usize
        {
            notes.resize(at as usize + 1, Note::default());
        }
        self.places.insert(key, at);
        self.order.came(&mut self.entries, at);
        if full { Written::Evicting(at) } else { Written::At(at) }
    }

    /// The store was away: what it holds is from before.
    pub(crate) fn aged(&mut self, now: Time) {
        self.back_since = Some(now);
    }

    /// Whether an entry is from before the store was away.
    pub(crate) fn is_old(&self, note: &Note) -> bool {
        self.back_since.is_some_and(|since| note.set < since)
    }

    /// Lets what is good of these keys turn to garbage.
    pub(crate) fn corrupt(&mut self, chosen: impl Fn(u64) -> bool) {
        let Some(notes) = &mut self.notes else { return };
        for (at, (entry, note)) in self.entries.iter().zip(notes).enumerate() {
            if self.places.get(entry.key) == Some(&(at as u32)) && chosen(entry.key) {
                note.holds = Holds::Garbage;
            }
        }
    }

    /// The key and the last instant of the entry at this place, if one is there.
    pub(crate) fn at(&self, at: u32) -> Option<(u64, Time)> {
        let entry = self.entries.get(at as usize)?;
        (self.places.get(entry.key) == Some(&at)).then_some((entry.key, entry.expires))
    }
}
