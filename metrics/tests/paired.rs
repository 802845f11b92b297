//! Two models on the same people: the census income predictions of two versions, row by row.
//!
//! The expected counts, and DeLong's variance from all pairs of rows, were computed by a script of
//! its own from the same files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use metrics::evaluate::{About, LEVEL, NoRows, evaluate, evaluate_with_rows};
use metrics::paired::{Comparison, Discordant, PairedChange, Rows, compare};
use metrics::{DatasetRef, Slice, Spec};
use std::path::{Path, PathBuf};

const SPEC: &str = r#"{"task": "binary_classification", "id": "id", "label": "label",
    "score": "score", "prediction": "prediction", "slices": ["sex", "race"], "intersections": 2}"#;

fn about() -> About {
    About {
        dataset: DatasetRef {
            name: "adult-half".to_owned(),
            version: "1994".to_owned(),
            digest: None,
            rows: None,
        },
        evaluated_at: time::OffsetDateTime::UNIX_EPOCH,
        level: LEVEL,
    }
}

fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/predictions").join(file)
}

fn rows(file: &str) -> Rows {
    let spec = Spec::parse(SPEC).unwrap();
    evaluate_with_rows(&fixture(file), &spec, about(), b"key", 20_000).unwrap().1.unwrap()
}

fn adult() -> Comparison {
    compare(&rows("adult_v3_lr_unaware.csv"), &rows("adult_v4_hgb.csv"), LEVEL).unwrap()
}

fn found<'a>(comparison: &'a Comparison, metric: &str, slice: &str) -> &'a PairedChange {
    comparison.find(metric, &Slice::parse(slice).unwrap()).expect("it is compared")
}

#[test]
fn every_row_of_two_versions_is_matched_and_their_disagreements_are_counted() {
    let comparison = adult();
    assert_eq!((comparison.matched, comparison.only_before, comparison.only_after), (16_281, 0, 0));
    assert_eq!((comparison.unidentified, comparison.notes.len()), (0, 0));
    for (metric, slice, n, lost, gained) in [
        ("true_positive_rate", "", 3_921, 113, 359),
        ("true_positive_rate", "sex=Female", 610, 14, 39),
        ("accuracy", "", 16_281, 376, 659),
        ("accuracy", "sex=Female", 5_413, 55, 86),
        ("false_positive_rate", "sex=Male", 7_557, 253, 222),
    ] {
        let change = found(&comparison, metric, slice);
        assert_eq!(change.n, n, "{metric} {slice}");
        assert_eq!(change.discordant, Some(Discordant { lost, gained }), "{metric} {slice}");
        let value = (gained as f64 - lost as f64) / n as f64;
        assert!((change.change.value.unwrap() - value).abs() < 1e-12, "{metric} {slice}");
    }
    // 14 and 39 of 53.
    let change = found(&comparison, "true_positive_rate", "sex=Female");
    assert!((change.p.unwrap() - 0.000_802_330_9).abs() < 1e-9, "{:?}", change.p);
}

#[test]
fn the_area_and_the_brier_score_move_by_what_all_pairs_of_rows_give() {
    let comparison = adult();
    let change = found(&comparison, "roc_auc", "sex=Female");
    let interval = change.change.interval.as_ref().unwrap();
    assert!((change.before.value.unwrap() - 0.934_931_890_246).abs() < 1e-9);
    assert!((change.change.value.unwrap() - 0.011_242_290_508).abs() < 1e-9);
    assert!((interval.low - 0.005_721_032_809).abs() < 1e-9, "{interval:?}");
    assert!((interval.high - 0.016_763_548_207).abs() < 1e-9, "{interval:?}");
    let change = found(&comparison, "brier_score", "sex=Female");
    let interval = change.change.interval.as_ref().unwrap();
    let half = 0.000_942_479_724_5 * metrics::interval::t_quantile(0.975, 5_412.0);
    assert!((change.change.value.unwrap() + 0.005_636_330_992_7).abs() < 1e-9);
    assert!((interval.high - interval.low - 2.0 * half).abs() < 1e-9, "{interval:?}");
}

#[test]
fn values_before_and_after_are_those_of_the_runs_themselves() {
    let spec = Spec::parse(SPEC).unwrap();
    let run = |file: &str| evaluate(&fixture(file), &spec, about()).unwrap().document;
    let runs = [run("adult_v3_lr_unaware.csv"), run("adult_v4_hgb.csv")];
    let comparison = adult();
    assert!(comparison.changes.len() > 200, "{}", comparison.changes.len());
    for change in &comparison.changes {
        for (run, ours) in runs.iter().zip([&change.before, &change.after]) {
            let theirs = run
                .estimates
                .iter()
                .find(|it| it.metric == change.metric && it.slice == change.slice)
                .expect("the run has it");
            assert_eq!(ours, theirs);
        }
    }
}

#[test]
fn a_file_in_another_format_has_the_same_rows() {
    let (csv, parquet) = (rows("adult_v4_hgb.csv"), rows("adult_v4_hgb.parquet"));
    let comparison = compare(&csv, &parquet, LEVEL).unwrap();
    assert_eq!((comparison.matched, comparison.only_after), (16_281, 0));
    assert!(comparison.changes.iter().all(|change| change.change.beyond_chance != Some(true)));
}

#[test]
fn a_file_without_ids_with_weights_or_with_too_many_rows_says_why_it_has_no_rows() {
    let none = |spec: &str, most: u64| {
        let spec = Spec::parse(spec).unwrap();
        let file = fixture("adult_v4_hgb.csv");
        evaluate_with_rows(&file, &spec, about(), b"key", most).unwrap().1.unwrap_err()
    };
    assert_eq!(none(&SPEC.replace(r#""id": "id","#, ""), 20_000), NoRows::NoId);
    let weighted = SPEC.replace(r#""id": "id","#, r#""id": "id", "weight": "weight","#);
    assert_eq!(none(&weighted, 20_000), NoRows::Weighted);
    assert_eq!(none(SPEC, 16_000), NoRows::TooMany { most: 16_000 });
}
