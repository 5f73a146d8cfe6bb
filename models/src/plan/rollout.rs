//! Rollouts, compiled: whose weights a controller changes, and what it looks at.

use super::monitor::Condition;
use super::{Action, Checker, MonitorPlan, Plan, Signal, Source, SplitId, rank};
use crate::rollout::{self, AnalysisSpec, Health, Leg, Times};
use crate::spec::{self, BlueGreen, Canary, Rollout};
use crate::units::Duration;
use squall_sim::{Span, Time};

/// A controller of a rollout.
#[derive(Clone, Debug)]
pub(crate) struct RolloutPlan {
    pub(crate) name: String,
    pub(crate) split: SplitId,
    /// The side that gets the traffic, and the one that has it; of a canary the latter is any other.
    pub(crate) sides: [u32; 2],
    pub(crate) at: Option<Time>,
    pub(crate) analysis: Option<AnalysisSpec>,
    /// What is checked of each of the two sides when it is the new one.
    pub(crate) checks: [Vec<CheckPlan>; 2],
    /// The cache that is filled before a switch.
    pub(crate) warm: Option<super::CacheId>,
    pub(crate) kind: RolloutKind,
}

#[derive(Clone, Debug)]
pub(crate) enum RolloutKind {
    Canary { legs: Vec<Leg>, deadline: Option<Span> },
    BlueGreen { times: Times, health: Option<Health> },
}

/// A condition that no check may find.
#[derive(Clone, Debug)]
pub(crate) struct CheckPlan {
    pub(crate) condition: Condition,
    /// Calls to the new side, and how many of them there have to be in the window.
    pub(crate) samples: (Signal, Span, f64),
}

/// What somebody can ask of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Switch,
    Promote,
    RollBack,
    Interrupt,
}

impl Wish {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Promote => "promote",
            Self::RollBack => "rollback",
            Self::Interrupt => "interrupt",
        }
    }
}

impl Plan {
    pub(super) fn compile_rollouts(
        &mut self,
        world: &spec::World,
        monitor: &mut MonitorPlan,
        checker: &mut Checker<'_>,
    ) {
        for (name, rollout) in &world.rollouts {
            let path = format!("rollouts.{name}");
            let (kind, analysis) = match rollout {
                Rollout::Canary(spec) => ("canary", &spec.analysis),
                Rollout::BlueGreen(spec) => ("blue_green", &spec.analysis),
            };
            let wrong = analysis.as_ref().map(rollout::check).unwrap_or_default();
            checker.found(&format!("{path}.{kind}.analysis"), wrong);
            let plan = match rollout {
                Rollout::Canary(spec) => self.canary(world, name, (&format!("{path}.canary"), spec), monitor, checker),
                Rollout::BlueGreen(spec) => {
                    self.blue_green(world, name, (&format!("{path}.blue_green"), spec), monitor, checker)
                }
            };
            self.rollouts.extend(plan);
        }
        for (at, first) in self.rollouts.iter().enumerate() {
            if let Some(second) = self.rollouts[at + 1..].iter().find(|second| second.split == first.split) {
                let rule = format!("`{}` changes the weights of the same split", first.name);
                checker.problem(format!("rollouts.{}", second.name), rule, "let one controller do it");
            }
        }
    }

    fn canary(
        &self,
        world: &spec::World,
        name: &str,
        (path, spec): (&str, &Canary),
        monitor: &mut MonitorPlan,
        checker: &mut Checker<'_>,
    ) -> Option<RolloutPlan> {
        let split = self.split_named(&format!("{path}.split"), &spec.split, checker)?;
        let side = self.side_named(&format!("{path}.side"), split, &spec.side, checker)?;
        let weights = &self.splits[split.at()].weights;
        let others = (0..weights.len()).find(|other| *other != side as usize && weights[*other] > 0.0);
        let Some(other) = others else {
            let rule = format!("no other side of `{}` has a weight that the rest could be shared by", spec.split);
            checker.problem(format!("{path}.side"), rule, "give the old version a weight, and the new one 0");
            return None;
        };
        checker.count(format!("{path}.steps"), spec.steps.len() as u64);
        let flagger = matches!(spec.analysis, Some(AnalysisSpec::Flagger(_)));
        for (at, step) in spec.steps.iter().enumerate() {
            if flagger && step.pause.is_some() {
                let rule = "with `flagger` a step lasts until the next check that passes";
                checker.problem(format!("{path}.steps.{at}.pause"), rule, "leave it out");
            }
        }
        if let Some(deadline) = spec.deadline {
            checker.span(format!("{path}.deadline"), deadline);
            if spec.analysis.is_none() {
                let rule = "without an `analysis` nobody looks whether the new side is ready";
                checker.problem(format!("{path}.deadline"), rule, "add one, or leave it out");
            }
        }
        let leg =
            |step: &spec::CanaryStep| Leg { share: step.weight.get(), pause: step.pause.map(|pause| pause.span()) };
        let checks = self.checks(world, path, (split, side), spec.analysis.as_ref(), monitor, checker);
        Some(RolloutPlan {
            name: name.to_owned(),
            split,
            sides: [side, other as u32],
            at: self.beginning(path, spec.at, checker),
            analysis: spec.analysis.clone(),
            checks: [checks, Vec::new()],
            warm: None,
            kind: RolloutKind::Canary {
                legs: spec.steps.iter().map(leg).collect(),
                deadline: spec.deadline.map(|deadline| deadline.span()),
            },
        })
    }

    fn blue_green(
        &self,
        world: &spec::World,
        name: &str,
        (path, spec): (&str, &BlueGreen),
        monitor: &mut MonitorPlan,
        checker: &mut Checker<'_>,
    ) -> Option<RolloutPlan> {
        let split = self.split_named(&format!("{path}.split"), &spec.split, checker)?;
        let to = self.side_named(&format!("{path}.to"), split, &spec.to, checker)?;
        let from = self.side_named(&format!("{path}.from"), split, &spec.from, checker)?;
        let plan = &self.splits[split.at()];
        let rest = (0..).zip(plan.weights.iter()).any(|(side, weight)| side != from && *weight > 0.0);
        if from == to || rest || plan.sides.len() != 2 {
            let rule = format!("at the beginning, `{}` has to have all the traffic of two sides", spec.from);
            checker.problem(format!("{path}.from"), rule, "give it a weight of 100 in the split, and the other one 0");
        }
        let flagger = matches!(spec.analysis, Some(AnalysisSpec::Flagger(_)));
        if spec.analysis.is_some() && (spec.validate.span().is_zero() || flagger) {
            let (rule, remedy) = if flagger {
                ("`flagger` goes step by step, which a switch does not", "use `consecutive` or `argo`")
            } else {
                ("without a time to validate nobody looks at what is analysed", "set `validate`")
            };
            checker.problem(format!("{path}.analysis"), rule, remedy);
        }
        checker.within(format!("{path}.parts"), spec.parts.into(), 1, 10_000);
        let warm = spec.warm.as_ref().and_then(|warm| {
            checker.span(format!("{path}.warm.for"), warm.r#for);
            let id = checker.cache(&format!("{path}.warm.cache"), &warm.cache)?;
            if world.caches[&warm.cache].warm.is_empty() {
                let rule = format!("the cache `{}` has no `warm` jobs", warm.cache);
                checker.problem(format!("{path}.warm.cache"), rule, "give it some");
            }
            Some(id)
        });
        if spec.scale_down_delay.is_some() {
            self.managed(path, &spec.from, checker);
        }
        let health = spec.gate.as_ref().map(|gate| Health {
            ready: gate.ready.get(),
            checks: gate.checks.max(1),
            every: checker.span(format!("{path}.gate.every"), gate.every),
            within: gate.within.span(),
        });
        let mut checks = |side| self.checks(world, path, (split, side), spec.analysis.as_ref(), monitor, checker);
        let checks = [checks(to), checks(from)];
        let times = Times {
            warm: spec.warm.as_ref().map(|warm| warm.r#for.span()),
            over: (spec.over.span(), spec.parts.max(1)),
            validate: spec.validate.span(),
            scale_down: spec.scale_down_delay.map(|delay| delay.span()),
        };
        Some(RolloutPlan {
            name: name.to_owned(),
            split,
            sides: [to, from],
            at: self.beginning(path, spec.at, checker),
            analysis: spec.analysis.clone(),
            checks,
            warm,
            kind: RolloutKind::BlueGreen { times, health },
        })
    }

    fn beginning(&self, path: &str, at: Option<Duration>, checker: &mut Checker<'_>) -> Option<Time> {
        let at = at?;
        if at.span() >= self.settings.duration {
            let rule = format!("it begins at {at}, when the run of {} is over", self.settings.duration);
            checker.problem(format!("{path}.at"), rule, "begin earlier, or set a longer `run.duration`");
        }
        Some(Time::ZERO + at.span())
    }

    /// What is checked of a side when it is the new one.
    fn checks(
        &self,
        world: &spec::World,
        path: &str,
        (split, side): (SplitId, u32),
        analysis: Option<&AnalysisSpec>,
        monitor: &mut MonitorPlan,
        checker: &mut Checker<'_>,
    ) -> Vec<CheckPlan> {
        let Some(analysis) = analysis else { return Vec::new() };
        let path = format!("{path}.analysis");
        let (tag, sentences, over, least) = analysis.conditions();
        let plan = &self.splits[split.at()];
        let (of_split, service) =
            (format!("splits.{}.{}", plan.name, plan.sides[side as usize].name), &plan.sides[side as usize].name);
        let mut checks = Vec::new();
        for (at, sentence) in sentences.iter().enumerate() {
            let path = format!("{path}.{tag}");
            let (metric, rest) = sentence.split_once(' ').unwrap_or((sentence, ""));
            let whole = match metric.split('.').next() {
                Some("clients" | "services" | "pools" | "caches" | "splits" | "edges") => sentence.clone(),
                _ if self.of_side(split, side).iter().any(|(name, ..)| *name == metric) => {
                    format!("{of_split}.{metric} {rest}")
                }
                _ => format!("services.{service}.{metric} {rest}"),
            };
            let paths = (format!("{path}.fail_when.{at}"), format!("{path}.over"));
            if let Some(condition) = self.condition(world, (&paths.0, &paths.1), (&whole, over), monitor, checker) {
                let window = condition.over.unwrap_or(super::monitor::USUAL);
                monitor.keep = monitor.keep.max(window);
                let calls =
                    monitor.signal(&of_split, None, &super::signal::Formula::Rate(Source::SideCalls(split, side)));
                checks.push(CheckPlan { condition, samples: (calls, window, least as f64) });
            }
        }
        checks
    }

    /// A rollout by its name.
    pub(super) fn wish(
        &self,
        world: &spec::World,
        path: &str,
        (name, wish): (&str, Wish),
        checker: &mut Checker<'_>,
    ) -> Option<Action> {
        let Some(rollout) = rank(&world.rollouts, name) else {
            let known = world.rollouts.keys().map(String::as_str);
            let remedy = crate::problem::did_you_mean(name, known, "rollouts");
            checker.problem(format!("{path}.rollout"), format!("there is no rollout `{name}`"), remedy);
            return None;
        };
        Some(Action::Roll { rollout, wish })
    }
}
