//! Which of many keys is asked for.

use std::sync::Arc;

use super::error::{DistError, require};
use crate::random::{Draw, ln};

/// A law over the keys `0..n`. Where keys differ in popularity, lower keys are the more popular.
///
/// Build one with the constructors, which check their parameters: the variants' contents are private.
#[derive(Clone, Debug, PartialEq)]
pub enum Popularity {
    /// All keys alike.
    Uniform(UniformKeys),
    /// The k-th most popular key in proportion to `1/k^exponent`.
    Zipf(Zipf),
    /// A few hot keys alike, and all others alike.
    HotSet(HotSet),
}

/// All keys alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniformKeys {
    keys: u64,
}

/// A few hot keys alike, and all others alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HotSet {
    keys: u64,
    hot_keys: u64,
    hot_share: f64,
}

/// The k-th most popular key in proportion to `1/k^exponent`.
#[derive(Clone, Debug, PartialEq)]
pub struct Zipf {
    keys: u64,
    exponent: f64,
    /// The sum of `1/k^exponent` over all keys.
    total: f64,
    method: Method,
}

#[derive(Clone, Debug, PartialEq)]
enum Method {
    Table(Arc<Table>),
    Rejection(Rejection),
}

impl Popularity {
    /// Keys `0..keys`, all alike.
    pub fn uniform(keys: u64) -> Result<Self, DistError> {
        let keys = some_keys(keys)?;
        Ok(Self::Uniform(UniformKeys { keys }))
    }

    /// Keys `0..keys`, key `k` in proportion to `1/(k+1)^exponent`; exponent 0 is uniform, web caches have 0.6 to 1.
    pub fn zipf(keys: u64, exponent: f64) -> Result<Self, DistError> {
        let keys = some_keys(keys)?;
        require(
            (0.0..=Zipf::MAX_EXPONENT).contains(&exponent),
            "exponent",
            exponent,
            "between 0 and 20",
            "use 0 for keys that are all alike, a hot set of one key for one that takes all",
        )?;
        Ok(Self::Zipf(Zipf::new(keys, exponent)))
    }

    /// Keys `0..keys`, of which the first `hot_keys` together take the share `hot_share` of all draws.
    pub fn hot_set(keys: u64, hot_keys: u64, hot_share: f64) -> Result<Self, DistError> {
        let keys = some_keys(keys)?;
        let proper = hot_keys >= 1 && hot_keys < keys;
        let remedy = "use uniform popularity if no key is hotter than others";
        require(proper, "hot_keys", hot_keys as f64, "at least 1 and fewer than all keys", remedy)?;
        let share = (0.0..=1.0).contains(&hot_share);
        require(share, "hot_share", hot_share, "between 0 and 1", "write 80% as 0.8")?;
        Ok(Self::HotSet(HotSet { keys, hot_keys, hot_share }))
    }

    /// How many keys there are.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        match self {
            Self::Uniform(law) => law.keys,
            Self::Zipf(law) => law.keys,
            Self::HotSet(law) => law.keys,
        }
    }

    /// The next key.
    #[inline]
    pub fn sample(&self, draws: &mut impl Draw) -> u64 {
        match self {
            Self::Uniform(law) => draws.below(law.keys),
            Self::Zipf(law) => law.sample(draws),
            Self::HotSet(law) => law.sample(draws),
        }
    }

    /// The share of draws that ask for key `k`; zero for a key that does not exist.
    #[must_use]
    pub fn probability(&self, k: u64) -> f64 {
        if k >= self.keys() {
            return 0.0;
        }
        match self {
            Self::Uniform(law) => 1.0 / law.keys as f64,
            Self::Zipf(law) => law.weight(k) / law.total,
            Self::HotSet(law) if k < law.hot_keys => law.hot_share / law.hot_keys as f64,
            Self::HotSet(law) => (1.0 - law.hot_share) / (law.keys - law.hot_keys) as f64,
        }
    }
}

fn some_keys(keys: u64) -> Result<u64, DistError> {
    const MOST: u64 = 1 << 48;
    require((1..=MOST).contains(&keys), "keys", keys as f64, "between 1 and 2^48", "give the number of keys")?;
    Ok(keys)
}

impl HotSet {
    fn sample(self, draws: &mut impl Draw) -> u64 {
        if draws.unit() < self.hot_share {
            draws.below(self.hot_keys)
        } else {
            self.hot_keys + draws.below(self.keys - self.hot_keys)
        }
    }
}

impl Zipf {
    /// With more, the second key is drawn less often than once in a million.
    const MAX_EXPONENT: f64 = 20.0;

    /// Up to here a table is exact, fast and takes one draw; above, it would push the world out of the cache.
    const MAX_TABLE: u64 = 1 << 16;

    fn new(keys: u64, exponent: f64) -> Self {
        let weight = |k: u64| power(k as f64, exponent);
        if keys <= Self::MAX_TABLE {
            let table = Table::new((1..=keys).map(weight).collect());
            return Self { keys, exponent, total: table.total, method: Method::Table(Arc::new(table)) };
        }
        let head: f64 = (1..Self::MAX_TABLE).rev().map(weight).sum();
        let total = head + tail_sum(Self::MAX_TABLE as f64, keys as f64, exponent);
        Self { keys, exponent, total, method: Method::Rejection(Rejection::new(keys, exponent)) }
    }

    fn weight(&self, k: u64) -> f64 {
        power((k + 1) as f64, self.exponent)
    }

    fn sample(&self, draws: &mut impl Draw) -> u64 {
        match &self.method {
            Method::Table(table) => table.sample(draws),
            Method::Rejection(rejection) => rejection.sample(draws),
        }
    }
}

/// `1/x^exponent`.
fn power(x: f64, exponent: f64) -> f64 {
    libm::exp(-exponent * ln(x))
}

/// The sum of `1/k^exponent` for `k` from `first` to `last`, by the first terms of Euler and Maclaurin's formula.
fn tail_sum(first: f64, last: f64, exponent: f64) -> f64 {
    let length = libm::log(last / first);
    let integral = power(first, exponent - 1.0) * length * relative_expm1((1.0 - exponent) * length);
    let (begin, end) = (power(first, exponent), power(last, exponent));
    integral + 0.5 * (begin + end) + exponent / 12.0 * (begin / first - end / last)
}

/// `(e^x - 1)/x`, continued to 1 at 0.
fn relative_expm1(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { libm::expm1(x) / x }
}

/// `ln(1 + x)/x`, continued to 1 at 0.
fn relative_log1p(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { libm::log1p(x) / x }
}

/// The exact distribution function, searched from a guide that is right or nearly so (Chen and Asau 1974).
#[derive(Clone, Debug, PartialEq)]
struct Table {
    total: f64,
    /// For each key, the chance of that key or of a more popular one; 1 for the last.
    up_to: Box<[f64]>,
    /// For each of as many equal parts of the unit interval, the first key whose `up_to` lies above the part's begin.
    guide: Box<[u32]>,
}

impl Table {
    fn new(weights: Vec<f64>) -> Self {
        let count = weights.len();
        let total: f64 = weights.iter().rev().sum();
        let mut sum = 0.0;
        let mut up_to: Box<[f64]> = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum / total
            })
            .collect();
        up_to[count - 1] = 1.0;
        let begin = |part: usize| part as f64 / count as f64;
        let first_above = |part| up_to.partition_point(|&share| share <= begin(part)) as u32;
        let guide = (0..count).map(first_above).collect();
        Self { total, up_to, guide }
    }

    fn sample(&self, draws: &mut impl Draw) -> u64 {
        let u = draws.unit();
        let count = self.up_to.len();
        let part = ((u * count as f64) as usize).min(count - 1);
        // The product above may round up over the part's begin, and then the guide may point one key too far.
        let mut key = self.guide[part] as usize;
        while key > 0 && self.up_to[key - 1] > u {
            key -= 1;
        }
        while self.up_to[key] <= u {
            key += 1;
        }
        key as u64
    }
}

/// Rejection from the inverted integral of the density's hull (Hörmann and Derflinger 1996): no table, any key count.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rejection {
    keys: f64,
    exponent: f64,
    /// The integral up to half a key past the last.
    area_last: f64,
    /// The integral up to 1.5, less the weight of the first key.
    area_first: f64,
    /// A point this little below its key is accepted without computing the key's weight.
    squeeze: f64,
}

impl Rejection {
    fn new(keys: u64, exponent: f64) -> Self {
        let mut law = Self { keys: keys as f64, exponent, area_last: 0.0, area_first: 0.0, squeeze: 0.0 };
        law.area_last = law.area(keys as f64 + 0.5);
        law.area_first = law.area(1.5) - 1.0;
        law.squeeze = 2.0 - law.area_inverse(law.area(2.5) - power(2.0, exponent));
        law
    }

    /// The integral of `1/x^exponent` from 1 to `x`.
    fn area(&self, x: f64) -> f64 {
        let log = ln(x);
        log * relative_expm1((1.0 - self.exponent) * log)
    }

    fn area_inverse(&self, area: f64) -> f64 {
        let scaled = (area * (1.0 - self.exponent)).max(-1.0);
        libm::exp(area * relative_log1p(scaled))
    }

    fn sample(&self, draws: &mut impl Draw) -> u64 {
        loop {
            let area = self.area_last + draws.open() * (self.area_first - self.area_last);
            let x = self.area_inverse(area);
            let key = (x + 0.5).floor().clamp(1.0, self.keys);
            if key - x <= self.squeeze || area >= self.area(key + 0.5) - power(key, self.exponent) {
                return key as u64 - 1;
            }
        }
    }
}
