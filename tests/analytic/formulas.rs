//! The textbook's formulas.

/// Offered load `a` on `c` servers without a queue: the share that is turned away (Erlang B, by its recursion).
pub(crate) fn erlang_b(c: u32, a: f64) -> f64 {
    (1..=c).fold(1.0, |blocked, servers| a * blocked / (f64::from(servers) + a * blocked))
}

/// With a queue: the share that has to wait (Erlang C).
pub(crate) fn erlang_c(c: u32, a: f64) -> f64 {
    let blocked = erlang_b(c, a);
    let c = f64::from(c);
    c * blocked / (c - a * (1.0 - blocked))
}

/// M/G/1: mean time in the system by Pollaczek and Khinchine, from the mean and the coefficient of variation.
pub(crate) fn pollaczek_khinchine(rate: f64, mean: f64, cv: f64) -> f64 {
    let load = rate * mean;
    mean + load * mean * (1.0 + cv * cv) / (2.0 * (1.0 - load))
}

/// M/M/1 with priorities that do not interrupt (Cobham 1954): mean waits of two classes of equal service.
pub(crate) fn cobham(rates: [f64; 2], mean: f64) -> [f64; 2] {
    let (first, all) = (rates[0] * mean, (rates[0] + rates[1]) * mean);
    let residual = all * mean;
    [residual / (1.0 - first), residual / ((1.0 - first) * (1.0 - all))]
}

/// GI/M/1: mean time in the system, where `transform` is the Laplace transform of the gap between arrivals.
pub(crate) fn general_arrivals(service_rate: f64, transform: impl Fn(f64) -> f64) -> f64 {
    let mut root = 0.5;
    for _ in 0..1000 {
        root = transform(service_rate * (1.0 - root));
    }
    1.0 / (service_rate * (1.0 - root))
}

/// Mean time in the system, in units of the mean service, when each of very many queues at `load` is chosen as the
/// shorter of two (Mitzenmacher 1996, Vvedenskaya 1996).
pub(crate) fn two_choices(load: f64) -> f64 {
    (1..60).map(|i| libm::pow(load, libm::exp2(f64::from(i)) - 2.0)).sum()
}

/// Popularities of Zipf's law.
pub(crate) fn zipf(keys: u32, exponent: f64) -> Vec<f64> {
    let weights: Vec<f64> = (1..=keys).map(|k| libm::pow(f64::from(k), -exponent)).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// The hit ratio of a least-recently-used cache, by Che's approximation (2002): every key stays for the same time.
pub(crate) fn che(popularities: &[f64], capacity: f64) -> f64 {
    let present = |p: f64, time: f64| 1.0 - libm::exp(-p * time);
    let (mut low, mut high) = (0.0, 1e12);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        let filled: f64 = popularities.iter().map(|&p| present(p, middle)).sum();
        if filled < capacity {
            low = middle;
        } else {
            high = middle;
        }
    }
    popularities.iter().map(|&p| p * present(p, low)).sum()
}

/// A closed loop of `users` with exponential thinking and one exponential server: requests per second, by mean value
/// analysis.
pub(crate) fn one_server_throughput(users: u32, think: f64, service: f64) -> f64 {
    let mut queue = 0.0;
    let mut throughput = 0.0;
    for n in 1..=users {
        let response = service * (1.0 + queue);
        throughput = f64::from(n) / (think + response);
        queue = throughput * response;
    }
    throughput
}

/// M/M/c with a fixed patience (Barrer 1957): the share of requests whose wait reaches `patience`.
///
/// The wait that a request would have found has the density `λ·P(c−1 busy)·e^{−(cµ−λ)·w}` up to the patience, and the
/// states below `c − 1` are those of M/M/c.
pub(crate) fn barrer(c: u32, rate: f64, service_rate: f64, patience: f64) -> f64 {
    let a = rate / service_rate;
    let mut terms = vec![1.0];
    for busy in 1..c {
        terms.push(terms[busy as usize - 1] * a / f64::from(busy));
    }
    let below: f64 = terms.iter().sum();
    let last = terms[c as usize - 1];
    let all = f64::from(c) * service_rate;
    let drain = all - rate;
    let fade = libm::exp(-drain * patience);
    // Probability that a wait is there and shorter than the patience, and that it has reached it.
    let shorter = rate * last * (1.0 - fade) / drain;
    let longer = rate * last * fade / all;
    longer / (below + shorter + longer)
}
