//! What is known of a system from outside, what wakes somebody, and what they then do.

use super::{Action, Distribution, Named};
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is measured of the system, and what alerts come of it. Alerts see what has been scraped, and nothing else.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monitoring {
    /// How values get from the system to those who look at them.
    #[serde(default)]
    pub scrape: Scrape,
    /// How often alerts are evaluated, from the beginning of the run; after the scrape where both are due at once.
    #[serde(default = "quarter_minute")]
    pub evaluate: Duration,
    /// Other names of metrics for `expr`: each stands for a selector of something that is exposed, as in
    /// `http_requests_total: squall_client_requests_total{client="web"}`.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub metrics: Named<String>,
    /// Alerts by name.
    #[serde(default)]
    pub alerts: Named<AlertRule>,
}

/// How values get from the system to those who look at them.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scrape {
    /// How often each component is asked, from the beginning of the run.
    #[serde(default = "quarter_minute")]
    pub every: Duration,
    /// How long it takes until what was scraped can be seen; no time by default. It keeps the time of the scrape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Distribution>,
    /// The share of scrapes of a component that fail; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Share>,
}

/// A condition over what was scraped, and how long it has to hold.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// What it is about, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How bad it is, for those who answer sooner when it is worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// A sentence: `pools.api.db.utilisation > 95%`, or `clients.web.failure absent` for no data at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Instead of `when`, an expression in PromQL: `rate(squall_client_requests_total[1m]) > 3 * rate(…[5m])`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    /// The window that `when` looks at. By default a minute for what is counted (rates, shares, latencies), and only the newest
    /// value of what is measured at an instant (utilisation, queues, memory), which is averaged over the window if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Duration>,
    /// How long it has to hold, at every evaluation, before the alert fires; by default it fires at once.
    #[serde(default = "no_time")]
    pub r#for: Duration,
    /// For how long it fires on when it no longer holds; not at all by default.
    #[serde(default = "no_time")]
    pub keep_firing_for: Duration,
}

/// Somebody, or a loop in a program, that answers alerts by a runbook.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Who it is, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The alerts that call for it, when they begin to fire. May be empty for somebody to whom others escalate.
    #[serde(default)]
    pub on: Vec<String>,
    /// It looks at those alerts by itself, this often from the beginning of the run, instead of being called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// How long it takes from the call to the first step; no time by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Distribution>,
    /// How long it takes if the alert that calls has this severity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub responses: BTreeMap<Severity, Distribution>,
    /// If nothing has been begun this long after the call, `escalate_to` is called instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_after: Option<Duration>,
    /// What is done wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mistakes: Option<Mistakes>,
    /// What is done, in this order.
    pub steps: Vec<OperatorStep>,
    /// Stop before the next step as soon as all alerts that it was called for are known to be over; by default the steps are followed
    /// to their end.
    #[serde(default)]
    pub until_over: bool,
    /// This long after the last step it begins again if one of its alerts still fires. By default it waits to be called again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_after: Option<Duration>,
    /// Who is called by an `else: escalate`, or after `escalate_after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_to: Option<String>,
}

/// How bad an alert is, 1 the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Critical.
    P1,
    /// High.
    P2,
    /// Medium.
    P3,
    /// Low.
    P4,
}

/// What somebody does wrong. It is drawn for each `do` step anew.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mistakes {
    /// The share of steps that are forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<Share>,
    /// The share of steps in whose place one of `instead` is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Share>,
    /// The wrong things, each as likely as the others: the wrong step, or the right one on the wrong service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instead: Vec<Action>,
}

/// A step of a runbook.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OperatorStep {
    /// Does something to the system.
    Do(Action),
    /// Waits.
    Wait(Duration),
    /// Waits until an alert is over. One about which nothing is known is not over.
    Until(Until),
}

/// Waits until an alert is over.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// The alert.
    pub resolved: String,
    /// How long to wait for it at most; by default it has to be over now.
    #[serde(default = "no_time")]
    pub within: Duration,
    /// What if it is not; `stop` by default.
    #[serde(default)]
    pub r#else: Otherwise,
}

/// What becomes of a runbook whose alert is not over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// It ends here.
    #[default]
    Stop,
    /// It ends here, and `escalate_to` is called.
    Escalate,
    /// The next step follows all the same.
    GoOn,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self { scrape: Scrape::default(), evaluate: quarter_minute(), metrics: Named::new(), alerts: Named::new() }
    }
}

impl Default for Scrape {
    fn default() -> Self {
        Self { every: quarter_minute(), delay: None, loss: None }
    }
}

fn quarter_minute() -> Duration {
    Duration::from_seconds(15.0)
}

fn no_time() -> Duration {
    Duration::from_seconds(0.0)
}
