//! A pool of threads with a queue, as the JDK's executor has it.
//!
//! Source: resilience4j 2.4 `FixedThreadPoolBulkhead`; Hystrix 1.5 thread pools; the growth rule of the JDK's
//! `ThreadPoolExecutor`: below `core` each call starts a thread; then calls queue; only when the queue is full does a
//! call start a thread again, up to `max`, and it runs on that thread at once, past all that wait.

use super::Verdict;
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};
use std::collections::VecDeque;

/// Threads from `core` to `max`, and a queue between the two: the pool grows beyond `core` only when the queue is full.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Threads that stay.
    pub core: u32,
    /// Threads at the most; as many as `core` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// How many calls can wait for a thread; with 0 a call needs a thread that is free, or a new one.
    #[serde(default)]
    pub queue: u32,
    /// Turn calls away when so many already wait, whatever room the queue has (Hystrix); not by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_at: Option<u32>,
    /// After how long without work a thread beyond `core` ends; `20ms` by default.
    #[serde(default = "keep_alive")]
    pub keep_alive: Duration,
}

fn keep_alive() -> Duration {
    Duration::from_seconds(0.02)
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("thread_pool");
    let max = spec.max.unwrap_or(spec.core);
    problems.count(spec.core.into(), 0, 1_000_000, "core").count(max.into(), 1, 1_000_000, "max");
    let rule = format!("`max` {max} is below `core` {}", spec.core);
    problems.require(max >= spec.core, "max", rule, "make it at least as large, or leave it out");
    if spec.reject_at.is_some() {
        let rule = "a pool without a queue has no length to turn calls away at";
        problems.require(spec.queue > 0, "reject_at", rule, "leave it out, or give the pool a `queue`");
    }
    problems.into_found()
}

/// Threads, and the queue before them.
#[derive(Clone, Debug)]
pub struct ThreadPool {
    core: u32,
    max: u32,
    capacity: u32,
    reject_at: u32,
    keep_alive: Span,
    busy: u32,
    queued: u32,
    /// Since when each idle thread has been so, the longest idle first.
    idle: VecDeque<Time>,
}

impl ThreadPool {
    pub(super) fn new(spec: &Spec) -> Self {
        let max = spec.max.unwrap_or(spec.core);
        Self {
            core: spec.core,
            max,
            capacity: spec.queue,
            reject_at: spec.reject_at.unwrap_or(u32::MAX),
            keep_alive: spec.keep_alive.span(),
            busy: 0,
            queued: 0,
            idle: VecDeque::with_capacity(max as usize),
        }
    }

    pub(super) const fn busy(&self) -> u32 {
        self.busy
    }

    pub(super) const fn queued(&self) -> u32 {
        self.queued
    }

    /// Threads there are, idle ones included.
    fn threads(&self) -> u32 {
        self.busy + self.idle.len() as u32
    }

    /// Lets threads beyond `core` end that have been idle for long enough.
    fn retire(&mut self, now: Time) {
        while self.threads() > self.core && self.idle.front().is_some_and(|&since| since + self.keep_alive <= now) {
            self.idle.pop_front();
        }
    }

    pub(super) fn enter(&mut self, now: Time) -> Verdict {
        self.retire(now);
        if self.queued >= self.reject_at {
            return Verdict::Reject;
        }
        if self.threads() < self.core {
            self.busy += 1;
            return Verdict::Admit;
        }
        if self.idle.pop_front().is_some() {
            self.busy += 1;
            return Verdict::Admit;
        }
        if self.queued < self.capacity {
            self.queued += 1;
            return Verdict::Wait { until: Time::MAX };
        }
        if self.threads() < self.max {
            self.busy += 1;
            return Verdict::Admit;
        }
        Verdict::Reject
    }

    pub(super) fn leave(&mut self, now: Time) -> bool {
        if self.queued > 0 {
            self.queued -= 1;
            return true;
        }
        self.busy -= 1;
        self.idle.push_back(now);
        false
    }

    pub(super) const fn gave_up(&mut self) {
        self.queued -= 1;
    }
}
