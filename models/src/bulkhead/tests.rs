//! Bulkheads against hand-worked courses, against Erlang's formula, and what holds of all of them.

use super::*;
use proptest::prelude::*;
use squall_sim::random::{Draw, Stream};
use squall_sim::{Span, Time};
use std::collections::VecDeque;

fn bulkhead(text: &str) -> Bulkhead {
    let spec: Spec = serde_json::from_str(text).unwrap();
    assert_eq!(check(&spec), [], "{text}");
    Bulkhead::new(&spec)
}

fn at(millis: u64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

fn times(bulkhead: &mut Bulkhead, now: u64, n: usize) -> Vec<Verdict> {
    (0..n).map(|_| bulkhead.enter(at(now), false)).collect()
}

const FOR_EVER: Verdict = Verdict::Wait { until: Time::MAX };

#[test]
fn a_semaphore_turns_away_at_once_unless_it_has_a_wait() {
    let mut plain = bulkhead(r#"{"semaphore": {}}"#);
    let verdicts = times(&mut plain, 0, 26);
    assert!(verdicts[..25].iter().all(|&verdict| verdict == Verdict::Admit) && verdicts[25] == Verdict::Reject);
    assert!(!plain.leave(at(1), false) && plain.enter(at(1), false) == Verdict::Admit);
    let mut waiting = bulkhead(r#"{"semaphore": {"max_concurrent": 1, "max_wait": "100ms"}}"#);
    let until = at(107);
    assert_eq!(times(&mut waiting, 7, 3), [Verdict::Admit, Verdict::Wait { until }, Verdict::Wait { until }]);
    waiting.gave_up(false);
    assert!(waiting.leave(at(9), false) && !waiting.leave(at(9), false));
}

#[test]
fn a_bounded_line_is_fifty_at_work_and_five_hundred_waiting() {
    let mut bulkhead = bulkhead(r#"{"queued": {"max_concurrent": 50, "queue": 500, "max_wait": "5s"}}"#);
    let verdicts = times(&mut bulkhead, 0, 551);
    assert_eq!(verdicts.iter().filter(|&&verdict| verdict == Verdict::Admit).count(), 50);
    assert_eq!(verdicts[549], Verdict::Wait { until: at(5000) });
    assert_eq!(verdicts[550], Verdict::Reject);
}

#[test]
fn a_pool_queues_first_and_grows_only_when_the_queue_is_full() {
    let mut pool = bulkhead(r#"{"thread_pool": {"core": 1, "max": 3, "queue": 2}}"#);
    use Verdict::{Admit, Reject};
    // The fourth call gets the second thread, past the two that wait.
    assert_eq!(times(&mut pool, 0, 6), [Admit, FOR_EVER, FOR_EVER, Admit, Admit, Reject]);
    assert!(pool.leave(at(10), false) && pool.leave(at(10), false) && !pool.leave(at(10), false));
    assert_eq!((pool.inside(), pool.queued()), (2, 0));
    assert!(!pool.leave(at(15), false));
    // One thread is at work and two are idle, since 10 and 15 ms; after 20 ms idle threads beyond the core end.
    assert_eq!(times(&mut pool, 29, 3), [Admit, Admit, FOR_EVER]);
    for _ in 0..3 {
        pool.leave(at(30), false);
    }
    assert!(!pool.leave(at(30), false));
    assert_eq!((pool.inside(), pool.queued()), (0, 0));
    assert_eq!(times(&mut pool, 50, 2), [Admit, FOR_EVER]);
}

#[test]
fn hystrix_rejects_at_its_threshold_whatever_its_queue_has_room_for() {
    let mut none = bulkhead(r#"{"thread_pool": {"core": 10, "keep_alive": "1m"}}"#);
    assert_eq!(times(&mut none, 0, 11)[10], Verdict::Reject);
    let mut long = bulkhead(r#"{"thread_pool": {"core": 10, "max": 20, "queue": 100, "reject_at": 5}}"#);
    let verdicts = times(&mut long, 0, 16);
    assert_eq!((verdicts[14], verdicts[15], long.inside()), (FOR_EVER, Verdict::Reject, 10));
}

#[test]
fn envoy_counts_connections_or_requests_and_retries_besides() {
    let mut one = bulkhead(r#"{"envoy_limits": {"protocol": "http1", "max_connections": 1, "max_pending": 1}}"#);
    assert_eq!(times(&mut one, 0, 3), [Verdict::Admit, FOR_EVER, Verdict::Reject]);
    let mut two = bulkhead(r#"{"envoy_limits": {"max_requests": 5}}"#);
    let retries: Vec<Verdict> = (0..4).map(|_| two.enter(at(0), true)).collect();
    assert_eq!(retries[2..], [Verdict::Admit, Verdict::Reject]);
    assert_eq!(times(&mut two, 0, 3), [Verdict::Admit, Verdict::Admit, Verdict::Reject]);
    two.leave(at(1), true);
    assert_eq!(two.enter(at(1), true), Verdict::Admit);
}

#[test]
fn a_lock_lets_one_in_and_the_others_wait() {
    let mut lock = bulkhead(r#"{"lock": {}}"#);
    assert_eq!(times(&mut lock, 0, 3), [Verdict::Admit, FOR_EVER, FOR_EVER]);
    assert!(lock.leave(at(1), false) && lock.leave(at(2), false) && !lock.leave(at(3), false));
}

#[test]
fn numbers_that_cannot_be_are_named_by_field() {
    let spec: Spec = serde_json::from_str(r#"{"thread_pool": {"core": 5, "max": 4, "reject_at": 3}}"#).unwrap();
    let paths: Vec<String> = check(&spec).into_iter().map(|problem| problem.path).collect();
    assert_eq!(paths, ["thread_pool.max", "thread_pool.reject_at"]);
}

/// Erlang's loss formula: the share that finds all places taken, by the recursion in the number of places.
fn erlang(load: f64, places: u32) -> f64 {
    (1..=places).fold(1.0, |loss, place| load * loss / (f64::from(place) + load * loss))
}

/// Poisson arrivals, exponential times, places and no wait: the share turned away is Erlang's, here 10.92 % at 18 erlangs
/// and 20 places.
#[test]
fn a_semaphore_loses_what_erlang_says() {
    let (rate, mean, places, n) = (90.0, 0.2, 20, 200_000u32);
    let mut bulkhead = bulkhead(r#"{"semaphore": {"max_concurrent": 20}}"#);
    let mut draws = Stream::new(1, "erlang");
    let (mut now, mut lost) = (0.0, 0u32);
    let mut ends: Vec<f64> = Vec::new();
    for _ in 0..n {
        now += draws.exponential() / rate;
        ends.retain(|&end| {
            let over = end <= now;
            assert!(!over || !bulkhead.leave(Time::ZERO, false), "nobody waits");
            !over
        });
        match bulkhead.enter(Time::ZERO, false) {
            Verdict::Admit => ends.push(now + mean * draws.exponential()),
            Verdict::Reject => lost += 1,
            Verdict::Wait { .. } => panic!("there is no wait"),
        }
    }
    let (expected, found) = (erlang(rate * mean, places), f64::from(lost) / f64::from(n));
    // Losses come in runs: about twelve calls share their fate, so 4.5 standard errors are these.
    let tolerance = 4.5 * (expected * (1.0 - expected) * 12.0 / f64::from(n)).sqrt();
    assert!((expected - 0.10921284587252249).abs() < 1e-12 && tolerance < 0.012);
    assert!((found - expected).abs() < tolerance, "{found} instead of {expected} ± {tolerance}");
}

const ALL: [(&str, u32, u32); 5] = [
    (r#"{"semaphore": {"max_concurrent": 3, "max_wait": "50ms"}}"#, 3, u32::MAX),
    (r#"{"queued": {"max_concurrent": 4, "queue": 2, "max_wait": "10ms"}}"#, 4, 2),
    (r#"{"thread_pool": {"core": 2, "max": 4, "queue": 3}}"#, 4, 3),
    (r#"{"envoy_limits": {"protocol": "http1", "max_connections": 3, "max_pending": 2}}"#, 3, 2),
    (r#"{"lock": {}}"#, 1, u32::MAX),
];

proptest! {
    /// Whatever comes and goes: never more inside than there are places, never more waiting than there is room, and who
    /// goes out in another's place was waiting.
    #[test]
    fn a_bulkhead_never_holds_more_than_its_size(steps in prop::collection::vec((0u64..30, 0u8..4, any::<bool>()), 1..300)) {
        for (text, places, room) in ALL {
            let mut bulkhead = bulkhead(text);
            let (mut inside, mut line) = (VecDeque::new(), VecDeque::new());
            let mut now = 0;
            for &(wait, what, again) in &steps {
                now += wait;
                match what {
                    0 | 1 => match bulkhead.enter(at(now), again) {
                        Verdict::Admit => inside.push_back(again),
                        Verdict::Wait { until } => {
                            prop_assert!(until > at(now));
                            line.push_back(again);
                        }
                        Verdict::Reject => {}
                    },
                    2 => {
                        if let Some(over) = inside.pop_front()
                            && bulkhead.leave(at(now), over)
                        {
                            let next = line.pop_front();
                            prop_assert!(next.is_some(), "nobody waits");
                            inside.extend(next);
                        }
                    }
                    _ => {
                        if let Some(gone) = line.pop_back() {
                            bulkhead.gave_up(gone);
                        }
                    }
                }
                prop_assert!(inside.len() as u32 <= places && line.len() as u64 <= room.into());
                prop_assert_eq!(bulkhead.inside() as usize, inside.len());
                prop_assert_eq!(bulkhead.queued() as usize, line.len());
                prop_assert!(line.is_empty() || !inside.is_empty(), "somebody waits for nobody");
            }
        }
    }
}
