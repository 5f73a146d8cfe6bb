//! Faults begin and end. What is in force is worked out anew from all faults that are active, so that overlapping ones
//! add up and leave nothing behind.

use super::call::{Call, State as CallState};
use super::link::Trouble;
use super::{Event, Run};
use crate::outcome::Failure;
use crate::plan::{Action, CacheId, Cause, EdgeId, Effect, Kill, ReplicaId, ServiceId};
use squall_sim::{Key, Span};

/// Whether a fault is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Force {
    Not,
    In,
    Over,
}

impl Run<'_> {
    pub(super) fn schedule_faults(&mut self) {
        for number in 0..self.plan.faults.len() as u32 {
            let fault = &self.plan.faults[number as usize];
            if !self.comes("faults", number, fault.chance) {
                self.write_down(Cause::Fault(number), "begin", fault.what.clone(), "not in this run".to_owned());
                continue;
            }
            self.cx.at(fault.at, Event::Fault { number, begins: true });
            if let Some(end) = fault.end {
                self.cx.at(end, Event::Fault { number, begins: false });
            }
        }
    }

    /// The time of a fault has come, or its end.
    pub(super) fn fault(&mut self, number: u32, begins: bool) {
        let plan = &self.plan.faults[number as usize];
        let cause = Cause::Fault(number);
        if !begins {
            if !plan.effects.is_empty() && self.state.faults[number as usize] == Force::In {
                self.act(cause, &Action::Lift(number));
            }
        } else if self.state.faults[number as usize] != Force::Over {
            self.state.monitor.fault_begins(self.cx.now());
            self.act(cause, &plan.begins);
            if let Some(every) = plan.every {
                self.again(number, every);
            }
        }
    }

    /// The conditions of a fault come into force.
    pub(super) fn impose(&mut self, number: u32) {
        self.state.faults[number as usize] = Force::In;
        self.apply(number);
    }

    /// A fault is over, whether it has begun or not; what came of that.
    pub(super) fn lift(&mut self, number: u32) -> &'static str {
        let before = std::mem::replace(&mut self.state.faults[number as usize], Force::Over);
        match before {
            Force::In => {
                self.apply(number);
                "done"
            }
            Force::Not => "never begins",
            Force::Over => "it was over",
        }
    }

    /// Works out anew what a fault's conditions are about.
    fn apply(&mut self, number: u32) {
        let plan = self.plan;
        for effect in &plan.faults[number as usize].effects {
            match *effect {
                Effect::Crash { service, .. } => self.apply_crashes(service),
                Effect::Slow { service, .. } | Effect::Errors { service, .. } => self.apply_impairments(service),
                Effect::Link { edge, .. } | Effect::Partition { edge, .. } => self.apply_trouble(edge),
                Effect::Names { edge, .. } => self.apply_names(edge),
                Effect::Hang { service, .. } => self.apply_hangs(service),
                Effect::CrashLoop { service, .. } => self.apply_crash_loops(service),
                Effect::Leak { service, .. } => self.apply_leaks(service),
                Effect::Disk { service, .. } => self.apply_disks(service),
                Effect::Replication { service, .. } => self.apply_replication(service),
                // What boots from now on asks for it.
                Effect::SlowBoot { .. } => {}
                Effect::ShardLoss { cache, old_entries, .. } => self.apply_shard_losses(cache, old_entries),
                Effect::ResizePool { service, pool, .. } => self.apply_size(service, pool),
                Effect::LimitConnections { service, .. } => self.apply_limit(service),
                Effect::Uncopied(split) => self.apply_copying(split),
                // Who scrapes asks for it.
                Effect::Surge | Effect::Scrape(_) => {}
            }
        }
    }

    /// A fault that is an instant comes again, as long as it lasts.
    fn again(&mut self, number: u32, every: Span) {
        let next = self.cx.now() + every;
        if self.plan.faults[number as usize].end.is_none_or(|end| next < end) {
            self.cx.at(next, Event::Fault { number, begins: true });
        }
    }

    /// The effects of the faults in force.
    pub(super) fn in_force(&self) -> impl Iterator<Item = &Effect> {
        let active = self.plan.faults.iter().zip(&self.state.faults).filter(|(_, force)| **force == Force::In);
        active.flat_map(|(fault, _)| &fault.effects)
    }

    fn apply_shard_losses(&mut self, target: CacheId, old_entries: bool) {
        let lost = self.in_force().filter_map(|effect| match effect {
            Effect::ShardLoss { cache, shards, .. } if *cache == target => Some(*shards),
            _ => None,
        });
        let (lost, now) = (lost.max().unwrap_or(0), self.cx.now());
        self.state.caches[target.at()].lose_shards(lost as usize, old_entries, now);
    }

    fn apply_crashes(&mut self, target: ServiceId) {
        let down = self.in_force().filter_map(|effect| match effect {
            Effect::Crash { service, replicas } if *service == target => Some(*replicas),
            _ => None,
        });
        let down = down.max().unwrap_or(0);
        let plan = &self.plan.services[target.at()];
        if plan.platform.is_some() {
            return self.hold_down(target, down);
        }
        let now = self.cx.now();
        let service = &mut self.state.services[target.at()];
        service.touch(now);
        service.up = (down..plan.replicas).collect();
        service.running = service.up.len() as u64;
        for local in 0..plan.replicas {
            let id = ReplicaId(plan.first + local);
            let was_up = std::mem::replace(&mut self.state.replicas[id.at()].up, local >= down);
            self.reconsider(id);
            if !was_up && local >= down {
                self.state.replicas[id.at()].back_since = Some(now);
            }
            if was_up && local < down {
                self.crash(id);
            } else if !was_up && local >= down {
                self.start_pools(id);
                self.copy_up(id);
            }
        }
        if self.plan.services[target.at()].data.is_some() {
            self.show_primary(target);
        }
    }

    /// Everything in a replica is lost.
    pub(super) fn crash(&mut self, id: ReplicaId) {
        let inside = |call: &Call| call.replica == id && call.state != CallState::Transit;
        let lost: Vec<Key<Call>> =
            self.state.calls.iter().filter(|(_, call)| inside(call)).map(|(key, _)| key).collect();
        for key in lost {
            self.kill(key, Failure::Crashed);
        }
        // Whoever comes next in its place is another process.
        let replica = &mut self.state.replicas[id.at()];
        (replica.hung, replica.collecting) = (false, false);
        self.reconsider(id);
        self.forget_guard(id);
        self.server_crashed(id);
        self.stop_pools(id);
        self.copy_down(id);
        for (plan, cache) in self.plan.caches.iter().zip(&mut self.state.caches) {
            if plan.per_replica {
                cache.flush(Some(id.at()));
            }
        }
    }

    pub(super) fn apply_impairments(&mut self, target: ServiceId) {
        let plan = &self.plan.services[target.at()];
        for local in 0..plan.replicas {
            let (mut slow, mut fine) = (1.0, 1.0 - self.state.platform.corrupt(ReplicaId(plan.first + local)));
            for effect in self.in_force() {
                match *effect {
                    Effect::Slow { service, replicas, factor } if service == target && local < replicas => {
                        slow *= factor
                    }
                    Effect::Errors { service, replicas, share } if service == target && local < replicas => {
                        fine *= 1.0 - share;
                    }
                    _ => {}
                }
            }
            let replica = &mut self.state.replicas[(plan.first + local) as usize];
            (replica.slow, replica.errors) = (slow, 1.0 - fine);
            self.reconsider(ReplicaId(plan.first + local));
        }
    }

    pub(super) fn apply_trouble(&mut self, target: EdgeId) {
        let known = self.state.edges[target.at()].known.is_some();
        let mut trouble = Trouble { any: known, ..Trouble::default() };
        let mut arrives = 1.0;
        for effect in self.in_force() {
            match *effect {
                Effect::Link { edge, link } if edge == target => {
                    trouble.any = true;
                    arrives *= 1.0 - link.loss;
                    // Of several delays and the like on one edge the latest in the file counts.
                    trouble.link = link.or(trouble.link);
                }
                Effect::Partition { edge, calls, answers } if edge == target => {
                    trouble.any = true;
                    trouble.no_calls |= calls;
                    trouble.no_answers |= answers;
                }
                _ => {}
            }
        }
        trouble.link.loss = 1.0 - arrives;
        let traced = self.state.recorder.is_some();
        let edge = &mut self.state.edges[target.at()];
        edge.trouble = trouble;
        edge.refresh_short(&self.plan.edges[target.at()], traced);
        if trouble.no_calls || trouble.no_answers {
            self.ends_silent(target);
        }
    }

    /// Of several sizes the latest in the file counts.
    pub(super) fn apply_size(&mut self, target: ServiceId, number: u32) {
        let sizes = self.in_force().filter_map(|effect| match *effect {
            Effect::ResizePool { service, pool, size } if (service, pool) == (target, number) => Some(size),
            _ => None,
        });
        let at = (self.plan.services[target.at()].pools.0 + number) as usize;
        let own = self.state.settled.pools[at].unwrap_or(self.plan.pools[at].size);
        let size = sizes.last().unwrap_or(own);
        self.resize_pool(target, number, size);
    }

    /// Of several limits the latest in the file counts.
    pub(super) fn apply_limit(&mut self, target: ServiceId) {
        let limits = self.in_force().filter_map(|effect| match *effect {
            Effect::LimitConnections { service, most } if service == target => Some(most),
            _ => None,
        });
        let own = self.state.settled.connections[target.at()];
        let most = limits.last().or(own).unwrap_or(self.plan.services[target.at()].connections.most);
        self.limit_connections(target, most);
    }

    /// Kills what has held up a service for too long; how many calls that were.
    pub(super) fn kill_queries(&mut self, kill: Kill) -> usize {
        let (now, mut killed) = (self.cx.now(), 0);
        if let Some(limit) = kill.running {
            let waits = |call: &Call| matches!(call.state, CallState::Transit | CallState::Queued);
            let long = |call: &Call| {
                call.service == kill.service && !call.strand && !waits(call) && now.since(call.arrived) > limit
            };
            let calls = self.state.calls.iter().filter(|(_, call)| long(call));
            let calls: Vec<Key<Call>> = calls.map(|(key, _)| key).collect();
            killed = calls.len();
            calls.into_iter().for_each(|call| self.kill(call, Failure::Error));
        }
        self.kill_idle(kill.service, kill.held, kill.idle);
        killed
    }
}
