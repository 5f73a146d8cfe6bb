//! Who calls whom, read from the canonical scenario. It is walked as data, so that a new kind of step needs nothing here.

use serde_json::Value;
use std::collections::BTreeSet;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A source of requests.
    Client,
    /// What serves them.
    Service,
    /// A connection pool of a service.
    Pool,
    /// A cache.
    Cache,
}

/// The components and the arrows between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Each component with its kind: `clients.web`, `pools.api.db`.
    pub nodes: Vec<(String, Kind)>,
    /// From and to, as numbers of nodes.
    pub arrows: Vec<(usize, usize)>,
}

/// Reads it from a world as the canonical scenario tells it.
#[must_use]
pub fn of(world: &Value) -> Graph {
    let mut graph = Graph::default();
    for (section, kind) in [("clients", Kind::Client), ("services", Kind::Service), ("caches", Kind::Cache)] {
        for (name, component) in entries(world, section) {
            graph.nodes.push((format!("{section}.{name}"), kind));
            for (pool, _) in entries(component, "pools") {
                graph.nodes.push((format!("pools.{name}.{pool}"), Kind::Pool));
            }
        }
    }
    let mut arrows = BTreeSet::new();
    for section in ["clients", "services"] {
        for (name, component) in entries(world, section) {
            let from = format!("{section}.{name}");
            let mut uses = BTreeSet::new();
            collect(component, name, &mut uses);
            for to in uses.into_iter().flat_map(|to| sides(world, to)) {
                if let (Some(from), Some(to)) = (graph.find(&from), graph.find(&to)) {
                    arrows.insert((from, to));
                }
            }
        }
    }
    graph.arrows = arrows.into_iter().collect();
    graph
}

/// The sides of a split, or the component itself.
fn sides(world: &Value, to: String) -> Vec<String> {
    let split = to.strip_prefix("services.").and_then(|name| world.get("splits")?.get(name));
    match split.map(|split| entries(split, "weights")) {
        Some(sides) => sides.map(|(side, _)| format!("services.{side}")).collect(),
        None => vec![to],
    }
}

fn entries<'a>(value: &'a Value, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(section).and_then(Value::as_object).into_iter().flatten()
}

/// Everything that a component uses: `to: service.endpoint` of calls, `acquire: {pool: …}` and `cache: {name: …}`.
fn collect(value: &Value, service: &str, uses: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let text = value.as_str();
                match (name.as_str(), text) {
                    ("to", Some(to)) => {
                        let callee = to.split('.').next().unwrap_or(to);
                        uses.insert(format!("services.{callee}"));
                    }
                    ("pool", Some(pool)) => {
                        uses.insert(format!("pools.{service}.{pool}"));
                    }
                    _ => {
                        let cache = value.get("name").and_then(Value::as_str).filter(|_| name == "cache");
                        uses.extend(cache.map(|cache| format!("caches.{cache}")));
                        collect(value, service, uses);
                    }
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, service, uses)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

impl Graph {
    /// The number of a component.
    #[must_use]
    pub fn find(&self, component: &str) -> Option<usize> {
        self.nodes.iter().position(|(name, _)| name == component)
    }

    /// Whether an arrow leads from one component to another.
    #[must_use]
    pub fn uses(&self, from: &str, to: &str) -> bool {
        let pair = self.find(from).zip(self.find(to));
        pair.is_some_and(|pair| self.arrows.contains(&pair))
    }

    /// How many arrows each node is away from where requests come from, on the longest way that does not go in circles.
    #[must_use]
    pub fn layers(&self) -> Vec<usize> {
        let mut layers = vec![0; self.nodes.len()];
        // A circle would push its nodes on for ever; a way without one is no longer than there are nodes.
        for _ in 0..self.nodes.len() {
            let mut moved = false;
            for &(from, to) in &self.arrows {
                let next = layers[from] + 1;
                if next > layers[to] && next < self.nodes.len() && from != to && !self.leads(to, from) {
                    layers[to] = next;
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
        layers
    }

    /// Whether arrows lead from one node to another.
    fn leads(&self, from: usize, to: usize) -> bool {
        let (mut seen, mut open) = (vec![false; self.nodes.len()], vec![from]);
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(self.arrows.iter().filter(|arrow| arrow.0 == at).map(|arrow| arrow.1));
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calls_pools_and_caches_are_arrows() {
        let world = json!({
            "clients": { "web": { "to": "api.get" } },
            "services": {
                "api": {
                    "pools": { "db": { "size": 4 } },
                    "endpoints": { "get": { "steps": [
                        { "cache": { "name": "l1", "miss": [
                            { "acquire": { "pool": "db", "steps": [{ "call": { "to": "db.read" } }] } } ] } } ] } } },
                "db": { "endpoints": { "read": { "steps": [{ "work": "10ms" }] } } } },
            "caches": { "l1": { "capacity": 10 } },
        });
        let graph = of(&world);
        let names: Vec<&str> = graph.nodes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["clients.web", "services.api", "pools.api.db", "services.db", "caches.l1"]);
        assert_eq!(graph.arrows, [(0, 1), (1, 2), (1, 3), (1, 4)]);
        assert_eq!(graph.layers(), [0, 1, 2, 2, 2]);
    }

    #[test]
    fn a_circle_ends() {
        let world = json!({ "clients": { "web": { "to": "a.x" } }, "services": {
            "a": { "endpoints": { "x": [{ "call": { "to": "b.x" } }] } },
            "b": { "endpoints": { "x": [{ "call": { "to": "a.x" } }] } } } });
        let graph = of(&world);
        assert_eq!(graph.layers().len(), 3);
        assert!(graph.layers()[1] >= 1);
    }
}
