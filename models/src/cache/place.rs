//! Shards of a cache: which of them has a key, and which of them are there.

use crate::balance::ketama::Ketama;
use crate::spec::Placement;
use squall_sim::random::{Draw, Luck, Place, Purpose};

/// Shards, and who has which key.
#[derive(Clone, Debug)]
pub(crate) struct Shards {
    up: Vec<bool>,
    there: u32,
    place: Placement,
    ring: Option<Ketama>,
    failover: bool,
}

const HASH: Place = Place::named("caches.shards", Purpose::Key);

impl Shards {
    pub(crate) fn new(count: u32, place: Placement, failover: bool) -> Self {
        let ring = (place != Placement::Modulo).then(|| Ketama::new((0..count).map(|shard| format!("shard-{shard}"))));
        Self { up: vec![true; count as usize], there: count, place, ring, failover }
    }

    /// Whether a shard is there.
    pub(crate) fn is_up(&self, shard: usize) -> bool {
        self.up[shard]
    }

    pub(crate) fn set(&mut self, shard: usize, up: bool) {
        self.up[shard] = up;
        self.there = self.up.iter().filter(|up| **up).count() as u32;
    }

    /// The shard that has a key, or would have it; none if it is lost. `entry` tells whether a shard holds the key, and
    /// how many entries it has; only bounded loads ask.
    pub(crate) fn locate(&self, key: u64, entry: impl Fn(usize) -> (bool, u64)) -> Option<usize> {
        if self.there == 0 {
            return None;
        }
        // Without failover, nobody learns that a shard is gone: its keys stay its own.
        let counted = |shard: usize| self.up[shard] || !self.failover;
        let Some(ring) = &self.ring else {
            let among = if self.failover { self.there } else { self.up.len() as u32 };
            let number = Luck::new(key).at(HASH).bits() % u64::from(among);
            let shard = (0..self.up.len()).filter(|&shard| counted(shard)).nth(number as usize)?;
            return Some(shard).filter(|&shard| self.up[shard]);
        };
        let mut nodes = ring.nodes(Ketama::hash(&key.to_string())).map(|node| node as usize);
        let Placement::BoundedLoads { excess } = self.place else {
            return nodes.find(|&shard| counted(shard)).filter(|&shard| self.up[shard]);
        };
        // Where the key is, although there may be room again in a shard before that.
        let holder = (0..self.up.len()).find(|&shard| self.up[shard] && entry(shard).0);
        if holder.is_some() {
            return holder;
        }
        let loads: u64 = (0..self.up.len()).filter(|&shard| self.up[shard]).map(|shard| entry(shard).1).sum();
        let average = (loads + 1) as f64 / f64::from(self.there);
        let most = (average * (1.0 + excess.get())).ceil() as u64;
        let room = |shard: usize| {
            let (held, load) = entry(shard);
            held || load < most
        };
        nodes.find(|&shard| counted(shard) && (!self.up[shard] || room(shard))).filter(|&shard| self.up[shard])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Share;
    use std::cell::RefCell;

    fn moved(place: Placement) -> f64 {
        let mut shards = Shards::new(16, place, true);
        let homes: Vec<_> = (0..10_000).map(|key| shards.locate(key, |_| (false, 0))).collect();
        shards.set(5, false);
        let moved = (0..10_000).filter(|&key| shards.locate(key, |_| (false, 0)) != homes[key as usize]).count();
        moved as f64 / 10_000.0
    }

    /// Modulo: a key stays if its hash is the same modulo 16 and 15 and its shard keeps its number, about 1/16.
    #[test]
    fn when_one_of_sixteen_goes_a_sixteenth_moves_on_a_ring_and_nearly_all_by_modulo() {
        assert!(moved(Placement::Modulo) > 0.9);
        assert!(moved(Placement::Ketama) < 1.0 / 16.0 * 1.4);
    }

    #[test]
    fn without_failover_the_keys_of_a_lost_shard_are_nowhere() {
        for place in [Placement::Modulo, Placement::Ketama] {
            let mut shards = Shards::new(4, place, false);
            let homes: Vec<_> = (0..1000).map(|key| shards.locate(key, |_| (false, 0))).collect();
            shards.set(2, false);
            for (key, home) in homes.into_iter().enumerate() {
                assert_eq!(shards.locate(key as u64, |_| (false, 0)), home.filter(|&home| home != 2));
            }
        }
    }

    #[test]
    fn bounded_loads_keep_every_shard_near_the_average_and_find_what_they_placed() {
        let shards = Shards::new(10, Placement::BoundedLoads { excess: Share::new(0.1) }, true);
        let held = RefCell::new(vec![std::collections::BTreeSet::new(); 10]);
        let entry = |key: u64| {
            let held = &held;
            move |shard: usize| (held.borrow()[shard].contains(&key), held.borrow()[shard].len() as u64)
        };
        for key in 0..5000 {
            let shard = shards.locate(key, entry(key)).unwrap();
            held.borrow_mut()[shard].insert(key);
            assert_eq!(shards.locate(key, entry(key)), Some(shard));
        }
        let most = held.borrow().iter().map(std::collections::BTreeSet::len).max().unwrap();
        assert!(most <= 551, "{most}");
    }
}
