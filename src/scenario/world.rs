//! The sections of a tree as a world, component by component, so that what is wrong in one hides nothing in another.

use super::issue::Issues;
use super::lost::Lost;
use super::node::{Entry, Mark, Node, Seg, Value};
use super::typed::{self, Gap, Read};
use super::words::shorten;
use serde::de::DeserializeOwned;
use squall_models::spec::{Monitoring, Named, World};

/// Reads a world with stand-ins for what cannot be read, and says where they are. The tree is left as it was read.
pub(super) fn read(tree: &mut Node, issues: &mut Issues) -> (World, Vec<Lost>) {
    let mut lost = Vec::new();
    let world = World {
        keys: section(tree, "keys", issues, &mut lost),
        clients: section(tree, "clients", issues, &mut lost),
        services: section(tree, "services", issues, &mut lost),
        caches: section(tree, "caches", issues, &mut lost),
        splits: section(tree, "splits", issues, &mut lost),
        faults: list(tree, "faults", "- crash: {…}", issues, &mut lost),
        actions: list(tree, "actions", "- at: 60s", issues, &mut lost),
        monitoring: monitoring(tree, issues, &mut lost),
        operators: section(tree, "operators", issues, &mut lost),
        rollouts: section(tree, "rollouts", issues, &mut lost),
    };
    (world, lost)
}

/// The same world with other stand-ins, from the tree that [`read`] left; `None` if there are none of that set.
pub(super) fn again(tree: &Node, world: &World, lost: &[Lost], set: u8) -> Option<World> {
    let mut world = world.clone();
    let World { keys, clients, services, caches, splits, faults, actions, monitoring, operators, rollouts } =
        &mut world;
    components_again(keys, tree, "keys", lost, set)?;
    components_again(clients, tree, "clients", lost, set)?;
    components_again(services, tree, "services", lost, set)?;
    components_again(caches, tree, "caches", lost, set)?;
    components_again(splits, tree, "splits", lost, set)?;
    items_again(faults, tree, "faults", lost, set)?;
    items_again(actions, tree, "actions", lost, set)?;
    components_again(operators, tree, "operators", lost, set)?;
    components_again(rollouts, tree, "rollouts", lost, set)?;
    let observed = tree.entries().and_then(|entries| entries.get("monitoring"));
    if let Some(entry) = observed.filter(|_| lost.iter().any(|lost| lost.is_in("monitoring"))) {
        *monitoring = Some(typed::read_again(&entry.node, entry.key, set)?);
    }
    Some(world)
}

fn components_again<T: DeserializeOwned>(
    named: &mut Named<T>,
    tree: &Node,
    section: &str,
    lost: &[Lost],
    set: u8,
) -> Option<()> {
    for component in lost.iter().filter_map(|lost| lost.component(section)) {
        let entry = tree.get(section).and_then(Node::entries).and_then(|entries| entries.get(component));
        // What had no stand-in in the first set has none here, so that nothing new comes of it.
        if let (Some(entry), Some(value)) = (entry, named.get_mut(component)) {
            *value = typed::read_again(&entry.node, entry.key, set)?;
        }
    }
    Some(())
}

fn items_again<T: DeserializeOwned>(list: &mut [T], tree: &Node, section: &str, lost: &[Lost], set: u8) -> Option<()> {
    let Some(Value::List(items)) = tree.get(section).map(|node| &node.value) else { return Some(()) };
    let numbers = lost.iter().filter_map(|lost| lost.component(section)?.parse::<usize>().ok());
    // One that could not be read in the first set has shifted those after it.
    let whole = items.len() == list.len();
    for number in numbers.filter(|_| whole) {
        if let (Some(item), Some(value)) = (items.get(number), list.get_mut(number)) {
            *value = typed::read_again(item, item.at, set)?;
        }
    }
    Some(())
}

fn monitoring(tree: &mut Node, issues: &mut Issues, lost: &mut Vec<Lost>) -> Option<Monitoring> {
    let entry = tree.entries_mut()?.get_mut("monitoring").filter(|entry| !entry.node.is_null())?;
    inner_names(&entry.node, issues);
    let read = typed::read(&entry.node, entry.key, issues);
    take(read, "monitoring", None, &mut entry.node, lost)
}

/// A value that was read, with what is lost of it; the tree becomes what it was read from.
fn take<T>(read: Read<T>, section: &str, part: Option<Seg>, node: &mut Node, lost: &mut Vec<Lost>) -> Option<T> {
    let Read { value, mended, gaps } = read;
    if let Some(mended) = mended {
        *node = mended;
    }
    let whole = value.is_none().then(|| Gap { path: Vec::new(), unknown: false });
    for mut gap in gaps.into_iter().chain(whole) {
        gap.path.splice(0..0, part.clone());
        lost.push(Lost::part(section, &gap));
    }
    value
}

fn section<T: DeserializeOwned>(tree: &mut Node, name: &str, issues: &mut Issues, lost: &mut Vec<Lost>) -> Named<T> {
    let mut read = Named::new();
    let Some(entry) = tree.entries_mut().and_then(|entries| entries.get_mut(name)) else { return read };
    if entry.node.is_null() {
        return read;
    }
    let (label, gone) = (entry.key, entry.node.is_gone());
    let Some(components) = entry.node.entries_mut() else {
        lost.push(Lost::at(name));
        if !gone {
            issues.at(label, format!("`{name}` is not a map"), "give each part a name: `name: {…}`");
        }
        return read;
    };
    for (component, Entry { key, node }) in components {
        if issues.full() {
            break;
        }
        if component == "<<" && node.is_gone() {
            lost.push(Lost::name(name));
            continue;
        }
        if !node.is_gone() {
            if !check_name(component, *key, issues) {
                lost.push(Lost::name(name));
            }
            inner_names(node, issues);
        }
        let value = typed::read(node, *key, issues);
        let part = Some(Seg::Key(component.clone()));
        if let Some(value) = take(value, name, part, node, lost) {
            read.insert(component.clone(), value);
        }
    }
    read
}

fn list<T: DeserializeOwned>(
    tree: &mut Node,
    name: &str,
    example: &str,
    issues: &mut Issues,
    lost: &mut Vec<Lost>,
) -> Vec<T> {
    let Some(entry) = tree.entries_mut().and_then(|entries| entries.get_mut(name)) else { return Vec::new() };
    if entry.node.is_null() {
        return Vec::new();
    }
    let (label, gone) = (entry.key, entry.node.is_gone());
    let Value::List(items) = &mut entry.node.value else {
        lost.push(Lost::at(name));
        if !gone {
            let remedy = format!("begin each entry with `- `, as in `{example}`");
            issues.at(label, format!("`{name}` is not a list"), remedy);
        }
        return Vec::new();
    };
    let mut read = Vec::new();
    for (number, item) in items.iter_mut().enumerate() {
        let value = typed::read(item, item.at, issues);
        match take(value, name, Some(Seg::Index(number)), item, lost) {
            Some(value) => read.push(value),
            // Entries have numbers, so that one that is missing shifts all that follow.
            None => lost.push(Lost::at(name)),
        }
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
