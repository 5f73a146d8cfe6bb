//! libketama's ring: consistent hashing with MD5.
//!
//! Source: libketama, as ported by uhashring 2.5 (`hash_fn=ketama`): each node of weight 1 has 40 digests of
//! `name-number`, and each digest gives four points, so 160 in all; a key belongs to the first point above its hash.

use md5::{Digest, Md5};

const DIGESTS: u32 = 40;

/// A ring of points, and whose each is.
#[derive(Clone, Debug)]
pub struct Ketama(Vec<(u32, u32)>);

/// The digest of a text, as four numbers.
fn words(text: &str) -> [u32; 4] {
    let digest = Md5::digest(text.as_bytes());
    std::array::from_fn(|word| {
        let at = 4 * word;
        u32::from_le_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]])
    })
}

impl Ketama {
    /// A ring of these nodes, by their numbers in this order.
    pub fn new<T: AsRef<str>>(nodes: impl IntoIterator<Item = T>) -> Self {
        let mut points = Vec::new();
        for (node, number) in nodes.into_iter().zip(0..) {
            for digest in 0..DIGESTS {
                let words = words(&format!("{}-{digest}", node.as_ref()));
                points.extend(words.map(|word| (word, number)));
            }
        }
        points.sort_unstable();
        Self(points)
    }

    /// Where a key is on the ring.
    #[must_use]
    pub fn hash(key: &str) -> u32 {
        words(key)[0]
    }

    /// The nodes of a key in the order of the ring, from its own on; each comes as often as it has points.
    pub fn nodes(&self, hash: u32) -> impl Iterator<Item = u32> + '_ {
        let start = self.0.partition_point(|(point, _)| *point <= hash);
        self.0[start..].iter().chain(&self.0[..start]).map(|(_, node)| *node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_goes_takes_only_its_own_keys_along() {
        let ring = Ketama::new((0..16).map(|node| format!("shard-{node}")));
        let mut moved = 0;
        for key in 0..20_000 {
            let hash = Ketama::hash(&key.to_string());
            let before = ring.nodes(hash).next();
            let after = ring.nodes(hash).find(|node| *node != 3);
            moved += u32::from(before != after);
            assert!(before == after || before == Some(3));
        }
        // A sixteenth, give or take what 160 points for a node leave to chance.
        assert!((900..1700).contains(&moved), "{moved}");
    }
}
