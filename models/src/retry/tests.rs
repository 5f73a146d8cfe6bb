//! What holds for every retry policy, and what the members' own tests use.

use super::*;

/// Always the same uniform draw.
pub(crate) struct Same(pub(crate) f64);

impl Draw for Same {
    fn bits(&mut self) -> u64 {
        (self.0 * (1u64 << 53) as f64) as u64 * (1 << 11)
    }
    fn unit(&mut self) -> f64 {
        self.0
    }
    fn below(&mut self, n: u64) -> u64 {
        ((self.0 * n as f64) as u64).min(n.saturating_sub(1))
    }
}

/// The facts of a plain error.
pub(crate) fn facts(attempts: u16, memory: u64) -> Facts {
    Facts { attempts, elapsed: Span::ZERO, memory, failure: Failure::Error, hint: Hint::None, idempotent: true }
}

fn policy(text: &str) -> Retry {
    let spec: Spec = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(spec.check(), [], "{text}");
    Retry::new(&spec)
}

/// All delays of a call that only ever fails, in seconds.
pub(crate) fn sequence(text: &str, uniform: f64) -> Vec<f64> {
    let policy = policy(text);
    let (mut attempts, mut memory, mut delays) = (1, 0, Vec::new());
    while let Some(next) = policy.decide(facts(attempts, memory), &mut Same(uniform)) {
        delays.push(next.delay.seconds());
        (attempts, memory) = (attempts + 1, next.memory);
    }
    delays
}

/// One of each member, with three attempts.
const ALL: [&str; 12] = [
    r#"{"constant": {"attempts": 3, "delay": "1s"}}"#,
    r#"{"linear": {"attempts": 3, "base": "1s", "step": "1s"}}"#,
    r#"{"exponential": {"attempts": 3, "base": "1s"}}"#,
    r#"{"aws_standard": {"attempts": 3}}"#,
    r#"{"cockatiel": {"retries": 2}}"#,
    r#"{"envoy": {"retries": 2}}"#,
    r#"{"finagle": {"retries": 2, "backoff": {"constant": "1s"}}}"#,
    r#"{"grpc": {"attempts": 3, "initial": "1s", "max": "2s", "multiplier": 2}}"#,
    r#"{"polly": {"retries": 2}}"#,
    r#"{"resilience4j": {}}"#,
    r#"{"tenacity": {"attempts": 3, "wait": {"fixed": "1s"}}}"#,
    r#"{"urllib3": {"retries": 2}}"#,
];

/// `{tag: {…}}` with more fields in it.
fn with(text: &str, more: &str) -> String {
    let inner = text.strip_suffix("}}").unwrap();
    let comma = if inner.ends_with('{') { "" } else { ", " };
    format!("{inner}{comma}{more}}}}}")
}

#[test]
fn attempts_and_retries_are_counted_as_they_are_named() {
    for text in ALL {
        assert_eq!(policy(text).attempts(), 3, "{text}");
        assert_eq!(sequence(text, 0.5).len(), 2, "{text}");
    }
}

#[test]
fn every_member_keeps_to_what_all_have_in_common() {
    for text in ALL {
        let draws = &mut Same(0.5);
        let errors = policy(&with(text, r#""on": ["timeout"]"#));
        assert!(errors.decide(facts(1, 0), draws).is_none(), "{text}");
        assert!(errors.decide(Facts { failure: Failure::Timeout, ..facts(1, 0) }, draws).is_some(), "{text}");
        assert!(errors.retries(Failure::Timeout) && !errors.retries(Failure::Error), "{text}");
        let careful = policy(&with(text, r#""only_idempotent": true"#));
        assert!(careful.decide(Facts { idempotent: false, ..facts(1, 0) }, draws).is_none(), "{text}");
        assert!(careful.decide(facts(1, 0), draws).is_some(), "{text}");
        let after = |seconds| Facts { elapsed: Span::from_secs(seconds), ..facts(1, 0) };
        let stop_after = policy(&with(text, r#""stop_after": "5s""#));
        assert!(stop_after.decide(after(4), draws).is_some() && stop_after.decide(after(5), draws).is_none(), "{text}");
        let stop_before = policy(&with(text, r#""stop_before": "10s""#));
        let delay = policy(text).decide(facts(1, 0), draws).unwrap().delay;
        let late = Facts { elapsed: Span::from_secs(10) - delay, ..facts(1, 0) };
        assert!(stop_before.decide(late, draws).is_none(), "{text}");
        let early = Facts { elapsed: late.elapsed - Span::from_nanos(1), ..late };
        assert!(stop_before.decide(early, draws).is_some(), "{text}");
    }
}

#[test]
fn delays_never_run_backwards_or_over() {
    for text in ALL {
        let endless = text
            .replace("\"attempts\": 3", "\"attempts\": \"unlimited\"")
            .replace("\"retries\": 2", "\"retries\": \"unlimited\"");
        let policy = policy(&endless);
        for uniform in [0.0, 0.5, 1.0] {
            let mut memory = 0;
            for attempts in 1..2000 {
                let Some(next) = policy.decide(facts(attempts, memory), &mut Same(uniform)) else { break };
                memory = next.memory;
            }
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_its_path() {
    let wrong = [
        (r#"{"constant": {"attempts": 0, "delay": "1s"}}"#, "constant.attempts"),
        (r#"{"exponential": {"attempts": 3, "base": "0s"}}"#, "exponential.base"),
        (r#"{"exponential": {"attempts": 3, "base": "5s", "cap": "1s"}}"#, "exponential.cap"),
        (r#"{"exponential": {"attempts": 3, "base": "5s", "factor": 0.5}}"#, "exponential.factor"),
        (r#"{"grpc": {"attempts": 1, "initial": "1s", "max": "1s", "multiplier": 2}}"#, "grpc.attempts"),
        (
            r#"{"tenacity": {"attempts": 3, "wait": {"chain": [{"random": {"min": "2s"}}]}}}"#,
            "tenacity.wait.chain.0.random.max",
        ),
        (r#"{"constant": {"attempts": 3, "delay": "1s", "on": []}}"#, "constant.on"),
        (r#"{"constant": {"attempts": 3, "delay": "1s", "on": ["abandoned"]}}"#, "constant.on"),
        (
            r#"{"constant": {"attempts": 3, "delay": "1s", "budget": {"concurrent": {"retries": 0}}}}"#,
            "constant.budget.concurrent.retries",
        ),
    ];
    for (text, path) in wrong {
        let problems = serde_json::from_str::<Spec>(text).unwrap().check();
        assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{text}");
    }
}
