//! Each law has the moments, the quantiles and the distribution function of the textbook.

use squall_sim::dist::{Dist, Popularity};
use squall_sim::random::{Draw, Luck, Place, Purpose, Stream};
use statrs::distribution as oracle;
use statrs::distribution::ContinuousCDF;

const DRAWS: usize = 100_000;

struct Case {
    name: &'static str,
    law: Dist,
    cdf: Box<dyn Fn(f64) -> f64>,
    mean: f64,
    variance: f64,
}

fn case(name: &'static str, law: Dist, cdf: impl Fn(f64) -> f64 + 'static, mean: f64, variance: f64) -> Case {
    Case { name, law, cdf: Box::new(cdf), mean, variance }
}

fn inverse_cases() -> Vec<Case> {
    let uniform = oracle::Uniform::new(1.0, 4.0).unwrap();
    let exponential = oracle::Exp::new(2.0).unwrap();
    let normal = oracle::Normal::new(1.0, 0.8).unwrap();
    let below = normal.cdf(0.0);
    let lognormal = oracle::LogNormal::new(-0.5 * libm::log(1.0 + 2.25), libm::log(1.0 + 2.25).sqrt()).unwrap();
    let sigma = libm::log(10.0) / 2.326_347_874_040_841;
    let percentile = oracle::LogNormal::new(0.0, sigma).unwrap();
    let log_variance = sigma * sigma;
    vec![
        case("uniform", Dist::uniform(1.0, 4.0).unwrap(), move |x| uniform.cdf(x), 2.5, 0.75),
        case("exponential", Dist::exponential(0.5).unwrap(), move |x| exponential.cdf(x), 0.5, 0.25),
        case(
            "normal",
            Dist::normal(1.0, 0.8).unwrap(),
            move |x| (normal.cdf(x) - below) / (1.0 - below),
            1.1633803671189415,
            0.4499264885211385,
        ),
        case("lognormal", Dist::lognormal_mean_cv(1.0, 1.5).unwrap(), move |x| lognormal.cdf(x), 1.0, 2.25),
        case(
            "lognormal by percentile",
            Dist::lognormal_median_p99(1.0, 10.0).unwrap(),
            move |x| percentile.cdf(x),
            libm::exp(0.5 * log_variance),
            libm::exp(log_variance) * libm::expm1(log_variance),
        ),
    ]
}

fn heavy_cases() -> Vec<Case> {
    let weibull = oracle::Weibull::new(0.7, 2.0).unwrap();
    let (g1, g2) = (libm::tgamma(1.0 + 1.0 / 0.7), libm::tgamma(1.0 + 2.0 / 0.7));
    let pareto = oracle::Pareto::new(2.0, 4.5).unwrap();
    let bounded = |x: f64| (1.0 - libm::pow(x, -1.5)) / (1.0 - libm::pow(100.0, -1.5));
    vec![
        case("weibull", Dist::weibull(0.7, 2.0).unwrap(), move |x| weibull.cdf(x), 2.0 * g1, 4.0 * (g2 - g1 * g1)),
        case("pareto", Dist::pareto(4.5, 2.0).unwrap(), move |x| pareto.cdf(x), 9.0 / 3.5, 18.0 / (12.25 * 2.5)),
        case(
            "bounded pareto",
            Dist::bounded_pareto(1.5, 1.0, 100.0).unwrap(),
            bounded,
            3.0 * (1.0 - 0.1) / (1.0 - 0.001),
            3.0 * (10.0 - 1.0) / (1.0 - 0.001) - (2.7 / 0.999) * (2.7 / 0.999),
        ),
        case(
            "quantiles",
            Dist::empirical_quantiles(vec![(0.0, 1.0), (0.5, 2.0), (1.0, 6.0)]).unwrap(),
            |x| {
                if x < 2.0 { 0.5 * (x - 1.0) } else { 0.5 + (x - 2.0) / 8.0 }
            },
            2.75,
            0.5 * (7.0 / 3.0) + 0.5 * (52.0 / 3.0) - 2.75 * 2.75,
        ),
    ]
}

fn other_cases() -> Vec<Case> {
    let gamma = |shape: f64, mean: f64| oracle::Gamma::new(shape, shape / mean).unwrap();
    let (below_one, above_one, erlang, long) = (gamma(0.25, 3.0), gamma(4.0, 3.0), gamma(3.0, 2.0), gamma(40.0, 2.0));
    let (quick, slow) = (oracle::Exp::new(1.0).unwrap(), oracle::Exp::new(0.1).unwrap());
    let (fast, wide) = (oracle::Exp::new(1.0).unwrap(), oracle::Uniform::new(2.0, 8.0).unwrap());
    let parts = vec![(3.0, Dist::exponential(1.0).unwrap()), (1.0, Dist::uniform(2.0, 8.0).unwrap())];
    vec![
        case("gamma, cv 2", Dist::gamma(3.0, 2.0).unwrap(), move |x| below_one.cdf(x), 3.0, 36.0),
        case("gamma, cv 0.5", Dist::gamma(3.0, 0.5).unwrap(), move |x| above_one.cdf(x), 3.0, 2.25),
        case("erlang 3", Dist::erlang(3, 2.0).unwrap(), move |x| erlang.cdf(x), 2.0, 4.0 / 3.0),
        case("erlang 40", Dist::erlang(40, 2.0).unwrap(), move |x| long.cdf(x), 2.0, 0.1),
        case(
            "hyperexponential",
            Dist::hyperexponential(&[(9.0, 1.0), (0.0, 7.0), (1.0, 10.0)]).unwrap(),
            move |x| 0.9 * quick.cdf(x) + 0.1 * slow.cdf(x),
            1.9,
            0.9 * 2.0 + 0.1 * 200.0 - 1.9 * 1.9,
        ),
        case(
            "mixture",
            Dist::mixture(parts).unwrap(),
            move |x| 0.75 * fast.cdf(x) + 0.25 * wide.cdf(x),
            2.0,
            0.75 * 2.0 + 0.25 * 28.0 - 4.0,
        ),
    ]
}

fn cases() -> Vec<Case> {
    inverse_cases().into_iter().chain(heavy_cases()).chain(other_cases()).collect()
}

/// Kolmogorov and Smirnov's distance, times the root of the count.
fn distance(mut values: Vec<f64>, cdf: &dyn Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let gap = |(i, &value): (usize, &f64)| {
        let f = cdf(value);
        (f - i as f64 / count).max((i + 1) as f64 / count - f)
    };
    values.iter().enumerate().map(gap).fold(0.0, f64::max) * count.sqrt()
}

fn from_stream(law: &Dist, name: &str) -> Vec<f64> {
    let mut stream = Stream::new(20_261_122, name);
    (0..DRAWS).map(|_| law.sample(&mut stream)).collect()
}

fn from_luck(law: &Dist, name: &str) -> Vec<f64> {
    let place = Place::named(name, Purpose::Work);
    (0..DRAWS as u64).map(|i| law.sample(&mut Luck::new(i).at(place))).collect()
}

#[test]
fn draws_follow_the_distribution_function() {
    for case in cases() {
        for values in [from_stream(&case.law, case.name), from_luck(&case.law, case.name)] {
            let distance = distance(values, &case.cdf);
            // Exceeded once in 3000 times by chance; the seeds are fixed.
            assert!(distance < 2.1, "{}: {distance}", case.name);
        }
    }
}

#[test]
fn moments_are_those_of_the_textbook() {
    for case in cases() {
        let close = |got: f64, want: f64| (got - want).abs() <= 1e-7 * want;
        assert!(close(case.law.mean(), case.mean), "{}: mean {}", case.name, case.law.mean());
        assert!(close(case.law.variance(), case.variance), "{}: variance {}", case.name, case.law.variance());
        let scaled = case.law.scaled(2.0);
        assert!(close(scaled.mean(), 2.0 * case.mean), "{}: scaled mean", case.name);
        assert!(close(scaled.variance(), 4.0 * case.variance), "{}: scaled variance", case.name);
    }
}

#[test]
fn draws_have_the_mean_and_the_variance_that_the_law_reports() {
    for case in cases() {
        let values = from_stream(&case.law, case.name);
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let error = (case.variance / count).sqrt();
        assert!((mean - case.mean).abs() < 4.0 * error, "{}: mean {mean}, not {}", case.name, case.mean);
        let squares: Vec<f64> = values.iter().map(|value| (value - mean) * (value - mean)).collect();
        let variance = squares.iter().sum::<f64>() / count;
        let spread = squares.iter().map(|square| (square - variance) * (square - variance)).sum::<f64>() / count;
        let error = (spread / count).sqrt();
        assert!((variance - case.variance).abs() < 5.0 * error, "{}: variance {variance}", case.name);
    }
}

struct Fixed(f64);

impl Draw for Fixed {
    fn bits(&mut self) -> u64 {
        ((self.0 * (1u64 << 52) as f64) as u64) << 12
    }
}

#[test]
fn inverse_laws_invert_and_fall_in_their_uniform() {
    for case in inverse_cases().into_iter().chain(heavy_cases()) {
        let mut before = f64::INFINITY;
        for i in 1..4096 {
            let u = f64::from(i) / 4096.0;
            let value = case.law.sample(&mut Fixed(u));
            assert!(value <= before, "{} rises at {u}", case.name);
            before = value;
            let error = (case.cdf)(value) - (1.0 - u);
            assert!(error.abs() < 1e-9, "{} at {u}: off by {error}", case.name);
        }
    }
}

#[test]
fn two_laws_drawn_with_one_luck_move_together() {
    let place = Place::named("work", Purpose::Work);
    let (before, after) = (Dist::exponential(1.0).unwrap(), Dist::lognormal_mean_cv(1.0, 1.0).unwrap());
    let draw = |i| {
        let luck = Luck::new(i).at(place);
        (before.sample(&mut { luck }) - 1.0) * (after.sample(&mut { luck }) - 1.0)
    };
    let correlation = (0..100_000).map(draw).sum::<f64>() / 1e5;
    assert!(correlation > 0.9, "{correlation}");
}

#[test]
fn samples_are_drawn_as_often_as_they_were_measured() {
    let law = Dist::empirical_samples(vec![3.0, 1.0, 3.0, 0.0]).unwrap();
    let values = from_stream(&law, "samples");
    for (value, share) in [(0.0, 0.25), (1.0, 0.25), (3.0, 0.5)] {
        let count = values.iter().filter(|&&drawn| drawn == value).count() as f64;
        assert!((count / DRAWS as f64 - share).abs() < 0.006, "{value}: {count}");
    }
    assert_eq!((law.mean(), law.variance()), (1.75, 1.6875));
}

#[test]
fn limits_of_the_families_meet() {
    assert_eq!(Dist::gamma(3.0, 1.0), Dist::exponential(3.0));
    assert_eq!(Dist::erlang(1, 3.0), Dist::exponential(3.0));
    let hyper = Dist::hyperexponential_mean_cv(2.0, 4.0).unwrap();
    assert!((hyper.mean() - 2.0).abs() < 1e-12 && (hyper.variance() - 64.0).abs() < 1e-9);
    assert_eq!(Dist::pareto(1.0, 1.0).unwrap().mean(), f64::INFINITY);
    assert_eq!(Dist::pareto(2.0, 1.0).unwrap().variance(), f64::INFINITY);
    assert!(Dist::pareto(1.0, 1.0).unwrap().scaled(0.5).mean().is_infinite());
    let constant = Dist::constant(2.5).unwrap();
    assert_eq!((constant.is_constant(), constant.variance()), (Some(2.5), 0.0));
    assert_eq!(constant.scaled(f64::NAN).is_constant(), Some(0.0));
    assert_eq!(Dist::exponential(1.0).unwrap().scaled(-1.0).is_constant(), Some(0.0));
    assert_eq!(constant.sample_span(&mut Stream::new(1, "constant")).nanos(), 2_500_000_000);
    // An exactly known case between the pieces of the formula for the moments.
    let bounded = Dist::bounded_pareto(1.0, 1.0, 10.0).unwrap();
    assert!((bounded.mean() - libm::log(10.0) / 0.9).abs() < 1e-12);
}

#[test]
fn keys_are_drawn_as_often_as_their_probability_says() {
    let laws = [
        Popularity::uniform(1000).unwrap(),
        Popularity::zipf(1000, 0.0).unwrap(),
        Popularity::zipf(1000, 0.8).unwrap(),
        Popularity::zipf(1, 1.0).unwrap(),
        Popularity::zipf(1000, 3.0).unwrap(),
        Popularity::zipf(65_536, 1.1).unwrap(),
        Popularity::zipf(65_537, 0.0).unwrap(),
        Popularity::zipf(1_000_000, 0.6).unwrap(),
        Popularity::zipf(1_000_000, 1.0).unwrap(),
        Popularity::zipf(100_000_000, 1.0 + 1e-9).unwrap(),
        Popularity::zipf(1 << 40, 1.2).unwrap(),
        Popularity::zipf(1 << 40, 4.0).unwrap(),
        Popularity::hot_set(1000, 20, 0.8).unwrap(),
        Popularity::hot_set(1000, 20, 1.0).unwrap(),
    ];
    for law in laws {
        let mut stream = Stream::new(11, "keys");
        let mut counts = vec![0u32; 500];
        let mut rest = 0u32;
        for _ in 0..1_000_000 {
            let key = law.sample(&mut stream);
            assert!(key < law.keys());
            *counts.get_mut(key as usize).unwrap_or(&mut rest) += 1;
        }
        assert_expected(&law, &counts, rest);
    }
}

/// Chi-square over the keys that are expected often enough, all others together.
fn assert_expected(law: &Popularity, counts: &[u32], mut rest: u32) {
    let (mut statistic, mut cells, mut share_of_rest) = (0.0, 0.0, 1.0);
    let mut add = |count: u32, share: f64| {
        let expected = share * 1e6;
        statistic += (f64::from(count) - expected) * (f64::from(count) - expected) / expected;
        cells += 1.0;
    };
    for (k, &count) in counts.iter().enumerate() {
        let share = law.probability(k as u64);
        if share * 1e6 >= 10.0 {
            add(count, share);
            share_of_rest -= share;
        } else {
            rest += count;
        }
    }
    if share_of_rest > 1e-5 {
        add(rest, share_of_rest);
    }
    if cells > 1.0 {
        let p = oracle::ChiSquared::new(cells - 1.0).unwrap().cdf(statistic);
        assert!((1e-4..=1.0 - 1e-4).contains(&p), "{law:?}: chi-square {statistic} in {cells} cells, p = {p}");
    }
}

#[test]
fn probabilities_of_keys_add_up_to_one() {
    for (keys, exponent) in [(10, 0.5), (70_000, 0.0), (70_000, 0.7), (300_000, 1.0), (300_000, 2.5)] {
        let law = Popularity::zipf(keys, exponent).unwrap();
        let sum: f64 = (0..keys).rev().map(|k| law.probability(k)).sum();
        assert!((sum - 1.0).abs() < 1e-11, "{keys} keys, exponent {exponent}: {sum}");
        assert_eq!(law.probability(keys), 0.0);
    }
}
