//! The better of two at random. Two draws.
//!
//! Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001); two different ones, as in
//! Finagle's P2C.

use super::{Hosts, two};
use squall_sim::random::Draw;

/// The one of two that has fewer calls outstanding; the first of equals.
#[inline]
pub(super) fn pick(hosts: &Hosts<'_>, draws: &mut impl Draw) -> u32 {
    let (first, second) = two(hosts.there.len(), draws);
    let (first, second) = (hosts.there[first], hosts.there[second]);
    if hosts.outstanding[second as usize] < hosts.outstanding[first as usize] { second } else { first }
}
