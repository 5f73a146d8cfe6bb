//! The least of a few keys, of which one changes at a time.

use super::ring::NEVER;

/// Places in the tree: two for each player.
const PLACES: usize = 2 * super::MAX_LANES;

/// A tree of matches: each place holds the lesser of the two below it, so a change is felt on one way to the top only.
#[derive(Clone, Debug)]
pub(super) struct Tournament {
    /// The least of all is at 1; the children of `n` are at `2n` and `2n + 1`; the players begin at `players`.
    tree: [u128; PLACES],
    /// A power of two.
    players: usize,
}

impl Default for Tournament {
    fn default() -> Self {
        Self { tree: [NEVER; PLACES], players: 1 }
    }
}

impl Tournament {
    /// Makes room for this many players.
    pub(super) fn seat(&mut self, players: usize) {
        while self.players < players {
            let known = self.tree;
            let first = self.players;
            (self.tree, self.players) = ([NEVER; PLACES], first * 2);
            (0..first).for_each(|player| self.set(player, known[first + player]));
        }
    }

    /// The least key.
    #[inline]
    pub(super) fn least(&self) -> u128 {
        self.tree[1]
    }

    /// The key of one player.
    pub(super) fn of(&self, player: usize) -> u128 {
        self.tree[(self.players + player) % PLACES]
    }

    #[inline]
    pub(super) fn set(&mut self, player: usize, key: u128) {
        let mut at = (self.players + player) % PLACES;
        self.tree[at] = key;
        while at > 1 {
            let least = self.tree[at].min(self.tree[at ^ 1]);
            at /= 2;
            self.tree[at] = least;
        }
    }
}
