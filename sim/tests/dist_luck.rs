//! Lucks that are near each other give draws that have nothing to do with each other.

use squall_sim::Span;
use squall_sim::dist::Dist;
use squall_sim::random::{Draw, Luck, Place, Purpose, Stream};
use statrs::distribution::{ChiSquared, ContinuousCDF};

const DRAWS: usize = 1_000_000;

/// Fails if cells that should hold equally many hold too unequal, or too equal, counts.
fn assert_even(what: &str, counts: &[u32]) {
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let expected = total / counts.len() as f64;
    let away = |&count: &u32| (f64::from(count) - expected) * (f64::from(count) - expected) / expected;
    let statistic: f64 = counts.iter().map(away).sum();
    let p = ChiSquared::new((counts.len() - 1) as f64).unwrap().cdf(statistic);
    assert!((1e-4..=1.0 - 1e-4).contains(&p), "{what}: chi-square {statistic:.1}, p = {p}");
}

/// Values, neighbours in order, the lowest bits and the linear correlation of neighbours.
fn assert_independent(what: &str, bits: impl Iterator<Item = u64>) {
    let bits: Vec<u64> = bits.take(DRAWS).collect();
    assert_eq!(bits.len(), DRAWS);
    let (mut high, mut low, mut pairs) = (vec![0; 1024], vec![0; 1024], vec![0; 1024]);
    for &value in &bits {
        high[(value >> 54) as usize] += 1;
        low[(value & 1023) as usize] += 1;
    }
    for pair in bits.windows(2) {
        pairs[(pair[0] >> 59 << 5 | pair[1] >> 59) as usize] += 1;
    }
    assert_even(&format!("{what}, high bits"), &high);
    assert_even(&format!("{what}, low bits"), &low);
    assert_even(&format!("{what}, neighbours"), &pairs);

    let centred: Vec<f64> = bits.iter().map(|&value| (value >> 11) as f64 / (1u64 << 53) as f64 - 0.5).collect();
    let covariance: f64 = centred.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / DRAWS as f64;
    let correlation = covariance * 12.0;
    assert!(correlation.abs() < 4.0 / (DRAWS as f64).sqrt(), "{what}: neighbours correlate by {correlation}");
}

fn first(luck: Luck, place: Place) -> u64 {
    luck.at(place).bits()
}

#[test]
fn sequential_lucks_at_one_place() {
    let place = Place::named("cart.checkout", Purpose::Work);
    assert_independent("sequential", (0..).map(|i| first(Luck::new(i), place)));
    assert_independent("high", (0..).map(|i: u64| first(Luck::new(i << 40), place)));
}

#[test]
fn lucks_that_differ_in_one_bit() {
    let place = Place::named("cart.checkout", Purpose::Work);
    for bit in [0, 1, 17, 31, 32, 47, 63] {
        let spaced = |i: u64| i.wrapping_mul(0x5851_f42d_4c95_7f2d) & !(1 << bit);
        let pairs = (0..).map(spaced).flat_map(|i: u64| [i, i | 1 << bit]);
        assert_independent(&format!("bit {bit}"), pairs.map(|luck| first(Luck::new(luck), place)));
        let difference = |i: u64| first(Luck::new(i), place) ^ first(Luck::new(i | 1 << bit), place);
        assert_independent(&format!("difference in bit {bit}"), (0..).map(spaced).map(difference));
    }
}

#[test]
fn one_luck_at_many_places() {
    let luck = Luck::new(12);
    let named = (0..).map(|i: u64| Place::named(&format!("service.{i}"), Purpose::Work));
    assert_independent("names", named.map(|place| first(luck, place)));
    let numbered = (0..).map(|i: u64| Place::numbered(i >> 8, i & 255, Purpose::Latency));
    assert_independent("numbers", numbered.map(|place| first(luck, place)));
    let (work, loss) = (Place::named("link", Purpose::Work), Place::named("link", Purpose::Loss));
    let both = (0..).flat_map(|i| [first(Luck::new(i), work), first(Luck::new(i), loss)]);
    assert_independent("two purposes", both);
}

#[test]
fn successive_attempts() {
    let (call, work) = (Place::named("cart.pay", Purpose::Call), Place::named("pay.charge", Purpose::Work));
    assert_independent("attempts", (0..).map(|i: u32| first(Luck::new(3).child(call, i), work)));
    let lucks = (0..).flat_map(|i: u64| (0..4).map(move |attempt| (i, attempt)));
    assert_independent("attempts of many", lucks.map(|(i, attempt)| first(Luck::new(i).child(call, attempt), work)));
    let mixed = (0..).flat_map(|i: u64| [first(Luck::new(i), call), Luck::new(i).child(call, 0).value()]);
    assert_independent("a draw and a child at one place", mixed);
}

#[test]
fn successive_draws_at_one_place() {
    let place = Place::named("cart.checkout", Purpose::Jitter);
    let mut draws = Luck::new(5).at(place);
    assert_independent("one long sequence", std::iter::repeat_with(|| draws.bits()));
    let three = |i: u64| {
        let mut draws = Luck::new(i).at(place);
        [draws.bits(), draws.bits(), draws.bits()]
    };
    assert_independent("many short sequences", (0..).flat_map(three));
}

#[test]
fn a_stream_is_its_seed_and_its_name() {
    let first_of = |seed, name: &str| Stream::new(seed, name).bits();
    assert_eq!(first_of(1, "a"), first_of(1, "a"));
    let all: std::collections::BTreeSet<u64> =
        (0..100).flat_map(|seed| ["", "a", "b", "ab", "ba", "aa"].map(|name| first_of(seed, name))).collect();
    assert_eq!(all.len(), 600);
    assert_independent("first draws of sequential seeds", (0..).map(|seed| first_of(seed, "arrivals")));
    let mut stream = Stream::new(9, "arrivals");
    assert_independent("a stream", std::iter::repeat_with(|| stream.bits()));
}

#[test]
fn many_newcomers_at_once_are_those_one_after_the_other() {
    let (mut one, mut many) = (Stream::new(1, "lucks"), Stream::new(1, "lucks"));
    // An odd number, so that blocks begin everywhere in what the cipher makes at once.
    for _ in 0..100 {
        let lucks: [Luck; 13] = Luck::many_from_stream(&mut many);
        assert_eq!(lucks, std::array::from_fn(|_| Luck::from_stream(&mut one)));
    }
    assert_eq!(one.bits(), many.bits());
}

#[test]
fn draws_of_many_lucks_at_once_are_those_of_each() {
    let place = Place::named("cart.checkout", Purpose::Work);
    let laws =
        [Dist::exponential(0.01), Dist::constant(0.3), Dist::lognormal_median_p99(0.02, 0.25), Dist::gamma(1.0, 0.7)];
    for law in laws.map(Result::unwrap) {
        for block in 0..1000 {
            let draws = std::array::from_fn::<_, 16, _>(|at| Luck::new(16 * block + at as u64).at(place));
            let mut spans = [Span::ZERO; 16];
            law.sample_span_of_each(draws, &mut spans);
            assert_eq!(spans, draws.map(|mut draws| law.sample_span(&mut draws)));
        }
    }
}
