//! Limits against the values that the libraries show, and what holds of all of them.

use super::*;
use crate::units::Duration;
use proptest::prelude::*;
use squall_sim::random::{Luck, Place, Purpose};

/// Gives the same number for ever.
struct Always(f64);

impl Draw for Always {
    fn bits(&mut self) -> u64 {
        ((self.0 * (1u64 << 53) as f64) as u64) << 11
    }
}

fn millis(n: u64) -> Span {
    Span::from_millis(n)
}

fn feed(limit: &mut Limit, rtt: u64, in_flight: u32, dropped: bool) -> u32 {
    limit.sample(Sample { now: Time::ZERO, rtt: millis(rtt), in_flight, dropped }, &mut Always(0.0));
    limit.limit()
}

#[test]
fn gradient2_grows_by_four_in_five_steps_when_times_stay_the_same() {
    let mut limit = Limit::new(&Spec::Gradient2(gradient2::Spec::default()));
    let seen: Vec<u32> = (0..10).map(|_| feed(&mut limit, 10, 40, false)).collect();
    assert_eq!(seen, [20, 21, 22, 23, 24, 24, 25, 26, 27, 28]);
}

#[test]
fn aimd_loses_a_tenth_for_each_drop() {
    let mut limit = Limit::new(&Spec::Aimd(aimd::Spec { initial: 100, min: 1, ..aimd::Spec::default() }));
    let seen: Vec<u32> = (0..5).map(|_| feed(&mut limit, 10, 100, true)).collect();
    assert_eq!(seen, [90, 81, 72, 64, 57]);
}

#[test]
fn vegas_takes_the_time_it_finds_for_the_time_without_load_when_it_probes() {
    let mut limit = Limit::new(&Spec::Vegas(vegas::Spec { initial: 10, max: 10, ..vegas::Spec::default() }));
    let first = feed(&mut limit, 10, 10, false);
    assert_eq!(first, 10);
    // 100 ms mean a queue of nine tenths, so the limit falls until that is 6. A jitter of 0.5 × 30 × 6 is a probe at the
    // 90th sample, after which 100 ms are the time without load.
    let later: Vec<u32> = (2..=91).map(|_| feed(&mut limit, 100, 10, false)).collect();
    assert_eq!((&later[..4], later[88], later[89]), (&[9, 8, 7, 6][..], 6, 10));
}

#[test]
fn vegas_probes_more_often_at_a_small_limit() {
    let spec = vegas::Spec { initial: 10, max: 10, probe_multiplier: 1, ..vegas::Spec::default() };
    let mut limit = Limit::new(&Spec::Vegas(spec));
    // The fourth sample finds a limit of 8, so it is a probe (0.5 × 1 × 8), and from then on there is no queue.
    let seen: Vec<u32> =
        [10, 100, 100, 100, 100, 100].into_iter().map(|rtt| feed(&mut limit, rtt, 10, false)).collect();
    assert_eq!(seen, [10, 9, 8, 8, 10, 10]);
}

#[test]
fn a_window_gives_the_mean_and_needs_ten_calls() {
    let window = Some(window::Spec::default());
    let mut limit = Limit::new(&Spec::Aimd(aimd::Spec { window, ..aimd::Spec::default() }));
    let mut at = |now: u64, rtt: u64, dropped: bool| {
        let now = Time::ZERO + millis(now);
        limit.sample(Sample { now, rtt: millis(rtt), in_flight: 20, dropped }, &mut Always(0.0));
        limit.limit()
    };
    // The first call ends the first window, which is too small and is thrown away.
    assert_eq!(at(10, 10, false), 20);
    for call in 0..12 {
        assert_eq!(at(20 + call, 10, false), 20, "within the window");
    }
    assert_eq!(at(1011, 10, false), 21);
    for call in 0..9 {
        assert_eq!(at(1020 + call, 10, true), 21);
    }
    // One of the window was dropped, so all of it counts as dropped: 21 × 0.9 is below the least, 20.
    assert_eq!(at(2012, 10, false), 20);
}

#[test]
fn who_waits_goes_out_newest_first_one_for_each_that_ends() {
    let waiting = Waiting::Lifo { backlog: 2, timeout: Duration::from_seconds(1.0) };
    let mut limit = Limit::new(&Spec::Fixed(fixed::Spec { limit: 1, waiting }));
    let (now, draws) = (Time::ZERO, &mut Always(0.0));
    let Verdict::Admit(token) = limit.admit(now, draws) else { panic!("there is room") };
    let until = now + Span::from_secs(1);
    assert_eq!(limit.admit(now, draws), Verdict::Wait { until });
    assert_eq!(limit.admit(now, draws), Verdict::Wait { until });
    assert_eq!(limit.admit(now, draws), Verdict::Reject);
    assert!(limit.newest_first() && limit.resume(now).is_none());
    limit.ended(now, token, Ended::Success, draws);
    assert!(limit.resume(now).is_some() && limit.resume(now).is_none());
    limit.gave_up();
    assert_eq!((limit.queued(), limit.in_flight()), (0, 1));
}

#[test]
fn queueing_refuses_in_proportion_between_its_bounds() {
    let waiting = Waiting::Queueing { from: 2.0, most: 3.0 };
    let mut limit = Limit::new(&Spec::Fixed(fixed::Spec { limit: 10, waiting }));
    for _ in 0..30 {
        assert_ne!(limit.admit(Time::ZERO, &mut Always(0.999)), Verdict::Reject);
    }
    // Twenty wait, which is where it begins; at 25 half of the calls are refused.
    assert_eq!(limit.queued(), 20);
    for _ in 0..5 {
        assert_ne!(limit.admit(Time::ZERO, &mut Always(0.999)), Verdict::Reject);
    }
    assert_eq!(limit.admit(Time::ZERO, &mut Always(0.5)), Verdict::Reject);
    assert_ne!(limit.admit(Time::ZERO, &mut Always(0.51)), Verdict::Reject);
    while limit.queued() < 30 {
        assert_ne!(limit.admit(Time::ZERO, &mut Always(0.999)), Verdict::Reject);
    }
    assert_eq!(limit.admit(Time::ZERO, &mut Always(0.999)), Verdict::Reject);
}

fn envoy() -> Spec {
    let spec = serde_json::from_str(r#"{"update_interval": "100ms", "min_rtt_interval": "30s", "jitter": "0%"}"#);
    Spec::EnvoyGradient(spec.unwrap())
}

/// Serves one call of this length that begins now.
fn serve(limit: &mut Limit, now: &mut Time, rtt: u64) -> bool {
    let draws = &mut Always(0.0);
    let verdict = limit.admit(*now, draws);
    *now += millis(rtt);
    if let Verdict::Admit(token) = verdict {
        limit.ended(*now, token, Ended::Success, draws);
    }
    verdict != Verdict::Reject
}

#[test]
fn envoy_measures_at_three_then_grows_and_measures_again() {
    let (mut limit, mut now) = (Limit::new(&envoy()), Time::ZERO);
    for _ in 0..50 {
        assert_eq!(limit.limit(), 3);
        assert!(serve(&mut limit, &mut now, 10));
    }
    // Half a second in, the measurement is over; each interval of 100 ms then moves the limit: 3 × 1.25 + √3.75 = 5.
    for expected in [3, 5, 8, 13, 20] {
        assert_eq!(limit.limit(), expected);
        for _ in 0..10 {
            serve(&mut limit, &mut now, 10);
        }
        // The interval's end is seen by the next call.
        now += millis(0);
        limit.admit(now, &mut Always(0.0));
        limit.ended(now, Token { started: Time::ZERO, in_flight: 1 }, Ended::Ignored, &mut Always(0.0));
    }
    now = Time::ZERO + Span::from_secs(31);
    limit.admit(now, &mut Always(0.0));
    assert_eq!(limit.limit(), 3, "a measurement is under way");
}

#[test]
fn envoy_doubts_its_measurement_after_five_intervals_at_the_minimum() {
    let (mut limit, mut now) = (Limit::new(&envoy()), Time::ZERO);
    for _ in 0..50 {
        serve(&mut limit, &mut now, 10);
    }
    for _ in 0..5 {
        serve(&mut limit, &mut now, 300);
    }
    // Slow calls in the measurement under way are the new time without load, so the limit grows again.
    for _ in 0..50 {
        serve(&mut limit, &mut now, 300);
    }
    for _ in 0..4 {
        serve(&mut limit, &mut now, 300);
    }
    assert!(limit.limit() > 5, "{}", limit.limit());
}

#[test]
fn failsafe_go_grows_while_times_are_even_and_shrinks_when_they_rise() {
    let mut limit = Limit::new(&Spec::FailsafeGo(failsafe_go::Spec::default()));
    let draws = &mut Always(0.0);
    let mut now = Time::ZERO;
    let mut window = |limit: &mut Limit, rtt: u64| {
        for _ in 0..60 {
            now += millis(25);
            let token = Token { started: now, in_flight: 20 };
            limit.in_flight += 1;
            limit.ended(now + millis(rtt), token, Ended::Success, draws);
        }
        limit.limit()
    };
    let first = window(&mut limit, 10);
    let grown = (0..20).map(|_| window(&mut limit, 10)).last().unwrap();
    assert!(first >= 20 && grown > 30, "{first} {grown}");
    let shrunk = (0..12).map(|_| window(&mut limit, 200)).last().unwrap();
    assert!(shrunk < grown, "{grown} then {shrunk}");
}

#[test]
fn what_cannot_be_a_limit_is_said_by_field() {
    let spec: Spec = serde_json::from_str(
        r#"{"gradient2": {"initial": 5, "min": 20, "window": {"max": "10ms"}, "waiting": {"queueing": {"most": 1}}}}"#,
    )
    .unwrap();
    let paths: Vec<String> = check(&spec).into_iter().map(|problem| problem.path).collect();
    assert_eq!(paths, ["gradient2.initial", "gradient2.window.max", "gradient2.waiting.queueing.most"]);
    for spec in specs() {
        assert_eq!(check(&spec), []);
    }
}

fn specs() -> [Spec; 6] {
    [
        Spec::Aimd(aimd::Spec::default()),
        Spec::Vegas(vegas::Spec::default()),
        Spec::Gradient(gradient::Spec { probe_interval: 20, ..gradient::Spec::default() }),
        Spec::Gradient2(gradient2::Spec { window: Some(window::Spec::default()), ..gradient2::Spec::default() }),
        envoy(),
        Spec::FailsafeGo(failsafe_go::Spec { samples: 5, ..failsafe_go::Spec::default() }),
    ]
}

fn bounds(spec: &Spec) -> (u32, u32) {
    match spec {
        Spec::Fixed(spec) => (spec.limit, spec.limit),
        Spec::Aimd(spec) => (spec.min, spec.max),
        Spec::Vegas(spec) => (1, spec.max),
        Spec::Gradient(spec) => (spec.min, spec.max),
        Spec::Gradient2(spec) => (spec.min, spec.max),
        Spec::EnvoyGradient(spec) => (spec.min_concurrency, spec.max),
        Spec::FailsafeGo(spec) => (spec.min, spec.max),
    }
}

proptest! {
    /// Whatever comes back and when: the limit stays within its bounds, and nothing goes out above it.
    #[test]
    fn a_limit_stays_within_its_bounds(steps in prop::collection::vec((0u64..2_000, 0u8..10), 1..400), seed: u64) {
        for spec in specs() {
            let (low, high) = bounds(&spec);
            let mut limit = Limit::new(&spec);
            let mut draws = Luck::new(seed).at(Place::named("limit", Purpose::Jitter));
            let (mut now, mut out) = (Time::ZERO, Vec::new());
            for &(wait, what) in &steps {
                now += millis(wait);
                if what < 6 {
                    let before = limit.in_flight();
                    match limit.admit(now, &mut draws) {
                        Verdict::Admit(token) => {
                            prop_assert!(before < limit.limit());
                            out.push(token);
                        }
                        Verdict::Reject => prop_assert!(before >= limit.limit()),
                        Verdict::Wait { .. } => prop_assert!(false, "nobody waits"),
                    }
                } else if let Some(token) = out.pop() {
                    let ended = [Ended::Success, Ended::Success, Ended::Dropped, Ended::Ignored][usize::from(what - 6)];
                    limit.ended(now, token, ended, &mut draws);
                }
                prop_assert!((low..=high).contains(&limit.limit()), "{spec:?}: {}", limit.limit());
                prop_assert_eq!(limit.in_flight() as usize, out.len());
            }
        }
    }
}
