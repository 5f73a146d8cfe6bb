//! What the throttles let through, by their sources and whatever happens.

use super::*;
use crate::outcome::Failure;
use proptest::prelude::*;
use squall_sim::random::Stream;

fn throttle(text: &str) -> Throttle {
    let spec: Spec = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(spec.check(), [], "{text}");
    Throttle::new(&spec, Time::ZERO)
}

fn at(millis: u64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

/// The share of calls that reach a callee that accepts some share of what it gets.
fn share_sent(text: &str, accepted: f64) -> f64 {
    let (mut throttle, mut draws) = (throttle(text), Stream::new(7, "throttle"));
    let (mut sent, calls) = (0, 40_000);
    for call in 0..calls {
        let now = at(call * 5);
        if throttle.admit(now, &mut draws) == Verdict::Admit {
            // The first half is for the window to fill.
            sent += u64::from(call >= calls / 2);
            let outcome = if draws.unit() < accepted { Ok(()) } else { Err(Failure::Shed) };
            throttle.ended(now, outcome);
        }
    }
    sent as f64 / (calls / 2) as f64
}

/// With k = 2 a callee that accepts at most some share of the requests gets twice that. Here it accepts a share of what it
/// gets, so below a half nothing would be left in the end but what the `+ 1` lets through.
#[test]
fn a_callee_that_accepts_enough_gets_everything() {
    assert_eq!(share_sent(r#"{"sre": {}}"#, 1.0), 1.0);
    assert!(share_sent(r#"{"sre": {}}"#, 0.6) > 0.99);
    assert!(share_sent(r#"{"sre": {}}"#, 0.2) < 0.05);
    // These two forget what they reject, so they settle at their chance, not at nothing.
    let settled = share_sent(r#"{"failsafe_go": {}}"#, 0.45);
    assert!((settled - 0.5).abs() < 0.03, "{settled}");
    let settled = share_sent(r#"{"envoy_admission": {}}"#, 0.475);
    assert!((settled - 0.5).abs() < 0.03, "{settled}");
    let most = share_sent(r#"{"envoy_admission": {}}"#, 0.0);
    assert!((most - 0.2).abs() < 0.02, "{most}");
}

#[test]
fn errors_can_count_as_accepted() {
    let mut throttle = throttle(r#"{"sre": {"on": ["shed"]}}"#);
    let mut draws = Stream::new(7, "throttle");
    for call in 0..1000 {
        assert_eq!(throttle.admit(at(call), &mut draws), Verdict::Admit);
        throttle.ended(at(call), Err(Failure::Error));
    }
}

#[test]
fn quiet_callers_are_left_alone() {
    for text in [r#"{"failsafe_go": {"min_calls": 100}}"#, r#"{"envoy_admission": {"min_rate": "20/s"}}"#] {
        let (mut throttle, mut draws) = (throttle(text), Stream::new(7, "throttle"));
        for call in 0..99 {
            assert_eq!(throttle.admit(at(call * 100), &mut draws), Verdict::Admit, "{text}");
            throttle.ended(at(call * 100), Err(Failure::Error));
        }
    }
}

#[test]
fn an_envoy_sample_is_forgotten_when_it_is_as_old_as_the_window() {
    let Throttle::EnvoyAdmission(mut control) = throttle(r#"{"envoy_admission": {"window": "10s"}}"#) else {
        panic!("it is one")
    };
    control.ended(at(500), Err(Failure::Error));
    control.ended(at(1499), Err(Failure::Error));
    control.ended(at(1500), Err(Failure::Error));
    assert_eq!(control.chance(at(10_499)), 0.75);
    assert_eq!(control.chance(at(10_500)), 0.5);
    assert_eq!(control.chance(at(11_500)), 0.0);
}

/// A callee that takes 20/s and throttles the rest: the SDK comes down to about that, and stays.
#[test]
fn an_adaptive_sdk_settles_near_what_the_callee_takes() {
    let mut throttle = throttle(r#"{"aws_adaptive": {}}"#);
    let mut draws = Stream::new(7, "throttle");
    let (mut now, mut taken, mut sent) = (0, [0u32; 300], [0u32; 300]);
    for _ in 0..100_000 {
        let second = (now / 1_000_000_000) as usize;
        if second >= 300 {
            break;
        }
        match throttle.admit(Time::from_nanos(now), &mut draws) {
            Verdict::Admit => {
                sent[second] += 1;
                let fits = taken[second] < 20;
                taken[second] += u32::from(fits);
                throttle.ended(Time::from_nanos(now), if fits { Ok(()) } else { Err(Failure::RateLimited) });
                now += 5_000_000;
            }
            Verdict::Again(wait) => now += wait.nanos(),
            Verdict::Reject => panic!("it never rejects"),
        }
    }
    let mean = |seconds: &[u32]| f64::from(seconds.iter().sum::<u32>()) / seconds.len() as f64;
    // Nothing holds it back before the first throttling, which is the 21st call.
    assert!(sent[0] > 20, "{}", sent[0]);
    let settled = mean(&sent[100..]);
    // A saw between the limit and 0.7 of it, or 0.49 where two calls in a row are throttled.
    assert!((0.49 * 20.0..20.0).contains(&settled), "{settled}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever happens, a chance is a chance, and nobody waits for ever.
    #[test]
    fn verdicts_are_sane(steps in prop::collection::vec((0u64..5_000, 0u8..4), 1..200), seed in any::<u64>()) {
        for text in [
            r#"{"sre": {}}"#,
            r#"{"failsafe_go": {}}"#,
            r#"{"envoy_admission": {"aggression": 2}}"#,
            r#"{"aws_adaptive": {}}"#,
        ] {
            let (mut throttle, mut draws, mut now) = (throttle(text), Stream::new(seed, "throttle"), 0);
            for (wait, what) in &steps {
                now += wait;
                let verdict = throttle.admit(at(now), &mut draws);
                if let Verdict::Again(wait) = verdict {
                    // One token at the lowest rate takes two seconds.
                    prop_assert!(wait <= Span::from_millis(2_001), "{text}: {wait}");
                }
                if verdict == Verdict::Admit {
                    let outcome = [Ok(()), Err(Failure::Error), Err(Failure::RateLimited), Err(Failure::Timeout)];
                    throttle.ended(at(now), outcome[usize::from(*what)]);
                }
                let chance = match &mut throttle {
                    Throttle::Sre(sre) => sre.chance(at(now)),
                    Throttle::FailsafeGo(failsafe) => failsafe.chance(at(now)),
                    Throttle::EnvoyAdmission(envoy) => envoy.chance(at(now)),
                    Throttle::AwsAdaptive(adaptive) => f64::from(u8::from(adaptive.rate().is_some_and(|rate| rate < 0.5))),
                };
                prop_assert!((0.0..1.0).contains(&chance), "{text}: {chance}");
            }
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_its_path() {
    for (text, path) in [
        (r#"{"sre": {"k": 0.5}}"#, "sre.k"),
        (r#"{"failsafe_go": {"failures": "100%"}}"#, "failsafe_go.failures"),
        (r#"{"envoy_admission": {"window": "100ms"}}"#, "envoy_admission.window"),
        (r#"{"aws_adaptive": {"min_rate": "0/s"}}"#, "aws_adaptive.min_rate"),
    ] {
        let problems = serde_json::from_str::<Spec>(text).unwrap().check();
        assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{text}");
    }
}
