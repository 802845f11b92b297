//! How often intervals hold the truth, by simulation.

use super::*;
use crate::evaluate::binary;
use crate::random::Stream;
use crate::read::Role;

const SPEC: &str = "task='binary_classification'\nlabel='y'\nscore='s'\ncluster='person'";

/// People with up to six rows each, which resemble one another.
fn people(stream: &mut Stream, count: u32) -> (Table, Names) {
    let (mut table, mut names) = (Table::default(), Names::default());
    for person in 0..count {
        let leaning = stream.uniform();
        for _ in 0..=stream.below(6) {
            let positive = stream.uniform() < 0.1 + 0.8 * leaning;
            // Some know more than others of how they lean.
            let score = (0.15 + 0.6 * leaning + 0.25 * stream.uniform()).clamp(0.0, 1.0);
            table.cells.push(u8::from(positive) | u8::from(score >= 0.5) << 1);
            table.scores.push(score);
            names.codes.push(person);
        }
        names.texts.push(format!("p{person}"));
    }
    (table, names)
}

fn estimates(table: &Table, names: Option<&Names>) -> Vec<Estimate> {
    let spec = Spec::parse(SPEC).unwrap();
    let slices = crate::evaluate::aggregate::aggregate(table, &spec).unwrap();
    let clustered = names.map(|names| Clustered::new(table, names, &spec).unwrap());
    binary(&slices, &spec, 0.95, clustered.as_ref()).estimates
}

#[test]
fn intervals_of_clusters_hold_the_truth_as_often_as_they_say_and_those_of_rows_do_not() {
    const TRIALS: u32 = 240;
    let mut stream = Stream::new(5, "people", 0);
    let (all, _) = people(&mut stream, 30_000);
    let truth = estimates(&all, None);
    let mut held = BTreeMap::<String, [u32; 2]>::new();
    for _ in 0..TRIALS {
        let (table, names) = people(&mut stream, 90);
        for (which, names) in [(0, Some(&names)), (1, None)] {
            for (estimate, truth) in estimates(&table, names).iter().zip(&truth) {
                let (Some(ends), Some(truth)) = (&estimate.interval, truth.value) else { continue };
                let holds = ends.low <= truth && truth <= ends.high;
                held.entry(estimate.metric.clone()).or_default()[which] += u32::from(holds);
            }
        }
    }
    let share = |metric: &str, which: usize| f64::from(held[metric][which]) / f64::from(TRIALS);
    for metric in [
        "selection_rate",
        "base_rate",
        "true_positive_rate",
        "precision",
        "f1",
        "balanced_accuracy",
        "brier_score",
        "mean_score",
        "log_loss",
        "roc_auc",
        "average_precision",
        "calibration_error",
    ] {
        let covered = share(metric, 0);
        assert!(covered > 0.90, "{metric}: {covered}");
        // What is moved down by what noise can add holds the truth more often.
        assert!(metric == "calibration_error" || covered < 0.99, "{metric}: {covered}");
    }
    for metric in ["selection_rate", "mean_score"] {
        let covered = share(metric, 1);
        assert!(covered < 0.88, "{metric} of rows: {covered}");
    }
}

#[test]
fn the_column_of_clusters_is_read() {
    let spec = Spec::parse(SPEC).unwrap();
    assert!(Table::new(&spec).names(Role::Cluster).is_some());
}
