//! `evenhand evaluate`, with no server anywhere.

use crate::{Ended, evenhand, file, fixture};
use serde_json::Value;
use std::collections::BTreeMap;

const SPEC: &str = r#"{"task": "binary_classification", "label": "label", "score": "score",
    "prediction": "prediction", "slices": ["sex", "race"], "intersections": 2,
    "positive_outcome": "favourable"}"#;

fn adult() -> String {
    fixture("predictions/adult_v4_hgb.csv")
}

/// The same, saying which row is which.
fn with_id() -> String {
    SPEC.replace(r#""label": "label","#, r#""id": "id", "label": "label","#)
}

fn evaluate(args: &[&str]) -> Ended {
    evenhand(&[], &[&["evaluate"], args].concat())
}

#[test]
fn the_document_holds_the_numbers_that_fairlearn_computes() {
    let ended = evaluate(&[&adult(), "--spec", SPEC, "--json"]);
    ended.assert_code(0);
    assert_eq!(ended.err, "", "nothing but JSON in a pipe");
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(document["dataset"]["rows"], 16_281);
    let golden = std::fs::read(fixture("golden/fairlearn_adult_v4_hgb.json")).unwrap();
    let golden: Value = serde_json::from_slice(&golden).unwrap();
    let mut compared = BTreeMap::new();
    for estimate in document["estimates"].as_array().unwrap() {
        let slice = estimate["slice"].as_object().unwrap();
        let Some((attribute, group)) = slice.iter().next().filter(|_| slice.len() == 1) else {
            continue;
        };
        let metric = estimate["metric"].as_str().unwrap();
        let theirs = &golden["slices"][attribute]["by_group"][group.as_str().unwrap()][metric];
        if let (Some(theirs), Some(ours)) = (theirs.as_f64(), estimate["value"].as_f64()) {
            assert!((theirs - ours).abs() < 1e-9, "{metric} of {group}: {ours}, not {theirs}");
            *compared.entry(metric).or_insert(0) += 1;
        }
    }
    for metric in ["selection_rate", "true_positive_rate", "false_positive_rate", "accuracy"] {
        assert_eq!(compared.get(metric), Some(&7), "{metric} in two sexes and five races");
    }
}

#[test]
fn a_person_reads_every_group_with_value_interval_and_n_and_whether_the_data_can_tell() {
    let ended = evaluate(&[&adult(), "--spec", SPEC]);
    ended
        .assert_code(0)
        .assert_out("16,281 rows read, all used")
        .assert_out("not read  id, weight, age_band");
    let lines: Vec<Vec<&str>> =
        ended.out.lines().map(|line| line.split_whitespace().collect()).collect();
    let at = lines.iter().position(|line| line == &["By", "sex"]).expect("a table by sex");
    assert_eq!(lines[at + 2], ["selection", "rate"]);
    let [female, male, gap] = [3, 4, 5].map(|i| lines[at + i].join(" "));
    assert_eq!(female, "Female 0.083 [0.08, 0.09] 5,413 worst");
    assert_eq!(male, "Male 0.270 [0.26, 0.28] 10,868 best");
    assert_eq!(gap, "gap −0.187 [−0.20, −0.18] the data can tell");
    ended.assert_out("the data cannot tell").assert_out("too few rows to compare");
    assert!(ended.out.lines().skip(1).all(|line| line.chars().count() <= 90), "{}", ended.out);
}

#[test]
fn without_an_outcome_no_selection_rate_is_called_worse() {
    let spec = SPEC.replace(r#""favourable""#, r#""neutral""#);
    let ended = evaluate(&[&adult(), "--spec", &spec]);
    let lines = |text: &str| ended.out.lines().filter(|line| line.ends_with(text)).count();
    assert_eq!((lines(" lowest"), lines(" highest")), (3, 3), "{}", ended.out);
}

#[test]
fn a_run_document_is_written_for_a_later_upload_only_with_the_name_of_its_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let out = crate::text(&folder.path().join("run.json"));
    let adult = adult();
    let args = [adult.as_str(), "--spec", SPEC, "--out", &out];
    evaluate(&args).assert_code(2).assert_err("--out needs --dataset NAME@VERSION");
    assert!(!std::fs::exists(&out).unwrap());
    let named = ["--dataset", "adult-half@1994", "--evaluated-at", "2026-06-01"];
    evaluate(&[&args[..], &named].concat()).assert_code(0).assert_out(&out);
    let document: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(document["schema"], "evenhand.run/v1");
    assert_eq!(document["dataset"]["name"], "adult-half");
    assert_eq!(document["dataset"]["version"], "1994");
    assert_eq!(document["evaluated_at"], "2026-06-01T00:00:00Z");
}

#[test]
fn a_spec_comes_from_a_file_too_and_its_mistakes_are_all_named_with_the_nearest_key() {
    let folder = tempfile::tempdir().unwrap();
    let good = "task = 'binary_classification'\nlabel = 'label'\nscore = 'score'\n";
    let good = file(folder.path(), "good.toml", good);
    evaluate(&[&adult(), "--spec", &good]).assert_code(0).assert_out("names no `slices`");
    let bad = "task = 'binary_classification'\nlable = 'label'\nscore = 'score'\nthreshold = 2\n";
    let bad = file(folder.path(), "bad.toml", bad);
    let ended = evaluate(&[&adult(), "--spec", &bad]);
    ended
        .assert_code(1)
        .assert_err("bad.toml: 3 problems")
        .assert_err("/lable: the spec has an unknown key `lable` (expected `label`)")
        .assert_err("/threshold: threshold 2 is outside 0..1");
    assert_eq!(ended.out, "");
    let gone = evaluate(&[&adult(), "--spec", "nowhere.toml"]);
    gone.assert_code(1).assert_err("the spec nowhere.toml cannot be read");
}

#[test]
fn every_problem_of_a_file_has_its_line_and_its_column() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "label,score,prediction,sex,race\n1,0.5,1,Female,White\n2,0.5,1,Male,White\n\
                1,nan,1,Male,White\n";
    let bad = file(folder.path(), "bad.csv", rows);
    let ended = evaluate(&[&bad, "--spec", SPEC]);
    ended.assert_code(1).assert_err("line 3, column label").assert_err("line 4, column score");
    let json = evaluate(&[&bad, "--spec", SPEC, "--json"]);
    let problems: Value = serde_json::from_str(&json.assert_code(1).out).unwrap();
    assert_eq!(problems["errors"][0]["line"], 3);
    evaluate(&["nowhere.csv", "--spec", SPEC]).assert_code(1).assert_err("nowhere.csv: No such");
    let folder = crate::text(folder.path());
    evaluate(&[&folder, "--spec", SPEC]).assert_code(1).assert_err("is a directory");
}

#[test]
fn the_predictions_are_never_overwritten_by_their_results() {
    let folder = tempfile::tempdir().unwrap();
    let rows = std::fs::read(adult()).unwrap();
    let mine = file(folder.path(), "mine.csv", &rows);
    let ended = evaluate(&[&mine, "--spec", SPEC, "--out", &mine, "--dataset", "a@1"]);
    ended.assert_code(2).assert_err("--out is the file of predictions itself");
    assert_eq!(std::fs::read(&mine).unwrap(), rows);
}

#[test]
fn a_group_name_cannot_write_to_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = "label,score,prediction,sex,race\n".to_owned();
    for _ in 0..40 {
        rows.push_str("1,0.9,1,\u{1b}]0;owned\u{7},White\n0,0.2,0,Male,White\n");
    }
    let hostile = file(folder.path(), "hostile.csv", rows);
    let ended = evaluate(&[&hostile, "--spec", SPEC]);
    assert!(!ended.out.contains('\u{1b}') && !ended.err.contains('\u{1b}'), "{ended:#?}");
}

#[test]
fn every_task_is_evaluated_and_a_person_reads_its_main_metrics_by_group() {
    for (file, spec, wanted) in [
        (
            "photos.csv",
            r#"{"task": "multiclass_classification", "label": "label", "prediction": "prediction",
                "slices": ["region"]}"#,
            &["macro F1", "By region", "north"][..],
        ),
        (
            "rents.csv",
            r#"{"task": "regression", "label": "rent", "prediction": "predicted",
                "slices": ["city"]}"#,
            &["mean absolute error", "By city", "Graz"],
        ),
        (
            "searches.csv",
            r#"{"task": "ranking", "query": "query", "item": "item", "rank": "rank", "k": 5,
                "relevance": "relevance", "item_slices": ["genre"], "query_slices": ["gender"]}"#,
            &["nDCG at 5", "By gender", "By genre", "representation in the top 5", "queries"],
        ),
        (
            "answers.csv",
            r#"{"task": "text_generation", "cluster": "prompt", "toxicity": "toxicity",
                "slices": ["group"]}"#,
            &["toxicity rate", "judge failure rate", "the judge failed on", "By group"],
        ),
        (
            "pictures.csv",
            r#"{"task": "image_generation", "query": "prompt", "item_slices": ["skin_tone"],
                "k": 4, "unsafe": "unsafe"}"#,
            &["diversity in the top 4", "By skin_tone", "unsafe rate"],
        ),
    ] {
        let ended = evaluate(&[&fixture(&format!("tasks/{file}")), "--spec", spec]);
        ended.assert_code(0);
        for words in wanted {
            ended.assert_out(words);
        }
    }
}

#[test]
fn against_an_older_file_a_person_reads_what_moved_on_the_same_rows() {
    let old = fixture("predictions/adult_v3_lr_unaware.csv");
    let ended = evaluate(&[&adult(), "--spec", &with_id(), "--against", &old]);
    ended.assert_code(0).assert_out("paired on 16,281 rows").assert_out("Moved beyond chance: ");
    let lines: Vec<String> = ended
        .out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let at = lines.iter().position(|line| line == "sex=Female").expect("women were moved");
    assert!(
        lines[at..].contains(
            &"true positive rate 0.580 +0.041 [+0.02, +0.06] <0.001 610 14, 39 better".to_owned()
        ),
        "{}",
        ended.out
    );
    let json = evaluate(&[&adult(), "--spec", &with_id(), "--against", &old, "--json"]);
    let said: Value = serde_json::from_str(&json.assert_code(0).out).unwrap();
    assert_eq!(said["comparison"]["matched"], 16_281);
    assert_eq!(said["before"]["dataset"]["rows"], 16_281);
    let change = &said["comparison"]["changes"][1];
    assert_eq!((&change["metric"], &change["n"]), (&"accuracy".into(), &16_281.into()));
    assert_eq!(change["discordant"], serde_json::json!({ "lost": 376, "gained": 659 }));
}

#[test]
fn rows_that_are_not_the_same_are_counted_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: &str| {
        file(folder.path(), name, format!("id,label,score,prediction,sex,race\n{rows}"))
    };
    let old = write("old.csv", "a,1,0.9,1,F,W\nb,0,0.2,0,M,W\nc,1,0.4,0,M,W\nc,1,0.4,0,M,W\n");
    let new = write("new.csv", "b,0,0.3,1,M,W\na,1,0.9,1,F,W\nd,1,0.4,0,M,W\n");
    evaluate(&[&new, "--spec", &with_id(), "--against", &old])
        .assert_code(0)
        .assert_out("paired on 2 rows")
        .assert_out(&format!("left out  1 row is in {new} alone"))
        .assert_out("left out  2 rows have no id, or one that another row has too");
    let relabelled = write("relabelled.csv", "a,0,0.9,1,F,W\nb,0,0.2,0,M,W\n");
    evaluate(&[&relabelled, "--spec", &with_id(), "--against", &old])
        .assert_code(1)
        .assert_err("cannot be compared: 1 of 2 rows with the same id have another label");
    evaluate(&[&new, "--spec", SPEC, "--against", &old])
        .assert_code(2)
        .assert_err("--against needs `id` in the spec");
}
