//! Events as they lie in the queue: two numbers, which go through registers, where an enum would be written in pieces to
//! memory and read back before the pieces have arrived.

use super::Event;
use super::call::Call;
use super::data::Later;
use super::platform::Turn;
use super::stack::Alarm;
use crate::outcome::Failure;
use crate::plan::{CacheId, ClientId, ReplicaId, ServiceId};
use squall_sim::Key;

/// An [`Event`], packed: its kind in the lowest byte of the first number, its details above and in the second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed(u64, u64);

impl From<Event> for Packed {
    #[inline(always)]
    fn from(event: Event) -> Self {
        let (kind, details, subject) = match event {
            Event::Arrive(client) => (ARRIVE, 0, client.0.into()),
            Event::Elapsed(call) => (ELAPSED, 0, call.raw()),
            Event::AttemptTimeout(invocation) => (2, 0, invocation.raw()),
            Event::Deliver(call) => (3, 0, call.raw()),
            Event::Answer { invocation, attempt, failure } => {
                let failure = failure.map_or(0, |failure| 1 + failure as u64);
                (4, failure << 16 | u64::from(attempt), invocation.raw())
            }
            Event::Retry(invocation) => (5, 0, invocation.raw()),
            Event::Layer { invocation, layer, alarm } => (6, (alarm as u64) << 8 | u64::from(layer), invocation.raw()),
            Event::TotalTimeout(invocation) => (7, 0, invocation.raw()),
            Event::GiveUp(invocation) => (8, 0, invocation.raw()),
            Event::Shared(replica) => (9, 0, replica.0.into()),
            Event::QueueTimeout(call) => (10, 0, call.raw()),
            Event::PoolTimeout(call) => (11, 0, call.raw()),
            Event::Cancel(call) => (12, 0, call.raw()),
            Event::Thought { client, user } => (13, client.0.into(), user.into()),
            Event::Reload(reload) => (14, 0, reload.raw()),
            Event::Fault { number, begins } => (15, begins.into(), number.into()),
            Event::Mark(number) => (16, 0, number.into()),
            Event::Tick => (17, 0, 0),
            Event::PoolWake(pool) => (18, 0, pool.into()),
            Event::PoolSize(pool) => (19, 0, pool.into()),
            Event::ErrandDone(errand) => (20, 0, errand.raw()),
            Event::ErrandLate(errand) => (21, 0, errand.raw()),
            Event::Forget(ghost) => (22, 0, ghost.raw()),
            Event::LookAgain(call) => (23, 0, call.raw()),
            // A world has fewer than 2^24 caches: each is written out in its file.
            Event::Renew { cache, store, at } => (24, u64::from(cache.0) << 32 | u64::from(store), at.into()),
            Event::Warm { cache, job, next } => (25, u64::from(cache.0) << 16 | u64::from(job), next.into()),
            Event::Planned(number) => (26, 0, number.into()),
            Event::Turn { replica, life, turn } => (27, u64::from(life) << 8 | turn as u64, replica.0.into()),
            Event::Scaling { service, decides } => (28, decides.into(), service.0.into()),
            Event::Watch => (29, 0, 0),
            Event::Operate { number, life } => (30, life.into(), number.into()),
            Event::Data { service, what, number } => (40, u64::from(number) << 8 | what as u64, service.0.into()),
            Event::Roll { number, life } => (31, life.into(), number.into()),
        };
        Self(details << 8 | kind, subject)
    }
}

/// The kinds that nearly all events are of.
const ARRIVE: u64 = 0;
const ELAPSED: u64 = 1;

impl Packed {
    /// The call whose work or sleep is over, if it is that.
    #[inline(always)]
    pub(crate) fn elapsed(self) -> Option<Key<Call>> {
        (self.0 == ELAPSED).then(|| Key::from_raw(self.1))
    }

    /// The client whose next request comes, if it is that.
    #[inline(always)]
    pub(crate) fn arrival(self) -> Option<ClientId> {
        (self.0 == ARRIVE).then_some(ClientId(self.1 as u32))
    }

    /// The event.
    #[inline(always)]
    pub(crate) fn unpack(self) -> Event {
        let Self(first, subject) = self;
        let (details, number) = (first >> 8, subject as u32);
        match first as u8 {
            0 => Event::Arrive(ClientId(number)),
            1 => Event::Elapsed(Key::from_raw(subject)),
            2 => Event::AttemptTimeout(Key::from_raw(subject)),
            3 => Event::Deliver(Key::from_raw(subject)),
            4 => Event::Answer {
                invocation: Key::from_raw(subject),
                attempt: details as u16,
                failure: (details >> 16).checked_sub(1).map(|code| Failure::ALL[code as usize]),
            },
            5 => Event::Retry(Key::from_raw(subject)),
            6 => Event::Layer {
                invocation: Key::from_raw(subject),
                layer: details as u8,
                alarm: Alarm::ALL[(details >> 8) as usize],
            },
            7 => Event::TotalTimeout(Key::from_raw(subject)),
            8 => Event::GiveUp(Key::from_raw(subject)),
            9 => Event::Shared(ReplicaId(number)),
            10 => Event::QueueTimeout(Key::from_raw(subject)),
            11 => Event::PoolTimeout(Key::from_raw(subject)),
            12 => Event::Cancel(Key::from_raw(subject)),
            13 => Event::Thought { client: ClientId(details as u32), user: number },
            14 => Event::Reload(Key::from_raw(subject)),
            15 => Event::Fault { number, begins: details == 1 },
            16 => Event::Mark(number),
            18 => Event::PoolWake(number),
            19 => Event::PoolSize(number),
            20 => Event::ErrandDone(Key::from_raw(subject)),
            21 => Event::ErrandLate(Key::from_raw(subject)),
            22 => Event::Forget(Key::from_raw(subject)),
            23 => Event::LookAgain(Key::from_raw(subject)),
            24 => Event::Renew { cache: CacheId((details >> 32) as u32), store: details as u32, at: number },
            25 => Event::Warm { cache: CacheId((details >> 16) as u32), job: details as u16, next: number },
            26 => Event::Planned(number),
            27 => Event::Turn {
                replica: ReplicaId(number),
                life: (details >> 8) as u32,
                turn: Turn::ALL[usize::from(details as u8)],
            },
            28 => Event::Scaling { service: ServiceId(number), decides: details == 1 },
            29 => Event::Watch,
            30 => Event::Operate { number, life: details as u32 },
            40 => Event::Data {
                service: ServiceId(number),
                what: Later::ALL[usize::from(details as u8)],
                number: (details >> 8) as u32,
            },
            31 => Event::Roll { number, life: details as u32 },
            _ => Event::Tick,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_what_went_in() {
        let (call, invocation) = (Key::from_raw(3 << 32 | 7), Key::from_raw(0xffff_fffe_ffff_fffe));
        let mut events = vec![
            Event::Arrive(ClientId(u32::MAX)),
            Event::Thought { client: ClientId(u32::MAX), user: u32::MAX - 1 },
            Event::Reload(Key::from_raw(1)),
            Event::Deliver(call),
            Event::Elapsed(call),
            Event::Shared(ReplicaId(5)),
            Event::Answer { invocation, attempt: u16::MAX, failure: None },
            Event::AttemptTimeout(invocation),
            Event::TotalTimeout(invocation),
            Event::GiveUp(invocation),
            Event::Retry(invocation),
            Event::QueueTimeout(call),
            Event::PoolTimeout(call),
            Event::Cancel(call),
            Event::Fault { number: u32::MAX, begins: true },
            Event::Fault { number: 0, begins: false },
            Event::Planned(u32::MAX),
            Event::Scaling { service: ServiceId(u32::MAX), decides: true },
            Event::Tick,
            Event::Watch,
            Event::Operate { number: u32::MAX, life: u32::MAX },
            Event::Roll { number: u32::MAX, life: u32::MAX },
            Event::Mark(9),
            Event::PoolWake(3),
            Event::PoolSize(u32::MAX),
            Event::ErrandDone(Key::from_raw(2)),
            Event::ErrandLate(Key::from_raw(1)),
            Event::Forget(Key::from_raw(5 << 32)),
            Event::LookAgain(call),
            Event::Renew { cache: CacheId(0xff_ffff), store: u32::MAX, at: u32::MAX },
            Event::Warm { cache: CacheId(0xff_ffff), job: u16::MAX, next: u32::MAX },
        ];
        let answer = |failure| Event::Answer { invocation, attempt: 1, failure: Some(failure) };
        events.extend(Failure::ALL.map(answer));
        events.extend(Turn::ALL.map(|turn| Event::Turn { replica: ReplicaId(u32::MAX), life: u32::MAX, turn }));
        events.extend(Later::ALL.map(|what| Event::Data { service: ServiceId(u32::MAX), what, number: u32::MAX }));
        events.extend(Alarm::ALL.map(|alarm| Event::Layer { invocation, layer: u8::MAX, alarm }));
        for event in events {
            assert_eq!(format!("{event:?}"), format!("{:?}", Packed::from(event).unpack()));
        }
    }
}
