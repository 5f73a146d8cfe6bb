//! The way from files to compiled worlds, step by step.

mod expectations;

use super::data::DataFiles;
use super::expect::Expectation;
use super::fail::Fail;
use super::issue::Issues;
use super::lost::Lost;
use super::matrix::Mitigations;
use super::merge::{self, Change};
use super::node::{Entry, FileId, Mark, Node, Seg};
use super::preset::{self, Shelf};
use super::source::{Sources, offset, read_text};
use super::spec::{Overlay, Run, Scenario, Variant};
use super::typed::{Read, SETS, read};
use super::words::{meant, shorten};
use super::{Case, Diagnostics, Loaded, UNMITIGATED, compile, world, yaml};
use serde::de::Error as _;
use squall_models::Settings;
use squall_models::spec::World;
use squall_sim::Time;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All that a file can hold: its head, its world, how long that runs, and what is made of it.
const SECTIONS: &[&str] = &[
    "squall",
    "about",
    "topology",
    "keys",
    "clients",
    "services",
    "caches",
    "splits",
    "faults",
    "actions",
    "monitoring",
    "operators",
    "rollouts",
    "run",
    "set",
    "variants",
    "expect",
];

/// The sections that make up a world.
const WORLD: &[&str] = SECTIONS.split_at(13).0.split_at(3).1;

/// What `set` can change in a scenario, and `--set` on the command line: the world, and `run`.
const SETTABLE: &[&str] = SECTIONS.split_at(14).0.split_at(3).1;

/// More values than this over all variants are refused: each variant holds its own world.
const MOST_VALUES: usize = 40_000_000;

/// More variants, or more expectations, than this in one scenario are refused.
const MOST: usize = 1_000;

/// Values that are read again at most to find out what follows from what is wrong. What is not found out is not reported.
const MOST_AGAIN: usize = 10_000_000;

/// What a small world counts for: it is not only its values that take time.
const LEAST_AGAIN: usize = 500;

/// The version of the file format.
const VERSION: u32 = 1;

/// Everything that is gathered while reading.
#[derive(Default)]
pub(super) struct Loader {
    pub(super) sources: Sources,
    pub(super) issues: Issues,
    pub(super) data: DataFiles,
    /// The variants that the command line changes; all of them if none is named.
    only: Vec<String>,
    /// Policy files, each read once.
    overlays: BTreeMap<PathBuf, Vec<Change>>,
    presets: Shelf,
    /// Values that were read again to find out what follows from what.
    spent: usize,
    /// A section stands under a name that is none, and may be any of those that are missing.
    astray: bool,
    /// The topology could not be read, so that nothing can be said of what is laid over it.
    blind: bool,
}

/// A variant before it is compiled.
pub(super) struct Draft {
    pub(super) name: String,
    about: Option<String>,
    pub(super) tree: Node,
    pub(super) world: World,
    place: Option<(PathBuf, usize)>,
    /// Where the world is not what the user wrote.
    pub(super) lost: Vec<Lost>,
    expectations: Vec<Expectation>,
}

/// What all variants share.
struct Base {
    tree: Node,
    about: Option<String>,
    variants: BTreeMap<String, Variant>,
    variant_nodes: Option<Node>,
    expect: Option<Node>,
    sets: Vec<Change>,
    /// Sections that are not there, and may be under a name that is none.
    lost: Vec<Lost>,
}

pub(super) fn load(path: &Path, sets: &[String], only: &[String]) -> Result<Loaded, Diagnostics> {
    let mut loader = Loader { only: only.to_vec(), ..Loader::default() };
    match read_text(path) {
        Ok(text) => loader.scenario(path, text, sets),
        Err((rule, remedy)) => {
            let remedy = remedy.replace("; it is relative to the file that names it", "");
            loader.issues.add(super::issue::Place::Nowhere, rule, remedy);
            None
        }
    }
    .ok_or_else(|| loader.issues.render(&loader.sources, path))
}

/// The same with the mitigations of a matrix beside the scenario's own variants.
pub(super) fn load_with(path: &Path, mitigations: &Mitigations<'_>) -> Result<Loaded, Diagnostics> {
    let mut loader = Loader::default();
    match read_text(path) {
        Ok(text) => loader.scenario_with(path, text, &[], Some(mitigations)),
        Err((rule, remedy)) => {
            loader.issues.add(super::issue::Place::Nowhere, rule, remedy);
            None
        }
    }
    .ok_or_else(|| loader.issues.render(&loader.sources, path))
}

pub(super) fn load_bytes(path: &Path, bytes: &[u8], sets: &[String]) -> Result<Loaded, Diagnostics> {
    let mut loader = Loader::default();
    match super::source::text(path, bytes.to_vec()) {
        Ok(text) => loader.scenario(path, text, sets),
        Err((rule, remedy)) => {
            loader.issues.add(super::issue::Place::Nowhere, rule, remedy);
            None
        }
    }
    .ok_or_else(|| loader.issues.render(&loader.sources, path))
}

impl Loader {
    /// Everything, or nothing and issues.
    fn scenario(&mut self, path: &Path, text: String, sets: &[String]) -> Option<Loaded> {
        self.scenario_with(path, text, sets, None)
    }

    fn scenario_with(
        &mut self,
        path: &Path,
        text: String,
        sets: &[String],
        mitigations: Option<&Mitigations<'_>>,
    ) -> Option<Loaded> {
        let file = self.sources.add(path, path.display().to_string(), text);
        let mut root = self.parse(file)?;
        self.sections(&mut root);
        let mut root = self.over_topology(root);
        if let Some(mitigations) = mitigations {
            self.with_mitigations(&mut root, mitigations)?;
        }
        let base = self.base(root, sets)?;
        let run = self.run(&base);
        if self.blind {
            self.over_nothing(&base, &run);
            return None;
        }
        let mut drafts = self.drafts(&base);
        let tree = drafts.first().map_or(&base.tree, |draft| &draft.tree);
        let (settings, times_are_known) = compile::check_run(&run, tree, &mut self.issues);
        let run = run.value.unwrap_or_default();
        let mut windows = Vec::new();
        let expects = self.expectations(&base);
        // The times of a run that is not known cannot be held against a sentence.
        let times = (Time::ZERO + settings.warmup, Time::ZERO + settings.duration);
        let times = if times_are_known { times } else { (Time::ZERO, Time::MAX) };
        for draft in &mut drafts {
            draft.expectations = self.apply_expectations(draft, &expects, times, &mut windows);
        }
        let settings = if times_are_known { Settings { windows, ..settings } } else { settings };
        let blueprints = compile::blueprints(self, &mut drafts, &settings);
        if self.issues.len() > 0 {
            return None;
        }
        let cases: Vec<Case> = drafts
            .into_iter()
            .zip(blueprints)
            .filter_map(|(draft, blueprint)| {
                let Draft { name, about, place, world, expectations, .. } = draft;
                Some(Case { name, about, place, world, blueprint: blueprint?, expectations })
            })
            .collect();
        let canonical = compile::canonical(&run, &cases, self.data.hashes(&self.sources.folder(file)));
        let warnings = compile::warnings(&cases);
        let sources = self.sources.texts(&self.sources.folder(file));
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Some(Loaded {
            name,
            path: path.to_owned(),
            about: base.about,
            run,
            settings,
            cases,
            canonical,
            warnings,
            sources,
        })
    }

    pub(super) fn parse(&mut self, file: FileId) -> Option<Node> {
        // The text is taken from the sources while issues are added to, so it cannot stay borrowed.
        let text = std::mem::take(&mut self.sources.get_mut(file).text);
        let node = yaml::parse(&text, file, 0, &mut self.issues);
        self.sources.get_mut(file).text = text;
        let node = node?;
        if node.entries().is_none() {
            self.issues.at(node.at, "a file is a map of sections, and this is not", "start with `squall: 1`");
            return None;
        }
        Some(node)
    }

    /// Reads a file that another one names.
    fn open(&mut self, named: &str, from: Mark) -> Option<FileId> {
        let path = self.sources.folder(from.file).join(named);
        match read_text(&path) {
            Ok(text) => Some(self.sources.add(&path, path.display().to_string(), text)),
            Err((rule, remedy)) => {
                self.issues.at(from, rule, remedy);
                None
            }
        }
    }

    /// The tree laid over that of the topology that it names, if it names one.
    fn over_topology(&mut self, mut root: Node) -> Node {
        let Some(entry) = root.take("topology") else { return root };
        let Some(named) = entry.node.text().map(str::to_owned) else {
            self.issues.at(entry.key, "`topology` names no file", "write `topology: ../topology.yaml`");
            return root;
        };
        let at = entry.node.at;
        let Some(mut below) = self.open(&named, at).and_then(|id| self.parse(id)) else {
            self.blind = true;
            return root;
        };
        if let Some(further) = below.take("topology") {
            self.issues.at(further.key, "a topology cannot lie over another one", "name one file only");
        }
        self.sections(&mut below);
        self.header(&below);
        below.take("about");
        merge::lay(&mut below, root, "");
        below
    }

    /// Sections that are not known become those that were meant, or are left out.
    fn sections(&mut self, root: &mut Node) {
        let names: Vec<String> = root.entries().into_iter().flat_map(|entries| entries.keys().cloned()).collect();
        for name in names.iter().filter(|name| !SECTIONS.contains(&name.as_str()) && *name != "<<") {
            let Fail { rule, remedy, .. } = Fail::unknown_field(name, SECTIONS);
            let path = [Seg::Key(name.clone())];
            let at = root.entries().and_then(|entries| entries.get(name)).map_or(root.at, |entry| entry.key);
            if meant(&remedy).is_none_or(|meant| !root.rename(&path, meant)) {
                root.take(name);
                self.astray = true;
            }
            self.issues.at(at, rule, remedy);
        }
    }

    /// Reads the sections of a file that are not the world's.
    fn header(&mut self, root: &Node) -> Read<Scenario> {
        let mut head = root.clone();
        for section in WORLD {
            head.take(section);
        }
        let read = read::<Scenario>(&head, start(root), &mut self.issues);
        if let Some(scenario) = read.value.as_ref().filter(|_| !read.is_lost("squall")) {
            self.version(root, scenario.squall);
        }
        Read { mended: Some(read.mended.unwrap_or(head)), ..read }
    }

    fn version(&mut self, root: &Node, version: u32) {
        if version != VERSION {
            let at = root.get("squall").map_or(root.at, |node| node.at);
            self.issues.at(at, format!("version {version} of the file format is not known"), "write `squall: 1`");
        }
    }

    fn base(&mut self, mut root: Node, sets: &[String]) -> Option<Base> {
        let header = self.header(&root);
        let mut head = header.mended.unwrap_or_else(|| Node::map(root.at));
        let mut take = |key: &str| head.take(key).map(|entry| entry.node);
        let (set, variant_nodes, expect) = (take("set"), take("variants"), take("expect"));
        root.entries_mut()?.retain(|key, _| SETTABLE.contains(&key.as_str()));
        let changes = set.as_ref().filter(|_| !self.blind).map(merge::changes).unwrap_or_default();
        merge::apply(&mut root, changes, SETTABLE, &mut self.issues);
        let sets = self.command_line(sets);
        let (about, variants) = header.value.map(|header| (header.about, header.variants)).unwrap_or_default();
        for (name, entry) in variant_nodes.as_ref().and_then(Node::entries).into_iter().flatten() {
            if name == UNMITIGATED {
                let rule = format!("`{UNMITIGATED}` is the scenario as it stands, not a variant");
                self.issues.at(entry.key, rule, "choose another name");
            } else if !entry.node.is_gone() {
                world::check_name(name, entry.key, &mut self.issues);
            }
        }
        let missing = WORLD.iter().filter(|section| self.astray && root.get(section).is_none());
        let lost = missing.map(|section| Lost::at(section)).collect();
        let base = Base { tree: root, about, variants, variant_nodes, expect, sets, lost };
        if base.variants.len() > MOST || base.tree.size().saturating_mul(base.variants.len() + 1) > MOST_VALUES {
            let at = base.variant_nodes.as_ref().map_or(base.tree.at, |node| node.at);
            self.issues.at(at, "all variants together are too large", "use fewer variants, or a smaller world");
            return None;
        }
        Some(base)
    }

    /// The changes that the command line asks for.
    fn command_line(&mut self, sets: &[String]) -> Vec<Change> {
        let mut changes = Vec::new();
        for set in sets {
            let file = self.sources.add(Path::new(""), "--set".to_owned(), set.clone());
            let mark = Mark { file, start: 0, end: offset(set.len()) };
            let Some((path, value)) = set.split_once('=').filter(|(_, value)| !value.trim().is_empty()) else {
                let rule = format!("`{}` sets nothing", shorten(set));
                self.issues.at(mark, rule, "write `--set services.api.replicas=5`; `null` removes");
                continue;
            };
            let at = Mark { end: offset(path.len()), ..mark };
            if let Some(value) = yaml::parse(value, file, path.len() + 1, &mut self.issues) {
                changes.push(Change { path: path.trim().to_owned(), at, value });
            }
        }
        changes
    }

    fn run(&mut self, base: &Base) -> Read<Run> {
        let mut tree = base.tree.clone();
        let changes = base.sets.iter().filter(|change| change.path.split('.').next() == Some("run")).cloned().collect();
        merge::apply(&mut tree, changes, SETTABLE, &mut self.issues);
        let empty = Node::map(tree.at);
        let entry = tree.entries().and_then(|entries| entries.get("run"));
        let (node, label) = entry.map_or((&empty, tree.at), |entry| (&entry.node, entry.key));
        let node = if node.is_null() { &empty } else { node };
        read(node, label, &mut self.issues)
    }

    /// The unmitigated scenario and its variants, each as a tree and as a world.
    fn drafts(&mut self, base: &Base) -> Vec<Draft> {
        let nothing = Variant::default();
        let variants = base.variants.iter().map(|(name, variant)| (name.as_str(), variant));
        let mut drafts = Vec::new();
        for (number, (name, variant)) in std::iter::once((UNMITIGATED, &nothing)).chain(variants).enumerate() {
            self.issues.variant = Some(name.to_owned());
            let mut tree = base.tree.clone();
            // By its number: a variant with this name is a mistake, and what is wrong in it is one too.
            if number > 0 {
                self.overlay(&mut tree, base, name, variant);
            }
            if self.only.is_empty() || self.only.iter().any(|only| only == name) {
                merge::apply(&mut tree, base.sets.clone(), SETTABLE, &mut self.issues);
            }
            preset::expand(&mut tree, &mut self.presets, &mut self.sources, &mut self.issues);
            let (mut world, mut lost) = world::read(&mut tree, &mut self.issues);
            lost.extend(self.data.fill(&mut world, &tree, &self.sources, &mut self.issues));
            lost.extend(base.lost.iter().cloned());
            let about = variant.about.clone();
            let (name, place) = (name.to_owned(), self.place(base, name, variant));
            drafts.push(Draft { name, about, place, tree, world, lost, expectations: Vec::new() });
            if self.issues.full() {
                break;
            }
        }
        self.issues.variant = None;
        drafts
    }

    /// Where a variant is written: what it applies last is most of it.
    fn place(&self, base: &Base, name: &str, variant: &Variant) -> Option<(PathBuf, usize)> {
        let key = base.variant_nodes.as_ref()?.entries()?.get(name)?.key;
        Some(match variant.apply.last() {
            Some(file) => (self.sources.folder(key.file).join(file), 1),
            None => (self.sources.get(key.file).path.clone(), self.sources.place(key).0),
        })
    }

    /// A variant's changes: those of its policy files first, then its own.
    fn overlay(&mut self, tree: &mut Node, base: &Base, name: &str, variant: &Variant) {
        let Some(entry) = base.variant_nodes.as_ref().and_then(|node| node.entries()?.get(name)) else { return };
        for (number, file) in variant.apply.iter().enumerate() {
            let (found, _) = entry.node.find(&format!("apply.{number}"));
            let changes = self.policy_file(file, found.node.at);
            merge::apply(tree, changes, WORLD, &mut self.issues);
        }
        let own = entry.node.get("set").map(merge::changes).unwrap_or_default();
        merge::apply(tree, own, WORLD, &mut self.issues);
    }

    /// Looks for what is wrong in single values, and with policy files: nothing else can be told without the topology.
    fn over_nothing(&mut self, base: &Base, run: &Read<Run>) {
        let mut tree = base.tree.clone();
        compile::check_run(run, &tree, &mut self.issues);
        preset::expand(&mut tree, &mut self.presets, &mut self.sources, &mut self.issues);
        self.issues.partial = true;
        world::read(&mut tree, &mut self.issues);
        self.issues.partial = false;
        for (name, variant) in &base.variants {
            let node = base.variant_nodes.as_ref().and_then(|node| node.get(name));
            for (number, file) in variant.apply.iter().enumerate() {
                let found = node.map_or(base.tree.at, |node| node.find(&format!("apply.{number}")).0.node.at);
                self.policy_file(file, found);
            }
        }
    }

    fn policy_file(&mut self, named: &str, from: Mark) -> Vec<Change> {
        let path = self.sources.folder(from.file).join(named);
        if let Some(changes) = self.overlays.get(&path) {
            return changes.clone();
        }
        let changes = self.open(named, from).and_then(|file| self.parse(file)).map(|root| {
            let read = read::<Overlay>(&root, start(&root), &mut self.issues);
            if let Some(overlay) = read.value.as_ref().filter(|_| !read.is_lost("squall")) {
                self.version(&root, overlay.squall);
            }
            read.mended.as_ref().unwrap_or(&root).get("set").map(merge::changes).unwrap_or_default()
        });
        let changes = changes.unwrap_or_default();
        self.overlays.insert(path, changes.clone());
        changes
    }

    /// Of what is wrong with a draft, what is wrong with every set of stand-ins for what is lost.
    pub(super) fn certain<P>(
        &mut self,
        draft: &Draft,
        wrong: &mut Vec<P>,
        is_still: impl Fn(&World, &[P]) -> Vec<bool>,
    ) {
        let sets = if draft.lost.is_empty() { 0 } else { SETS };
        for set in 1..sets {
            if wrong.is_empty() {
                return;
            }
            if self.spent > MOST_AGAIN {
                return wrong.clear();
            }
            if let Some(world) = self.again(draft, set) {
                let mut still = is_still(&world, wrong).into_iter();
                wrong.retain(|_| still.next().unwrap_or_default());
            }
        }
    }

    /// The world of a draft with another set of stand-ins.
    pub(super) fn again(&mut self, draft: &Draft, set: u8) -> Option<World> {
        self.spent = self.spent.saturating_add(draft.tree.size().max(LEAST_AGAIN));
        let mut world = world::again(&draft.tree, &draft.world, &draft.lost, set)?;
        self.data.fill(&mut world, &draft.tree, &self.sources, &mut Issues::default());
        Some(world)
    }
}

/// Where what is missing in a whole file is shown: its first key.
fn start(root: &Node) -> Mark {
    let first = root.entries().and_then(|entries| entries.values().map(|entry: &Entry| entry.key).min());
    first.unwrap_or(root.at)
}
