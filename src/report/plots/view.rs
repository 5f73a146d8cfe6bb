//! What is looked at, and how: results, variants, an instant. Large tables are read once, by the first plot that asks.

use super::Undrawn;
use crate::experiment::diagnosis::Diagnosis;
use crate::record::results::{Failing, Fates, Heat, Latencies, Results, Series, Unreadable};
use std::cell::OnceCell;

/// How a person wants to look at results.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Width of a picture in pixels.
    pub width: f64,
    /// Only these variants, in this order; all if there are none.
    pub variants: Vec<String>,
    /// The seed that is shown where only one can be; the first by default.
    pub seed: Option<u64>,
    /// The instant of a picture of one instant, in seconds.
    pub at: Option<f64>,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 800.0, variants: Vec::new(), seed: None, at: None }
    }
}

/// Results as they are looked at.
#[derive(Debug)]
pub struct View<'a> {
    pub(in crate::report) results: &'a Results,
    pub(in crate::report) look: &'a Look,
    series: OnceCell<Series>,
    latencies: OnceCell<Latencies>,
    fates: OnceCell<Vec<Fates>>,
    explained: OnceCell<Vec<Diagnosis>>,
}

/// Three lines over time: how a value lies in all seeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::report) struct Spread {
    pub(in crate::report) low: Vec<f64>,
    pub(in crate::report) middle: Vec<f64>,
    pub(in crate::report) high: Vec<f64>,
}

fn once<T>(cell: &OnceCell<T>, read: impl FnOnce() -> Result<T, Unreadable>) -> Result<&T, Unreadable> {
    if let Some(known) = cell.get() {
        return Ok(known);
    }
    let value = read()?;
    Ok(cell.get_or_init(|| value))
}

impl<'a> View<'a> {
    /// A view of results.
    #[must_use]
    pub fn new(results: &'a Results, look: &'a Look) -> Self {
        let (series, latencies) = (OnceCell::new(), OnceCell::new());
        Self { results, look, series, latencies, fates: OnceCell::new(), explained: OnceCell::new() }
    }

    pub(in crate::report) fn series(&self) -> Result<&Series, Undrawn> {
        let series = once(&self.series, || self.results.series())?;
        if series.times.is_empty() {
            return Err(Undrawn::Nothing("the results hold no series".to_owned()));
        }
        Ok(series)
    }

    pub(in crate::report) fn latencies(&self) -> Result<&Latencies, Undrawn> {
        Ok(once(&self.latencies, || self.results.latencies())?)
    }

    pub(in crate::report) fn fates(&self) -> Result<&[Fates], Undrawn> {
        Ok(once(&self.fates, || self.results.fates())?)
    }

    /// The diagnoses of all runs.
    pub(in crate::report) fn explained(&self) -> Result<&[Diagnosis], Undrawn> {
        Ok(once(&self.explained, || self.results.explained())?)
    }

    /// Latencies over time of one variant, all seeds added up.
    pub(in crate::report) fn heat(&self, variant: &str) -> Result<Vec<Heat>, Undrawn> {
        Ok(self.results.heat(variant)?)
    }

    /// The variants to show.
    pub(in crate::report) fn variants(&self) -> Vec<&str> {
        let chosen = if self.look.variants.is_empty() { &self.results.variants } else { &self.look.variants };
        chosen.iter().map(String::as_str).collect()
    }

    /// The variant that is shown where only one can be.
    pub(in crate::report) fn variant(&self) -> &str {
        self.variants().first().copied().unwrap_or_default()
    }

    /// The seed that is shown where only one can be.
    pub(in crate::report) fn seed(&self) -> u64 {
        self.look.seed.or(self.results.seeds.first().copied()).unwrap_or(0)
    }

    /// The instant that is shown where only one can be: the one that was asked for; else just after the last failure, or in
    /// the middle.
    pub(in crate::report) fn at(&self) -> f64 {
        let end = self.series().map_or(0.0, Series::end);
        let own = |row: &&Failing| row.variant == self.variant() && row.seed == self.seed() && row.kind == "failing";
        let last = self.results.failures.iter().filter(own).map(|row| row.time_s).fold(f64::NAN, f64::max);
        let usual = if last.is_finite() { (last + 2.0).min(end) } else { end / 2.0 };
        self.look.at.unwrap_or(usual)
    }

    /// What stands under a heading: the scenario, and how many seeds.
    pub(in crate::report) fn note(&self, more: &str) -> String {
        let seeds = self.results.seeds.len();
        let over = if seeds == 1 { "one seed".to_owned() } else { format!("{seeds} seeds") };
        format!("{}, {over}{more}", self.results.name())
    }

    /// A value over time in all seeds, made from each seed's columns; `None` if no seed has it.
    pub(in crate::report) fn spread(&self, of: impl Fn(u64) -> Option<Vec<f64>>) -> Option<Spread> {
        let all: Vec<Vec<f64>> = self.results.seeds.iter().filter_map(|seed| of(*seed)).collect();
        let windows = all.iter().map(Vec::len).max()?;
        let mut spread = Spread::default();
        for window in 0..windows {
            let values = all.iter().filter_map(|seed| seed.get(window).copied());
            let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            spread.low.push(quantile(&values, 0.1));
            spread.middle.push(quantile(&values, 0.5));
            spread.high.push(quantile(&values, 0.9));
        }
        Some(spread)
    }

    /// A metric of all components of a kind added up, in one run; a component without a value adds nothing.
    pub(in crate::report) fn sum(&self, variant: &str, seed: u64, kind: &str, metric: &str) -> Option<Vec<f64>> {
        let series = self.series().ok()?;
        let mut sum: Option<Vec<f64>> = None;
        for component in series.components(kind, metric) {
            let Some(column) = series.get(variant, seed, component, metric) else { continue };
            let sum = sum.get_or_insert_with(|| vec![0.0; series.times.len()]);
            for (sum, value) in sum.iter_mut().zip(column).filter(|(_, value)| value.is_finite()) {
                *sum += *value;
            }
        }
        sum
    }

    /// A column of one run.
    pub(in crate::report) fn column(
        &self,
        variant: &str,
        seed: u64,
        component: &str,
        metric: &str,
    ) -> Option<Vec<f64>> {
        self.series().ok()?.get(variant, seed, component, metric).map(<[f64]>::to_vec)
    }
}

/// Between the values around a place in a sorted list; NaN of nothing.
pub(in crate::report) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (low, high) = (sorted[place as usize], sorted[(place.ceil() as usize).min(last)]);
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_values() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.5), 1.5);
        assert_eq!(quantile(&[7.0], 0.9), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
