//! The server's end of connections: how many each replica takes, and how long it keeps those that nobody uses.

use super::Run;
use super::call::Call;
use super::lookup::Lookup;
use crate::plan::{Plan, ReplicaId, ServiceId};
use squall_sim::random::Luck;
use squall_sim::{Key, Slab, Ticket, Time};

/// Something that a pool has begun and waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand {
    /// The pool by its number among all, the slot, and which connection it is.
    pub(crate) pool: u32,
    pub(crate) slot: crate::pool::Slot,
    pub(crate) serial: u64,
    pub(crate) what: What,
    pub(crate) luck: Luck,
    pub(crate) began: Time,
    /// The end of the patience.
    pub(crate) timer: Ticket,
    /// The replica that has taken the connection, and the work of the log-in there.
    pub(crate) replica: Option<ReplicaId>,
    pub(crate) call: Key<Call>,
}

/// What a pool waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A log-in.
    LogIn,
    /// A round trip.
    Trip,
    /// A round trip of which no answer will come.
    Silence,
    /// The operating system's probe of a half-open connection.
    Probe,
}

/// A connection that a replica keeps although nobody will use it again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ghost {
    replica: ReplicaId,
}

/// All servers' ends.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    /// Connections of each replica, ghosts and log-ins included.
    pub(crate) open: Vec<u32>,
    /// How many a replica of each service takes.
    pub(crate) most: Vec<u32>,
    pub(crate) errands: Slab<Errand>,
    pub(crate) ghosts: Slab<Ghost>,
    /// The log-ins whose work a call does, by the call's place.
    logins: Lookup<Key<Errand>>,
    /// The ghosts that go when a call is over, by the call's place.
    haunted: Lookup<Key<Ghost>>,
}

impl Servers {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            open: vec![0; plan.replicas as usize],
            most: plan.services.iter().map(|service| service.connections.most).collect(),
            errands: Slab::default(),
            ghosts: Slab::default(),
            logins: Lookup::default(),
            haunted: Lookup::default(),
        }
    }

    /// A replica takes one more connection, unless it has as many as it takes.
    pub(super) fn admit(&mut self, service: ServiceId, replica: ReplicaId) -> bool {
        let open = &mut self.open[replica.at()];
        let room = *open < self.most[service.at()];
        *open += u32::from(room);
        room
    }

    /// The work of a log-in begins.
    pub(super) fn serve(&mut self, errand: Key<Errand>, call: Key<Call>) {
        self.errands[errand].call = call;
        self.logins.insert(call.index() as u64, errand);
    }

    /// The log-in whose work this call was, if it was that.
    pub(super) fn served(&mut self, call: Key<Call>) -> Option<Key<Errand>> {
        if self.logins.len() == 0 { None } else { self.logins.remove(call.index() as u64) }
    }

    /// A connection stays open at the server until somebody forgets it.
    pub(super) fn ghost(&mut self, replica: ReplicaId) -> Key<Ghost> {
        self.ghosts.insert(Ghost { replica })
    }

    /// A connection stays open at the server until this call is over.
    pub(super) fn haunt(&mut self, call: Key<Call>, replica: ReplicaId) {
        let ghost = self.ghost(replica);
        self.haunted.insert(call.index() as u64, ghost);
    }

    /// A call of which nobody waits for the answer is over.
    #[inline]
    pub(super) fn call_over(&mut self, call: Key<Call>) {
        if self.haunted.len() > 0
            && let Some(ghost) = self.haunted.remove(call.index() as u64)
        {
            self.forget(ghost);
        }
    }

    /// A replica lets go of a connection that nobody uses.
    pub(super) fn forget(&mut self, ghost: Key<Ghost>) {
        if let Some(Ghost { replica }) = self.ghosts.remove(ghost) {
            self.open[replica.at()] -= 1;
        }
    }
}

impl Run<'_> {
    /// From now on each replica of a service takes so many connections. Those beyond stay until they are closed.
    pub(super) fn limit_connections(&mut self, service: ServiceId, most: u32) {
        self.state.servers.most[service.at()] = most;
    }

    /// A replica is gone, and with it its end of every connection.
    pub(super) fn server_crashed(&mut self, id: ReplicaId) {
        let servers = &mut self.state.servers;
        let ghosts: Vec<Key<Ghost>> =
            servers.ghosts.iter().filter(|(_, ghost)| ghost.replica == id).map(|(key, _)| key).collect();
        ghosts.into_iter().for_each(|ghost| servers.forget(ghost));
        let errands: Vec<Key<Errand>> =
            servers.errands.iter().filter(|(_, errand)| errand.replica == Some(id)).map(|(key, _)| key).collect();
        for errand in errands {
            servers.errands[errand].replica = None;
            servers.open[id.at()] -= 1;
        }
        self.ends_died(id);
    }

    /// Connections of each replica, as everything that holds one says.
    pub(super) fn count_connections(&self) -> Vec<u32> {
        let mut counted = vec![0; self.state.servers.open.len()];
        let ghosts = self.state.servers.ghosts.iter().map(|(_, ghost)| Some(ghost.replica));
        let errands = self.state.servers.errands.iter().map(|(_, errand)| errand.replica);
        for replica in ghosts.chain(errands).chain(self.linked()).flatten() {
            counted[replica.at()] += 1;
        }
        counted
    }
}
