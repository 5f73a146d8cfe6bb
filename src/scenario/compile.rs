//! Worlds to blueprints, and what is wrong with them as a whole.

use super::issue::{Issues, Place};
use super::load::{Draft, Loader};
use super::lost::Lost;
use super::node::Node;
use super::sentence::Scope;
use super::spec::Run;
use super::typed::Read;
use super::{Case, UNMITIGATED, check};
use squall_models::problem::Problem;
use squall_models::spec::{Fault, World};
use squall_models::units::Duration;
use squall_models::{Blueprint, Limits, Settings};
use squall_sim::{Span, Time};
use std::collections::BTreeMap;

/// Rounds of "mend and compile again" for one variant.
const ROUNDS: usize = 30;
/// Windows in a series, unless the user asks for more.
const USUAL_WINDOWS: f64 = 2_000.0;
/// Windows in a series at most.
const MOST_WINDOWS: f64 = 100_000.0;

/// The settings that a run section asks for, without windows.
fn settings(run: &Run) -> Settings {
    let duration = run.duration.seconds();
    let usual = (duration / USUAL_WINDOWS).ceil().max(1.0);
    let resolution = run.resolution.map_or(usual, Duration::seconds);
    Settings {
        duration: run.duration.span(),
        warmup: run.warmup.span(),
        resolution: Span::from_seconds(resolution),
        windows: Vec::new(),
        limits: Limits { events: run.limits.events, in_flight: run.limits.in_flight, depth: run.limits.depth },
    }
}

/// Checks what the types of a run section do not. Gives back settings of which nothing more can be said, and whether the
/// length of the run and of its warm-up are as the user wants them.
pub(super) fn check_run(read: &Read<Run>, tree: &Node, issues: &mut Issues) -> (Settings, bool) {
    let usual = Run::default();
    let run = read.value.as_ref().unwrap_or(&usual);
    let known = |field: &str| !read.is_lost(field);
    let mut wrong = |path: &str, rule: String, remedy: &str| {
        let (found, exact) = tree.find(path);
        issues.at(if exact { found.node.at } else { found.label }, rule, remedy);
        false
    };
    let (duration, warmup) = (run.duration, run.warmup);
    let mut times = known("duration") && known("warmup");
    if known("duration") && duration.span().is_zero() {
        times = wrong("run.duration", "`duration` is zero".to_owned(), "write how long to simulate, as in `300s`");
    } else if times && warmup.span() >= duration.span() {
        let rule = format!("the warm-up of {warmup} leaves nothing of the {duration} of the run");
        times = wrong("run.warmup", rule, "make `duration` longer or `warmup` shorter");
    }
    let mut windows = known("resolution");
    if let Some(resolution) = run.resolution.filter(|_| windows) {
        if resolution.span().is_zero() {
            windows =
                wrong("run.resolution", "`resolution` is zero".to_owned(), "write the width of a window, as in `1s`");
        } else if times && duration.seconds() / resolution.seconds() > MOST_WINDOWS {
            let rule = format!("windows of {resolution} over {duration} are more than {MOST_WINDOWS}");
            windows = wrong("run.resolution", rule, "make `resolution` wider");
        }
    }
    if known("seeds") && (run.seeds == 0 || run.seeds > 1_000_000) {
        let rule = format!("`{}` seeds are not between 1 and 1000000", run.seeds);
        wrong("run.seeds", rule, "write how many runs of each variant to make, as in `20`");
    }
    let (asked, usual) = (settings(run), settings(&usual));
    let limits = if known("limits") { asked.limits.clone() } else { usual.limits.clone() };
    let settings = if times && windows { asked } else { usual };
    (Settings { limits, ..settings }, times)
}

/// What sentences can be about in a world. Names come from the tree, so that a component with a mistake in it still has one.
pub(super) fn scope(draft: &Draft, world: &World, (warmup, duration): (Time, Time)) -> Scope {
    let tree = &draft.tree;
    let names = |section: &str| -> Vec<String> {
        tree.get(section).and_then(Node::entries).into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let mut pools = Vec::new();
    for (service, entry) in tree.get("services").and_then(Node::entries).into_iter().flatten() {
        let of = entry.node.get("pools").and_then(Node::entries).into_iter().flatten();
        pools.extend(of.map(|(pool, _)| (service.clone(), pool.clone())));
    }
    let side = |(name, split): (&String, &squall_models::spec::Split)| {
        let name = name.clone();
        split.weights.keys().map(move |side| (name.clone(), side.clone())).collect::<Vec<_>>()
    };
    let splits = world.splits.iter().flat_map(side);
    Scope {
        clients: names("clients"),
        services: names("services"),
        pools,
        caches: names("caches").into_iter().flat_map(|cache| with_classes(cache, world)).collect(),
        splits: splits.collect(),
        edges: super::visit::calls(world).into_iter().collect(),
        alerts: world.monitoring.iter().flat_map(|monitoring| monitoring.alerts.keys().cloned()).collect(),
        data: world.services.iter().filter(|(_, s)| s.data.is_some()).map(|(name, _)| name.clone()).collect(),
        operators: names("operators"),
        rollouts: names("rollouts"),
        faults: world.faults.iter().map(times).collect(),
        warmup,
        duration,
    }
}

/// A cache, and its classes of keys.
fn with_classes(cache: String, world: &World) -> Vec<String> {
    let classes = world.caches.get(&cache).into_iter().flat_map(|spec| &spec.classes);
    let classes: Vec<String> = classes.map(|class| format!("{cache}.{}", class.name)).collect();
    std::iter::once(cache).chain(classes).collect()
}

/// When a fault begins and ends.
fn times(fault: &Fault) -> (Time, Option<Time>) {
    let (at, lasts) = fault.when();
    let lasts = if fault.is_instant() { Some(Duration::from_seconds(0.0)) } else { lasts };
    let start = Time::ZERO + at.span();
    (start, lasts.map(|lasts| start + lasts.span()))
}

/// Compiles every variant; `None` for those that cannot be.
pub(super) fn blueprints(loader: &mut Loader, drafts: &mut [Draft], settings: &Settings) -> Vec<Option<Blueprint>> {
    let mut compiled = Vec::new();
    for draft in drafts {
        loader.issues.variant = Some(draft.name.clone());
        compiled.push(match Blueprint::new(&draft.world, settings.clone()) {
            Ok(blueprint) => Some(blueprint),
            Err(problems) => {
                problems_of(loader, draft, settings, problems);
                None
            }
        });
    }
    loader.issues.variant = None;
    compiled
}

/// Reports what is wrong with a world, and what shows once that has stand-ins too: not everything is looked at behind a
/// name that nothing has.
fn problems_of(loader: &mut Loader, draft: &mut Draft, settings: &Settings, mut problems: Vec<Problem>) {
    let mut told: Vec<Problem> = Vec::new();
    for _ in 0..ROUNDS {
        problems.retain(|problem| !follows(problem, draft) && !told.contains(problem));
        loader.certain(draft, &mut problems, |world, problems| {
            let again = Blueprint::new(world, settings.clone()).err().unwrap_or_default();
            problems.iter().map(|problem| again.contains(problem)).collect()
        });
        let mut mended = false;
        for problem in &problems {
            place(problem, &draft.tree, &mut loader.issues);
            mended |= mend(draft, problem);
        }
        told.append(&mut problems);
        if !mended || loader.issues.full() {
            return;
        }
        let Some(world) = loader.again(draft, 0) else { return };
        problems = Blueprint::new(&world, settings.clone()).err().unwrap_or_default();
        draft.world = world;
    }
}

/// Puts the name that was meant, or a stand-in, where a single value is wrong. True if there is one now.
fn mend(draft: &mut Draft, problem: &Problem) -> bool {
    let (found, exact) = draft.tree.find(&problem.path);
    let Some(way) = draft.tree.way(&problem.path).filter(|_| exact && found.node.text().is_some()) else {
        return false;
    };
    let spelled = problem.meant().is_some_and(|meant| draft.tree.respell(&way, meant));
    draft.lost.push(Lost::at(&problem.path));
    spelled || draft.tree.forget(&way).is_some()
}

fn place(problem: &Problem, tree: &Node, issues: &mut Issues) {
    let (found, exact) = tree.find(&problem.path);
    let scalar = found.node.text().is_some_and(|text| !text.is_empty());
    let mark = if exact && scalar { found.node.at } else { found.label };
    // Problems with `run` and with the world as a whole have no place in a variant's tree.
    if problem.path.is_empty() || (!exact && found.label == tree.at) {
        let rule = if problem.path.is_empty() {
            problem.rule.clone()
        } else {
            format!("`{}`: {}", problem.path, problem.rule)
        };
        issues.add(Place::At(tree.at), rule, &problem.remedy);
    } else {
        issues.at(mark, &problem.rule, &problem.remedy);
    }
}

/// Whether a problem may come only of something that has been reported.
fn follows(problem: &Problem, draft: &Draft) -> bool {
    let (found, _) = draft.tree.find(&problem.path);
    let value = found.node.text().unwrap_or_default();
    draft.lost.iter().any(|lost| lost.explains(problem, value))
}

/// The whole input with everything resolved, the same for every way to write it down.
pub(super) fn canonical(run: &Run, cases: &[Case], data: BTreeMap<String, String>) -> String {
    let cases: Vec<_> = cases
        .iter()
        .map(|case| {
            let expect: Vec<_> = case
                .expectations
                .iter()
                .map(|e| serde_json::json!({ "that": e.text, "broken_by_this": e.broken_by_this, "seeds": e.seeds }))
                .collect();
            serde_json::json!({ "name": case.name, "world": case.world, "expect": expect })
        })
        .collect();
    serde_json::json!({ "squall": 1, "run": run, "cases": cases, "data": data }).to_string()
}

/// What is allowed but looks like a mistake, each once, with the variants that it is in.
pub(super) fn warnings(cases: &[Case]) -> Vec<String> {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for case in cases {
        for warning in check::warnings(&case.world) {
            found.entry(warning).or_default().push(&case.name);
        }
    }
    let named = |(warning, names): (String, Vec<&str>)| {
        if names.contains(&UNMITIGATED) { warning } else { format!("{warning} (only in {})", names.join(", ")) }
    };
    found.into_iter().map(named).collect()
}
