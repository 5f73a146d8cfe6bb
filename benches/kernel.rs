//! The kernel alone: how long one event takes, by how many are pending, and what a timeout costs.
//!
//! `cargo bench --bench kernel`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall_sim::random::{BlockStream, Stream};
use squall_sim::{Context, Lane, Model, Simulation, Span, Ticket, Time};
use std::hint::black_box;

/// Events in one measurement.
const EVENTS: u64 = 100_000;

/// The hold model (Jones 1986): each event schedules the next one at a random time ahead, so that always as many are
/// pending.
struct Hold {
    gaps: BlockStream,
}

impl Model for Hold {
    type Event = u32;

    fn handle(&mut self, event: u32, cx: &mut Context<u32>) {
        let gap = Span::from_seconds(self.gaps.next_exp());
        cx.after(gap, event);
    }
}

fn holding(pending: u32) -> Simulation<Hold> {
    let mut simulation = Simulation::new(Hold { gaps: BlockStream::new(Stream::new(1, "hold")) });
    let (model, cx) = simulation.parts();
    for event in 0..pending {
        let gap = Span::from_seconds(model.gaps.next_exp());
        cx.after(gap, event);
    }
    // Once around, so that the heap has the shape that it keeps.
    simulation.run(Time::MAX, pending.into());
    simulation
}

fn hold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hold");
    group.throughput(Throughput::Elements(EVENTS));
    for pending in [100, 10_000, 1_000_000] {
        let mut simulation = holding(pending);
        group.bench_function(BenchmarkId::from_parameter(pending), |bencher| {
            bencher.iter(|| {
                let upto = simulation.handled() + EVENTS;
                black_box(simulation.run(Time::MAX, upto))
            });
        });
    }
    group.finish();
}

/// A request comes, its timeout is scheduled, and the one of an earlier request is cancelled, for that was answered.
struct Timeouts {
    lane: Option<Lane>,
    delay: Span,
    outstanding: Vec<Ticket>,
    next: usize,
}

#[derive(Clone, Copy)]
enum Event {
    Request,
    Timeout,
}

impl Model for Timeouts {
    type Event = Event;

    fn handle(&mut self, event: Event, cx: &mut Context<Event>) {
        if matches!(event, Event::Timeout) {
            return;
        }
        let ticket = match self.lane {
            Some(lane) => cx.after_lane(lane, Event::Timeout),
            None => cx.after(self.delay, Event::Timeout),
        };
        let earlier = std::mem::replace(&mut self.outstanding[self.next], ticket);
        self.next = (self.next + 1) % self.outstanding.len();
        cx.cancel(earlier);
        cx.after(Span::from_nanos(1000), Event::Request);
    }
}

/// A thousand requests are under way; each is answered a millisecond after it came, long before its timeout.
fn timing_out(in_lane: bool) -> Simulation<Timeouts> {
    let delay = Span::from_millis(5);
    let mut simulation =
        Simulation::new(Timeouts { lane: None, delay, outstanding: vec![Ticket::NONE; 1000], next: 0 });
    let (model, cx) = simulation.parts();
    model.lane = in_lane.then(|| cx.lane(delay));
    cx.after(Span::ZERO, Event::Request);
    simulation.run(Time::MAX, 10_000);
    simulation
}

fn timeouts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule and cancel");
    group.throughput(Throughput::Elements(EVENTS));
    for (name, in_lane) in [("lane", true), ("heap", false)] {
        let mut simulation = timing_out(in_lane);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let upto = simulation.handled() + EVENTS;
                black_box(simulation.run(Time::MAX, upto))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hold, timeouts);
criterion_main!(benches);
