//! Maglev: a table in which every replica has the same share, and that changes little when one goes. No draw.
//!
//! Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer" (NSDI 2016), section 3.4. Each
//! replica has its own order of the table's places and takes the next free one in turn. The table has 65537 places by
//! default, as in Envoy; the hash is squall's own, so that keys land elsewhere than in Envoy.

use super::Hosts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::{Draw, Luck, Place, Purpose};

/// The same key nearly always goes to the same replica, by a table that gives each replica the same share (Maglev).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The key set that decides.
    pub keys: String,
    /// Places in the table, a prime much larger than the number of replicas; 65537 by default.
    #[serde(default = "places")]
    pub table: u32,
}

fn places() -> u32 {
    65_537
}

/// A table for the replicas that were there when it was made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    there: Vec<u32>,
    places: Vec<u32>,
}

const ORDER: Place = Place::named("balance.maglev", Purpose::Balance);
const FREE: u32 = u32::MAX;

impl Table {
    pub(super) fn pick(&mut self, size: u32, hosts: &Hosts<'_>) -> u32 {
        if self.there != hosts.there {
            self.fill(size, hosts.there);
        }
        self.places[(hosts.hash % u64::from(size)) as usize]
    }

    fn fill(&mut self, size: u32, there: &[u32]) {
        let size = u64::from(size);
        self.there = there.to_vec();
        self.places.clear();
        self.places.resize(size as usize, FREE);
        let mut turns: Vec<(u64, u64)> = there
            .iter()
            .map(|&replica| {
                let mut draws = Luck::new(replica.into()).at(ORDER);
                (draws.below(size), 1 + draws.below(size - 1))
            })
            .collect();
        let mut filled = 0;
        while filled < size {
            for (&replica, (at, skip)) in there.iter().zip(&mut turns) {
                while self.places[*at as usize] != FREE {
                    *at = (*at + *skip) % size;
                }
                self.places[*at as usize] = replica;
                filled += 1;
                if filled == size {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_equal_and_few_keys_move() {
        let (mut all, mut fewer) = (Table::default(), Table::default());
        let there: Vec<u32> = (0..10).collect();
        let left: Vec<u32> = there.iter().copied().filter(|&replica| replica != 4).collect();
        all.fill(65_537, &there);
        fewer.fill(65_537, &left);
        for replica in &there {
            let share = all.places.iter().filter(|place| *place == replica).count();
            assert!((6553..=6554).contains(&share), "{share}");
        }
        let moved = all.places.iter().zip(&fewer.places).filter(|(before, after)| before != after).count();
        // A tenth has to move; the paper finds a few percent beyond that.
        assert!((6553..9000).contains(&moved), "{moved}");
    }
}
