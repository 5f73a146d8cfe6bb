//! The `HorizontalPodAutoscaler` of Kubernetes.
//!
//! Source: `pkg/controller/podautoscaler/replica_calculator.go` (how many replicas a metric asks for) and `horizontal.go`
//! (stabilisation, limits on the speed of scaling), with the defaults of `apis/autoscaling/v2/defaults.go` and of the
//! controller manager's flags.

use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Bounds, targets and speed. Of several targets the one that asks for the most replicas counts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// At least so many; 1 by default.
    #[serde(default = "one")]
    pub min: u32,
    /// At most so many.
    pub max: u32,
    /// The share of its workers or cores that a replica should work with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Share>,
    /// The share of its memory's limit that a replica should use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Share>,
    /// Calls that should wait in a replica's queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<f64>,
    /// Calls that should be served by a replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<f64>,
    /// Series of the metrics plane, as an adapter for Prometheus hands them on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external: Vec<External>,
    /// How often it decides; `15s` by default.
    #[serde(default = "fifteen_seconds")]
    pub sync: Duration,
    /// How often measurements are made; it decides by the latest. `15s` by default.
    #[serde(default = "fifteen_seconds")]
    pub resolution: Duration,
    /// A difference from the target up to this share is left alone; `10%` by default.
    #[serde(default = "tenth")]
    pub tolerance: Share,
    /// Releases before 1.33 compare the difference itself, which in floating-point numbers scales at exactly 110 %; `false`
    /// by default.
    #[serde(default)]
    pub before_1_33: bool,
    /// It goes down to the highest number that was asked for in so long; `5m` by default.
    #[serde(default = "five_minutes")]
    pub stabilisation: Duration,
    /// For so long after its start, a replica that is not ready does not count for `cpu`; `5m` by default.
    #[serde(default = "five_minutes")]
    pub cpu_initialization: Duration,
    /// How fast it scales. Without it, at most to twice as many (or 4) in one step up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<Behavior>,
}

fn one() -> u32 {
    1
}

fn fifteen_seconds() -> Duration {
    Duration::from_seconds(15.0)
}

fn five_minutes() -> Duration {
    Duration::from_seconds(300.0)
}

fn tenth() -> Share {
    Share::new(0.1)
}

/// A metric that is not of the replicas themselves: what has been scraped of anything. Give one of the two targets.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// In PromQL; what it gives is added up.
    pub query: String,
    /// What it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What it should be for each replica that is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_value: Option<f64>,
}

/// How fast it scales, in both directions.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behavior {
    /// Upwards; by default 4 replicas or as many again in 15 s, whichever is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<Rules>,
    /// Downwards; by default all in 15 s, after `stabilisation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Rules>,
}

/// How fast it scales in one direction.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// It goes only as far as everything that was asked for in so long agrees to; at once upwards by default, after the
    /// autoscaler's `stabilisation` downwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stabilisation: Option<Duration>,
    /// Which limit counts; the widest by default.
    #[serde(default)]
    pub select: Select,
    /// The limits.
    pub policies: Vec<Limit>,
}

/// Which of several limits counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The one that allows the largest change.
    #[default]
    Max,
    /// The one that allows the smallest.
    Min,
    /// It never scales in this direction.
    Disabled,
}

/// A limit on the change in some time.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Limit {
    /// So many replicas.
    Pods {
        /// How many.
        count: u32,
        /// In how long.
        per: Duration,
    },
    /// So many for each hundred that there were.
    Percent {
        /// How many for each hundred.
        count: u32,
        /// In how long.
        per: Duration,
    },
}

impl Spec {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::of("k8s_hpa_v2");
        problems.count(self.min.into(), 1, self.max.into(), "min").count(self.max.into(), 1, 10_000, "max");
        problems.positive(self.sync, "sync").positive(self.resolution, "resolution");
        let targets = self.cpu.is_some() || self.memory.is_some() || self.queue.is_some() || self.in_flight.is_some();
        let targets = targets || !self.external.is_empty();
        problems.require(
            targets,
            "max",
            "it has no target to go by",
            "give it `cpu`, `memory`, `queue`, `in_flight` or `external`",
        );
        for (target, field) in [(self.cpu, "cpu"), (self.memory, "memory")] {
            let fine = target.is_none_or(|share| share.get() >= 0.01);
            problems.require(fine, field, "the target is below 1 %", "80% is the default of Kubernetes");
        }
        for (target, field) in [(self.queue, "queue"), (self.in_flight, "in_flight")] {
            let fine = target.is_none_or(|target| (0.001..1e9).contains(&target));
            problems.require(fine, field, "the target is not above zero", "name a number of calls, such as 10");
        }
        for (at, external) in self.external.iter().enumerate() {
            let target = external.value.xor(external.average_value);
            let fine = target.is_some_and(|target| (0.001..1e12).contains(&target));
            let rule = "it needs one target, above zero";
            problems.require(fine, &format!("external.{at}"), rule, "give it either `value` or `average_value`");
        }
        for (rules, field) in [
            (self.behavior.as_ref().and_then(|b| b.up.as_ref()), "behavior.up"),
            (self.behavior.as_ref().and_then(|b| b.down.as_ref()), "behavior.down"),
        ] {
            let fine = rules.is_none_or(|rules| rules.select == Select::Disabled || !rules.policies.is_empty());
            problems.require(fine, field, "it has no limits", "name one, or leave the direction out");
        }
        problems.into_found()
    }
}

/// A replica as one metric shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// What it uses; none if nothing was measured yet.
    pub usage: Option<u64>,
    /// What it should use at 100 % of the target, in the same unit.
    pub request: u64,
    /// Whether it counts as ready for this metric.
    pub ready: bool,
}

/// How a metric is held against its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// In percent of what was requested.
    pub percent: u64,
    /// A difference up to this is left alone.
    pub tolerance: f64,
    /// The comparison of releases before 1.33.
    pub before_1_33: bool,
}

impl Target {
    /// The share of the target in use. Utilisation is a whole number of percent.
    fn ratio(&self, usage: u64, request: u64) -> Option<f64> {
        let percent = (usage * 100).checked_div(request)?;
        Some(percent as f64 / self.percent as f64)
    }

    fn tolerates(&self, ratio: f64) -> bool {
        if self.before_1_33 {
            (1.0 - ratio).abs() <= self.tolerance
        } else {
            (1.0 - self.tolerance..=1.0 + self.tolerance).contains(&ratio)
        }
    }

    /// How many replicas one metric asks for; none if nothing is known.
    #[must_use]
    pub fn replicas(&self, current: u32, pods: &[Pod]) -> Option<u32> {
        let ready = || pods.iter().filter(|pod| pod.ready);
        let known = || ready().filter_map(|pod| pod.usage.map(|usage| (usage, pod.request)));
        let count = known().count();
        let (usage, request) = known().fold((0, 0), |sum, pod| (sum.0 + pod.0, sum.1 + pod.1));
        let ratio = self.ratio(usage, request).filter(|_| count > 0)?;
        let missing = || ready().filter(|pod| pod.usage.is_none());
        let unready = || pods.iter().filter(|pod| !pod.ready);
        let with_unready = ratio > 1.0 && unready().next().is_some();
        if !with_unready && missing().next().is_none() {
            return Some(if self.tolerates(ratio) { current } else { ceil(ratio * count as f64) });
        }
        // What is not known is assumed to be such that less happens.
        let (mut usage, mut request, mut count) = (usage, request, count);
        if ratio != 1.0 {
            for pod in missing() {
                usage += if ratio < 1.0 { pod.request * self.percent.max(100) / 100 } else { 0 };
                request += pod.request;
                count += 1;
            }
        }
        if with_unready {
            request += unready().map(|pod| pod.request).sum::<u64>();
            count += unready().count();
        }
        let again = self.ratio(usage, request)?;
        if self.tolerates(again) || (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0) {
            return Some(current);
        }
        let wanted = ceil(again * count as f64);
        let backwards = (again < 1.0 && wanted > current) || (again > 1.0 && wanted < current);
        Some(if backwards { current } else { wanted })
    }
}

impl External {
    /// How many replicas it asks for, with so many wanted now and so many of them ready.
    #[must_use]
    pub fn replicas(&self, found: f64, (current, ready): (u32, u32), target: &Target) -> u32 {
        // Kubernetes counts in thousandths.
        let thousandths = |number: f64| (number * 1000.0).round();
        let found = thousandths(found);
        if let Some(average) = self.average_value.map(thousandths) {
            let ratio = found / (average * f64::from(current));
            return if target.tolerates(ratio) { current } else { ceil(found / average) };
        }
        let ratio = found / thousandths(self.value.unwrap_or(f64::INFINITY));
        if target.tolerates(ratio) { current } else { ceil(ratio * f64::from(ready)) }
    }
}

/// What it remembers from one decision to the next.
#[derive(Clone, Debug, Default)]
pub struct Scaler {
    /// What was asked for, and when.
    asked: Vec<(Time, u32)>,
    /// By how many it went up, and down.
    ups: Vec<(Time, u32)>,
    downs: Vec<(Time, u32)>,
}

impl Scaler {
    /// How many replicas there are to be, when a metric asks for so many.
    pub fn decide(&mut self, spec: &Spec, now: Time, current: u32, asked: u32) -> u32 {
        let wanted = match &spec.behavior {
            None => self.plainly(spec, now, current, asked),
            Some(behavior) => self.behaving(spec, behavior, now, current, asked),
        };
        let wanted = wanted.clamp(spec.min, spec.max);
        match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => self.ups.push((now, wanted - current)),
            std::cmp::Ordering::Less => self.downs.push((now, current - wanted)),
            std::cmp::Ordering::Equal => {}
        }
        wanted
    }

    fn plainly(&mut self, spec: &Spec, now: Time, current: u32, asked: u32) -> u32 {
        let window = spec.stabilisation.span();
        self.asked.retain(|(at, _)| now.since(*at) <= window);
        let highest = self.asked.iter().map(|(_, asked)| *asked).max().unwrap_or(0).max(asked);
        self.asked.push((now, asked));
        highest.min((2 * current).max(4))
    }

    fn behaving(&mut self, spec: &Spec, behavior: &Behavior, now: Time, current: u32, asked: u32) -> u32 {
        let (up, down) =
            (behavior.up.clone().unwrap_or_else(Rules::up), behavior.down.clone().unwrap_or_else(Rules::down));
        let up_window = up.stabilisation.map_or(Span::ZERO, |window| window.span());
        let down_window = down.stabilisation.unwrap_or(spec.stabilisation).span();
        self.asked.retain(|(at, _)| now.since(*at) < up_window.max(down_window));
        let within = |window: Span| {
            let asked = self.asked.iter().filter(move |(at, _)| now.since(*at) < window);
            asked.map(|(_, asked)| *asked)
        };
        let lowest = within(up_window).min().unwrap_or(asked).min(asked);
        let highest = within(down_window).max().unwrap_or(asked).max(asked);
        self.asked.push((now, asked));
        let wanted = current.max(lowest).min(highest);
        let longest = up.policies.iter().chain(&down.policies).map(|limit| limit.per()).max().unwrap_or(Span::ZERO);
        self.ups.retain(|(at, _)| now.since(*at) < longest);
        self.downs.retain(|(at, _)| now.since(*at) < longest);
        if wanted > current {
            wanted.min(up.most(current, |per| self.at_start_of(per, now, current)))
        } else {
            wanted.max(down.least(current, |per| self.at_start_of(per, now, current)))
        }
    }

    /// How many there were so long ago, but for what others have changed.
    fn at_start_of(&self, per: Span, now: Time, current: u32) -> u32 {
        let of = |changes: &[(Time, u32)]| {
            let recent = changes.iter().filter(|(at, _)| now.since(*at) < per);
            recent.map(|(_, count)| *count).sum::<u32>()
        };
        (current + of(&self.downs)).saturating_sub(of(&self.ups))
    }
}

impl Rules {
    fn up() -> Self {
        let per = fifteen_seconds();
        let policies = vec![Limit::Pods { count: 4, per }, Limit::Percent { count: 100, per }];
        Self { stabilisation: None, select: Select::Max, policies }
    }

    fn down() -> Self {
        let policies = vec![Limit::Percent { count: 100, per: fifteen_seconds() }];
        Self { stabilisation: None, select: Select::Max, policies }
    }

    /// The most that it may go up to.
    fn most(&self, current: u32, start: impl Fn(Span) -> u32) -> u32 {
        let limits = self.policies.iter().map(|limit| match *limit {
            Limit::Pods { count, per } => start(per.span()).saturating_add(count),
            Limit::Percent { count, per } => ceil(f64::from(start(per.span())) * (1.0 + f64::from(count) / 100.0)),
        });
        let limit = match self.select {
            Select::Max => limits.max(),
            Select::Min => limits.min(),
            Select::Disabled => None,
        };
        limit.unwrap_or(current).max(current)
    }

    /// The least that it may go down to.
    fn least(&self, current: u32, start: impl Fn(Span) -> u32) -> u32 {
        let limits = self.policies.iter().map(|limit| match *limit {
            Limit::Pods { count, per } => start(per.span()).saturating_sub(count),
            Limit::Percent { count, per } => {
                (f64::from(start(per.span())) * (1.0 - f64::from(count) / 100.0)).max(0.0) as u32
            }
        });
        let limit = match self.select {
            Select::Max => limits.min(),
            Select::Min => limits.max(),
            Select::Disabled => None,
        };
        limit.unwrap_or(current).min(current)
    }
}

impl Limit {
    fn per(&self) -> Span {
        match self {
            Self::Pods { per, .. } | Self::Percent { per, .. } => per.span(),
        }
    }
}

fn ceil(number: f64) -> u32 {
    number.ceil() as u32
}
