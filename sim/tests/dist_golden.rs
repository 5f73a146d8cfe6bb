//! The bits of the draws, so that no change of `libm`, of a compiler or of this crate goes unnoticed.
//!
//! A digest that changes changes every result that anyone has kept. Let it change only on purpose, and say so in the
//! change log.

use squall_sim::dist::{Dist, DistError, Popularity};
use squall_sim::random::{BlockStream, Draw, Luck, Place, Purpose, Stream, ln};

const DRAWS: usize = 1000;

/// FNV-1a over the little-endian bytes of the words.
fn digest(words: impl IntoIterator<Item = u64>) -> u64 {
    let bytes = words.into_iter().flat_map(u64::to_le_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn laws() -> Result<Vec<(&'static str, Dist)>, DistError> {
    let parts = vec![(0.9, Dist::exponential(0.01)?), (0.1, Dist::lognormal_mean_cv(1.0, 2.0)?)];
    Ok(vec![
        ("uniform", Dist::uniform(0.5, 1.5)?),
        ("exponential", Dist::exponential(0.02)?),
        ("normal", Dist::normal(1.0, 0.5)?),
        ("lognormal, percentile", Dist::lognormal_median_p99(0.02, 0.25)?),
        ("lognormal, cv", Dist::lognormal_mean_cv(0.02, 1.5)?),
        ("gamma, cv 0.5", Dist::gamma(0.02, 0.5)?),
        ("gamma, cv 2", Dist::gamma(0.02, 2.0)?),
        ("erlang 4", Dist::erlang(4, 0.02)?),
        ("erlang 20", Dist::erlang(20, 0.02)?),
        ("weibull", Dist::weibull(0.7, 0.02)?),
        ("pareto", Dist::pareto(1.5, 0.02)?),
        ("bounded pareto", Dist::bounded_pareto(1.1, 0.01, 10.0)?),
        ("hyperexponential", Dist::hyperexponential_mean_cv(0.02, 3.0)?),
        ("mixture", Dist::mixture(parts)?),
        ("quantiles", Dist::empirical_quantiles(vec![(0.0, 0.001), (0.5, 0.01), (0.99, 0.2), (1.0, 1.0)])?),
        ("samples", Dist::empirical_samples((0..97).map(f64::from).collect())?),
    ])
}

fn popularities() -> Result<Vec<(&'static str, Popularity)>, DistError> {
    Ok(vec![
        ("uniform keys", Popularity::uniform(1000)?),
        ("zipf by table", Popularity::zipf(10_000, 0.9)?),
        ("zipf by rejection", Popularity::zipf(10_000_000, 0.9)?),
        ("hot set", Popularity::hot_set(10_000, 100, 0.9)?),
    ])
}

fn sources() -> Vec<(&'static str, u64)> {
    let mut stream = Stream::new(42, "golden");
    let mut block = BlockStream::new(Stream::new(42, "golden"));
    let place = Place::named("golden", Purpose::Work);
    let numbered = Place::numbered(3, 4, Purpose::Other(5));
    let luck = |i| Luck::new(i).child(numbered, 2).at(place).bits();
    let logarithm = |i: u64| ln((i as f64 + 0.5) / 500.0).to_bits();
    vec![
        ("stream", digest((0..DRAWS).map(|_| stream.bits()))),
        ("block", digest((0..DRAWS).map(|_| block.next_exp().to_bits()))),
        ("luck", digest((0..DRAWS as u64).map(luck))),
        ("ln", digest((0..DRAWS as u64).map(logarithm))),
    ]
}

fn digests() -> Result<String, DistError> {
    let mut all = sources();
    for (name, law) in laws()? {
        let mut stream = Stream::new(42, name);
        all.push((name, digest((0..DRAWS).map(|_| law.sample(&mut stream).to_bits()))));
    }
    for (name, law) in popularities()? {
        let mut stream = Stream::new(42, name);
        all.push((name, digest((0..DRAWS).map(|_| law.sample(&mut stream)))));
    }
    Ok(all.iter().map(|(name, digest)| format!("{digest:016x} {name}\n")).collect())
}

#[test]
fn the_bits_are_those_of_the_first_release() -> Result<(), DistError> {
    assert_eq!(digests()?, GOLDEN);
    Ok(())
}

const GOLDEN: &str = "\
53f409d765c0d7d4 stream\n\
297457c48ad0310f block\n\
710908c1aa8def73 luck\n\
1b7efdfa4189fb32 ln\n\
f8274e1385dd98e9 uniform\n\
475c424645661bc8 exponential\n\
075710195fe31e6d normal\n\
5a2b691358f34349 lognormal, percentile\n\
1219687432bd358f lognormal, cv\n\
a04f7eccad345b9d gamma, cv 0.5\n\
4329fa900b13ad1c gamma, cv 2\n\
650736af52a4120e erlang 4\n\
4ff6803260cd93ed erlang 20\n\
bad543dbc4d16221 weibull\n\
f4ee26917e812805 pareto\n\
d480b84e9da94867 bounded pareto\n\
f159000464673f87 hyperexponential\n\
1192ce8745da05ac mixture\n\
6a34b9b03aa10c67 quantiles\n\
6baaa2d673b770c0 samples\n\
94261d7de00dc0ea uniform keys\n\
df7a2d4f82b1062f zipf by table\n\
86393f3b4aa4be00 zipf by rejection\n\
409cad6d295806a4 hot set\n\
";
