//! The page of validation results: what was measured in each case, against what was to be found.
//!
//! `docs/background/validation.md` is written by this module, and held against it by every run of the whole table.

use super::{Found, Op, Want, find};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Rewrites the page.
const COMMAND: &str = "SQUALL_WRITE_VALIDATION=1 cargo test --test main worlds_do_what_theory_says";

/// What the cases of the shared table are, and where their answers come from.
const TITLES: &[(&str, &str, &str)] = &[
    ("A01", "M/M/1 FIFO", "a formula"),
    ("A03b", "M/M/4/10 bounded queue, reject when full", "a formula"),
    ("A05", "M/G/20/20 loss (Erlang B insensitivity), Exp service", "a formula"),
    ("A07b", "Erlang-A M/M/10+M (exponential patience while queued)", "a formula"),
    ("A08c", "M/M/1+D: deadline on queueing only (100 ms), expired requests are removed/never served", "a formula"),
    ("A08g", "Same check (age>1 s) at 95 % load", "a formula"),
    ("A09", "Closed loop: 12 clients, think Exp mean 1 s, 1 Exp(100 ms) server(s)", "a formula"),
    ("A14", "Independent attempt failures p=0.3, up to 3 retries", "a formula"),
    ("A14c", "Nested retries: k layers each doing A attempts, bottom hard down", "a formula"),
    ("A15b", "Random splitting over 10 servers = 10 M/M/1", "a formula"),
    ("A17c", "Token bucket (continuous refill 100/s, burst 5), Poisson 100/s; rejects = M/D/1/5 blocking", "a formula"),
    ("A18", "Fan-out to 100 leaves, Exp mean 10 ms, no queueing, wait for all", "a formula"),
    ("A18c", "Tail at Scale arithmetic: leaf 1% > 1 s", "a formula"),
    ("A20", "LRU/FIFO/perfect-LFU hit ratio, 8 keys Zipf(1), capacity 3 (exact IRM)", "a formula"),
    ("A21", "One key with a TTL of 10 s, asked for 0.5 times a second: λT/(1+λT)", "a formula"),
    ("A22", "Stampede size per expiry, no coalescing, deterministic recompute: 1+λD", "a formula"),
    (
        "A30c",
        "Mutual-call deadlock: A(1 threads) <-> B(1 threads), mean time to total deadlock from empty",
        "a formula",
    ),
    ("A33", "Deterministic overload pulse: D/D/1 fluid", "a formula"),
    ("A36c", "A->B->C->A call ring, 1 thread(s) each, no timeouts: mean time to total deadlock", "a formula"),
    ("B05", "Ciw M/M/1 with deterministic reneging (overload 2.5x)", "another simulation"),
    (
        "B07c",
        "Exact hit counts on a language-neutral Zipf(0.9) trace (500 keys, 50000 requests, seed 2024)",
        "another simulation",
    ),
    ("C01", "Tail at Scale: fan-out 100, 1 % slow leaves", "published"),
    ("C03", "AWS Builders Library: 5-deep stack, 3 attempts per layer", "published"),
    ("C06", "SRE book: retries at three layers / budgets", "published"),
    ("D01a", "Retry storm after a 10 s 2x load pulse: no budget", "another simulation"),
    ("D01c", "Retry storm after a 10 s 2x load pulse: no retries", "another simulation"),
    ("D01j", "Retry storm after a 10 s 2x load pulse: LIFO queue, 3 retries", "another simulation"),
    ("D04a", "Cache flush stampede, unlimited DB: total queries = N + lambda*D vs N", "a formula"),
    ("D09", "Gray failure: one replica 10x slower", "another simulation"),
    ("D12", "Reconnect herd of 5000 clients: with jitter", "another simulation"),
    ("D15", "FIFO vs LIFO under 1.5x overload, 1 s deadline", "a formula"),
];

const HEAD: &str = "\
# Validation: measured against known answers

Worlds whose answers somebody else has worked out: exact formulas, published figures, other simulators. Each is built from the same
parts as any scenario, and measured with fixed seeds. *Error* is the difference in parts of the expected value; *allowed* is how far
a measurement over so many requests may be off by chance (some 4.5 standard errors), or the error of the approximation itself. A
case that is off by more fails the tests.

This page is written by

```sh
COMMAND
```

and the same test fails when the page is not what it measures.
";

/// A line of the page, by its case.
pub(super) struct Line {
    case: &'static str,
    text: String,
}

/// Five digits: more than chance leaves, and few enough to be the same on every machine.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let decimals = (4 - libm::floor(libm::log10(value.abs())) as i32).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn percent(share: f64) -> String {
    if share.abs() < 5e-7 { "0".to_owned() } else { format!("{:.2} %", share * 100.0).replace('-', "−") }
}

pub(super) fn line(case: &'static str, found: &Found) -> Line {
    let (op, expected, tolerance) = match found.want {
        Want::Row(n) => {
            let row = find(case, &found.metric);
            (row.op, row.expected, row.tolerance_at(n))
        }
        Want::Formula { expected, standard_error, .. } => (Op::Within, expected, 4.5 * standard_error),
        Want::Near { expected, tolerance } => (Op::Within, expected, tolerance),
    };
    let part = |value: f64| if expected == 0.0 { short(value) } else { percent(value / expected.abs()) };
    let (bound, error, allowed) = match op {
        Op::Within => ("", part(found.value - expected), part(tolerance)),
        Op::AtLeast => ("at least ", String::new(), String::new()),
        Op::AtMost => ("at most ", String::new(), String::new()),
    };
    let metric = found.metric.replace('|', "\\|");
    let text = format!("| {metric} | {bound}{} | {} | {error} | {allowed} |", short(expected), short(found.value));
    Line { case, text }
}

/// The whole page.
fn page(mut lines: Vec<Line>) -> String {
    lines.sort_by(|a, b| (known(a.case).is_none(), a.case, &a.text).cmp(&(known(b.case).is_none(), b.case, &b.text)));
    let mut out = HEAD.replace("COMMAND", COMMAND);
    let mut last = "";
    for line in &lines {
        if line.case != last {
            let (what, source) = match known(line.case) {
                Some((_, title, source)) => (format!("{}: {title}", line.case), *source),
                None => (line.case.to_owned(), "a formula of the textbook"),
            };
            let _ = write!(
                out,
                "\n## {what}\n\nFrom {source}.\n\n| | expected | measured | error | allowed |\n|---|--:|--:|--:|--:|\n"
            );
            last = line.case;
        }
        let _ = writeln!(out, "{}", line.text);
    }
    out
}

fn known(case: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    TITLES.iter().find(|(id, ..)| *id == case)
}

/// Writes the page if that is asked for; otherwise it has to be what it would be.
pub(super) fn hold(lines: Vec<Line>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/background/validation.md");
    let new = page(lines);
    if std::env::var_os("SQUALL_WRITE_VALIDATION").is_some() {
        std::fs::write(&path, new).unwrap();
        return;
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = new.lines().zip(old.lines()).find(|(new, old)| new != old);
    assert!(old == new, "docs/background/validation.md is stale, first at {differs:?}; write it anew: {COMMAND}");
}
