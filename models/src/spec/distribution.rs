//! How long something takes, as a user writes it.

use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

scalar_or_tagged! {
    /// How long something takes: a plain duration (`10ms`, always the same) or a distribution by name.
    Distribution(Law), Duration,
    "a duration such as `10ms`, or a distribution such as `{exponential: {mean: 10ms}}`", Law::Constant
}

/// A distribution by name.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Law {
    /// Always the same.
    Constant(Duration),
    /// Between two bounds, each value as likely as every other.
    Uniform {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// Memoryless; standard deviation equal to the mean.
    Exponential {
        /// The mean.
        mean: Duration,
    },
    /// The bell curve, drawn again below zero (so the true mean lies above `mean` when `sd` is large).
    Normal {
        /// The mean before truncation.
        mean: Duration,
        /// The standard deviation before truncation.
        sd: Duration,
    },
    /// Skewed to the right, as most measured latencies are. Give median and p99, or mean and cv.
    Lognormal {
        /// Half of the values are below.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        median: Option<Duration>,
        /// 99 % of the values are below.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        p99: Option<Duration>,
        /// The mean.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mean: Option<Duration>,
        /// Coefficient of variation: standard deviation over mean.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cv: Option<f64>,
    },
    /// Gamma by mean and cv; below cv 1 more regular than exponential, above it more bursty.
    Gamma {
        /// The mean.
        mean: Duration,
        /// Coefficient of variation: standard deviation over mean.
        cv: f64,
    },
    /// The sum of `stages` exponentials.
    Erlang {
        /// The mean of the whole.
        mean: Duration,
        /// How many exponential stages.
        stages: u32,
    },
    /// Weibull by shape and scale; a shape below 1 has a heavy tail.
    Weibull {
        /// The shape.
        shape: f64,
        /// The scale: 63.2 % of the values are below.
        scale: Duration,
    },
    /// Power-law tail; infinite variance at a shape of 2 and below, infinite mean at 1 and below.
    Pareto {
        /// The tail's exponent.
        shape: f64,
        /// The smallest value.
        min: Duration,
        /// Cuts the tail off here (the bounded Pareto distribution).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Duration>,
    },
    /// Two exponential phases with balanced means: more variable than exponential.
    Hyperexponential {
        /// The mean.
        mean: Duration,
        /// Coefficient of variation, above 1.
        cv: f64,
    },
    /// One of several distributions, by weight.
    Mixture(Vec<Component>),
    /// Read from a CSV file of measured samples or quantiles.
    Empirical {
        /// A file relative to the scenario file. One column: samples. Two columns: quantile (0 to 1), value.
        file: String,
        /// The unit of the values in the file, for example `1ms`.
        unit: Duration,
        /// What was read; filled in by the reader, not by the user.
        #[serde(skip)]
        table: Option<Quantiles>,
    },
}

/// What an empirical file held, in units of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantiles {
    /// Measured values.
    Samples(Vec<f64>),
    /// Pairs of quantile (0 to 1) and value.
    Points(Vec<(f64, f64)>),
}

/// One part of a mixture.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// How often this part is drawn, in relation to the other weights.
    pub weight: f64,
    /// What is then drawn.
    pub of: Distribution,
}
