//! Hashes of names and numbers into 64 bits.

/// A bijection on 64 bits in which every input bit affects every output bit about half the time.
///
/// Source: `moremur`, Pelle Evensen 2019, a better-constant relative of Stafford's variants of the `MurmurHash3`
/// finaliser.
#[inline]
pub(super) const fn mix(mut x: u64) -> u64 {
    x ^= x >> 27;
    x = x.wrapping_mul(0x3c79_ac49_2ba7_b653);
    x ^= x >> 33;
    x = x.wrapping_mul(0x1c69_b3f7_4ac4_ae35);
    x ^ x >> 27
}

/// 2^64 divided by the golden ratio, made odd: its multiples spread as evenly as multiples can.
pub(super) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
pub(super) const fn fnv1a(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    hash
}

/// A second hash of a text that has nothing in common with [`fnv1a`]: a full [`mix`] after every byte.
pub(super) const fn chained(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = GOLDEN;
    let mut i = 0;
    while i < bytes.len() {
        hash = mix(hash.wrapping_add(bytes[i] as u64 + 1));
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_agrees_with_its_published_vectors() {
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn flipping_any_input_bit_flips_about_half_of_the_output() {
        for bit in 0..64 {
            let mut flipped = [0u32; 64];
            for x in 0..4096u64 {
                let difference = mix(x) ^ mix(x ^ 1 << bit);
                for (position, count) in flipped.iter_mut().enumerate() {
                    *count += (difference >> position & 1) as u32;
                }
            }
            // Sequential inputs are the hard case: a lone round leaves a little bias, which the second round removes.
            let within = flipped.iter().filter(|&&count| (1700..2400).contains(&count)).count();
            assert!(within >= 62, "bit {bit}: {flipped:?}");
        }
    }
}
