//! `evenhand evaluate --bootstrap` and `--find-slices`, with no server anywhere.

use crate::{Ended, evenhand, fixture};
use serde_json::Value;

const SPEC: &str = r#"{"task": "binary_classification", "label": "label", "score": "score",
    "prediction": "prediction", "slices": ["sex", "race", "age_band"],
    "positive_outcome": "favourable"}"#;

/// The same without scores: counts alone are resampled, which takes no time.
const COUNTS: &str = r#"{"task": "binary_classification", "label": "label",
    "prediction": "prediction", "slices": ["sex", "race", "age_band"],
    "positive_outcome": "favourable"}"#;

fn evaluate(args: &[&str]) -> Ended {
    evaluate_by(SPEC, args)
}

fn evaluate_by(spec: &str, args: &[&str]) -> Ended {
    let adult = fixture("predictions/adult_v4_hgb.csv");
    let day = ["--evaluated-at", "2026-11-01"];
    evenhand(&[], &[&["evaluate", &adult, "--spec", spec], day.as_slice(), args].concat())
}

fn json(spec: &str, args: &[&str]) -> Value {
    let ended = evaluate_by(spec, &[args, &["--json"]].concat());
    ended.assert_code(0);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn the_bootstrap_of_real_counts_repeats_and_agrees_with_newcombe() {
    let args = ["--bootstrap", "1000", "--seed", "7"];
    let all = json(COUNTS, &args);
    assert!(all == json(COUNTS, &args), "the same seed gives the same numbers");
    assert_eq!(all["run"]["schema"], "evenhand.run/v1");
    let gap = all["bootstrap"]["disparities"].as_array().unwrap().iter().find(|it| {
        it["metric"] == "selection_rate"
            && it["slice"]["sex"] == "Female"
            && it["kind"] == "difference"
            && it["reference"] == "best"
    });
    let ends = &gap.unwrap()["interval"];
    assert_eq!(ends["method"], "bootstrap percentile (B=1000, seed=7, ChaCha12)");
    // Newcombe on 449 of 5,413 and 2,933 of 10,868: −0.187 [−0.198, −0.176].
    for (end, known) in [("low", -0.198), ("high", -0.176)] {
        assert!((ends[end].as_f64().unwrap() - known).abs() < 0.002, "{ends}");
    }
    let without = json(COUNTS, &[]);
    assert!(without == all["run"], "the run document is the same with and without");
}

#[test]
fn a_person_reads_the_gaps_beside_what_chance_shows_and_the_four_fifths_rule() {
    evaluate(&["--bootstrap", "100"])
        .assert_code(0)
        .assert_out("Resampled 100 times, seed 0")
        .assert_out("more than chance alone shows")
        .assert_out("Female is below four fifths: 0.31 [0.28, 0.34] (p <0.001), 1,012 short")
        .assert_out("not valid: resampling moves a distance from 0 further up");
}

#[test]
fn scores_are_resampled_by_row_and_their_gaps_have_intervals() {
    let all = json(SPEC, &["--bootstrap", "100"]);
    let bootstrap = &all["bootstrap"];
    assert_eq!(bootstrap["not_resampled"], serde_json::json!([]));
    let area = bootstrap["estimates"].as_array().unwrap().iter().find(|it| {
        it["metric"] == "roc_auc" && it["slice"].as_object().is_some_and(serde_json::Map::is_empty)
    });
    let area = area.unwrap();
    assert_eq!(area["drawn"], "units");
    // DeLong's interval is [0.919, 0.928].
    for (end, known) in [("low", 0.919), ("high", 0.928)] {
        assert!((area["interval"][end].as_f64().unwrap() - known).abs() < 0.002, "{area}");
    }
    let gap = bootstrap["disparities"].as_array().unwrap().iter().find(|it| {
        it["metric"] == "roc_auc" && it["slice"]["sex"] == "Male" && it["kind"] == "difference"
    });
    assert!(gap.unwrap()["interval"]["high"].as_f64() < Some(0.0), "{gap:?}");
}

#[test]
fn intervals_by_a_named_method_stand_beside_the_report_and_not_in_the_run() {
    evaluate(&["--interval", "clopper_pearson"])
        .assert_code(0)
        .assert_out("Clopper–Pearson intervals of each rate")
        .assert_out("Not rates of counts:");
    evaluate(&["--interval", "katz"])
        .assert_code(0)
        .assert_out("Katz intervals of ratios to the best group")
        .assert_out("Female against Male");
    let all = json(SPEC, &["--interval", "jeffreys"]);
    assert!(all["run"] == json(SPEC, &[]), "the run document is the same with and without");
    let first = &all["intervals"]["intervals"][0];
    assert_eq!(first["interval"]["method"], "jeffreys");
    evaluate(&["--interval", "wald"]).assert_code(2).assert_err("clopper_pearson");
}

#[test]
fn the_worst_slices_are_found_in_one_half_and_confirmed_in_the_other() {
    let all = json(SPEC, &["--find-slices", "--seed", "3"]);
    let search = &all["slice_search"];
    assert_eq!((&search["exploratory"], &search["metric"]), (&true.into(), &"accuracy".into()));
    let rows = search["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|rows| rows.as_u64().unwrap()).sum::<u64>(), 16_281);
    let first = &search["found"][0];
    assert_eq!(first["confirmation"]["state"], "confirmed");
    // The model errs most on men of middle age, whose incomes vary most.
    assert_eq!(first["slice"]["sex"], "Male", "{first}");
    let side = &first["held_out"];
    assert!(side["value"].as_f64() < side["rest"].as_f64() && side["n"].as_u64() >= Some(30));
    evaluate(&["--find-slices", "--seed", "3"])
        .assert_code(0)
        .assert_out("Worst slices by accuracy (exploratory)")
        .assert_out("confirmed (p <0.001)")
        .assert_out("had no part in the search (seed 3)");
}

#[test]
fn a_search_that_cannot_be_made_says_why() {
    evaluate(&["--find-slices", "--depth", "4", "--metric", "roc_auc"])
        .assert_code(1)
        .assert_err("2 problems")
        .assert_err("depth 4 (expected 1 to 3)")
        .assert_err("`roc_auc` cannot be searched");
    evaluate(&["--depth", "2"]).assert_code(2).assert_err("--find-slices");
    evaluate(&["--bootstrap", "5"]).assert_code(2).assert_err("100..=1000000");
}
