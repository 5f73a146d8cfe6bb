//! A handful of small worlds that use every part between them.

use crate::support::{Value, json};

/// A world by name, and for how many seconds it runs.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) seconds: f64,
    pub(crate) world: fn() -> Value,
}

pub(crate) const SAMPLES: &[Sample] = &[
    Sample { name: "queue", seconds: 60.0, world: queue },
    Sample { name: "storm", seconds: 60.0, world: storm },
    Sample { name: "chain", seconds: 30.0, world: chain },
    Sample { name: "caches", seconds: 60.0, world: caches },
    Sample { name: "laws", seconds: 60.0, world: laws },
    Sample { name: "faults", seconds: 60.0, world: faults },
    Sample { name: "crowd", seconds: 60.0, world: crowd },
];

fn queue() -> Value {
    json!({
        "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": "85/s"}}}},
        "services": {"api": {"capacity": {"workers": 1}, "endpoints": {"get": {"steps": [
            {"work": {"exponential": {"mean": "10ms"}}},
        ]}}}},
    })
}

/// Timeouts, retries and a surge that the workers do not survive.
pub(crate) fn storm() -> Value {
    let retry = json!({"retry": {"exponential": {"attempts": 4, "base": "50ms", "jitter": "full"}}});
    json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"poisson": {"rate": "80/s"}},
            "edge": {"policies": [{"timeout": "5s"}, retry, {"timeout": "1s"}], "cancel": true},
        }},
        "services": {"api": {
            "capacity": {"workers": 10},
            "queue": {"capacity": 500, "order": "lifo"},
            "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "100ms"}}}]}},
        }},
        "faults": [{"surge": {"at": "10s", "for": "10s", "client": "web", "factor": 3.0}}],
    })
}

/// Calls under calls with deadlines, pools, branches, effects, and work that nobody waits for.
fn chain() -> Value {
    let timeout = json!([{"timeout": "300ms"}]);
    json!({
        "clients": {"web": {
            "to": "front.get",
            "arrivals": {"gamma": {"rate": "60/s", "cv": 2.0}},
            "edge": {"policies": timeout, "propagate_deadline": true, "link": {"latency": "2ms", "loss": "1%"}},
        }},
        "services": {
            "front": {
                "replicas": 2,
                "capacity": {"workers": 8},
                "edges": {"middle": {
                    "policies": timeout, "propagate_deadline": true, "cancel": true, "balance": "least_outstanding",
                }},
                "endpoints": {"get": {"steps": [
                    {"work": "1ms"},
                    {"parallel": {"branches": [[{"call": "middle.read"}], [{"call": "middle.write"}]], "need": 1}},
                    {"spawn": [{"work": "3ms"}, {"write": "log"}]},
                ]}},
            },
            "middle": {
                "replicas": 3,
                "capacity": {"processor_sharing": {"cores": 2, "concurrency": 20}},
                "pools": {"db": {"size": 3, "overflow": 1, "wait": "100ms", "order": "lifo"}},
                "edges": {"base": {"balance": "power_of_two"}},
                "endpoints": {
                    "read": {"steps": [{"acquire": {"pool": "db", "steps": [{"call": "base.query"}]}}]},
                    "write": {"steps": [{"acquire": {"pool": "db", "steps": [
                        {"call": {"to": "base.query", "on_error": "continue"}}, {"write": "order"},
                    ]}}]},
                },
            },
            "base": {
                "replicas": 2,
                "capacity": {"workers": 4},
                "queue": {"max_wait": {"exponential": {"mean": "150ms"}}},
                "endpoints": {"query": {"steps": [{"work": {"exponential": {"mean": "30ms"}}}]}},
            },
        },
    })
}

fn caches() -> Value {
    let lookup = |cache: &str, miss: Value| json!({"cache": {"name": cache, "keys": "items", "miss": miss}});
    let inner = lookup("shared", json!([{"call": "base.query"}]));
    json!({
        "keys": {"items": {"zipf": {"count": 2000, "exponent": 0.9}}, "users": {"hot_set": {"count": 500, "hot": 5, "share": "60%"}}},
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"bursty": {"rate": "150/s", "ratio": 8.0, "burst": "1s", "quiet": "4s"}},
            "edge": {"balance": {"consistent_hash": {"keys": "users", "points": 20}}},
        }},
        "caches": {
            "near": {"capacity": 50, "ttl": "5s", "per_replica": true},
            "shared": {"capacity": 400, "ttl": "20s", "coalesce": true, "prefill": {"keys": "items", "spread": true}},
        },
        "services": {
            "api": {"replicas": 4, "capacity": {"workers": 16}, "endpoints": {"get": {"steps": [
                {"work": "500us"}, lookup("near", json!([inner])),
            ]}}},
            "base": {"capacity": {"workers": 6}, "endpoints": {"query": {"steps": [
                {"work": {"lognormal": {"median": "20ms", "p99": "150ms"}}},
            ]}}},
        },
        "faults": [{"flush": {"at": "30s", "cache": "shared"}}],
    })
}

/// Every distribution, one after the other.
fn laws() -> Value {
    let laws = json!([
        "1ms",
        {"uniform": {"min": "1ms", "max": "3ms"}},
        {"exponential": {"mean": "1ms"}},
        {"normal": {"mean": "2ms", "sd": "1ms"}},
        {"lognormal": {"mean": "1ms", "cv": 2.0}},
        {"lognormal": {"median": "1ms", "p99": "9ms"}},
        {"gamma": {"mean": "1ms", "cv": 0.7}},
        {"erlang": {"mean": "1ms", "stages": 3}},
        {"weibull": {"shape": 0.7, "scale": "1ms"}},
        {"pareto": {"shape": 2.5, "min": "500us"}},
        {"pareto": {"shape": 1.1, "min": "500us", "max": "50ms"}},
        {"hyperexponential": {"mean": "1ms", "cv": 3.0}},
        {"mixture": [{"weight": 9.0, "of": "1ms"}, {"weight": 1.0, "of": {"exponential": {"mean": "5ms"}}}]},
    ]);
    let steps: Value = laws.as_array().unwrap().iter().map(|law| json!({"work": law})).collect();
    let diurnal = json!({"diurnal": {"mean": "40/s", "swing": "50%", "period": "20s", "peak": "5s"}});
    json!({
        "clients": {
            "wave": {"to": "api.all", "arrivals": {"poisson": {"rate": diurnal}}, "edge": {"balance": "random"}},
            "ramp": {
                "to": "api.all",
                "arrivals": {"deterministic": {"rate": {"ramp": {"from": "1/s", "to": "30/s", "start": "10s", "over": "30s"}}}},
                "edge": {"balance": {"weighted": [1.0, 2.0]}},
            },
        },
        "services": {"api": {"replicas": 2, "capacity": {"workers": 1}, "endpoints": {"all": {"steps": steps}}}},
    })
}

fn faults() -> Value {
    let retry = json!({"retry": {"constant": {"attempts": 3, "delay": "20ms", "jitter": "equal", "on": ["error", "timeout", "crashed"]}}});
    json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"poisson": {"rate": "100/s"}},
            "edge": {"policies": [retry, {"timeout": "400ms"}], "link": {"latency": {"exponential": {"mean": "5ms"}}}},
        }},
        "services": {
            "api": {"replicas": 3, "capacity": {"workers": 5}, "edges": {"base": {"policies": [{"timeout": "200ms"}]}},
                "endpoints": {"get": {"steps": [{"work": "2ms"}, {"call": "base.query"}, {"fail": "1%"}]}}},
            "base": {"replicas": 2, "capacity": {"workers": 6}, "endpoints": {"query": {"steps": [
                {"choose": [{"weight": 3.0, "steps": [{"work": "5ms"}]}, {"weight": 1.0, "steps": [{"work": "50ms"}]}]},
            ]}}},
        },
        "faults": [
            {"crash": {"at": "5s", "for": "5s", "service": "api", "replicas": 2}},
            {"slow": {"at": "15s", "for": "5s", "service": "base", "replicas": 1, "factor": 10.0}},
            {"errors": {"at": "22s", "for": "5s", "service": "base", "share": "30%"}},
            {"link": {"at": "30s", "for": "5s", "from": "api", "to": "base", "delay": "50ms", "loss": "5%"}},
            {"partition": {"at": "40s", "for": "3s", "from": "web", "to": "api", "direction": "answers"}},
            {"surge": {"at": "50s", "client": "web", "factor": 2.0}},
        ],
    })
}

/// People in a closed loop next to a herd that has little patience.
fn crowd() -> Value {
    json!({
        "clients": {
            "staff": {"to": "desk.ask", "arrivals": {"closed": {"users": 20, "think": {"exponential": {"mean": "1s"}}}}, "priority": 1},
            "public": {
                "to": "desk.ask",
                "arrivals": {"herd": {"count": 800, "at": "10s", "over": "10s"}},
                "patience": {"lognormal": {"median": "2s", "p99": "20s"}},
                "reload": {"share": "70%", "delay": {"uniform": {"min": "100ms", "max": "3s"}}, "times": 3},
            },
        },
        "services": {"desk": {"capacity": {"workers": 3}, "queue": {"order": "priority"}, "endpoints": {"ask": {"steps": [
            {"work": {"exponential": {"mean": "50ms"}}},
        ]}}}},
    })
}
