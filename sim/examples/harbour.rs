//! A harbour with tides: ships, berths and pilots instead of requests, services and pools.
//!
//! Ships come at random. A ship needs a berth, and water: it enters and leaves at high tide only. A captain who has
//! waited for a berth for two days sails on to another port. The example shows the whole kernel: a closed enum of
//! events, named streams, a lane for a delay that never changes, a ticket to take an event back, and an end at which
//! the books must balance.
//!
//! `cargo run -p squall-sim --example harbour`

use squall_sim::dist::{Dist, DistError};
use squall_sim::random::{BlockStream, Luck, Place, Purpose, Stream};
use squall_sim::{Context, Ended, Key, Model, Simulation, Slab, Span, Ticket, Time};
use std::collections::VecDeque;

const HOUR: Span = Span::from_secs(3600);
const BERTHS: usize = 4;
/// Mean time between ships.
const GAP: f64 = 9.0 * 3600.0;
/// The water is high for three hours, and low for nine and a half.
const HIGH: Span = Span::from_secs(3 * 3600);
const LOW: Span = Span::from_secs(9 * 3600 + 1800);
const PATIENCE: Span = Span::from_secs(48 * 3600);

/// What can happen. Keep it small and `Copy`; a thing with a life of its own is a key into a slab.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The next ship comes in sight.
    Arrive,
    /// A ship's cargo is ashore; it waits for the tide.
    Unloaded(Key<Ship>),
    /// A captain has had enough of waiting.
    SailOn(Key<Ship>),
    /// The tide turns.
    Turn,
}

#[derive(Clone, Copy, Debug)]
struct Ship {
    /// What this ship brings with it: its draws depend on it alone, not on what other ships have drawn.
    luck: Luck,
    sighted: Time,
    /// The end of its captain's patience.
    patience: Ticket,
}

/// The state of the world. It is plain data, so a run can be cloned at any instant and continued twice.
#[derive(Clone, Debug)]
struct Harbour {
    gaps: BlockStream,
    lucks: Stream,
    unloading: Dist,
    ships: Slab<Ship>,
    /// Ships that wait for a berth, in order. A key whose ship has sailed on is skipped.
    roads: VecDeque<Key<Ship>>,
    /// Ships that are empty and wait for the tide.
    ready: Vec<Key<Ship>>,
    berths_taken: usize,
    high: bool,
    seen: u64,
    served: u64,
    lost: u64,
    waited: Span,
}

/// Where a ship's luck is tried; told apart by name, so that a second draw could not disturb this one.
const UNLOADING: Place = Place::named("harbour.unloading", Purpose::Work);

impl Harbour {
    fn new(seed: u64) -> Result<Self, DistError> {
        Ok(Self {
            gaps: BlockStream::new(Stream::new(seed, "ships.arrivals")),
            lucks: Stream::new(seed, "ships.luck"),
            unloading: Dist::lognormal_mean_cv(20.0 * 3600.0, 0.5)?,
            ships: Slab::default(),
            roads: VecDeque::new(),
            ready: Vec::new(),
            berths_taken: 0,
            high: false,
            seen: 0,
            served: 0,
            lost: 0,
            waited: Span::ZERO,
        })
    }

    /// Lets ships out and in, as long as there is water.
    fn move_ships(&mut self, cx: &mut Context<Event>) {
        if !self.high {
            return;
        }
        for key in self.ready.drain(..) {
            self.ships.remove(key);
            self.berths_taken -= 1;
            self.served += 1;
        }
        while self.berths_taken < BERTHS
            && let Some(key) = self.roads.pop_front()
        {
            let Some(&ship) = self.ships.get(key) else { continue };
            cx.cancel(ship.patience);
            self.berths_taken += 1;
            self.waited += cx.now().since(ship.sighted);
            let span = self.unloading.sample_span(&mut ship.luck.at(UNLOADING));
            cx.after(span, Event::Unloaded(key));
        }
    }
}

impl Model for Harbour {
    type Event = Event;

    fn handle(&mut self, event: Event, cx: &mut Context<Event>) {
        match event {
            Event::Arrive => {
                cx.after(Span::from_seconds(self.gaps.next_exp() * GAP), Event::Arrive);
                self.seen += 1;
                let luck = Luck::from_stream(&mut self.lucks);
                let key = self.ships.insert(Ship { luck, sighted: cx.now(), patience: Ticket::NONE });
                // Every captain waits as long as every other, and a lane keeps such events in order for nothing. Asked
                // for again, it is the same lane.
                let patience = cx.lane(PATIENCE);
                self.ships[key].patience = cx.after_lane(patience, Event::SailOn(key));
                self.roads.push_back(key);
            }
            Event::Unloaded(key) => self.ready.push(key),
            Event::SailOn(key) => {
                self.ships.remove(key);
                self.lost += 1;
            }
            Event::Turn => {
                self.high = !self.high;
                cx.after(if self.high { HIGH } else { LOW }, Event::Turn);
            }
        }
        self.move_ships(cx);
        // What is noted goes into the digest, by which two runs can be told to be the same.
        cx.note(self.served);
    }
}

fn simulate(seed: u64) -> Result<(Harbour, u64), DistError> {
    let mut simulation = Simulation::new(Harbour::new(seed)?);
    let (_, cx) = simulation.parts();
    cx.after(Span::ZERO, Event::Arrive);
    cx.after(LOW, Event::Turn);
    let year = Time::ZERO + Span::from_secs(365 * 24 * 3600);
    // Both bounds are hard: a model that schedules for ever ends all the same, and says why.
    let ended = simulation.run(year, 1_000_000);
    assert_eq!(ended, Ended::Time);
    let digest = simulation.digest();
    Ok((simulation.model, digest))
}

fn main() -> Result<(), DistError> {
    let (harbour, digest) = simulate(1)?;
    let waited = harbour.waited.seconds() / (harbour.served as f64 * HOUR.seconds());
    println!(
        "in a year {} ships came in sight, {} were served, {} sailed on",
        harbour.seen, harbour.served, harbour.lost
    );
    println!("who was served had waited for {waited:.1} hours");

    // No ship is lost from the books.
    assert_eq!(harbour.seen, harbour.served + harbour.lost + harbour.ships.len() as u64);
    // About one ship every nine hours, and no more than four in the berths.
    assert!((850..1100).contains(&harbour.seen), "{}", harbour.seen);
    assert!(harbour.berths_taken <= BERTHS);
    assert!(waited > 0.0 && waited <= 48.0, "{waited}");
    // The same seed is the same year; another one is not.
    assert_eq!(simulate(1)?.1, digest);
    assert_ne!(simulate(2)?.1, digest);
    Ok(())
}
