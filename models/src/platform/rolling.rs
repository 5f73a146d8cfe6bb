//! How many replicas may come and go at a time.

use crate::spec::DisruptionBudget;
use crate::units::Portion;

/// Replicas that a rolling update may have too many, and too few ready ones, of so many. If both come to none, one may be
/// missing, or nothing could ever happen.
#[must_use]
pub fn fenceposts(replicas: u32, surge: Portion, unavailable: Portion) -> (u32, u32) {
    let (surge, unavailable) = (surge.ceil(replicas), unavailable.floor(replicas));
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

/// Whether a disruption budget lets a replica be moved, of so many that are wanted and so many that are ready.
#[must_use]
pub fn may_move(budget: &DisruptionBudget, wanted: u32, ready: u32, is_ready: bool) -> bool {
    let least = match (budget.min_available, budget.max_unavailable) {
        (Some(least), _) => least.ceil(wanted),
        (None, Some(most)) => wanted.saturating_sub(most.ceil(wanted)),
        (None, None) => 0,
    };
    // One that is not ready is missing already, so that its leaving makes nothing worse.
    if is_ready { ready > least } else { ready >= least }
}

/// Replicas of a service in the middle of a rolling update, those that drain left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many are wanted.
    pub wanted: u32,
    /// Old ones that are ready, and that are not.
    pub old: (u32, u32),
    /// New ones that are ready, and that are not.
    pub new: (u32, u32),
}

/// What is done next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// New ones that begin.
    pub begin: u32,
    /// Old ones that are not ready and go.
    pub unready: u32,
    /// Old ones that are ready and go.
    pub ready: u32,
}

/// The next step of a rolling update with these fenceposts.
#[must_use]
pub fn step(counts: Counts, (surge, unavailable): (u32, u32)) -> Step {
    let Counts { wanted, old, new } = counts;
    let (old_all, new_all) = (old.0 + old.1, new.0 + new.1);
    let room = (wanted + surge).saturating_sub(old_all + new_all);
    let begin = wanted.saturating_sub(new_all).min(room);
    let (total, new_unready) = (old_all + new_all + begin, new.1 + begin);
    let least = wanted.saturating_sub(unavailable);
    let most = total.saturating_sub(least + new_unready);
    let unready = old.1.min(most);
    let ready = old.0.min((old.0 + new.0).saturating_sub(least)).min(most - unready);
    Step { begin, unready, ready }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_at_a_time_and_none_missing() {
        let counts = |old, new| Counts { wanted: 3, old, new };
        let next = |old, new| step(counts(old, new), (1, 0));
        assert_eq!(next((3, 0), (0, 0)), Step { begin: 1, unready: 0, ready: 0 });
        assert_eq!(next((3, 0), (0, 1)), Step::default());
        assert_eq!(next((3, 0), (1, 0)), Step { begin: 0, unready: 0, ready: 1 });
        assert_eq!(next((2, 0), (1, 0)), Step { begin: 1, unready: 0, ready: 0 });
        assert_eq!(next((0, 0), (3, 0)), Step::default());
    }

    #[test]
    fn old_ones_that_are_broken_go_first() {
        let counts = Counts { wanted: 4, old: (2, 2), new: (0, 0) };
        // One more may come, one may be missing: of five, two broken ones can go without anybody missing them.
        assert_eq!(step(counts, (1, 1)), Step { begin: 1, unready: 1, ready: 0 });
    }

    #[test]
    fn a_budget_counts_who_is_ready() {
        let budget = |text: &str| serde_json::from_str::<DisruptionBudget>(text).unwrap();
        let two = budget(r#"{"min_available": 2}"#);
        assert!(may_move(&two, 3, 3, true) && !may_move(&two, 3, 2, true));
        assert!(may_move(&two, 3, 2, false) && !may_move(&two, 3, 1, false));
        let quarter = budget(r#"{"max_unavailable": "25%"}"#);
        assert!(may_move(&quarter, 4, 4, true) && !may_move(&quarter, 4, 3, true));
    }
}
