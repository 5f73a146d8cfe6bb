//! How each library's breaker behaves at its edges, call by call.

use super::*;
use squall_sim::random::{Luck, Place, Purpose};

/// A breaker, a clock, and calls that take no time.
struct Bench {
    breaker: Breaker,
    now: Time,
}

const OK: Ended = Ended::Success;
const FAIL: Ended = Ended::Failure;

impl Bench {
    fn new(spec: &str) -> Self {
        let spec: Spec = serde_json::from_str(spec).expect(spec);
        assert_eq!(check(&spec), Vec::new());
        Self { breaker: Breaker::new(&spec, Time::ZERO), now: Time::ZERO }
    }

    fn at(&mut self, millis: u64) -> &mut Self {
        self.now = Time::ZERO + Span::from_millis(millis);
        self
    }

    fn nano(&mut self) -> &mut Self {
        self.now += Span::from_nanos(1);
        self
    }

    /// Begins a call that is let through.
    fn start(&mut self) -> Permit {
        match self.breaker.admit(self.now) {
            Admission::Admit(permit) => permit,
            other => panic!("{other:?} at {}", self.now),
        }
    }

    fn end(&mut self, permit: Permit, ended: Ended) -> Released {
        self.breaker.record(self.now, permit, ended, Span::ZERO)
    }

    /// Calls that end at once; says whether all of them were let through.
    fn calls(&mut self, n: u32, ended: Ended) -> bool {
        (0..n).all(|_| match self.breaker.admit(self.now) {
            Admission::Admit(permit) => {
                let _ = self.end(permit, ended);
                true
            }
            _ => false,
        })
    }

    fn admit(&mut self) -> Admission {
        self.breaker.admit(self.now)
    }

    fn rejects(&mut self) -> bool {
        self.admit() == Admission::Reject
    }

    fn state(&mut self) -> State {
        self.breaker.state(self.now)
    }
}

#[test]
fn resilience4j_opens_at_the_sixth_and_tries_strictly_after_its_wait() {
    let mut bench = Bench::new(r#"{"resilience4j": {"window": {"calls": 10}, "minimum_calls": 5}}"#);
    for ended in [OK, OK, FAIL, FAIL, OK] {
        assert!(bench.calls(1, ended));
    }
    assert_eq!(bench.state(), State::Closed);
    assert!(bench.calls(1, FAIL));
    assert_eq!(bench.state(), State::Open);
    assert!(bench.at(60_000).rejects());
    assert_eq!(bench.at(60_001).state(), State::Open, "it waits for a call");
    bench.start();
    assert_eq!(bench.state(), State::HalfOpen);
}

#[test]
fn resilience4j_waits_longer_each_time_and_opens_after_waiting_for_a_verdict() {
    let spec = r#"{"resilience4j": {"window": {"calls": 1}, "wait": "1s", "growth": {"factor": 2.0},
        "half_open_calls": 1, "max_wait_in_half_open": "5s", "automatic_transition": true}}"#;
    let mut bench = Bench::new(spec);
    bench.calls(1, FAIL);
    assert_eq!(bench.at(999).state(), State::Open);
    assert_eq!(bench.at(1000).state(), State::HalfOpen, "by a timer");
    let lost = bench.start();
    assert_eq!(bench.at(5999).state(), State::HalfOpen);
    assert_eq!(bench.at(6000).state(), State::Open);
    assert_eq!(bench.at(7999).state(), State::Open, "the second time it waits twice as long");
    assert_eq!(bench.at(8000).state(), State::HalfOpen);
    let _ = bench.end(lost, OK);
    assert_eq!(bench.state(), State::Closed, "a late answer counts with those that are tried");
    assert_eq!(bench.breaker.counts(bench.now).opened, 2);
}

#[test]
fn resilience4j_gives_permits_back_only_for_what_does_not_count() {
    let spec = r#"{"resilience4j": {"window": {"calls": 2}, "half_open_calls": 2, "wait": "1s"}}"#;
    let mut bench = Bench::new(spec);
    bench.calls(2, FAIL);
    bench.at(1001);
    assert!(bench.calls(3, Ended::Ignored) && bench.calls(3, Ended::Cancelled));
    assert!(bench.calls(1, OK));
    bench.start();
    assert!(bench.rejects());
}

#[test]
fn hystrix_looks_when_a_bucket_is_over() {
    let mut bench = Bench::new(r#"{"hystrix": {}}"#);
    assert!(bench.at(100).calls(30, FAIL));
    assert!(bench.at(499).calls(1, OK));
    assert!(bench.at(500).rejects());
    assert!(bench.at(5500).rejects());
    bench.at(5501);
    let probe = bench.start();
    assert!(bench.rejects());
    let _ = bench.end(probe, Ended::Cancelled);
    assert_eq!(bench.state(), State::Open, "a caller that goes away opens it again");
    bench.at(10_502);
    assert!(bench.calls(1, OK));
    assert_eq!((bench.state(), bench.breaker.counts(bench.now).calls), (State::Closed, 0));
    assert!(bench.at(10_700).calls(20, FAIL));
    assert_eq!(bench.at(11_001).state(), State::Closed, "buckets begin when it closes");
    assert_eq!(bench.at(11_002).state(), State::Open);
}

#[test]
fn hystrix_cuts_the_percentage() {
    let mut bench = Bench::new(r#"{"hystrix": {"volume": 2, "error_rate": "50%"}}"#);
    assert!(bench.calls(49, FAIL) && bench.calls(50, OK));
    assert_eq!(bench.at(500).state(), State::Closed, "49.49 % is 49 %");
    assert!(bench.calls(1, FAIL));
    assert_eq!(bench.at(1000).state(), State::Open);
    assert_eq!(bench.breaker.timeout(), Some(Span::from_secs(1)));
}

#[test]
fn hystrix_forgets_after_a_window_however_long_nothing_was_called() {
    let mut bench = Bench::new(r#"{"hystrix": {}}"#);
    assert!(bench.calls(19, FAIL));
    assert!(bench.at(3_600_000).calls(1, FAIL));
    assert_eq!(bench.at(3_600_500).state(), State::Closed);
    assert_eq!(bench.breaker.counts(bench.now).calls, 1);
}

#[test]
fn polly_needs_a_failure_and_a_hundred_calls() {
    let mut bench = Bench::new(r#"{"polly": {}}"#);
    assert!(bench.calls(90, OK) && bench.calls(9, FAIL));
    assert_eq!(bench.state(), State::Closed);
    assert!(bench.calls(1, FAIL));
    assert_eq!(bench.state(), State::Open);
    assert!(bench.at(4999).rejects());
    bench.at(5000);
    let probe = bench.start();
    assert!(bench.at(3_600_000).rejects(), "a call that never ends holds it half-open for ever");
    let _ = bench.end(probe, OK);
    assert_eq!((bench.state(), bench.breaker.counts(bench.now).calls), (State::Closed, 0));
}

#[test]
fn polly_windows_begin_with_a_call_and_fall_out_part_by_part() {
    let spec = r#"{"polly": {"failure_ratio": "50%", "minimum_throughput": 2, "sampling": "10s"}}"#;
    let mut bench = Bench::new(spec);
    assert!(bench.at(500).calls(1, OK), "the first part begins here");
    assert!(bench.at(1499).calls(1, OK), "and goes on to 1.5 s");
    assert!(bench.at(1500).calls(1, OK));
    assert!(bench.at(10_499).calls(1, OK));
    assert_eq!(bench.breaker.counts(bench.now).calls, 4);
    assert!(bench.at(10_500).calls(1, OK));
    assert_eq!(bench.breaker.counts(bench.now).calls, 3, "the part of 0.5 s is ten seconds old");
}

#[test]
fn polly_counts_short_windows_as_a_whole() {
    let spec = r#"{"polly": {"failure_ratio": "50%", "minimum_throughput": 2, "sampling": "100ms"}}"#;
    let mut bench = Bench::new(spec);
    assert!(bench.at(99).calls(1, FAIL) && bench.at(100).calls(1, FAIL));
    assert_eq!(bench.state(), State::Closed, "the window began anew at 100 ms");
    assert!(bench.at(199).calls(1, FAIL));
    assert_eq!(bench.state(), State::Open);
}

#[test]
fn gobreaker_opens_at_the_sixth_and_tries_a_nanosecond_late() {
    let mut bench = Bench::new(r#"{"gobreaker": {}}"#);
    assert!(bench.calls(5, FAIL));
    assert_eq!(bench.state(), State::Closed);
    assert!(bench.calls(1, FAIL));
    assert!(bench.at(60_000).rejects());
    assert_eq!(bench.nano().state(), State::HalfOpen, "asking is enough");
}

#[test]
fn gobreaker_excluded_failures_give_half_open_calls_back() {
    let mut bench = Bench::new(r#"{"gobreaker": {"trip": {"failures": 1}, "ignore": ["rejected"]}}"#);
    assert_eq!(bench.breaker.judge(Err(Failure::Rejected)), Ended::Ignored);
    let late = bench.start();
    bench.calls(1, FAIL);
    bench.at(60_000).nano();
    assert!(bench.calls(3, Ended::Ignored));
    bench.start();
    assert!(bench.rejects());
    let _ = bench.end(late, OK);
    assert_eq!(bench.state(), State::HalfOpen, "late answers mean nothing");
}

#[test]
fn opossum_opens_at_the_first_failure_and_half_opens_by_a_timer() {
    let mut bench = Bench::new(r#"{"opossum": {}}"#);
    let running: Vec<Permit> = (0..3).map(|_| bench.start()).collect();
    bench.calls(1, FAIL);
    assert_eq!(bench.state(), State::Closed, "one of four, and those under way are among the four");
    bench.at(10_000);
    assert_eq!(bench.breaker.counts(bench.now).calls, 0);
    let _ = bench.end(running[0], FAIL);
    assert_eq!(bench.state(), State::Open, "one of none");
    assert!(bench.at(39_999).rejects());
    assert_eq!(bench.at(40_000).state(), State::HalfOpen);
    let probe = bench.start();
    assert!(bench.rejects());
    let _ = bench.end(running[1], OK);
    assert_eq!(bench.state(), State::Closed, "a late success closes it");
    let _ = bench.end(probe, FAIL);
    assert_eq!(bench.state(), State::Closed, "one of three: the call before, the one rejected, and this");
}

#[test]
fn opossum_keeps_its_window_when_it_closes() {
    let mut bench = Bench::new(r#"{"opossum": {"reset": "1s"}}"#);
    bench.calls(1, FAIL);
    assert!(bench.at(1000).calls(1, OK));
    assert_eq!(bench.state(), State::Closed);
    bench.calls(1, FAIL);
    assert_eq!(bench.state(), State::Open, "two of three");
}

#[test]
fn opossum_counts_calls_over_capacity_and_warms_up() {
    let mut bench = Bench::new(r#"{"opossum": {"capacity": 1, "warm_up": true}}"#);
    let running = bench.start();
    assert_eq!(bench.admit(), Admission::Full);
    assert_eq!(bench.admit(), Admission::Full);
    assert_eq!(bench.state(), State::Closed, "it is warming up");
    assert_eq!(bench.at(9999).admit(), Admission::Full);
    assert_eq!(bench.state(), State::Closed);
    assert_eq!(bench.at(10_000).admit(), Admission::Full);
    assert_eq!(bench.state(), State::Open);
    let _ = bench.end(running, OK);
    assert_eq!(bench.state(), State::Open);
    bench.at(40_000);
    let probe = bench.start();
    let _ = bench.end(probe, Ended::Cancelled);
    assert_eq!(bench.state(), State::Open, "whoever tries must not go away");
}

#[test]
fn circuitbreaker_py_closes_at_a_late_success_and_lets_all_try() {
    let mut bench = Bench::new(r#"{"circuitbreaker_py": {"failures": 0}}"#);
    let late = [bench.start(), bench.start()];
    assert!(bench.calls(5, FAIL));
    assert!(bench.rejects());
    let _ = bench.at(6000).end(late[0], FAIL);
    assert!(bench.at(30_000).rejects(), "the late failure has prolonged it");
    bench.at(36_000);
    let probes: Vec<Permit> = (0..50).map(|_| bench.start()).collect();
    let _ = bench.end(probes[0], FAIL);
    assert!(bench.rejects());
    let _ = bench.end(late[1], OK);
    assert_eq!(bench.state(), State::Closed);
    assert_eq!(bench.breaker.counts(bench.now).opened, 2);
}

#[test]
fn pybreaker_lets_one_call_at_a_time_through() {
    let mut bench = Bench::new(r#"{"pybreaker": {"failures": 1}}"#);
    let first = bench.start();
    assert_eq!(bench.admit(), Admission::Wait);
    assert_eq!(bench.end(first, FAIL), Released { waiters: true, masked: true });
    assert!(bench.rejects(), "who waited finds it open");
    bench.at(60_000);
    let probe = bench.start();
    assert_eq!(bench.admit(), Admission::Wait);
    let _ = bench.end(probe, OK);
    assert_eq!(bench.state(), State::Closed);
}

#[test]
fn cockatiel_callers_wait_for_the_one_that_tries() {
    let spec = r#"{"cockatiel": {"counter": {"in_a_row": {"failures": 1}}, "half_open_after": "1s"}}"#;
    let mut bench = Bench::new(spec);
    let late = bench.start();
    bench.calls(1, FAIL);
    assert!(bench.at(999).rejects());
    bench.at(1000);
    let probe = bench.start();
    assert_eq!(bench.admit(), Admission::Wait);
    assert_eq!(bench.end(late, FAIL), Released::default(), "version 3 waits for the call, not for the verdict");
    assert_eq!(bench.state(), State::Open);
    assert_eq!(bench.end(probe, OK), Released::WAITERS);
    assert_eq!(bench.state(), State::Open);
    bench.at(2000);
    let probe = bench.start();
    assert_eq!(bench.end(probe, OK), Released::WAITERS);
    assert!(bench.start() != probe && bench.calls(1, OK));
}

#[test]
fn cockatiel_4_tries_several_calls() {
    let spec = r#"{"cockatiel": {"counter": {"count": {"threshold": "50%", "size": 2}}, "half_open_after": "1s",
        "growth": {"factor": 2.0}, "half_open": {"calls": 4, "threshold": "25%"}}}"#;
    let mut bench = Bench::new(spec);
    bench.calls(2, FAIL);
    bench.at(1000);
    let probes: Vec<Permit> = (0..4).map(|_| bench.start()).collect();
    assert_eq!(bench.admit(), Admission::Wait);
    let _ = bench.end(probes[0], FAIL);
    assert_eq!(bench.state(), State::HalfOpen, "one of four may fail");
    assert_eq!(bench.end(probes[1], FAIL), Released::WAITERS);
    assert!(bench.at(2999).rejects(), "the second time it stays open twice as long");
    bench.at(3000);
    let _ = bench.end(probes[2], FAIL);
    let probes: Vec<Permit> = (0..4).map(|_| bench.start()).collect();
    for probe in &probes[1..] {
        assert_eq!(bench.end(*probe, OK), Released::default());
    }
    assert_eq!(bench.end(probes[0], FAIL), Released::WAITERS);
    assert_eq!(bench.state(), State::Closed);
}

#[test]
fn failsafe_go_opens_at_the_first_failure_and_tries_at_its_delay() {
    let mut bench = Bench::new(r#"{"failsafe_go": {}}"#);
    bench.calls(1, FAIL);
    assert!(bench.at(59_999).rejects());
    assert!(bench.at(60_000).calls(1, OK));
    assert_eq!(bench.state(), State::Closed);
}

#[test]
fn failsafe_go_thresholds() {
    let mut bench = Bench::new(r#"{"failsafe_go": {"failure": {"ratio": {"failures": 3, "of": 5}}}}"#);
    assert!(bench.calls(2, FAIL) && bench.calls(3, OK) && bench.calls(2, FAIL));
    assert_eq!(bench.state(), State::Closed, "two of the last five");
    assert!(bench.calls(1, FAIL));
    assert_eq!(bench.state(), State::Open);
    bench.at(60_000);
    let probes: Vec<Permit> = (0..5).map(|_| bench.start()).collect();
    assert!(bench.rejects());
    let _ = bench.end(probes[0], FAIL);
    bench.start();
    for probe in &probes[1..3] {
        let _ = bench.end(*probe, OK);
        assert_eq!(bench.state(), State::HalfOpen);
    }
    let _ = bench.end(probes[3], OK);
    assert_eq!(bench.state(), State::Closed, "three successes are more than 5 - 3");

    let mut bench = Bench::new(r#"{"failsafe_go": {"failure": {"period": {"failures": 2, "within": "10s"}}}}"#);
    assert!(bench.at(999).calls(1, FAIL) && bench.at(10_000).calls(1, FAIL));
    assert_eq!(bench.state(), State::Closed, "a slice of a second falls out as a whole");
    assert!(bench.at(19_999).calls(1, FAIL));
    assert_eq!(bench.state(), State::Open);
    assert!(bench.at(80_000).calls(1, OK));
    assert_eq!(bench.state(), State::Closed, "one success is more than 2 - 2");
}

#[test]
fn failsafe_go_rates_and_successes() {
    let spec = r#"{"failsafe_go": {"failure": {"rate": {"failures": "50%", "calls": 4, "within": "60s"}},
        "success": {"successes": 2, "of": 3}, "delay": "1s"}}"#;
    let mut bench = Bench::new(spec);
    assert!(bench.calls(3, FAIL));
    assert_eq!(bench.state(), State::Closed, "four calls are needed");
    assert!(bench.calls(1, OK));
    assert_eq!(bench.state(), State::Open, "a success can complete them");
    bench.at(1000);
    assert!(bench.calls(1, FAIL));
    assert_eq!(bench.state(), State::HalfOpen);
    assert!(bench.calls(1, FAIL));
    assert_eq!(bench.state(), State::Open, "two failures leave less than 2 of 3");
    bench.at(2000);
    assert!(bench.calls(1, FAIL) && bench.calls(2, OK));
    assert_eq!(bench.state(), State::Closed);
}

#[test]
fn the_plain_one_is_what_runbooks_say() {
    let spec = r#"{"consecutive": {"failures": 5, "open": "60s", "half_open_calls": 3, "successes": 2}}"#;
    let mut bench = Bench::new(spec);
    let late = bench.start();
    assert!(bench.calls(4, FAIL) && bench.calls(1, OK) && bench.calls(5, FAIL));
    assert!(bench.at(59_999).rejects());
    bench.at(60_000);
    let probes: Vec<Permit> = (0..3).map(|_| bench.start()).collect();
    assert!(bench.rejects());
    let _ = bench.end(probes[0], Ended::Cancelled);
    bench.start();
    let _ = bench.end(late, FAIL);
    let _ = bench.end(probes[1], OK);
    assert_eq!(bench.state(), State::HalfOpen);
    let _ = bench.end(probes[2], OK);
    assert_eq!(bench.state(), State::Closed);
}

/// Five failures in a row among calls that fail with probability 1/2 take 2⁶ − 2 calls on average.
#[test]
fn five_in_a_row_take_sixty_two_calls() {
    let mut bench = Bench::new(r#"{"consecutive": {"failures": 5, "open": "1ms"}}"#);
    let trips = 20_000;
    let mut draws = Luck::new(7).at(Place::named("test", Purpose::Jitter));
    let mut calls = 0_u32;
    while bench.breaker.counts(bench.now).opened < trips {
        calls += 1;
        assert!(bench.calls(1, if squall_sim::random::Draw::unit(&mut draws) < 0.5 { FAIL } else { OK }));
        if bench.state() == State::Open {
            let _ = bench.breaker.reset(bench.now);
        }
    }
    let mean = f64::from(calls) / trips as f64;
    // The standard deviation of the length is 58.2, so that this is four standard errors.
    assert!((mean - 62.0).abs() < 4.0 * 58.2 / (trips as f64).sqrt(), "{mean}");
}

#[test]
fn operators_hold_a_breaker_open_and_closed() {
    let mut bench = Bench::new(r#"{"pybreaker": {"failures": 1}}"#);
    let running = bench.start();
    assert_eq!(bench.breaker.force_open(), Released::WAITERS);
    assert_eq!(bench.state(), State::ForcedOpen);
    assert!(bench.rejects());
    let _ = bench.breaker.force_close();
    assert!(bench.calls(3, FAIL), "nothing is counted");
    assert_eq!(bench.state(), State::Closed);
    let _ = bench.breaker.reset(bench.now);
    assert_eq!(bench.admit(), Admission::Wait, "the call from before still holds the lock");
    let _ = bench.end(running, OK);
    let lost = bench.start();
    bench.breaker.restart(bench.now);
    let kept = bench.start();
    assert_eq!(bench.end(lost, FAIL), Released::default(), "of a process that is gone");
    assert_eq!(bench.end(kept, OK), Released::WAITERS);
    assert_eq!(bench.breaker.counts(bench.now).rejected, 1);
}

#[test]
fn what_a_breaker_cannot_have_is_named() {
    for (spec, path) in [
        (r#"{"resilience4j": {"window": {"time": "1500ms"}}}"#, "resilience4j.window.time"),
        (r#"{"resilience4j": {"window": {"calls": 0}}}"#, "resilience4j.window.calls"),
        (r#"{"hystrix": {"bucket": "300ms"}}"#, "hystrix.window"),
        (r#"{"polly": {"minimum_throughput": 1}}"#, "polly.minimum_throughput"),
        (r#"{"opossum": {"buckets": 20000}}"#, "opossum.window"),
        (r#"{"gobreaker": {"bucket": "1s"}}"#, "gobreaker.bucket"),
        (r#"{"consecutive": {"on": []}}"#, "consecutive.on"),
        (r#"{"failsafe_go": {"failure": {"ratio": {"failures": 3, "of": 2}}}}"#, "failsafe_go.failure.ratio"),
        (
            r#"{"cockatiel": {"counter": {"sampling": {"threshold": "100%", "duration": "5s"}}, "half_open_after": "1s"}}"#,
            "cockatiel.counter.sampling.threshold",
        ),
    ] {
        let spec: Spec = serde_json::from_str(spec).expect(spec);
        let problems = check(&spec);
        assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path]);
    }
}

#[test]
fn a_permit_is_small() {
    assert!(size_of::<Permit>() <= 16);
}
