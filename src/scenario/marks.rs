//! What went wrong in a run, and when: the bands and lines that plots mark.

use serde_json::Value;
use squall_models::units::{Duration, Share};

/// A fault as a time axis shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// When it begins, in seconds.
    pub from: f64,
    /// When it ends; `None` if it stays to the end of the run.
    pub until: Option<f64>,
    /// What it is, in a few words.
    pub what: String,
    /// Which kind of fault, as in the file.
    pub kind: String,
    /// What it is about: `services.db`, `caches.l1`, `clients.web`; of a link both ends, the callee first.
    pub targets: Vec<String>,
    /// How many times as slow or as much, where it says so.
    pub factor: Option<f64>,
    /// The share of calls, entries or messages, where it says so.
    pub share: Option<f64>,
    /// How many replicas it is about; all by default.
    pub replicas: Option<u64>,
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
#[must_use]
pub fn of(world: &Value) -> Vec<Mark> {
    let faults = world.get("faults").and_then(Value::as_array);
    let located = |fault: &Value| {
        let mut mark = mark(fault)?;
        mark.targets.extend(sides(world, fault).into_iter().map(|side| format!("services.{side}")));
        Some(mark)
    };
    faults.into_iter().flatten().filter_map(located).collect()
}

/// The sides of the split that a fault is about.
fn sides(world: &Value, fault: &Value) -> Vec<String> {
    let fields = fault.as_object().and_then(|fault| fault.values().next());
    let text = |name: &str| fields.and_then(|fields| fields.get(name)).and_then(Value::as_str);
    if let Some(side) = text("side") {
        return vec![side.to_owned()];
    }
    let of_rollout = || {
        let rollout = world.get("rollouts")?.get(text("rollout")?)?.as_object()?.values().next()?;
        rollout.get("split")?.as_str()
    };
    let split = text("split").or_else(of_rollout).and_then(|split| world.get("splits")?.get(split));
    let weights = split.and_then(|split| split.get("weights")).and_then(Value::as_object);
    weights.into_iter().flatten().map(|(side, _)| side.clone()).collect()
}

/// All kinds of fault have a time and a length of the same name, and name what they are about.
fn mark(fault: &Value) -> Option<Mark> {
    let (kind, fields) = fault.as_object()?.iter().next()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let time = |name: &str| text(name)?.parse::<Duration>().ok().map(Duration::seconds);
    let from = time("at")?;
    let mut words = vec![kind.replace('_', " ")];
    words.extend(
        ["service", "cache", "client", "target", "split", "side", "rollout"]
            .iter()
            .filter_map(|name| text(name))
            .map(str::to_owned),
    );
    let named = [("service", "services"), ("cache", "caches"), ("client", "clients")];
    let mut targets: Vec<String> =
        named.iter().filter_map(|(field, section)| Some(format!("{section}.{}", text(field)?))).collect();
    if let (Some(caller), Some(callee)) = (text("from"), text("to")) {
        words.push(format!("{caller} → {callee}"));
        targets.extend([format!("services.{callee}"), format!("services.{caller}"), format!("clients.{caller}")]);
    }
    // A split has groups at its ends.
    for group in ["these", "those"].iter().filter_map(|name| fields.get(*name)?.as_array()) {
        let names: Vec<&str> = group.iter().filter_map(Value::as_str).collect();
        targets.extend(names.iter().flat_map(|name| [format!("services.{name}"), format!("clients.{name}")]));
        words.push(names.join(", "));
    }
    let factor = fields.get("factor").and_then(Value::as_f64);
    words.extend(factor.map(|factor| format!("×{factor}")));
    words.extend(["share", "loss"].iter().filter_map(|name| text(name)).map(str::to_owned));
    let instant = matches!(
        kind.as_str(),
        "flush" | "expire_key" | "corrupt" | "corrupt_state" | "kill" | "session_loss" | "interrupt"
    );
    let until = time("for").map(|lasts| from + lasts).or(instant.then_some(from));
    let share = ["share", "loss"].iter().find_map(|name| text(name)?.parse::<Share>().ok()).map(Share::get);
    let replicas = fields.get("replicas").and_then(Value::as_u64);
    Some(Mark { from, until, what: words.join(" "), kind: kind.clone(), targets, factor, share, replicas })
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
        let told: Vec<_> = marks.iter().map(|mark| (mark.from, mark.until, mark.what.as_str())).collect();
        assert_eq!(told[0], (60.0, Some(120.0), "slow db ×3"));
        assert_eq!(told[1], (5.0, Some(5.0), "flush l1"));
        assert_eq!(told[2], (5.0, None, "partition api → db"));
        assert_eq!(
            (marks[0].factor, marks[0].replicas, marks[0].targets[0].as_str()),
            (Some(3.0), None, "services.db")
        );
        assert_eq!(marks[2].targets[0], "services.db");
    }
}
