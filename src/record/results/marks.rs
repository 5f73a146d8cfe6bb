//! What went wrong in a run, and when: the bands and lines that plots mark.

use serde_json::Value;
use squall_models::units::Duration;

/// A fault as a time axis shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// When it begins, in seconds.
    pub from: f64,
    /// When it ends; `None` if it stays to the end of the run.
    pub until: Option<f64>,
    /// What it is, in a few words.
    pub what: String,
}

impl Mark {
    /// What it is and when, for a person.
    #[must_use]
    pub fn told(&self) -> String {
        let second = |at: f64| (at * 10.0).round() / 10.0;
        match self.until {
            Some(until) if until > self.from => format!("{}, {}–{} s", self.what, second(self.from), second(until)),
            Some(_) => format!("{}, at {} s", self.what, second(self.from)),
            None => format!("{}, from {} s", self.what, second(self.from)),
        }
    }
}

/// The faults of a world, in the order of the file.
pub(super) fn of(world: &Value) -> Vec<Mark> {
    let faults = world.get("faults").and_then(Value::as_array);
    faults.into_iter().flatten().filter_map(mark).collect()
}

/// All kinds of fault have a time and a length of the same name, and name what they are about.
fn mark(fault: &Value) -> Option<Mark> {
    let (kind, fields) = fault.as_object()?.iter().next()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let time = |name: &str| text(name)?.parse::<Duration>().ok().map(Duration::seconds);
    let from = time("at")?;
    let mut words = vec![kind.replace('_', " ")];
    words.extend(["service", "cache", "client"].iter().filter_map(|name| text(name)).map(str::to_owned));
    if let (Some(caller), Some(callee)) = (text("from"), text("to")) {
        words.push(format!("{caller} → {callee}"));
    }
    if let Some(factor) = fields.get("factor").and_then(Value::as_f64) {
        words.push(format!("×{factor}"));
    }
    words.extend(["share", "loss"].iter().filter_map(|name| text(name)).map(str::to_owned));
    let instant = kind == "flush";
    let until = time("for").map(|lasts| from + lasts).or(instant.then_some(from));
    Some(Mark { from, until, what: words.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fault_has_a_time_and_words() {
        let world = json!({ "faults": [
            { "slow": { "at": "60s", "for": "1m", "service": "db", "replicas": "all", "factor": 3.0 } },
            { "flush": { "at": "5s", "cache": "l1" } },
            { "partition": { "at": "5s", "from": "api", "to": "db", "direction": "both" } },
        ] });
        let marks = of(&world);
        assert_eq!(marks[0], Mark { from: 60.0, until: Some(120.0), what: "slow db ×3".into() });
        assert_eq!(marks[1], Mark { from: 5.0, until: Some(5.0), what: "flush l1".into() });
        assert_eq!(marks[2], Mark { from: 5.0, until: None, what: "partition api → db".into() });
    }
}
