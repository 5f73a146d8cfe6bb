//! Quantities as people write them: `250ms`, `1200/s`, `10%`. One reader and one printer for each.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use squall_sim::Span;
use std::borrow::Cow;
use std::fmt;

/// Declares a quantity that is written as text with a unit.
macro_rules! quantity {
    ($name:ident, $parse:ident, $title:literal, $pattern:literal, $expecting:literal) => {
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                $parse(text.trim()).ok_or_else(|| format!("`{text}` is not {}", $expecting))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl de::Visitor<'_> for Reader {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Reader)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "title": $title, "type": "string", "pattern": $pattern })
            }
        }
    };
}

/// A length of time: `250ms`, `1.5s`, `30m`. Units: ns, us, ms, s, m, h, d.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Duration(f64);

/// How often: `1200/s`, `30/m`, `1/350ms`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

/// A share of a whole: `10%`, `99.95%`; always between 0 % and 100 %.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

/// An amount of memory or data: `64KiB`, `1.5GiB`, `20MB`. Units: B, KB, MB, GB, TB, KiB, MiB, GiB, TiB.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Bytes(f64);

/// A number of things, or a share of those that there are: `2`, `25%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Portion {
    /// So many.
    Count(u32),
    /// A share of all.
    Share(Share),
}

quantity!(
    Duration,
    parse_duration,
    "duration",
    r"^[0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h|d)$",
    "a duration with its unit, such as `250ms`, `1.5s`, `30m`, `2h` or `1d`"
);
quantity!(
    Rate,
    parse_rate,
    "rate",
    r"^[0-9]+(\.[0-9]+)?/([0-9]+(\.[0-9]+)?)?(ns|us|ms|s|m|h|d)$",
    "a rate with its unit, such as `1200/s`, `30/m` or `1/350ms`"
);
quantity!(
    Share,
    parse_share,
    "share",
    r"^[0-9]+(\.[0-9]+)?%$",
    "a share in percent between `0%` and `100%`, such as `99.9%`"
);

quantity!(
    Bytes,
    parse_bytes,
    "bytes",
    r"^[0-9]+(\.[0-9]+)?([KMGT]i?)?B$",
    "an amount with its unit, such as `64KiB`, `1.5GiB` or `20MB`"
);

const DURATION_UNITS: [(&str, f64); 7] =
    [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

const BYTE_UNITS: [(&str, f64); 9] = [
    ("B", 1.0),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

/// A hundred years: longer than any run, and far from the end of 64-bit nanoseconds.
const LONGEST: f64 = 3.2e9;

/// Splits `12.5ms` into its number and its unit; plain decimal digits only, so that `1e30` and `.nan` are no numbers.
fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() || digits.starts_with('.') || digits.ends_with('.') || digits.len() > 24 {
        return None;
    }
    Some((digits.parse().ok()?, unit.trim_start()))
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let (_, seconds) = DURATION_UNITS.iter().find(|(name, _)| *name == unit)?;
    // Parts of a second are exact only as whole parts: 100 × 0.000001 is not quite 0.0001, and 100 / 1,000,000 is.
    let seconds = if *seconds < 1.0 { number / seconds.recip().round() } else { number * seconds };
    Some(Duration(seconds)).filter(|d| d.0 <= LONGEST)
}

fn parse_rate(text: &str) -> Option<Rate> {
    let (number, per) = split(text)?;
    let per = per.strip_prefix('/')?;
    let per = if per.starts_with(|c: char| c.is_ascii_digit()) {
        parse_duration(per)
    } else {
        parse_duration(&format!("1{per}"))
    };
    Some(Rate(number / per?.0)).filter(|rate| rate.0 <= 1e9)
}

fn parse_share(text: &str) -> Option<Share> {
    let (number, unit) = split(text)?;
    (unit == "%" && number <= 100.0).then_some(Share(number / 100.0))
}

fn parse_bytes(text: &str) -> Option<Bytes> {
    let (number, unit) = split(text)?;
    let (_, bytes) = BYTE_UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(Bytes(number * bytes)).filter(|bytes| bytes.0 <= 1e18)
}

impl Bytes {
    /// From a number of bytes.
    #[must_use]
    pub const fn new(bytes: f64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In the unit that makes it shortest, as somebody would have written it.
        let exact = |(_, unit): &&(&str, f64)| self.0 >= *unit && (self.0 / unit * 1000.0).fract() == 0.0;
        let written = |(name, unit): &(&str, f64)| format!("{}{name}", tidy(self.0 / unit));
        let shortest = BYTE_UNITS.iter().filter(exact).map(written).min_by_key(String::len);
        f.write_str(&shortest.unwrap_or_else(|| written(&BYTE_UNITS[0])))
    }
}

impl Portion {
    /// How many of so many; a part of one is rounded down.
    #[must_use]
    pub fn floor(self, of: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => (f64::from(of) * share.get() + 1e-9) as u32,
        }
    }

    /// How many of so many; a part of one is rounded up.
    #[must_use]
    pub fn ceil(self, of: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => (f64::from(of) * share.get() - 1e-9).max(0.0).ceil() as u32,
        }
    }
}

impl fmt::Display for Portion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Share(share) => share.fmt(f),
        }
    }
}

impl Serialize for Portion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => count.serialize(serializer),
            Self::Share(share) => share.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Portion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl de::Visitor<'_> for Reader {
            type Value = Portion;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a share such as `25%`")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Portion, E> {
                let wrong = |_| E::invalid_value(de::Unexpected::Unsigned(number), &self);
                u32::try_from(number).map(Portion::Count).map_err(wrong)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Portion, E> {
                text.parse().map(Portion::Share).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Portion {
    fn schema_name() -> Cow<'static, str> {
        "Portion".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let share = generator.subschema_for::<Share>();
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, share] })
    }
}

impl Duration {
    /// From seconds.
    #[must_use]
    pub const fn from_seconds(seconds: f64) -> Self {
        Self(seconds)
    }

    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> f64 {
        self.0
    }

    /// As simulated time.
    #[must_use]
    pub fn span(self) -> Span {
        Span::from_seconds(self.0)
    }
}

impl Rate {
    /// From events per second.
    #[must_use]
    pub const fn per_second(rate: f64) -> Self {
        Self(rate)
    }

    /// Events per second.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Share {
    /// From a fraction between 0 and 1.
    #[must_use]
    pub const fn new(fraction: f64) -> Self {
        Self(fraction)
    }

    /// As a fraction between 0 and 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, unit) = DURATION_UNITS[..4].iter().rev().find(|(_, unit)| self.0 >= *unit).unwrap_or(&("s", 1.0));
        write!(f, "{}{name}", tidy(self.0 / unit))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", tidy(self.0))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", tidy(self.0 * 100.0))
    }
}

/// A number to nine decimals without trailing zeros, which hides the last bits of unit conversion.
fn tidy(number: f64) -> String {
    let text = format!("{number:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_survive_printing_and_reading() {
        for text in ["250ms", "1.5s", "90s", "10us", "7ns"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        for seconds in [0.0001, 0.003, 0.0007, 1e-9, 0.35] {
            let written = Duration::from_seconds(seconds).to_string();
            assert_eq!(written.parse::<Duration>().unwrap().seconds(), seconds, "{written}");
        }
        for text in ["64KiB", "1.5GiB", "20MB", "512B", "4GiB", "0B"] {
            assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
        }
        assert_eq!("30/m".parse::<Rate>().unwrap().to_string(), "0.5/s");
        assert_eq!("99.95%".parse::<Share>().unwrap().to_string(), "99.95%");
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "5", "5 parsecs", "1e30s", ".nan", "-1s", "inf", "1..2s", "9999999999999h"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
        assert!(("1/350ms".parse::<Rate>().unwrap().get() * 0.35 - 1.0).abs() < 1e-12);
        for text in ["5", "5/", "5/y", "5/0s", "1e9/s", "99999999999/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for text in ["101%", "-1%", "0.5", "50"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
