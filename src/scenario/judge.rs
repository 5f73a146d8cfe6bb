//! Whether a run keeps to an expectation.

use super::expect::{Expectation, Judgement};
use super::line::{COLLAPSED, HEALTHY, Line};
use super::metric::Unit;
use super::sentence::{Of, Op, Reading, Rule};
use squall_models::report::{Names, Report, Totals};
use squall_sim::{Span, Time};

impl Expectation {
    /// Judges one run.
    #[must_use]
    pub fn judge(&self, report: &Report, names: &Names) -> Judgement {
        match &self.rule {
            Rule::Compare { reading: Reading::Alert(name, of), unit, op, value, .. } => {
                alert(report, names, (name, *of), *unit, |measured| op.holds(measured, *value))
            }
            Rule::Compare { reading: Reading::Operator(name, (_, unit, read)), op, value, .. } => {
                let at = names.operators.iter().position(|known| known == name);
                let Some(totals) = at.and_then(|at| report.operators.get(at)) else { return no_data() };
                once(read(totals), *unit, |measured| op.holds(measured, *value))
            }
            Rule::Compare { reading: Reading::Rollout(name, (_, unit, read)), op, value, .. } => {
                let at = names.rollouts.iter().position(|known| known == name);
                let Some(totals) = at.and_then(|at| report.rollouts.get(at)) else { return no_data() };
                once(read(totals), *unit, |measured| op.holds(measured, *value))
            }
            Rule::Compare { reading, unit, op, value, window } => {
                let totals = match window {
                    None => Some(&report.measured),
                    Some(number) => report.windows.get(*number),
                };
                match totals.and_then(|totals| reading.read(totals, names)).filter(|measured| !measured.is_nan()) {
                    None => no_data(),
                    Some(measured) => {
                        let open = totals.and_then(|totals| self.open(reading, totals, names));
                        let stuck = open.filter(|_| !report.deadlocks.is_empty());
                        let measured = stuck.map_or(measured, |open| open.as_failed(measured));
                        let told = open.map_or(String::new(), Open::words);
                        let shown = format!("{}{told}", unit.show(measured));
                        Judgement { holds: op.holds(measured, *value), measured: Some(measured), shown }
                    }
                }
            }
            Rule::Recovers { client, before, end, within } => {
                let Some(line) = Line::of(&report.series, client, *before) else { return no_data() };
                recovers(&line, *end, *within)
            }
            Rule::Collapsed { client, before, from } => {
                let Some(line) = Line::of(&report.series, client, *before) else { return no_data() };
                let Some(last) = line.share(line.first_from(*from), line.len()) else { return no_data() };
                let of_before = last / line.reference;
                let shown = format!("at the end {} of before", Unit::Share.show(of_before));
                Judgement { holds: of_before < COLLAPSED, measured: Some(of_before), shown }
            }
            Rule::Deadlock(wanted) => {
                let shown = match report.deadlocks.first() {
                    None => "no deadlock".to_owned(),
                    Some(first) => format!("deadlock at {}: {}", first.at, first.cycle.join(" → ")),
                };
                let count = report.deadlocks.len();
                Judgement { holds: (count > 0) == *wanted, measured: Some(count as f64), shown }
            }
        }
    }
}

/// Requests of a client that have not ended, where a sentence is about the share of those that have.
#[derive(Clone, Copy)]
struct Open {
    ended: f64,
    open: f64,
    arrived: f64,
    /// The share is that of successes.
    success: bool,
}

impl Expectation {
    /// `None` where the sentence is about something else.
    fn open(&self, reading: &Reading, totals: &Totals, names: &Names) -> Option<Open> {
        let Reading::Client(name, _) = reading else { return None };
        let metric = self.measures()?.metric;
        let success = metric == "success";
        let client = totals.clients.get(names.clients.iter().position(|known| known == name)?)?;
        let (ended, open, arrived) = (client.ended() as f64, client.in_flight as f64, client.arrivals as f64);
        (success || metric == "failure").then_some(Open { ended, open, arrived, success })
    }
}

impl Open {
    /// The share when those that are open count as failed: in a deadlock they never end.
    fn as_failed(self, share: f64) -> f64 {
        let failed = if self.success { 0.0 } else { self.open };
        (share * self.ended + failed) / (self.ended + self.open)
    }

    /// What has not ended is told where it is more than a little.
    fn words(self) -> String {
        let share = self.open / self.arrived.max(1.0);
        if share > 0.05 { format!(" ({:.0}% had not ended)", share.min(1.0) * 100.0) } else { String::new() }
    }
}

fn no_data() -> Judgement {
    Judgement { holds: false, measured: None, shown: "no data".to_owned() }
}

impl Op {
    fn holds(self, measured: f64, value: f64) -> bool {
        match self {
            Self::AtLeast => measured >= value,
            Self::Above => measured > value,
            Self::AtMost => measured <= value,
            Self::Below => measured < value,
            #[allow(clippy::float_cmp, reason = "only counts are compared so, and they are whole")]
            Self::Equal => measured == value,
        }
    }
}

impl Reading {
    fn read(&self, totals: &Totals, names: &Names) -> Option<f64> {
        fn at<'a, T, N: PartialEq>(all: &'a [T], names: &[N], name: &N) -> Option<&'a T> {
            all.get(names.iter().position(|known| known == name)?)
        }
        let seconds = totals.to.since(totals.from).seconds();
        match self {
            Self::Client(name, measure) => measure.read(at(&totals.clients, &names.clients, name)?, seconds),
            Self::Service(name, measure) => measure.read(at(&totals.services, &names.services, name)?, seconds),
            Self::Pool(name, measure) => measure.read(at(&totals.pools, &names.pools, name)?, seconds),
            Self::Cache(name, measure) => measure.read(at(&totals.caches, &names.caches, name)?, seconds),
            Self::Split(side, measure) => measure.read(at(&totals.splits, &names.splits, side)?, seconds),
            Self::Edge(names_of, measure) => measure.read(at(&totals.edges, &names.edges, names_of)?, seconds),
            // They are counted over the whole run.
            Self::Alert(..) | Self::Operator(..) | Self::Rollout(..) => None,
        }
    }
}

/// An alert that never fires after a fault is infinitely late.
fn alert(
    report: &Report,
    names: &Names,
    (name, of): (&str, Of),
    unit: Unit,
    holds: impl FnOnce(f64) -> bool,
) -> Judgement {
    let at = names.alerts.iter().position(|known| known == name);
    let Some(alert) = at.and_then(|at| report.alerts.get(at)) else { return no_data() };
    let measured = match of {
        Of::Fired => alert.fired as f64,
        Of::First => alert.first.map_or(f64::INFINITY, Span::seconds),
    };
    once(measured, unit, holds)
}

/// Something that is counted over the whole run, or a time that may never come.
fn once(measured: f64, unit: Unit, holds: impl FnOnce(f64) -> bool) -> Judgement {
    let shown = if measured.is_finite() { unit.show(measured) } else { "never".to_owned() };
    Judgement { holds: holds(measured), measured: Some(measured), shown }
}

fn recovers(line: &Line, end: Time, within: Span) -> Judgement {
    let first = line.first_from(end);
    let stretch = line.stretch();
    let Some(last) = line.len().checked_sub(stretch).filter(|last| *last >= first) else { return no_data() };
    // A stretch in which nothing was offered shows no health.
    let healthy = |from: usize| line.share(from, from + stretch).is_some_and(|share| share >= HEALTHY * line.reference);
    let sick = (first..=last).rev().find(|from| !healthy(*from));
    let recovered = match sick {
        None => first,
        Some(from) if from < last => from + 1,
        Some(_) => {
            let at_end = line.share(last, line.len()).unwrap_or(0.0) / line.reference;
            let shown = format!("not recovered, at the end {} of before", Unit::Share.show(at_end));
            return Judgement { holds: false, measured: Some(f64::INFINITY), shown };
        }
    };
    let windows = u64::try_from(recovered).unwrap_or(u64::MAX);
    let at = Time::from_nanos(line.resolution.nanos().saturating_mul(windows));
    let after = at.since(end);
    let shown = if after.is_zero() { "recovered at once".to_owned() } else { format!("recovered after {after}") };
    Judgement { holds: after <= within, measured: Some(after.seconds()), shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_models::report::{Column, Series};

    fn series(shares: &[f64]) -> Series {
        let column = |metric| Column { component: "clients.web".into(), metric, unit: "1/s" };
        Series {
            resolution: Span::from_secs(1),
            columns: vec![column("offered"), column("goodput")],
            values: shares.iter().flat_map(|share| [100.0, 100.0 * share]).collect(),
        }
    }

    fn judged(shares: &[f64]) -> Judgement {
        let (start, end) = (Time::from_nanos(20_000_000_000), Time::from_nanos(30_000_000_000));
        match Line::of(&series(shares), "web", (Time::ZERO, start)) {
            Some(line) => recovers(&line, end, Span::from_secs(15)),
            None => no_data(),
        }
    }

    #[test]
    fn recovery_is_found_where_health_begins_and_lasts() {
        let mut shares = vec![1.0; 100];
        shares[20..40].fill(0.1);
        assert_eq!(judged(&shares).shown, "recovered after 9s");
        shares[60..80].fill(0.5);
        let late = judged(&shares);
        assert_eq!((late.holds, late.shown.as_str()), (false, "recovered after 48s"));
        shares[30..].fill(0.3);
        let never = judged(&shares);
        assert_eq!((never.holds, never.shown.as_str()), (false, "not recovered, at the end 30.0% of before"));
    }

    #[test]
    fn a_silent_client_has_not_recovered() {
        assert_eq!(judged(&[]).shown, "no data");
        assert_eq!(judged(&vec![0.0; 100]).shown, "no data");
        let mut silent = series(&vec![1.0; 100]);
        silent.values[60..].fill(f64::NAN);
        let line = Line::of(&silent, "web", (Time::ZERO, Time::from_nanos(20_000_000_000))).unwrap();
        assert!(!recovers(&line, Time::from_nanos(30_000_000_000), Span::from_secs(60)).holds);
    }
}
