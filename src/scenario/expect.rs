//! What must hold, judged by machine: one sentence for each expectation.
//!
//! ```text
//! <subject>.<metric> <op> <value> [<window>]     clients.web.success >= 99.9% between 60s and 120s
//! clients.NAME recovers within <time> after fault <n>
//! clients.NAME stays collapsed after fault <n>
//! no deadlock
//! deadlock
//! ```
//!
//! - **subject**: `clients.NAME`, `services.NAME`, `pools.SERVICE.NAME`, `caches.NAME`, `splits.NAME.SIDE`, `edges.CALLER.CALLEE`, `alerts.NAME`, `operators.NAME`, `rollouts.NAME`; or just `NAME`, where only one client,
//!   service or cache has that name.
//! - **op**: `>=`, `>`, `<=`, `<`; `==` for counts.
//! - **value**: in the unit of the metric: a share (`99.9%`), a duration (`1s`), a rate (`100/s`) or a plain number.
//! - **window**: `between 60s and 120s`, `before 60s`, `after 60s`, `before fault 1`, `during fault 1`, `after fault 1`; without
//!   one, everything after the warm-up. Faults are numbered from 1 in the order of the file. What is `before` something
//!   begins at the end of the warm-up, what is `after` something ends with the run.
//!
//! | of a | metrics |
//! |---|---|
//! | client | `success`, `failure` (share of requests that ended), `goodput` (ok per second), `goodput_share` (ok per arrival), `offered` (arrivals per second), `attempts` (per request that ended), `reloads` (share of arrivals), `acknowledged`, `data_loss`, `duplicates` (writes), `degraded` (share of requests that ended: well, with a fallback's help), `latency.S`, and each failure by name (share of requests that ended) |
//! | service | `utilisation` (held of available), `work_share` (worked of available), `offered`, `throughput` (per second), `amplification` (arrivals over first arrivals), `wasted` (share of work), `queue.mean`, `queue.max`, `present.mean`, `present.max`, `served_at_once` (share of started), `writes`, `duplicate_writes` (or `duplicates`), `acknowledged`, `persisted`, `data_loss`, `deduplicated`, `refused_writes`, `stale_reads`, `stale_share` (of reads), `staleness.max`, `left_out` (share of optional steps), `latency.S`, `wait.S`, and each failure by name (share of arrivals) |
//! | pool | `utilisation`, `timeouts` (share of asked), `waiting.mean`, `waiting.max`, `size.mean`, `size.max`, `open.mean`, `open.max`, `half_open.mean`, `half_open.max`, `opened`, `closed`, `connect_failures`, `leaks`, `wait.S`, `connect.S` |
//! | cache | `hit_rate`, `misses`, `fills`, `evictions` (per second), `coalesced` (share of misses), `shared` (share of the coalesced that went on with another one's outcome), `stale`, `negative` (shares of look-ups), `refreshes`, `unstored` (per second), `corrupt`, `wrong` (counts), `filling.max`, `same_key.max` |
//! | edge | `calls` (per second), `attempts` (per call), `success` (share of calls), `lost` (messages), `turned_away` (by the caller's own policies, share of attempts made or turned away), `opened` (times a breaker opened), `ejections` (of replicas), `retries_denied` (by a budget), `fallbacks`, `hedges`, `hedge_wins` (share of calls), and each failure by name (share of calls) |
//! | side of a split | `share` (of the split's calls), `calls` (per second), `success`, `failure` (share of its calls that ended), `moved` (sessions that came from another side), `lost` (sessions that were not known there), counts |
//! | alert | `fired` (how often it began to fire), `first` (how long after the first fault of the run had begun), both over the whole run |
//! | operator | `called`, `begun`, `finished`, `escalated` (counts), `first` (how long after the first fault of the run had begun it began), over the whole run |
//! | rollout | `started`, `blocked`, `refused`, `switched`, `interrupted`, `paused`, `promoted`, `rolled_back`, `failed_checks` (counts), `time_to_detect`, `time_to_rollback` (how long after the first fault of the run had begun), all over the whole run |
//!
//! `S` is one of `mean`, `p50`, `p90`, `p95`, `p99`, `p999`, `max`. The failures are `error`, `timeout`, `rejected`, …, as in
//! [`squall_models::outcome::Failure`]. Where nothing happened there is no data, and then nothing holds.
//!
//! **Recovery.** What is healthy is taken from the run itself: goodput over offered load between the end of the warm-up and
//! the start of the fault. The client has recovered at the first window of the time series, at or after the fault's end,
//! from which on every stretch of 10 s (at least 5 windows) up to the end of the run keeps 90 % of that. It *stays
//! collapsed* if over the last fifth of the run it has less than half of that.

use super::sentence::{Rule, Scope, Wrong, parse};
use super::spec::ExpectOptions;
use serde::{Deserialize, Deserializer, Serialize, de};
use squall_sim::Time;
use std::path::PathBuf;

/// Something that must hold: a sentence, or a map with the sentence and its conditions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Expect(pub ExpectOptions);

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> de::Visitor<'de> for Reader {
            type Value = Expect;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a sentence such as `clients.web.success >= 99.9%`, or a map with `that`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Expect, E> {
                let that = text.to_owned();
                Ok(Expect(ExpectOptions { that, only: Vec::new(), broken_by: Vec::new(), seeds: None }))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Expect, A::Error> {
                Deserialize::deserialize(de::value::MapAccessDeserializer::new(map)).map(Expect)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl schemars::JsonSchema for Expect {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expect".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let options = generator.subschema_for::<ExpectOptions>();
        let about = "A sentence such as `clients.web.success >= 99.9% between 60s and 120s`";
        schemars::json_schema!({ "anyOf": [{ "type": "string", "description": about }, options] })
    }
}

/// An expectation that applies to a variant.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The sentence.
    pub text: String,
    /// The file that holds it.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: usize,
    /// This variant is listed in `broken_by`: it is here to show that the sentence breaks.
    pub broken_by_this: bool,
    /// The share of seeds, 0 to 1, in which it must hold.
    pub seeds: f64,
    pub(super) rule: Rule,
}

/// How one run stands to an expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The sentence is true of this run.
    pub holds: bool,
    /// The value that was compared, in the base unit of its metric (a share 0 to 1, seconds, per second, a count).
    /// Infinite is the time until a recovery that never comes.
    pub measured: Option<f64>,
    /// The same for a person: `41.2%`, `recovered after 27s`, `no data`.
    pub shown: String,
}

/// What a sentence compares with a value: the same in every run that it is judged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The component, as the sentence has it.
    pub component: String,
    /// The metric.
    pub metric: String,
    /// The window in words, such as `during fault 1`; empty for the whole run.
    pub window: String,
    /// The unit, as in results.
    pub unit: &'static str,
}

/// How all runs of a variant stand to an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// As expected.
    pub ok: bool,
    /// Runs in which the sentence is true.
    pub held: usize,
    /// Runs.
    pub of: usize,
}

/// Where an expectation stands, and whom it is for.
pub(super) struct Placed<'a> {
    pub(super) options: &'a ExpectOptions,
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

impl Expectation {
    /// The expectation as it is for one variant; `None` if it is not for that one.
    pub(super) fn of(
        placed: &Placed<'_>,
        variant: &str,
        scope: &Scope,
        windows: &mut Vec<(Time, Time)>,
    ) -> Result<Option<Self>, Wrong> {
        let ExpectOptions { that, only, broken_by, seeds } = placed.options;
        let lists = |names: &[String]| names.iter().any(|name| name == variant);
        let broken_by_this = lists(broken_by);
        if !only.is_empty() && !lists(only) && !broken_by_this {
            return Ok(None);
        }
        Ok(Some(Self {
            text: that.clone(),
            file: placed.file.clone(),
            line: placed.line,
            broken_by_this,
            seeds: seeds.map_or(1.0, squall_models::units::Share::get),
            rule: parse(that, scope, windows)?,
        }))
    }

    /// The answer that users would rather have; `None` where the sentence compares a measure, which says it better.
    #[must_use]
    pub fn wanted(&self) -> Option<bool> {
        match self.rule {
            Rule::Compare { .. } => None,
            Rule::Recovers { .. } => Some(true),
            Rule::Collapsed { .. } => Some(false),
            Rule::Deadlock(expected) => Some(!expected),
        }
    }

    /// What the sentence measures; `None` where it only asks yes or no.
    #[must_use]
    pub fn measures(&self) -> Option<Measured> {
        let Rule::Compare { unit, .. } = &self.rule else { return None };
        let (subject, rest) = self.text.split_at(self.text.find(['<', '>', '='])?);
        let rest = rest.trim_start_matches(['<', '>', '=']).trim_start();
        let window = rest.split_once(char::is_whitespace).map_or("", |(_, window)| window.trim());
        let subject = subject.trim();
        // A name of one part stands alone, a name with its kind has two, and a pool has its service before it.
        let parts = match subject.split('.').next()? {
            "pools" | "splits" | "edges" => 3,
            "clients" | "services" | "caches" | "alerts" | "operators" | "rollouts" => 2,
            _ => 1,
        };
        let (at, _) = subject.match_indices('.').nth(parts - 1)?;
        Some(Measured {
            component: subject[..at].to_owned(),
            metric: subject[at + 1..].to_owned(),
            window: window.to_owned(),
            unit: unit.name(),
        })
    }

    /// Judges all runs of a variant. No runs, no verdict in favour.
    #[must_use]
    pub fn verdict(&self, judgements: &[Judgement]) -> Verdict {
        let held = judgements.iter().filter(|judgement| judgement.holds).count();
        let of = judgements.len();
        let ok = if self.broken_by_this {
            2 * held < of
        } else {
            // The tolerance keeps 19 of 20 within 95 % in spite of rounding.
            of > 0 && held as f64 + 1e-9 >= self.seeds * of as f64
        };
        Verdict { ok, held, of }
    }
}
