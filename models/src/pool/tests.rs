//! Hand-worked traces of each library, and random operations under which the books must balance.

use super::*;
use proptest::prelude::*;
use squall_sim::random::{Luck, LuckDraws, Place, Purpose};
use std::collections::{BTreeMap, VecDeque};

fn ms(millis: u64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

fn draws() -> LuckDraws {
    Luck::new(7).at(Place::named("test", Purpose::Other(1)))
}

fn read<T: serde::de::DeserializeOwned>(spec: serde_json::Value) -> T {
    serde_json::from_value(spec).expect("it reads")
}

fn pool(spec: serde_json::Value) -> Pool<u32> {
    Pool::new(&read(spec))
}

/// All that is to be done, in order.
fn actions(pool: &mut Pool<u32>) -> Vec<Action<u32>> {
    std::iter::from_fn(|| pool.action()).collect()
}

/// Carries out a log-in, and returns what that leads to.
fn log_in(pool: &mut Pool<u32>, now: Time, slot: Slot) -> Vec<Action<u32>> {
    pool.connected(now, slot, Ok(()), &mut draws());
    actions(pool)
}

#[test]
fn sqlalchemy_keeps_the_first_to_come_back() {
    let mut pool =
        pool(serde_json::json!({"sqlalchemy": {"pool_size": 1, "max_overflow": 1, "reset_on_return": false}}));
    for waiter in 0..2 {
        assert_eq!(pool.acquire(ms(0), waiter), Verdict::Wait(None));
    }
    assert_eq!(actions(&mut pool), [Action::Connect(Slot(0)), Action::Connect(Slot(1))]);
    assert_eq!(log_in(&mut pool, ms(1), Slot(0)), [Action::Give(Slot(0), 0)]);
    assert_eq!(log_in(&mut pool, ms(1), Slot(1)), [Action::Give(Slot(1), 1)]);
    assert_eq!(pool.acquire(ms(2), 2), Verdict::Wait(Some(Span::from_secs(30))));
    pool.release(ms(3), Slot(1), &mut draws());
    assert_eq!(actions(&mut pool), [Action::Give(Slot(1), 2)]);
    pool.release(ms(4), Slot(1), &mut draws());
    pool.release(ms(5), Slot(0), &mut draws());
    // The overflow connection came first, so it is the one that stays.
    assert_eq!(actions(&mut pool), [Action::Close(Slot(0))]);
    assert_eq!((pool.counts().idle, pool.overflow()), (1, Some(0)));
}

#[test]
fn one_dead_connection_of_sqlalchemy_condemns_its_generation() {
    let mut pool = pool(serde_json::json!({"sqlalchemy": {"pool_size": 2, "reset_on_return": false}}));
    for waiter in 0..2 {
        pool.acquire(ms(0), waiter);
    }
    actions(&mut pool);
    log_in(&mut pool, ms(1), Slot(0));
    log_in(&mut pool, ms(1), Slot(1));
    pool.release(ms(2), Slot(1), &mut draws());
    pool.broken(ms(3), Slot(0), true);
    pool.release(ms(3), Slot(0), &mut draws());
    assert_eq!(actions(&mut pool), [Action::Close(Slot(0))]);
    // The other one is opened again too, although nobody has seen it fail.
    assert_eq!(pool.acquire(ms(4), 2), Verdict::Wait(None));
    assert_eq!(actions(&mut pool), [Action::Close(Slot(1)), Action::Connect(Slot(1))]);
    assert_eq!(pool.acquire(ms(4), 3), Verdict::Wait(None));
    assert_eq!(actions(&mut pool), [Action::Connect(Slot(0))]);
    // A reconnect that fails leaves the slot in the pool; the caller hears of it.
    pool.connected(ms(5), Slot(0), Err(Failure::Refused), &mut draws());
    assert_eq!(actions(&mut pool), [Action::Fail(3, Failure::Refused)]);
    assert_eq!((pool.counts().idle, pool.overflow()), (1, Some(0)));
}

#[test]
fn a_failed_ping_of_sqlalchemy_reconnects_within_the_same_checkout() {
    let mut pool = pool(serde_json::json!({"sqlalchemy": {"pre_ping": true, "reset_on_return": false}}));
    pool.acquire(ms(0), 0);
    actions(&mut pool);
    log_in(&mut pool, ms(1), Slot(0));
    pool.release(ms(2), Slot(0), &mut draws());
    pool.died(Slot(0), Health::Dead);
    assert_eq!(pool.acquire(ms(3), 1), Verdict::Wait(None));
    assert_eq!(actions(&mut pool), [Action::Test(Slot(0), None)]);
    pool.tested(ms(3), Slot(0), false);
    assert_eq!(actions(&mut pool), [Action::Close(Slot(0)), Action::Connect(Slot(0))]);
    assert_eq!(log_in(&mut pool, ms(9), Slot(0)), [Action::Give(Slot(0), 1)]);
}

#[test]
fn nobody_in_sqlalchemys_line_hears_of_a_failed_log_in_until_its_own_time_is_over() {
    let mut pool = pool(serde_json::json!({"sqlalchemy": {"pool_size": 1, "max_overflow": 0, "timeout": "1s"}}));
    pool.acquire(ms(0), 0);
    pool.acquire(ms(0), 1);
    actions(&mut pool);
    pool.connected(ms(500), Slot(0), Err(Failure::Refused), &mut draws());
    assert_eq!(actions(&mut pool), [Action::Fail(0, Failure::Refused)]);
    assert_eq!((pool.waiting(), pool.counts().total()), (1, 0));
    assert_eq!(pool.timed_out(1), Late::GoesOn);
    assert_eq!(actions(&mut pool), [Action::Connect(Slot(0))]);
}

/// From the source's constants: a rest of 30 ms after each connection; 10, 20, … ms after failures, 5 s at most.
#[test]
fn hikaris_creator_opens_one_after_the_other_and_backs_off() {
    let mut pool = pool(serde_json::json!({"hikaricp": {"maximum_pool_size": 3}}));
    pool.start(ms(0));
    assert_eq!(actions(&mut pool), [Action::Connect(Slot(0))]);
    let mut opened = Vec::new();
    let mut now = ms(5);
    while pool.counts().idle < 3 {
        let (slot, _) = pool.slots().find(|(_, c)| c.doing == Doing::Connecting).expect("a log-in is under way");
        log_in(&mut pool, now, slot);
        opened.push(now);
        while pool.counts().connecting == 0 && pool.counts().idle < 3 {
            now = pool.next_wake();
            pool.wake(now);
            actions(&mut pool);
        }
        now += Span::from_millis(5);
    }
    assert_eq!(opened, [ms(5), ms(40), ms(75)]);

    let mut pool: Pool<u32> = super::Pool::new(&read(serde_json::json!({"hikaricp": {"maximum_pool_size": 1}})));
    pool.start(ms(0));
    let (mut now, mut tries) = (ms(0), Vec::new());
    while tries.len() < 12 {
        if actions(&mut pool).contains(&Action::Connect(Slot(0))) {
            tries.push(now.nanos() / 1_000_000);
            pool.connected(now, Slot(0), Err(Failure::Refused), &mut draws());
        }
        now = pool.next_wake();
        pool.wake(now);
    }
    assert_eq!(tries, [0, 10, 30, 70, 150, 310, 630, 1270, 2550, 5110, 10_110, 15_110]);
}

#[test]
fn hikari_tests_what_has_rested_and_spends_what_is_left_of_the_time() {
    let spec = serde_json::json!({"hikaricp": {"maximum_pool_size": 1, "connection_timeout": "10s"}});
    let mut pool = pool(spec);
    pool.start(ms(0));
    actions(&mut pool);
    log_in(&mut pool, ms(10), Slot(0));
    pool.wake(ms(40));
    // Exactly 500 ms is not longer than 500 ms.
    assert_eq!(pool.acquire(ms(510), 0), Verdict::Given(Slot(0)));
    pool.release(ms(600), Slot(0), &mut draws());
    pool.died(Slot(0), Health::Silent);
    assert_eq!(pool.acquire(ms(1101), 1), Verdict::Wait(Some(Span::from_secs(10))));
    assert_eq!(actions(&mut pool), [Action::Test(Slot(0), Some(Span::from_secs(5)))]);
    // No answer within 5 s: it is closed, and the creator is asked for another one.
    pool.tested(ms(6101), Slot(0), false);
    assert_eq!(actions(&mut pool), [Action::Close(Slot(0)), Action::Connect(Slot(0))]);
    assert_eq!(log_in(&mut pool, ms(6200), Slot(0)), [Action::Give(Slot(0), 1)]);
}

#[test]
fn a_connection_of_hikari_in_use_lives_until_it_comes_back() {
    let spec =
        serde_json::json!({"hikaricp": {"maximum_pool_size": 1, "max_lifetime": "60s", "lifetime_variance": "0%"}});
    let mut pool = pool(spec);
    pool.start(ms(0));
    actions(&mut pool);
    log_in(&mut pool, ms(0), Slot(0));
    assert_eq!(pool.acquire(ms(100), 0), Verdict::Given(Slot(0)));
    pool.wake(ms(30_100));
    pool.wake(ms(60_000));
    assert_eq!(actions(&mut pool), []);
    pool.release(ms(70_000), Slot(0), &mut draws());
    assert_eq!(actions(&mut pool), [Action::Close(Slot(0)), Action::Connect(Slot(0))]);
}

/// One log-in at a time; the next follows as long as somebody waits.
#[test]
fn pgbouncer_logs_in_one_after_the_other_and_pauses_after_a_failure() {
    let mut pool = pool(serde_json::json!({"pgbouncer": {"default_pool_size": 3}}));
    pool.start(ms(0));
    for waiter in 0..3 {
        // 120 s end at the janitor's first round after them: the 361st, at 120.333213 s.
        let end = Span::from_nanos(361 * 333_333_000);
        assert_eq!(pool.acquire(ms(0), waiter), Verdict::Wait(Some(end)));
    }
    assert_eq!(actions(&mut pool), [Action::Connect(Slot(0))]);
    assert_eq!(log_in(&mut pool, ms(20), Slot(0)), [Action::Give(Slot(0), 0), Action::Connect(Slot(1))]);
    pool.connected(ms(40), Slot(1), Err(Failure::Refused), &mut draws());
    assert_eq!(actions(&mut pool), []);
    // The failed one began at 20 ms, so nothing begins before 15.020 s; the janitor's first round after that is the 46th.
    let mut now = ms(40);
    while actions(&mut pool).is_empty() {
        now = pool.next_wake();
        pool.wake(now);
    }
    assert_eq!(now, Time::from_nanos(46 * 333_333_000));
    // What comes back goes to who has waited longest.
    pool.release(ms(16_000), Slot(0), &mut draws());
    assert_eq!(actions(&mut pool), [Action::Give(Slot(0), 1)]);
}

#[test]
fn pgbouncer_closes_the_old_one_by_one() {
    let mut pool = pool(serde_json::json!({"pgbouncer": {"default_pool_size": 4, "server_lifetime": "100s"}}));
    pool.start(ms(0));
    for waiter in 0..4 {
        pool.acquire(ms(0), waiter);
    }
    for slot in 0..4 {
        actions(&mut pool);
        log_in(&mut pool, ms(0), Slot(slot));
    }
    (0..4).for_each(|slot| pool.release(ms(1), Slot(slot), &mut draws()));
    let mut closed = Vec::new();
    while closed.len() < 4 {
        let now = pool.next_wake();
        pool.wake(now);
        let gone = actions(&mut pool).into_iter().filter(|action| matches!(action, Action::Close(_)));
        closed.extend(gone.map(|_| now.nanos() / 333_333_000));
    }
    // 100 s end before round 301; 25 s are a little more than 75 rounds.
    assert_eq!(closed, [301, 377, 453, 529]);
}

#[test]
fn gos_pool_keeps_two_and_opens_the_rest_anew_each_time() {
    let mut pool = pool(serde_json::json!({"go_sql": {}}));
    let mut opened = 0;
    for round in 0..10 {
        let now = ms(round * 100);
        let mut held = Vec::new();
        for waiter in 0..20 {
            if let Verdict::Given(slot) = pool.acquire(now, waiter) {
                held.push(slot);
            }
        }
        for action in actions(&mut pool) {
            if let Action::Connect(slot) = action {
                opened += 1;
                log_in(&mut pool, now, slot);
                held.push(slot);
            }
        }
        held.into_iter().for_each(|slot| pool.release(now, slot, &mut draws()));
        assert_eq!(pool.counts().idle, 2);
        pool.audit().unwrap();
    }
    assert_eq!(opened, 20 + 9 * 18);
}

#[test]
fn gos_pool_tries_two_dead_connections_and_then_opens_one() {
    let mut pool = pool(serde_json::json!({"go_sql": {"max_idle": 3}}));
    (0..3).for_each(|waiter| assert_eq!(pool.acquire(ms(0), waiter), Verdict::Wait(None)));
    actions(&mut pool);
    (0..3).for_each(|slot| drop(log_in(&mut pool, ms(1), Slot(slot))));
    for slot in 0..3 {
        pool.release(ms(2), Slot(slot), &mut draws());
        pool.died(Slot(slot), Health::Dead);
    }
    assert_eq!(pool.acquire(ms(3), 9), Verdict::Wait(None));
    assert_eq!(actions(&mut pool), [Action::Close(Slot(2)), Action::Close(Slot(1)), Action::Connect(Slot(1))]);
    // The third dead one is still there, for somebody else to find.
    assert_eq!(pool.counts().idle, 1);
}

fn specs() -> Vec<serde_json::Value> {
    let json = |text: &str| serde_json::from_str(text).expect("it is JSON");
    vec![
        json(
            r#"{"sqlalchemy": {"pool_size": 2, "max_overflow": 2, "timeout": "300ms", "recycle": "2s", "pre_ping": true}}"#,
        ),
        json(r#"{"sqlalchemy": {"pool_size": 3, "max_overflow": 0, "use_lifo": true, "reset_on_return": false}}"#),
        json(
            r#"{"hikaricp": {"maximum_pool_size": 4, "minimum_idle": 1, "idle_timeout": "1s", "max_lifetime": "3s", "keepalive_time": "400ms", "connection_timeout": "250ms"}}"#,
        ),
        json(r#"{"hikaricp": {"maximum_pool_size": 3}}"#),
        json(
            r#"{"pgbouncer": {"default_pool_size": 3, "reserve_pool_size": 2, "reserve_pool_timeout": "500ms", "min_pool_size": 1, "server_lifetime": "2s", "server_login_retry": "1s", "max_client_conn": 9}}"#,
        ),
        json(r#"{"go_sql": {"max_open": 3, "max_idle": 2, "max_lifetime": "2s", "max_idle_time": "1500ms"}}"#),
        json(r#"{"go_sql": {"max_open": 2}}"#),
    ]
}

/// A small world around a pool: log-ins, tests, holders and people who wait.
struct Around {
    pool: Pool<u32>,
    most: u32,
    now: Time,
    next: u32,
    connecting: VecDeque<Slot>,
    testing: VecDeque<Slot>,
    held: BTreeMap<u32, Slot>,
    waiting: Vec<u32>,
    draws: LuckDraws,
}

impl Around {
    fn carry_out(&mut self) {
        while let Some(action) = self.pool.action() {
            match action {
                Action::Connect(slot) => self.connecting.push_back(slot),
                Action::Test(slot, _) => self.testing.push_back(slot),
                Action::Give(slot, waiter) => {
                    assert!(self.waiting.contains(&waiter), "{waiter} does not wait");
                    self.waiting.retain(|&known| known != waiter);
                    assert!(self.held.insert(waiter, slot).is_none());
                }
                Action::Fail(waiter, _) => self.waiting.retain(|&known| known != waiter),
                Action::Close(slot) => {
                    assert!(self.pool.connection(slot).health.is_none() || self.connecting.contains(&slot))
                }
            }
        }
        self.pool.audit().unwrap();
        let total = self.pool.counts().total();
        assert!(total <= self.most, "{total} of {} connections", self.most);
        assert_eq!(self.pool.counts().taken as usize, self.held.len());
        let mut slots: Vec<Slot> = self.held.values().copied().collect();
        slots.sort_unstable();
        slots.dedup();
        assert_eq!(slots.len(), self.held.len(), "two hold the same connection");
    }

    fn act(&mut self, what: u8, which: u8) {
        let pick = |count: usize| which as usize % count.max(1);
        match what % 10 {
            0..=2 => {
                self.next += 1;
                match self.pool.acquire(self.now, self.next) {
                    Verdict::Given(slot) => assert!(self.held.insert(self.next, slot).is_none()),
                    Verdict::Wait(_) => self.waiting.push(self.next),
                    Verdict::Failed(_) => {}
                }
            }
            3 | 4 => {
                let holder = self.held.keys().nth(pick(self.held.len())).copied();
                if let Some(slot) = holder.and_then(|holder| self.held.remove(&holder)) {
                    if which.is_multiple_of(5) {
                        self.pool.broken(self.now, slot, which.is_multiple_of(2));
                    }
                    self.pool.release(self.now, slot, &mut self.draws);
                }
            }
            5 | 6 => {
                if let Some(slot) = self.connecting.pop_front() {
                    let result = if which.is_multiple_of(4) { Err(Failure::Refused) } else { Ok(()) };
                    self.pool.connected(self.now, slot, result, &mut self.draws);
                } else if let Some(slot) = self.testing.pop_front() {
                    self.pool.tested(self.now, slot, !which.is_multiple_of(3));
                }
            }
            7 if !self.waiting.is_empty() => {
                let waiter = self.waiting[pick(self.waiting.len())];
                if which.is_multiple_of(2) || self.pool.timed_out(waiter) == Late::Fails {
                    if which.is_multiple_of(2) {
                        self.pool.leave(waiter);
                    }
                    self.waiting.retain(|&known| known != waiter);
                }
            }
            8 => {
                let slots: Vec<Slot> = self.pool.slots().map(|(slot, _)| slot).collect();
                if let Some(&slot) = slots.get(pick(slots.len())) {
                    self.pool.died(slot, if which.is_multiple_of(2) { Health::Dead } else { Health::Silent });
                }
            }
            _ => {
                self.now += Span::from_millis(u64::from(which) * 7);
                if self.pool.next_wake() <= self.now {
                    self.pool.wake(self.now);
                }
            }
        }
        self.carry_out();
    }
}

proptest! {
    #[test]
    fn the_books_balance_whatever_happens(
        number in 0..7_usize,
        steps in prop::collection::vec((any::<u8>(), any::<u8>()), 0..400),
    ) {
        let pool = pool(specs()[number].clone());
        let most = pool.most().unwrap_or(u32::MAX);
        let mut around = Around {
            pool, most, now: Time::ZERO, next: 0, connecting: VecDeque::new(), testing: VecDeque::new(),
            held: BTreeMap::new(), waiting: Vec::new(), draws: draws(),
        };
        around.pool.start(Time::ZERO);
        around.carry_out();
        for (what, which) in steps {
            around.act(what, which);
        }
        // In the end everybody goes, and nothing is left over.
        for (_, slot) in std::mem::take(&mut around.held) {
            around.pool.release(around.now, slot, &mut around.draws);
        }
        around.pool.clear();
        while around.pool.action().is_some() {}
        prop_assert_eq!(around.pool.counts().total(), 0);
        prop_assert_eq!(around.pool.audit(), Ok(()));
    }
}

#[test]
fn a_smaller_size_is_reached_as_connections_come_back() {
    for spec in specs() {
        let mut pool = pool(spec.clone());
        pool.start(ms(0));
        let mut held = Vec::new();
        let mut now = ms(0);
        for waiter in 0..2 {
            if let Verdict::Given(slot) = pool.acquire(now, waiter) {
                held.push(slot);
            }
        }
        for _ in 0..50 {
            for action in actions(&mut pool) {
                match action {
                    Action::Connect(slot) => pool.connected(now, slot, Ok(()), &mut draws()),
                    Action::Test(slot, _) => pool.tested(now, slot, true),
                    Action::Give(slot, _) => held.push(slot),
                    Action::Fail(..) | Action::Close(_) => {}
                }
            }
            now += Span::from_millis(10);
            if pool.next_wake() <= now {
                pool.wake(now);
            }
        }
        assert_eq!(held.len(), 2, "{spec}");
        pool.resize(now, 1);
        held.into_iter().for_each(|slot| pool.release(now, slot, &mut draws()));
        for action in actions(&mut pool) {
            if let Action::Test(slot, _) = action {
                pool.tested(now, slot, true);
            }
        }
        assert!(pool.counts().total() <= pool.most().unwrap_or(1), "{spec}: {:?}", pool.counts());
        pool.audit().unwrap();
    }
}
