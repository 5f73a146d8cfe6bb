//! A comparison in words.

use super::number::{in_unit, percent};
use crate::experiment::{Compared, Comparison, Conclusion, Finding, Quantity, Role, Standing};

/// Objectives that are named in one sentence.
const MOST: usize = 2;

/// The verdict in a table.
pub(super) fn verdict(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Baseline => "-",
        Conclusion::Helped => "helped",
        Conclusion::HelpedAtACost => "helped, at a cost",
        Conclusion::Mixed => "mixed",
        Conclusion::NoDifference => "no difference",
        Conclusion::NoDifferenceToUsers => "same for users",
        Conclusion::MadeWorse => "MADE IT WORSE",
        Conclusion::Undecided(_) => "undecided",
        Conclusion::Bound => "(bound)",
    }
}

/// A difference of shares in points with its interval.
pub(super) fn points(comparison: &Comparison) -> String {
    let Some(pairs) = &comparison.pairs else { return "-".to_owned() };
    let (low, high) = comparison.interval.map_or((f64::NAN, f64::NAN), |i| (i.low * 100.0, i.high * 100.0));
    let mean = pairs.difference.mean * 100.0;
    if pairs.differences.iter().all(|difference| *difference == 0.0) {
        return "0".to_owned();
    }
    // As many decimals as tell the ends of the interval apart.
    let decimals = if (high - low) < 0.1 || mean.abs() < 0.1 { 3 } else { 1 };
    if low.is_nan() {
        return format!("{mean:+.decimals$}");
    }
    format!("{mean:+.decimals$} [{low:+.decimals$}, {high:+.decimals$}]")
}

/// A p-value.
pub(super) fn chance(p: f64) -> String {
    match p {
        p if p < 0.0001 => "<0.0001".to_owned(),
        p if p < 0.1 => format!("{p:.4}"),
        p => format!("{p:.2}"),
    }
}

/// One variant in a sentence or two.
pub(super) fn sentence(standing: &Standing, compared: &Compared) -> String {
    let lead = standing.lead(&compared.quantities);
    let told = lead.map_or(String::new(), share);
    let better = list(standing, compared, Finding::Better);
    let worse = list(standing, compared, Finding::Worse);
    let tail = |words: &str, list: &str| if list.is_empty() { String::new() } else { format!(" {words}: {list}.") };
    match standing.conclusion {
        Conclusion::Baseline => "what the others are compared with.".to_owned(),
        Conclusion::Bound => format!("the most that is possible. {told}"),
        Conclusion::NoDifference if standing.identical => {
            "no difference: every run is the same, event for event.".to_owned()
        }
        Conclusion::NoDifference => format!("no difference that matters. {told}"),
        Conclusion::NoDifferenceToUsers => {
            let (better, worse) = (tail("Better for the system", &better), tail("Worse for the system", &worse));
            format!("no difference to users. {told}{better}{worse}")
        }
        Conclusion::Helped => format!("helped. {told}{}", tail("Better", &better)),
        Conclusion::HelpedAtACost => {
            format!("helped, at a cost. {told}{}{}", tail("Better", &better), tail("Worse for the system", &worse))
        }
        Conclusion::MadeWorse => format!("made it worse. {told}{}{}", tail("Worse", &worse), tail("Better", &better)),
        Conclusion::Mixed => format!("mixed. {told}{}{}", tail("Better", &better), tail("Worse", &worse)),
        Conclusion::Undecided(seeds) => format!("undecided. {told} {}", more(standing, compared, seeds)),
    }
}

fn more(standing: &Standing, compared: &Compared, seeds: Option<usize>) -> String {
    let open = standing
        .comparisons
        .iter()
        .filter(|c| compared.quantities[c.quantity].is_objective() && matches!(c.finding, Finding::Undecided(_)));
    let names: Vec<String> = open.map(|c| name(&compared.quantities[c.quantity])).collect();
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    let rest = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    match seeds {
        Some(seeds) => format!("Open: {shown}{rest}. About {seeds} seeds would tell (--until-decided adds them)."),
        None => format!(
            "Open: {shown}{rest}. The difference is too small for its spread: no sensible number of seeds would tell."
        ),
    }
}

/// `99.6% of requests ended well instead of 39.9%`.
fn share(lead: &Comparison) -> String {
    let Some(pairs) = &lead.pairs else { return "No request arrived.".to_owned() };
    let (base, other) = (percent(pairs.base.mean.min(1.0)), percent(pairs.other.mean.min(1.0)));
    match lead.finding {
        Finding::Same => format!("{other} of requests ended well; {base} without it."),
        _ => format!("{other} of requests ended well instead of {base}."),
    }
}

/// The objectives, other than the share of all requests, with this finding: those of users first, the largest first.
fn list(standing: &Standing, compared: &Compared, finding: Finding) -> String {
    let quantity = |comparison: &Comparison| &compared.quantities[comparison.quantity];
    let mut found: Vec<&Comparison> = standing
        .comparisons
        .iter()
        .filter(|c| {
            quantity(c).is_objective() && !quantity(c).is_lead() && c.finding == finding && news(quantity(c), finding)
        })
        .collect();
    // By how far the interval is from zero, in units of what matters.
    let size = |c: &Comparison| {
        let pairs = c.pairs.as_ref().map_or(0.0, |pairs| pairs.difference.mean.abs());
        pairs / c.margin.max(f64::MIN_POSITIVE)
    };
    let inner = |c: &Comparison| quantity(c).role != Role::Users;
    found.sort_by(|a, b| inner(a).cmp(&inner(b)).then(size(b).total_cmp(&size(a)).then(a.quantity.cmp(&b.quantity))));
    let one = |comparison: &&Comparison| {
        let (quantity, pairs) = (quantity(comparison), comparison.pairs.as_ref());
        // Requests that began before the window and ended in it can make a little more than all.
        let most = if quantity.unit == "share" { 1.0 } else { f64::INFINITY };
        let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| in_unit(value.min(most), quantity.unit));
        let (base, other) = (pairs.map(|p| p.base.mean), pairs.map(|p| p.other.mean));
        format!("{} {} instead of {}", name(quantity), shown(other), shown(base))
    };
    let answered = standing.answers.iter().filter(|answers| answers.finding == finding);
    let answered =
        answered.map(|answers| format!("\"{}\" in {} of {} seeds", answers.question, answers.held, answers.of));
    let all: Vec<String> = answered.chain(found.iter().map(one)).collect();
    let mut words: Vec<String> = all.iter().take(MOST).cloned().collect();
    if all.len() > MOST {
        words.push(format!("and {} more", all.len() - MOST));
    }
    words.join(", ")
}

/// That the requests of each client did better is no news where all together did; that some did worse is.
fn news(quantity: &Quantity, finding: Finding) -> bool {
    finding == Finding::Worse || quantity.metric != "goodput_share" || !quantity.window.is_empty()
}

/// A quantity as a person reads it.
fn name(quantity: &Quantity) -> String {
    quantity.label().replace("count.", "").replacen("clients.", "", 1).replacen("services.", "", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_have_as_many_digits_as_matter() {
        assert_eq!([0.000_01, 0.0312, 0.5].map(chance), ["<0.0001", "0.0312", "0.50"]);
    }
}
