//! Fills under way: who does the work for a key, and who waits for it.
//!
//! Source of the semantics: Go's `golang.org/x/sync/singleflight`. Those who come while the work is done share its
//! outcome, error included; nothing is remembered afterwards; after `forget` a second execution may begin beside the
//! first, and everybody gets the outcome of the one that he joined.

use crate::world::lookup::Lookup;
use squall_sim::Time;

/// Fills under way by key. `W` is whoever fills or waits.
#[derive(Clone, Debug)]
pub struct Flights<W>(Lookup<Flight<W>>);

#[derive(Clone, Debug)]
struct Flight<W> {
    /// Fills of this key under way, those that nobody can join any more included.
    running: u64,
    leader: W,
    /// When the leader began; none if nobody can join.
    began: Option<Time>,
    waiting: Vec<W>,
    /// Earlier leaders that are still at work, and who waits for each.
    earlier: Vec<(W, Vec<W>)>,
}

impl<W> Default for Flights<W> {
    fn default() -> Self {
        Self(Lookup::default())
    }
}

impl<W: Copy + PartialEq> Flights<W> {
    /// Begins a fill, which others can join from now on; how many of this key are then under way.
    #[inline]
    pub fn begin(&mut self, key: u64, who: W, now: Time) -> u64 {
        let Some(flight) = self.0.get_mut(key) else {
            let began = Some(now);
            self.0.insert(key, Flight { running: 1, leader: who, began, waiting: Vec::new(), earlier: Vec::new() });
            return 1;
        };
        let (leader, waiting) = (flight.leader, std::mem::take(&mut flight.waiting));
        flight.earlier.push((leader, waiting));
        (flight.leader, flight.began) = (who, Some(now));
        flight.running += 1;
        flight.running
    }

    /// Begins a fill that nobody can join; how many of this key are then under way.
    #[inline]
    pub fn begin_alone(&mut self, key: u64, who: W) -> u64 {
        let Some(flight) = self.0.get_mut(key) else {
            self.0
                .insert(key, Flight { running: 1, leader: who, began: None, waiting: Vec::new(), earlier: Vec::new() });
            return 1;
        };
        flight.running += 1;
        flight.running
    }

    /// A fill that nobody could join is over.
    #[inline]
    pub fn end_alone(&mut self, key: u64) {
        if let Some(flight) = self.0.get_mut(key) {
            flight.running -= 1;
            if flight.running == 0 {
                self.0.remove(key);
            }
        }
    }

    /// Fills of this key under way.
    #[must_use]
    pub fn running(&self, key: u64) -> u64 {
        self.0.get(key).map_or(0, |flight| flight.running)
    }

    /// Since when the fill that can be joined is under way, if there is one.
    #[must_use]
    #[inline]
    pub fn joinable(&self, key: u64) -> Option<Time> {
        self.0.get(key)?.began
    }

    /// Waits for the fill that can be joined. Call it only if there is one.
    pub fn join(&mut self, key: u64, who: W) {
        if let Some(flight) = self.0.get_mut(key) {
            flight.waiting.push(who);
        }
    }

    /// Nobody can join the fill under way any more.
    pub fn forget(&mut self, key: u64) {
        if let Some(flight) = self.0.get_mut(key) {
            flight.began = None;
        }
    }

    /// A fill is over; who waited for it.
    #[inline]
    pub fn end(&mut self, key: u64, who: W) -> Vec<W> {
        let Some(flight) = self.0.get_mut(key) else { return Vec::new() };
        flight.running -= 1;
        if flight.running == 0 {
            return self.0.remove(key).map_or_else(Vec::new, |flight| flight.waiting);
        }
        if flight.leader == who {
            let waiting = std::mem::take(&mut flight.waiting);
            if let Some((leader, waiting)) = flight.earlier.pop() {
                (flight.leader, flight.waiting, flight.began) = (leader, waiting, None);
            }
            return waiting;
        }
        let at = flight.earlier.iter().position(|(leader, _)| *leader == who);
        at.map_or_else(Vec::new, |at| flight.earlier.remove(at).1)
    }

    /// Who does the work that this one waits for.
    pub fn leader_of(&self, key: u64, waiting: W) -> Option<W> {
        let flight = self.0.get(key)?;
        if flight.waiting.contains(&waiting) {
            return Some(flight.leader);
        }
        flight.earlier.iter().find(|(_, line)| line.contains(&waiting)).map(|(leader, _)| *leader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_the_outcome_of_the_fill_that_he_joined() {
        let mut flights = Flights::default();
        assert_eq!(flights.begin(7, 'a', Time::ZERO), 1);
        flights.join(7, 'b');
        flights.forget(7);
        assert_eq!(flights.joinable(7), None);
        assert_eq!(flights.begin(7, 'c', Time::ZERO), 2);
        flights.join(7, 'd');
        assert_eq!((flights.leader_of(7, 'b'), flights.leader_of(7, 'd')), (Some('a'), Some('c')));
        assert_eq!(flights.end(7, 'a'), ['b']);
        assert_eq!(flights.end(7, 'c'), ['d']);
        assert_eq!(flights.running(7), 0);
    }
}
