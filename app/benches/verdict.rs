//! How long a verdict takes: 50 rules over 200 slices, at most 20 ms.
//!
//! Method: ten rates, each measured on the 200 groups of two attributes, held to five rules: the
//! estimate, its difference to the best group, to the rest and to all, and its ratio to the best
//! group. Numbers come from a linear congruential generator, so they are always the same. What is
//! measured is one call of the judge, all sentences and plans included, without the database.
//!
//! `cargo bench -p app --features ssr --bench verdict`

use app::domain::RunId;
use app::domain::policy::{Policy, parse};
use app::domain::verdict::{Case, EvidenceRun, judge};
use criterion::{Criterion, criterion_group, criterion_main};
use metrics::catalogue::Outcome;
use metrics::{Estimate, Slice};
use std::fmt::Write as _;
use time::macros::datetime;
use uuid::Uuid;

const RATES: [&str; 10] = [
    "selection_rate",
    "accuracy",
    "true_positive_rate",
    "false_positive_rate",
    "true_negative_rate",
    "false_negative_rate",
    "precision",
    "negative_predictive_value",
    "false_discovery_rate",
    "false_omission_rate",
];
const SUBJECTS: [&str; 5] = [
    "min = 0.3\n",
    "disparity = \"difference\"\nmax = 0.1\n",
    "disparity = \"difference\"\nreference = \"rest\"\nmax = 0.1\n",
    "disparity = \"difference\"\nreference = \"overall\"\nmax = 0.1\n",
    "disparity = \"ratio\"\nmin = 0.8\n",
];

fn policy() -> Policy {
    let mut source = "schema = \"evenhand.policy/v1\"\nname = \"Fifty rules\"\n".to_owned();
    for metric in RATES {
        for (i, subject) in SUBJECTS.iter().enumerate() {
            let id = format!("{}-{i}", metric.replace('_', "-"));
            let _ = write!(
                source,
                "[[rule]]\nid = \"{id}\"\nmetric = \"{metric}\"\nby = [\"age\", \"region\"]\n\
                 arity = 2\nleast_n = 100\n{subject}"
            );
        }
    }
    parse(&source).expect("the policy is right").resolve(None)
}

fn estimates() -> Vec<Estimate> {
    let mut state = 42_u64;
    let mut next = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut slices = vec![Slice::overall()];
    for age in 0..10 {
        for region in 0..20 {
            let pairs = [("age", format!("band {age}")), ("region", format!("region {region}"))];
            let pairs = pairs.iter().map(|(attribute, group)| (*attribute, group.as_str()));
            slices.push(Slice::new(pairs).expect("two attributes"));
        }
    }
    let mut all = vec![];
    for slice in &slices {
        for metric in RATES.into_iter().chain(["base_rate"]) {
            let rows = if slice.is_overall() { 400_000 } else { 500 + next(3_000) };
            let hits = rows * (400 + next(200)) / 1_000;
            all.push(Estimate {
                slice: slice.clone(),
                metric: metric.to_owned(),
                value: Some(hits as f64 / rows as f64),
                n: Some(rows),
                numerator: Some(hits),
                denominator: Some(rows),
                positives: Some(rows),
                n_effective: None,
                stderr: None,
                threshold: None,
                interval: None,
                undefined: None,
            });
        }
    }
    all
}

fn fifty_rules(criterion: &mut Criterion) {
    let policy = policy();
    let at = datetime!(2026-11-01 00:00 UTC);
    let runs = [EvidenceRun {
        id: RunId(Uuid::from_u128(1)),
        digest: "sha256:1".to_owned(),
        version_label: "v1".to_owned(),
        dataset_name: "bench".to_owned(),
        dataset_version: "1".to_owned(),
        instrument_name: "evenhand-metrics".to_owned(),
        instrument_definitions: "1".to_owned(),
        evaluated_at: at,
        outcome: Outcome::Favourable,
        recomputed: true,
        estimates: estimates(),
        unconfirmed: vec![],
        replaced: vec![],
    }];
    criterion.bench_function("verdict of 50 rules over 200 slices", |bencher| {
        bencher.iter(|| {
            let readiness = judge(&Case {
                policy: Some(&policy),
                runs: &runs,
                launched: None,
                waivers: &[],
                at,
            });
            assert_eq!(readiness.rules.len(), 50);
            assert!(readiness.rules.iter().all(|outcome| outcome.parts.len() >= 199));
            readiness
        });
    });
}

criterion_group!(benches, fifty_rules);
criterion_main!(benches);
