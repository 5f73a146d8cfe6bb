//! What was done to the system besides its faults, and what it did by itself: actions, controllers, operators, alerts,
//! deaths. More than a few of one kind are told as one.

use super::round;
use serde::{Deserialize, Serialize};
use squall_models::report::Acted;
use std::collections::BTreeMap;

/// As many of one kind are told one by one.
const FEW: usize = 3;

/// What kind of deed it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An alert fires.
    Alert,
    /// Somebody or something changed the system.
    Action,
    /// A replica died of itself.
    Death,
    /// Anything else that is worth a line: who was called, which probe failed.
    Other,
}

/// Something that was done to the system or that it did, once or several times.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Deed {
    /// What kind of deed it is.
    pub role: Role,
    /// When, in seconds; of several the first.
    pub at_s: f64,
    /// Of an alert, when it was over; of several deeds, the last.
    pub until_s: Option<f64>,
    /// How many.
    pub count: u64,
    /// Who did it, as in `operator on-call`.
    pub who: String,
    /// What, as in `resize_pool pools.api.db`.
    pub what: String,
    /// What came of it; empty if it says nothing.
    pub effect: String,
}

impl Deed {
    /// The deed in a line, without its time.
    #[must_use]
    pub fn told(&self) -> String {
        let effect = if self.effect.is_empty() { String::new() } else { format!(": {}", self.effect) };
        let times = match (self.count, self.until_s) {
            (1, None) => String::new(),
            (1, Some(until)) => format!(", until {until:.1} s"),
            (count, Some(until)) => format!(", {count} times until {until:.1} s"),
            (count, None) => format!(", {count} times, to the end"),
        };
        format!("{} {}{effect}{times}", self.who, self.what)
    }

    /// What it has in common with others of its kind: who, and what, whichever replica it was.
    #[must_use]
    pub fn kind(&self) -> String {
        bare(&format!("{} {}", self.who, self.what))
    }
}

/// All of a run's log but its faults, by time.
pub(super) fn deeds(log: &[Acted]) -> Vec<Deed> {
    let mut groups: BTreeMap<(String, String, String), Vec<Deed>> = BTreeMap::new();
    for (number, acted) in log.iter().enumerate() {
        let Some(deed) = deed(acted, &log[number + 1..]) else { continue };
        let reason = if deed.role == Role::Death { reason(&deed.effect) } else { "" };
        let key = (bare(&deed.who), bare(&deed.what), reason.to_owned());
        groups.entry(key).or_default().push(deed);
    }
    let mut all: Vec<Deed> = groups.into_iter().flat_map(|(key, group)| told(key, group)).collect();
    all.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    all
}

/// An entry of the log; none for what is told elsewhere, or follows from other entries.
fn deed(acted: &Acted, later: &[Acted]) -> Option<Deed> {
    let (at_s, effect) = (round(acted.at.seconds()), acted.effect.clone());
    let (kind, name) = acted.cause.split_once(' ').unwrap_or((&acted.cause, ""));
    let usual = |role| {
        let what = format!("{} {}", acted.action, acted.target);
        Some(Deed { role, at_s, until_s: None, count: 1, who: acted.cause.clone(), what, effect: effect.clone() })
    };
    match (kind, acted.action) {
        ("fault", _) if effect == "not in this run" => usual(Role::Other).map(|deed| Deed {
            what: "does not happen in this run".to_owned(),
            effect: String::new(),
            ..deed
        }),
        ("fault", _) => None,
        ("alert", "firing") => {
            let over = later.iter().find(|next| next.cause == acted.cause && next.action == "resolved");
            let effect = format!("{} {}", acted.target, acted.effect);
            let until_s = over.map(|over| round(over.at.seconds()));
            usual(Role::Alert).map(|deed| Deed { what: "fires".to_owned(), effect, until_s, ..deed })
        }
        ("alert", _) => None,
        ("operator", "called" | "finished" | "escalated" | "gave_up" | "stand_down") => {
            let what = format!("{} {}", acted.action.replace('_', " "), acted.target.replace("runbook", ""));
            usual(Role::Other).map(|deed| Deed { what: what.trim().to_owned(), ..deed })
        }
        ("platform", "died") => {
            usual(Role::Death).map(|deed| Deed { who: acted.target.clone(), what: "died".to_owned(), ..deed })
        }
        ("platform", "booting" | "pending" | "ready" | "listed" | "unlisted" | "draining" | "gone" | "started") => None,
        ("platform", "unready") => usual(Role::Other).map(|deed| Deed {
            who: acted.target.clone(),
            what: "is no longer ready".to_owned(),
            ..deed
        }),
        ("platform", _) => usual(Role::Other),
        _ if name.is_empty() => usual(Role::Other),
        _ => usual(Role::Action),
    }
}

/// Few of a kind as they are, many as one.
fn told((who, what, reason): (String, String, String), group: Vec<Deed>) -> Vec<Deed> {
    let [first, .., last] = group.as_slice() else { return group };
    if group.len() <= FEW {
        return group;
    }
    let effect = match (reason.as_str(), first.effect == last.effect) {
        ("", true) => first.effect.clone(),
        ("", false) => format!("{} … {}", first.effect, last.effect),
        (reason, _) => reason.to_owned(),
    };
    let until_s = if first.role == Role::Alert { last.until_s } else { Some(last.at_s) };
    vec![Deed { role: first.role, at_s: first.at_s, until_s, count: group.len() as u64, who, what, effect }]
}

/// `out of memory at 1028 MiB, 33 calls lost` as `out of memory`.
fn reason(effect: &str) -> &str {
    let end = [" at ", ",", ";"].iter().filter_map(|mark| effect.find(mark)).min();
    &effect[..end.unwrap_or(effect.len())]
}

/// A text without the numbers of replicas: `api[2]` as `api`.
fn bare(text: &str) -> String {
    let mut parts = text.split('[');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(']') {
            Some((number, rest)) if number.bytes().all(|digit| digit.is_ascii_digit()) => out += rest,
            _ => out += &format!("[{part}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_sim::{Span, Time};

    fn log(rows: &[(f64, &str, &'static str, &str, &str)]) -> Vec<Acted> {
        let acted = |(at, cause, action, target, effect): &(f64, &str, &'static str, &str, &str)| Acted {
            at: Time::ZERO + Span::from_seconds(*at),
            cause: (*cause).to_owned(),
            action,
            target: (*target).to_owned(),
            effect: (*effect).to_owned(),
        };
        rows.iter().map(acted).collect()
    }

    #[test]
    fn alerts_actions_and_deaths_are_told_and_the_rest_is_not() {
        let deeds = deeds(&log(&[
            (60.0, "fault 1", "begin", "slow db", "done"),
            (70.0, "alert full", "pending", "pools.api.db.utilisation", "96.0 %"),
            (90.0, "alert full", "firing", "pools.api.db.utilisation", "97.0 %"),
            (90.0, "operator on-call", "called", "by full", "begins after 5m"),
            (95.0, "platform of api", "died", "api[2]", "out of memory at 1028 MiB, 33 calls lost"),
            (95.0, "platform of api", "booting", "api[2]", "for 10s"),
            (390.0, "operator on-call", "resize_pool", "pools.api.db", "size 30"),
            (420.0, "alert full", "resolved", "pools.api.db.utilisation", "60.0 %"),
            (420.0, "operator on-call", "finished", "runbook", ""),
        ]));
        let told: Vec<String> = deeds.iter().map(|deed| format!("{:.0} {}", deed.at_s, deed.told())).collect();
        assert_eq!(
            told,
            [
                "90 alert full fires: pools.api.db.utilisation 97.0 %, until 420.0 s",
                "90 operator on-call called by full: begins after 5m",
                "95 api[2] died: out of memory at 1028 MiB, 33 calls lost",
                "390 operator on-call resize_pool pools.api.db: size 30",
                "420 operator on-call finished",
            ]
        );
        assert_eq!(deeds[2].kind(), "api died");
    }

    #[test]
    fn many_of_a_kind_are_one() {
        let mut rows = vec![(5.0, "action 1", "flush", "caches.l1", "done")];
        rows.extend(
            (0..4).map(|n| (10.0 + f64::from(n), "platform of api", "died", "api[1]", "out of memory at 9 MiB")),
        );
        rows.extend((0..4).map(|n| (20.0 + f64::from(n), "api[3]", "probe failed", "readiness", "no answer in time")));
        rows.push((30.0, "fault 2", "begin", "slow db", "not in this run"));
        let deeds = deeds(&log(&rows));
        let told: Vec<String> = deeds.iter().map(Deed::told).collect();
        assert_eq!(
            told,
            [
                "action 1 flush caches.l1: done",
                "api died: out of memory, 4 times until 13.0 s",
                "api probe failed readiness: no answer in time, 4 times until 23.0 s",
                "fault 2 does not happen in this run",
            ]
        );
        assert_eq!(
            deeds.iter().map(|deed| deed.role).collect::<Vec<_>>(),
            [Role::Action, Role::Death, Role::Other, Role::Other]
        );
    }
}
