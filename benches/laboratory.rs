//! What the layer around the runs costs: the same runs plainly, through `compare` on one thread, and on all cores.
//!
//! `cargo bench --bench laboratory`. The second may cost at most 3 % more than the first; the third should take the first's
//! time divided by the cores.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squall::experiment::stats::Looks;
use squall::experiment::{Design, Fold, Plan, Samples, compare, execute};
use squall::scenario::{Case, Loaded, load};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const SEEDS: u64 = 16;

fn plainly(loaded: &Loaded) {
    for case in &loaded.cases {
        for seed in 1..=SEEDS {
            black_box(squall_models::run(&case.blueprint, seed).expect("the books balance"));
        }
    }
}

fn compared(loaded: &Loaded, threads: usize) {
    let cases: Vec<&Case> = loaded.cases.iter().collect();
    let (mut samples, mut fold) = (Samples::new(&cases), Fold::new(&cases));
    let plan = Plan { cases: cases.clone(), seeds: (1..=SEEDS).collect(), threads, twice: false };
    let all = execute(&plan, &AtomicBool::new(false), |run| {
        samples.take(cases[run.case], &run);
        fold.take(run);
        Ok::<(), ()>(())
    });
    assert_eq!(all, Ok(true));
    let looks = Looks::once(SEEDS as usize, 0.05);
    black_box(compare(&samples, &Design { looks, margin_share: 0.01, margin: 0.05 }));
    black_box(fold.finish());
}

fn laboratory(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = load(&root.join("topologies/gallery/retry-storm.yaml"), &[]).expect("the scenario is valid");
    let mut group = criterion.benchmark_group("laboratory");
    group.sample_size(10);
    group.throughput(Throughput::Elements(loaded.cases.len() as u64 * SEEDS));
    group.bench_function("plain runs", |bencher| bencher.iter(|| plainly(&loaded)));
    group.bench_function("compare, one thread", |bencher| bencher.iter(|| compared(&loaded, 1)));
    group.bench_function("compare, all cores", |bencher| bencher.iter(|| compared(&loaded, 0)));
    group.finish();
}

criterion_group!(benches, laboratory);
criterion_main!(benches);
