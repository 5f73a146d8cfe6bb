//! Splits, compiled: the sides, and each caller's way to every one of them.

use super::{Action, Checker, ClientId, EdgeId, Effect, EndpointId, Plan, ServiceId, rank};
use crate::spec::{self, State};
use squall_sim::Span;
use squall_sim::random::{Place, Purpose};
use std::sync::Arc;

/// Sides that one split can have: each session keeps a bit for each of them.
const MOST_SIDES: u64 = 8;

#[derive(Clone, Debug)]
pub(crate) struct SplitPlan {
    pub(crate) name: String,
    /// In the order of their names.
    pub(crate) sides: Vec<SidePlan>,
    /// At the beginning, one for each side.
    pub(crate) weights: Arc<[f64]>,
    /// How long it takes until everybody has heard of new ones.
    pub(crate) ttl: Span,
    pub(crate) state: State,
    /// Where it is drawn at which moment of the TTL somebody asks.
    pub(crate) refresh_place: Place,
}

#[derive(Clone, Debug)]
pub(crate) struct SidePlan {
    pub(crate) name: String,
    pub(crate) service: ServiceId,
    /// Where it is drawn how much somebody wants to come here.
    pub(crate) place: Place,
    /// Those that lead here, of all callers.
    pub(crate) edges: Vec<EdgeId>,
}

/// A caller's ways to the sides of a split.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    pub(crate) split: super::SplitId,
    /// One for each side.
    pub(crate) to: Vec<(EdgeId, EndpointId)>,
}

impl Plan {
    pub(super) fn compile_splits(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        for (name, split) in &world.splits {
            let path = format!("splits.{name}");
            if world.services.contains_key(name) || world.clients.contains_key(name) {
                let rule = format!("`{name}` is a service or a client already");
                checker.problem(&path, rule, "give the split a name of its own");
            }
            checker.within(format!("{path}.weights"), split.weights.len() as u64, 2, MOST_SIDES);
            check_weights(&format!("{path}.weights"), split.weights.values(), checker);
            let side = |side: &String, checker: &mut Checker<'_>| {
                Some(SidePlan {
                    name: side.clone(),
                    service: checker.service(&format!("{path}.weights.{side}"), side)?,
                    place: Place::named(&format!("{path}.{side}"), Purpose::Choose),
                    edges: Vec::new(),
                })
            };
            let sides: Vec<SidePlan> = split.weights.keys().filter_map(|name| side(name, checker)).collect();
            if split.state != State::Shared && world.clients.values().all(|client| client.sessions.is_none()) {
                let rule = "no client has sessions that could be lost";
                let remedy = "give a client `sessions`, or leave `state` out";
                checker.missing(format!("{path}.state"), rule, remedy, &["clients".to_owned()]);
            }
            self.splits.push(SplitPlan {
                name: name.clone(),
                sides,
                weights: split.weights.values().copied().collect(),
                ttl: split.ttl.map_or(Span::ZERO, |ttl| checker.span(format!("{path}.ttl"), ttl)),
                state: split.state,
                refresh_place: Place::named(&path, Purpose::Wait),
            });
        }
        if world.splits.is_empty()
            && let Some(name) = world.clients.iter().find_map(|(name, client)| client.sessions.map(|_| name))
        {
            let rule = "there is no split that sessions could stay with a side of";
            let remedy = "add one to `splits`, or leave `sessions` out";
            checker.missing(format!("clients.{name}.sessions"), rule, remedy, &["splits".to_owned()]);
        }
    }

    /// The ways to all sides of the split that `to` begins with, if it does; `edge` finds or makes the edge to a side.
    pub(super) fn ways(
        &mut self,
        world: &spec::World,
        (path, to): (&str, &str),
        checker: &mut Checker<'_>,
        mut edge: impl FnMut(&mut Self, &str, &mut Checker<'_>) -> Option<EdgeId>,
    ) -> Option<u32> {
        let (name, endpoint) = to.split_once('.')?;
        let split = super::SplitId(rank(&world.splits, name)?);
        checker.called.insert(split.0);
        let known = checker.count_problems();
        let mut ways = Vec::new();
        for side in world.splits[name].weights.keys() {
            let endpoint = checker.endpoint(path, &format!("{side}.{endpoint}"));
            let edge = edge(self, side, checker);
            ways.extend(edge.zip(endpoint));
        }
        // What is wrong with an edge is wrong for every side, and said once.
        checker.say_once(known);
        if ways.len() != self.splits[split.at()].sides.len() {
            return None;
        }
        for (side, (edge, _)) in self.splits[split.at()].sides.iter_mut().zip(&ways) {
            if !side.edges.contains(edge) {
                side.edges.push(*edge);
            }
        }
        self.ways.push(Ways { split, to: ways });
        Some(self.ways.len() as u32 - 1)
    }

    /// Declared but unused is an error: a user would believe that it does something.
    pub(super) fn unused_splits(&self, checker: &mut Checker<'_>) {
        for (split, id) in self.splits.iter().zip(0..) {
            if !checker.called.contains(&id) {
                let rule = format!("nobody calls `{}`", split.name);
                let remedy = format!("call `{}.ENDPOINT`, or take the split out", split.name);
                let uses = ["services.*.endpoints", "clients.*.to"].map(str::to_owned);
                checker.missing(format!("splits.{}", split.name), rule, remedy, &uses);
            }
        }
    }

    /// A split by its name.
    pub(super) fn split_named(&self, path: &str, name: &str, checker: &mut Checker<'_>) -> Option<super::SplitId> {
        let at = self.splits.iter().position(|split| split.name == name);
        if at.is_none() {
            let known = self.splits.iter().map(|split| split.name.as_str());
            let remedy = crate::problem::did_you_mean(name, known, "splits");
            checker.problem(path, format!("there is no split `{name}`"), remedy);
        }
        at.map(|at| super::SplitId(at as u32))
    }

    /// A side of a split by its name.
    pub(super) fn side_named(
        &self,
        path: &str,
        split: super::SplitId,
        name: &str,
        checker: &mut Checker<'_>,
    ) -> Option<u32> {
        let plan = &self.splits[split.at()];
        let at = plan.sides.iter().position(|side| side.name == name);
        if at.is_none() {
            let remedy =
                crate::problem::did_you_mean(name, plan.sides.iter().map(|side| side.name.as_str()), "its sides");
            checker.problem(path, format!("`{name}` is no side of `{}`", plan.name), remedy);
        }
        at.map(|at| at as u32)
    }

    /// New weights for a split: one for each side, 0 for those that are not named.
    pub(super) fn split_weights(
        &self,
        path: &str,
        (name, weights): (&str, &spec::Named<f64>),
        checker: &mut Checker<'_>,
    ) -> Option<(super::SplitId, Arc<[f64]>)> {
        let split = self.split_named(&format!("{path}.name"), name, checker)?;
        let path = format!("{path}.weights");
        check_weights(&path, weights.values(), checker);
        for side in weights.keys() {
            self.side_named(&format!("{path}.{side}"), split, side, checker)?;
        }
        let sides = self.splits[split.at()].sides.iter();
        Some((split, sides.map(|side| weights.get(&side.name).copied().unwrap_or(0.0)).collect()))
    }

    /// A side of a split, or all of them, loses a share of its sessions.
    pub(super) fn session_loss(
        &self,
        path: &str,
        (name, side): (&str, Option<&str>),
        share: f64,
        checker: &mut Checker<'_>,
    ) -> Option<Action> {
        let split = self.split_named(&format!("{path}.split"), name, checker)?;
        let side = match side {
            Some(side) => Some(self.side_named(&format!("{path}.side"), split, side, checker)?),
            None => None,
        };
        if self.clients.iter().all(|client| client.sessions == 0) {
            let rule = "no client has sessions that could be lost";
            checker.missing(format!("{path}.split"), rule, "give a client `sessions`", &["clients".to_owned()]);
        }
        Some(Action::LoseSessions { split, side, share, place: Place::named(path, Purpose::Fail) })
    }

    pub(super) fn uncopied(&self, path: &str, name: &str, checker: &mut Checker<'_>) -> Option<Effect> {
        let split = self.split_named(&format!("{path}.split"), name, checker)?;
        if self.splits[split.at()].state != State::Copied {
            let rule = format!("sessions of `{name}` are not copied");
            checker.problem(format!("{path}.split"), rule, "give the split `state: copied`");
        }
        Some(Effect::Uncopied(split))
    }

    /// What sessions of a client follow from, apart from their numbers.
    pub(crate) fn session_place(&self, client: ClientId) -> Place {
        self.clients[client.at()].session_place
    }
}

fn check_weights<'a>(path: &str, weights: impl Iterator<Item = &'a f64> + Clone, checker: &mut Checker<'_>) {
    let fine = |weight: &f64| (0.0..=1e12).contains(weight);
    if !weights.clone().all(fine) || !weights.clone().any(|weight| *weight > 0.0) {
        let rule = "weights are numbers from 0, not all of them 0";
        checker.problem(path, rule, "give the most important side a weight of 100");
    }
}
