//! What is wrong in a file is reported at once, each with its line, its rule and a remedy.

use squall::scenario::{Diagnostics, load_bytes};
use std::path::Path;

const GOOD: &str = "\
squall: 1
keys:
  pages: {zipf: {count: 1000, exponent: 1}}
clients:
  web:
    to: api.get
    arrivals: {poisson: {rate: 100/s}}
    edge: {link: {latency: 1ms}, policies: [timeout: 1s]}
services:
  api:
    replicas: 2
    capacity: {workers: 8}
    queue: {capacity: 100, order: fifo}
    endpoints:
      get:
        steps:
          - work: {exponential: {mean: 10ms}}
          - cache: {name: l1, keys: pages, miss: [call: db.query]}
  db:
    capacity: {workers: 4}
    pools:
      conns: {size: 5}
    endpoints:
      query:
        steps:
          - acquire: {pool: conns, steps: [work: 5ms]}
caches:
  l1: {ttl: 60s}
faults:
  - slow: {at: 60s, for: 30s, service: db, factor: 10}
variants:
  bigger: {set: {services.api.replicas: 4}}
run: {duration: 300s, warmup: 10s, seeds: 4}
expect:
  - clients.web.success >= 99.9% before fault 1
";

fn refused(text: &str) -> Diagnostics {
    match load_bytes(Path::new("s.yaml"), text.as_bytes(), &[]) {
        Ok(_) => panic!("this should be refused:\n{text}"),
        Err(problems) => problems,
    }
}

#[test]
fn the_good_one_is_good() {
    load_bytes(Path::new("s.yaml"), GOOD.as_bytes(), &[]).unwrap_or_else(|problems| panic!("{problems}"));
}

/// What is replaced by what, and what the message has to hold: the place, the rule, the remedy.
const BAD: &[(&str, &str, &[&str])] = &[
    // The form.
    ("squall: 1\n", "", &["the field `squall` is missing", "add `squall: …`"]),
    ("squall: 1", "squall: 2", &["s.yaml:1:9", "version 2 of the file format is not known", "write `squall: 1`"]),
    ("keys:\n", "keys: 5\nkey:\n", &["`keys` is not a map", "there is no field `key` here", "did you mean `keys`?"]),
    (
        "faults:\n",
        "faults: {}\nx:\n",
        &["`faults` is not a list", "there is no field `x` here", "the fields here are `squall`"],
    ),
    ("    to: api.get\n", "    to: api.get\n    to: api.put\n", &["s.yaml:7:5", "the key `to` is here twice"]),
    ("{ttl: 60s}", "&a {ttl: 60s}", &["an anchor (`&…`) is not accepted", "variants are overlays by path"]),
    ("  l1: {ttl: 60s}", "  <<: {ttl: 60s}", &["a merge key (`<<`) is not accepted"]),
    ("count: 1000", "count: !!int 1000", &["a tag (`!!int`) is not accepted"]),
    ("    to: api.get\n", "\tto: api.get\n", &["this is no YAML"]),
    ("faults:\n", "---\nfaults:\n", &["a second document begins here"]),
    ("{ttl: 60s}", "{? [a, b] : 60s}", &["a key must be a word"]),
    // Values.
    (
        "latency: 1ms",
        "latency: 250",
        &["s.yaml:8:28", "`250` needs a unit: a duration is wanted here", "write `250ms` or `250s`"],
    ),
    ("timeout: 1s", "timeout: \"5\"", &["`5` needs a unit", "write `5ms` or `5s`"]),
    ("rate: 100/s", "rate: 100", &["`100` needs a unit: a rate is wanted here", "write `100/s`, if it is per second"]),
    ("latency: 1ms", "loss: 0.5", &["`0.5` needs a unit: a share is wanted here", "write `50%`"]),
    (
        "latency: 1ms",
        "loss: 120%",
        &["`120%` is not a share in percent between `0%` and `100%`", "write it like `99.9%`"],
    ),
    ("mean: 10ms", "mean: 10 parsecs", &["`10 parsecs` is not a duration with its unit", "write it like `250ms`"]),
    ("mean: 10ms", "mean: .nan", &["`.nan` is no number that can be used"]),
    ("exponent: 1", "exponent: -.inf", &["`-.inf` is no number that can be used"]),
    ("exponent: 1", "exponent: 1e999", &["the number is too large"]),
    ("exponent: 1", "exponent: high", &["`high` is not a number"]),
    ("replicas: 2", "replicas: 1e30", &["s.yaml:11:15", "`1e30` is out of range", "between 0 and 4294967295"]),
    ("replicas: 2", "replicas: 2.5", &["`2.5` is not a whole number"]),
    ("replicas: 2", "replicas: [2]", &["a list is not a whole number"]),
    ("replicas: 2", "replicas: -1", &["`-1` is out of range"]),
    ("capacity: 100", "capacity: 1e30", &["`1e30` is too large", "or `unlimited`"]),
    ("capacity: 100", "capacity: none", &["`none` is not a whole number, or `unlimited`"]),
    (
        "{workers: 8}",
        "{worker: 8}",
        &["s.yaml:12:16", "`worker` is not one of the choices here", "did you mean `workers`?"],
    ),
    ("{workers: 8}", "workers", &["`workers` needs a value here", "write `workers: …`"]),
    ("{workers: 8}", "{unlimited: 3}", &["`unlimited` takes no value"]),
    ("{workers: 8}", "{}", &["nothing stands here, where one thing is wanted", "`processor_sharing`"]),
    ("capacity: {workers: 8}\n", "\n", &["s.yaml:10:3", "the field `capacity` is missing"]),
    ("order: fifo", "order: fif", &["did you mean `fifo`?"]),
    ("order: fifo", "ordr: fifo", &["there is no field `ordr` here", "did you mean `order`?"]),
    ("size: 5", "sise: 5", &["there is no field `sise` here", "this pool has no size"]),
    ("[timeout: 1s]", "[{timeout: 1s, retry: 5}]", &["`retry` and `timeout` stand together", "write exactly one of"]),
    ("{exponential: {mean: 10ms}}", "{exponential: {mean: 1ms}, uniform: {min: 1ms, max: 2ms}}", &["stand together"]),
    ("ttl: 60s", "per_replica: yes", &["`yes` is not `true` or `false`"]),
    ("[work: 5ms]", "{work: 5ms}", &["a map is not a list"]),
    // Presets.
    (
        "[timeout: 1s]",
        "[retry: {preset: resilience4j-3}]",
        &["s.yaml:8:61", "there is no preset `resilience4j-3` for `retry`", "did you mean `resilience4j-2`?"],
    ),
    (
        "[timeout: 1s]",
        "[retry: {preset: resilience4j-2, attempt: 5}]",
        &["s.yaml:8:77", "there is no field `attempt` here", "did you mean `attempts`?"],
    ),
    (
        "[timeout: 1s]",
        "[retry: {preset: resilience4j-2, attempts: none}]",
        &["s.yaml:8:87", "`none` is not a whole number"],
    ),
    ("[timeout: 1s]", "[retry: {preset: [a]}]", &["s.yaml:8:53", "`preset` names nothing", "squall list presets"]),
    ("[timeout: 1s]", "[timeout: {preset: resilience4j-2}]", &["a map is not a duration"]),
    // Names.
    ("  l1: {", "  l.1: {", &["`l.1` is no name that can be used"]),
    ("  bigger: {", "  unmitigated: {", &["`unmitigated` is the scenario as it stands"]),
    (
        "{set: {services.api.replicas: 4}}",
        "{set: {services.apl.replicas: 4}}",
        &["there is no `apl` in `services`", "did you mean `api`?"],
    ),
    (
        "services.api.replicas: 4",
        "services.api.replicass: 4",
        &["only in the variant `bigger`", "did you mean `replicas`?"],
    ),
    ("services.api.replicas: 4", "services.api.replicas.x: 4", &["`services.api.replicas` is the value `2`"]),
    ("services.api.replicas: 4", "services.api.endpoints.get.steps.7.work: 4s", &["is a list of 2", "from `0` to `1`"]),
    (
        "services.api.replicas: 4",
        "services.db.pools.cons.size: 4",
        &["there is no `cons` in `services.db.pools`", "`conns`"],
    ),
    ("services.api.replicas: 4", "run.seeds: 4", &["`run.seeds` cannot be set here", "a path begins with one of"]),
    (
        "services.api.replicas: 4",
        "services.api.qeue: null",
        &["there is no `qeue` in `services.api`", "did you mean `queue`?"],
    ),
    ("{set: {services", "{apply: [nowhere.yaml], set: {services", &["cannot read `nowhere.yaml`"]),
    ("squall: 1\n", "squall: 1\ntopology: /dev/zero\n", &["s.yaml:2:11", "`/dev/zero` is not a file"]),
    // The run.
    ("duration: 300s", "duration: 0s", &["`duration` is zero"]),
    ("warmup: 10s", "warmup: 300s", &["the warm-up of 300s leaves nothing"]),
    ("seeds: 4", "seeds: 0", &["`0` seeds are not between"]),
    ("seeds: 4", "resolution: 1us", &["windows of 1us over 300s are more than 100000"]),
    ("seeds: 4", "limits: {depth: 0}", &["0 is not between 1 and"]),
    // The world as a whole.
    ("to: api.get", "to: api.got", &["s.yaml:6:9", "api.got", "did you mean"]),
    ("service: db", "service: bd", &["s.yaml:30:40", "there is no service `bd`"]),
    // Sentences.
    ("clients.web.success", "clients.wbe.success", &["there is no client `wbe`", "did you mean `web`?"]),
    (
        "clients.web.success",
        "clients.web.sucess",
        &["s.yaml:35:17", "a client has no metric `sucess`", "did you mean `success`?"],
    ),
    ("clients.web.success", "wib.success", &["there is no client, service or cache `wib`", "did you mean `web`?"]),
    ("clients.web.success", "pools.db.con.utilisation", &["there is no pool of this service `con`", "`conns`"]),
    ("clients.web.success", "clients", &["the name of a client is missing"]),
    ("clients.web.success", "clients.web", &["a metric is missing after the name", "`success`"]),
    (">= 99.9%", "=> 99.9%", &["`=>` is no comparison"]),
    (">= 99.9%", "== 99.9%", &["`==` is for counts"]),
    (">= 99.9%", ">= 1s", &["`1s` is no value for `success`", "write a share in percent"]),
    (
        ">= 99.9% before",
        ">= 99.9% befor",
        &["s.yaml:35:34", "`befor` is not understood here", "did you mean `before`?"],
    ),
    ("before fault 1", "before fault 2", &["there is no fault `2`", "there is one fault: `fault 1`"]),
    ("before fault 1", "between 100s and 100s", &["the window is empty"]),
    ("before fault 1", "between 100s and 400s", &["the window ends at 400s, after the end of the run at 300s"]),
    ("before fault 1", "during 60s", &["`during` needs a fault"]),
    (">= 99.9% before fault 1", "", &["the sentence ends too early", "go on with `>=`"]),
    (">= 99.9% before fault 1", "recovers", &["only a client as a whole recovers"]),
    (
        "clients.web.success >= 99.9% before fault 1",
        "web recovers within 300s after fault 1",
        &["after the end of the run"],
    ),
    (
        "clients.web.success >= 99.9% before fault 1",
        "api stays collapsed after fault 1",
        &["only a client recovers or stays"],
    ),
    (
        "clients.web.success >= 99.9% before fault 1",
        "{that: no deadlock, only: [biger]}",
        &["there is no variant `biger`", "did you mean `bigger`?"],
    ),
    ("clients.web.success >= 99.9% before fault 1", "no deadlok", &["did you mean `deadlock`?"]),
];

#[test]
fn each_mistake_has_its_message() {
    for (old, new, wanted) in BAD {
        assert!(GOOD.contains(old), "{old}");
        let message = refused(&GOOD.replacen(old, new, 1)).to_string();
        for part in *wanted {
            assert!(message.contains(part), "`{old}` → `{new}` should say `{part}`, but says:\n{message}");
        }
        assert!(message.ends_with("in s.yaml; nothing was run"), "{message}");
    }
}

#[test]
fn one_mistake_is_one_problem() {
    let follow_ups = ["{set: {services.api.replicas: 4}}", "keys:\n", "faults:\n", "squall: 1\n", "size: 5"];
    for (old, new, _) in BAD.iter().filter(|(old, ..)| !follow_ups.contains(old)) {
        let problems = refused(&GOOD.replacen(old, new, 1));
        assert_eq!(problems.count(), 1, "`{old}` → `{new}`\n{problems}");
    }
}

#[test]
fn all_mistakes_come_at_once() {
    let text = GOOD
        .replace("    to: api.get\n", "    to: api.got\n    prioritty: 3\n")
        .replace("rate: 100/s", "rate: 100")
        .replace("replicas: 2", "replicas: 1e30")
        .replace("order: fifo", "order: fif")
        .replace("mean: 10ms", "mean: 10")
        .replace("size: 5", "size: five")
        .replace("ttl: 60s", "ttl: 0s")
        .replace("factor: 10", "factor: big")
        .replace("replicas: 4", "replicass: 4")
        .replace("seeds: 4", "seds: 4")
        .replace("web.success", "web.sucess");
    let problems = refused(&text);
    let message = problems.to_string();
    assert_eq!(problems.count(), 11, "{message}");
    assert!(message.ends_with("11 problems in s.yaml; nothing was run"), "{message}");
    let lines: Vec<usize> = message
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--> s.yaml:")?.split(':').next()?.parse().ok())
        .collect();
    assert_eq!(lines.len(), 11);
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn mistakes_in_the_world_come_with_mistakes_in_the_form() {
    let text = GOOD.replace("order: fifo", "order: fif").replace("service: db", "service: bd");
    let message = refused(&text).to_string();
    assert!(message.contains("did you mean `fifo`?") && message.contains("there is no service `bd`"), "{message}");
}

#[test]
fn what_follows_from_a_mistake_is_not_reported() {
    // The service cannot be read at all, and others name it.
    let text = GOOD.replace("    capacity: {workers: 4}\n", "");
    let problems = refused(&text);
    assert_eq!(problems.count(), 1, "{problems}");
}

#[test]
fn many_mistakes_are_cut_short() {
    let faults: String = (0..500).map(|n| format!("  - slow: {{at: {n}, service: db, factor: 2}}\n")).collect();
    let text = GOOD.replace("faults:\n", &format!("faults:\n{faults}"));
    let message = refused(&text).to_string();
    assert!(message.contains("more\n\n") && message.lines().count() < 1_000, "{message}");
}

#[test]
fn a_message_shows_the_line_and_points_at_the_value() {
    let message = refused(&GOOD.replace("latency: 1ms", "latency: 250")).to_string();
    assert_eq!(
        message,
        "\
error: `250` needs a unit: a duration is wanted here
 --> s.yaml:8:28
  |
8 |     edge: {link: {latency: 250}, policies: [timeout: 1s]}
  |                            ^^^
  |
  = help: write `250ms` or `250s`, whichever it is

1 problem in s.yaml; nothing was run"
    );
}
