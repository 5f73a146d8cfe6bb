//! Hedges against hand-worked races, and what holds of all of them.

use super::*;
use proptest::prelude::*;

fn at(millis: u64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

fn ms(millis: u64) -> Span {
    Span::from_millis(millis)
}

fn hedge(text: &str) -> Hedge {
    let spec: Spec = serde_json::from_str(text).unwrap();
    assert_eq!(check(&spec), [], "{text}");
    Hedge::new(&spec)
}

fn fails(hedge: &mut Hedge, race: &mut Race, now: u64, attempt: u8, failure: Failure) -> After {
    hedge.ended(race, at(now), (attempt, ms(now)), Err(failure), None)
}

const ERROR: Failure = Failure::Error;

/// Primary 100 ms, hedge 20 ms, sent after 30: the answer is there after 50.
#[test]
fn the_hedge_that_is_quicker_wins() {
    let mut hedge = hedge(r#"{"fixed": {"delay": "30ms"}}"#);
    let mut race = hedge.begin(at(0));
    assert_eq!(race.next(), Some(at(30)));
    assert_eq!(hedge.due(&mut race, at(30)), Due::Send);
    assert_eq!((race.next(), race.sent), (None, 2));
    assert_eq!(hedge.ended(&mut race, at(50), (1, ms(20)), Ok(()), None), After::Final(Ok(())));
    assert_eq!(race.running, 1, "the primary is what is left to be given up");
}

#[test]
fn a_failure_waits_for_what_is_under_way_or_due() {
    let mut hedge = hedge(r#"{"fixed": {"delay": "30ms", "attempts": 2}}"#);
    let mut race = hedge.begin(at(0));
    assert_eq!(fails(&mut hedge, &mut race, 10, 0, ERROR), After::Wait);
    assert_eq!(hedge.due(&mut race, at(30)), Due::Send);
    assert_eq!(fails(&mut hedge, &mut race, 40, 1, Failure::Timeout), After::Final(Err(Failure::Timeout)));
}

#[test]
fn the_percentile_follows_recent_latencies() {
    let mut hedge = hedge(r#"{"percentile": {"percentile": "90%", "samples": 10}}"#);
    for call in 1..=10u64 {
        let mut race = hedge.begin(at(call));
        assert_eq!(race.next(), None, "nothing is known yet");
        hedge.ended(&mut race, at(call), (0, ms(call * 10)), Ok(()), None);
        hedge.finish(&mut race);
    }
    let delay = hedge.begin(at(100)).next().unwrap().since(at(100)).seconds();
    assert!((delay - 0.09).abs() < 0.001, "{delay}");
    // Two windows later all of it is forgotten.
    assert_eq!(hedge.begin(at(30_000)).next(), None);
}

#[test]
fn grpc_sends_the_next_at_once_after_a_failure_that_is_not_fatal() {
    let text = r#"{"grpc": {"max_attempts": 4, "hedging_delay": "100ms", "non_fatal": ["refused"]}}"#;
    let mut hedge = hedge(text);
    let mut race = hedge.begin(at(0));
    assert_eq!(race.next(), Some(at(100)));
    assert_eq!(fails(&mut hedge, &mut race, 40, 0, Failure::Refused), After::Wait);
    assert_eq!(race.next(), Some(at(40)));
    assert_eq!(hedge.due(&mut race, at(40)), Due::Send);
    assert_eq!(race.next(), Some(at(140)), "the delay begins anew");
    let pushed = hedge.ended(&mut race, at(50), (1, ms(10)), Err(Failure::Refused), Some(Pushback::After(ms(500))));
    assert_eq!((pushed, race.next()), (After::Wait, Some(at(550))));
    assert_eq!(hedge.due(&mut race, at(550)), Due::Send);
    let never = hedge.ended(&mut race, at(560), (2, ms(10)), Err(Failure::Refused), Some(Pushback::Never));
    assert_eq!((never, race.next()), (After::Final(Err(Failure::Refused)), None));
}

#[test]
fn grpc_ends_with_a_fatal_failure_and_hedges_in_parallel_without_a_delay() {
    let mut hedge = hedge(r#"{"grpc": {"max_attempts": 3}}"#);
    let mut race = hedge.begin(at(0));
    while race.next() == Some(at(0)) {
        assert_eq!(hedge.due(&mut race, at(0)), Due::Send);
    }
    assert_eq!((race.sent, race.running), (3, 0b111));
    assert_eq!(fails(&mut hedge, &mut race, 5, 1, ERROR), After::Final(Err(ERROR)));
}

#[test]
fn grpc_plans_no_further_attempts_when_half_of_its_tokens_are_gone() {
    let text = r#"{"grpc": {"max_attempts": 5, "hedging_delay": "10ms", "non_fatal": ["error"],
                           "throttle": {"max_tokens": 4, "token_ratio": 0.5}}}"#;
    let mut hedge = hedge(text);
    let mut race = hedge.begin(at(0));
    assert_eq!(fails(&mut hedge, &mut race, 1, 0, ERROR), After::Wait);
    assert_eq!(hedge.due(&mut race, at(1)), Due::Send);
    // Two of four tokens are left, which is not more than half.
    assert_eq!(fails(&mut hedge, &mut race, 2, 1, ERROR), After::Final(Err(ERROR)));
    assert_eq!(hedge.begin(at(3)).next(), None);
    let mut race = hedge.begin(at(4));
    hedge.ended(&mut race, at(5), (0, ms(1)), Ok(()), None);
    assert_eq!(hedge.begin(at(6)).next(), Some(at(16)));
}

#[test]
fn polly_hedges_after_its_delay_or_a_failure_and_in_fallback_mode_only_after_one() {
    let mut delayed = hedge(r#"{"polly": {}}"#);
    let mut race = delayed.begin(at(0));
    assert_eq!(race.next(), Some(at(2000)));
    assert_eq!(fails(&mut delayed, &mut race, 10, 0, ERROR), After::Wait);
    assert_eq!((race.next(), delayed.due(&mut race, at(10))), (Some(at(10)), Due::Send));
    assert_eq!(fails(&mut delayed, &mut race, 20, 1, Failure::Timeout), After::Final(Err(Failure::Timeout)));
    let mut fallback = hedge(r#"{"polly": {"mode": "fallback", "on": ["error"]}}"#);
    let mut race = fallback.begin(at(0));
    assert_eq!(race.next(), None);
    assert_eq!(fails(&mut fallback, &mut race, 7, 0, Failure::Timeout), After::Final(Err(Failure::Timeout)));
    let mut race = fallback.begin(at(0));
    assert_eq!(fails(&mut fallback, &mut race, 7, 0, ERROR), After::Wait);
    assert_eq!(race.next(), Some(at(7)));
}

#[test]
fn failsafe_go_takes_whatever_comes_first_and_its_budget_fails_the_call() {
    let mut plain = hedge(r#"{"failsafe_go": {"delay": {"after": "10ms"}}}"#);
    let mut race = plain.begin(at(0));
    assert_eq!(plain.due(&mut race, at(10)), Due::Send);
    assert_eq!(fails(&mut plain, &mut race, 12, 1, ERROR), After::Final(Err(ERROR)));
    let text = r#"{"failsafe_go": {"delay": {"after": "10ms"}, "budget": {"in_flight": {}}}}"#;
    let mut bounded = hedge(text);
    let mut races: Vec<Race> = (0..4).map(|_| bounded.begin(at(0))).collect();
    // Shares of 0/4 and 1/5 are not above 20 %; 2/6 is.
    let verdicts: Vec<Due> = races.iter_mut().take(3).map(|race| bounded.due(race, at(10))).collect();
    assert_eq!(verdicts, [Due::Send, Due::Send, Due::Fail(Failure::Throttled)]);
    for race in &mut races {
        bounded.finish(race);
    }
    let mut race = bounded.begin(at(20));
    assert_eq!(bounded.due(&mut race, at(30)), Due::Send, "everything was given back");
}

#[test]
fn a_share_of_calls_is_saved_up_and_spent() {
    let text = r#"{"fixed": {"delay": "1ms", "budget": {"calls": {"share": "10%", "burst": 2}}}}"#;
    let mut hedge = hedge(text);
    let mut sent = 0;
    for _ in 0..100 {
        let mut race = hedge.begin(at(0));
        sent += u32::from(hedge.due(&mut race, at(1)) == Due::Send);
        hedge.finish(&mut race);
    }
    // Two at the start, and one for each ten calls; what the first call pays in does not fit.
    assert_eq!(sent, 11);
}

#[test]
fn the_first_of_tied_calls_to_be_served_cancels_the_others() {
    let mut hedge = hedge(r#"{"tied": {}}"#);
    let mut race = hedge.begin(at(0));
    assert_eq!((race.next(), hedge.due(&mut race, at(1))), (Some(at(1)), Due::Send));
    assert!(hedge.is_tied() && hedge.started(&mut race, 1));
    assert_eq!(race.running, 0b10);
    assert!(!hedge.started(&mut race, 0), "it had begun as well, before word came");
    assert_eq!(fails(&mut hedge, &mut race, 30, 1, ERROR), After::Final(Err(ERROR)));
}

const ALL: [&str; 7] = [
    r#"{"fixed": {"delay": "10ms", "attempts": 3, "budget": {"calls": {}}}}"#,
    r#"{"percentile": {"initial": "5ms", "attempts": 4, "budget": {"in_flight": {}}}}"#,
    r#"{"grpc": {"max_attempts": 5, "hedging_delay": "3ms", "non_fatal": ["error", "timeout"]}}"#,
    r#"{"polly": {"max_hedged_attempts": 3, "mode": "parallel"}}"#,
    r#"{"polly": {"max_hedged_attempts": 2, "mode": "fallback"}}"#,
    r#"{"failsafe_go": {"delay": {"after": "4ms"}, "max_hedges": 2, "cancel_on": "success"}}"#,
    r#"{"tied": {"copies": 3}}"#,
];

proptest! {
    /// Whatever comes back and when, no more attempts are sent than allowed, and each call comes to an end.
    #[test]
    fn a_hedge_sends_no_more_than_its_attempts(steps in prop::collection::vec((0u64..8, 0u8..4, any::<bool>()), 40..80)) {
        for text in ALL {
            let mut hedge = hedge(text);
            let mut now = 0;
            let mut race = hedge.begin(at(now));
            for &(wait, what, well) in &steps {
                now += wait;
                if race.next().is_some_and(|next| next <= at(now)) {
                    let before = race.sent;
                    let due = hedge.due(&mut race, at(now));
                    prop_assert_eq!(race.sent, before + u8::from(due == Due::Send));
                    if due == Due::Fail(ERROR) {
                        hedge.finish(&mut race);
                        race = hedge.begin(at(now));
                    }
                } else if race.running & 1 << what != 0 {
                    let outcome = if well && what == 3 { Ok(()) } else { Err(ERROR) };
                    if let After::Final(_) = hedge.ended(&mut race, at(now), (what, ms(3)), outcome, None) {
                        hedge.finish(&mut race);
                        race = hedge.begin(at(now));
                    }
                }
                prop_assert!(race.sent <= hedge.attempts(), "{text}");
                prop_assert!(race.running != 0 || race.next().is_some(), "{text}: nothing is under way or due");
            }
        }
    }
}
