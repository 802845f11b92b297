//! Rows that come in clusters, against statsmodels and scikit-learn.
//!
//! The file and the numbers are made by `tests/fixtures/tasks/make_clusters.py`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use metrics::evaluate::{About, Evaluation, LEVEL, evaluate};
use metrics::interval::{mean_t, wilson};
use metrics::{DatasetRef, Estimate, Slice, Spec};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use time::macros::datetime;

const SPEC: &str = "task='binary_classification'\nlabel='label'\nscore='score'\nslices=['ward']\n";

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/tasks").join(name)
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clusters-{name}.csv"))
}

fn evaluated(path: &Path, spec: &str) -> Evaluation {
    let dataset =
        DatasetRef { name: "visits".to_owned(), version: "1".to_owned(), digest: None, rows: None };
    let about = About { dataset, evaluated_at: datetime!(2026-11-01 00:00 UTC), level: LEVEL };
    evaluate(path, &Spec::parse(spec).unwrap(), about).unwrap()
}

fn visits(cluster: &str) -> Evaluation {
    evaluated(&fixture("visits.csv"), &format!("{SPEC}cluster='{cluster}'"))
}

fn find<'a>(evaluation: &'a Evaluation, slice: &str, metric: &str) -> &'a Estimate {
    let slice = Slice::parse(slice).unwrap();
    let all = &evaluation.document.estimates;
    all.iter().find(|it| it.slice == slice && it.metric == metric).unwrap()
}

fn known() -> Value {
    serde_json::from_str(&fs::read_to_string(fixture("clusters.json")).unwrap()).unwrap()
}

fn close(got: f64, wanted: f64, within: f64, what: &str) {
    assert!((got - wanted).abs() <= within * wanted.abs(), "{what}: {got} is not {wanted}");
}

#[test]
fn rates_and_means_have_the_cluster_robust_errors_of_statsmodels() {
    let evaluation = visits("person");
    for (ward, known) in known().as_object().unwrap() {
        let slice = if ward.is_empty() { String::new() } else { format!("ward={ward}") };
        for (metric, known) in known["means"].as_object().unwrap() {
            let what = format!("{metric} of {slice}");
            let [value, stderr, clusters] =
                ["value", "stderr", "clusters"].map(|key| known[key].as_f64().unwrap());
            let estimate = find(&evaluation, &slice, metric);
            let got = estimate.interval.as_ref().unwrap();
            close(estimate.value.unwrap(), value, 1e-9, &what);
            let bounds = if got.method == "wilson_cluster" {
                // The rows that would know as much if each were independent.
                let n = value * (1.0 - value) / (stderr * stderr);
                close(estimate.n_effective.unwrap(), n, 1e-6, &what);
                assert!(n < estimate.n.unwrap() as f64, "{what}");
                assert_eq!(estimate.numerator, None, "{what}: counts would say independent");
                wilson(value, n, LEVEL)
            } else {
                assert_eq!(got.method, "t_cluster", "{what}");
                close(estimate.stderr.unwrap(), stderr, 1e-9, &what);
                close(estimate.n_effective.unwrap(), clusters, 0.0, &what);
                mean_t(value, stderr, clusters - 1.0, LEVEL)
            };
            close(got.low, bounds.low, 1e-6, &what);
            close(got.high, bounds.high, 1e-6, &what);
        }
    }
}

#[test]
fn what_is_no_mean_has_nearly_the_errors_of_leaving_out_each_cluster() {
    let evaluation = visits("person");
    for (ward, known) in known().as_object().unwrap() {
        let slice = if ward.is_empty() { String::new() } else { format!("ward={ward}") };
        for (metric, known) in known["jackknife"].as_object().unwrap() {
            let what = format!("{metric} of {slice}");
            let estimate = find(&evaluation, &slice, metric);
            close(estimate.value.unwrap(), known["value"].as_f64().unwrap(), 1e-9, &what);
            // The calibration error has corners, where a bin's gap is near 0.
            let within = if metric == "calibration_error" { 0.15 } else { 0.05 };
            close(estimate.stderr.unwrap(), known["stderr"].as_f64().unwrap(), within, &what);
            let got = estimate.interval.as_ref().unwrap();
            assert!(got.method.contains("cluster"), "{what}: {}", got.method);
            assert!(got.low < estimate.value.unwrap() && estimate.value.unwrap() < got.high);
        }
    }
}

#[test]
fn intervals_can_be_had_at_another_level_from_what_is_stored() {
    let dataset =
        DatasetRef { name: "visits".to_owned(), version: "1".to_owned(), digest: None, rows: None };
    let about = About { dataset, evaluated_at: datetime!(2026-11-01 00:00 UTC), level: 0.99 };
    let spec = Spec::parse(&format!("{SPEC}cluster='person'")).unwrap();
    let at_99 = evaluate(&fixture("visits.csv"), &spec, about).unwrap();
    let at_95 = visits("person");
    let pairs = at_95.document.estimates.iter().zip(&at_99.document.estimates);
    for (stored, wanted) in pairs.filter(|(stored, _)| stored.metric != "count") {
        let bounds = stored.bounds(0.99).unwrap();
        let wanted = wanted.interval.as_ref().unwrap();
        // Where an end was cut off, how far it had been moved is not known any more.
        if wanted.low > 0.0 {
            close(bounds.low, wanted.low, 1e-9, &stored.metric);
        }
        close(bounds.high, wanted.high, 1e-9, &stored.metric);
    }
}

#[test]
fn rows_that_are_all_clusters_of_their_own_are_independent_rows() {
    let path = scratch("numbered");
    let text = fs::read_to_string(fixture("visits.csv")).unwrap();
    let numbered: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("{line},row") } else { format!("{line},{i}") })
        .collect();
    fs::write(&path, numbered.join("\n")).unwrap();
    let alone = evaluated(&path, SPEC);
    let clustered = evaluated(&path, &format!("{SPEC}cluster='row'"));
    for (a, b) in alone.document.estimates.iter().zip(&clustered.document.estimates) {
        assert_eq!((&a.metric, &a.slice, a.value), (&b.metric, &b.slice, b.value));
        if let (Some(a_ends), Some(b_ends)) = (&a.interval, &b.interval) {
            // Up to n/(n − 1), and to how each class of an area is corrected for its size.
            let within = if a.metric == "average_precision" { 0.5 } else { 0.02 };
            let (wide, known) = (b_ends.high - b_ends.low, a_ends.high - a_ends.low);
            close(wide, known, within, &format!("{} of {}", a.metric, a.slice));
        }
    }
}

#[test]
fn the_order_of_rows_changes_no_byte_of_a_clustered_run() {
    let path = scratch("turned");
    let text = fs::read_to_string(fixture("visits.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let turned: Vec<&str> = rows.lines().rev().collect();
    fs::write(&path, format!("{header}\n{}\n", turned.join("\n"))).unwrap();
    let turned = evaluated(&path, &format!("{SPEC}cluster='person'"));
    assert_eq!(turned.document, visits("person").document);
}

#[test]
fn one_cluster_knows_next_to_nothing() {
    let path = scratch("one");
    let rows: Vec<String> = (0..40).map(|i| format!("p,{},0.{}", i % 2, 10 + i)).collect();
    fs::write(&path, format!("person,label,score\n{}\n", rows.join("\n"))).unwrap();
    let spec = "task='binary_classification'\nlabel='label'\nscore='score'\ncluster='person'";
    let evaluation = evaluated(&path, spec);
    for metric in ["base_rate", "roc_auc", "average_precision", "mean_score"] {
        let estimate = find(&evaluation, "", metric);
        let ends = estimate.interval.as_ref().unwrap();
        assert!(ends.high - ends.low > 0.7, "{metric}: {ends:?}");
    }
}

#[test]
fn an_empty_cluster_is_refused_with_its_line() {
    let path = scratch("hole");
    fs::write(&path, "person,label,score\na,1,0.5\n,0,0.5\n").unwrap();
    let spec = "task='binary_classification'\nlabel='label'\nscore='score'\ncluster='person'";
    let dataset =
        DatasetRef { name: "hole".to_owned(), version: "1".to_owned(), digest: None, rows: None };
    let about = About { dataset, evaluated_at: datetime!(2026-11-01 00:00 UTC), level: LEVEL };
    let problems = evaluate(&path, &Spec::parse(spec).unwrap(), about).unwrap_err();
    let problem = problems[0].to_string();
    assert!(problem.contains("line 3") && problem.contains("person"), "{problem}");
}

/// The visits with both classes by name: what several classes say of two is what binary
/// classification says, which the tests above hold against others.
#[test]
fn two_named_classes_have_the_errors_of_binary_classification() {
    let mut named = "person,ward,label,prediction\n".to_owned();
    for line in fs::read_to_string(fixture("visits.csv")).unwrap().lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let name = |positive: bool| if positive { "yes" } else { "no" };
        let (label, predicted) = (cells[2] == "1", cells[3].parse::<f64>().unwrap() >= 0.5);
        let row = [cells[0], cells[1], name(label), name(predicted)].join(",");
        named.push_str(&row);
        named.push('\n');
    }
    let path = scratch("named");
    fs::write(&path, named).unwrap();
    let spec = "task='multiclass_classification'\nlabel='label'\nprediction='prediction'\n\
        slices=['ward']\ncluster='person'";
    let classes = evaluated(&path, spec);
    let binary = visits("person");
    for slice in ["", "ward=north", "ward=south"] {
        for (of_classes, of_binary) in [
            ("true_positive_rate[yes]", "true_positive_rate"),
            ("true_positive_rate[no]", "true_negative_rate"),
            ("precision[yes]", "precision"),
            ("f1[yes]", "f1"),
            ("selection_rate[yes]", "selection_rate"),
            ("macro_recall", "balanced_accuracy"),
        ] {
            let (got, wanted) =
                (find(&classes, slice, of_classes), find(&binary, slice, of_binary));
            let what = format!("{of_classes} of {slice}");
            close(got.value.unwrap(), wanted.value.unwrap(), 1e-12, &what);
            assert_eq!(got.stderr.is_some(), wanted.stderr.is_some(), "{what}");
            if let (Some(got), Some(wanted)) = (got.stderr, wanted.stderr) {
                close(got, wanted, 1e-9, &what);
            }
            let (got, wanted) = (got.interval.as_ref().unwrap(), wanted.interval.as_ref().unwrap());
            assert_eq!(got.method, wanted.method, "{what}");
            close(got.low, wanted.low, 1e-9, &what);
            close(got.high, wanted.high, 1e-9, &what);
        }
    }
    let notes = &classes.receipt.notes;
    assert!(notes.iter().any(|note| note.contains("cluster-robust")), "{notes:?}");
}

/// Rows that say the same thing again tell nothing new.
#[test]
fn macro_averages_of_rows_that_are_there_three_times_are_known_as_well_as_of_one() {
    let text = fs::read_to_string(fixture("photos.csv")).unwrap();
    let mut lines = text.lines();
    let head = format!("{},photo\n", lines.next().unwrap());
    let rows: Vec<String> = lines.enumerate().map(|(i, line)| format!("{line},{i}\n")).collect();
    let write = |name: &str, times: usize| {
        let path = scratch(name);
        fs::write(&path, format!("{head}{}", rows.concat().repeat(times))).unwrap();
        path
    };
    let spec = "task='multiclass_classification'\nlabel='label'\nprediction='prediction'\n\
        slices=['region']\n";
    let clustered = format!("{spec}cluster='photo'");
    let once = evaluated(&write("once", 1), &clustered);
    let thrice = evaluated(&write("thrice", 3), &clustered);
    let independent = evaluated(&write("thrice", 3), spec);
    for metric in ["macro_recall", "macro_precision", "macro_f1"] {
        let [once, thrice, independent] =
            [&once, &thrice, &independent].map(|it| find(it, "", metric).stderr.unwrap());
        close(thrice, once, 1e-9, metric);
        assert!(independent < 0.7 * once, "{metric}: {independent} of rows, {once} of photos");
    }
}
