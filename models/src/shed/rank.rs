//! The place of a call in a two-level order of importance: the client's class first, then a class of its own that it has
//! by chance and keeps for an hour.

use super::Arrival;
use squall_sim::random::{Luck, Place, Purpose};

/// Classes within one business class.
pub(super) const USERS: usize = 128;

const HOUR: u64 = 3_600_000_000_000;
const PLACE: Place = Place::named("shed.user", Purpose::Other(1));

/// 0 is the most important.
pub(super) fn of(facts: &Arrival, classes: usize) -> usize {
    let hour = (facts.now.nanos() / HOUR) as u32;
    let user = Luck::new(facts.user).child(PLACE, hour).value() as usize % USERS;
    usize::from(facts.priority).min(classes - 1) * USERS + user
}
