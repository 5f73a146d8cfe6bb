//! What a sweep goes over: a path and its values, as `--over` says them.

use squall_models::units::{Duration, Rate, Share};

/// More values than this on one axis are refused.
const MOST: usize = 100_000;

/// A path and the values that it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The path, as in `--set`.
    pub path: String,
    /// The values as a scenario file has them.
    pub values: Vec<String>,
    /// The ends, where it is a range: what lies between can be drawn.
    pub range: Option<Range>,
}

/// A stretch of numbers with a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The step, or the precision that is asked for, if one is given.
    pub step: Option<f64>,
    /// What is written behind the number.
    pub unit: String,
}

impl Range {
    /// A number of the range as a scenario file has it. Twelve digits, so that 0.1 + 0.2 is 0.3.
    #[must_use]
    pub fn text(&self, value: f64) -> String {
        let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(value);
        format!("{rounded}{}", self.unit)
    }

    /// Reads `80/s..120/s`, `80/s..120/s/10/s` or `80..120/10`.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no range; write `80/s..120/s/10/s`: from, to and step");
        let (from, rest) = text.split_once("..").ok_or_else(wrong)?;
        let (low, unit) = number(from.trim()).ok_or_else(wrong)?;
        let (high, rest) = number(rest.trim()).ok_or_else(wrong)?;
        // The unit of a rate has a slash itself, so it is taken off before the step is looked for.
        let step = rest.strip_prefix(unit).unwrap_or(rest);
        if rest == step && !unit.is_empty() {
            return Err(format!("both ends of `{text}` need the unit `{unit}`"));
        }
        let step = match step.strip_prefix('/') {
            None if step.is_empty() => None,
            None => return Err(wrong()),
            Some(step) => {
                let (step, its) = number(step).ok_or_else(wrong)?;
                if !its.is_empty() && its != unit {
                    return Err(format!("the step of `{text}` has another unit than its ends"));
                }
                Some(step)
            }
        };
        if low >= high {
            return Err(format!("`{text}` is empty: its lower end is not below its upper end"));
        }
        if step.is_some_and(|step| step <= 0.0 || step > high - low) {
            return Err(format!("the step of `{text}` does not fit in"));
        }
        Ok(Self { low, high, step, unit: unit.to_owned() })
    }
}

/// The number at the beginning of a text, and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text
        .char_indices()
        .find(|(at, c)| {
            let part = c.is_ascii_digit() || (*at == 0 && *c == '-');
            // A dot belongs to the number only where a digit follows: `80..120` is a range.
            !(part || (*c == '.' && text[at + 1..].starts_with(|next: char| next.is_ascii_digit())))
        })
        .map_or(text.len(), |(at, _)| at);
    let value: f64 = text[..end].parse().ok()?;
    value.is_finite().then_some((value, &text[end..]))
}

/// Splits at commas that stand outside of brackets.
fn list(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0_i32);
    for c in text.chars() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

impl Axis {
    /// Reads `path=a..b/step`, `path=a..b` or `path=v,v,v`. A range without a step can only be drawn from.
    ///
    /// # Errors
    /// What is wrong, and how it is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, given) = text
            .split_once('=')
            .map(|(path, given)| (path.trim(), given.trim()))
            .filter(|(path, given)| !path.is_empty() && !given.is_empty())
            .ok_or_else(|| format!("`{text}` says nothing; write `services.api.replicas=1..9/2` or `path=a,b,c`"))?;
        let path = path.to_owned();
        if !given.contains("..") || given.starts_with(['[', '{']) {
            return Ok(Self { path, values: list(given), range: None });
        }
        let range = Range::parse(given)?;
        let mut values = Vec::new();
        if let Some(step) = range.step {
            // A step that misses the end by rounding still reaches it.
            let count = ((range.high - range.low) / step + 1e-9).floor();
            if count >= MOST as f64 {
                return Err(format!("`{text}` has more than {MOST} values"));
            }
            values.extend((0..=count as usize).map(|at| range.text(range.low + step * at as f64)));
        }
        Ok(Self { path, values, range: Some(range) })
    }
}

/// A value in the base unit of its dimension, and that unit, as results have it; `None` for what is no quantity.
#[must_use]
pub fn quantity(text: &str) -> Option<(f64, &'static str)> {
    if let Ok(plain) = text.parse::<f64>() {
        return plain.is_finite().then_some((plain, "count"));
    }
    let duration = text.parse::<Duration>().map(|duration| (duration.seconds(), "s"));
    let rate = || text.parse::<Rate>().map(|rate| (rate.get(), "1/s"));
    let share = || text.parse::<Share>().map(|share| (share.get(), "share"));
    duration.ok().or_else(|| rate().ok()).or_else(|| share().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        Axis::parse(text).unwrap().values
    }

    #[test]
    fn ranges_and_lists_are_read() {
        assert_eq!(values("a.b=80/s..120/s/20/s"), ["80/s", "100/s", "120/s"]);
        assert_eq!(values("a.b=80/s..110/s/20"), ["80/s", "100/s"]);
        assert_eq!(values("a=1..3/1"), ["1", "2", "3"]);
        assert_eq!(values("a=0.1s..0.3s/0.1s"), ["0.1s", "0.2s", "0.3s"]);
        assert_eq!(values("a=fifo, lifo"), ["fifo", "lifo"]);
        assert_eq!(values("a=[{timeout: 1s}, {timeout: 2s}],[]"), ["[{timeout: 1s}, {timeout: 2s}]", "[]"]);
        let drawn = Axis::parse("a=10%..50%").unwrap();
        assert!(drawn.values.is_empty() && drawn.range.unwrap().unit == "%");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, told) in [
            ("a", "says nothing"),
            ("a=", "says nothing"),
            ("a=9..1/1", "is empty"),
            ("a=1s..2/1", "need the unit `s`"),
            ("a=1..2/5", "does not fit"),
            ("a=1s..2s/1ms", "another unit"),
            ("a=1..x", "is no range"),
            ("a=0..1/0.000001", "more than"),
        ] {
            let error = Axis::parse(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn values_have_their_base_unit() {
        assert_eq!(quantity("250ms"), Some((0.25, "s")));
        assert_eq!(quantity("30/m").map(|(value, unit)| (value * 2.0, unit)), Some((1.0, "1/s")));
        assert_eq!(quantity("10%"), Some((0.1, "share")));
        assert_eq!(quantity("7"), Some((7.0, "count")));
        assert_eq!(quantity("fifo"), None);
    }
}
