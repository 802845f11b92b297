//! Real files of the other tools, and short ones in their layout.

use crate::{RECEIVED, accepted, beside, counts, export, left, of, refused};
use app::upload::{Context, Format, read};
use metrics::State;
use metrics::catalogue::Direction;
use serde_json::{Value, json};
use time::macros::datetime;

#[test]
fn evidentlys_report_and_snapshot_say_the_same_without_n() {
    let (report, receipt) = accepted(&export("evidently/report.json"), Format::Evidently);
    let accuracy = of(&report, "", "accuracy");
    assert_eq!(accuracy.value, Some(0.660_725_858_716_785_5));
    assert_eq!(accuracy.state(), State::ReportedWithoutN);
    assert!(receipt.ignored.iter().any(|note| note.contains("`TPR` says the same as `Recall`")));
    assert_eq!(
        receipt.not_placed.len(),
        4,
        "of two classes each metric stands by itself: {:?}",
        receipt.not_placed
    );

    let (snapshot, receipt) = accepted(&export("evidently/snapshot.json"), Format::Evidently);
    assert_eq!(snapshot.estimates, report.estimates);
    assert_eq!(snapshot.evaluated_at, datetime!(2026-11-22 19:58:10.716951 UTC));
    assert!(receipt.amended.iter().any(|note| note.contains("no zone")));

    let text = String::from_utf8(export("evidently/snapshot.json")).unwrap();
    let sliced = text.replacen("\"metadata\": {}", "\"metadata\": {\"slice\": \"sex=Female\"}", 1);
    let (sliced, _) = accepted(sliced.as_bytes(), Format::Evidently);
    assert_eq!(of(&sliced, "sex=Female", "accuracy").value, accuracy.value);

    let old = json!({"version": "0.6.7", "timestamp": "2026-10-01 10:00:00", "metrics": [
        {"metric": "ClassificationQualityMetric", "result": {
            "current": {"accuracy": 0.75, "f1": 0.5, "tpr": 0.6, "rate_plots_data": null},
            "reference": {"accuracy": 0.7}}},
    ]});
    let (old, receipt) = accepted(old.to_string().as_bytes(), Format::Evidently);
    assert_eq!(of(&old, "", "true_positive_rate").value, Some(0.6));
    assert_eq!(old.instrument.version, "0.6.7");
    assert_eq!(receipt.not_placed.len(), 1, "the reference data is another dataset");
}

#[test]
fn mlflows_keys_become_slices_only_where_their_parts_are_told() {
    let (document, receipt) = accepted(&export("mlflow/runs_get.json"), Format::Mlflow);
    let female = of(&document, "sex=Female", "selection_rate");
    assert_eq!(female.value, Some(0.150_378_717_901_348_6));
    assert_eq!(female.state(), State::ReportedWithoutN);
    assert!(of(&document, "race=Black;sex=Female", "roc_auc").value.is_some());
    assert!(of(&document, "race=Asian-Pac-Islander;sex=Male", "accuracy").value.is_some());
    assert_eq!(document.evaluated_at, datetime!(2026-10-05 00:00 UTC));
    assert!(left(&receipt).contains("fairness/sex/demographic_parity_ratio"));
    assert!(document.estimates.iter().all(|e| !e.metric.contains("parity")));

    let (table, _) = accepted(&export("mlflow/search_runs_dataframe.one.csv"), Format::Mlflow);
    assert_eq!(of(&table, "sex=Female", "selection_rate").value, female.value);
    assert_eq!(table.estimates.len(), document.estimates.len());

    let two = refused(&export("mlflow/runs_search_two.json"), Some(Format::Mlflow));
    assert_eq!(
        two[0].to_string(),
        "/runs: there are 2 runs (expected one run: `runs/get?run_id=…`, or a search that finds one)"
    );
    let history = refused(&export("mlflow/metrics_get_history.json"), Some(Format::Mlflow));
    assert_eq!(history[0].code, "no_estimates", "a disparity alone is no result");
    let table = json!({"columns": ["prediction", "target"], "data": [[1, 0]]});
    let rows = refused(table.to_string().as_bytes(), Some(Format::Mlflow));
    assert_eq!(rows[0].code, "rows_not_results");
    let saved = json!({"example_count": 200, "accuracy_score": 0.755, "toxicity/v1/mean": 0.01});
    let (saved, _) = accepted(saved.to_string().as_bytes(), Format::Mlflow);
    assert_eq!(counts(of(&saved, "", "accuracy")), (Some(151), Some(200)));
    assert_eq!(of(&saved, "", "toxicity_v1_mean").state(), State::ReportedWithoutN);
}

#[test]
fn a_receipt_with_more_names_than_it_lists_says_so() {
    let receipt = |names: u32| {
        let metrics: serde_json::Map<String, Value> =
            (0..names).map(|i| (format!("score_{i}"), 0.5.into())).collect();
        let file = Value::Object(metrics).to_string();
        read(file.as_bytes(), Some(Format::Mlflow), &beside()).unwrap().1
    };
    let said = "are listed up to 200; estimates of other names: 3";
    let more = receipt(203);
    assert_eq!((more.estimates, more.mapped.len()), (203, 200));
    assert!(more.amended.iter().any(|note| note.ends_with(said)), "{:?}", more.amended);
    assert!(receipt(200).amended.iter().all(|note| !note.contains("are listed")));
}

#[test]
fn the_harness_gives_counts_by_its_samples_and_intervals_by_its_errors() {
    let bytes = export("lm_eval/results.json");
    let (document, _) = accepted(&bytes, Format::LmEval);
    assert_eq!(counts(of(&document, "", "accuracy")), (Some(109), Some(200)));
    let normed = of(&document, "", "acc_norm");
    assert_eq!((normed.value, normed.n), (Some(0.62), Some(200)));
    assert_eq!(normed.interval.as_ref().unwrap().method, "t");
    assert_eq!(document.instrument.version, "0.4.13");
    assert_eq!(document.instrument.definitions, "german_credit_mc 1.0 0-shot");
    // One task with a version is a dataset, so nothing has to be said beside the file.
    let (alone, _) = read(&bytes, None, &Context::at(RECEIVED)).unwrap();
    assert_eq!(
        (alone.dataset.name.as_str(), alone.dataset.version.as_str()),
        ("german_credit_mc", "1.0")
    );

    let several = r#"{"results": {
        "bbq": {"alias": "bbq", "acc,none": 0.5, "acc_stderr,none": "N/A", "amb_bias_score_Age,none": NaN},
        "crows_pairs_english_age": {"pct_stereotype,none": 0.75, "likelihood_diff,none": 3.5},
        "mmlu": {"acc,none": 0.25, "acc_stderr,none": 0.1}},
        "groups": {"mmlu": {"acc,none": 0.25}}, "n-shot": {}, "versions": {"bbq": 1},
        "n-samples": {"bbq": {"effective": 10}, "crows_pairs_english_age": {"effective": 8}}, "config": {"limit": 10}}"#;
    let (several, receipt) = accepted(several.as_bytes(), Format::LmEval);
    assert_eq!(counts(of(&several, "task=bbq", "accuracy")), (Some(5), Some(10)));
    assert_eq!(counts(of(&several, "bias_type=age", "stereotype_rate")), (Some(6), Some(8)));
    assert_eq!(of(&several, "task_group=mmlu", "accuracy").n, None);
    let bias = of(&several, "bias_category=Age;task=bbq", "amb_bias_score");
    assert_eq!(
        (bias.state(), bias.undefined.as_deref()),
        (State::Undefined, Some("reported as NaN"))
    );
    assert!(receipt.conventions.iter().any(|note| note.contains("limited to 10")));
}

#[test]
fn a_task_that_does_not_say_which_way_its_metric_is_better_keeps_its_values() {
    let results = |better: Value| {
        json!({"results": {"arc": {"acc_norm,none": 0.5}, "own": {"acc_norm,none": 0.25}},
            "n-shot": {}, "versions": {"arc": 1}, "higher_is_better": better})
        .to_string()
        .into_bytes()
    };
    let silent = results(json!({"arc": {"acc_norm": true}}));
    let unlike = results(json!({"arc": {"acc_norm": true}, "own": {"acc_norm": false}}));
    for (file, direction, said) in [
        (silent, Some(Direction::Higher), "what the others say of it is taken: `acc_norm`"),
        (unlike, None, "tasks differ in which way a metric is better"),
    ] {
        let (document, receipt) = accepted(&file, Format::LmEval);
        for (task, value) in [("arc", 0.5), ("own", 0.25)] {
            assert_eq!(of(&document, &format!("task={task}"), "acc_norm").value, Some(value));
        }
        assert_eq!(document.metrics[0].direction, direction);
        assert!(receipt.amended.iter().any(|note| note.contains(said)), "{:?}", receipt.amended);
        assert!(receipt.not_placed.is_empty(), "{:?}", receipt.not_placed);
    }
}

#[test]
fn an_inspect_log_is_counted_from_its_samples() {
    let bytes = export("inspect/popularity.json");
    let (document, _) = accepted(&bytes, Format::Inspect);
    assert_eq!(counts(of(&document, "", "accuracy")), (Some(20), Some(40)));
    assert_eq!(
        counts(of(&document, "label_confidence_band=low", "accuracy")),
        (Some(19), Some(36))
    );
    assert_eq!(counts(of(&document, "label_confidence_band=high", "accuracy")), (Some(1), Some(4)));
    assert_eq!(document.evaluated_at, datetime!(2026-11-22 20:05:07 UTC));
    assert_eq!(document.instrument.definitions, "popularity 0");

    let mut log: Value = serde_json::from_slice(&bytes).unwrap();
    log["samples"][0]["scores"]["yn"]["value"] = "C".into();
    let contradicted = refused(log.to_string().as_bytes(), Some(Format::Inspect));
    assert_eq!(contradicted[0].code, "value_is_not_its_counts");
    log.as_object_mut().unwrap().remove("samples");
    let (bare, _) = accepted(log.to_string().as_bytes(), Format::Inspect);
    assert_eq!(of(&bare, "", "accuracy").n, Some(40));
    assert_eq!(of(&bare, "label_confidence_band=low", "accuracy").state(), State::ReportedWithoutN);
    log["status"] = "error".into();
    let problems = refused(log.to_string().as_bytes(), Some(Format::Inspect));
    assert_eq!((problems[0].code.as_str(), problems.len()), ("unfinished_run", 1));
}

#[test]
fn tfma_keeps_its_slices_and_its_thresholds() {
    let indicator = |metric: &str| format!("fairness_indicators_metrics/{metric}");
    let of_women = json!({"": {"": {
        "example_count": {"doubleValue": 100.0},
        "auc": {"doubleValue": 0.72},
        (indicator("positive_rate@0.50")): {"doubleValue": 0.25},
        (indicator("false_positive_rate@0.5")): {"doubleValue": "NaN"},
        (indicator("false_positive_rate@0.3")): {"boundedValue": {"value": 0.5, "lowerBound": 0.4, "upperBound": 0.6}},
    }}});
    let dumped = json!([[[["gender", "female"]], of_women], [[], {"": {"": {"accuracy": {"doubleValue": 0.5}}}}]]);
    let (document, receipt) = accepted(dumped.to_string().as_bytes(), Format::Tfma);
    let rate = of(&document, "gender=female", "selection_rate");
    assert_eq!((counts(rate), rate.threshold), ((Some(25), Some(100)), Some(0.5)));
    assert_eq!(of(&document, "gender=female", "false_positive_rate").state(), State::Undefined);
    assert_eq!(of(&document, "gender=female", "tfma_false_positive_rate_0_3").value, Some(0.5));
    assert!(of(&document, "", "accuracy").value.is_some());
    assert!(receipt.conventions.iter().any(|note| note.contains("threshold 0.5")));

    let proto = json!([{"sliceKey": {"singleSliceKeys": [{"column": "gender", "bytesValue": "ZmVtYWxl"}]},
        "metricKeysAndValues": [{"key": {"name": "accuracy"}, "value": {"doubleValue": {"value": 0.75}}},
            {"key": {"name": "accuracy", "isDiff": true}, "value": {"doubleValue": {"value": 0.1}}}]}]);
    let (proto, receipt) = accepted(proto.to_string().as_bytes(), Format::Tfma);
    assert_eq!(of(&proto, "gender=female", "accuracy").value, Some(0.75));
    assert_eq!(receipt.not_placed.len(), 1);
}

#[test]
fn tfmas_rates_of_a_class_at_several_thresholds_are_kept_apart() {
    let at = |name: &str| format!("fairness_indicators_metrics/precision@{name}");
    let file = json!([[[], {"": {"": {"example_count": {"doubleValue": 40.0}}, "classId:cat": {
        "precision": {"doubleValue": 0.5}, "roc_auc": {"doubleValue": 0.75},
        (at("0.5")): {"doubleValue": 0.625}, (at("0.7")): {"doubleValue": 0.875}}}}]]);
    let (document, receipt) = accepted(file.to_string().as_bytes(), Format::Tfma);
    for (key, value, threshold) in [
        ("tfma_classid_cat_precision", 0.5, None),
        ("tfma_classid_cat_precision_0_5", 0.625, Some(0.5)),
        ("tfma_classid_cat_precision_0_7", 0.875, Some(0.7)),
        // No threshold decides it.
        ("roc_auc[cat]", 0.75, None),
    ] {
        let estimate = of(&document, "", key);
        assert_eq!((estimate.value, estimate.threshold), (Some(value), threshold), "{key}");
    }
    let own = document.metrics.iter().find(|it| it.key == "tfma_classid_cat_precision").unwrap();
    assert_eq!((own.direction, own.range), (Some(Direction::Higher), Some([0.0, 1.0])));
    assert!(receipt.conventions.iter().any(|it| it.contains("held against the rest")));
    assert!(receipt.conventions.iter().all(|it| !it.contains("are the catalogue's")));
}

#[test]
fn clarifys_facets_are_groups_against_everyone_else() {
    let analysis = r#"{"version": "1.0", "post_training_bias_metrics": {"label": "target",
        "label_value_or_threshold": "1", "facets": {"sex": [{"value_or_threshold": "0", "metrics": [
            {"name": "DPPL", "description": "…", "value": 0.13},
            {"name": "DI", "description": "…", "value": "Infinity"},
            {"name": "AD", "description": "…", "value": NaN},
            {"name": "CDDPL", "value": null, "error": "Group variable is empty or not provided"}]}]}},
        "explanations": {"kernel_shap": {}}}"#;
    let (document, receipt) = accepted(analysis.as_bytes(), Format::Clarify);
    let gap = of(&document, "sex=0", "clarify_dppl");
    assert_eq!((gap.value, gap.state()), (Some(0.13), State::ReportedWithoutN));
    let why = |metric: &str| of(&document, "sex=0", metric).undefined.clone().unwrap();
    assert_eq!(why("clarify_di"), "reported as Infinity");
    assert_eq!(why("clarify_ad"), "reported as NaN");
    assert_eq!(why("clarify_cddpl"), "Group variable is empty or not provided");
    assert!(receipt.conventions.iter().any(|note| note.contains("opposite of AIF360")));
    assert!(left(&receipt).contains("explanations"));
    let list = json!([{"value_or_threshold": "1", "metrics": []}]);
    assert_eq!(refused(list.to_string().as_bytes(), Some(Format::Clarify))[0].code, "labels_lost");
}

#[test]
fn helms_n_is_its_instances_and_not_its_trials() {
    let stat =
        |name: Value, mean: f64| json!({"name": name, "count": 3, "sum": mean * 3.0, "mean": mean});
    let dialect = json!({"name": "dialect", "computed_on": "worst", "source_class": "SAE", "target_class": "AAVE"});
    let stats = json!([
        stat(json!({"name": "exact_match", "split": "test"}), 0.5),
        stat(json!({"name": "num_instances", "split": "test"}), 120.0),
        stat(json!({"name": "exact_match", "split": "test", "perturbation": dialect}), 0.25),
        stat(json!({"name": "exact_match", "split": "valid"}), 0.75),
    ]);
    let (document, receipt) = accepted(stats.to_string().as_bytes(), Format::Helm);
    assert_eq!(of(&document, "", "exact_match").n, Some(120));
    let slice = "computed_on=worst;perturbation=dialect SAE to AAVE";
    assert_eq!(of(&document, slice, "exact_match").value, Some(0.25));
    assert_eq!(receipt.not_placed.len(), 1, "another split");

    let percent = json!([stat(json!({"name": "exact_match", "split": "test"}), 71.0)]);
    let refused = refused(percent.to_string().as_bytes(), Some(Format::Helm));
    assert_eq!(refused[0].code, "out_of_range");
}

#[test]
fn a_metric_that_two_tools_name_otherwise_is_one() {
    let of_tool = |name: &str| {
        let table = format!("sex,{name}\nFemale,0.5\nMale,-0.25\n");
        let (document, _) = accepted(table.as_bytes(), Format::Fairlearn);
        (of(&document, "sex=Male", "matthews_corrcoef").value, document.metrics)
    };
    assert_eq!(of_tool("mcc"), of_tool("matthews_corrcoef"));
    assert_eq!(of_tool("MCC").0, Some(-0.25));
}

#[test]
fn hugging_face_cards_lists_and_saved_evaluations_are_read_and_percentages_are_not_guessed() {
    let card = "---\nlicense: mit\nmodel-index:\n- name: m\n  results:\n  - task:\n      type: text-classification\n    dataset:\n      name: IMDB\n      type: imdb\n      revision: abc1\n    metrics:\n    - type: accuracy\n      value: 0.91\n    - type: f1\n      value: 0.9\n    - type: bleu\n      value: 20.0 ± 1.2\n    - type: roc_auc\n      value: 97.5\n---\n# A card\n";
    let (document, receipt) = accepted(card.as_bytes(), Format::HuggingFace);
    assert_eq!(of(&document, "", "accuracy").value, Some(0.91));
    assert_eq!(of(&document, "", "hf_f1").value, Some(0.9), "of one class or of many, nobody says");
    assert_eq!(left(&receipt), ["bleu", "roc_auc"].into());
    let (alone, _) = read(card.as_bytes(), None, &Context::at(RECEIVED)).unwrap();
    assert_eq!((alone.dataset.name.as_str(), alone.dataset.version.as_str()), ("imdb", "abc1"));

    let list =
        "- dataset:\n    id: cais/hle\n    task_id: default\n  value: 20.9\n  date: '2026-01-15'\n";
    let (list, _) = accepted(list.as_bytes(), Format::HuggingFace);
    assert_eq!(of(&list, "", "hf_cais_hle_default").value, Some(20.9));
    assert_eq!(list.evaluated_at, datetime!(2026-01-15 00:00 UTC));
    let saved = json!({"accuracy": 0.5, "regard_difference": {"positive": 0.1}, "_timestamp": "2026-01-15T10:00:00.5", "_evaluate_version": "0.4.6"});
    let (saved, receipt) = accepted(saved.to_string().as_bytes(), Format::HuggingFace);
    assert_eq!(
        (of(&saved, "", "accuracy").value, saved.instrument.version.as_str()),
        (Some(0.5), "0.4.6")
    );
    assert_eq!(left(&receipt), ["regard_difference"].into());
    for (broken, code) in [
        ("---\nmodel-index:\n- name: [a\n---\n", "syntax"),
        ("---\nmodel-index: &a\n- *a\n---\n", "not_plain"),
        ("---\nmodel-index: []\nmodel-index: []\n---\n", "duplicate_field"),
        ("---\nlicense: mit\n---\n", "no_results"),
    ] {
        let problems = read(broken.as_bytes(), None, &beside()).unwrap_err();
        assert_eq!(problems[0].code, code, "{broken}");
        assert!(problems[0].place.is_some() && problems[0].expected.is_some());
    }
}

#[test]
fn content_of_no_known_kind_is_asked_about_and_not_guessed() {
    let problems = refused(br#"{"a": {"b": 1}}"#, None);
    assert_eq!(problems[0].code, "unknown_format");
    assert!(problems[0].expected.as_ref().unwrap().contains("`fairlearn`"));
    let card = refused(br#"{"model_details": {"name": "m"}}"#, None);
    assert!(card[0].message.starts_with("this is a model card"), "{}", card[0]);
    let forced = read(&export("lm_eval/results.json"), Some(Format::RunJson), &beside());
    assert_eq!(forced.unwrap_err()[0].message, "this is lm-evaluation-harness results");
    let wide = read(&export("fairlearn/adult_v7.sex.csv"), Some(Format::LongCsv), &beside());
    assert_eq!(wide.unwrap_err()[0].code, "wide_table");
    let named = read(br#"{"score": 0.5}"#, Some(Format::Mlflow), &beside());
    assert_eq!(of(&named.unwrap().0, "", "score").value, Some(0.5));
    let nameless = read(&export("evidently/report.json"), None, &Context::at(RECEIVED));
    assert_eq!(nameless.unwrap_err()[0].code, "dataset_needed");
}
