//! How many values lie in each bucket. A world can have tens of thousands of histograms with a few values in each, so
//! the buckets come only when the values have become many.

/// Counts by the number of a bucket.
#[derive(Clone, Debug)]
pub(super) enum Counts {
    /// How many values lie in the first bucket, and in which bucket each of the others does, as they came.
    Few(u64, Vec<u16>),
    /// A count for each bucket up to the last in which there was a value.
    Many(Vec<u64>),
}

/// So many values outside the first bucket are few. They take as much memory as the buckets of a quarter of an octave.
const FEW: usize = 1024;

impl Default for Counts {
    fn default() -> Self {
        Self::Few(0, Vec::new())
    }
}

impl Counts {
    /// Counts of which there will be many.
    pub(super) const fn many() -> Self {
        Self::Many(Vec::new())
    }

    pub(super) fn add(&mut self, at: usize, times: u64) {
        match self {
            Self::Many(counts) => {
                if at >= counts.len() {
                    counts.resize(at + 1, 0);
                }
                counts[at] += times;
            }
            Self::Few(zeros, _) if at == 0 => *zeros += times,
            Self::Few(_, others) if others.len() as u64 + times <= FEW as u64 => {
                others.extend((0..times).map(|_| at as u16));
            }
            Self::Few(..) => {
                self.spread();
                self.add(at, times);
            }
        }
    }

    /// From now on a count for each bucket.
    #[cold]
    fn spread(&mut self) {
        let cells: Vec<_> = self.cells(0).collect();
        *self = Self::many();
        cells.into_iter().for_each(|(at, count)| self.add(at, count));
    }

    /// The counts of all buckets up to this one at least; none while they are few.
    #[inline]
    pub(super) fn reaching(&mut self, last: usize) -> Option<&mut [u64]> {
        let Self::Many(counts) = self else { return None };
        if last >= counts.len() {
            counts.resize(last + 1, 0);
        }
        Some(counts)
    }

    /// The counts of all buckets from this one on; none while they are few.
    pub(super) fn from(&self, first: usize) -> Option<&[u64]> {
        let Self::Many(counts) = self else { return None };
        Some(counts.get(first..).unwrap_or_default())
    }

    /// The buckets that are not empty, in rising order, if there is none before `first`.
    pub(super) fn cells(&self, first: usize) -> impl Iterator<Item = (usize, u64)> {
        let (few, many) = match self {
            Self::Few(zeros, others) => {
                let mut others = others.clone();
                others.sort_unstable();
                let groups = others.chunk_by(|a, b| a == b).map(|group| (usize::from(group[0]), group.len() as u64));
                let zeros = (*zeros > 0).then_some((0, *zeros));
                (zeros.into_iter().chain(groups).collect(), &[][..])
            }
            Self::Many(counts) => (Vec::new(), counts.get(first..).unwrap_or_default()),
        };
        let many = many.iter().enumerate().filter(|(_, count)| **count > 0);
        few.into_iter().chain(many.map(move |(beyond, &count)| (first + beyond, count)))
    }

    /// The bucket of the value of this rank, which begins with 1, while there are few.
    pub(super) fn find_among_few(&self, rank: u64) -> Option<usize> {
        let Self::Few(zeros, others) = self else { return None };
        let Some(beyond) = rank.checked_sub(zeros + 1) else { return Some(0) };
        let mut others = others.clone();
        let at = usize::try_from(beyond).ok().filter(|at| *at < others.len())?;
        Some((*others.select_nth_unstable(at).1).into())
    }

    /// What was added since they were as `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        match (self, earlier) {
            (Self::Few(zeros, others), Self::Few(zeros_then, others_then)) => {
                Self::Few(zeros - zeros_then, others[others_then.len()..].to_vec())
            }
            _ => {
                let mut since = self.clone();
                if let Self::Many(counts) = &mut since {
                    earlier.cells(0).for_each(|(at, count)| counts[at] -= count);
                }
                since
            }
        }
    }

    /// Forgets everything, of which there is nothing outside these buckets, and keeps the memory.
    pub(super) fn clear(&mut self, first: usize, last: usize) {
        match self {
            Self::Few(zeros, others) => {
                *zeros = 0;
                others.clear();
            }
            Self::Many(counts) => {
                if let Some(used) = counts.get_mut(first..=last) {
                    used.fill(0);
                }
            }
        }
    }
}
