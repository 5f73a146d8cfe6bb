//! Shedding policies against hand-worked courses, and what holds of all of them.

use super::*;
use crate::units::{Duration, Share};
use proptest::prelude::*;
use squall_sim::random::{Luck, Place, Purpose};

fn at(millis: u64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

fn arrival(now: u64, waiting: u64, priority: u8, user: u64) -> Arrival {
    Arrival { now: at(now), waiting, busy: 10, capacity: 10, priority, user, again: false }
}

fn turn(now: u64, waited: u64, behind: u64) -> Turn {
    Turn { now: at(now), waited: Span::from_millis(waited), behind, busy: 9, deadline: Time::MAX }
}

fn shed(text: &str) -> Shed {
    let spec: Spec = serde_json::from_str(text).unwrap();
    assert_eq!(check(&spec), [], "{text}");
    Shed::new(&spec, 10)
}

#[test]
fn codel_drops_one_after_an_interval_and_then_ever_more_often() {
    let mut codel = shed(r#"{"codel_rfc8289": {}}"#);
    let mut drops = Vec::new();
    for now in 0..700 {
        // After a drop the next in line gets its turn at the same instant.
        while codel.turn(&turn(now, 20, 100)) {
            drops.push(now);
        }
    }
    // 100 ms above the target; then 100, 100/√2, 100/√3, … later, on turns of whole milliseconds.
    assert_eq!(drops, [100, 200, 271, 329, 379, 424, 464, 502, 538, 571, 603, 633, 662, 689]);
    assert!(!codel.turn(&turn(700, 4, 100)), "below the target nothing is dropped");
    // It comes back near the rate that it had left.
    let again: Vec<u64> = (701..1000).filter(|&now| codel.turn(&turn(now, 20, 100))).collect();
    assert_eq!(again[0], 801);
    assert!(again.len() > 4, "{again:?}");
}

#[test]
fn codel_leaves_the_last_call_alone() {
    let mut codel = shed(r#"{"codel_rfc8289": {}}"#);
    assert!((0..1000).all(|now| !codel.turn(&turn(now, 500, 0))));
}

#[test]
fn a_standing_queue_allows_short_waits_only_and_serves_the_newest_first() {
    let mut policy = shed(r#"{"fail_at_scale": {}}"#);
    let until = |verdict| match verdict {
        Verdict::Admit { until } => until,
        Verdict::Drop => panic!("nobody is turned away at the door"),
    };
    assert_eq!(until(policy.arrive(&arrival(10, 0, 0, 0))), at(110));
    assert_eq!(until(policy.arrive(&arrival(110, 3, 0, 0))), at(210));
    assert!(!policy.newest_first(at(110)));
    assert_eq!(until(policy.arrive(&arrival(111, 4, 0, 0))), at(116));
    assert!(policy.newest_first(at(111)));
    policy.turn(&turn(120, 1, 0));
    assert!(!policy.newest_first(at(121)));
}

#[test]
fn age_and_deadline_are_judged_when_the_turn_comes() {
    let mut age = shed(r#"{"age": {"most": "50ms"}}"#);
    assert!(!age.turn(&turn(100, 50, 3)) && age.turn(&turn(100, 51, 3)));
    let mut deadline = shed(r#"{"deadline": {"margin": "20ms"}}"#);
    let with = |left: u64| Turn { deadline: at(100 + left), ..turn(100, 1, 1) };
    assert!(deadline.turn(&with(20)) && !deadline.turn(&with(21)) && !deadline.turn(&turn(100, 99_999, 1)));
}

#[test]
fn less_important_classes_have_less_room_and_retries_least() {
    let mut policy = shed(r#"{"priority": {"full": 100, "retries": "10%"}}"#);
    let mut stays = |waiting, priority, again| {
        let facts = Arrival { again, ..arrival(0, waiting, priority, 0) };
        policy.arrive(&facts) == Verdict::STAY
    };
    assert!(stays(99, 0, false) && !stays(100, 0, false));
    assert!(stays(74, 1, false) && !stays(75, 1, false));
    assert!(stays(49, 2, false) && !stays(50, 2, false) && !stays(50, 9, false));
    assert!(stays(9, 0, true) && !stays(10, 0, true));
}

/// Arrivals of two classes, half and half, for so many windows of a second; the shares that stayed.
fn windows(policy: &mut Shed, from: u64, seconds: u64, waited: u64) -> (f64, f64) {
    let (mut stayed, mut came) = ([0.0; 2], [0.0; 2]);
    for second in from..from + seconds {
        for call in 0..500u64 {
            let class = (call % 2) as u8;
            let facts = arrival(second * 1000 + call * 2, 5, class, second * 1000 + call);
            let stays = policy.arrive(&facts) == Verdict::STAY;
            policy.turn(&turn(second * 1000 + call * 2, waited, 5));
            (came[usize::from(class)], stayed[usize::from(class)]) =
                (came[usize::from(class)] + 1.0, stayed[usize::from(class)] + f64::from(u8::from(stays)));
        }
    }
    (stayed[0] / came[0], stayed[1] / came[1])
}

#[test]
fn dagor_turns_away_the_less_important_and_lets_them_in_again() {
    let mut policy = shed(r#"{"dagor": {"classes": 2}}"#);
    assert_eq!(windows(&mut policy, 0, 1, 50), (1.0, 1.0));
    // Ten overloaded windows: 0.95^10 of all calls are left, and the important half is whole.
    let (important, other) = windows(&mut policy, 1, 10, 50);
    let last = windows(&mut policy, 11, 1, 50);
    assert!(important == 1.0 && other < 0.8, "{important} {other}");
    assert!(last.0 == 1.0 && (0.02..0.25).contains(&last.1), "{last:?}");
    let (_, later) = windows(&mut policy, 12, 100, 1);
    assert!(later > 0.5, "{later}");
    assert_eq!(windows(&mut policy, 112, 20, 1), (1.0, 1.0));
}

#[test]
fn cinnamon_turns_away_what_cannot_be_started() {
    let mut policy = shed(r#"{"cinnamon": {"tiers": 2}}"#);
    // 1000/s come and 500/s are started, so a queue stands, and half of them has to go: all of the second class.
    let (mut waiting, mut stayed, mut late) = (0u64, [0u32; 2], 0u32);
    for now in 0..60_000u64 {
        let class = (now % 2) as u8;
        let busy = if waiting > 0 { 10 } else { 5 };
        let stays = policy.arrive(&Arrival { busy, ..arrival(now, waiting, class, now) }) == Verdict::STAY;
        waiting += u64::from(stays);
        if now % 2 == 0 && waiting > 0 {
            waiting -= 1;
            policy.turn(&turn(now, 10, waiting));
        }
        if now >= 30_000 {
            stayed[usize::from(class)] += u32::from(stays);
            late += u32::from(waiting > 600);
        }
    }
    assert!(stayed[0] > 12_000 && stayed[1] < 3_000, "{stayed:?}");
    assert!(late == 0, "the queue stays long for {late} of 30000");
}

#[test]
fn breakwater_shrinks_its_credits_above_the_target_and_grows_them_below() {
    let mut policy = shed(r#"{"breakwater": {"target": "10ms", "round_trip": "1ms", "initial": 100}}"#);
    let credits = |policy: &Shed| match policy {
        Shed::Breakwater(policy) => policy.credits(),
        _ => unreachable!("it is one"),
    };
    assert!(!policy.turn(&turn(0, 20, 5)), "twice the target is still served");
    policy.arrive(&arrival(1, 5, 0, 0));
    // 2 % for one target's worth of wait above the target.
    assert!((credits(&policy) - 98.0).abs() < 1e-9, "{}", credits(&policy));
    assert!(policy.turn(&turn(1, 21, 5)));
    policy.turn(&turn(1, 5, 5));
    policy.arrive(&arrival(2, 5, 0, 0));
    assert!((credits(&policy) - 99.0).abs() < 1e-9);
    assert_eq!(policy.arrive(&arrival(2, 88, 0, 0)), Verdict::STAY);
    assert_eq!(policy.arrive(&arrival(2, 89, 0, 0)), Verdict::Drop);
}

#[test]
fn a_brownout_settles_where_the_percentile_is_at_the_set_point() {
    let mut policy = shed(r#"{"brownout": {"setpoint": "100ms"}}"#);
    // Latency is 200 ms with all optional work, and nothing without: half of it fits.
    for second in 0..200u64 {
        let latency = Span::from_seconds(0.2 * policy.dimmed());
        for call in 0..10 {
            policy.ended(&End { now: at(second * 1000 + call * 100), latency, busy: 0, waiting: 0 });
        }
    }
    assert!((policy.dimmed() - 0.5).abs() < 0.01, "{}", policy.dimmed());
    let place = Place::named("step", Purpose::Choose);
    let served = (0..1000).filter(|&call| policy.serves_optional(at(200_000), 1, &mut Luck::new(call).at(place)));
    let served = served.count();
    assert!((440..560).contains(&served), "{served}");
}

#[test]
fn degradation_rises_and_falls_by_levels_with_a_dwell() {
    let mut policy = shed(r#"{"degradation": {"dwell": "3s"}}"#);
    let mut course = Vec::new();
    for second in 0..20u64 {
        let busy = if second < 10 { 10 } else { 1 };
        policy.turn(&Turn { busy, ..turn(second * 1000, 0, 0) });
        course.push(policy.dimmed() as u8);
    }
    assert_eq!(course, [0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0]);
    let spec = degradation::Spec {
        levels: vec![degradation::Level { enter: Share::new(0.5), exit: Share::new(0.6) }],
        ..degradation::Spec::default()
    };
    assert_eq!(check(&Spec::Degradation(spec))[0].path, "degradation.levels.0.exit");
}

fn all() -> Vec<Spec> {
    let texts = [
        r#"{"codel_rfc8289": {}}"#,
        r#"{"codel_folly": {}}"#,
        r#"{"fail_at_scale": {}}"#,
        r#"{"age": {"most": "50ms"}}"#,
        r#"{"deadline": {"margin": "5ms"}}"#,
        r#"{"priority": {"full": 50}}"#,
        r#"{"dagor": {}}"#,
        r#"{"breakwater": {"target": "10ms", "round_trip": "1ms", "initial": 100}}"#,
        r#"{"cinnamon": {}}"#,
        r#"{"brownout": {"setpoint": "100ms", "least": "10%"}}"#,
        r#"{"degradation": {}}"#,
    ];
    texts.into_iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

proptest! {
    /// No CoDel drops a call that has waited less than the target, and none of the others one that has not waited at all.
    #[test]
    fn nobody_below_the_target_is_dropped(turns in prop::collection::vec((0u64..50, 0u64..40, 0u64..9), 1..300)) {
        for spec in all() {
            let mut policy = Shed::new(&spec, 10);
            let mut now = 0;
            for &(wait, waited, behind) in &turns {
                now += wait;
                let dropped = policy.turn(&turn(now, waited, behind));
                prop_assert!(!(dropped && waited < 5), "{spec:?} drops after {waited} ms");
            }
        }
    }

    /// The most important calls are never turned away by a policy that goes by importance alone, and every state stays
    /// within its bounds.
    #[test]
    fn states_stay_within_their_bounds(
        steps in prop::collection::vec((0u64..800, 0u64..60, 0u64..60, 0u8..8), 1..300),
        seed: u64,
    ) {
        for spec in all() {
            let mut policy = Shed::new(&spec, 10);
            let mut now = 0;
            for (number, &(wait, waiting, waited, priority)) in steps.iter().enumerate() {
                now += wait;
                policy.arrive(&arrival(now, waiting, priority, seed.wrapping_add(number as u64)));
                policy.turn(&turn(now, waited, waiting));
                policy.ended(&End { now: at(now), latency: Span::from_millis(waited), busy: 3, waiting });
                match &policy {
                    Shed::Dagor(policy) => prop_assert!(policy.open() > 0.0 && policy.open() <= 1.0),
                    Shed::Breakwater(policy) => prop_assert!((1.0..=100_000.0).contains(&policy.credits())),
                    Shed::Cinnamon(policy) => prop_assert!((0.0..=0.95).contains(&policy.rejected())),
                    Shed::Brownout(policy) => prop_assert!((0.1..=1.0).contains(&policy.theta())),
                    Shed::Degradation(policy) => prop_assert!(policy.present() <= 3),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn a_folly_codel_with_another_slough() {
    let spec = codel_folly::Spec { slough: Some(Duration::from_seconds(0.03)), ..codel_folly::Spec::default() };
    let mut codel = Shed::new(&Spec::CodelFolly(spec), 10);
    for now in [1, 2] {
        assert!(!codel.turn(&turn(now, 40, 9)));
    }
    assert!(codel.turn(&turn(3, 31, 9)) && !codel.turn(&turn(3, 30, 9)));
}
