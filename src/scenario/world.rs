//! The sections of a tree as a world, component by component, so that what is wrong in one hides nothing in another.

use super::issue::Issues;
use super::node::{Mark, Node, Value};
use super::typed;
use super::words::shorten;
use serde::de::DeserializeOwned;
use squall_models::spec::{Monitoring, Named, World};

/// Reads a world, and names the components in which something was wrong.
pub(super) fn read(tree: &Node, issues: &mut Issues) -> (World, Vec<String>) {
    let mut damaged = Vec::new();
    let world = World {
        keys: section(tree, "keys", issues, &mut damaged),
        clients: section(tree, "clients", issues, &mut damaged),
        services: section(tree, "services", issues, &mut damaged),
        caches: section(tree, "caches", issues, &mut damaged),
        splits: section(tree, "splits", issues, &mut damaged),
        faults: list(tree, "faults", "- crash: {…}", issues, &mut damaged),
        actions: list(tree, "actions", "- at: 60s", issues, &mut damaged),
        monitoring: monitoring(tree, issues, &mut damaged),
        operators: section(tree, "operators", issues, &mut damaged),
        rollouts: section(tree, "rollouts", issues, &mut damaged),
    };
    (world, damaged)
}

fn monitoring(tree: &Node, issues: &mut Issues, damaged: &mut Vec<String>) -> Option<Monitoring> {
    let entry = tree.entries()?.get("monitoring").filter(|entry| !entry.node.is_null())?;
    inner_names(&entry.node, issues);
    let result = typed::read(&entry.node, entry.key, issues);
    if result.damaged {
        damaged.push("monitoring".to_owned());
    }
    result.value
}

fn section<T: DeserializeOwned>(tree: &Node, name: &str, issues: &mut Issues, damaged: &mut Vec<String>) -> Named<T> {
    let mut read = Named::new();
    let Some(entry) = tree.entries().and_then(|entries| entries.get(name)) else { return read };
    if entry.node.is_null() {
        return read;
    }
    let Some(components) = entry.node.entries() else {
        damaged.push(name.to_owned());
        if !entry.node.is_gone() {
            issues.at(entry.key, format!("`{name}` is not a map"), "give each part a name: `name: {…}`");
        }
        return read;
    };
    for (component, entry) in components {
        if issues.full() {
            break;
        }
        if entry.node.is_gone() {
            let whole = component == "<<";
            damaged.push(if whole { name.to_owned() } else { format!("{name}.{component}") });
            continue;
        }
        if !check_name(component, entry.key, issues) {
            damaged.push(name.to_owned());
        }
        inner_names(&entry.node, issues);
        let result = typed::read(&entry.node, entry.key, issues);
        if result.damaged {
            damaged.push(format!("{name}.{component}"));
        }
        if let Some(value) = result.value {
            read.insert(component.clone(), value);
        }
    }
    read
}

fn list<T: DeserializeOwned>(
    tree: &Node,
    name: &str,
    example: &str,
    issues: &mut Issues,
    damaged: &mut Vec<String>,
) -> Vec<T> {
    let Some(entry) = tree.entries().and_then(|entries| entries.get(name)) else { return Vec::new() };
    if entry.node.is_null() {
        return Vec::new();
    }
    let Value::List(items) = &entry.node.value else {
        damaged.push(name.to_owned());
        if !entry.node.is_gone() {
            let remedy = format!("begin each entry with `- `, as in `{example}`");
            issues.at(entry.key, format!("`{name}` is not a list"), remedy);
        }
        return Vec::new();
    };
    let mut read = Vec::new();
    for item in items {
        let result = typed::read(item, item.at, issues);
        if result.damaged {
            // Entries have numbers, so that one that is missing shifts all that follow.
            damaged.push(name.to_owned());
        }
        read.extend(result.value);
    }
    read
}

/// Pools, endpoints and alerts are named too.
fn inner_names(component: &Node, issues: &mut Issues) {
    for section in ["pools", "endpoints", "alerts"] {
        for (name, entry) in component.get(section).and_then(Node::entries).into_iter().flatten() {
            if !entry.node.is_gone() {
                check_name(name, entry.key, issues);
            }
        }
    }
}

/// Names stand in paths, sentences and file names, so they are plain. True if this one is.
pub(super) fn check_name(name: &str, at: Mark, issues: &mut Issues) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let good = !name.is_empty() && name.len() <= 64 && name.chars().all(plain) && !name.starts_with('-');
    if !good {
        let rule = format!("`{}` is no name that can be used", shorten(name));
        issues.at(at, rule, "use up to 64 letters, digits, `-` and `_`, and no `-` at the beginning");
    }
    good
}
