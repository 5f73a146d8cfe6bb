//! A deterministic discrete-event simulation kernel: integer time, total order, randomness that nothing shifts.
//!
//! It knows nothing of services, queues or networks; squall's world is one model on it, a harbour with tides
//! (`examples/harbour.rs`) is another. This page teaches it in three acts.
//!
//! # Act one: a model and its time
//!
//! What is simulated is a [`Model`]: some state, a closed enum of events, and what each event does to the state. Events
//! are handled one after the other; each may schedule further ones through the [`Context`].
//!
//! ```
//! use squall_sim::{Context, Ended, Model, Simulation, Span, Time};
//!
//! /// A kettle: it heats up, boils, and is taken off the stove.
//! struct Kettle { degrees: u32 }
//!
//! #[derive(Clone, Copy)]
//! enum Event { Heat, TakeOff }
//!
//! impl Model for Kettle {
//!     type Event = Event;
//!     fn handle(&mut self, event: Event, cx: &mut Context<Event>) {
//!         match event {
//!             Event::Heat if self.degrees < 100 => {
//!                 self.degrees += 1;
//!                 cx.after(Span::from_secs(3), Event::Heat);
//!             }
//!             Event::Heat => { cx.after(Span::ZERO, Event::TakeOff); }
//!             Event::TakeOff => cx.stop(),
//!         }
//!     }
//! }
//!
//! let mut kitchen = Simulation::new(Kettle { degrees: 20 });
//! kitchen.parts().1.after(Span::ZERO, Event::Heat);
//! assert_eq!(kitchen.run(Time::MAX, 1_000), Ended::Stopped);
//! assert_eq!(kitchen.now(), Time::ZERO + Span::from_secs(240));
//! ```
//!
//! Time is a whole number of nanoseconds ([`Time`], [`Span`]), so no rounding of floats ever decides who comes first.
//! What is guaranteed about order:
//!
//! - Time never goes back. An event scheduled for the past happens now.
//! - Of two events at the same time, the one that was scheduled first happens first, whether it was scheduled with
//!   [`Context::after`], [`Context::at`] or in a lane.
//! - An event scheduled for now happens after the one being handled, and after all that were due now before it.
//! - A cancelled event never happens. [`Context::cancel`] says whether it came in time; a stale [`Ticket`] is harmless.
//!
//! Things that come and go live in a [`Slab`]. Its [`Key`]s fit into events, and notice when their thing is gone. A delay
//! that is the same on every use (a timeout, say) gets a [`Lane`]: such events are in order by themselves, and cost
//! nothing to sort. An event that comes again and again (the next arrival) gets a [`Source`], which is cheaper still.
//!
//! # Act two: chance
//!
//! There are two kinds of randomness, and neither is shifted by a change elsewhere.
//!
//! ```
//! use squall_sim::dist::Dist;
//! use squall_sim::random::{Draw, Luck, Place, Purpose, Stream};
//!
//! // A named stream belongs to one part of the model. Another part has another one, so adding it changes nothing here.
//! let mut arrivals = Stream::new(42, "guests.arrivals");
//! let gap = Dist::exponential(30.0)?.sample_span(&mut arrivals);
//!
//! // A guest's own luck is drawn once. All that happens to that guest follows from it and from where it happens: the
//! // same guest orders the same dish and eats as slowly, whoever is served first and however often they are sent away.
//! let guest = Luck::from_stream(&mut arrivals);
//! const DISH: Place = Place::named("kitchen.dish", Purpose::Choose);
//! const MEAL: Place = Place::named("table.meal", Purpose::Work);
//! let dish = guest.at(DISH).below(12);
//! let meal = Dist::lognormal_mean_cv(2400.0, 0.4)?.sample_span(&mut guest.at(MEAL));
//! assert_eq!(dish, guest.at(DISH).below(12));
//! # assert!(!gap.is_zero() && !meal.is_zero());
//! # Ok::<(), squall_sim::dist::DistError>(())
//! ```
//!
//! So two policies meet the same guests with the same wishes, and the difference between two runs is what the policies
//! did. Every distribution is computed with `libm` or with code of this crate, so draws are the same bits on every
//! machine. [`Simulation::digest`] is a hash over the time of every event and over every fact that the model has
//! [noted](Context::note): two runs with equal digests were the same run.
//!
//! # Act three: bounds, and forks
//!
//! [`Simulation::run`] takes a time and a number of events, and says which of them ended it ([`Ended`]): a model that
//! schedules for ever ends as well. The pending-event set is bounded too ([`queue::MAX_HEAP`]); what does not fit ends
//! the run by name, and is never dropped in silence.
//!
//! A simulation whose model is plain data is `Clone`. Run it to an instant, clone it, change one of the two, and go on:
//!
//! ```
//! # use squall_sim::{Context, Model, Simulation, Span, Time};
//! # #[derive(Clone)]
//! # struct Counter(u64);
//! # impl Model for Counter {
//! #     type Event = ();
//! #     fn handle(&mut self, (): (), cx: &mut Context<()>) {
//! #         self.0 += 1;
//! #         cx.after(Span::from_secs(1), ());
//! #     }
//! # }
//! # let mut simulation = Simulation::new(Counter(0));
//! # simulation.parts().1.after(Span::ZERO, ());
//! let (noon, night) = (Time::ZERO + Span::from_secs(12), Time::ZERO + Span::from_secs(24));
//! simulation.run(noon, u64::MAX);
//! let mut other = simulation.clone();
//! other.model.0 += 1000;
//! simulation.run(night, u64::MAX);
//! other.run(night, u64::MAX);
//! assert_eq!(other.model.0, simulation.model.0 + 1000);
//! assert_eq!(other.digest(), simulation.digest());
//! ```
#![forbid(unsafe_code)]

pub mod digest;
pub mod dist;
pub mod engine;
pub mod queue;
pub mod random;
pub mod slab;
pub mod time;

pub use engine::{Context, Ended, Model, Simulation};
pub use queue::{Lane, Source, Ticket};
pub use slab::{Key, Slab};
pub use time::{Span, Time};
