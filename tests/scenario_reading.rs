//! How a scenario is put together, and that no input brings the reader down.

use proptest::prelude::*;
use squall::scenario::{Loaded, load, load_bytes, schema};
use squall_models::spec::{Arrivals, Capacity, Policy};
use std::fs;
use std::path::{Path, PathBuf};

const TOPOLOGY: &str = "\
squall: 1
about: a topology
clients:
  web: {to: api.get, arrivals: {poisson: {rate: 100/s}}, priority: 3}
services:
  api:
    replicas: 2
    capacity: {workers: 8}
    endpoints: {get: {steps: [work: 10ms, call: db.query]}}
  db:
    capacity: {workers: 4}
    endpoints: {query: {steps: [work: 5ms]}}
";

/// A folder of files, gone at the end of the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = folder.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, name: &str, sets: &[&str]) -> Loaded {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        load(&self.path(name), &sets).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn refused(&self, name: &str, sets: &[&str]) -> String {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        load(&self.path(name), &sets).expect_err("this should be refused").to_string()
    }
}

fn rate(loaded: &Loaded, case: usize) -> f64 {
    match &loaded.cases[case].world.clients["web"].arrivals {
        Arrivals::Poisson { rate: squall_models::spec::Load(squall_models::spec::Profile::Constant(rate)) } => {
            rate.get()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scenario_lies_over_its_topology() {
    let scenario = "\
squall: 1
topology: ../topology.yaml
clients: {web: {to: db.query, arrivals: {closed: {users: 5, think: 1s}}}}
services: {api: {capacity: {processor_sharing: {cores: 2}}}}
run: {duration: 60s}
";
    let folder = Folder::new(&[("topology.yaml", TOPOLOGY), ("scenarios/s-1.yaml", scenario)]);
    let loaded = folder.load("scenarios/s-1.yaml", &[]);
    assert_eq!((loaded.name.as_str(), loaded.about.as_deref()), ("s-1", None));
    let world = &loaded.cases[0].world;
    assert_eq!((world.clients["web"].to.as_str(), world.clients["web"].priority), ("db.query", 3));
    assert!(matches!(world.clients["web"].arrivals, Arrivals::Closed { users: 5, .. }));
    assert!(matches!(world.services["api"].capacity, Capacity::ProcessorSharing { cores: 2, .. }));
    assert_eq!(world.services["api"].replicas, 2);
    assert!(loaded.warnings.iter().any(|warning| warning.contains("nobody calls `api.get`")), "{:?}", loaded.warnings);
}

#[test]
fn overlays_come_in_their_order() {
    let scenario = "\
squall: 1
topology: topology.yaml
set:
  clients.web.arrivals.poisson.rate: 1/s
  clients.web.edge.policies: [timeout: 1s]
variants:
  a: {set: {clients.web.arrivals.poisson.rate: 2/s}}
  b: {about: both, apply: [policies/p.yaml, policies/q.yaml], set: {clients.web.edge.policies.1: {retry: {constant: {attempts: 2, delay: 0s}}}}}
";
    let p = "squall: 1\nset: {clients.web.arrivals.poisson.rate: 3/s, services.db.replicas: 7}\n";
    let q = "squall: 1\nset: {clients.web.arrivals.poisson.rate: 4/s, services.db.queue.capacity: 9}\n";
    let files = [("topology.yaml", TOPOLOGY), ("s.yaml", scenario), ("policies/p.yaml", p), ("policies/q.yaml", q)];
    let folder = Folder::new(&files);
    let loaded = folder.load("s.yaml", &[]);
    let names: Vec<&str> = loaded.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["unmitigated", "a", "b"]);
    assert_eq!([rate(&loaded, 0), rate(&loaded, 1), rate(&loaded, 2)], [1.0, 2.0, 4.0]);
    assert_eq!(loaded.cases[2].about.as_deref(), Some("both"));
    assert_eq!(loaded.cases[2].world.services["db"].replicas, 7);
    let policies = &loaded.cases[2].world.clients["web"].edge.policies;
    assert!(matches!(policies[..], [Policy::Timeout(_), Policy::Retry(_)]), "{policies:?}");

    let loaded = folder
        .load("s.yaml", &["clients.web.arrivals.poisson.rate=9/s", "run.duration=30s", "clients.web.edge.policies=[]"]);
    assert_eq!([rate(&loaded, 0), rate(&loaded, 1), rate(&loaded, 2)], [9.0, 9.0, 9.0]);
    assert!((loaded.run.duration.seconds() - 30.0).abs() < 1e-12);
    assert!(loaded.cases.iter().all(|case| case.world.clients["web"].edge.policies.is_empty()));
}

#[test]
fn null_removes_and_removals_do_not_shift_each_other() {
    let scenario = "\
squall: 1
topology: topology.yaml
set:
  services.api.endpoints.get.steps.0: null
  services.api.endpoints.get.steps.1: null
  services.api.replicas: null
";
    let folder = Folder::new(&[("topology.yaml", TOPOLOGY), ("s.yaml", scenario)]);
    let world = &folder.load("s.yaml", &[]).cases[0].world;
    assert!(world.services["api"].endpoints["get"].steps.is_empty());
    assert_eq!(world.services["api"].replicas, 1);
}

#[test]
fn mistakes_on_the_command_line_and_in_policy_files_say_where() {
    let scenario = "squall: 1\ntopology: topology.yaml\nvariants:\n  a: {apply: [p.yaml]}\n  b: {apply: [p.yaml]}\n";
    let policy = "squall: 1\nset:\n  services.db.replicas: none\n";
    let folder = Folder::new(&[("topology.yaml", TOPOLOGY), ("s.yaml", scenario), ("p.yaml", policy)]);
    let message =
        folder.refused("s.yaml", &["services.apy.replicas=2", "services.api.replicas", "services.api.replicas=x"]);
    for part in [
        "--> --set:1:1",
        "did you mean `api`?",
        "`services.api.replicas` sets nothing",
        "`x` is not a whole number",
        "p.yaml:3:25",
        "only in the variant `a` and `b`",
        "4 problems in",
    ] {
        assert!(message.contains(part), "{part}\n{message}");
    }
}

#[test]
fn data_files_are_read_and_checked() {
    let scenario = |arrivals: &str, work: &str| {
        format!(
            "squall: 1\nclients: {{web: {{to: api.get, arrivals: {arrivals}}}}}\n\
             services: {{api: {{capacity: unlimited, endpoints: {{get: {{steps: [work: {work}]}}}}}}}}\n"
        )
    };
    let good = scenario("{trace: {file: t.csv}}", "{empirical: {file: d/w.csv, unit: 1ms}}");
    let bad = scenario(
        "{poisson: {rate: {trace: {file: r.csv}}}}",
        "{mixture: [{weight: 1, of: {empirical: {file: e.csv, unit: 1s}}}]}",
    );
    let missing = scenario("{trace: {file: nowhere.csv}}", "1ms");
    let files = [
        ("good.yaml", good.as_str()),
        ("bad.yaml", bad.as_str()),
        ("missing.yaml", missing.as_str()),
        ("t.csv", "time\n0.5\n0.5\n2\n"),
        ("d/w.csv", "0,1\n0.5,10\n0.99,50\n1,100\n"),
        ("r.csv", "0,10\n5,12\n3,11\n"),
        ("e.csv", "1\n2\nthree\n"),
    ];
    let folder = Folder::new(&files);
    let loaded = folder.load("good.yaml", &[]);
    let Arrivals::Trace { times, .. } = &loaded.cases[0].world.clients["web"].arrivals else { panic!() };
    assert_eq!(times, &[0.5, 0.5, 2.0]);
    let message = folder.refused("bad.yaml", &[]);
    for part in ["r.csv:3", "`3` comes after `5`", "e.csv:3", "`three` is not a number", "2 problems"] {
        assert!(message.contains(part), "{part}\n{message}");
    }
    assert!(folder.refused("missing.yaml", &[]).contains("missing.yaml:2:"));
    let before = loaded.canonical;
    fs::write(folder.path("t.csv"), "0.5\n0.6\n2\n").unwrap();
    assert_ne!(before, folder.load("good.yaml", &[]).canonical);
}

#[test]
fn the_same_input_written_otherwise_is_the_same() {
    let yaml = format!("{TOPOLOGY}run: {{duration: 60s}}\n");
    let json = r#"{"run": {"duration": "1m"}, "squall": 1,
        "services": {"db": {"endpoints": {"query": {"steps": [{"work": {"constant": "0.005s"}}]}}, "capacity": {"workers": 4}, "replicas": 1},
                     "api": {"replicas": 2, "capacity": {"workers": 8}, "endpoints": {"get": {"steps": [{"work": "10ms"}, {"call": {"to": "db.query"}}]}}}},
        "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": "6000/m"}}, "priority": 3}}}"#;
    let load = |text: &str| load_bytes(Path::new("s.yaml"), text.as_bytes(), &[]).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(load(&yaml).canonical, load(json).canonical);
}

/// What comes of a client's policies, as canonical text without the form in which they were written.
fn with_policies(policies: &str, sets: &[&str]) -> String {
    let text = TOPOLOGY.replace("priority: 3", &format!("edge: {{policies: {policies}}}"));
    Folder::new(&[("s.yaml", &text)]).load("s.yaml", sets).canonical
}

#[test]
fn a_preset_is_what_it_stands_for_with_changes_over_it() {
    let plain = with_policies("[retry: {preset: resilience4j-2}]", &[]);
    assert_eq!(plain, with_policies("[retry: {resilience4j: {attempts: 3, delay: 500ms, multiplier: 1}}]", &[]));
    let written =
        with_policies("[retry: {resilience4j: {attempts: 7, delay: 500ms, randomization: 50%, on: [error]}}]", &[]);
    let changed = "[retry: {preset: resilience4j-2, randomization: 50%, attempts: 7, on: [error]}]";
    assert_eq!(with_policies(changed, &[]), written);
    // A change by path is made to the preset as it is written, before it is put in place.
    let sets = ["clients.web.edge.policies.0.retry.attempts=7", "clients.web.edge.policies.0.retry.randomization=50%"];
    assert_eq!(with_policies("[retry: {preset: resilience4j-2, on: [error]}]", &sets), written);
}

/// What Kubernetes does by default, with what is a user's to say beside it, is what is there without a word too.
#[test]
fn kubernetes_defaults_are_presets() {
    let service = |lifecycle: &str, probe: &str, hpa: &str| {
        let probes = ["readiness", "liveness", "startup"].map(|kind| format!("{kind}: {{{probe}to: get}}")).join(", ");
        let more = format!(
            "replicas: 2\n    lifecycle: {{{lifecycle}boot: 5s}}\n    probes: {{{probes}}}\n    autoscale: {hpa}"
        );
        let folder = Folder::new(&[("s.yaml", &TOPOLOGY.replacen("replicas: 2", &more, 1))]);
        folder.load("s.yaml", &[]).cases[0].world.services["api"].clone()
    };
    let named = service("preset: k8s-deployment, ", "preset: k8s-probe, ", "{preset: k8s-hpa-1.33, max: 9, cpu: 80%}");
    assert_eq!(named, service("", "", "{k8s_hpa_v2: {max: 9, cpu: 80%}}"));
    let before = service("", "", "{preset: k8s-hpa-1.32, max: 9, cpu: 80%}");
    assert_eq!(before, service("", "", "{k8s_hpa_v2: {max: 9, cpu: 80%, before_1_33: true}}"));
}

/// A service may be called like a family: its name is no place for a preset.
#[test]
fn names_that_a_user_gives_are_no_families() {
    let text = TOPOLOGY.replace("  db:", "  retry:").replace("call: db.query", "call: retry.query");
    Folder::new(&[("s.yaml", &text)]).load("s.yaml", &[]);
    let text = text.replace("    capacity: {workers: 4}", "    preset: resilience4j-2\n    capacity: {workers: 4}");
    let message = Folder::new(&[("s.yaml", &text)]).refused("s.yaml", &[]);
    assert!(message.contains("there is no field `preset` here"), "{message}");
}

#[test]
fn the_schema_offers_presets() {
    let text = schema().to_string();
    assert!(text.contains("resilience4j-2"), "{text}");
}

#[test]
fn expectations_are_for_their_variants_and_share_their_windows() {
    let scenario = "\
squall: 1
topology: topology.yaml
faults: [slow: {at: 60s, for: 30s, service: db, factor: 5}]
variants: {a: {}, b: {}}
expect:
  - clients.web.success >= 99% after fault 1
  - {that: api.latency.p99 < 1s after 90s, only: [a], seeds: 95%}
  - {that: web recovers within 60s after fault 1, broken_by: [unmitigated]}
";
    let folder = Folder::new(&[("topology.yaml", TOPOLOGY), ("s.yaml", scenario)]);
    let loaded = folder.load("s.yaml", &[]);
    assert_eq!(loaded.settings.windows.len(), 1);
    let counts: Vec<usize> = loaded.cases.iter().map(|case| case.expectations.len()).collect();
    assert_eq!(counts, [2, 3, 2]);
    assert!(loaded.cases[0].expectations[1].broken_by_this && !loaded.cases[1].expectations[2].broken_by_this);
    assert_eq!(loaded.cases[1].expectations[1].line, 7);
    assert!((loaded.cases[1].expectations[1].seeds - 0.95).abs() < 1e-12);
}

#[test]
fn large_files_pass_and_absurd_ones_do_not() {
    let mut text =
        String::from("squall: 1\nclients: {web: {to: s0.get, arrivals: {poisson: {rate: 1/s}}}}\nservices:\n");
    for n in 0..20_000 {
        let next = if n < 19_999 { format!("[work: 1ms, call: s{}.get]", n + 1) } else { "[]".to_owned() };
        text.push_str(&format!("  s{n}:\n    capacity: {{workers: 4}}\n    endpoints: {{get: {{steps: {next}}}}}\n"));
    }
    let loaded =
        load_bytes(Path::new("large.yaml"), text.as_bytes(), &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.cases[0].world.services.len(), 20_000);

    let folder = Folder::new(&[]);
    let huge = folder.path("huge.yaml");
    // A file with a hole: a gigabyte long, and of no size on the disk.
    fs::File::create(&huge).unwrap().set_len(1 << 30).unwrap();
    assert!(folder.refused("huge.yaml", &[]).contains("is too large: 1024 MiB, and at most 8 MiB are read"));
    assert!(folder.refused(".", &[]).contains("is not a file"));
    assert!(folder.refused("none.yaml", &[]).contains("cannot read"));
}

#[test]
fn bombs_end_in_a_message() {
    let laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nsquall: 1\n";
    let deep = format!("squall: 1\nabout: {}", "[".repeat(100_000));
    let block: String = (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    let wide = format!("squall: [{}]", "[],".repeat(2_600_000));
    let key = format!("{}: 1", "x".repeat(1 << 20));
    for text in
        [laughs, &deep, &block, &wide, &key, "", "\u{feff}", "- 1", "squall", "null", "%YAML 1.2\n---\nsquall: 1"]
    {
        let message = load_bytes(Path::new("b.yaml"), text.as_bytes(), &[]).expect_err("no scenario").to_string();
        assert!(message.ends_with("in b.yaml; nothing was run"), "{message}");
        assert!(message.len() < 20_000, "{}", message.len());
    }
    let message = load_bytes(Path::new("b.yaml"), b"squall: 1\nabout: \xff\n", &[]).expect_err("no text").to_string();
    assert!(message.contains("is not UTF-8 text: line 2"), "{message}");
}

#[test]
fn no_message_can_move_the_cursor() {
    let text = "squall: 1\n\"\\e[2J\\u202e\": 1\nabout: \"\\e]0;x\\a\"\n";
    let message = load_bytes(Path::new("b.yaml"), text.as_bytes(), &[]).expect_err("no scenario").to_string();
    assert!(!message.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{message:?}");
}

#[test]
fn the_schema_is_draft_7_and_has_every_section() {
    let schema = schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    for section in [
        "squall", "topology", "clients", "services", "caches", "keys", "faults", "actions", "set", "variants", "run",
        "expect",
    ] {
        assert!(schema["properties"][section].is_object(), "{section}");
    }
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let scenario = format!(
        "{TOPOLOGY}faults:\n  - slow: {{at: 60s, for: 30s, service: db, factor: 5}}\nexpect:\n  - web.success >= 99% after fault 1\n"
    );
    let bytes = scenario.into_bytes();
    let length = bytes.len();
    let edit = (0..length, 0..12_usize, "[-a-z0-9:{}\\[\\],.#&*!%'\"\\n <>=/]{0,8}");
    prop::collection::vec(edit, 1..5).prop_map(move |edits| {
        let mut bytes = bytes.clone();
        for (at, cut, insert) in edits {
            let at = at.min(bytes.len());
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, insert.into_bytes());
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_end_in_a_result_or_a_message(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = load_bytes(Path::new("p.yaml"), &bytes, &[]);
    }

    #[test]
    fn any_near_miss_ends_in_a_result_or_a_message(bytes in mutated()) {
        if let Err(problems) = load_bytes(Path::new("p.yaml"), &bytes, &[]) {
            prop_assert!(problems.count() > 0);
            prop_assert!(problems.to_string().ends_with("nothing was run"));
        }
    }

    #[test]
    fn any_command_line_ends_in_a_result_or_a_message(set in "[a-z.0-9=\\[\\]{}:, -]{0,40}") {
        let sets = [set, "services.api.queue.capacity=5".to_owned()];
        let _ = load_bytes(Path::new("p.yaml"), TOPOLOGY.as_bytes(), &sets);
    }

    #[test]
    fn any_sentence_ends_in_a_result_or_a_message(words in prop::collection::vec(prop::sample::select(vec![
        "web", "clients.web.success", "api.latency.p99", "services.api.queue.max", ">=", "<", "==", "99%", "1s", "3", "between",
        "and", "before", "during", "after", "fault", "1", "recovers", "within", "stays", "collapsed", "no", "deadlock", "é≥",
    ]), 0..9)) {
        let text = format!("{TOPOLOGY}expect: [\"{}\"]\n", words.join(" "));
        let _ = load_bytes(Path::new("p.yaml"), text.as_bytes(), &[]);
    }
}

#[test]
fn sentences_are_judged_on_a_run() {
    let scenario = "\
squall: 1
topology: topology.yaml
caches: {l1: {ttl: 5s}}
keys: {pages: {uniform: {count: 100}}}
set:
  services.api.pools: {conns: {size: 8}}
  services.api.endpoints.get.steps.1: {cache: {name: l1, keys: pages, miss: [acquire: {pool: conns, steps: [call: db.query]}]}}
  clients.web.edge.policies: [timeout: 1s]
faults: [crash: {at: 40s, for: 10s, service: api}]
run: {duration: 120s, warmup: 5s, seeds: 1}
expect:
  - web.success >= 99% before fault 1
  - web.success < 10% during fault 1
  - web.refused > 90% during fault 1
  - web.latency.p99 < 1s
  - web recovers within 5s after fault 1
  - web stays collapsed after fault 1
  - services.api.utilisation < 50% before fault 1
  - pools.api.conns.wait.p99 < 100ms
  - caches.l1.hit_rate >= 10%
  - db.duplicate_writes == 0
  - no deadlock
  - deadlock
  - web.latency.p99 < 1s between 41s and 49s
";
    let folder = Folder::new(&[("topology.yaml", TOPOLOGY), ("s.yaml", scenario)]);
    let loaded = folder.load("s.yaml", &[]);
    let case = &loaded.cases[0];
    let report = squall_models::run(&case.blueprint, 1).unwrap();
    let judged: Vec<_> = case.expectations.iter().map(|e| e.judge(&report, case.blueprint.names())).collect();
    let holds: Vec<bool> = judged.iter().map(|judgement| judgement.holds).collect();
    let wanted = [true, true, true, true, true, false, true, true, true, true, true, false, false];
    assert_eq!(holds, wanted, "{judged:#?}");
    assert_eq!(judged[12].shown, "no data");
    assert!(judged[4].shown.starts_with("recovered"), "{:?}", judged[4]);
    assert!(case.expectations[0].verdict(&judged[..1]).ok && !case.expectations[0].verdict(&[]).ok);
}
