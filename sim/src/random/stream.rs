//! Named streams of the run.

use std::fmt;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::mix::{chained, fnv1a};
use super::{Draw, negative_ln_of_each};

/// A named sequence of uniform draws: `ChaCha8` (Bernstein 2008), keyed by the seed of the run and the name.
///
/// The 256-bit key is four little-endian words: the seed, FNV-1a of the name, a second hash of the name that mixes
/// after every byte, and the name's length in bytes. Two names that agreed in all three would share a stream; a chance
/// of 2^-128. The cipher's own stream number stays at zero, for changing it after a draw means different things in
/// different implementations.
#[derive(Clone, Debug)]
pub struct Stream {
    cipher: ChaCha8Rng,
}

impl Stream {
    /// The stream of this name in the run of this seed. A name is a path, `clients.shoppers.arrivals`.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let words = [seed, fnv1a(name), chained(name), name.len() as u64];
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self { cipher: ChaCha8Rng::from_seed(key) }
    }

    /// What [`Draw::bits`] gives the next times, at once.
    #[must_use]
    #[inline]
    pub fn many_bits<const N: usize>(&mut self) -> [u64; N] {
        let mut bytes = [[0; 8]; N];
        self.cipher.fill_bytes(bytes.as_flattened_mut());
        bytes.map(u64::from_le_bytes)
    }
}

impl Draw for Stream {
    #[inline]
    fn bits(&mut self) -> u64 {
        self.cipher.next_u64()
    }
}

/// How many exponentials a block holds: enough to hide the loop's start, few enough to stay in the nearest cache.
const BLOCK: usize = 128;

/// A stream read as unit exponentials, computed a block at a time.
///
/// The values are those of [`Draw::exponential`] on the same stream, bit for bit; only the time at which they are
/// computed differs. A stream belongs to its block: there is no way back to the single draws.
#[derive(Clone)]
pub struct BlockStream {
    stream: Stream,
    next: usize,
    ready: [f64; BLOCK],
}

impl BlockStream {
    /// Reads `stream` in blocks.
    #[must_use]
    pub const fn new(stream: Stream) -> Self {
        Self { stream, next: BLOCK, ready: [0.0; BLOCK] }
    }

    /// The next exponential draw of mean 1.
    #[inline]
    pub fn next_exp(&mut self) -> f64 {
        if self.next >= BLOCK {
            self.refill();
        }
        let value = self.ready[self.next];
        self.next += 1;
        value
    }

    #[inline(never)]
    fn refill(&mut self) {
        negative_ln_of_each(&self.stream.many_bits::<BLOCK>(), &mut self.ready);
        self.next = 0;
    }
}

impl fmt::Debug for BlockStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockStream").field("ready", &(BLOCK - self.next)).finish_non_exhaustive()
    }
}
