//! Collecting what is wrong, so that a user hears of everything at once.

use super::{DistId, EndpointId, KeysId, Plan};
use crate::blueprint::Settings;
use crate::problem::Problem;
use crate::spec::{self, Distribution, Law, Quantiles};
use squall_sim::dist::{Dist, DistError};
use squall_sim::{Span, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Replicas, workers and the like beyond this are a slip of the finger, not a system.
const MOST: u64 = 1_000_000;
/// Beyond this many problems, remedies are no longer worked out.
const MOST_PROBLEMS: usize = 200;

/// The path of another part of the component that a path is in.
pub(crate) fn beside(path: &str, part: &str) -> String {
    let component: Vec<&str> = path.split('.').take(2).collect();
    format!("{}.{part}", component.join("."))
}

/// Collects problems, and knows every name.
pub(crate) struct Checker<'a> {
    problems: Vec<Problem>,
    /// Where names stand that nothing has.
    unresolved: Vec<String>,
    /// Splits that somebody calls.
    pub(crate) called: BTreeSet<u32>,
    world: &'a spec::World,
    services: BTreeMap<&'a str, u32>,
    endpoints: BTreeMap<(&'a str, &'a str), u32>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(world: &'a spec::World) -> Self {
        let services = world.services.keys().zip(0..).map(|(name, id)| (name.as_str(), id)).collect();
        let pairs = world
            .services
            .iter()
            .flat_map(|(service, spec)| spec.endpoints.keys().map(|endpoint| (service.as_str(), endpoint.as_str())));
        Self {
            problems: Vec::new(),
            unresolved: Vec::new(),
            called: BTreeSet::new(),
            world,
            services,
            endpoints: pairs.zip(0..).collect(),
        }
    }

    pub(crate) fn world(&self) -> &'a spec::World {
        self.world
    }

    pub(crate) fn problem(&mut self, path: impl Into<String>, rule: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem::new(path, rule, remedy));
    }

    /// Something is missing, or there for nothing, because something does not stand in any of these places.
    pub(crate) fn missing(
        &mut self,
        path: impl Into<String>,
        rule: impl Into<String>,
        remedy: impl Into<String>,
        uses: &[String],
    ) {
        self.problems.push(Problem { uses: uses.to_vec(), ..Problem::new(path, rule, remedy) });
    }

    /// A name that nothing has.
    pub(crate) fn unresolved(&mut self, path: &str, rule: String, remedy: String) {
        self.problem(path, rule, remedy);
        self.unresolved.push(path.to_owned());
    }

    /// True as long as nothing is wrong.
    pub(crate) fn is_fine(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many problems there are so far.
    pub(crate) fn count_problems(&self) -> usize {
        self.problems.len()
    }

    /// Says once what was said several times since there were `known` problems.
    pub(crate) fn say_once(&mut self, known: usize) {
        for problem in self.problems.split_off(known) {
            if !self.problems[known..].contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// Takes over what another one has found.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.unresolved.extend(other.unresolved);
        self.called.extend(other.called);
    }

    /// All problems, without what comes of a name that is misspelled.
    pub(crate) fn problems(self) -> Vec<Problem> {
        let Self { mut problems, unresolved, .. } = self;
        problems.retain(|problem| !unresolved.iter().any(|path| problem.misses(path)));
        problems
    }

    /// There are so many problems that nobody reads further ones; looking for names that are meant is left out then.
    fn meant<'n>(&self, name: &str, known: impl Iterator<Item = &'n str>, what: &str) -> String {
        if self.problems.len() > MOST_PROBLEMS {
            format!("look at the {what}")
        } else {
            crate::problem::did_you_mean(name, known, what)
        }
    }

    pub(crate) fn settings(&mut self, settings: &Settings) {
        if settings.duration.is_zero() {
            self.problem("run.duration", "the run has no length", "give it some simulated time, such as `300s`");
        }
        if settings.warmup >= settings.duration && !settings.duration.is_zero() {
            let rule = format!("the warm-up of {} takes up the whole run of {}", settings.warmup, settings.duration);
            self.problem("run.warmup", rule, "make the warm-up shorter or the run longer");
        }
        let windows = settings.duration.nanos().checked_div(settings.resolution.nanos());
        if windows.is_none_or(|windows| windows > 100_000) {
            let rule = format!("windows of {} in a run of {} are too many", settings.resolution, settings.duration);
            self.problem("run.resolution", rule, "use windows wide enough that there are at most 100000 of them");
        }
        self.within("run.limits.events", settings.limits.events, 1, 1 << 39);
        self.within("run.limits.in_flight", settings.limits.in_flight, 1, 1 << 23);
        self.within("run.limits.depth", settings.limits.depth.into(), 1, 1000);
        if let Some((from, to)) =
            settings.windows.iter().find(|(from, to)| from >= to || *to > Time::ZERO + settings.duration)
        {
            self.problem("expect", format!("the window from {from} to {to} is empty or ends after the run"), "move it");
        }
    }

    /// Problems of a part, whose paths begin at that part.
    pub(crate) fn found(&mut self, path: &str, problems: Vec<Problem>) {
        let located = |problem: Problem| Problem { path: format!("{path}.{}", problem.path), ..problem };
        self.problems.extend(problems.into_iter().map(located));
    }

    /// A count with bounds.
    pub(crate) fn within(&mut self, path: impl Into<String>, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            let rule = format!("{value} is not between {least} and {most}");
            let remedy = if value < least { format!("use at least {least}") } else { format!("use at most {most}") };
            self.problem(path, rule, remedy);
        }
    }

    /// A count of things: at least one, and not absurd.
    pub(crate) fn count(&mut self, path: impl Into<String>, value: u64) {
        self.within(path, value, 1, MOST);
    }

    /// A factor or weight: finite and above zero.
    pub(crate) fn positive(&mut self, path: impl Into<String>, value: f64) {
        if !(value > 0.0 && value <= 1e12) {
            self.problem(path, format!("{value} is not a number above zero"), "use a number such as `2` or `0.5`");
        }
    }

    /// How many times as much something takes: at least 1.
    pub(crate) fn within_factor(&mut self, path: impl Into<String>, value: f64) {
        if !(1.0..=1e6).contains(&value) {
            self.problem(path, format!("the factor {value} is not between 1 and 1000000"), "3 is three times as much");
        }
    }

    /// A span that must not be zero.
    pub(crate) fn span(&mut self, path: impl Into<String>, value: crate::units::Duration) -> Span {
        if value.span().is_zero() {
            self.problem(
                path,
                "a duration of zero makes no sense here",
                "use a duration above zero, or leave the field out",
            );
        }
        value.span()
    }

    pub(crate) fn service(&mut self, path: &str, name: &str) -> Option<super::ServiceId> {
        if let Some(&id) = self.services.get(name) {
            return Some(super::ServiceId(id));
        }
        let remedy = self.meant(name, self.services.keys().copied(), "services");
        self.unresolved(path, format!("there is no service `{name}`"), remedy);
        None
    }

    /// The endpoint `service.endpoint`.
    pub(crate) fn endpoint(&mut self, path: &str, to: &str) -> Option<EndpointId> {
        let Some((service, endpoint)) = to.split_once('.') else {
            let known: Vec<String> = self.endpoints.keys().map(|(s, e)| format!("{s}.{e}")).collect();
            let remedy = self.meant(to, known.iter().map(String::as_str), "endpoints");
            self.unresolved(path, format!("`{to}` is not of the form `service.endpoint`"), remedy);
            return None;
        };
        self.service(path, service)?;
        if let Some(&id) = self.endpoints.get(&(service, endpoint)) {
            return Some(EndpointId(id));
        }
        let known: Vec<&str> = self.world.services[service].endpoints.keys().map(String::as_str).collect();
        let remedy = self.meant(endpoint, known.into_iter(), "its endpoints");
        self.unresolved(path, format!("service `{service}` has no endpoint `{endpoint}`"), remedy);
        None
    }

    pub(crate) fn keys(&mut self, path: &str, name: &str) -> Option<KeysId> {
        let id = super::rank(&self.world.keys, name).map(KeysId);
        if id.is_none() {
            let world = self.world;
            let remedy = self.meant(name, world.keys.keys().map(String::as_str), "key sets");
            self.unresolved(path, format!("there is no key set `{name}`"), remedy);
        }
        id
    }

    pub(crate) fn cache(&mut self, path: &str, name: &str) -> Option<super::CacheId> {
        let id = super::rank(&self.world.caches, name).map(super::CacheId);
        if id.is_none() {
            let world = self.world;
            let remedy = self.meant(name, world.caches.keys().map(String::as_str), "caches");
            self.unresolved(path, format!("there is no cache `{name}`"), remedy);
        }
        id
    }

    /// Compiles a distribution; `None` after noting what is wrong with it.
    pub(crate) fn dist(&mut self, plan: &mut Plan, path: &str, spec: &Distribution) -> Option<DistId> {
        let dist = self.law(path, &spec.0)?;
        if dist.mean().is_infinite() {
            self.problem(
                path,
                "this distribution has no mean, so no load could be told from it",
                "use a larger shape, or a bounded pareto with `max`",
            );
            return None;
        }
        plan.dists.push(dist);
        Some(DistId(plan.dists.len() as u32 - 1))
    }

    fn law(&mut self, path: &str, law: &Law) -> Option<Dist> {
        let built = match law {
            Law::Constant(value) => Dist::constant(value.seconds()),
            Law::Uniform { min, max } => Dist::uniform(min.seconds(), max.seconds()),
            Law::Exponential { mean } => Dist::exponential(mean.seconds()),
            Law::Normal { mean, sd } => Dist::normal(mean.seconds(), sd.seconds()),
            Law::Lognormal { median: Some(median), p99: Some(p99), mean: None, cv: None } => {
                Dist::lognormal_median_p99(median.seconds(), p99.seconds())
            }
            Law::Lognormal { median: None, p99: None, mean: Some(mean), cv: Some(cv) } => {
                Dist::lognormal_mean_cv(mean.seconds(), *cv)
            }
            Law::Lognormal { .. } => {
                self.problem(path, "a lognormal takes two parameters", "give `median` and `p99`, or `mean` and `cv`");
                return None;
            }
            Law::Gamma { mean, cv } => Dist::gamma(mean.seconds(), *cv),
            Law::Erlang { mean, stages } => Dist::erlang(*stages, mean.seconds()),
            Law::Weibull { shape, scale } => Dist::weibull(*shape, scale.seconds()),
            Law::Pareto { shape, min, max: None } => Dist::pareto(*shape, min.seconds()),
            Law::Pareto { shape, min, max: Some(max) } => Dist::bounded_pareto(*shape, min.seconds(), max.seconds()),
            Law::Hyperexponential { mean, cv } => Dist::hyperexponential_mean_cv(mean.seconds(), *cv),
            Law::Mixture(parts) => return self.mixture(path, parts),
            Law::Empirical { unit, table, .. } => {
                let unit = unit.seconds();
                match table {
                    Some(Quantiles::Samples(values)) => {
                        Dist::empirical_samples(values.iter().map(|v| v * unit).collect())
                    }
                    Some(Quantiles::Points(points)) => {
                        Dist::empirical_quantiles(points.iter().map(|(q, v)| (*q, v * unit)).collect())
                    }
                    None => {
                        self.problem(
                            path,
                            "the file of this distribution was not read",
                            "name a CSV file that can be read",
                        );
                        return None;
                    }
                }
            }
        };
        self.built(path, built)
    }

    fn mixture(&mut self, path: &str, parts: &[spec::Component]) -> Option<Dist> {
        let laws: Option<Vec<_>> = parts
            .iter()
            .enumerate()
            .map(|(at, part)| self.law(&format!("{path}.mixture.{at}.of"), &part.of.0).map(|dist| (part.weight, dist)))
            .collect();
        let built = Dist::mixture(laws?);
        self.built(path, built)
    }

    pub(crate) fn built<T>(&mut self, path: &str, built: Result<T, DistError>) -> Option<T> {
        built
            .map_err(|error| {
                let rule = format!("`{}` is {}, but must be {}", error.field, error.value, error.rule);
                self.problem(path, rule, error.remedy);
            })
            .ok()
    }
}
