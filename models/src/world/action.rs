//! Actions are carried out here, whoever has decided on them, and each is written down with its cause.

use super::{Event, Run};
use crate::balance::Balancer;
use crate::plan::{Action, Cause, EdgeId, Plan};
use crate::report::Acted;
use squall_sim::Time;
use squall_sim::random::{Draw, Stream};

/// More entries than this are only counted.
const MOST: usize = 10_000;

/// What has been done so far, and what came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(super) entries: Vec<Acted>,
    /// Entries that there was no room for.
    pub(super) cut: u64,
}

/// What actions have set, apart from what faults make of it for a while.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settled {
    /// For each pool of a service, its size.
    pub(super) pools: Vec<Option<u32>>,
    /// For each service, how many connections a replica takes.
    pub(super) connections: Vec<Option<u32>>,
}

impl Settled {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self { pools: vec![None; plan.pools.len()], connections: vec![None; plan.services.len()] }
    }
}

impl Run<'_> {
    pub(super) fn schedule_actions(&mut self) {
        for number in 0..self.plan.actions.len() as u32 {
            let planned = &self.plan.actions[number as usize];
            if self.comes("actions", number, planned.chance) {
                self.cx.at(planned.at, Event::Planned(number));
            } else {
                let (name, target) = (planned.action.name(), self.plan.target(&planned.action));
                self.write_down(Cause::Planned(number), name, target, "not done in this run".to_owned());
            }
        }
    }

    /// Whether something that has a chance happens in this run.
    pub(super) fn comes(&self, section: &str, number: u32, chance: Option<f64>) -> bool {
        chance.is_none_or(|chance| Stream::new(self.state.seed, &format!("{section}.{number}")).unit() < chance)
    }

    /// The time of a planned action has come.
    pub(super) fn planned(&mut self, number: u32) {
        let plan = self.plan;
        self.act(Cause::Planned(number), &plan.actions[number as usize].action);
    }

    /// Does something to the world.
    pub(super) fn act(&mut self, cause: Cause, action: &Action) {
        // What follows from an action comes after it in the log, though it is known what came of it only in the end.
        let number = self.state.log.entries.len();
        self.write_down(cause, action.name(), self.plan.target(action), String::new());
        let effect = match *action {
            Action::ConsistencyCheck { service, takes } => self.check_data(cause, service, takes),
            _ => self.carry_out_action(action),
        };
        if let Some(entry) = self.state.log.entries.get_mut(number) {
            entry.effect = effect;
        }
    }

    /// What came of an action, in words.
    fn carry_out_action(&mut self, action: &Action) -> String {
        let now = self.cx.now();
        match *action {
            Action::Impose(number) => self.impose(number),
            Action::Lift(number) => return self.lift(number).to_owned(),
            Action::Flush { cache, key } => match key {
                Some(key) => self.state.caches[cache.at()].flush_key(key),
                None => self.state.caches[cache.at()].flush(None),
            },
            Action::ExpireKey { cache, key } => self.state.caches[cache.at()].expire_key(key, now),
            Action::Corrupt { cache, share, place } => self.state.caches[cache.at()].corrupt(share, place),
            Action::ResizePool { service, pool, size } => {
                let at = self.plan.services[service.at()].pools.0 + pool;
                self.state.settled.pools[at as usize] = Some(size);
                self.apply_size(service, pool);
                return format!("size {size}");
            }
            Action::LimitConnections { service, most } => {
                self.state.settled.connections[service.at()] = Some(most);
                self.apply_limit(service);
                return format!("at most {most}");
            }
            Action::KillQueries(kill) => return format!("{} calls killed", self.kill_queries(kill)),
            Action::CorruptState { service, replicas, share } => {
                return self.corrupt_state(service, replicas, share);
            }
            Action::Scale { service, to } => return self.scale(service, to),
            Action::Restart { service, rolling } => return self.restart(service, rolling),
            Action::Kill { service, replicas, grace, waiting } => {
                return self.delete(service, (replicas, waiting), grace);
            }
            Action::Drain { service, replicas } => return self.move_away(service, replicas),
            Action::Traffic { client, share } => {
                self.state.clients[client.at()].let_in = share;
                return format!("{:.0} % let in", share * 100.0);
            }
            Action::LoseSessions { split, side, share, place } => {
                return self.lose_sessions(split, side, (share, place));
            }
            Action::Roll { rollout, wish } => return self.wish(rollout, wish),
            Action::Split { split, ref weights } => return self.share_out(split, weights),
            Action::Breakers { edge, hold } => return self.hold_breakers(edge, hold),
            Action::Weights { edge, ref weights } => return self.weigh(edge, weights),
            Action::Policies { swap, .. } | Action::Admission { swap, .. } => {
                self.state.tasks.push(super::Task::Exchange(swap));
            }
            Action::ResizeMemory { service, swap, rolling } => {
                self.state.tasks.push(super::Task::Exchange(swap));
                return self.restart(service, rolling);
            }
            Action::Degrade { service, level } => {
                self.state.services[service.at()].degraded = level;
                return format!("level {level}");
            }
            Action::CollectGarbage(service) => return self.collect_garbage(service),
            // Whoever asks for it is told what it finds.
            Action::ConsistencyCheck { .. } => {}
        }
        "done".to_owned()
    }

    /// Calls over an edge are spread by other weights from now on.
    fn weigh(&mut self, edge: EdgeId, weights: &[f64]) -> String {
        let plan = &self.plan.edges[edge.at()];
        let places = self.plan.services[plan.callee.at()].replicas as usize;
        let all: Vec<f64> = weights.iter().copied().cycle().take(places).collect();
        self.state.edges[edge.at()].balance = Some(Box::new(match plan.balance {
            Balancer::SmoothWeighted(_) => Balancer::SmoothWeighted(all),
            _ => Balancer::Weighted(all),
        }));
        let shown: Vec<String> = weights.iter().map(ToString::to_string).collect();
        format!("weights {}", shown.join(", "))
    }

    /// Writes down what was done, or what came of itself.
    pub(super) fn write_down(&mut self, cause: Cause, action: &'static str, target: String, effect: String) {
        let (cause, at): (String, Time) = (self.plan.cause(cause), self.cx.now());
        let log = &mut self.state.log;
        if log.entries.len() < MOST {
            log.entries.push(Acted { at, cause, action, target, effect });
        } else {
            log.cut += 1;
        }
    }
}
