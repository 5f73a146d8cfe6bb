//! What balancers do with a few replicas.

use super::*;
use squall_sim::Span;
use squall_sim::random::Stream;

fn hosts<'a>(there: &'a [u32], outstanding: &'a [u32], key: u64) -> Hosts<'a> {
    Hosts {
        there,
        outstanding,
        now: Time::ZERO + Span::from_secs(1),
        caller: 0,
        key,
        hash: key.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}

/// How often each of four replicas is picked in 40,000 calls.
fn shares(balancer: &Balancer, there: &[u32], outstanding: &[u32]) -> [f64; 4] {
    let (mut memory, mut draws) = (balancer.memory(4), Stream::new(1, "balance"));
    let mut picked = [0.0; 4];
    for key in 0..40_000 {
        let replica = balancer.pick(&mut memory, &hosts(there, outstanding, key), &mut draws).unwrap();
        picked[replica as usize] += 1.0 / 40_000.0;
    }
    picked
}

fn near(found: [f64; 4], expected: [f64; 4]) {
    let close = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 0.012);
    assert!(close, "{found:?} is not {expected:?}");
}

const ALL: &[u32] = &[0, 1, 2, 3];

/// With replacement both choices fall on the busy replica in one of 16 cases, without it never.
#[test]
fn least_request_meets_the_busy_one_only_with_replacement() {
    let policy = |choices, replacement, full_scan| {
        Balancer::LeastRequest(least::LeastRequest::new(least::Request { choices, replacement, full_scan }))
    };
    let load = [9, 0, 0, 0];
    near(shares(&policy(2, true, false), ALL, &load), [0.0625, 0.3125, 0.3125, 0.3125]);
    near(shares(&policy(2, false, false), ALL, &load), [0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
    near(shares(&policy(2, false, true), ALL, &[9, 5, 0, 0]), [0.0, 0.0, 0.5, 0.5]);
    near(shares(&policy(4, false, false), ALL, &[9, 5, 0, 7]), [0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn least_connections_go_by_turns_among_equals_and_by_weight() {
    near(shares(&Balancer::LeastConnections(None), ALL, &[1, 0, 0, 0]), [0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
    let weights = Some(vec![4.0, 1.0, 1.0, 1.0]);
    near(shares(&Balancer::LeastConnections(weights), ALL, &[3, 1, 1, 1]), [1.0, 0.0, 0.0, 0.0]);
}

/// Two of three in the zone are up: 1.4 · 2/3 = 93 % stays.
#[test]
fn a_zone_keeps_what_it_can_take() {
    let spec = |overprovisioning| locality::Spec {
        callers: vec!["a".into()],
        replicas: ["a", "a", "a", "b"].map(String::from).into(),
        overprovisioning,
    };
    let policy = Balancer::Locality(locality::Locality::new(&spec(1.4)));
    near(shares(&policy, ALL, &[0; 4]), [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0]);
    near(shares(&policy, &[0, 1, 3], &[0; 4]), [14.0 / 30.0, 14.0 / 30.0, 0.0, 2.0 / 30.0]);
}

#[test]
fn sessions_and_single_connections_move_only_when_their_replica_goes() {
    let mut draws = Stream::new(1, "sticky");
    let sticky = Balancer::Sticky(None);
    let mut memory = sticky.memory(4);
    let mut at = |there: &[u32], key| sticky.pick(&mut memory, &hosts(there, &[0; 4], key), &mut draws).unwrap();
    assert_eq!([at(ALL, 7), at(ALL, 8), at(ALL, 7), at(ALL, 8)], [0, 1, 0, 1]);
    assert_eq!([at(&[1, 2, 3], 8), at(&[1, 2, 3], 7)], [1, 3]);
    assert_eq!([at(ALL, 7), at(ALL, 8)], [3, 1]);
    let mut draws = Stream::new(1, "first");
    let mut memory = Balancer::PickFirst.memory(4);
    let mut at = |there: &[u32]| Balancer::PickFirst.pick(&mut memory, &hosts(there, &[0; 4], 0), &mut draws).unwrap();
    assert_eq!([at(ALL), at(&[1, 2]), at(ALL)], [0, 1, 1]);
}

/// No replica has more than its bound, whatever the keys, and nobody who has room is passed over.
#[test]
fn bounded_loads_keep_their_bound_and_rings_move_only_what_they_must() {
    let points = |replica: u32| {
        (0..100u64).map(move |point| hashed::RingPoint {
            hash: squall_sim::random::Luck::new(u64::from(replica) << 32 | point).child(PLACE, 0).value(),
            replica,
        })
    };
    const PLACE: squall_sim::random::Place =
        squall_sim::random::Place::named("test", squall_sim::random::Purpose::Balance);
    let ring = hashed::Points::new((0..4).flat_map(points).collect());
    let mut load = [0u32; 4];
    for call in 0..1000u64 {
        let one_key = hosts(ALL, &load, 7);
        let replica = ring.bounded(0.25, &one_key).unwrap();
        load[replica as usize] += 1;
        let most = ((call + 1) as f64 / 4.0 * 1.25).ceil() as u32;
        assert!(load.iter().all(|&load| load <= most), "{load:?} of at most {most}");
    }
    for key in 0..5000 {
        let (all, fewer) = (hosts(ALL, &[0; 4], key), hosts(&[0, 1, 3], &[0; 4], key));
        let (before, after) = (ring.pick(&all), ring.pick(&fewer));
        assert!(before == after || before == Some(2));
    }
}
