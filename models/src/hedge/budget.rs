//! How many hedges may be under way.
//!
//! Source: failsafe-go 0.9 `budget`; the share of calls is the simple form that "The Tail at Scale" suggests.

use crate::checks::Problems;
use crate::units::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A bound on hedges over all calls of one caller.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// A share of the attempts under way (failsafe-go). A hedge is refused when at least `min` attempts are under way and
    /// the share of hedges is already above `rate`, so that the share can exceed it by one hedge.
    InFlight {
        /// The largest share; `20%` by default.
        #[serde(default = "fifth")]
        rate: Share,
        /// Below so many attempts under way nothing is refused; 3 by default.
        #[serde(default = "three")]
        min: u32,
    },
    /// A share of all calls: each call pays in so much of a hedge.
    Calls {
        /// Hedges for each call; `5%` by default.
        #[serde(default = "twentieth")]
        share: Share,
        /// How many can be saved up, and are there at the start; 10 by default.
        #[serde(default = "ten")]
        burst: u32,
    },
}

fn fifth() -> Share {
    Share::new(0.2)
}

fn three() -> u32 {
    3
}

fn twentieth() -> Share {
    Share::new(0.05)
}

fn ten() -> u32 {
    10
}

pub(super) fn check(spec: Option<&Spec>, problems: &mut Problems<'_>) {
    if let Some(Spec::Calls { burst, .. }) = spec {
        problems.count((*burst).into(), 1, 1_000_000, "budget.calls.burst");
    }
}

/// What is under way, or saved up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Budget {
    InFlight {
        rate: f64,
        min: u32,
        attempts: u32,
        hedges: u32,
    },
    /// In millionths of a hedge, so that sums are exact.
    Calls {
        deposit: u64,
        most: u64,
        saved: u64,
    },
}

const HEDGE: u64 = 1_000_000;

impl Budget {
    pub(super) fn new(spec: &Spec) -> Self {
        match *spec {
            Spec::InFlight { rate, min } => Self::InFlight { rate: rate.get(), min, attempts: 0, hedges: 0 },
            Spec::Calls { share, burst } => {
                let most = u64::from(burst) * HEDGE;
                Self::Calls { deposit: (share.get() * HEDGE as f64 + 0.5) as u64, most, saved: most }
            }
        }
    }

    /// A call begins.
    pub(super) fn first(&mut self) {
        match self {
            Self::InFlight { attempts, .. } => *attempts += 1,
            Self::Calls { deposit, most, saved } => *saved = (*saved + *deposit).min(*most),
        }
    }

    /// Whether a hedge may be sent; it then is.
    pub(super) fn takes(&mut self) -> bool {
        match self {
            Self::InFlight { rate, min, attempts, hedges } => {
                let share = f64::from(*hedges) / f64::from((*attempts).max(1));
                if *attempts >= *min && share > *rate {
                    return false;
                }
                (*attempts, *hedges) = (*attempts + 1, *hedges + 1);
            }
            Self::Calls { saved, .. } => match saved.checked_sub(HEDGE) {
                Some(rest) => *saved = rest,
                None => return false,
            },
        }
        true
    }

    /// A hedge is over.
    pub(super) fn gives_back(&mut self) {
        if let Self::InFlight { attempts, hedges, .. } = self {
            (*attempts, *hedges) = (*attempts - 1, *hedges - 1);
        }
    }

    /// A call is over.
    pub(super) fn over(&mut self) {
        if let Self::InFlight { attempts, .. } = self {
            *attempts -= 1;
        }
    }
}
