//! When probes have decided.

/// The latest results of one probe of one process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Streak {
    failures: u32,
    successes: u32,
}

/// What a probe says of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As many successes in a row as it takes.
    Passed,
    /// As many failures in a row as it takes.
    Failed,
    /// Neither, so that what was before still holds.
    Open,
}

impl Streak {
    /// One more result, and what follows from it with these thresholds.
    pub fn add(&mut self, passed: bool, (failures, successes): (u32, u32)) -> Verdict {
        if passed {
            (self.failures, self.successes) = (0, self.successes + 1);
        } else {
            (self.failures, self.successes) = (self.failures + 1, 0);
        }
        match passed {
            true if self.successes >= successes => Verdict::Passed,
            false if self.failures >= failures => Verdict::Failed,
            _ => Verdict::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_row_counts() {
        let mut streak = Streak::default();
        let told: Vec<Verdict> = [false, false, true, false, false, false, false, true, true]
            .into_iter()
            .map(|passed| streak.add(passed, (3, 2)))
            .collect();
        use Verdict::{Failed, Open, Passed};
        assert_eq!(told, [Open, Open, Open, Open, Open, Failed, Failed, Open, Passed]);
    }
}
