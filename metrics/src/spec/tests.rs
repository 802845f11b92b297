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
fn a_mistyped_task_is_corrected_and_a_key_of_another_task_is_named() {
    let mistyped = Spec::parse("task = 'binary_clasification'").unwrap_err();
    assert_eq!(mistyped[0].expected.as_deref(), Some("`binary_classification`"));
    let other = Spec::parse("task='regression'\nlabel='y'\nprediction='p'\nquery='q'").unwrap_err();
    assert_eq!(other.len(), 1);
    assert_eq!(other[0].message, "a spec of task `regression` has no `query`");
}

#[test]
fn the_canonical_form_of_a_binary_spec_has_no_key_that_other_tasks_brought() {
    let spec = Spec::parse(FULL).unwrap();
    let json: serde_json::Value = serde_json::to_value(&spec).unwrap();
    let known = serde_json::json!({
        "task": "binary_classification", "id": "id", "label": "income", "positive": ">50K",
        "positive_outcome": "favourable", "score": "p", "threshold": 0.4, "weight": "w",
        "slices": ["age", "race", "sex"], "intersections": [["race", "sex"]], "missing": "drop",
    });
    assert_eq!(json, known);
}

const RANKING: &str = r#"
task = "ranking"
query = "user"
item = "film"
rank = "rank"
relevance = "rating"
relevant_from = 4
k = [20, 5, 5]
item_slices = ["genre", "decade"]
query_slices = ["gender"]
intersections = [["gender", "genre"]]
attention = 0.5
target = { genre = { Drama = 2, Comedy = 2 }, decade = "catalogue" }
label_noise = { "genre=Drama" = { sensitivity = 0.9, specificity = 0.95, positives = 100 } }
"#;

#[test]
fn every_task_reads_back_from_its_canonical_form() {
    let images = "task='image_generation'\nquery='prompt'\nk=4\nitem_slices=['skin']\n\
                  target='uniform'\nunsafe='flag'\nslices=['market']";
    for text in [
        RANKING,
        images,
        "task='regression'\nlabel='y'\nprediction='p'\nweight='w'\nslices=['a']",
        "task='multiclass_classification'\nlabel='y'\nprediction='p'\nscores={cat='p_cat'}",
        "task='text_generation'\ntoxicity='tox'\nwin='verdict'\njudge='j 1'\ncluster='prompt'",
    ] {
        let spec = Spec::parse(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(Spec::parse(&json).unwrap(), spec, "{json}");
        assert_eq!(serde_json::from_str::<Spec>(&json).unwrap(), spec, "{json}");
    }
}

#[test]
fn specs_that_mean_the_same_are_the_same() {
    let spec = Spec::parse(RANKING).unwrap();
    assert_eq!(spec.slices, ["decade", "gender", "genre"]);
    let ranking = spec.ranking.as_ref().unwrap();
    assert_eq!(ranking.k, [5, 20]);
    assert_eq!(ranking.target("decade"), &Target::Catalogue);
    let same = RANKING.replace("Drama = 2, Comedy = 2", "Comedy = 0.5, Drama = 0.5");
    assert_eq!(Spec::parse(&same).unwrap(), spec);
}

#[test]
fn what_makes_no_sense_in_a_ranking_is_told() {
    let problems = Spec::parse(
        "task='ranking'\nquery='q'\nitem='i'\nrank='r'\nk=[0]\nmissing='drop'\n\
         item_slices=['a']\nquery_slices=['a']\ntarget='qualified'\nattention=1",
    )
    .unwrap_err();
    assert_eq!(problem(&problems, "bad_cut_off").message, "`k` holds 0");
    assert_eq!(
        problem(&problems, "duplicate").message,
        "`a` is an attribute of queries and of items"
    );
    assert_eq!(
        problem(&problems, "missing_key").message,
        "a target of qualified items without `relevance`"
    );
    assert_eq!(problem(&problems, "out_of_range").message, "attention 1 is outside its range");
    assert!(problem(&problems, "unknown_choice").message.contains("tear holes"));
}

#[test]
fn labels_that_are_no_better_than_chance_and_labels_that_are_none_are_refused() {
    let problems = Spec::parse(
        "task='text_generation'\ntoxicity='t'\n\
         label_noise={toxicity={sensitivity=0.5,specificity=0.5},refusal={sensitivity=1,specificity=1}}",
    )
    .unwrap_err();
    assert_eq!(problem(&problems, "unknown_label").expected.as_deref(), Some("one of `toxicity`"));
    assert!(problem(&problems, "out_of_range").message.contains("no better than chance"));
}

#[test]
fn responses_without_a_judgement_have_nothing_to_be_measured() {
    let problems = Spec::parse("task='text_generation'").unwrap_err();
    assert!(problems[0].expected.as_ref().unwrap().contains("refusal, toxicity"));
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
