//! One tree laid over another: a scenario over its topology, and changes by path over both.
//!
//! Maps are merged key by key, whatever else there is replaces what was there. Where a map picks one of several things
//! (`arrivals: {poisson: …}`), another pick replaces it as a whole.

use super::issue::Issues;
use super::node::{Entry, Mark, Node, Value};
use super::words::{did_you_mean, shorten};
use super::yaml::DEEPEST;
use std::collections::BTreeMap;

/// Sections whose keys are names that the user gives.
pub(super) const NAMED: [&str; 14] = [
    "keys",
    "clients",
    "services",
    "caches",
    "pools",
    "endpoints",
    "edges",
    "alerts",
    "operators",
    "splits",
    "weights",
    "rollouts",
    "variants",
    "set",
];

/// Fields that hold one of several things, told apart by the key.
const PICKS: [&str; 36] = [
    "lag",
    "detection",
    "election",
    "p1",
    "p2",
    "p3",
    "p4",
    "replication",
    "analysis",
    "response",
    "arrivals",
    "rate",
    "capacity",
    "balance",
    "patience",
    "delay",
    "think",
    "latency",
    "max_wait",
    "budget",
    "jitter",
    "wait",
    "eviction",
    "protect",
    "refresh",
    "place",
    "library",
    "connect",
    "login",
    "round_trip",
    "breaker",
    "eject",
    "window",
    "counter",
    "trip",
    "failure",
];

/// What a scenario may leave out, so that a path may lead through it.
const IMPLIED: [&str; 29] = [
    "responses",
    "mistakes",
    "data",
    "failover",
    "monitoring",
    "scrape",
    "alerts",
    "operators",
    "keys",
    "clients",
    "services",
    "caches",
    "splits",
    "rollouts",
    "run",
    "edge",
    "edges",
    "link",
    "queue",
    "limits",
    "pools",
    "endpoints",
    "lifecycle",
    "probes",
    "prefill",
    "shards",
    "stale",
    "negative",
    "reload",
];

/// Lays `upper` over `lower`.
pub(super) fn lay(lower: &mut Node, upper: Node, parent: &str) {
    let pick = PICKS.contains(&parent);
    match (&mut lower.value, upper.value) {
        (Value::Map(below), Value::Map(above)) if !pick || below.keys().eq(above.keys()) => {
            for (name, entry) in above {
                let under = role(parent, &name);
                match below.get_mut(&name) {
                    Some(old) if parent != "set" => {
                        old.key = entry.key;
                        lay(&mut old.node, entry.node, under);
                    }
                    _ => drop(below.insert(name, entry)),
                }
            }
            lower.at = upper.at;
        }
        (_, value) => *lower = Node { at: upper.at, value },
    }
}

/// What a key stands for: itself, or a name that the user gave, which is no field.
fn role<'a>(parent: &str, key: &'a str) -> &'a str {
    match parent {
        // A key set is one of several things, and so is a rollout.
        "keys" | "rollouts" => PICKS[0],
        _ if NAMED.contains(&parent) => "",
        _ => key,
    }
}

/// A change by path.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) path: String,
    /// Where the path stands.
    pub(super) at: Mark,
    pub(super) value: Node,
}

/// The changes that a `set` section holds.
pub(super) fn changes(set: &Node) -> Vec<Change> {
    let entries = set.entries().into_iter().flatten();
    entries
        .map(|(path, entry)| Change { path: path.clone(), at: entry.key, value: entry.node.clone() })
        .filter(|change| !change.value.is_gone())
        .collect()
}

/// Makes changes: outer paths before inner ones, and removals last and from behind, so that no index shifts.
pub(super) fn apply(root: &mut Node, mut changes: Vec<Change>, sections: &[&str], issues: &mut Issues) {
    changes.sort_by_cached_key(|change| segments(&change.path));
    let (removals, settings): (Vec<Change>, Vec<Change>) =
        changes.into_iter().partition(|change| change.value.is_null());
    for change in settings.into_iter().chain(removals.into_iter().rev()) {
        if issues.full() {
            return;
        }
        let at = change.at;
        if let Err((rule, remedy)) = make(root, change, sections)
            && !rule.is_empty()
        {
            issues.at(at, rule, remedy);
        }
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Index(usize),
    Key(String),
}

fn segments(path: &str) -> Vec<Part> {
    let part = |text: &str| text.parse().map_or_else(|_| Part::Key(text.to_owned()), Part::Index);
    path.split('.').map(part).collect()
}

type Refusal = (String, String);

fn make(root: &mut Node, change: Change, sections: &[&str]) -> Result<(), Refusal> {
    let path = change.path.clone();
    let keys: Vec<&str> = path.split('.').collect();
    if keys.iter().any(|key| key.is_empty()) {
        let rule = format!("`{}` is not a path: it has an empty part", shorten(&path));
        return Err((rule, "write keys and list numbers with dots between, as in `services.api.replicas`".to_owned()));
    }
    if !sections.contains(&keys[0]) {
        let rule = format!("`{}` cannot be set here", shorten(&path));
        return Err((rule, did_you_mean(keys[0], sections.iter().copied(), "a path begins with one of")));
    }
    if keys.len() + change.value.depth() > DEEPEST {
        return Err((format!("`{}` leads too deep", shorten(&path)), format!("at most {DEEPEST} levels are read")));
    }
    let mut node = root;
    for depth in 0..keys.len() - 1 {
        node = enter(node, &keys, depth, change.at)?;
    }
    put(node, &keys, change)
}

/// One step towards the place of a change. What a file may leave out is made; a name that nothing has is refused.
fn enter<'a>(node: &'a mut Node, keys: &[&str], depth: usize, at: Mark) -> Result<&'a mut Node, Refusal> {
    let key = keys[depth];
    let parent = if depth == 0 { "" } else { keys[depth - 1] };
    let here = keys[..depth].join(".");
    match &mut node.value {
        // It has been reported that something is wrong there.
        Value::Gone => Err(Refusal::default()),
        Value::List(items) => {
            let count = items.len();
            key.parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index))
                .ok_or_else(|| no_such_item(&here, key, count))
        }
        Value::Map(entries) => {
            let named = NAMED.contains(&parent) && !(depth >= 2 && NAMED.contains(&keys[depth - 2]));
            let implied = if named { parent == "edges" } else { IMPLIED.contains(&key) };
            if implied && entries.get(key).is_none_or(|entry| entry.node.is_null()) {
                entries.insert(key.to_owned(), Entry { key: at, node: Node::map(at) });
            }
            if !entries.contains_key(key) {
                return Err(no_such_key(entries, &here, key));
            }
            Ok(&mut entries.get_mut(key).expect("it was just looked up").node)
        }
        Value::Plain(text) | Value::Quoted(text) => Err(no_container(&here, text)),
    }
}

/// Sets or removes the last key of a path.
fn put(node: &mut Node, keys: &[&str], change: Change) -> Result<(), Refusal> {
    let (key, parents) = keys.split_last().expect("a path has a part");
    let here = parents.join(".");
    let remove = change.value.is_null();
    match &mut node.value {
        Value::Gone => {}
        Value::List(items) => {
            let count = items.len();
            match key.parse::<usize>() {
                Ok(index) if index < count && remove => drop(items.remove(index)),
                Ok(index) if index < count => items[index] = change.value,
                Ok(index) if index == count && !remove => items.push(change.value),
                _ => return Err(no_such_item(&here, key, count)),
            }
        }
        Value::Map(entries) if remove => {
            if entries.remove(*key).is_none() {
                return Err(no_such_key(entries, &here, key));
            }
        }
        Value::Map(entries) => drop(entries.insert((*key).to_owned(), Entry { key: change.at, node: change.value })),
        Value::Plain(text) | Value::Quoted(text) => return Err(no_container(&here, text)),
    }
    Ok(())
}

fn no_such_key(entries: &BTreeMap<String, Entry>, here: &str, key: &str) -> Refusal {
    let place = if here.is_empty() { String::new() } else { format!(" in `{}`", shorten(here)) };
    let rule = format!("there is no `{}`{place}", shorten(key));
    (rule, did_you_mean(key, entries.keys().map(String::as_str), "what is there:"))
}

fn no_such_item(here: &str, key: &str, count: usize) -> Refusal {
    let rule = format!("`{}` is a list of {count}, and `{}` is no place in it", shorten(here), shorten(key));
    let remedy = match count {
        0 => "`0` adds a first one".to_owned(),
        _ => format!("write a number from `0` to `{}`; `{count}` adds one at the end", count - 1),
    };
    (rule, remedy)
}

fn no_container(here: &str, text: &str) -> Refusal {
    let rule = format!("`{}` is the value `{}`, so no path leads further", shorten(here), shorten(text));
    (rule, format!("set `{}` itself, to a map", shorten(here)))
}
