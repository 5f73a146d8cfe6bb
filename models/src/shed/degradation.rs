//! Graceful degradation: levels of optional work that go off one by one as the load rises. Draws nothing.

use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Goes up a level when the load of the last interval has reached that level's `enter`, and down when it is below its own
/// level's `exit`; one level at a time, and not before `dwell` is over. An `optional` step of level n is left out at
/// level n and above.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// What the load is.
    pub signal: Signal,
    /// The levels from 1 on. By default three, entered at 80 %, 87 % and 94 % and left at 10 points less.
    pub levels: Vec<Level>,
    /// The shortest time at a level.
    pub dwell: Duration,
    /// How often the load is judged.
    pub interval: Duration,
}

/// What the load is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Signal {
    /// The share of the replica's workers that were busy.
    #[default]
    Utilisation,
    /// The number of waiting calls over so many.
    Queue {
        /// How many waiting calls are 100 %.
        full: u64,
    },
}

/// When a level begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The load from which on it is entered.
    pub enter: Share,
    /// The load below which it is left again.
    pub exit: Share,
}

impl Default for Spec {
    fn default() -> Self {
        let level = |enter, exit| Level { enter: Share::new(enter), exit: Share::new(exit) };
        Self {
            signal: Signal::Utilisation,
            levels: vec![level(0.8, 0.7), level(0.87, 0.77), level(0.94, 0.84)],
            dwell: Duration::from_seconds(10.0),
            interval: Duration::from_seconds(1.0),
        }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("degradation");
    problems.count(spec.levels.len() as u64, 1, 100, "levels").positive(spec.interval, "interval");
    if let Signal::Queue { full } = spec.signal {
        problems.count(full, 1, 1 << 32, "signal.queue.full");
    }
    for (at, level) in spec.levels.iter().enumerate() {
        let rule =
            format!("the level is left at `{}`, which is not below where it is entered, `{}`", level.exit, level.enter);
        problems.require(level.exit < level.enter, &format!("levels.{at}.exit"), rule, "leave it at a lower load");
        let before = at.checked_sub(1).map(|before| spec.levels[before].enter);
        let rule = format!("level {} is entered at `{}`, no later than the one before", at + 1, level.enter);
        let rises = before.is_none_or(|before| before < level.enter);
        problems.require(rises, &format!("levels.{at}.enter"), rule, "list the levels in rising order");
    }
    problems.into_found()
}

/// The level, and the load of this interval so far.
#[derive(Clone, Debug)]
pub struct Degradation {
    signal: Signal,
    levels: Vec<(f64, f64)>,
    dwell: Span,
    interval: Span,
    capacity: u64,
    level: u8,
    since: Time,
    began: Time,
    /// Busy workers or waiting calls at present and since when; and their integral over the interval.
    load: u64,
    seen: Time,
    area: u128,
}

impl Degradation {
    pub(super) fn new(spec: &Spec, capacity: u64) -> Self {
        Self {
            signal: spec.signal,
            levels: spec.levels.iter().map(|level| (level.enter.get(), level.exit.get())).collect(),
            dwell: spec.dwell.span(),
            interval: spec.interval.span(),
            capacity: match spec.signal {
                Signal::Utilisation => capacity,
                Signal::Queue { full } => full,
            },
            level: 0,
            since: Time::ZERO,
            began: Time::ZERO,
            load: 0,
            seen: Time::ZERO,
            area: 0,
        }
    }

    /// The level at the last look.
    #[must_use]
    pub const fn present(&self) -> u8 {
        self.level
    }

    /// The level as of now; 0 is no degradation.
    pub(super) fn level(&mut self, now: Time) -> u8 {
        self.area += u128::from(self.load) * u128::from(now.since(self.seen).nanos());
        self.seen = now;
        let elapsed = now.since(self.began);
        if elapsed >= self.interval {
            let load = self.area as f64 / elapsed.nanos() as f64 / self.capacity as f64;
            (self.began, self.area) = (now, 0);
            self.judge(now, load);
        }
        self.level
    }

    fn judge(&mut self, now: Time, load: f64) {
        if self.level > 0 && now.since(self.since) < self.dwell {
            return;
        }
        let at = usize::from(self.level);
        if self.levels.get(at).is_some_and(|(enter, _)| load >= *enter) {
            self.level += 1;
        } else if at > 0 && load < self.levels[at - 1].1 {
            self.level -= 1;
        } else {
            return;
        }
        self.since = now;
    }

    pub(super) fn observe(&mut self, now: Time, busy: u64, waiting: u64) {
        self.level(now);
        self.load = match self.signal {
            Signal::Utilisation => busy,
            Signal::Queue { .. } => waiting,
        };
    }
}
