//! Percentiles from the buckets of a histogram, which is all that is left of latencies once they have been scraped.

/// Upper bounds of the buckets into which latencies are counted, in seconds: those that Prometheus' clients have unless
/// told otherwise. One more is without a bound.
pub const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The value that a share `q` of what was counted lies below. Buckets are pairs of an upper bound and a count of all that
/// was not above it, in rising order, the last with an infinite bound.
///
/// Values are taken to be spread evenly inside of a bucket. What lies beyond the last finite bound is not known, so that
/// bound is the answer. Not a number if there is nothing, or no last bucket.
#[must_use]
pub fn histogram_quantile(q: f64, buckets: &[(f64, f64)]) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let Some((last, finite)) = buckets.split_last().filter(|((bound, _), finite)| {
        // Without a bucket for all the rest nobody knows how much that is.
        *bound == f64::INFINITY && !finite.is_empty()
    }) else {
        return f64::NAN;
    };
    // Counts of buckets that were scraped or extrapolated apart from each other may fall where they should not.
    let mut so_far = f64::NEG_INFINITY;
    let mut risen = |count: f64| {
        so_far = so_far.max(count);
        so_far
    };
    let counts: Vec<f64> = finite.iter().map(|(_, count)| risen(*count)).collect();
    let all = risen(last.1);
    if all == 0.0 || all.is_nan() {
        return f64::NAN;
    }
    let rank = q * all;
    let Some(at) = counts.iter().position(|count| *count >= rank) else { return finite[finite.len() - 1].0 };
    let end = finite[at].0;
    if at == 0 {
        return if end <= 0.0 { end } else { end * (rank / counts[0]) };
    }
    let (start, below) = (finite[at - 1].0, counts[at - 1]);
    start + (end - start) * ((rank - below) / (counts[at] - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_data_there_is_no_percentile() {
        assert!(histogram_quantile(0.5, &[]).is_nan());
        assert!(histogram_quantile(0.5, &[(1.0, 0.0), (f64::INFINITY, 0.0)]).is_nan());
        assert!(histogram_quantile(0.5, &[(1.0, 4.0), (2.0, 8.0)]).is_nan());
        assert_eq!(histogram_quantile(1.5, &[(1.0, 4.0), (f64::INFINITY, 4.0)]), f64::INFINITY);
    }

    #[test]
    fn counts_that_fall_are_lifted() {
        // As if the second were 4.
        assert_eq!(histogram_quantile(1.0, &[(1.0, 4.0), (2.0, 3.0), (f64::INFINITY, 4.0)]), 1.0);
    }

    #[test]
    fn nobody_knows_what_is_beyond_the_last_bound() {
        assert_eq!(histogram_quantile(0.9, &[(1.0, 1.0), (2.0, 2.0), (f64::INFINITY, 10.0)]), 2.0);
    }
}
