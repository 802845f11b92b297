//! The numbers are those of Fairlearn 0.15 and Aequitas 1.1 on real data, to 1e-9.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use metrics::catalogue::Outcome;
use metrics::disparity::{self, Comparison, Kind, Reference};
use metrics::evaluate::{About, Evaluation, LEVEL, evaluate};
use metrics::{DatasetRef, Estimate, Slice, Spec};
use serde_json::Value;
use std::path::PathBuf;
use time::macros::datetime;

const ADULT: &str = r#"
task = "binary_classification"
id = "id"
label = "label"
score = "score"
prediction = "prediction"
slices = ["sex", "race", "age_band"]
intersections = 3
"#;

const ACS: &str = r#"
task = "binary_classification"
label = "label"
score = "score"
prediction = "prediction"
slices = ["sex", "race", "disability"]
intersections = [["sex", "race"]]
"#;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name)
}

fn golden(name: &str) -> Value {
    let text = std::fs::read_to_string(fixture(&format!("golden/{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn evaluated(file: &str, spec: &str) -> Evaluation {
    let dataset =
        DatasetRef { name: "real".to_owned(), version: "1".to_owned(), digest: None, rows: None };
    let about = About { dataset, evaluated_at: datetime!(2026-11-01 00:00 UTC), level: LEVEL };
    let path = fixture(&format!("predictions/{file}"));
    evaluate(&path, &Spec::parse(spec).unwrap(), about).unwrap()
}

fn find<'a>(estimates: &'a [Estimate], slice: &Slice, metric: &str) -> &'a Estimate {
    estimates.iter().find(|e| e.slice == *slice && e.metric == metric).unwrap()
}

fn close(got: f64, known: f64, what: &str) {
    assert!((got - known).abs() < 1e-9, "{what}: {got} is not {known}");
}

/// Fairlearn's name of a metric, and ours.
const NAMES: &[(&str, &str)] = &[
    ("count", "count"),
    ("selection_rate", "selection_rate"),
    ("accuracy", "accuracy"),
    ("true_positive_rate", "true_positive_rate"),
    ("false_positive_rate", "false_positive_rate"),
    ("false_negative_rate", "false_negative_rate"),
    ("true_negative_rate", "true_negative_rate"),
    ("precision", "precision"),
    ("recall", "true_positive_rate"),
    ("f1", "f1"),
    ("balanced_accuracy", "balanced_accuracy"),
    ("roc_auc", "roc_auc"),
    ("brier", "brier_score"),
    ("mean_score", "mean_score"),
];

/// How many numbers agreed, and how many are undefined here (0, or one class's recall, there).
#[derive(Debug, Default)]
struct Tally {
    equal: usize,
    undefined: usize,
}

fn attributes(known: &Value) -> Vec<&str> {
    let names = known["sensitive_features"].as_array().unwrap();
    names.iter().map(|name| name.as_str().unwrap()).collect()
}

fn compare_values(estimates: &[Estimate], slice: &Slice, known: &Value, tally: &mut Tally) {
    for (theirs, ours) in NAMES {
        let Some(known) = known.get(*theirs) else { continue };
        let estimate = find(estimates, slice, ours);
        match (estimate.value, known.as_f64()) {
            (Some(value), Some(known)) => {
                close(value, known, &format!("{slice} {ours}"));
                tally.equal += 1;
            }
            (None, _) => {
                assert!(estimate.undefined.is_some(), "{slice} {ours} says why");
                tally.undefined += 1;
            }
            (Some(value), None) => panic!("{slice} {ours} is {value} here and nothing there"),
        }
    }
}

fn compare_section(estimates: &[Estimate], section: &Value) -> Tally {
    let mut tally = Tally::default();
    for known in section.as_object().unwrap().values() {
        let attributes = attributes(known);
        compare_values(estimates, &Slice::overall(), &known["overall"], &mut tally);
        for (group, values) in known["by_group"].as_object().unwrap() {
            // Fairlearn lists combinations that do not occur.
            if values["count"].is_null() {
                continue;
            }
            let slice = Slice::new(attributes.iter().copied().zip(group.split('|'))).unwrap();
            compare_values(estimates, &slice, values, &mut tally);
        }
        compare_aliases(estimates, &attributes, known, &mut tally);
        compare_with_overall(estimates, &attributes, known, &mut tally);
    }
    tally
}

fn compare_aliases(estimates: &[Estimate], attributes: &[&str], known: &Value, tally: &mut Tally) {
    for (name, _, _) in disparity::ALIASES {
        let alias = disparity::alias(estimates, attributes, name, LEVEL).unwrap();
        if alias.left_out.is_empty() {
            close(alias.value.unwrap(), known[*name].as_f64().unwrap(), name);
            tally.equal += 1;
        } else {
            tally.undefined += 1;
        }
    }
    for kind in [Kind::Difference, Kind::Ratio] {
        let alias = disparity::mean_equalized_odds(estimates, attributes, kind, LEVEL);
        if alias.left_out.is_empty() {
            close(alias.value.unwrap(), known[&alias.name].as_f64().unwrap(), &alias.name);
            let ends = alias.interval.unwrap();
            assert!(ends.low <= alias.value.unwrap() && alias.value.unwrap() <= ends.high);
            tally.equal += 1;
        } else {
            tally.undefined += 1;
        }
    }
}

fn compare_with_overall(
    estimates: &[Estimate],
    attributes: &[&str],
    known: &Value,
    tally: &mut Tally,
) {
    for (theirs, ours) in NAMES.iter().filter(|(theirs, _)| *theirs != "count") {
        for (key, kind) in
            [("difference_to_overall", Kind::Difference), ("ratio_to_overall", Kind::Ratio)]
        {
            let Some(known) = known[key].get(*theirs).and_then(Value::as_f64) else { continue };
            let query = Comparison {
                reference: Reference::Overall,
                ..Comparison::with_best(ours, attributes, kind, Outcome::Favourable)
            };
            let found = disparity::compare(estimates, &query);
            if found.iter().any(|d| d.value.is_none()) {
                tally.undefined += 1;
                continue;
            }
            let values = found.iter().filter_map(|d| d.value);
            // Fairlearn reports the extreme: the largest distance, the smallest ratio either way.
            let extreme = match kind {
                Kind::Difference => values.map(f64::abs).fold(0.0, f64::max),
                Kind::Ratio => values.map(|r| r.min(1.0 / r)).fold(f64::INFINITY, f64::min),
            };
            close(extreme, known, &format!("{key} {ours} {attributes:?}"));
            tally.equal += 1;
        }
    }
}

/// Compares confusion matrices and Wilson limits; returns how many of the latter.
fn compare_counts(estimates: &[Estimate], section: &Value) -> usize {
    let sum = |cells: &Value, keys: [&str; 2]| -> u64 {
        keys.iter().map(|key| cells[key].as_u64().unwrap()).sum()
    };
    let mut compared = 0;
    for known in section.as_object().unwrap().values() {
        let attributes = attributes(known);
        for (group, cells) in known["confusion"].as_object().unwrap() {
            let groups = group.split('|');
            let slice = match group.as_str() {
                "overall" => Slice::overall(),
                _ => Slice::new(attributes.iter().copied().zip(groups)).unwrap(),
            };
            let tp = find(estimates, &slice, "true_positive_rate");
            let fp = find(estimates, &slice, "false_positive_rate");
            assert_eq!(tp.numerator, cells["tp"].as_u64());
            assert_eq!(fp.numerator, cells["fp"].as_u64());
            assert_eq!(tp.denominator, Some(sum(cells, ["tp", "fn"])));
            assert_eq!(fp.denominator, Some(sum(cells, ["fp", "tn"])));
            for (metric, limits) in known["wilson95"][group].as_object().unwrap() {
                let estimate = find(estimates, &slice, metric);
                let (Some(interval), Some(low)) = (&estimate.interval, limits[0].as_f64()) else {
                    continue;
                };
                close(interval.low, low, metric);
                close(interval.high, limits[1].as_f64().unwrap(), metric);
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn adult_equals_fairlearn_in_every_slice_and_intersection() {
    for version in ["adult_v1_lr_numeric", "adult_v4_hgb", "adult_v7_eqodds_thropt"] {
        let known = golden(&format!("fairlearn_{version}"));
        let evaluation = evaluated(&format!("{version}.csv"), ADULT);
        let estimates = &evaluation.document.estimates;
        let tally = compare_section(estimates, &known["slices"]);
        assert!(tally.equal > 400, "{version}: {tally:?}");
        assert!(compare_counts(estimates, &known["slices"]) > 80, "{version}");
    }
}

#[test]
fn acs_in_parquet_equals_fairlearn_and_a_group_of_one_is_undefined_where_it_must_be() {
    for year in ["2015", "2016", "2017"] {
        let known = golden(&format!("fairlearn_acs_{year}"));
        let evaluation = evaluated(&format!("acs_employment_ma_{year}.parquet"), ACS);
        let estimates = &evaluation.document.estimates;
        let tally = compare_section(estimates, &known["slices"]);
        assert!(tally.equal > 350, "{year}: {tally:?}");
        assert!(compare_counts(estimates, &known["slices"]) > 80, "{year}");
        assert_eq!(evaluation.receipt.rows_read, known["rows"].as_u64().unwrap());
    }
    let evaluation = evaluated("acs_employment_ma_2015.parquet", ACS);
    let one = Slice::new([("race", "Alaska Native")]).unwrap();
    let false_positives = find(&evaluation.document.estimates, &one, "false_positive_rate");
    assert_eq!(false_positives.undefined.as_deref(), Some("no negatives"));
    assert_eq!((false_positives.value, false_positives.n), (None, Some(0)));
    let area = find(&evaluation.document.estimates, &one, "roc_auc");
    assert_eq!((area.value, area.undefined.as_deref()), (None, Some("no negatives")));
}

#[test]
fn weighted_adult_equals_fairlearn_with_sample_weights() {
    let spec = ADULT.replace("id = \"id\"", "weight = \"weight\"");
    for version in ["adult_v1_lr_numeric", "adult_v7_eqodds_thropt"] {
        let known = golden(&format!("fairlearn_{version}"));
        let evaluation = evaluated(&format!("{version}.csv"), &spec);
        let tally = compare_section(&evaluation.document.estimates, &known["weighted"]);
        assert!(tally.equal > 200, "{version}: {tally:?}");
        let estimate = find(&evaluation.document.estimates, &Slice::overall(), "selection_rate");
        assert_eq!(estimate.interval.as_ref().unwrap().method, "wilson_kish");
        assert!(estimate.n_effective.unwrap() < 16_281.0 && estimate.numerator.is_none());
    }
}

#[test]
fn newcombe_between_the_sexes_is_that_of_statsmodels() {
    let known = golden("fairlearn_adult_v7_eqodds_thropt");
    let limits = &known["newcombe95_selection_rate_male_minus_female"];
    let evaluation = evaluated("adult_v7_eqodds_thropt.csv", ADULT);
    let query = Comparison {
        reference: Reference::Group("Female".to_owned()),
        ..Comparison::with_best("selection_rate", &["sex"], Kind::Difference, Outcome::Favourable)
    };
    let found = disparity::compare(&evaluation.document.estimates, &query);
    let male = found.iter().find(|d| d.slice.group("sex") == Some("Male")).unwrap();
    let interval = male.interval.as_ref().unwrap();
    close(interval.low, limits[0].as_f64().unwrap(), "low");
    close(interval.high, limits[1].as_f64().unwrap(), "high");
}

#[test]
fn the_counts_are_those_of_aequitas_and_so_are_its_ratios_to_a_named_group() {
    let known = golden("aequitas_adult_v7_eqodds_thropt");
    let evaluation = evaluated("adult_v7_eqodds_thropt.csv", ADULT);
    let estimates = &evaluation.document.estimates;
    for row in known["crosstabs"].as_array().unwrap() {
        let attributes = row["attribute_name"].as_str().unwrap().split(" x ");
        let groups = row["attribute_value"].as_str().unwrap().split('|');
        let slice = Slice::new(attributes.zip(groups)).unwrap();
        let tp = find(estimates, &slice, "true_positive_rate");
        assert_eq!(tp.numerator, row["tp"].as_u64());
        assert_eq!(find(estimates, &slice, "selection_rate").numerator, row["pp"].as_u64());
        assert_eq!(find(estimates, &slice, "count").n, row["group_size"].as_u64());
        for (theirs, ours) in [
            ("for", "false_omission_rate"),
            ("npv", "negative_predictive_value"),
            ("fdr", "false_discovery_rate"),
            ("prev", "base_rate"),
        ] {
            let value = find(estimates, &slice, ours).value.unwrap();
            close(value, row[theirs].as_f64().unwrap(), ours);
        }
    }
    let query = Comparison {
        reference: Reference::Group("White".to_owned()),
        ..Comparison::with_best("precision", &["race"], Kind::Ratio, Outcome::Favourable)
    };
    let found = disparity::compare(estimates, &query);
    let races = known["disparity_predefined"].as_array().unwrap();
    for row in races.iter().filter(|row| row["attribute_name"] == "race") {
        let group = row["attribute_value"].as_str();
        let ours = found.iter().find(|d| d.slice.group("race") == group).unwrap();
        close(ours.value.unwrap(), row["precision_disparity"].as_f64().unwrap(), group.unwrap());
    }
}

#[test]
fn csv_and_parquet_of_the_same_rows_give_the_same_bytes() {
    let csv = evaluated("adult_v4_hgb.csv", ADULT);
    let parquet = evaluated("adult_v4_hgb.parquet", ADULT);
    let text = |evaluation: &Evaluation| serde_json::to_string(&evaluation.document).unwrap();
    assert_eq!(text(&csv), text(&parquet));
    assert_eq!(csv.receipt.attributes, parquet.receipt.attributes);
}

#[test]
fn every_value_has_an_n_and_every_estimate_but_the_count_an_interval_that_holds_it() {
    let evaluation = evaluated("acs_employment_ma_2016.parquet", ACS);
    for estimate in &evaluation.document.estimates {
        let metric = metrics::catalogue::find(&estimate.metric).unwrap();
        match (estimate.value, &estimate.interval) {
            (None, interval) => assert!(interval.is_none() && estimate.undefined.is_some()),
            (Some(value), Some(interval)) => {
                assert!(metric.holds(value) && estimate.n.is_some(), "{estimate:?}");
                assert!(interval.low <= value && value <= interval.high, "{estimate:?}");
                assert!(interval.high > interval.low, "{estimate:?}");
                let again = estimate.bounds(interval.level).unwrap();
                assert!((again.low - interval.low).abs() < 1e-9, "{estimate:?} {again:?}");
                assert!((again.high - interval.high).abs() < 1e-9, "{estimate:?} {again:?}");
            }
            // Nothing bounds the losses that one row does not show.
            (Some(_), None) if estimate.metric == "log_loss" => assert_eq!(estimate.n, Some(1)),
            (Some(_), None) => assert_eq!(estimate.metric, "count"),
        }
    }
}
