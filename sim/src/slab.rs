//! Places for things that come and go, named by small typed keys that notice when their thing is gone.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// The name of a thing in a [`Slab`]. It stops to work when the thing is removed, even if the place is used again.
///
/// One number holds the place in its lower half and the generation in its upper, so that keys are copied and compared in
/// one go.
pub struct Key<T> {
    raw: u64,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl<T> Eq for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.raw as u32, self.generation())
    }
}

impl<T> Key<T> {
    /// The key of nothing.
    pub const NONE: Self = Self::new(u32::MAX, 0);

    const fn new(index: u32, generation: u32) -> Self {
        Self::from_raw((generation as u64) << 32 | index as u64)
    }

    /// The key of this number, which [`Key::raw`] gave.
    #[inline]
    #[must_use]
    pub const fn from_raw(raw: u64) -> Self {
        Self { raw, of: PhantomData }
    }

    /// The key as a number.
    #[inline]
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.raw
    }

    #[inline]
    const fn generation(self) -> u32 {
        (self.raw >> 32) as u32
    }

    /// True for the key of nothing.
    #[inline]
    #[must_use]
    pub fn is_none(self) -> bool {
        self.raw == Self::NONE.raw
    }

    /// The number of the place; unique among the things that are there at one time.
    #[inline]
    #[must_use]
    pub fn index(self) -> usize {
        self.raw as u32 as usize
    }
}

#[derive(Clone, Debug)]
struct Place<T> {
    value: T,
    /// Odd while the place is taken.
    generation: u32,
    /// While it is free: the place that was freed before it.
    before: u32,
}

/// No place.
const NOWHERE: u32 = u32::MAX;

/// Places for `Copy` things. Places are used again, so memory follows what is there at once, not what ever was.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    places: Vec<Place<T>>,
    /// The place that was freed last.
    free: u32,
    taken: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: NOWHERE, taken: 0 }
    }
}

impl<T: Copy> Slab<T> {
    /// How many things are there.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.taken
    }

    /// How many places there are, taken or free: as many things as ever were there at once.
    #[inline]
    #[must_use]
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// True when nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a thing into a free place.
    #[inline]
    pub fn insert(&mut self, value: T) -> Key<T> {
        if self.is_tight() {
            self.add_place(value);
        }
        let (key, place) = self.take_free_place();
        *place = value;
        key
    }

    /// Takes a place, with whatever was left there, to make a thing right in it.
    #[inline(always)]
    pub fn take_place(&mut self) -> (Key<T>, &mut T)
    where
        T: Default,
    {
        if self.is_tight() {
            self.add_place(T::default());
        }
        self.take_free_place()
    }

    /// No place is free.
    #[inline(always)]
    fn is_tight(&self) -> bool {
        // Not a comparison with `NOWHERE`, so that the index needs no check.
        self.free as usize >= self.places.len()
    }

    #[inline(always)]
    fn take_free_place(&mut self) -> (Key<T>, &mut T) {
        let index = self.free;
        let place = &mut self.places[index as usize];
        self.free = place.before;
        self.taken += 1;
        place.generation = place.generation.wrapping_add(1);
        (Key::new(index, place.generation), &mut place.value)
    }

    #[cold]
    #[inline(never)]
    fn add_place(&mut self, value: T) {
        self.free = self.places.len() as u32;
        self.places.push(Place { value, generation: 0, before: NOWHERE });
    }

    /// Takes a thing out; `None` if it is gone already.
    #[inline]
    pub fn remove(&mut self, key: Key<T>) -> Option<T> {
        self.free(key).map(|left| *left)
    }

    /// Takes a thing out without copying it: what is left of it can be read until the place is taken again. `None` if it
    /// is gone already.
    #[inline(always)]
    pub fn free(&mut self, key: Key<T>) -> Option<&mut T> {
        let place = self.places.get_mut(key.index()).filter(|place| place.generation == key.generation())?;
        place.generation = place.generation.wrapping_add(1);
        place.before = self.free;
        self.free = key.raw as u32;
        self.taken -= 1;
        Some(&mut place.value)
    }

    /// The thing, if it is still there.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, key: Key<T>) -> Option<&T> {
        self.places.get(key.index()).filter(|place| place.generation == key.generation()).map(|place| &place.value)
    }

    /// The thing, if it is still there.
    #[inline(always)]
    pub fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        let place = self.places.get_mut(key.index())?;
        (place.generation == key.generation()).then_some(&mut place.value)
    }

    /// All that is there, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (Key<T>, &T)> {
        self.places
            .iter()
            .enumerate()
            .filter(|(_, place)| place.generation % 2 == 1)
            .map(|(index, place)| (Key::new(index as u32, place.generation), &place.value))
    }
}

impl<T: Copy> Index<Key<T>> for Slab<T> {
    type Output = T;
    /// # Panics
    /// When the thing is gone: whoever is not sure asks [`Slab::get`].
    #[inline(always)]
    fn index(&self, key: Key<T>) -> &T {
        self.get(key).expect("a key of something that is gone")
    }
}

impl<T: Copy> IndexMut<Key<T>> for Slab<T> {
    #[inline(always)]
    fn index_mut(&mut self, key: Key<T>) -> &mut T {
        self.get_mut(key).expect("a key of something that is gone")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_outlive_its_thing() {
        let mut slab = Slab::default();
        let first = slab.insert('a');
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('b');
        assert_eq!(first.index(), second.index());
        assert_eq!((slab.get(first), slab.get(second)), (None, Some(&'b')));
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn the_key_of_nothing_finds_nothing() {
        let slab = Slab::<u8>::default();
        assert!(Key::<u8>::NONE.is_none() && slab.get(Key::NONE).is_none());
    }

    #[test]
    fn places_are_used_again() {
        let mut slab = Slab::default();
        for n in 0..1000 {
            let key = slab.insert(n);
            slab.remove(key);
        }
        assert_eq!(slab.places.len(), 1);
    }
}
