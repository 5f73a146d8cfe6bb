//! What rate limits let through, by hand and whatever happens.

use super::*;
use proptest::prelude::*;

fn limiter(text: &str) -> Limiter {
    let spec: Spec = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(spec.check(), [], "{text}");
    Limiter::new(&spec, Time::ZERO)
}

fn at(millis: u64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

fn rejected(back: u64) -> Verdict {
    Verdict::Reject { after: Span::ZERO, back: Some(Span::from_millis(back)) }
}

fn waits(millis: u64) -> Verdict {
    Verdict::Wait(Span::from_millis(millis))
}

#[test]
fn a_fixed_window_lets_twice_as_many_through_around_its_border() {
    let mut limiter = limiter(r#"{"fixed_window": {"limit": 2, "window": "1s"}}"#);
    let verdicts = [900, 999, 999, 1000, 1001, 1500].map(|millis| limiter.admit(at(millis)));
    use Verdict::Admit;
    assert_eq!(verdicts, [Admit, Admit, rejected(1), Admit, Admit, rejected(500)]);
}

#[test]
fn a_sliding_log_never_does() {
    let mut limiter = limiter(r#"{"sliding_log": {"limit": 2, "window": "1s"}}"#);
    let verdicts = [900, 999, 1000, 1899, 1900, 1998, 1999].map(|millis| limiter.admit(at(millis)));
    use Verdict::Admit;
    assert_eq!(verdicts, [Admit, Admit, rejected(900), rejected(1), Admit, rejected(1), Admit]);
}

/// Four in the window before, of which a quarter has slid out: three and one are the limit.
#[test]
fn a_sliding_window_says_when_to_come_back() {
    let mut limiter = limiter(r#"{"sliding_window": {"limit": 4, "window": "1s"}}"#);
    for _ in 0..4 {
        assert_eq!(limiter.admit(at(0)), Verdict::Admit);
    }
    assert_eq!(limiter.admit(at(1250)), Verdict::Admit);
    let Verdict::Reject { back: Some(back), .. } = limiter.admit(at(1250)) else { panic!("it is full") };
    // The estimate has to come below four, which it does just after this instant.
    assert_eq!(back, Span::from_nanos(1));
    let Verdict::Reject { back: Some(back), .. } = ({
        assert_eq!(limiter.admit(at(1251)), Verdict::Admit);
        limiter.admit(at(1251))
    }) else {
        panic!("it is full")
    };
    // Two now, so that no more than two of the four may still count: at half of the window.
    assert_eq!(back, Span::from_millis(249) + Span::from_nanos(1));
    assert_eq!(limiter.admit(at(1251) + back), Verdict::Admit);
}

/// nginx at 10 r/s with a burst of two: the first at once, the next two 100 ms apart, and no more.
#[test]
fn a_leaky_bucket_spaces_what_waits() {
    let text = r#"{"leaky_bucket": {"rate": "10/s", "burst": 2}}"#;
    let mut queue = limiter(text);
    let verdicts = [0, 0, 0, 0, 100, 150].map(|millis| queue.admit(at(millis)));
    assert_eq!(verdicts, [Verdict::Admit, waits(100), waits(200), rejected(101), waits(200), rejected(51)]);
    let mut nodelay = limiter(&text.replace("2}", "2, \"nodelay\": true}"));
    let verdicts = [0, 0, 0, 0, 100].map(|millis| nodelay.admit(at(millis)));
    use Verdict::Admit;
    assert_eq!(verdicts, [Admit, Admit, Admit, rejected(101), Admit]);
}

/// Five a second and three at once; those who may wait for 400 ms take the next two tokens.
#[test]
fn a_token_bucket_promises_what_is_to_come() {
    let mut limiter = limiter(r#"{"token_bucket": {"rate": "5/s", "burst": 3, "max_wait": "400ms"}}"#);
    let verdicts = [0; 6].map(|millis| limiter.admit(at(millis)));
    use Verdict::Admit;
    assert_eq!(verdicts, [Admit, Admit, Admit, waits(200), waits(400), rejected(600)]);
    assert_eq!(limiter.admit(at(300)), waits(300));
}

/// It is found to be too full for a wait of 1.5 s, waits for all of it, and could come back half a second later.
#[test]
fn resilience4j_waits_even_in_vain() {
    let mut limiter = limiter(r#"{"resilience4j": {"limit": 1, "period": "1s", "timeout": "1500ms"}}"#);
    let verdicts = [0; 3].map(|millis| limiter.admit(at(millis)));
    let (after, back) = (Span::from_millis(1500), Some(Span::from_millis(500)));
    assert_eq!(verdicts, [Verdict::Admit, waits(1000), Verdict::Reject { after, back }]);
}

#[test]
fn an_adaptive_limit_follows_the_failures() {
    let Limiter::Adaptive(mut limiter) = limiter(r#"{"adaptive": {}}"#) else { panic!("it is one") };
    let minute = |minute: u64| at(minute * 60_000);
    let error = Err(crate::outcome::Failure::Error);
    assert_eq!(limiter.limit(minute(0)), 1000);
    // Twenty with one failure are not too many, with two they are.
    for (call, limit) in [(1, 1000), (2, 500)] {
        (0..20).for_each(|at| limiter.ended(minute(call - 1), if at < call { error } else { Ok(()) }));
        assert_eq!(limiter.limit(minute(call)), limit);
    }
    for (at, limit) in [(2, 250), (3, 125), (4, 62), (5, 31), (6, 15), (7, 10), (8, 10)] {
        limiter.ended(minute(at), error);
        assert_eq!(limiter.limit(minute(at + 1)), limit);
    }
    assert_eq!(limiter.limit(minute(10)), 60);
    assert_eq!(limiter.limit(minute(1000)), 1000);
}

#[test]
fn clients_can_count_apart() {
    let spec = |per_client: bool| {
        let text =
            format!(r#"{{"gcra": {{"rate": "1/s", "burst": 0, "per_client": {per_client}, "retry_after": true}}}}"#);
        serde_json::from_str::<Spec>(&text).unwrap()
    };
    let mut together = RateLimit::new(&spec(false), 2, Time::ZERO);
    assert_eq!([0, 1, 0].map(|client| together.admit(at(0), client)), [Verdict::Admit, rejected(1000), rejected(1000)]);
    let mut apart = RateLimit::new(&spec(true), 2, Time::ZERO);
    assert_eq!([0, 1, 0].map(|client| apart.admit(at(0), client)), [Verdict::Admit, Verdict::Admit, rejected(1000)]);
}

/// Members at 5 calls a second, with what they let through at once at most.
const BOUNDS: [(&str, f64); 8] = [
    (r#"{"token_bucket": {"rate": "5/s", "burst": 3}}"#, 3.0),
    (r#"{"token_bucket": {"rate": "5/s", "burst": 3, "max_wait": "2s"}}"#, 3.0),
    (r#"{"leaky_bucket": {"rate": "5/s", "burst": 3, "nodelay": true}}"#, 4.0),
    (r#"{"gcra": {"rate": "5/s", "burst": 2}}"#, 3.0),
    (r#"{"fixed_window": {"limit": 5, "window": "1s"}}"#, 10.0),
    (r#"{"sliding_window": {"limit": 5, "window": "1s"}}"#, 10.0),
    (r#"{"sliding_log": {"limit": 5, "window": "1s"}}"#, 5.0),
    (r#"{"resilience4j": {"limit": 5, "period": "1s", "timeout": "2s"}}"#, 10.0),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However calls come, no more of them go on in any stretch of time than the limit says, and no bucket is below empty.
    #[test]
    fn no_stretch_of_time_has_more_than_its_share(gaps in prop::collection::vec(0u64..400, 1..150)) {
        for (text, at_once) in BOUNDS {
            let (mut limiter, mut now, mut went) = (limiter(text), 0, Vec::new());
            for gap in &gaps {
                now += gap;
                match limiter.admit(at(now)) {
                    Verdict::Admit => went.push(at(now)),
                    Verdict::Wait(wait) => {
                        prop_assert!(wait <= Span::from_secs(2), "{text}: {wait}");
                        went.push(at(now) + wait);
                    }
                    Verdict::Reject { .. } => {}
                }
                match &limiter {
                    Limiter::TokenBucket(bucket) if !text.contains("max_wait") => {
                        prop_assert!((-1e-8..=3.0).contains(&bucket.tokens(at(now))), "{text}");
                    }
                    Limiter::LeakyBucket(bucket) => prop_assert!(bucket.excess() <= 3000, "{text}"),
                    _ => {}
                }
            }
            went.sort();
            for (first, from) in went.iter().enumerate() {
                for (count, to) in went[first..].iter().enumerate() {
                    let most = at_once + 5.0 * to.since(*from).seconds();
                    prop_assert!(count as f64 + 1.0 <= most + 1e-6, "{text}: {} in {}", count + 1, to.since(*from));
                }
            }
        }
    }

    /// Who comes back when told is let in, if nobody else came.
    #[test]
    fn who_comes_back_when_told_is_let_in(gaps in prop::collection::vec(0u64..400, 1..60)) {
        for (text, _) in BOUNDS {
            let (mut limiter, mut now) = (limiter(text), Time::ZERO);
            for gap in &gaps {
                now += Span::from_millis(*gap);
                if let Verdict::Reject { after, back } = limiter.admit(now) {
                    let mut alone = limiter.clone();
                    // A nanosecond more, where a fraction of one is cut off.
                    let back = now + after + back.expect("all of these know") + Span::from_nanos(1);
                    let verdict = alone.admit(back);
                    prop_assert!(!matches!(verdict, Verdict::Reject { .. }), "{text} at {now}");
                }
            }
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_its_path() {
    for (text, path) in [
        (r#"{"token_bucket": {"rate": "0/s", "burst": 1}}"#, "token_bucket.rate"),
        (r#"{"token_bucket": {"rate": "1/s", "burst": 0}}"#, "token_bucket.burst"),
        (r#"{"gcra": {"rate": "0/s", "burst": 1}}"#, "gcra.rate"),
        (r#"{"fixed_window": {"limit": 0, "window": "1s"}}"#, "fixed_window.limit"),
        (r#"{"sliding_window": {"limit": 1, "window": "0s"}}"#, "sliding_window.window"),
        (r#"{"resilience4j": {"period": "0s"}}"#, "resilience4j.period"),
        (r#"{"adaptive": {"min": 2000}}"#, "adaptive.min"),
    ] {
        let problems = serde_json::from_str::<Spec>(text).unwrap().check();
        assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{text}");
    }
}
