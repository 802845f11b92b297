//! What a spec accepts, refuses and suggests.

use super::*;

const FULL: &str = r#"
task = "binary_classification"
id = "id"
label = "income"
positive = ">50K"
positive_outcome = "favourable"
score = "p"
threshold = 0.4
weight = "w"
slices = ["sex", "race", "age"]
intersections = [["sex", "race"]]
missing = "drop"
"#;

fn problem<'a>(problems: &'a [Problem], code: &str) -> &'a Problem {
    problems.iter().find(|problem| problem.code == code).unwrap_or_else(|| panic!("{problems:?}"))
}

#[test]
fn toml_and_json_mean_the_same_and_the_canonical_form_reads_back() {
    let spec = Spec::parse(FULL).unwrap();
    assert_eq!(spec.slices, ["age", "race", "sex"]);
    assert_eq!(spec.intersections, [["race", "sex"]]);
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(Spec::parse(&json).unwrap(), spec);
}

#[test]
fn a_threshold_that_nothing_uses_is_not_part_of_the_canonical_form() {
    let with = "task='binary_classification'\nlabel='y'\nprediction='d'\nthreshold=0.3";
    let without = "task='binary_classification'\nlabel='y'\nprediction='d'";
    assert_eq!(Spec::parse(with).unwrap(), Spec::parse(without).unwrap());
}

#[test]
fn intersections_of_two_are_all_pairs_and_of_three_the_triple_too() {
    let spec = Spec::parse(&FULL.replace(r#"[["sex", "race"]]"#, "2")).unwrap();
    assert_eq!(spec.intersections, [["age", "race"], ["age", "sex"], ["race", "sex"]]);
    let spec = Spec::parse(&FULL.replace(r#"[["sex", "race"]]"#, "3")).unwrap();
    assert_eq!(spec.intersections.len(), 4);
}

#[test]
fn every_problem_is_told_at_once_with_its_place_and_what_was_expected() {
    let problems = Spec::parse(
        r#"{"task": "binary_classification", "lable": "y", "score": 3, "threshold": 1.5,
            "slices": ["sex", "sex"], "intersections": [["sex", "sax"]], "missing": "skip"}"#,
    )
    .unwrap_err();
    let unknown = problem(&problems, "unknown_key");
    assert_eq!(
        unknown.to_string(),
        "/lable: the spec has an unknown key `lable` (expected `label`)"
    );
    assert_eq!(problem(&problems, "missing_key").message, "the spec has no `label`");
    assert_eq!(
        problem(&problems, "wrong_type").to_string(),
        "/score: `score` is a number (expected a column name)"
    );
    assert_eq!(problem(&problems, "out_of_range").message, "threshold 1.5 is outside 0..1");
    assert_eq!(problem(&problems, "duplicate").message, "attribute `sex` stands twice");
    assert_eq!(problem(&problems, "unknown_attribute").expected.as_deref(), Some("`sex`"));
    assert_eq!(
        problem(&problems, "unknown_choice").expected.as_deref(),
        Some("one of group, drop, error")
    );
}

#[test]
fn another_task_is_refused_by_name_and_a_mistyped_one_is_corrected() {
    let refused = Spec::parse("task = 'ranking'\nquery = 'user'").unwrap_err();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].code, "unsupported_task");
    let mistyped = Spec::parse("task = 'binary_clasification'").unwrap_err();
    assert_eq!(mistyped[0].expected.as_deref(), Some("`binary_classification`"));
}

#[test]
fn broken_toml_and_json_name_their_line() {
    let toml = Spec::parse("task = 'binary_classification'\nlabel = \n").unwrap_err();
    assert_eq!(
        (toml[0].code.as_str(), toml[0].place.as_ref().unwrap().to_string()),
        ("not_toml", "line 2".to_owned())
    );
    let json = Spec::parse("{\n\"task\": }").unwrap_err();
    assert_eq!(
        (json[0].code.as_str(), json[0].place.as_ref().unwrap().to_string()),
        ("not_json", "line 2".to_owned())
    );
}

#[test]
fn a_spec_without_score_and_prediction_says_that_one_is_needed() {
    let problems = Spec::parse("task='binary_classification'\nlabel='y'").unwrap_err();
    assert_eq!(problems[0].expected.as_deref(), Some("at least one of them"));
}
