//! How each library ejects, at its edges, and what holds of all of them.

use super::*;
use proptest::prelude::*;
use squall_sim::Span;
use squall_sim::random::{Luck, Place, Purpose};

/// An ejector, a clock, and one uniform draw for all.
struct Bench {
    ejector: Ejector,
    now: Time,
    draws: Always,
}

/// The same draw for ever, and how many were made.
struct Always {
    uniform: f64,
    made: usize,
}

impl Draw for Always {
    fn bits(&mut self) -> u64 {
        self.made += 1;
        (self.uniform * (1u64 << 53) as f64) as u64 * (1 << 11)
    }
}

use Answer::{Cancelled, Error, Gateway, Local, Overload, Success};

impl Bench {
    fn new(spec: &str, replicas: usize) -> Self {
        let spec: Spec = serde_json::from_str(spec).expect(spec);
        assert_eq!(check(&spec), Vec::new());
        let ejector = Ejector::new(&spec, replicas, Time::ZERO);
        Self { ejector, now: Time::ZERO, draws: Always { uniform: 0.5, made: 0 } }
    }

    fn at(&mut self, millis: u64) -> &mut Self {
        self.now = Time::ZERO + Span::from_millis(millis);
        self.ejector.advance(self.now, &mut self.draws);
        self
    }

    fn start(&mut self, replica: usize) {
        assert_ne!(self.is(replica), Availability::No, "at {}", self.now);
        self.ejector.started(replica, self.now);
    }

    fn end(&mut self, replica: usize, answer: Answer) {
        self.ejector.ended(replica, self.now, answer, &mut self.draws);
    }

    /// Calls that end at once.
    fn calls(&mut self, replica: usize, n: u32, answer: Answer) {
        for _ in 0..n {
            self.ejector.started(replica, self.now);
            self.end(replica, answer);
        }
    }

    fn is(&self, replica: usize) -> Availability {
        self.ejector.available(replica, self.now)
    }

    fn out(&self) -> usize {
        self.ejector.ejected(self.now)
    }
}

#[test]
fn ten_percent_of_five_bad_hosts_are_one_or_none() {
    for (spec, out) in [
        (r#"{"envoy": {"maximum": "legacy"}}"#, 1),
        (r#"{"envoy": {}}"#, 0),
        (r#"{"envoy": {"always_eject_one_host": true}}"#, 1),
        (r#"{"istio": {}}"#, 0),
    ] {
        let mut bench = Bench::new(spec, 5);
        for host in 0..5 {
            bench.calls(host, 10, Gateway);
        }
        assert_eq!((bench.out(), bench.draws.made), (out, 0), "{spec}");
    }
}

#[test]
fn envoy_returns_hosts_at_sweeps_and_counts_ejections_down() {
    let mut bench = Bench::new(r#"{"envoy": {"max_ejection_percent": "100%"}}"#, 2);
    bench.at(12_000).calls(0, 5, Error);
    assert_eq!(bench.at(49_999).is(0), Availability::No, "it is 42 s, but there is no sweep");
    assert_eq!(bench.at(50_000).is(0), Availability::Yes);
    bench.at(51_000).calls(0, 5, Error);
    assert_eq!((bench.at(119_999).is(0), bench.ejector.strikes(0)), (Availability::No, 2));
    assert_eq!(bench.at(120_000).is(0), Availability::Yes);
    assert_eq!(bench.at(129_999).out() as u32 + bench.ejector.strikes(0), 2);
    bench.at(130_000);
    assert_eq!(bench.ejector.strikes(0), 1, "it has been well for an interval");
    assert_eq!(bench.ejector.next_sweep(), Some(Time::ZERO + Span::from_secs(140)));
}

#[test]
fn envoy_counts_start_over_when_a_host_could_not_be_ejected() {
    let mut bench = Bench::new(r#"{"envoy": {"max_ejection_percent": "50%"}}"#, 2);
    bench.calls(0, 5, Error);
    bench.calls(1, 9, Error);
    assert_eq!(bench.out(), 1);
    bench.at(30_000);
    assert_eq!(bench.out(), 0);
    bench.calls(1, 1, Error);
    assert_eq!(bench.is(1), Availability::No, "five since the fifth");
}

#[test]
fn envoy_tells_kinds_of_failures_apart() {
    let spec = r#"{"envoy": {"max_ejection_percent": "100%", "consecutive_5xx": 10,
        "enforcing_consecutive_gateway_failure": "100%"}}"#;
    let mut bench = Bench::new(spec, 2);
    bench.calls(0, 4, Gateway);
    bench.calls(0, 1, Error);
    bench.calls(0, 4, Local);
    assert_eq!(bench.out(), 0, "an answer that is no gateway's error starts those over");
    bench.calls(0, 1, Gateway);
    assert_eq!(bench.out(), 1);
    bench.calls(1, 9, Error);
    bench.calls(1, 1, Overload);
    bench.calls(1, 1, Error);
    assert_eq!(bench.out(), 1, "too many requests are no server error");

    let spec = r#"{"envoy": {"max_ejection_percent": "100%", "split_external_local_origin_errors": true}}"#;
    let mut bench = Bench::new(spec, 2);
    for _ in 0..5 {
        bench.calls(0, 4, Local);
        bench.calls(0, 1, Error);
    }
    assert_eq!(bench.out(), 1, "five errors in a row, whatever timed out between them");
    bench.calls(1, 5, Local);
    assert_eq!(bench.out(), 2);
}

#[test]
fn envoy_finds_hosts_that_stand_out() {
    let spec = r#"{"envoy": {"max_ejection_percent": "40%", "enforcing_consecutive_5xx": "0%"}}"#;
    let mut bench = Bench::new(spec, 5);
    for host in 0..5 {
        bench.calls(host, 50, if host == 2 { Error } else { Success });
        bench.calls(host, 50, Success);
    }
    assert_eq!(bench.at(9_999).out(), 0);
    assert_eq!(bench.at(10_000).is(2), Availability::No, "50 % is less than 90 % - 1.9 · 20 %");
    assert_eq!(bench.out(), 1);
    let mut bench = Bench::new(spec, 5);
    for host in 0..5 {
        bench.calls(host, 48, if host == 2 { Error } else { Success });
        bench.calls(host, 51, Success);
    }
    assert_eq!(bench.at(20_000).out(), 0, "99 requests are not enough");
}

#[test]
fn envoy_enforces_to_a_share_and_jitters() {
    let spec = r#"{"envoy": {"max_ejection_percent": "100%", "enforcing_consecutive_5xx": "50%",
        "max_ejection_time_jitter": "20s"}}"#;
    let mut bench = Bench::new(spec, 2);
    bench.calls(0, 5, Error);
    assert_eq!((bench.out(), bench.draws.made), (0, 1), "0.5 is not less than 50 %");
    bench.draws.uniform = 0.49;
    bench.calls(0, 5, Error);
    assert_eq!((bench.out(), bench.draws.made), (1, 3));
    assert_eq!(bench.at(39_999).out(), 1, "30 s and 9.8 s of jitter");
    assert_eq!(bench.at(40_000).out(), 0);
}

#[test]
fn istio_calls_everyone_when_few_are_left() {
    let spec = r#"{"istio": {"max_ejection_percent": "100%", "min_health_percent": "50%"}}"#;
    let mut bench = Bench::new(spec, 4);
    bench.calls(0, 5, Error);
    bench.calls(1, 5, Error);
    assert_eq!(bench.out(), 2);
    bench.calls(2, 5, Error);
    assert_eq!((bench.out(), bench.ejector.ejections()), (0, 3));
}

#[test]
fn grpc_ejects_at_sweeps_only_and_strictly() {
    let spec = r#"{"grpc_a50": {"success_rate_ejection": {}, "failure_percentage_ejection": {}}}"#;
    let mut bench = Bench::new(spec, 5);
    for host in 0..5 {
        // Of a hundred calls, so that only one is far enough from the others.
        bench.calls(host, 85, if host == 4 { Error } else { Success });
        bench.calls(host, 15, Success);
    }
    assert_eq!(bench.at(10_000).is(4), Availability::No);
    assert_eq!(bench.at(40_000).is(4), Availability::No, "strictly later than 30 s");
    assert_eq!(bench.at(50_000).is(4), Availability::Yes);
    for host in 0..5 {
        bench.calls(host, 85, Error);
        bench.calls(host, 15, Success);
    }
    assert_eq!(bench.at(60_000).out(), 0, "85 % is not more than 85 %");
    for host in 0..5 {
        bench.calls(host, 86, Cancelled);
        bench.calls(host, 14, Success);
    }
    assert_eq!(bench.at(70_000).out(), 1, "one of five is already more than 10 %");
}

#[test]
fn linkerd_doubles_penalties_and_lets_one_call_try() {
    let mut bench = Bench::new(r#"{"linkerd": {"jitter": "0%"}}"#, 1);
    bench.calls(0, 6, Error);
    bench.calls(0, 1, Overload);
    bench.calls(0, 6, Error);
    assert_eq!(bench.is(0), Availability::Yes);
    bench.calls(0, 1, Local);
    assert_eq!(bench.at(999).is(0), Availability::No);
    bench.end(0, Success);
    assert_eq!(bench.is(0), Availability::No, "late answers mean nothing");
    assert_eq!(bench.at(1000).is(0), Availability::Probe);
    bench.start(0);
    assert_eq!(bench.is(0), Availability::No);
    bench.end(0, Error);
    assert_eq!(bench.at(2999).is(0), Availability::No);
    bench.at(3000).start(0);
    bench.end(0, Cancelled);
    assert_eq!(bench.is(0), Availability::Probe);
    bench.start(0);
    bench.end(0, Success);
    assert_eq!(bench.is(0), Availability::Yes);
    bench.calls(0, 7, Error);
    assert_eq!(bench.at(3999).is(0), Availability::No);
    assert_eq!(bench.at(4000).is(0), Availability::Probe, "it began anew");
    let mut bench = Bench::new(r#"{"linkerd": {"max_failures": 1}}"#, 1);
    bench.calls(0, 1, Error);
    assert_eq!(bench.at(1249).is(0), Availability::No, "1 s and a half of half of it");
    assert_eq!((bench.at(1250).is(0), bench.draws.made), (Availability::Probe, 1));
}

#[test]
fn linkerd_looks_at_the_success_rate() {
    let mut bench = Bench::new(r#"{"linkerd": {"jitter": "0%", "success_rate": {}}}"#, 1);
    bench.calls(0, 8, Success);
    bench.calls(0, 2, Overload);
    assert_eq!(bench.is(0), Availability::Yes, "80 % is not less than 80 %");
    bench.at(10_000).calls(0, 4, Overload);
    assert_eq!(bench.is(0), Availability::Yes, "the window has passed; four are not enough");
    bench.calls(0, 1, Overload);
    assert_eq!(bench.is(0), Availability::No);
    bench.at(11_000).start(0);
    bench.end(0, Overload);
    assert_eq!(bench.at(12_999).is(0), Availability::No, "whoever tries must not hear too many");
}

#[test]
fn finagle_marks_dead_longer_and_longer() {
    let mut bench = Bench::new(r#"{"finagle": {}}"#, 2);
    bench.calls(0, 4, Error);
    bench.calls(0, 1, Success);
    bench.calls(0, 4, Error);
    assert_eq!(bench.is(0), Availability::Yes);
    bench.calls(0, 1, Error);
    assert_eq!((bench.at(4999).is(0), bench.draws.made), (Availability::No, 0));
    bench.at(5000).start(0);
    assert_eq!(bench.is(0), Availability::No, "one at a time");
    bench.end(0, Local);
    assert_eq!(bench.at(12_499).is(0), Availability::No, "5 s and half of 5 s");
    bench.at(12_500).start(0);
    bench.end(0, Cancelled);
    assert_eq!((bench.is(0), bench.draws.made), (Availability::Probe, 1));
    bench.start(0);
    bench.end(0, Error);
    assert_eq!(bench.at(27_499).is(0), Availability::No, "10 s and half of 10 s");
    bench.at(27_500).start(0);
    bench.end(0, Success);
    assert_eq!((bench.is(0), bench.ejector.ejections()), (Availability::Yes, 1));
}

#[test]
fn finagle_looks_at_the_success_rate_after_a_window() {
    let mut bench = Bench::new(r#"{"finagle": {"failures": 1000}}"#, 1);
    bench.calls(0, 1, Error);
    for second in 1..30 {
        bench.at(second * 1000).calls(0, 1, if second % 2 == 0 { Error } else { Success });
    }
    assert_eq!(bench.is(0), Availability::Yes);
    bench.at(30_000).calls(0, 1, Error);
    assert_eq!(bench.is(0), Availability::No);
    let mut bench = Bench::new(r#"{"finagle": {"failures": 1000}}"#, 1);
    bench.at(1000).calls(0, 1, Error);
    bench.at(100_000).calls(0, 4, Error);
    assert_eq!(bench.is(0), Availability::Yes, "five requests in the window are needed");
    bench.at(100_001).calls(0, 1, Error);
    assert_eq!(bench.is(0), Availability::No);
}

#[test]
fn nginx_counts_whole_seconds_and_tries_one_request() {
    let mut bench = Bench::new(r#"{"nginx_peer": {}}"#, 2);
    bench.calls(0, 9, Gateway);
    assert_eq!(bench.is(0), Availability::Yes, "an answer is an answer");
    bench.at(1999).calls(0, 1, Local);
    assert_eq!(bench.at(11_999).is(0), Availability::No);
    assert_eq!(bench.at(12_000).is(0), Availability::Probe, "11 s by the second hand");
    bench.start(0);
    assert_eq!(bench.at(22_999).is(0), Availability::No, "while it is tried");
    bench.end(0, Success);
    assert_eq!(bench.is(0), Availability::Yes);
    let mut bench = Bench::new(r#"{"nginx_peer": {"max_fails": 2}}"#, 2);
    bench.calls(0, 1, Local);
    bench.calls(0, 5, Success);
    bench.calls(0, 1, Local);
    assert_eq!(bench.is(0), Availability::No, "successes in between forget nothing");
    let mut bench = Bench::new(r#"{"nginx_peer": {}}"#, 1);
    bench.calls(0, 5, Local);
    assert_eq!(bench.is(0), Availability::Yes, "the only one stays");
}

#[test]
fn failures_are_what_a_service_would_answer() {
    assert_eq!(Answer::of(Ok(()), true), Success);
    assert_eq!(Answer::of(Err(Failure::Timeout), false), Local);
    assert_eq!(Answer::of(Err(Failure::Timeout), true), Gateway);
    assert_eq!(Answer::of(Err(Failure::Error), true), Error);
    assert_eq!(Answer::of(Err(Failure::RateLimited), true), Overload);
    assert_eq!(Answer::of(Err(Failure::Abandoned), false), Cancelled);
}

const CASES: [&str; 5] = [
    r#"{"envoy": {"max_ejection_percent": "PCT", "consecutive_5xx": 2, "success_rate_request_volume": 3,
        "success_rate_minimum_hosts": 2, "failure_percentage_request_volume": 3, "failure_percentage_minimum_hosts": 2,
        "enforcing_failure_percentage": "60%", "base_ejection_time": "12s"}}"#,
    r#"{"envoy": {"max_ejection_percent": "PCT", "consecutive_5xx": 2, "always_eject_one_host": true}}"#,
    r#"{"envoy": {"max_ejection_percent": "PCT", "consecutive_5xx": 2, "maximum": "legacy", "interval": "3s"}}"#,
    r#"{"istio": {"max_ejection_percent": "PCT", "consecutive_5xx_errors": 2}}"#,
    r#"{"grpc_a50": {"max_ejection_percent": "PCT", "success_rate_ejection": {"minimum_hosts": 2, "request_volume": 3,
        "stdev_factor": 500}, "failure_percentage_ejection": {"minimum_hosts": 2, "request_volume": 3,
        "threshold": "30%"}}}"#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_more_hosts_are_out_than_the_maximum(
        which in 0..CASES.len(),
        percent in 0..=100usize,
        hosts in 1..12usize,
        calls in prop::collection::vec((0..12usize, 0..3000u64, prop::bool::ANY), 0..200),
    ) {
        let spec: Spec = serde_json::from_str(&CASES[which].replace("PCT", &format!("{percent}%"))).expect("it is one");
        let mut ejector = Ejector::new(&spec, hosts, Time::ZERO);
        let mut draws = Luck::new(1).at(Place::named("test", Purpose::Jitter));
        // Current versions of Envoy stay at or below it; the others eject while they are below it.
        let most = match which {
            0 | 3 => hosts * percent / 100,
            1 => (hosts * percent / 100).max(1),
            _ => (hosts * percent).div_ceil(100),
        };
        let mut now = Time::ZERO;
        for (host, gap, failed) in calls {
            now += Span::from_millis(gap);
            ejector.advance(now, &mut draws);
            ejector.started(host % hosts, now);
            // Some hosts are worse than others.
            let answer = if failed || host % 3 == 0 { Error } else { Success };
            ejector.ended(host % hosts, now, answer, &mut draws);
            prop_assert!(ejector.ejected(now) <= most, "{} of {} are out, {} may be", ejector.ejected(now), hosts, most);
        }
        ejector.resize(hosts + 3, now);
        prop_assert_eq!(ejector.available(hosts + 2, now), Availability::Yes);
        ejector.resize(1, now);
        prop_assert!(ejector.ejected(now) <= 1);
    }
}
