//! How long a bootstrap from counts takes: two attributes and their pairs (17 groups and overall),
//! six metrics, intervals of every estimate and of every gap, as difference and as ratio.
//!
//! Method: the counts stand for a million rows; they are all that a resample sees, so any number of
//! rows takes as long.
//!
//! `cargo bench -p metrics --bench resample`

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use metrics::bootstrap::{Form, Plan};
use metrics::catalogue::Outcome;
use metrics::disparity::resample;
use metrics::{Estimate, Slice};
use serde_json::json;

/// Metric, numerator and denominator, of TP, FP, FN, TN.
fn six(cells: [u64; 4]) -> [(&'static str, u64, u64); 6] {
    let [tp, fp, missed, tn] = cells;
    let all = tp + fp + missed + tn;
    [
        ("selection_rate", tp + fp, all),
        ("accuracy", tp + tn, all),
        ("true_positive_rate", tp, tp + missed),
        ("false_positive_rate", fp, fp + tn),
        ("precision", tp, tp + fp),
        ("base_rate", tp + missed, all),
    ]
}

fn estimates_of(slice: &Slice, cells: [u64; 4]) -> impl Iterator<Item = Estimate> {
    six(cells).into_iter().map(move |(metric, k, n)| {
        serde_json::from_value(json!({
            "slice": slice, "metric": metric, "value": k as f64 / n as f64, "n": n,
            "numerator": k, "denominator": n,
        }))
        .expect("it is an estimate")
    })
}

fn run() -> Vec<Estimate> {
    let pairs = (0..2).flat_map(|sex| (0..5).map(move |race| (sex, race)));
    let cells: Vec<((u64, u64), [u64; 4])> = pairs
        .map(|(sex, race)| {
            let size = 1_000_000 / 10 / (race + 1);
            ((sex, race), [size / (4 + sex), size / (9 + race), size / 7, size / 3])
        })
        .collect();
    let sum = |of: &dyn Fn(u64, u64) -> bool| {
        cells
            .iter()
            .filter(|((sex, race), _)| of(*sex, *race))
            .fold([0; 4], |sum, (_, own)| std::array::from_fn(|cell| sum[cell] + own[cell]))
    };
    let slice = |pairs: &[(&str, u64)]| {
        Slice::new(pairs.iter().map(|(attribute, group)| (*attribute, group.to_string())))
            .expect("the names are right")
    };
    let mut all: Vec<Estimate> = estimates_of(&Slice::overall(), sum(&|_, _| true)).collect();
    for sex in 0..2 {
        all.extend(estimates_of(&slice(&[("sex", sex)]), sum(&|own, _| own == sex)));
    }
    for race in 0..5 {
        all.extend(estimates_of(&slice(&[("race", race)]), sum(&|_, own| own == race)));
    }
    for ((sex, race), own) in &cells {
        all.extend(estimates_of(&slice(&[("sex", *sex), ("race", *race)]), *own));
    }
    all
}

fn from_counts(criterion: &mut Criterion) {
    let run = run();
    let mut group = criterion.benchmark_group("resample six metrics, two attributes with pairs");
    for resamples in [100, 2_000] {
        let plan = Plan { resamples, seed: 7, level: 0.95 };
        group.bench_function(BenchmarkId::from_parameter(resamples), |bencher| {
            bencher.iter(|| resample(&run, Outcome::Favourable, plan, Form::Percentile));
        });
    }
    group.finish();
}

criterion_group!(benches, from_counts);
criterion_main!(benches);
