//! What sets the number of replicas of a service.

pub mod k8s_hpa_v2;

use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An autoscaler. It sees measurements that are some seconds old, and what it decides takes as long as replicas take to
/// boot.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// The `HorizontalPodAutoscaler` of Kubernetes, version 2.
    K8sHpaV2(k8s_hpa_v2::Spec),
}

impl Spec {
    /// The most replicas that it will ever want.
    #[must_use]
    pub const fn most(&self) -> u32 {
        match self {
            Self::K8sHpaV2(spec) => spec.max,
        }
    }

    /// What is wrong in its numbers; paths begin at the autoscaler.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        match self {
            Self::K8sHpaV2(spec) => spec.problems(),
        }
    }
}
