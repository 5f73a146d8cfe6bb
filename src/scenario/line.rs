//! How well a client is over time, against what is usual for it.

use super::sentence::STRETCH_SECONDS;
use squall_models::report::Series;
use squall_sim::{Span, Time};

/// Healthy again: this share of what it was before.
pub(crate) const HEALTHY: f64 = 0.9;
/// Collapsed: less than this share of what it was before.
pub(crate) const COLLAPSED: f64 = 0.5;
/// A stretch has at least so many windows, so that one window's noise decides nothing.
const STRETCH_WINDOWS: usize = 5;

/// A client's offered load and goodput over time.
pub(crate) struct Line {
    pub(crate) offered: Vec<f64>,
    pub(crate) goodput: Vec<f64>,
    pub(crate) resolution: Span,
    /// Goodput over offered load before the fault.
    pub(crate) reference: f64,
}

impl Line {
    /// Of a client that is asked to be as well as it was before; `None` where it was never well.
    pub(crate) fn of(series: &Series, client: &str, before: (Time, Time)) -> Option<Self> {
        let mut line = Self::read(series, client)?;
        let last = before.1.nanos().checked_div(series.resolution.nanos())?;
        let to = usize::try_from(last).unwrap_or(usize::MAX);
        line.reference = line.share(line.first_from(before.0), to).filter(|share| *share > 0.0)?;
        Some(line)
    }

    /// Of a client that is asked to be perfect.
    pub(crate) fn read(series: &Series, client: &str) -> Option<Self> {
        let component = format!("clients.{client}");
        let column = |metric| {
            let defined = |value: f64| if value.is_finite() { value } else { 0.0 };
            Some(series.column(&component, metric)?.map(defined).collect::<Vec<f64>>())
        };
        let (offered, goodput) = (column("offered")?, column("goodput")?);
        Some(Self { offered, goodput, resolution: series.resolution, reference: 1.0 })
    }

    pub(crate) fn len(&self) -> usize {
        self.offered.len().min(self.goodput.len())
    }

    /// The first window that begins at this time or later.
    pub(crate) fn first_from(&self, time: Time) -> usize {
        let number = time.nanos().div_ceil(self.resolution.nanos().max(1));
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    /// Goodput over offered load in the windows from one number up to another; `None` where nothing was offered.
    pub(crate) fn share(&self, from: usize, to: usize) -> Option<f64> {
        let to = to.min(self.len());
        let sum = |values: &[f64]| values.get(from..to).map(|part| part.iter().sum::<f64>());
        let (offered, goodput) = (sum(&self.offered)?, sum(&self.goodput)?);
        (offered > 0.0).then(|| goodput / offered)
    }

    pub(crate) fn stretch(&self) -> usize {
        let windows = Span::from_seconds(STRETCH_SECONDS).nanos().div_ceil(self.resolution.nanos().max(1));
        usize::try_from(windows).unwrap_or(usize::MAX).max(STRETCH_WINDOWS)
    }
}
