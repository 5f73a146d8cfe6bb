//! The way from files to compiled worlds, step by step.

use super::data::DataFiles;
use super::expect::{Expect, Expectation, Placed};
use super::issue::Issues;
use super::matrix::Mitigations;
use super::merge::{self, Change};
use super::node::{Entry, FileId, Mark, Node};
use super::preset::{self, Shelf};
use super::sentence::Scope;
use super::source::{Sources, offset, read_text};
use super::spec::{Overlay, Run, Scenario, Variant};
use super::typed::read;
use super::words::{did_you_mean, shorten};
use super::{Case, Diagnostics, Loaded, UNMITIGATED, compile, world, yaml};
use squall_models::Settings;
use squall_sim::Time;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The sections that make up a world.
pub(super) const WORLD: [&str; 10] =
    ["keys", "clients", "services", "caches", "splits", "faults", "actions", "monitoring", "operators", "rollouts"];

/// What `set` can change in a scenario, and `--set` on the command line.
const SETTABLE: [&str; 11] = [
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
];

/// More values than this over all variants are refused: each variant holds its own world.
const MOST_VALUES: usize = 40_000_000;

/// More variants, or more expectations, than this in one scenario are refused.
const MOST: usize = 1_000;

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
}

/// A variant before it is compiled.
pub(super) struct Draft {
    pub(super) name: String,
    about: Option<String>,
    pub(super) tree: Node,
    pub(super) world: squall_models::spec::World,
    place: Option<(PathBuf, usize)>,
    /// Components in which something was wrong, as `services.api`.
    pub(super) damaged: Vec<String>,
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
        let root = self.parse(file)?;
        let mut root = self.over_topology(root, file);
        if let Some(mitigations) = mitigations {
            self.with_mitigations(&mut root, mitigations)?;
        }
        let base = self.base(root, sets)?;
        let run = self.run(&base);
        let settings = compile::settings(run.value.as_ref().unwrap_or(&Run::default()));
        let mut drafts = self.drafts(&base);
        let tree = drafts.first().map_or(&base.tree, |draft| &draft.tree);
        let run_is_right = !run.damaged && compile::check_run(run.value.as_ref(), tree, &mut self.issues);
        let mut windows = Vec::new();
        let expects = self.expectations(&base);
        for draft in &mut drafts {
            let mut scope = compile::scope(draft, &settings);
            if !run_is_right {
                // The times of a run that is not known cannot be held against a sentence.
                (scope.warmup, scope.duration) = (Time::ZERO, Time::MAX);
            }
            draft.expectations = self.apply_expectations(draft, &expects, &scope, &mut windows);
        }
        let settings = Settings { windows, ..settings };
        let blueprints = compile::blueprints(self, &drafts, run_is_right.then_some(&settings));
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
        let run = run.value.unwrap_or_default();
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
    fn over_topology(&mut self, mut root: Node, file: FileId) -> Node {
        let Some(entry) = root.take("topology") else { return root };
        let Some(named) = entry.node.text().map(str::to_owned) else {
            self.issues.at(entry.key, "`topology` names no file", "write `topology: ../topology.yaml`");
            return root;
        };
        let at = entry.node.at;
        let Some(mut below) = self.open(&named, at).filter(|id| *id != file).and_then(|id| self.parse(id)) else {
            return root;
        };
        if let Some(further) = below.take("topology") {
            self.issues.at(further.key, "a topology cannot lie over another one", "name one file only");
        }
        self.header(&below);
        below.take("about");
        merge::lay(&mut below, root, "");
        below
    }

    /// Checks the sections of a file that are not the world's.
    fn header(&mut self, root: &Node) -> Option<Scenario> {
        let mut head = root.clone();
        for section in WORLD {
            head.take(section);
        }
        let scenario = read::<Scenario>(&head, start(root), &mut self.issues).value?;
        self.version(root, scenario.squall);
        Some(scenario)
    }

    fn version(&mut self, root: &Node, version: u32) {
        if version != VERSION {
            let at = root.get("squall").map_or(root.at, |node| node.at);
            self.issues.at(at, format!("version {version} of the file format is not known"), "write `squall: 1`");
        }
    }

    fn base(&mut self, mut root: Node, sets: &[String]) -> Option<Base> {
        let header = self.header(&root);
        let take = |root: &mut Node, key: &str| root.take(key).map(|entry| entry.node);
        let (set, variant_nodes, expect) =
            (take(&mut root, "set"), take(&mut root, "variants"), take(&mut root, "expect"));
        for other in ["squall", "about"] {
            root.take(other);
        }
        root.entries_mut()?.retain(|key, _| SETTABLE.contains(&key.as_str()));
        let changes = set.as_ref().map(merge::changes).unwrap_or_default();
        merge::apply(&mut root, changes, &SETTABLE, &mut self.issues);
        let sets = self.command_line(sets);
        let (about, variants) = header.map(|header| (header.about, header.variants)).unwrap_or_default();
        for (name, entry) in variant_nodes.as_ref().and_then(Node::entries).into_iter().flatten() {
            if name == UNMITIGATED {
                let rule = format!("`{UNMITIGATED}` is the scenario as it stands, not a variant");
                self.issues.at(entry.key, rule, "choose another name");
            } else if !entry.node.is_gone() {
                world::check_name(name, entry.key, &mut self.issues);
            }
        }
        let base = Base { tree: root, about, variants, variant_nodes, expect, sets };
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

    fn run(&mut self, base: &Base) -> super::typed::Read<Run> {
        let mut tree = base.tree.clone();
        let changes = base.sets.iter().filter(|change| change.path.split('.').next() == Some("run")).cloned().collect();
        merge::apply(&mut tree, changes, &SETTABLE, &mut self.issues);
        let empty = Node::map(tree.at);
        let entry = tree.entries().and_then(|entries| entries.get("run"));
        let (node, label) = entry.map_or((&empty, tree.at), |entry| (&entry.node, entry.key));
        let node = if node.is_null() { &empty } else { node };
        read(node, label, &mut self.issues)
    }

    /// The unmitigated scenario and its variants, each as a tree and as a world.
    fn drafts(&mut self, base: &Base) -> Vec<Draft> {
        let nothing = Variant::default();
        let all =
            std::iter::once((UNMITIGATED, &nothing)).chain(base.variants.iter().map(|(name, v)| (name.as_str(), v)));
        let mut drafts = Vec::new();
        for (name, variant) in all {
            self.issues.variant = Some(name.to_owned());
            let mut tree = base.tree.clone();
            if name != UNMITIGATED {
                self.overlay(&mut tree, base, name, variant);
            }
            if self.only.is_empty() || self.only.iter().any(|only| only == name) {
                merge::apply(&mut tree, base.sets.clone(), &SETTABLE, &mut self.issues);
            }
            preset::expand(&mut tree, &mut self.presets, &mut self.sources, &mut self.issues);
            let (mut world, mut damaged) = world::read(&tree, &mut self.issues);
            damaged.extend(self.data.fill(&mut world, &tree, &self.sources, &mut self.issues));
            let about = variant.about.clone();
            let (name, place) = (name.to_owned(), self.place(base, name, variant));
            drafts.push(Draft { name, about, place, tree, world, damaged, expectations: Vec::new() });
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
            merge::apply(tree, changes, &WORLD, &mut self.issues);
        }
        let own = entry.node.get("set").map(merge::changes).unwrap_or_default();
        merge::apply(tree, own, &WORLD, &mut self.issues);
    }

    fn policy_file(&mut self, named: &str, from: Mark) -> Vec<Change> {
        let path = self.sources.folder(from.file).join(named);
        if let Some(changes) = self.overlays.get(&path) {
            return changes.clone();
        }
        let changes = self.open(named, from).and_then(|file| self.parse(file)).map(|root| {
            if let Some(overlay) = read::<Overlay>(&root, start(&root), &mut self.issues).value {
                self.version(&root, overlay.squall);
            }
            root.get("set").map(merge::changes).unwrap_or_default()
        });
        let changes = changes.unwrap_or_default();
        self.overlays.insert(path, changes.clone());
        changes
    }

    /// The expectations with the places of their sentences.
    fn expectations(&mut self, base: &Base) -> Vec<(Expect, Mark)> {
        let Some(super::node::Value::List(items)) = base.expect.as_ref().map(|node| &node.value) else {
            return Vec::new();
        };
        if items.len() > MOST {
            let rule = format!("there are {} expectations, and at most {MOST} are judged", items.len());
            self.issues.at(items[MOST].at, rule, "keep those that matter");
            return Vec::new();
        }
        let known: Vec<&str> = std::iter::once(UNMITIGATED).chain(base.variants.keys().map(String::as_str)).collect();
        let mut expects = Vec::new();
        for item in items {
            // What is wrong with the form has been reported with the header.
            let Some(expect) = read::<Expect>(item, item.at, &mut self.issues).value else { continue };
            let lists = [("only", &expect.0.only), ("broken_by", &expect.0.broken_by)];
            for (field, names) in lists {
                for (number, name) in names.iter().enumerate().filter(|(_, name)| !known.contains(&name.as_str())) {
                    let (found, _) = item.find(&format!("{field}.{number}"));
                    let rule = format!("there is no variant `{}`", shorten(name));
                    self.issues.at(found.node.at, rule, did_you_mean(name, known.iter().copied(), "the variants are"));
                }
            }
            let at = item.get("that").map_or(item.at, |that| that.at);
            expects.push((expect, at));
        }
        expects
    }

    fn apply_expectations(
        &mut self,
        draft: &Draft,
        expects: &[(Expect, Mark)],
        scope: &Scope,
        windows: &mut Vec<(Time, Time)>,
    ) -> Vec<Expectation> {
        // Names and numbers may be of what is missing because of a mistake that has been reported.
        let missing = |word: &str| {
            draft.damaged.iter().any(|part| !part.contains('.') && (word == "fault") == (part == "faults"))
        };
        let (faults_unknown, names_unknown) = (missing("fault"), missing("name"));
        self.issues.variant = Some(draft.name.clone());
        let mut kept = Vec::new();
        for (Expect(options), at) in expects {
            let (line, _) = self.sources.place(*at);
            let placed = Placed { options, file: self.sources.get(at.file).path.clone(), line };
            match Expectation::of(&placed, &draft.name, scope, windows) {
                Ok(expectation) => kept.extend(expectation),
                Err(wrong) if faults_unknown && wrong.rule.contains("fault") => {}
                Err(wrong) if names_unknown && wrong.rule.starts_with("there is no") => {}
                Err(wrong) => {
                    let mark = within(&self.sources, *at, &options.that, wrong.span);
                    self.issues.at(mark, wrong.rule, wrong.remedy);
                }
            }
            if self.issues.full() {
                break;
            }
        }
        self.issues.variant = None;
        kept
    }
}

/// The part of a scalar's mark that a part of its text stands at, where the file spells the text as it is.
fn within(sources: &Sources, at: Mark, text: &str, span: std::ops::Range<usize>) -> Mark {
    let raw = sources.get(at.file).text.get(at.start as usize..at.end as usize).unwrap_or("");
    match raw.find(text) {
        Some(begin) => {
            let start = at.start + offset(begin + span.start);
            Mark { start, end: (at.start + offset(begin + span.end)).max(start), ..at }
        }
        None => at,
    }
}

/// Where what is missing in a whole file is shown: its first key.
fn start(root: &Node) -> Mark {
    let first = root.entries().and_then(|entries| entries.values().map(|entry: &Entry| entry.key).min());
    first.unwrap_or(root.at)
}
