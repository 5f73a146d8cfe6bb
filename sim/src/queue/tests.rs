//! The pending-event set against one that is obviously right, and at its edges.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Act {
    Push(u64),
    Lane(usize),
    Source(usize, u64),
    Cancel(usize),
    Pop,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        // More pushes than pops, so that the heap outgrows the sorted list, and shrinks again at the end.
        4 => (0..50u64).prop_map(Act::Push),
        3 => (0..3usize).prop_map(Act::Lane),
        3 => (0..2usize, 0..50u64).prop_map(|(source, delay)| Act::Source(source, delay)),
        2 => (0..200usize).prop_map(Act::Cancel),
        3 => Just(Act::Pop),
    ]
}

fn event(sequence: u64, source: Option<usize>) -> u64 {
    source.map_or(sequence, |source| u64::MAX - source as u64)
}

proptest! {
    /// Against a sorted map, which is obviously right.
    #[test]
    fn agrees_with_a_sorted_map(acts in proptest::collection::vec(act(), 1..600)) {
        let mut queue = Queue::<u64>::default();
        let lanes = [0, 7, 20].map(|delay| queue.lane(Span::from_nanos(delay)));
        // Their events are numbers that no other event has.
        let sources = [0, 1].map(|source| queue.source(u64::MAX - source));
        let mut coming = [None; 2];
        let mut model = BTreeMap::new();
        let mut tickets = Vec::new();
        let mut now = Time::ZERO;
        let mut sequence = 0u64;
        for act in acts {
            match act {
                Act::Push(delay) => {
                    let at = now + Span::from_nanos(delay);
                    tickets.push((queue.push(at, sequence), (at, sequence)));
                    model.insert((at, sequence), None);
                    sequence += 1;
                }
                Act::Lane(lane) => {
                    let at = now + lanes[lane].delay();
                    tickets.push((queue.push_lane(lanes[lane], now, sequence), (at, sequence)));
                    model.insert((at, sequence), None);
                    sequence += 1;
                }
                // Often in place of one that has not come.
                Act::Source(source, delay) => {
                    let at = now + Span::from_nanos(delay);
                    queue.push_source(sources[source], at);
                    coming[source].map(|before| model.remove(&before));
                    coming[source] = Some((at, sequence));
                    model.insert((at, sequence), Some(source));
                    sequence += 1;
                }
                Act::Cancel(which) => if !tickets.is_empty() {
                    let (ticket, key) = tickets[which % tickets.len()];
                    prop_assert_eq!(queue.cancel(ticket), model.remove(&key).is_some());
                },
                Act::Pop => {
                    let expected = model.pop_first().map(|((time, sequence), source)| (time, event(sequence, source)));
                    let popped = queue.pop(Time::MAX);
                    coming = coming.map(|next| next.filter(|key| model.contains_key(key)));
                    prop_assert_eq!(popped, expected);
                    now = popped.map_or(now, |(time, _)| time);
                }
            }
            prop_assert_eq!(queue.len(), model.len());
        }
        while let Some(popped) = queue.pop(Time::MAX) {
            let expected = model.pop_first().map(|((time, sequence), source)| (time, event(sequence, source)));
            prop_assert_eq!(Some(popped), expected);
        }
        prop_assert!(model.is_empty());
    }
}

#[test]
fn nothing_is_given_out_before_its_time() {
    let mut queue = Queue::default();
    queue.push(Time::from_nanos(5), 'a');
    assert_eq!(queue.pop(Time::from_nanos(4)), None);
    assert_eq!(queue.pop(Time::from_nanos(5)), Some((Time::from_nanos(5), 'a')));
}

#[test]
fn delays_beyond_the_last_lane_still_work() {
    let mut queue = Queue::default();
    for delay in (0..100).rev() {
        let lane = queue.lane(Span::from_nanos(delay));
        queue.push_lane(lane, Time::ZERO, delay);
    }
    for delay in 0..100 {
        assert_eq!(queue.pop(Time::MAX).unwrap().1, delay);
    }
}

#[test]
fn sources_beyond_the_last_lane_still_work() {
    let mut queue = Queue::default();
    let sources: Vec<_> = (0..100).map(|number| queue.source(number)).collect();
    for (source, number) in sources.iter().zip(0..) {
        queue.push_source(*source, Time::from_nanos(1000 + number));
        // In place of that.
        queue.push_source(*source, Time::from_nanos(500 - number));
    }
    assert_eq!(queue.len(), 100);
    for number in (0..100).rev() {
        assert_eq!(queue.pop(Time::MAX), Some((Time::from_nanos(500 - number), number)));
    }
    assert!(queue.is_empty() && queue.pop(Time::MAX).is_none());
}

#[test]
fn cancelled_events_do_not_pile_up() {
    let mut queue = Queue::default();
    for round in 0..100_000u64 {
        let ticket = queue.push(Time::from_nanos(1_000_000 + round), round);
        queue.cancel(ticket);
    }
    assert!(queue.slots.len() < 1_000);
}
