//! Probes: calls that the platform makes to each replica, and what it makes of the answers.

use super::{ProbeState, Then, Turn};
use crate::outcome::Outcome;
use crate::plan::{Cause, EdgeId, FIRST_PROBE, PlatformPlan, ProbeKind, ReplicaId};
use crate::platform::{Streak, Verdict};
use crate::world::Run;
use crate::world::call::{Call, Destination, Invocation};
use squall_sim::random::{Draw, Place, Purpose};
use squall_sim::{Key, Span, Ticket, Time};

impl ProbeKind {
    const fn due(self) -> Turn {
        match self {
            Self::Startup => Turn::ProbeStartup,
            Self::Readiness => Turn::ProbeReadiness,
            Self::Liveness => Turn::ProbeLiveness,
        }
    }

    const fn late(self) -> Turn {
        match self {
            Self::Startup => Turn::LateStartup,
            Self::Readiness => Turn::LateReadiness,
            Self::Liveness => Turn::LateLiveness,
        }
    }

    const fn told(self) -> Turn {
        match self {
            Self::Startup => Turn::ToldStartup,
            Self::Readiness => Turn::ToldReadiness,
            Self::Liveness => Turn::ToldLiveness,
        }
    }
}

impl Run<'_> {
    /// A process listens, and is probed from now on. False if it can have calls without passing any.
    pub(super) fn begin_probes(&mut self, id: ReplicaId, platform: &PlatformPlan, warm: bool) -> bool {
        let gated = !warm && platform.probes[ProbeKind::Startup as usize].is_some();
        self.pod(id).started_up = !gated;
        for kind in ProbeKind::ALL {
            self.pod(id).probes[kind as usize] =
                ProbeState { streak: Streak::default(), call: Key::NONE, timer: Ticket::NONE, passed: false };
            let runs = if gated { kind == ProbeKind::Startup } else { kind != ProbeKind::Startup };
            if runs {
                self.first_probe(id, platform, kind, warm);
            }
        }
        gated || platform.probes[ProbeKind::Readiness as usize].is_some()
    }

    fn first_probe(&mut self, id: ReplicaId, platform: &PlatformPlan, kind: ProbeKind, warm: bool) {
        let Some(plan) = &platform.probes[kind as usize] else { return };
        let wait = if warm && plan.jitter {
            plan.period.scaled(self.process_luck(id).child(FIRST_PROBE, kind as u32).at(FIRST_PROBE).unit())
        } else {
            plan.initial_delay
        };
        self.later(id, wait, kind.due());
    }

    /// A process is no longer probed.
    pub(super) fn stop_probes(&mut self, id: ReplicaId) {
        for kind in ProbeKind::ALL {
            self.give_up_probe(id, kind);
        }
    }

    /// Nobody waits for the answer to a probe any more; the replica may still be at it.
    fn give_up_probe(&mut self, id: ReplicaId, kind: ProbeKind) {
        let probe = &mut self.pod(id).probes[kind as usize];
        let (call, timer) = (std::mem::replace(&mut probe.call, Key::NONE), probe.timer);
        self.cx.cancel(timer);
        if !call.is_none() && self.state.platform.probing.remove(call.index() as u64).is_some() {
            self.orphan(call);
        }
    }

    /// It is time for a probe.
    pub(super) fn probe(&mut self, id: ReplicaId, kind: ProbeKind) {
        const PROBE: Place = Place::named("probe", Purpose::Call);
        let Some(plan) = self.platform_of(id).and_then(|platform| platform.probes[kind as usize]) else { return };
        if kind == ProbeKind::Startup && self.pod(id).started_up {
            return;
        }
        let now = self.cx.now();
        self.later(id, plan.period, kind.due());
        if !self.pod(id).probes[kind as usize].call.is_none() {
            // The one before is still under way.
            return;
        }
        let luck = self.process_luck(id).child(PROBE, kind as u32).child(PROBE, (now.nanos() / 1000) as u32);
        let service = self.state.replicas[id.at()].service;
        // Nobody's call but the platform's.
        let own = Invocation {
            root: luck,
            attempt: 1,
            depth: 1,
            first: true,
            ..Invocation::new(EdgeId(0), plan.endpoint, now)
        };
        let to = Destination { service, replica: id, pc: self.plan.endpoint(plan.endpoint).start };
        if self.state.calls.len() as u64 >= self.plan.settings.limits.in_flight {
            self.overfull();
        }
        let call = self.state.calls.insert(Call::new((Key::NONE, &own), to, (1, luck), (now, Time::MAX)));
        let timer = self.later(id, plan.timeout, kind.late());
        let probe = &mut self.pod(id).probes[kind as usize];
        (probe.call, probe.timer) = (call, timer);
        self.state.platform.probing.insert(call.index() as u64, (id, kind));
        self.deliver(call);
    }

    /// A call that nobody made has its answer: a probe, if it was one.
    pub(in crate::world) fn probe_answered(&mut self, call: Key<Call>, outcome: Outcome) {
        if self.state.platform.probing.len() == 0 {
            return;
        }
        let Some((id, kind)) = self.state.platform.probing.remove(call.index() as u64) else { return };
        let probe = &mut self.pod(id).probes[kind as usize];
        (probe.call, probe.passed) = (Key::NONE, outcome.is_ok());
        let timer = probe.timer;
        self.cx.cancel(timer);
        self.later(id, Span::ZERO, kind.told());
    }

    pub(super) fn probe_late(&mut self, id: ReplicaId, kind: ProbeKind) {
        self.give_up_probe(id, kind);
        self.pod(id).probes[kind as usize].passed = false;
        self.judge(id, kind, "no answer in time");
    }

    pub(super) fn probe_told(&mut self, id: ReplicaId, kind: ProbeKind) {
        self.judge(id, kind, "it answered with a failure");
    }

    fn judge(&mut self, id: ReplicaId, kind: ProbeKind, why: &'static str) {
        let plan = self.plan;
        let service = self.state.replicas[id.at()].service;
        let Some(platform) = plan.services[service.at()].platform.as_deref() else { return };
        let Some(probe) = &platform.probes[kind as usize] else { return };
        let state = &mut self.pod(id).probes[kind as usize];
        let passed = state.passed;
        let verdict = state.streak.add(passed, probe.thresholds);
        if !passed {
            self.write_down(Cause::Replica(id), "probe failed", kind.name().to_owned(), why.to_owned());
        }
        match (kind, verdict) {
            (_, Verdict::Open) | (ProbeKind::Liveness, Verdict::Passed) => {}
            (ProbeKind::Readiness, Verdict::Passed) => self.ready(id),
            (ProbeKind::Readiness, Verdict::Failed) => self.unready(id),
            (ProbeKind::Startup, Verdict::Passed) => {
                // From now on the others look after it.
                self.pod(id).started_up = true;
                self.first_probe(id, platform, ProbeKind::Liveness, false);
                if platform.probes[ProbeKind::Readiness as usize].is_some() {
                    self.first_probe(id, platform, ProbeKind::Readiness, false);
                } else {
                    self.ready(id);
                }
            }
            (ProbeKind::Startup | ProbeKind::Liveness, Verdict::Failed) => self.wind_down(id, Then::Restart),
        }
    }
}
