//! What all rate limits have in common: whose calls they count together, and what they say to those they turn away.

/// Declares a member's `Spec`: its own fields, and those that all have.
macro_rules! member {
    ($(#[$about:meta])* { $($fields:tt)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Spec {
            $($fields)*
            /// Count the calls of each client apart (a client of the scenario, with all its instances); otherwise all count
            /// together.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub per_client: bool,
            /// One count for all replicas, as in a Redis that they share; otherwise each replica counts for itself.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub shared: bool,
            /// Tell whom it turns away when to come back, so that a retry that listens waits for so long.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub retry_after: bool,
        }
    };
}

pub(super) use member;
