//! Many questions at once: Holm's correction, which keeps the chance of even one false alarm in the whole family.

/// Holm's adjusted p-values, in the order given: reject those below α, and the chance that any of them is a false alarm
/// is at most α, however the tests depend on each other.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]).then(a.cmp(b)));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 0.0f64;
    for (rank, &at) in order.iter().enumerate() {
        least = least.max(((p_values.len() - rank) as f64 * p_values[at]).min(1.0));
        adjusted[at] = least;
    }
    adjusted
}

/// Holm's correction for tests that cannot give any p-value they like (Tarone's idea): `least[i]` is the smallest p-value
/// that test i could have given. What could never have been significant beside the others costs them nothing, and gets 1.
#[must_use]
pub fn tarone_holm(p_values: &[f64], least: &[f64], alpha: f64) -> Vec<f64> {
    let able = |count: usize| least.iter().filter(|least| **least <= alpha / count as f64).count();
    let count = (1..=p_values.len().max(1)).find(|count| able(*count) <= *count).unwrap_or(1);
    let kept: Vec<usize> = (0..p_values.len()).filter(|at| least[*at] <= alpha / count as f64).collect();
    // A family of `count` tests, of which the others cannot speak.
    let mut family: Vec<f64> = kept.iter().map(|at| p_values[*at]).collect();
    family.resize(count.max(family.len()), 1.0);
    let mut adjusted = vec![1.0; p_values.len()];
    for (at, p) in kept.iter().zip(holm(&family)) {
        adjusted[*at] = p;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in Holm's style that every textbook has, worked out by hand.
    #[test]
    fn the_smallest_pays_for_all_the_next_for_one_less() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, wanted) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - wanted).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn what_could_never_have_mattered_costs_nothing() {
        // Two tests that can speak, and thirty that cannot.
        let p: Vec<f64> = [0.01, 0.02].into_iter().chain([1.0; 30]).collect();
        let least: Vec<f64> = [0.001, 0.001].into_iter().chain([0.5; 30]).collect();
        let adjusted = tarone_holm(&p, &least, 0.05);
        assert!((adjusted[0] - 0.02).abs() < 1e-12 && (adjusted[1] - 0.02).abs() < 1e-12, "{adjusted:?}");
        assert!(adjusted[2..].iter().all(|p| p.total_cmp(&1.0).is_eq()));
        assert!(holm(&p)[0] > 0.3);
    }
}
