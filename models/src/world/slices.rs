//! What became of requests over time, in a few wide slices: enough for a picture, small enough for every run.

use crate::histogram::Histogram;
use crate::report::{ClientSlice, ClientTotals, Slice};
use squall_sim::{Span, Time};

/// Slices at most.
const MOST: u64 = 80;

/// The slices so far, and the one that is being filled.
#[derive(Clone, Debug)]
pub(super) struct Slices {
    /// Windows of the series in one slice.
    windows: u64,
    taken: u64,
    open: Slice,
    done: Vec<Slice>,
}

impl Slices {
    pub(super) fn new(duration: Span, resolution: Span, clients: usize) -> Self {
        let all = duration.nanos().div_ceil(resolution.nanos().max(1));
        let open = Slice { from: Time::ZERO, to: Time::ZERO, clients: vec![ClientSlice::default(); clients] };
        Self { windows: all.div_ceil(MOST).max(1), taken: 0, open, done: Vec::new() }
    }

    /// Takes a client's window that is over: the totals before and after it, and its latencies.
    pub(super) fn take(&mut self, client: usize, before: &ClientTotals, after: &ClientTotals, window: &Histogram<6>) {
        let slice = &mut self.open.clients[client];
        slice.ok += after.ok - before.ok;
        for (sum, (after, before)) in slice.failed.iter_mut().zip(after.failed.iter().zip(&before.failed)) {
            *sum += after - before;
        }
        for (at, count) in window.half_octaves() {
            if slice.latency.len() <= at {
                slice.latency.resize(at + 1, 0);
            }
            slice.latency[at] += count;
        }
    }

    /// The windows of all clients were taken.
    pub(super) fn close(&mut self, now: Time) {
        self.open.to = now;
        self.taken += 1;
        if self.taken.is_multiple_of(self.windows) {
            let clients = vec![ClientSlice::default(); self.open.clients.len()];
            let open = Slice { from: now, to: now, clients };
            self.done.push(std::mem::replace(&mut self.open, open));
        }
    }

    /// All slices, the last of them maybe shorter.
    pub(super) fn finish(&mut self) -> Vec<Slice> {
        let mut all = std::mem::take(&mut self.done);
        all.extend((self.open.to > self.open.from).then(|| self.open.clone()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::half_octave;

    #[test]
    fn half_octaves_tile_the_axis() {
        for at in 0..60 {
            let (low, high) = ClientSlice::bounds(at);
            if low == high {
                continue;
            }
            assert_eq!((half_octave(low), half_octave(high - 1)), (at, at), "{low} {high}");
            assert!(ClientSlice::bounds(at + 1).0 == high || at == 0, "{at}");
        }
    }

    #[test]
    fn slices_add_up_to_the_whole() {
        let mut slices = Slices::new(Span::from_millis(100_500), Span::from_millis(1000), 1);
        let mut window = Histogram::default();
        window.record(Span::from_millis(5));
        let mut before = ClientTotals::default();
        for second in 1..=101 {
            let mut after = before.clone();
            after.ok += 1;
            slices.take(0, &before, &after, &window);
            slices.close(Time::from_nanos((second * 1_000_000_000).min(100_500_000_000)));
            before = after;
        }
        let all = slices.finish();
        assert_eq!(all.len(), 51);
        assert_eq!(all.iter().map(|slice| slice.clients[0].ok).sum::<u64>(), 101);
        assert_eq!(all.iter().flat_map(|slice| &slice.clients[0].latency).sum::<u64>(), 101);
        assert!(all.windows(2).all(|pair| pair[0].to == pair[1].from));
    }
}
