//! First in, first out: being used makes no difference.

use super::{Entry, List};

/// Entries from the newest to the oldest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fifo(List);

impl Fifo {
    pub(super) fn victim(&self) -> u32 {
        self.0.oldest
    }

    pub(super) fn came(&mut self, entries: &mut [Entry], at: u32) {
        self.0.link(entries, at);
    }

    pub(super) fn removed(&mut self, entries: &mut [Entry], at: u32) {
        self.0.unlink(entries, at);
    }
}

#[cfg(test)]
mod tests {
    use crate::cache::eviction::{Spec, hits};

    #[test]
    fn the_first_in_goes_although_it_was_used() {
        assert_eq!(hits(&Spec::Fifo, 2, &[1, 2, 1, 3, 1, 2]), 1);
    }
}
