//! What the budgets grant, by their libraries, by theory, and whatever happens.

use super::*;
use proptest::prelude::*;
use squall_sim::Span;
use squall_sim::random::{Draw, Stream};

fn budget(text: &str) -> Budget {
    let spec: Spec = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(spec.check(), [], "{text}");
    Budget::new(&spec, Time::ZERO)
}

fn at(millis: u64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

/// How many of so many retries are granted at once.
fn granted(budget: &mut Budget, now: Time, wanted: u32, failure: Failure) -> usize {
    (0..wanted).filter(|_| budget.ask(now, failure).is_some()).count()
}

const ANSWERED: Over = Over::Answered { outcome: Ok(()), retryable: false };
const FAILED: Over = Over::Answered { outcome: Err(Failure::Error), retryable: true };

#[test]
fn a_cold_client_gets_its_floor_and_a_busy_one_a_fifth_more() {
    for text in [r#"{"finagle": {}}"#, r#"{"linkerd": {}}"#] {
        assert_eq!(granted(&mut budget(text), at(0), 150, Failure::Error), 100, "{text}");
        let mut busy = budget(text);
        (0..1000).for_each(|_| busy.began(at(0), true));
        // Retries pay nothing in.
        (0..1000).for_each(|_| busy.began(at(0), false));
        assert_eq!(granted(&mut busy, at(0), 400, Failure::Error), 300, "{text}");
    }
}

/// Nine slots and the writer: what was paid or taken in a slice is there for nine to ten seconds.
#[test]
fn finagle_forgets_after_nine_to_ten_seconds() {
    let lifetime = |spent_at: u64| {
        let mut budget = budget(r#"{"finagle": {"floor": "1/s"}}"#);
        assert_eq!(granted(&mut budget, at(spent_at), 20, Failure::Error), 10);
        let mut now = spent_at;
        // Something happens every 10 ms, so that slices end on time.
        while budget.ask(at(now), Failure::Error).is_none() {
            now += 10;
        }
        now - spent_at
    };
    assert_eq!(lifetime(0), 10_000);
    assert_eq!(lifetime(990), 9_010);
}

#[test]
fn four_failures_of_ten_tokens_are_tried_again_and_fifty_one_successes_undo_them_all() {
    for text in [
        r#"{"grpc_throttle": {"max_tokens": 10, "token_ratio": 0.1}}"#,
        r#"{"grpc_throttle": {"max_tokens": 10, "token_ratio": 0.1, "thousandths": true}}"#,
    ] {
        let mut budget = budget(text);
        let allowed = (0..20)
            .filter(|_| {
                budget.over(FAILED);
                budget.ask(at(0), Failure::Error).is_some()
            })
            .count();
        assert_eq!(allowed, 4, "{text}");
        let mut successes = 0;
        while budget.ask(at(0), Failure::Error).is_none() {
            budget.over(ANSWERED);
            successes += 1;
        }
        assert_eq!(successes, 51, "{text}");
        // A failure that nobody would try again costs nothing, and neither does one that nobody waited for.
        budget.over(Over::Answered { outcome: Err(Failure::Error), retryable: false });
        budget.over(Over::Left);
        assert!(budget.ask(at(0), Failure::Error).is_some(), "{text}");
    }
}

#[test]
fn an_aws_quota_pays_for_35_retries_now_and_paid_for_100_before() {
    let mut now = budget(r#"{"aws_quota": {}}"#);
    assert_eq!(granted(&mut now, at(0), 200, Failure::Error), 35);
    let Budget::AwsQuota(quota) = &now else { panic!("it is one") };
    assert_eq!(quota.available(), 10);
    assert_eq!(granted(&mut now, at(0), 9, Failure::RateLimited), 2, "what is left pays for two after throttling");
    assert_eq!(granted(&mut budget(r#"{"aws_quota": {}}"#), at(0), 200, Failure::RateLimited), 100);
    let before = r#"{"aws_quota": {"cost": 5, "timeout_cost": 10}}"#;
    assert_eq!(granted(&mut budget(before), at(0), 200, Failure::Error), 100);
    assert_eq!(granted(&mut budget(before), at(0), 200, Failure::Timeout), 50);
}

#[test]
fn an_envoy_slot_is_held_through_the_backoff_to_the_answer() {
    for text in [r#"{"concurrent": {}}"#, r#"{"envoy": {}}"#] {
        let mut budget = budget(text);
        (0..10).for_each(|_| budget.began(at(0), true));
        (0..10).for_each(|_| budget.over(FAILED));
        assert_eq!(granted(&mut budget, at(0), 9, Failure::Error), 3, "{text}");
        budget.began(at(500), false);
        assert_eq!(granted(&mut budget, at(500), 9, Failure::Error), 0, "{text}");
        budget.over(ANSWERED);
        budget.settled(Grant { cost: 1 });
        assert_eq!(granted(&mut budget, at(600), 9, Failure::Error), 1, "{text}");
    }
}

#[test]
fn an_envoy_interval_counts_what_began_and_not_what_is_in_flight() {
    let mut budget = budget(r#"{"envoy": {"interval": "1s"}}"#);
    for millis in 0..100 {
        budget.began(at(millis), true);
        budget.over(ANSWERED);
    }
    let Budget::Envoy(envoy) = &mut budget else { panic!("it is one") };
    assert_eq!((envoy.limit(at(100)), envoy.limit(at(3000))), (20, 3));
}

/// Checked before it is taken, so it goes over by one: five calls may have two retries at 20 %.
#[test]
fn failsafe_go_goes_over_by_one() {
    let mut budget = budget(r#"{"failsafe_go": {"min_concurrency": 0}}"#);
    (0..5).for_each(|_| budget.began(at(0), true));
    assert_eq!(granted(&mut budget, at(0), 9, Failure::Error), 2);
    budget.settled(Grant { cost: 1 });
    assert_eq!(granted(&mut budget, at(0), 9, Failure::Error), 1);
}

/// With unlimited retries, attempts over calls are 1/(1 − p) while the budget does not bind, and 1 + share once it does.
#[test]
fn a_budget_of_a_tenth_bounds_the_amplification_at_a_tenth() {
    for (p, expected, tolerance) in [(0.05, 1.0 / 0.95, 0.003), (0.2, 1.1, 0.002), (1.0, 1.1, 0.001)] {
        let mut budget = budget(r#"{"token_bucket": {"capacity": 1000000, "start_empty": true}}"#);
        let mut draws = Stream::new(1, "failures");
        let (calls, mut attempts) = (200_000, 0u32);
        for _ in 0..calls {
            budget.began(at(0), true);
            attempts += 1;
            while draws.unit() < p && budget.ask(at(0), Failure::Error).is_some() {
                attempts += 1;
            }
        }
        let amplification = f64::from(attempts) / f64::from(calls);
        assert!((amplification - expected).abs() < tolerance, "{p}: {amplification}, not {expected}");
    }
}

/// Something that happens to a budget.
#[derive(Clone, Debug)]
enum Step {
    Call,
    Fail,
    Succeed,
    Ask,
    Settle,
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Call),
        3 => Just(Step::Fail),
        2 => Just(Step::Succeed),
        4 => Just(Step::Ask),
        2 => Just(Step::Settle),
        1 => (0u16..3000).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..400)
}

/// What a budget has seen and granted.
#[derive(Default)]
struct Books {
    calls: u64,
    granted: u64,
    active: u64,
    in_flight: u64,
    elapsed: u64,
}

fn play(budget: &mut Budget, steps: &[Step], mut holds: impl FnMut(&mut Budget, &Books)) {
    let mut books = Books::default();
    for step in steps {
        let now = at(books.elapsed);
        match step {
            Step::Call => {
                budget.began(now, true);
                (books.calls, books.in_flight) = (books.calls + 1, books.in_flight + 1);
            }
            Step::Fail | Step::Succeed if books.in_flight > 0 => {
                budget.over(if matches!(step, Step::Fail) { FAILED } else { ANSWERED });
                budget.ended(matches!(step, Step::Succeed), None);
                books.in_flight -= 1;
            }
            Step::Ask if budget.ask(now, Failure::Error).is_some() => {
                (books.granted, books.active) = (books.granted + 1, books.active + 1);
                holds(budget, &books);
            }
            Step::Settle if books.active > 0 => {
                budget.settled(Grant { cost: 1 });
                books.active -= 1;
            }
            Step::Wait(millis) => books.elapsed += u64::from(*millis),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_bucket_grants_its_share_and_what_it_held(steps in steps()) {
        let mut budget = budget(r#"{"token_bucket": {"share": "25%", "capacity": 10}}"#);
        play(&mut budget, &steps, |_, books| assert!(4 * (books.granted - 10.min(books.granted)) <= books.calls));
    }

    #[test]
    fn so_many_at_a_time_are_never_more(steps in steps()) {
        play(&mut budget(r#"{"concurrent": {"retries": 4}}"#), &steps, |_, books| assert!(books.active <= 4));
    }

    #[test]
    fn a_share_of_what_is_in_flight_is_never_exceeded_when_a_retry_is_granted(steps in steps()) {
        play(&mut budget(r#"{"envoy": {"share": "50%", "min_concurrency": 1}}"#), &steps, |_, books| {
            assert!(books.active <= (books.in_flight / 2).max(1));
        });
        play(&mut budget(r#"{"failsafe_go": {"share": "50%", "min_concurrency": 1}}"#), &steps, |_, books| {
            assert!(books.active <= (books.in_flight / 2 + 1).max(1));
        });
    }

    /// Everything that was ever paid in, and the floor once for each time that a retry is held against the caller, bounds
    /// what is ever granted. That time is a slice less than `ttl` at least in Finagle, but half of `ttl` in Linkerd: see
    /// [`linkerd`].
    #[test]
    fn windows_grant_their_share_and_their_floor(steps in steps()) {
        for (text, held) in [(r#"{"finagle": {"floor": "1/s"}}"#, 9_000), (r#"{"linkerd": {"floor": "1/s"}}"#, 5_000)] {
            play(&mut budget(text), &steps, |_, books| {
                let floors = 1 + books.elapsed / held;
                assert!(books.granted <= 10 * floors + books.calls / 5, "{text}: {} granted", books.granted);
            });
        }
    }

    #[test]
    fn tokens_stay_between_nothing_and_full(steps in steps()) {
        play(&mut budget(r#"{"grpc_throttle": {"max_tokens": 10, "token_ratio": 0.1}}"#), &steps, |budget, _| {
            let Budget::GrpcThrottle(throttle) = budget else { panic!("it is one") };
            assert!(throttle.tokens() > 5.0 && throttle.tokens() <= 10.0);
        });
        play(&mut budget(r#"{"aws_quota": {"capacity": 100}}"#), &steps, |budget, _| {
            let Budget::AwsQuota(quota) = budget else { panic!("it is one") };
            assert!(quota.available() <= 100);
        });
    }
}

#[test]
fn what_is_wrong_is_said_with_its_path() {
    for (text, path) in [
        (r#"{"token_bucket": {"capacity": 0}}"#, "token_bucket.capacity"),
        (r#"{"finagle": {"ttl": "90s"}}"#, "finagle.ttl"),
        (r#"{"linkerd": {"ratio": 1001}}"#, "linkerd.ratio"),
        (r#"{"envoy": {"interval": "10us"}}"#, "envoy.interval"),
        (r#"{"aws_quota": {"capacity": 0}}"#, "aws_quota.capacity"),
        (r#"{"grpc_throttle": {"max_tokens": 0, "token_ratio": 1}}"#, "grpc_throttle.max_tokens"),
    ] {
        let problems = serde_json::from_str::<Spec>(text).unwrap().check();
        assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{text}");
    }
}
