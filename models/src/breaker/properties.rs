//! What holds of every breaker, whatever happens to it.

use super::*;
use proptest::prelude::*;

/// Small windows and short times, so that a few calls go through every state; and what half-open promises.
struct Case {
    spec: &'static str,
    /// Calls let through in one half-open period, unless some are given back; any number where it is 0.
    permits: usize,
    /// Which ends of calls give back what a half-open call took.
    gives_back: &'static [Ended],
    /// Whether closing empties the window.
    clears: bool,
}

const ANY: &[Ended] = &[Ended::Success, Ended::Failure, Ended::Ignored, Ended::Cancelled];

const CASES: &[Case] = &[
    Case {
        spec: r#"{"consecutive": {"failures": 2, "open": "50ms", "half_open_calls": 3, "successes": 2}}"#,
        permits: 3,
        gives_back: ANY,
        clears: true,
    },
    Case {
        spec: r#"{"resilience4j": {"window": {"calls": 4}, "minimum_calls": 3, "wait": "50ms", "half_open_calls": 2,
            "slow_call_duration": "20ms"}}"#,
        permits: 2,
        gives_back: &[Ended::Ignored, Ended::Cancelled],
        clears: true,
    },
    Case {
        spec: r#"{"resilience4j": {"window": {"time": "1s"}, "minimum_calls": 3, "wait": "50ms", "half_open_calls": 3,
            "automatic_transition": true, "max_wait_in_half_open": "200ms", "growth": {"factor": 1.5}}}"#,
        permits: 3,
        gives_back: &[Ended::Ignored, Ended::Cancelled],
        clears: true,
    },
    Case {
        spec: r#"{"hystrix": {"window": "200ms", "bucket": "20ms", "volume": 3, "sleep": "50ms"}}"#,
        permits: 1,
        gives_back: &[],
        clears: true,
    },
    Case {
        spec: r#"{"polly": {"minimum_throughput": 3, "sampling": "300ms", "break": "50ms"}}"#,
        permits: 1,
        gives_back: &[],
        clears: true,
    },
    Case {
        spec: r#"{"circuitbreaker_py": {"failures": 2, "recovery": "50ms"}}"#,
        permits: 0,
        gives_back: &[],
        clears: true,
    },
    Case {
        spec: r#"{"pybreaker": {"failures": 2, "reset": "50ms", "successes": 2}}"#,
        permits: 1,
        gives_back: ANY,
        clears: true,
    },
    Case {
        spec: r#"{"opossum": {"window": "200ms", "volume": 2, "reset": "50ms", "capacity": 3}}"#,
        permits: 1,
        gives_back: &[],
        clears: false,
    },
    Case {
        spec: r#"{"cockatiel": {"counter": {"count": {"threshold": "40%", "size": 3}}, "half_open_after": "50ms"}}"#,
        permits: 1,
        gives_back: &[],
        clears: false,
    },
    Case {
        spec: r#"{"cockatiel": {"counter": {"sampling": {"threshold": "40%", "duration": "100ms", "minimum": "20/s"}},
            "half_open_after": "50ms", "half_open": {"calls": 3, "threshold": "40%"}}}"#,
        permits: 3,
        gives_back: &[],
        clears: false,
    },
    Case {
        spec: r#"{"gobreaker": {"max_requests": 2, "timeout": "50ms", "trip": {"ratio": {"failures": "50%", "calls": 2}},
            "interval": "100ms", "bucket": "10ms"}}"#,
        permits: 2,
        gives_back: &[Ended::Ignored],
        clears: true,
    },
    Case {
        spec: r#"{"failsafe_go": {"failure": {"rate": {"failures": "50%", "calls": 2, "within": "100ms"}},
            "delay": "50ms"}}"#,
        permits: 2,
        gives_back: ANY,
        clears: true,
    },
];

/// One thing that happens, some milliseconds after the last one.
#[derive(Clone, Copy, Debug)]
enum Event {
    Start,
    /// One of the calls under way ends.
    End {
        which: usize,
        ended: Ended,
    },
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let end = prop_oneof![
        3 => Just(Ended::Failure), 2 => Just(Ended::Success), 1 => Just(Ended::Ignored), 1 => Just(Ended::Cancelled)
    ];
    let event =
        prop_oneof![Just(Event::Start), (0..8usize, end).prop_map(|(which, ended)| Event::End { which, ended }),];
    let gap = prop_oneof![4 => Just(0), 4 => 0..10u64, 1 => 0..120u64, 1 => Just(50)];
    prop::collection::vec((gap, event), 0..100)
}

fn holds(case: &Case, events: &[(u64, Event)]) -> Result<(), TestCaseError> {
    let spec: Spec = serde_json::from_str(case.spec).expect(case.spec);
    prop_assert_eq!(check(&spec), Vec::new());
    let mut breaker = Breaker::new(&spec, Time::ZERO);
    let mut now = Time::ZERO;
    let mut running: Vec<(Permit, Time)> = Vec::new();
    let (mut admitted, mut given_back, mut period) = (0, 0, 0);
    for &(gap, event) in events {
        now += Span::from_millis(gap);
        let before = breaker.state(now);
        // Each half-open period follows an opening.
        if breaker.counts(now).opened != period {
            (admitted, given_back, period) = (0, 0, breaker.counts(now).opened);
        }
        match event {
            Event::Start => {
                let admission = breaker.admit(now);
                let state = breaker.state(now);
                if let Admission::Admit(permit) = admission {
                    running.push((permit, now));
                    prop_assert!(state != State::Open, "a call passes an open circuit");
                    if state == State::HalfOpen {
                        admitted += 1;
                        let most = case.permits + given_back;
                        prop_assert!(case.permits == 0 || admitted <= most, "{} of {} half-open", admitted, most);
                    }
                }
            }
            Event::End { which, ended } => {
                if running.is_empty() {
                    continue;
                }
                let (permit, began) = running.swap_remove(which % running.len());
                let _ = breaker.record(now, permit, ended, now.since(began));
                if before == State::HalfOpen {
                    given_back += usize::from(case.gives_back.contains(&ended));
                    let counts = breaker.counts(now);
                    if case.clears && breaker.state(now) == State::Closed {
                        prop_assert_eq!((counts.calls, counts.failures, counts.failures_in_a_row), (0, 0, 0));
                    }
                }
            }
        }
    }
    let counts = breaker.counts(now);
    prop_assert!(counts.failures <= counts.calls || matches!(spec, Spec::Opossum(_)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_call_passes_an_open_circuit_and_half_open_keeps_its_number(which in 0..CASES.len(), events in events()) {
        holds(&CASES[which], &events)?;
    }

    /// Nothing that is written makes it panic or loop, and a breaker that was started anew is like a new one.
    #[test]
    fn starting_anew_is_being_new(which in 0..CASES.len(), events in events(), later in events()) {
        let spec: Spec = serde_json::from_str(CASES[which].spec).expect("it is one");
        let mut old = Breaker::new(&spec, Time::ZERO);
        let mut now = Time::ZERO;
        let run = |breaker: &mut Breaker, now: &mut Time, events: &[(u64, Event)]| {
            let mut seen = Vec::new();
            let mut running = Vec::new();
            for &(gap, event) in events {
                *now += Span::from_millis(gap);
                match event {
                    Event::Start => match breaker.admit(*now) {
                        Admission::Admit(permit) => running.push(permit),
                        other => seen.push((other, Released::default(), breaker.state(*now))),
                    },
                    Event::End { which, ended } if !running.is_empty() => {
                        let permit = running.swap_remove(which % running.len());
                        let released = breaker.record(*now, permit, ended, Span::ZERO);
                        seen.push((Admission::Reject, released, breaker.state(*now)));
                    }
                    Event::End { .. } => {}
                }
            }
            seen
        };
        run(&mut old, &mut now, &events);
        old.restart(now);
        let mut new = Breaker::new(&spec, now);
        let mut then = now;
        prop_assert_eq!(run(&mut old, &mut now, &later), run(&mut new, &mut then, &later));
    }
}
