//! Randomness that is the same on every machine and that a change elsewhere cannot shift.
//!
//! There are two kinds. A [`Stream`] is a named sequence, keyed by the run's seed and its own name: arrivals, faults.
//! Adding a component or changing a policy shifts no other stream. A [`Luck`] is what a request brings with it: every
//! draw made for that request is a hash of its luck, the [`Place`] and the attempt, so that two policies meet the same
//! customers with the same demands, in whatever order they serve them.
//!
//! ```
//! use squall_sim::random::{Draw, Luck, Place, Purpose, Stream};
//!
//! let mut arrivals = Stream::new(7, "clients.shoppers.arrivals");
//! let luck = Luck::from_stream(&mut arrivals);
//! let work = Place::named("cart.checkout", Purpose::Work);
//! // The same luck at the same place is the same draw, whoever asks and whenever.
//! assert_eq!(luck.at(work).unit(), luck.at(work).unit());
//! ```

mod ln;
mod luck;
mod mix;
mod stream;

pub use ln::{ln, negative_ln, negative_ln_of_each};
pub use luck::{Luck, LuckDraws, Place, Purpose};
pub use stream::{BlockStream, Stream};

/// A source of independent uniform draws.
///
/// Everything random in a run goes through this trait, so that a distribution does not know whether it is fed by a
/// stream or by a request's luck.
pub trait Draw {
    /// The next 64 uniform bits.
    fn bits(&mut self) -> u64;

    /// A uniform draw from `[0, 1)`: one of the 2^53 multiples of 2^-53.
    #[inline]
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A uniform draw from `(0, 1)`, never 0 and never 1: an odd multiple of 2^-53.
    ///
    /// One minus such a draw is exact and is again such a draw.
    #[inline]
    fn open(&mut self) -> f64 {
        open_from_bits(self.bits())
    }

    /// A unit exponential draw, `-ln(open())`.
    #[inline]
    fn exponential(&mut self) -> f64 {
        negative_ln(self.open())
    }

    /// A uniform draw from the integers `0..n`; 0 if `n` is 0.
    ///
    /// The bias is below `n` parts in 2^64 (Lemire 2019, without the rejection step, so that every call takes exactly
    /// one draw).
    #[inline]
    fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }
}

/// `((bits >> 12) + 0.5) * 2^-52`, written so that a loop of it vectorises: both steps are exact.
#[inline]
fn open_from_bits(bits: u64) -> f64 {
    const ONE: u64 = 1.0f64.to_bits();
    const ALMOST_ONE: f64 = 1.0 - f64::EPSILON / 2.0;
    f64::from_bits(bits >> 12 | ONE) - ALMOST_ONE
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u64);

    impl Draw for Fixed {
        fn bits(&mut self) -> u64 {
            self.0
        }
    }

    #[test]
    fn uniform_draws_stay_inside_their_interval() {
        let least = 2f64.recip() / (1u64 << 52) as f64;
        assert_eq!(Fixed(0).open(), least);
        assert_eq!(Fixed(u64::MAX).open(), 1.0 - least);
        assert_eq!(Fixed(0).unit(), 0.0);
        assert!(Fixed(u64::MAX).unit() < 1.0);
        assert_eq!(Fixed(u64::MAX).below(10), 9);
        assert_eq!(Fixed(u64::MAX).below(0), 0);
    }

    #[test]
    fn the_open_draw_is_the_documented_formula() {
        let mut stream = Stream::new(1, "open");
        for _ in 0..10_000 {
            let bits = stream.bits();
            let formula = ((bits >> 12) as f64 + 0.5) * f64::EPSILON;
            assert_eq!(Fixed(bits).open(), formula);
        }
    }
}
