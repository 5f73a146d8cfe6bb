//! Deadlocks: who waits for whom, and who can never go on.
//!
//! Workers, connections and the outcome of another one's cache fill are resources with several units, so a cycle alone is no deadlock. The classic reduction
//! tells: whoever can go on will one day give back what it holds, so whoever waits for that can go on too; who is left
//! when nothing changes any more is stuck for ever. Only a wait with a timeout ends by itself.

use super::Run;
use super::call::{Call, State as CallState};
use crate::plan::Op;
use crate::report::Deadlock;
use squall_sim::{Key, Ticket, Time};

/// Beyond this many calls the search is left out: it would take longer than the run.
const MOST_CALLS: usize = 200_000;

/// Something that calls hold and wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Workers(usize),
    Pool(usize),
    /// The outcome of the fill that this call does for that cache.
    Fill(usize, Key<Call>),
}

impl Run<'_> {
    /// Looks for wait-for cycles, if some replica or pool has been full without anybody leaving for a whole window.
    ///
    /// A search goes through all calls, so after one in vain the next waits for twice as many windows, up to 32, or for
    /// the end of the run. That delays no answer: when a cycle closed follows from its calls, not from the search.
    pub(super) fn look_for_deadlocks(&mut self, last: bool) {
        let seen = &self.state.observer.ended;
        let idle = |at: usize| self.state.replicas[at].ended == seen[at];
        let full = self.state.replicas.iter().enumerate().filter(|(at, replica)| replica.waiting > 0 && idle(*at));
        // The calls of a dry pool can be stuck while others come and go in the same replica.
        let still = self.state.pools.iter().zip(&self.state.observer.given);
        let dry = still.filter(|(pool, given)| pool.waiting() > 0 && pool.totals.given == **given);
        // Somebody who waits for a fill can wait for himself, in an idle world.
        let ended = self.state.observer.filled.iter();
        let caches = self.state.caches.iter().zip(ended);
        let waiting = caches.filter(|(cache, ended)| cache.waiting > 0 && cache.totals.ended == **ended);
        let suspects = full.count() + dry.count() + waiting.count();
        if suspects == 0 || suspects == self.state.observer.suspects || self.state.calls.len() > MOST_CALLS {
            return;
        }
        let (wait, pause) = &mut self.state.observer.pause;
        if *wait > 1 && !last {
            *wait -= 1;
            return;
        }
        (*wait, *pause) = (*pause, (*pause * 2).min(32));
        let live = self.reduce();
        let stuck: Vec<Key<Call>> =
            self.state.calls.iter().map(|(key, _)| key).filter(|key| !live[key.index()]).collect();
        let Some(deadlock) = self.name_cycle(&stuck, &live) else {
            return;
        };
        // These are stuck for good, so there is nothing new to find before others are. As long as nothing was found,
        // a call that works for longer than a window may yet close a cycle.
        self.state.observer.suspects = suspects;
        self.state.observer.pause = (0, 1);
        if !self.state.observer.deadlocks.iter().any(|known| known.cycle == deadlock.cycle) {
            for component in &deadlock.cycle {
                self.state.observer.fails(deadlock.at, component.clone(), || "stuck in a wait-for cycle".into());
            }
            self.state.observer.deadlocks.push(deadlock);
        }
    }

    /// For each call, by the number of its place, whether it can go on one day.
    fn reduce(&self) -> Vec<bool> {
        let most = self.state.calls.iter().map(|(key, _)| key.index() + 1).max().unwrap_or(0);
        let mut live = vec![false; most];
        let mut workers: Vec<bool> = self.state.replicas.iter().map(|replica| replica.busy < replica.most).collect();
        let mut pools: Vec<bool> = self.state.pools.iter().map(|pool| pool.in_use < pool.most).collect();
        loop {
            let mut changed = false;
            for (key, call) in self.state.calls.iter() {
                if live[key.index()] || !self.can_go_on((key, call), &live, &workers, &pools) {
                    continue;
                }
                changed = true;
                live[key.index()] = true;
                if call.served {
                    workers[call.replica.at()] = true;
                }
                for pool in self.held_pools(call) {
                    pools[pool] = true;
                }
                // A branch that can go on lets its parent go on.
                if self.state.calls.get(call.family.parent).is_some() {
                    live[call.family.parent.index()] = true;
                }
            }
            if !changed {
                return live;
            }
        }
    }

    fn can_go_on(&self, (key, call): (Key<Call>, &Call), live: &[bool], workers: &[bool], pools: &[bool]) -> bool {
        match self.waits_for(key, call) {
            Wait::Nothing => true,
            Wait::Call(callee) => live[callee.index()],
            Wait::Resource(Resource::Workers(replica)) => workers[replica],
            Wait::Resource(Resource::Pool(pool)) => pools[pool],
            Wait::Resource(Resource::Fill(_, filler)) => live.get(filler.index()).copied().unwrap_or(true),
            Wait::Strands => false,
        }
    }

    fn waits_for(&self, key: Key<Call>, call: &Call) -> Wait {
        let timed = call.timer != Ticket::NONE;
        match call.state {
            CallState::Queued if !timed => Wait::Resource(Resource::Workers(call.replica.at())),
            CallState::WaitingForPool if !timed => match self.plan.ops[call.pc.at()] {
                Op::Acquire { pool } => {
                    let first = self.state.replicas[call.replica.at()].pools;
                    Wait::Resource(Resource::Pool((first + pool) as usize))
                }
                _ => Wait::Nothing,
            },
            CallState::Calling => match self.state.invocations.get(call.child) {
                Some(child)
                    if child.timer == Ticket::NONE && child.total_timer == Ticket::NONE && !self.timed(child) =>
                {
                    // Without a callee the message is on its way, or lost; that is no deadlock.
                    if self.state.calls.get(child.call).is_some() { Wait::Call(child.call) } else { Wait::Nothing }
                }
                _ => Wait::Nothing,
            },
            CallState::WaitingForFill if !timed => match self.filler(key) {
                Some((cache, filler)) if self.state.calls.get(filler).is_some() => {
                    Wait::Resource(Resource::Fill(cache.at(), filler))
                }
                _ => Wait::Nothing,
            },
            CallState::Joining => Wait::Strands,
            _ => Wait::Nothing,
        }
    }

    /// The pools of which a call holds a connection, by the number of their state.
    pub(super) fn held_pools<'c>(&'c self, call: &'c Call) -> impl Iterator<Item = usize> + 'c {
        let first = self.state.replicas[call.replica.at()].pools;
        call.scopes[..call.open as usize].iter().filter_map(move |pc| match self.plan.ops[pc.at()] {
            Op::Acquire { pool } => Some((first + pool) as usize),
            _ => None,
        })
    }

    /// Follows stuck calls from resource to resource until one comes again.
    fn name_cycle(&self, stuck: &[Key<Call>], live: &[bool]) -> Option<Deadlock> {
        let mut path: Vec<Resource> = Vec::new();
        let (mut resource, _) = stuck.iter().find_map(|&key| self.blocked_on(key))?;
        loop {
            if let Some(start) = path.iter().position(|&known| known == resource) {
                let mut cycle: Vec<Resource> = path.split_off(start);
                // The cycle is named from its first component by name, wherever the search came in.
                let first = (0..cycle.len()).min_by_key(|&at| self.label(cycle[at]))?;
                cycle.rotate_left(first);
                let holders = stuck.iter().filter(|&&key| cycle.iter().any(|&resource| self.holds(key, resource)));
                let at = holders.filter_map(|&key| self.blocked_on(key)).map(|(_, since)| since).max()?;
                let cycle = cycle.into_iter().map(|resource| self.label(resource)).collect();
                return Some(Deadlock { at, cycle, stuck: stuck.len() as u64 });
            }
            path.push(resource);
            debug_assert!(stuck.iter().all(|key| !live[key.index()]));
            let holder = stuck.iter().filter(|&&key| self.holds(key, resource)).find_map(|&key| self.blocked_on(key));
            resource = holder?.0;
        }
    }

    fn holds(&self, key: Key<Call>, resource: Resource) -> bool {
        let call = &self.state.calls[key];
        match resource {
            Resource::Workers(replica) => call.served && call.replica.at() == replica,
            Resource::Pool(pool) => self.held_pools(call).any(|held| held == pool),
            Resource::Fill(_, filler) => key == filler,
        }
    }

    /// The resource that a stuck call waits for in the end, through its callees and strands, and since when.
    fn blocked_on(&self, key: Key<Call>) -> Option<(Resource, Time)> {
        let mut key = key;
        loop {
            let call = self.state.calls.get(key)?;
            match self.waits_for(key, call) {
                Wait::Resource(resource) => return Some((resource, call.since)),
                Wait::Call(callee) => key = callee,
                Wait::Strands => key = call.family.first,
                Wait::Nothing => return None,
            }
        }
    }

    fn label(&self, resource: Resource) -> String {
        let names = &self.plan.names;
        match resource {
            Resource::Workers(replica) => {
                let replica = &self.state.replicas[replica];
                format!("services.{}", names.services[replica.service.at()])
            }
            Resource::Pool(pool) => {
                let (service, pool) = &names.pools[self.state.pools[pool].id.at()];
                format!("pools.{service}.{pool}")
            }
            Resource::Fill(cache, _) => format!("caches.{}", self.plan.cache_names[cache]),
        }
    }
}

/// What a call waits for.
enum Wait {
    Nothing,
    Call(Key<Call>),
    Resource(Resource),
    Strands,
}
