//! A request's own luck, and the places at which it is tried.

use super::mix::{GOLDEN, chained, fnv1a, mix};
use super::{Draw, Stream};

/// What a request was born with: 64 bits from which every later draw for it follows.
///
/// A draw depends only on (luck, place, its number at that place), never on what was drawn before for this or for any
/// other request. So a policy that retries, sheds or reorders meets the same demands as one that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Luck(u64);

/// What a draw is for, so that two draws at one place are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Service time.
    Work,
    /// Time on a link.
    Latency,
    /// Whether a link drops a message.
    Loss,
    /// The random part of a backoff or of an expiry.
    Jitter,
    /// Which key a request asks for.
    Key,
    /// Which branch of a program is taken.
    Choose,
    /// Whether a step fails by itself.
    Fail,
    /// Which replica a balancer picks.
    Balance,
    /// How long a user thinks before the next request.
    Think,
    /// How long a user waits before giving up.
    Patience,
    /// A pause in a program.
    Wait,
    /// The luck of a call's child.
    Call,
    /// Anything else, told apart by number.
    Other(u8),
}

impl Purpose {
    const fn code(self) -> u64 {
        match self {
            Self::Work => 1,
            Self::Latency => 2,
            Self::Loss => 3,
            Self::Jitter => 4,
            Self::Key => 5,
            Self::Choose => 6,
            Self::Fail => 7,
            Self::Balance => 8,
            Self::Think => 9,
            Self::Patience => 10,
            Self::Wait => 11,
            Self::Call => 12,
            Self::Other(number) => 0x100 + number as u64,
        }
    }
}

/// Where in the world, and for what, a request's luck is tried: a constant to compute once, when the world is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(u64);

impl Place {
    /// The place of this name. Names are global to a run: write `service.endpoint.step`, not `step`.
    #[must_use]
    pub const fn named(name: &str, purpose: Purpose) -> Self {
        Self(salted(fnv1a(name), chained(name), purpose))
    }

    /// The place of a pair of numbers, such as a service and a step. It coincides with no named place but by a chance
    /// of 2^-64.
    #[must_use]
    pub const fn numbered(first: u64, second: u64, purpose: Purpose) -> Self {
        Self(salted(mix(first.wrapping_add(GOLDEN)), mix(second.wrapping_add(PAIR)), purpose))
    }

    /// The constant itself, for digests.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

const fn salted(first: u64, second: u64, purpose: Purpose) -> u64 {
    let inner = mix(first).wrapping_add(second);
    mix(mix(inner).wrapping_add(purpose.code().wrapping_mul(GOLDEN)))
}

/// Keep pairs from meeting names, and children from meeting draws. Digits of pi, with nothing up the sleeve.
const PAIR: u64 = 0x243f_6a88_85a3_08d3;
const CHILD: u64 = 0x1319_8a2e_0370_7344;
/// Odd, for the attempt; from the digits of pi too.
const ATTEMPT: u64 = 0xa409_3822_299f_31d1;

impl Luck {
    /// The luck of this value. Values need not be random: 0, 1, 2, … are as good as any.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The 64 bits.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The luck of a newcomer.
    #[must_use]
    pub fn from_stream(stream: &mut Stream) -> Self {
        Self(stream.bits())
    }

    /// The lucks of the next newcomers.
    #[must_use]
    #[inline]
    pub fn many_from_stream<const N: usize>(stream: &mut Stream) -> [Self; N] {
        stream.many_bits().map(Self)
    }

    /// The luck of the call made at `place` as this attempt. Attempts count from 0, and their lucks are independent of
    /// each other and of every draw that this luck gives itself.
    #[must_use]
    #[inline(always)]
    pub const fn child(self, place: Place, attempt: u32) -> Self {
        let salt = CHILD.wrapping_add((attempt as u64).wrapping_mul(ATTEMPT));
        Self(mix(mix(self.0.wrapping_add(place.0)).wrapping_add(salt)))
    }

    /// The draws of this luck at `place`, from the first.
    #[must_use]
    #[inline]
    pub const fn at(self, place: Place) -> LuckDraws {
        LuckDraws(mix(self.0.wrapping_add(place.0)))
    }
}

/// The sequence of draws that a luck gives at one place: two rounds of mixing for the first, one for each after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LuckDraws(u64);

impl Draw for LuckDraws {
    #[inline]
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }
}
