//! Each step of the machines, held against what their originals do.

use super::Found::{Healthy, Unhealthy, Unknown};
use super::{Analysis, AnalysisSpec, BlueGreen, Canary, Found, Health, Leg, Order, Times, Verdict, check};
use squall_sim::{Span, Time};

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn spec(text: &str) -> AnalysisSpec {
    serde_json::from_str(text).unwrap()
}

fn secs(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

/// One verdict as one letter: going, held, failed, inconclusive, done.
fn letter(verdict: &Verdict) -> char {
    match verdict {
        Verdict::Going => 'g',
        Verdict::Held => 'h',
        Verdict::Failed(_) => 'F',
        Verdict::Inconclusive(_) => 'I',
        Verdict::Done => 'D',
    }
}

/// Checks at the times at which it wants to look, with what is found; and those times.
fn run(text: &str, found: &[Found]) -> (String, Vec<f64>) {
    let mut analysis = Analysis::new(&spec(text), Time::ZERO);
    let (mut letters, mut times) = (String::new(), Vec::new());
    for found in found {
        let Some(now) = analysis.next() else { break };
        times.push(now.seconds());
        letters.push(letter(&analysis.check(now, &[*found])));
    }
    (letters, times)
}

#[test]
fn three_in_a_row_and_a_good_one_begins_anew() {
    const THREE: &str = r#"{"consecutive": {"interval": "10s", "fail_when": ["failure > 5%"]}}"#;
    let (letters, times) = run(THREE, &[Unhealthy, Unhealthy, Healthy, Unhealthy, Unhealthy, Unhealthy]);
    assert_eq!(letters, "hhghhF");
    assert_eq!(times, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
    // Without data the count stays where it is.
    assert_eq!(run(THREE, &[Unhealthy, Unhealthy, Unknown, Unknown, Unhealthy]).0, "hhhhF");
    assert_eq!(run(THREE, &[Unknown; 9]).0, "hhhhhhhhh");
    let with = |no_data: &str| THREE.replace("\"interval\"", &format!("\"no_data\": \"{no_data}\", \"interval\""));
    assert_eq!(run(&with("fail"), &[Unknown; 3]).0, "hhF");
    assert_eq!(run(&with("pass"), &[Unhealthy, Unhealthy, Unknown, Unhealthy]).0, "hhgh");
}

#[test]
fn confirmed_trouble_counts_although_something_else_is_not_known() {
    let two =
        r#"{"consecutive": {"interval": "10s", "failures": 1, "fail_when": ["failure > 5%", "latency.p99 > 1s"]}}"#;
    let mut analysis = Analysis::new(&spec(two), Time::ZERO);
    assert_eq!(letter(&analysis.check(at(10), &[Healthy, Unknown])), 'h');
    assert_eq!(letter(&analysis.check(at(20), &[Unknown, Unhealthy])), 'F');
}

const ARGO: &str = r#"{"argo": {"interval": "60s", "fail_when": ["failure > 5%"]}}"#;

#[test]
fn argo_fails_at_once_and_after_the_fifth_error_in_a_row() {
    assert_eq!(run(ARGO, &[Healthy, Unhealthy]).0, "gF");
    // An error is measured again after 10 s; four in a row are borne.
    let (letters, times) = run(ARGO, &[Unknown; 5]);
    assert_eq!((letters.as_str(), times), ("ggggF", vec![0.0, 10.0, 20.0, 30.0, 40.0]));
    let (letters, times) = run(ARGO, &[Unknown, Unknown, Unknown, Unknown, Healthy, Unknown]);
    assert_eq!((letters.as_str(), times[5]), ("gggggg", 100.0));
}

#[test]
fn argo_has_limits_of_each_kind_and_an_end() {
    let with = |more: &str| ARGO.replace("\"interval\"", &format!("{more}, \"interval\""));
    assert_eq!(run(&with(r#""failure_limit": 1"#), &[Unhealthy, Healthy, Unhealthy]).0, "ggF");
    assert_eq!(run(&with(r#""no_data": "hold""#), &[Healthy, Unknown]).0, "gI");
    assert_eq!(run(&with(r#""no_data": "hold", "inconclusive_limit": 1"#), &[Unknown, Unknown]).0, "gI");
    // Errors are not counted among the measurements.
    assert_eq!(run(&with(r#""count": 2"#), &[Healthy, Unknown, Healthy, Healthy]).0, "ggD");
    assert_eq!(run(&with(r#""consecutive_success_limit": 2"#), &[Healthy, Unknown, Healthy, Healthy]).0, "gggD");
    assert_eq!(run(&with(r#""initial_delay": "30s""#), &[Healthy, Healthy]).1, [30.0, 90.0]);
    // A condition that fails outweighs another that is unclear.
    let two = r#"{"argo": {"interval": "60s", "no_data": "hold", "fail_when": ["a > 1", "b > 1"]}}"#;
    assert_eq!(letter(&Analysis::new(&spec(two), Time::ZERO).check(at(0), &[Unknown, Unhealthy])), 'F');
}

const FLAGGER: &str = r#"{"flagger": {"interval": "60s", "fail_when": ["failure > 5%"]}}"#;

#[test]
fn flagger_counts_over_the_whole_rollout_and_looks_at_the_next_tick() {
    assert_eq!(run(FLAGGER, &[Unhealthy, Healthy]), ("hF".to_owned(), vec![60.0, 120.0]));
    let three = FLAGGER.replace("\"interval\"", "\"threshold\": 2, \"interval\"");
    assert_eq!(run(&three, &[Unhealthy, Healthy, Unhealthy, Healthy]).0, "hghF");
    assert_eq!(run(FLAGGER, &[Unknown, Healthy]).0, "hF");
    // Less than 10 s becomes 10 s.
    assert_eq!(run(&FLAGGER.replace("60s", "2s"), &[Healthy, Healthy]).1, [10.0, 20.0]);
}

#[test]
fn settings_that_say_nothing_are_wrong() {
    let wrong = |text: &str| check(&spec(text)).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(wrong(&ARGO.replace("60s", "0s")).contains("argo.interval"));
    assert!(wrong(&FLAGGER.replace("\"failure > 5%\"", "")).contains("no check could ever fail"));
    let error = FLAGGER.replace("\"interval\"", "\"no_data\": \"error\", \"interval\"");
    assert!(wrong(&error).contains("only `argo`"));
    assert_eq!(wrong(ARGO), "");
}

/// Orders in short: shares in percent, and words.
fn told(orders: &[Order]) -> Vec<String> {
    let word = |order: &Order| match order {
        Order::Share(share) => format!("{:.0}", share * 100.0),
        Order::Warm => "warm".to_owned(),
        Order::Started => "started".to_owned(),
        Order::Refused(_) => "refused".to_owned(),
        Order::Blocked(_) => "blocked".to_owned(),
        Order::Paused(_) => "paused".to_owned(),
        Order::Switched => "switched".to_owned(),
        Order::Interrupted => "interrupted".to_owned(),
        Order::Promoted => "promoted".to_owned(),
        Order::RolledBack(_) => "rolled back".to_owned(),
        Order::ScaleDown => "scale down".to_owned(),
    };
    orders.iter().map(word).collect()
}

/// Goes on by itself until so many seconds, with what is found from which second on.
fn go_on(canary: &mut Canary, until: u64, ready: bool, found: impl Fn(f64) -> Found) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(next) = canary.next().filter(|next| *next <= at(until)) {
        let orders = canary.wake(next, ready, &[found(next.seconds())]);
        lines.extend(told(&orders).iter().map(|word| format!("{} {word}", next.seconds())));
    }
    lines
}

fn legs(pause: Option<u64>) -> Vec<Leg> {
    [0.1, 0.5].into_iter().map(|share| Leg { share, pause: pause.map(secs) }).collect()
}

#[test]
fn a_canary_goes_step_by_step_and_back_at_once() {
    let three = spec(r#"{"consecutive": {"interval": "10s", "fail_when": ["failure > 5%"]}}"#);
    let mut canary = Canary::new(legs(Some(60)), Some(three.clone()), None);
    assert_eq!(canary.next(), None);
    assert_eq!(told(&canary.start(at(0))), ["started", "10"]);
    assert_eq!(told(&canary.start(at(0))), ["refused"]);
    assert_eq!(go_on(&mut canary, 1000, true, |_| Healthy), ["60 50", "120 100", "120 promoted"]);
    let mut canary = Canary::new(legs(Some(60)), Some(three.clone()), None);
    canary.start(at(0));
    let bad = |now: f64| if now >= 45.0 { Unhealthy } else { Healthy };
    // The step that is due at 60 s waits for a good check, which does not come.
    assert_eq!(go_on(&mut canary, 1000, true, bad), ["70 0", "70 rolled back"]);
    // Nothing is known for a while: it stays where it is, and goes on at the first good check.
    let mut canary = Canary::new(legs(Some(60)), Some(three), None);
    canary.start(at(0));
    let gap = |now: f64| if (45.0..95.0).contains(&now) { Unknown } else { Healthy };
    assert_eq!(go_on(&mut canary, 1000, true, gap), ["100 50", "160 100", "160 promoted"]);
}

#[test]
fn argo_goes_on_beside_the_steps_and_pauses_them() {
    let hold = spec(r#"{"argo": {"interval": "40s", "no_data": "hold", "fail_when": ["failure > 5%"]}}"#);
    let mut canary = Canary::new(legs(Some(60)), Some(hold), None);
    canary.start(at(0));
    let blind = |now: f64| if now >= 70.0 { Unknown } else { Healthy };
    assert_eq!(go_on(&mut canary, 1000, true, blind), ["60 50", "80 paused"]);
    assert_eq!(told(&canary.promote()), ["100", "promoted"]);
    assert_eq!(told(&canary.promote()), ["refused"]);
    assert_eq!(told(&canary.roll_back("why")), ["0", "rolled back"]);
}

#[test]
fn flagger_takes_a_step_with_each_tick_that_passes() {
    let flagger = spec(FLAGGER);
    let mut canary = Canary::new(legs(None), Some(flagger.clone()), Some(secs(600)));
    assert_eq!(told(&canary.start(at(0))), ["started", "10"]);
    assert_eq!(go_on(&mut canary, 1000, true, |_| Healthy), ["60 50", "120 100", "120 promoted"]);
    // The tick at 60 s fails and holds the weight, the one at 120 s rolls back, whatever it would find.
    let mut canary = Canary::new(legs(None), Some(flagger.clone()), Some(secs(600)));
    canary.start(at(0));
    let once = |now: f64| if now < 100.0 { Unhealthy } else { Healthy };
    assert_eq!(go_on(&mut canary, 1000, true, once), ["120 0", "120 rolled back"]);
    // Nothing is looked at as long as it is not ready, but not for ever.
    let mut canary = Canary::new(legs(None), Some(flagger), Some(secs(600)));
    canary.start(at(0));
    assert_eq!(go_on(&mut canary, 1000, false, |_| Unhealthy), ["660 0", "660 rolled back"]);
}

const TIMES: Times = Times { warm: None, over: (Span::ZERO, 1), validate: Span::ZERO, scale_down: None };

fn switch_on(switch: &mut BlueGreen, until: u64, ready: f64, found: Found) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(next) = switch.next().filter(|next| *next <= at(until)) {
        let orders = switch.wake(next, ready, &[found]);
        lines.extend(told(&orders).iter().map(|word| format!("{} {word}", next.seconds())));
    }
    lines
}

#[test]
fn a_switch_passes_the_gate_or_is_blocked() {
    let health = Health { ready: 1.0, checks: 3, every: secs(5), within: Span::ZERO };
    let mut switch = BlueGreen::new(TIMES, Some(health), None);
    assert_eq!(told(&switch.switch(at(10))), ["started"]);
    assert_eq!(told(&switch.switch(at(10))), ["refused"]);
    assert_eq!(switch_on(&mut switch, 12, 1.0, Healthy), [""; 0]);
    assert_eq!(switch_on(&mut switch, 100, 1.0, Healthy), ["20 100", "20 switched", "20 promoted"]);
    // The way back is a switch as well.
    switch.switch(at(200));
    assert_eq!(switch_on(&mut switch, 300, 1.0, Healthy), ["210 0", "210 switched", "210 promoted"]);
    switch.switch(at(400));
    assert_eq!(switch_on(&mut switch, 500, 0.5, Healthy), ["400 blocked"]);
    assert!(!switch.is_under_way());
    let patient = Health { within: secs(20), ..health };
    let mut switch = BlueGreen::new(TIMES, Some(patient), None);
    switch.switch(at(0));
    assert_eq!(switch_on(&mut switch, 11, 0.0, Healthy), [""; 0]);
    assert_eq!(switch_on(&mut switch, 100, 1.0, Healthy), ["25 100", "25 switched", "25 promoted"]);
}

#[test]
fn a_switch_can_be_left_half_way() {
    let times = Times { warm: Some(secs(30)), over: (secs(40), 4), ..TIMES };
    let mut switch = BlueGreen::new(times, None, None);
    assert_eq!(told(&switch.switch(at(0))), ["started", "warm"]);
    assert_eq!(told(&switch.interrupt()), ["refused"]);
    assert_eq!(switch_on(&mut switch, 45, 1.0, Healthy), ["30 25", "40 50"]);
    assert_eq!(told(&switch.interrupt()), ["interrupted"]);
    assert_eq!((switch.next(), told(&switch.switch(at(50)))), (None, vec!["refused".to_owned()]));
    assert_eq!(told(&switch.clone().roll_back("why")), ["0", "rolled back"]);
    assert_eq!(told(&switch.promote(at(60))), ["100", "switched", "promoted"]);
    assert!(switch.second());
    assert_eq!(told(&switch.roll_back("why")), ["0", "rolled back"]);
    assert_eq!(told(&switch.roll_back("why")), ["refused"]);
}

#[test]
fn the_old_side_is_kept_until_the_new_one_has_proven_itself() {
    let three = spec(r#"{"consecutive": {"interval": "10s", "fail_when": ["failure > 5%"]}}"#);
    let times = Times { validate: secs(60), scale_down: Some(secs(30)), ..TIMES };
    let mut switch = BlueGreen::new(times, None, Some(three.clone()));
    switch.switch(at(0));
    assert_eq!(switch_on(&mut switch, 100, 1.0, Healthy), ["60 promoted", "90 scale down"]);
    assert_eq!(told(&switch.roll_back("why")), ["refused"]);
    let mut switch = BlueGreen::new(times, None, Some(three.clone()));
    switch.switch(at(0));
    assert_eq!(switch_on(&mut switch, 100, 1.0, Unhealthy), ["30 0", "30 rolled back"]);
    // Without data it is not proven, and nothing is scaled down.
    let mut switch = BlueGreen::new(times, None, Some(three));
    switch.switch(at(0));
    assert_eq!(switch_on(&mut switch, 500, 1.0, Unknown), [""; 0]);
    assert_eq!(switch_on(&mut switch, 600, 1.0, Healthy), ["510 promoted", "540 scale down"]);
}
