//! From values to places on an axis, and where its labels go.

use crate::report::number;

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Axis {
    Linear { low: f64, high: f64 },
    Log { low: f64, high: f64 },
}

/// What the labels of an axis look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Seconds since the beginning of a run; the unit is in the title.
    Clock,
    /// A length of time.
    Time,
    /// A share of a whole.
    Share,
    /// Anything else: a count, a rate, a ratio.
    Plain,
}

impl Axis {
    /// From zero to more than the largest of these values, so that there is room for the numbers of faults above.
    pub(crate) fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let most = values.into_iter().filter(|v| v.is_finite()).fold(0.0, f64::max);
        Self::Linear { low: 0.0, high: if most > 0.0 { most * 1.16 } else { 1.0 } }
    }

    /// Whole decades, or nearly, around these values; those that are not above zero are left out.
    pub(crate) fn log_around(values: impl IntoIterator<Item = f64>) -> Self {
        let good = values.into_iter().filter(|v| v.is_finite() && *v > 0.0);
        let (low, high) = good.fold((f64::INFINITY, 0.0), |(low, high), v| (v.min(low), v.max(high)));
        if high <= 0.0 {
            return Self::Log { low: 0.001, high: 1.0 };
        }
        let down = |v: f64| libm::exp10(libm::floor(libm::log10(v) * 2.0) / 2.0);
        let up = |v: f64| libm::exp10(libm::ceil(libm::log10(v) * 2.0) / 2.0);
        let (low, high) = (down(low * 0.999), up(high * 1.001));
        Self::Log { low, high: high.max(low * 10.0) }
    }

    /// The same with room above for the numbers of faults.
    pub(crate) fn roomy(self) -> Self {
        match self {
            Self::Linear { low, high } => Self::Linear { low, high: high + 0.12 * (high - low) },
            Self::Log { low, high } => Self::Log { low, high: high * libm::pow(high / low, 0.12) },
        }
    }

    /// Where a value lies, from 0 to 1 and beyond.
    pub(crate) fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear { low, high } => (value - low) / (high - low),
            Self::Log { low, high } => libm::log10(value.max(low * 1e-3) / low) / libm::log10(high / low),
        }
    }

    /// Round values for about as many labels, with their texts.
    pub(crate) fn ticks(self, about: usize, unit: Unit) -> Vec<(f64, String)> {
        match self {
            Self::Linear { low, high } => linear(low, high, about.max(1), unit),
            Self::Log { low, high } => log(low, high, about.max(1), unit),
        }
    }
}

/// Steps of 1, 2 or 5 times a power of ten; of time also of 15, 30 and 60 seconds.
fn linear(low: f64, high: f64, about: usize, unit: Unit) -> Vec<(f64, String)> {
    let rough = (high - low) / about as f64;
    let power = libm::exp10(libm::floor(libm::log10(rough)));
    let mut steps: Vec<f64> = [0.5, 1.0, 2.0, 5.0, 10.0].iter().map(|n| n * power).collect();
    if unit == Unit::Clock && rough > 10.0 {
        steps = vec![
            5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0,
            86_400.0,
        ];
        steps.extend([2.0, 5.0, 10.0, 20.0, 50.0, 100.0].map(|days| days * 86_400.0));
    }
    // An axis with a single label tells no scale.
    steps.retain(|step| libm::floor(high / step + 1e-9) > libm::ceil(low / step - 1e-9));
    let step = steps.iter().copied().find(|step| *step >= rough * 0.999).or(steps.last().copied()).unwrap_or(rough);
    let first = libm::ceil(low / step - 1e-9) as i64;
    let last = libm::floor(high / step + 1e-9) as i64;
    let decimals = (-libm::floor(libm::log10(step * 1.0001))).max(0.0) as usize;
    (first..=last).map(|n| n as f64 * step).map(|value| (value, label(value, decimals, unit))).collect()
}

fn log(low: f64, high: f64, about: usize, unit: Unit) -> Vec<(f64, String)> {
    let decades = libm::log10(high / low);
    let within: &[f64] = if decades * 3.0 <= about as f64 + 1.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = libm::ceil(decades / about as f64).max(1.0) as i64;
    let first = libm::floor(libm::log10(low)) as i64;
    let last = libm::ceil(libm::log10(high)) as i64;
    let mut ticks = Vec::new();
    for decade in (first..=last).filter(|decade| decade.rem_euclid(every) == 0) {
        for times in within {
            let value = libm::exp10(decade as f64) * times;
            if value >= low * 0.999 && value <= high * 1.001 {
                ticks.push((value, label(value, (-decade).max(0) as usize, unit)));
            }
        }
    }
    ticks
}

fn label(value: f64, decimals: usize, unit: Unit) -> String {
    match unit {
        Unit::Time => trim(&number::time(value)),
        Unit::Share => format!("{:.*}%", decimals.saturating_sub(2), value * 100.0),
        Unit::Plain if value.abs() >= 10_000.0 => trim(&number::count(value)),
        Unit::Clock | Unit::Plain => format!("{value:.decimals$}"),
    }
}

/// `10.0ms` as `10 ms`: labels are round numbers, so that digits after the point tell nothing.
fn trim(text: &str) -> String {
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == 'µ').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    if unit.is_empty() || unit == "k" || unit == "M" || unit == "G" {
        format!("{number}{unit}")
    } else {
        format!("{number} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, about: usize, unit: Unit) -> Vec<String> {
        axis.ticks(about, unit).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn labels_are_round() {
        let linear = |high| Axis::Linear { low: 0.0, high };
        assert_eq!(labels(linear(300.0), 5, Unit::Clock), ["0", "60", "120", "180", "240", "300"]);
        assert_eq!(labels(linear(1.0), 4, Unit::Share), ["0%", "50%", "100%"]);
        assert_eq!(labels(linear(0.7), 4, Unit::Plain), ["0.0", "0.2", "0.4", "0.6"]);
        assert_eq!(labels(linear(45_000.0), 4, Unit::Plain), ["0", "20k", "40k"]);
        assert_eq!(labels(Axis::Log { low: 0.01, high: 10.0 }, 5, Unit::Time), ["10 ms", "100 ms", "1 s", "10 s"]);
    }

    #[test]
    fn a_log_axis_holds_its_values() {
        let axis = Axis::log_around([0.0, 0.02, 7.0, f64::NAN]);
        assert!(axis.place(0.02) >= 0.0 && axis.place(7.0) <= 1.0);
        assert!((axis.place(0.2) - axis.place(0.02) - (axis.place(2.0) - axis.place(0.2))).abs() < 1e-9);
        let top = |axis: Axis| axis.roomy().place(if let Axis::Log { high, .. } = axis { high } else { 1.0 });
        assert!(top(axis) < 0.9 && top(Axis::Linear { low: 0.0, high: 1.0 }) < 0.9);
    }
}
