//! A count-min sketch with four-bit counters that are halved now and then: how often a key was asked for lately.
//!
//! Source: Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache Admission Policy" (2017); Caffeine's
//! `FrequencySketch` (four counters for a key, all halved after ten times as many increments as the cache has room).

/// Counts up to 15 for any key, too high at times and never too low.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    /// Sixteen counters each.
    table: Vec<u64>,
    mask: u64,
    increments: u64,
    period: u64,
}

const SEEDS: [u64; 4] = [0xc3a5_c85c_97cb_3127, 0xb492_b66f_be98_f273, 0x9ae1_6a3b_2f90_404f, 0xcbf2_9ce4_8422_2325];
const HALF: u64 = 0x7777_7777_7777_7777;
const ODD: u64 = 0x1111_1111_1111_1111;

impl Sketch {
    pub(super) fn new(capacity: u64) -> Self {
        let words = capacity.clamp(8, 1 << 28).next_power_of_two();
        Self {
            table: vec![0; words as usize],
            mask: words - 1,
            increments: 0,
            period: capacity.saturating_mul(10).max(10),
        }
    }

    /// The word and the shift of a key's counter in each of four rows. Each row has its own four counters of a word.
    fn places(&self, key: u64) -> [(usize, u32); 4] {
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let spread = spread ^ spread >> 29;
        std::array::from_fn(|row| {
            let mixed = (spread ^ SEEDS[row]).wrapping_mul(SEEDS[row] | 1);
            let mixed = mixed ^ mixed >> 32;
            let counter = row as u32 * 4 + (spread >> 60 & 3) as u32;
            ((mixed & self.mask) as usize, counter * 4)
        })
    }

    pub(super) fn count(&self, key: u64) -> u64 {
        self.places(key).into_iter().map(|(word, shift)| self.table[word] >> shift & 15).min().unwrap_or(0)
    }

    pub(super) fn increment(&mut self, key: u64) {
        let mut added = false;
        for (word, shift) in self.places(key) {
            if self.table[word] >> shift & 15 < 15 {
                self.table[word] += 1 << shift;
                added = true;
            }
        }
        self.increments += u64::from(added);
        if self.increments >= self.period {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let mut odd = 0;
        for word in &mut self.table {
            odd += u64::from((*word & ODD).count_ones());
            *word = *word >> 1 & HALF;
        }
        self.increments = (self.increments - odd / 4) / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_never_too_low_until_they_are_halved() {
        let mut sketch = Sketch::new(1000);
        for key in 0..100 {
            (0..key % 12).for_each(|_| sketch.increment(key));
        }
        for key in 0..100 {
            assert!(sketch.count(key) >= key % 12);
        }
        let before: Vec<u64> = (0..100).map(|key| sketch.count(key)).collect();
        sketch.halve();
        for key in 0..100 {
            assert_eq!(sketch.count(key), before[key as usize] / 2);
        }
    }
}
