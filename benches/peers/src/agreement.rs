//! Whether the engines ran the same model: their means must be equal within statistical noise.

use crate::{REFERENCE, Series, reference};

/// Standard errors of a difference that are put down to chance. One comparison in 16,000 exceeds
/// them by chance, and a run makes about forty.
pub const ALLOWED: f64 = 4.0;

/// What the comparison of all means found.
#[derive(Default)]
pub struct Verdict {
    pub compared: usize,
    /// A sentence for each mean that differs.
    pub differences: Vec<String>,
    /// A sentence for each series that could not be compared.
    pub unchecked: Vec<String>,
}

/// Compares mean latency with theory where there is one, and both means with the reference engine.
pub fn check(series: &[Series]) -> Verdict {
    let mut verdict = Verdict::default();
    for one in series {
        verdict.check(series, one);
    }
    verdict
}

impl Verdict {
    fn check(&mut self, all: &[Series], one: &Series) {
        let workload = one.workload;
        let who = format!("{} on {}", one.engine, workload.name);
        let Some(noise) = &workload.noise else {
            self.unchecked.push(format!("{who}, which has no steady state"));
            return;
        };
        let ours = &one.total;
        let n = ours.requests as f64;
        if let Some(theory) = workload.theory {
            let error = noise.latency / n.sqrt();
            self.add(compare(&who, "mean latency", ours.mean_latency(), "theory", theory, error));
        }
        let Some(other) = reference(all, workload) else {
            self.unchecked.push(format!("{who} with {REFERENCE}, which was not run"));
            return;
        };
        if other.engine == one.engine {
            return;
        }
        let theirs = &other.total;
        let scale = (1.0 / n + 1.0 / theirs.requests as f64).sqrt();
        let (latencies, attempts) =
            ((ours.mean_latency(), theirs.mean_latency()), (ours.mean_attempts(), theirs.mean_attempts()));
        self.add(compare(&who, "mean latency", latencies.0, REFERENCE, latencies.1, noise.latency * scale));
        self.add(compare(&who, "mean attempts", attempts.0, REFERENCE, attempts.1, noise.attempts * scale));
    }

    fn add(&mut self, difference: Option<String>) {
        self.compared += 1;
        self.differences.extend(difference);
    }
}

/// A sentence if two means differ by more than chance explains.
fn compare(who: &str, what: &str, ours: f64, source: &str, theirs: f64, error: f64) -> Option<String> {
    let away = (ours - theirs).abs();
    // Not `away > …`: a mean that is not a number disagrees.
    let agrees = away <= ALLOWED * error;
    (!agrees).then(|| format!("{who}: {what} {ours:.6}, {source} has {theirs:.6}, standard error {error:.6}"))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn differences_within_noise_agree() {
        assert!(compare("x", "mean", 1.03, "y", 1.0, 0.01).is_none());
        assert!(compare("x", "mean", 1.05, "y", 1.0, 0.01).is_some());
    }

    #[test]
    fn exact_means_need_no_noise() {
        assert!(compare("x", "mean", 1.0, "y", 1.0, 0.0).is_none());
    }

    #[test]
    fn a_mean_over_nothing_disagrees() {
        assert!(compare("x", "mean", f64::NAN, "y", 1.0, 0.01).is_some());
    }
}
