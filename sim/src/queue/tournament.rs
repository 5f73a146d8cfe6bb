//! The least of a few keys, of which one changes at a time.

use super::ring::NEVER;

/// A tree of matches: each place holds the lesser of the two below it, so a change is felt on one way to the top only.
#[derive(Clone, Debug)]
pub(super) struct Tournament {
    /// The least of all is at 1; the children of `n` are at `2n` and `2n + 1`; the players are the second half.
    tree: Vec<u128>,
}

impl Default for Tournament {
    fn default() -> Self {
        Self { tree: vec![NEVER; 2] }
    }
}

impl Tournament {
    /// Makes room for this many players.
    pub(super) fn seat(&mut self, players: usize) {
        while self.tree.len() / 2 < players {
            let known = self.tree.split_off(self.tree.len() / 2);
            self.tree = vec![NEVER; known.len() * 4];
            known.into_iter().enumerate().for_each(|(player, key)| self.set(player, key));
        }
    }

    /// The least key.
    #[inline]
    pub(super) fn least(&self) -> u128 {
        self.tree[1]
    }

    #[inline]
    pub(super) fn set(&mut self, player: usize, key: u128) {
        let mut at = self.tree.len() / 2 + player;
        self.tree[at] = key;
        while at > 1 {
            let least = self.tree[at].min(self.tree[at ^ 1]);
            at /= 2;
            self.tree[at] = least;
        }
    }
}
