//! XFetch: probabilistic early expiration.
//!
//! Source: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention" (VLDB 2015): a reader
//! makes the entry anew if now − delta·beta·ln(U) ≥ expiry, where delta is how long the last one took and U is uniform.
//! One draw for each read of a good entry, from the reader's luck.

use super::{Facts, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// XFetch, probabilistic early expiration: g seconds before the end, a read makes the entry anew with probability
/// e^(−g / (delta·beta)), where delta is how long it took last time. Several readers may do so at once, unless `protect`
/// lets only one.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Above 1 for earlier, below 1 for later; 1 by default, which is the best choice in theory.
    #[serde(default = "one")]
    pub beta: f64,
    /// Make it anew in the background, and take the old value; off by default: the reader waits, as in the paper.
    #[serde(default)]
    pub background: bool,
}

fn one() -> f64 {
    1.0
}

impl Default for Spec {
    fn default() -> Self {
        Self { beta: one(), background: false }
    }
}

/// XFetch at work.
#[derive(Clone, Copy, Debug)]
pub struct Xfetch {
    beta: f64,
    verdict: Verdict,
}

impl Xfetch {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self { beta: spec.beta, verdict: if spec.background { Verdict::RenewBehind } else { Verdict::Renew } }
    }

    /// What a reader does, with a uniform draw. A draw of 0 would be infinitely early, so it renews.
    #[must_use]
    pub fn on_read(&self, facts: &Facts, unit: f64) -> Verdict {
        let left = facts.expires.since(facts.now).seconds();
        let early = -facts.took.seconds() * self.beta * libm::log(unit);
        // Without a duration there is nothing to be early by: 0·ln(0) is not a number, and the entry is still good.
        if early >= left { self.verdict } else { Verdict::Take }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_sim::random::{Draw, Stream};
    use squall_sim::{Span, Time};

    /// One request a second, a second of work, entries good for 30 s. With the hazard e^−g at g seconds before the end,
    /// nobody renews early with probability 1/e, and the mean gap is the integral of 1 − exp(−e^−g), 0.7966 s.
    #[test]
    fn the_first_to_renew_comes_as_early_as_theory_says() {
        let (policy, cycles) = (Xfetch::new(&Spec::default()), 40_000);
        let mut draws = Stream::new(1, "xfetch");
        let (set, expires, took) = (Time::ZERO, Time::ZERO + Span::from_secs(30), Span::from_secs(1));
        let (mut late, mut gap, mut recomputes) = (0, 0.0, 0);
        for _ in 0..cycles {
            let mut now = set;
            let mut over = None;
            loop {
                now += Span::from_seconds(draws.exponential());
                if over.is_some_and(|over| now >= over) {
                    break;
                }
                let facts = Facts { now, set, expires, took };
                let renews = now >= expires || policy.on_read(&facts, draws.open()) == Verdict::Renew;
                recomputes += i32::from(renews);
                if renews && over.is_none() {
                    over = Some(now + took);
                    late += i32::from(now >= expires);
                    gap += if now < expires { expires.since(now).seconds() } else { 0.0 };
                }
            }
        }
        let mean = |sum: f64| sum / f64::from(cycles);
        assert!((mean(f64::from(late)) - 0.367_879).abs() < 0.0082, "{}", mean(f64::from(late)));
        assert!((mean(gap) - 0.796_600).abs() < 0.0156, "{}", mean(gap));
        assert!((mean(f64::from(recomputes)) - 1.744_597).abs() < 0.0159, "{}", mean(f64::from(recomputes)));
    }
}
