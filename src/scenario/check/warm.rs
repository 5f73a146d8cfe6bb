//! How many look-ups miss a cache that has long been in use.
//!
//! With a TTL, a key that is asked for λ times a second is filled once in (TTL + 1/λ), so that 1/(1 + λ·TTL) of its look-ups
//! miss. With room for few keys, Che's approximation: a key stays for a time that is the same for all, such that on average
//! as many keys are in as there is room. What misses one cache asks the next one, unpopular keys more than popular ones.

use squall_models::spec::{Cache, Keys, Limit};

/// Keys that are taken one by one; from there on in groups that grow.
const SINGLE: u64 = 200;

/// Some keys that are about equally popular.
#[derive(Clone, Copy, Debug)]
struct Group {
    keys: f64,
    /// The share of requests that ask for each of them.
    share: f64,
    /// The part of those requests that gets this far.
    pass: f64,
}

/// The keys that a stream of look-ups asks for.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    groups: Vec<Group>,
}

impl Stream {
    /// What requests ask for before any cache.
    pub(super) fn of(keys: &Keys) -> Self {
        let group = |keys: u64, weight: f64| Group { keys: keys as f64, share: weight, pass: 1.0 };
        let mut groups = match keys {
            Keys::Uniform { count } => vec![group(*count, 1.0)],
            Keys::HotSet { count, hot, share } => {
                let share = share.get();
                let rest = count.saturating_sub(*hot);
                vec![group(*hot, share / *hot as f64), group(rest, (1.0 - share) / (rest as f64).max(1.0))]
            }
            Keys::Zipf { count, exponent } => {
                let (mut groups, mut next) = (Vec::new(), 1);
                while next <= *count {
                    let size = if next <= SINGLE { 1 } else { (next / 50).max(1) }.min(count - next + 1);
                    let middle = next as f64 + (size - 1) as f64 / 2.0;
                    groups.push(group(size, libm::pow(middle, -exponent)));
                    next += size;
                }
                groups
            }
            // Which keys a file asks for how often is counted, most often first.
            Keys::Trace { keys, .. } => {
                let mut sorted = keys.clone();
                sorted.sort_unstable();
                sorted.chunk_by(|a, b| a == b).map(|same| group(1, same.len() as f64)).collect()
            }
        };
        groups.retain(|group| group.keys > 0.0 && group.share > 0.0);
        let total: f64 = groups.iter().map(|group| group.keys * group.share).sum();
        groups.iter_mut().for_each(|group| group.share /= total);
        Self { groups }
    }

    fn passing(&self) -> f64 {
        self.groups.iter().map(|group| group.keys * group.share * group.pass).sum()
    }

    /// Lets so many look-ups a second go through a cache. The share that misses; what is left of the stream are the misses.
    pub(super) fn through(&mut self, cache: &Cache, rate: f64) -> f64 {
        let before = self.passing();
        if before <= 0.0 || rate <= 0.0 {
            return 1.0;
        }
        let per_key = |group: &Group| rate * group.share * group.pass / before;
        let stay = self.stay(cache, &per_key);
        for group in &mut self.groups {
            let rate = per_key(group);
            let expired = cache.ttl.map_or(0.0, |ttl| 1.0 / (1.0 + rate * ttl.seconds()));
            let evicted = libm::exp(-rate * stay);
            group.pass *= expired.max(evicted);
        }
        self.passing() / before
    }

    /// How long a key stays that nobody asks for again.
    fn stay(&self, cache: &Cache, per_key: &dyn Fn(&Group) -> f64) -> f64 {
        let Limit::At(room) = cache.capacity else { return f64::INFINITY };
        let present = |stay: f64| -> f64 {
            self.groups.iter().map(|group| group.keys * (1.0 - libm::exp(-per_key(group) * stay))).sum()
        };
        let (mut low, mut high) = (0.0, 1e12);
        if present(high) <= room as f64 {
            return f64::INFINITY;
        }
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if present(middle) < room as f64 { low = middle } else { high = middle }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(text: &str) -> Cache {
        serde_json::from_str(text).unwrap()
    }

    fn keys(text: &str) -> Keys {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_ttl_misses_once_in_a_period() {
        let mut stream = Stream::of(&keys(r#"{"uniform": {"count": 100}}"#));
        // Each key once a second, good for nine: one miss, nine hits.
        let missed = stream.through(&cache(r#"{"ttl": "9s"}"#), 100.0);
        assert!((missed - 0.1).abs() < 1e-9, "{missed}");
        // What is left is asked for ten times less often: once in ten seconds.
        let missed = stream.through(&cache(r#"{"ttl": "90s"}"#), 10.0);
        assert!((missed - 0.1).abs() < 1e-9, "{missed}");
    }

    #[test]
    fn room_for_half_of_equal_keys_hits_half() {
        let mut stream = Stream::of(&keys(r#"{"uniform": {"count": 1000}}"#));
        let missed = stream.through(&cache(r#"{"capacity": 500}"#), 100.0);
        assert!((missed - 0.5).abs() < 1e-6, "{missed}");
        let mut all = Stream::of(&keys(r#"{"uniform": {"count": 1000}}"#));
        assert!(all.through(&cache("{}"), 100.0) < 1e-9);
    }

    /// Held against an LRU list that is simulated.
    #[test]
    fn popular_keys_stay() {
        let mut stream = Stream::of(&keys(r#"{"zipf": {"count": 10000, "exponent": 1.0}}"#));
        let missed = stream.through(&cache(r#"{"capacity": 1000}"#), 1000.0);
        let mut list: std::collections::VecDeque<u64> = std::collections::VecDeque::new();
        let law = squall_sim::dist::Popularity::zipf(10_000, 1.0).unwrap();
        let mut draws = squall_sim::random::Stream::new(1, "lru");
        let mut misses = 0;
        for asked in 0..60_000 {
            let key = law.sample(&mut draws);
            match list.iter().position(|known| *known == key) {
                Some(at) => drop(list.remove(at)),
                None => misses += u64::from(asked >= 20_000),
            }
            list.push_front(key);
            list.truncate(1000);
        }
        let simulated = misses as f64 / 40_000.0;
        assert!((missed - simulated).abs() < 0.015, "{missed} {simulated}");
    }
}
