//! Histograms in the interchange form of HdrHistogram (V2, deflated, base64), which its libraries in every language
//! read and add up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};
use squall_models::histogram::Histogram;
use std::io;

/// The range and precision of squall's own histogram in microseconds, so that each of its buckets is one bucket there.
const LOWEST: u64 = 1;
const HIGHEST: u64 = (1 << 39) - 1;
const DIGITS: u8 = 3;

/// A histogram as results hold it, which can be added to others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Stored {
    pub(super) count: u64,
    pub(super) sum_ns: u64,
    pub(super) max_ns: u64,
    pub(super) hdr_us: String,
}

impl Stored {
    pub(super) fn of(histogram: &Histogram) -> io::Result<Self> {
        let sum_ns = u64::try_from(histogram.sum_nanos()).map_err(io::Error::other)?;
        let (count, max_ns) = (histogram.count(), histogram.max().nanos());
        Ok(Self { count, sum_ns, max_ns, hdr_us: encode(histogram)? })
    }

    /// All of these together; `None` of none.
    pub(super) fn together(all: &[Self]) -> io::Result<Option<Self>> {
        let [first, rest @ ..] = all else { return Ok(None) };
        if rest.is_empty() {
            return Ok(Some(first.clone()));
        }
        let (mut sum, mut hdr) = (first.clone(), decode(&first.hdr_us)?);
        for other in rest {
            sum.count += other.count;
            sum.sum_ns =
                sum.sum_ns.checked_add(other.sum_ns).ok_or_else(|| io::Error::other("the sum is too large"))?;
            sum.max_ns = sum.max_ns.max(other.max_ns);
            hdr.add(decode(&other.hdr_us)?).map_err(io::Error::other)?;
        }
        sum.hdr_us = write(&hdr)?;
        Ok(Some(sum))
    }
}

/// The histogram as text, in microseconds.
pub(super) fn encode(histogram: &Histogram) -> io::Result<String> {
    let mut hdr = hdrhistogram::Histogram::<u64>::new_with_bounds(LOWEST, HIGHEST, DIGITS).map_err(io::Error::other)?;
    for (micros, count) in histogram.buckets() {
        hdr.record_n(micros, count).map_err(io::Error::other)?;
    }
    write(&hdr)
}

fn write(hdr: &hdrhistogram::Histogram<u64>) -> io::Result<String> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(hdr, &mut bytes).map_err(io::Error::other)?;
    Ok(STANDARD.encode(bytes))
}

/// The histogram that a text stands for, in microseconds.
pub(super) fn decode(text: &str) -> io::Result<hdrhistogram::Histogram<u64>> {
    let bytes = STANDARD.decode(text).map_err(io::Error::other)?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_sim::Span;

    fn read(text: &str) -> hdrhistogram::Histogram<u64> {
        decode(text).unwrap()
    }

    fn of(micros: impl Iterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        micros.for_each(|n| histogram.record(Span::from_nanos(n * 1000)));
        histogram
    }

    #[test]
    fn merging_the_texts_is_merging_the_histograms() {
        let mut ours = of((0..3000).map(|n| n * n));
        let more = of((0..3000).map(|n| n * 7919));
        let mut theirs = read(&encode(&ours).unwrap());
        theirs.add(read(&encode(&more).unwrap())).unwrap();
        ours.add(&more);
        assert_eq!(theirs, read(&encode(&ours).unwrap()));
        assert_eq!(theirs.len(), ours.count());
    }

    #[test]
    fn in_parts_or_as_a_whole_the_sum_is_the_same_bytes() {
        let parts: Vec<Histogram> = (1..5).map(|k| of((0..500).map(|n| n * n * k))).collect();
        let stored: Vec<Stored> = parts.iter().map(|part| Stored::of(part).unwrap()).collect();
        let mut whole = Histogram::default();
        parts.iter().for_each(|part| whole.add(part));
        let whole = Stored::of(&whole).unwrap();
        let sum = |all: &[Stored]| Stored::together(all).unwrap().unwrap();
        assert_eq!(sum(&stored), whole);
        assert_eq!(sum(&[sum(&stored[2..]), sum(&stored[..2])]), whole);
        assert_eq!(sum(&stored[..1]), stored[0]);
        assert_eq!(Stored::together(&[]).unwrap(), None);
    }

    #[test]
    fn every_bucket_here_is_one_bucket_there() {
        let ours = of((0..39).flat_map(|octave| (1 << octave)..(1_u64 << octave) + 3));
        let theirs = read(&encode(&ours).unwrap());
        let counts: Vec<_> = theirs.iter_recorded().map(|v| v.count_at_value()).collect();
        assert!(counts.iter().copied().eq(ours.buckets().map(|(_, count)| count)));
    }

    #[test]
    fn an_empty_histogram_can_be_written_too() {
        assert_eq!(read(&encode(&Histogram::default()).unwrap()).len(), 0);
    }
}
