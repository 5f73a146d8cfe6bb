//! Numbers as a person reads them: three digits that matter, and the unit as it is written in a scenario file.

/// A number with three significant digits, without an exponent.
#[must_use]
pub(super) fn digits(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size == 0.0 || size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// A share as percent. Nearly all is never shown as all, and a little never as nothing.
#[must_use]
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent == 100.0 {
        return format!("{percent:.0}%");
    }
    let from_end = percent.min(100.0 - percent).abs();
    let shows = |n: &usize| format!("{from_end:.n$}").bytes().any(|b| (b'1'..=b'9').contains(&b));
    match [1, 2, 3, 4].into_iter().find(shows) {
        Some(decimals) => format!("{percent:.decimals$}%"),
        None if share > 0.5 => ">99.9999%".to_owned(),
        None => "<0.0001%".to_owned(),
    }
}

/// A length of time in seconds.
#[must_use]
pub(super) fn time(seconds: f64) -> String {
    match seconds.abs() {
        0.0 => "0s".to_owned(),
        // The finest bucket of a histogram: what is in it may as well be nothing.
        0.0..0.999e-6 => "<1us".to_owned(),
        0.999e-6..999.5e-6 => format!("{}us", digits(seconds * 1e6)),
        999.5e-6..0.9995 => format!("{}ms", digits(seconds * 1e3)),
        _ => format!("{}s", digits(seconds)),
    }
}

/// A count, or the mean of one; from ten thousand on with three digits and a suffix.
#[must_use]
pub(super) fn count(value: f64) -> String {
    match value.abs() {
        0.0..9_999.5 if value.fract() == 0.0 => format!("{value:.0}"),
        0.0..9_999.5 => digits(value),
        9_999.5..999_500.0 => format!("{}k", digits(value / 1e3)),
        999_500.0..999_500_000.0 => format!("{}M", digits(value / 1e6)),
        _ => format!("{}G", digits(value / 1e9)),
    }
}

/// A rate per second.
#[must_use]
pub(super) fn rate(per_second: f64) -> String {
    format!("{}/s", count(per_second))
}

/// How many times as much.
#[must_use]
pub(super) fn times(ratio: f64) -> String {
    format!("{}x", digits(ratio))
}

/// A value in a unit of the results.
#[must_use]
pub(super) fn in_unit(value: f64, unit: &str) -> String {
    match unit {
        "s" => time(value),
        "1/s" => rate(value),
        "share" => percent(value),
        "ratio" => times(value),
        _ => count(value),
    }
}

/// The same for a value that may not exist.
#[must_use]
pub(super) fn or_dash(value: Option<f64>, show: fn(f64) -> String) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| "-".to_owned(), show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_that_matter() {
        let shown = [0.0, 0.012_34, 0.5, 1.236, 12.36, 99.96, 123.6, 12_345.0].map(digits);
        assert_eq!(shown, ["0", "0.012", "0.500", "1.24", "12.4", "100", "124", "12345"]);
    }

    #[test]
    fn nearly_all_is_not_all() {
        let shown = [0.0, 1.0, 0.412, 0.999_5, 0.999_99, 0.000_2, 0.999_999_99, 0.5].map(percent);
        assert_eq!(shown, ["0%", "100%", "41.2%", "99.95%", "99.999%", "0.02%", ">99.9999%", "50.0%"]);
    }

    #[test]
    fn every_number_has_its_unit() {
        assert_eq!(
            [0.0, 2e-9, 5e-6, 0.012, 1.236, 300.0].map(time),
            ["0s", "<1us", "5.00us", "12.0ms", "1.24s", "300s"]
        );
        assert_eq!([3.0, 0.25, 1234.0, 45_678.0, 2e6].map(count), ["3", "0.250", "1234", "45.7k", "2.00M"]);
        assert_eq!(rate(812.4), "812/s");
        assert_eq!(times(3.4), "3.40x");
        assert_eq!(or_dash(Some(f64::NAN), time), "-");
    }
}
