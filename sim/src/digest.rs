//! A run's fingerprint: equal digests, equal runs.

/// A hash over a sequence of numbers. Not cryptographic: it tells accidents apart, not attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        // The fractional part of the golden ratio: any odd constant would do.
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Digest {
    /// Takes the next number in.
    #[inline]
    pub fn fold(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.0 = mixed ^ mixed >> 32;
    }

    /// The hash of all numbers so far, in their order.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_every_bit_count() {
        let of = |numbers: &[u64]| {
            let mut digest = Digest::default();
            numbers.iter().for_each(|&n| digest.fold(n));
            digest.value()
        };
        assert_ne!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[0]), of(&[0, 0]));
        assert!((0..64).all(|bit| of(&[1 << bit, 5]) != of(&[0, 5])));
    }
}
