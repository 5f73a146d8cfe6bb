//! The presets: what real libraries do by default, as data files under `models/presets/`, one for each library and version.
//!
//! A preset is used as `retry: {preset: aws-standard-2026}`; its file says what a user would write instead, where each
//! value comes from, and where squall departs from the library. They are read, put in place and checked by the product.

/// One preset as it is embedded.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The key that it is used under, such as `retry`.
    pub family: &'static str,
    /// Its name, `<library>-<version>`; unique in its family.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

/// Embeds `presets/<family>.<name>.yaml` for each name of each family.
macro_rules! presets {
    ($($family:ident: [$($name:literal,)*])*) => {
        /// All presets, by family.
        pub const PRESETS: &[Preset] = &[$($(Preset {
            family: stringify!($family),
            name: $name,
            text: include_str!(concat!("../presets/", stringify!($family), ".", $name, ".yaml")),
        },)*)*];
    };
}

presets! {
    retry: [
        "aws-legacy-botocore",
        "aws-standard-2026",
        "aws-standard-2026-dynamodb",
        "aws-standard-pre2026",
        "cockatiel-3",
        "envoy-current",
        "envoy-docs-legacy",
        "envoy-retry-budget",
        "failsafe-go-0.9",
        "finagle-24",
        "google-api-core-2",
        "grpc-a6-2024",
        "grpc-pre2024",
        "istio-1.2x",
        "linkerd-2",
        "ms-http-resilience-8",
        "nginx-next-upstream",
        "polly-8",
        "polly-8-exp-jitter",
        "resilience4j-2",
        "resilience4j-2-exp",
        "tenacity-9",
        "tenacity-exp",
        "urllib3-2",
    ]
    budget: [
        "aws-quota-2026",
        "aws-quota-pre2026",
        "envoy-max-retries",
        "envoy-retry-budget",
        "failsafe-go-0.9",
        "finagle-24",
        "grpc-a6",
        "linkerd-2",
    ]
    throttle: [
        "aws-adaptive",
        "envoy-admission",
        "failsafe-go-throttle",
        "sre-throttle",
    ]
    rate_limit: [
        "client-go",
        "nginx-limit-req",
        "redis-cell",
        "resilience4j-2",
    ]
    breaker: [
        "circuitbreaker-py-2",
        "cockatiel-3",
        "cockatiel-4",
        "failsafe-go-0.9",
        "gobreaker-2",
        "hystrix-1.5",
        "opossum-9",
        "polly-8",
        "pybreaker-1",
        "resilience4j-2",
    ]
    eject: [
        "envoy-outlier-current",
        "envoy-outlier-legacy",
        "finagle-accrual",
        "grpc-outlier-a50",
        "istio-outlier",
        "linkerd-2-accrual",
        "linkerd-2-unified",
        "nginx-peer",
    ]
    bulkhead: [
        "envoy-limits",
        "hystrix-pool",
        "hystrix-semaphore",
        "istio-limits",
        "pybreaker-1",
        "resilience4j-bulkhead",
        "resilience4j-thread-pool-bulkhead",
    ]
    library: [
        "go-sql-1.27",
        "hikaricp-5",
        "hikaricp-6",
        "hikaricp-7",
        "pgbouncer-1.25",
        "sqlalchemy-2",
    ]
    limit: [
        "envoy-adaptive-concurrency",
        "failsafe-go-adaptive",
        "netflix-aimd",
        "netflix-gradient",
        "netflix-gradient2",
        "netflix-vegas",
    ]
    shed: [
        "breakwater",
        "codel-folly",
        "codel-rfc8289",
        "dagor",
        "fb-adaptive-lifo",
    ]
    queue: [
    ]
    hedge: [
        "failsafe-go-hedge",
        "grpc-hedging",
        "polly-8-hedging",
    ]
    cache: [
        "varnish",
    ]
    protect: [
        "go-singleflight",
        "memcache-lease-nsdi13",
        "nginx-lock",
        "redis-lock",
    ]
    refresh: [
        "caffeine-refresh",
        "xfetch",
    ]
    balance: [
        "envoy-least-request",
        "finagle-p2c-ewma",
        "kube-proxy-random",
        "linkerd-ewma",
    ]
    panic_threshold: [
        "envoy-panic",
    ]
    analysis: [
        "argo-analysis",
        "flagger",
        "veritas",
    ]
    autoscale: [
        "k8s-hpa-1.32",
        "k8s-hpa-1.33",
    ]
    lifecycle: [
        "k8s-deployment",
    ]
    readiness: [
        "k8s-probe",
    ]
    liveness: [
        "k8s-probe",
    ]
    startup: [
        "k8s-probe",
    ]
}
