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
    ("squall: 1\n", "", &["the field `squall` is missing", "add `squall: 1` here"]),
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
    ("size: 5", "sise: 5", &["there is no field `sise` here", "did you mean `size`?"]),
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
    ("timeout: 1s", "timeout: 0ms", &["s.yaml:8:54", "a duration of zero makes no sense here"]),
    ("latency: 1ms", "latency: {lognormal: {median: 5ms, p99: 1ms}}", &["`p99` is 0.001, but must be"]),
    ("replicas: 2", "replicas: 0", &["s.yaml:11:15", "0 is not between 1 and"]),
    ("{workers: 8}", "{workers: 0}", &["0 is not between 1 and"]),
    ("mean: 10ms", "mean: 0s", &["`mean` is 0, but must be"]),
    ("name: l1", "name: l2", &["there is no cache `l2`", "did you mean `l1`?"]),
    ("keys: pages", "keys: page", &["there is no key set `page`", "did you mean `pages`?"]),
    ("call: db.query", "call: db.qery", &["service `db` has no endpoint `qery`", "did you mean `query`?"]),
    ("pool: conns", "pool: cons", &["`cons`", "did you mean `conns`?"]),
    ("work: 5ms", "work: {gamma: {mean: 5ms, cv: -1}}", &["`cv` is -1, but must be"]),
    ("ttl: 60s", "ttl: 0s", &["a duration of zero makes no sense here"]),
    ("factor: 10", "factor: 0", &["0 is not a number above zero"]),
    ("count: 1000", "count: 0", &["`keys` is 0, but must be between", "give the number of keys"]),
    ("for: 30s", "for: 0s", &["a duration of zero makes no sense here"]),
    (
        "    pools:\n",
        "    edges: {api: {link: {latency: 1ms}}}\n    pools:\n",
        &["`db` has an edge to `api`, but never calls it"],
    ),
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
        "recovers within 30s after fault 1",
        &["s.yaml:35:5", "does not say who recovers", "`clients.web recovers …`"],
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

/// Of two mistakes none hides the other, whatever kinds they are of.
#[test]
fn no_mistake_hides_another_one() {
    /// After these nothing else can be read, or what the other one is about.
    const CUTS: [&str; 5] = [
        "squall: 1\ntopology: /dev/zero\n",
        "\tto: api.get\n",
        "---\nfaults:\n",
        "keys: 5\nkey:\n",
        "faults: {}\nx:\n",
    ];
    /// The second may come of the first.
    const FOLLOWS: &[(&str, &str)] = &[
        // A value that is out of its place is not spelled the same in what is said of it.
        ("replicas: ", "services.api.replicas.x: 4"),
        // There may be a call, or a cache, in what cannot be read.
        ("{work: 5ms}", "    edges: {api"),
        ("  l.1: {", "name: l2"),
        ("  <<: {ttl: 60s}", "name: l2"),
        ("  l.1: {", "wib.success"),
        ("  <<: {ttl: 60s}", "wib.success"),
        // Times that are held against times that are wrong.
        ("duration: 0s", "warmup: 300s"),
        ("duration: 0s", "resolution: 1us"),
        ("duration: 0s", "between 100s and 400s"),
        ("duration: 0s", "web recovers within"),
        ("warmup: 300s", "resolution: 1us"),
        ("warmup: 300s", "between 100s and 400s"),
        ("warmup: 300s", "web recovers within"),
        // The variant has the name of what it stands beside.
        ("  unmitigated: {", "services.api.replicass"),
        ("  unmitigated: {", "{that: no deadlock, only: [biger]}"),
    ];
    let place = |part: &str| part.starts_with("s.yaml:");
    let sentence = GOOD.lines().last().unwrap();
    let may_hide = |new: &str, other: &str| {
        CUTS.contains(&new) || FOLLOWS.iter().any(|(first, then)| new.starts_with(first) && other.starts_with(then))
    };
    let mut tried = 0;
    let mut hidden = Vec::new();
    for (at, (old, new, wanted)) in BAD.iter().enumerate() {
        for (other_old, other_new, other_wanted) in &BAD[at + 1..] {
            let once = GOOD.replacen(old, new, 1);
            // A sentence is read as far as it makes sense, and the places of two mistakes must not overlap.
            let one_sentence = [old, other_old].iter().all(|text| sentence.contains(*text));
            let overlap = old.contains(other_old) || other_old.contains(old) || new.contains(other_old);
            if one_sentence || overlap || !once.contains(other_old) {
                continue;
            }
            tried += 1;
            let message = refused(&once.replacen(other_old, other_new, 1)).to_string();
            let said = |parts: &[&str]| parts.iter().filter(|part| !place(part)).all(|part| message.contains(part));
            if !said(wanted) && !may_hide(other_new, new) {
                hidden.push(format!("{other_old:?} → {other_new:?} hides {old:?} → {new:?}"));
            }
            if !said(other_wanted) && !may_hide(new, other_new) {
                hidden.push(format!("{old:?} → {new:?} hides {other_old:?} → {other_new:?}"));
            }
        }
    }
    assert!(tried > 3_000, "{tried}");
    assert!(hidden.is_empty(), "{tried} tried\n{}", hidden.join("\n"));
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
    assert_eq!(problems.count(), 12, "{message}");
    assert!(message.ends_with("12 problems in s.yaml; nothing was run"), "{message}");
    let lines: Vec<usize> = message
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--> s.yaml:")?.split(':').next()?.parse().ok())
        .collect();
    assert_eq!(lines.len(), 12);
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
fn under_a_topology_that_cannot_be_read_nothing_else_is_missed() {
    let text = GOOD.replace("squall: 1\n", "squall: 1\ntopology: nowhere.yaml\nset: {services.web.replicas: 3}\n");
    let text = text
        .replace("  web:\n    to: api.get\n", "  web:\n")
        .replace("{set: {services.api", "{apply: [no.yaml], set: {services.apl");
    let text = text.replace("latency: 1ms", "latency: 250").replace("warmup: 10s", "warmup: 300s");
    let problems = refused(&text);
    let message = problems.to_string();
    for part in ["cannot read `nowhere.yaml`", "cannot read `no.yaml`", "`250` needs a unit", "the warm-up of 300s"] {
        assert!(message.contains(part), "{part}\n{message}");
    }
    assert_eq!(problems.count(), 4, "{message}");
}

#[test]
fn a_section_under_an_unknown_name_is_not_missed() {
    for section in ["keys", "clients", "services", "caches", "faults"] {
        let text = GOOD
            .replace(&format!("{section}:\n"), "nonsense:\n")
            .replace("variants:\n  bigger: {set: {services.api.replicas: 4}}\n", "");
        let problems = refused(&text);
        assert!(problems.to_string().contains("there is no field `nonsense` here"), "{problems}");
        // A sentence is about a fault, and faults may as well be none.
        assert_eq!(problems.count(), 1, "{section}\n{problems}");
    }
}

/// Both are in one component, of which the first makes that it cannot be read.
#[test]
fn a_component_that_cannot_be_read_is_checked_all_the_same() {
    let text = "squall: 1
clients:
  web: {to: api.get, arrivals: {poisson: {rate: 9/s}}, edge: {policies: [{timeout: 0ms}]}}
services:
  api:
    capacity: {wrokers: 8}
    queue: [1]
    edges: {db: {link: {latency: 1}}}
    endpoints: {get: {steps: [{work: {lognormal: {median: 9ms, p99: 3ms}}}]}}
  db: {capacity: 5, replicas: 0, endpoints: {}}
";
    let problems = refused(text);
    let message = problems.to_string();
    let wanted = [
        "a duration of zero makes no sense here",
        "did you mean `workers`?",
        "a list is not a map",
        "`1` needs a unit",
        "`api` has an edge to `db`, but never calls it",
        "`p99` is 0.003",
        "`5` is not one of the choices here",
        "0 is not between 1 and",
        "service `db` has no endpoint",
    ];
    for part in wanted {
        assert!(message.contains(part), "{part}\n{message}");
    }
    assert_eq!(problems.count(), wanted.len(), "{message}");
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
