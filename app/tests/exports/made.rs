//! Files in the layout of tools and rules of which there is no real one at hand.

use crate::{accepted, beside, close, counts, left, of};
use app::upload::{Format, read};
use serde_json::{Value, json};

#[test]
fn bencher_ai_verify_langfair_and_audit_tables_are_read() {
    let bencher = json!({"sex=Female": {"accuracy": {"value": 0.5, "lower_value": 0.4, "upper_value": 0.6}},
        "latency": {"seconds": {"value": 1.5}}});
    let (bencher, receipt) = accepted(bencher.to_string().as_bytes(), Format::Bencher);
    assert_eq!(of(&bencher, "sex=Female", "accuracy").interval, None, "it has no n");
    assert!(receipt.ignored.iter().any(|note| note.contains("without n")));
    assert_eq!(of(&bencher, "benchmark=latency", "seconds").value, Some(1.5));

    let group = |code: u8, metric: f64| json!({"group": [code], "metric": metric});
    let class = |rate: f64| {
        json!({"True Positive Rate": [group(0, rate), group(1, 0.5)],
        "False Negative Rate": [group(0, 1.0 - rate), group(1, 0.5)],
        "Disparate Impact": [{"group": [0, 1], "metric": 0.8}]})
    };
    let result = json!({"gid": "aiverify.stock.x", "cid": "c", "version": "0.9.0", "startTime": "2024-07-24T09:20:24.822881",
        "testArguments": {}, "output": {"sensitive_feature": ["gender"], "output_classes": [0, 1], "results": [class(0.1), class(0.75)]}});
    let (verified, receipt) = accepted(result.to_string().as_bytes(), Format::AiVerify);
    assert_eq!(
        of(&verified, "gender=0", "true_positive_rate").value,
        Some(0.75),
        "of the positive class"
    );
    assert_eq!(left(&receipt), ["0", "Disparate Impact"].into());

    let langfair = json!({"metrics": {"Toxicity": {"Toxic Fraction": 0.01, "Toxicity Probability": 0.02},
        "Stereotype": {"Stereotype Fraction - gender": 0.2},
        "Counterfactual": {"male-female": {"Cosine Similarity": 0.9, "Sentiment Bias": 0.05}}}});
    let (langfair, _) = accepted(langfair.to_string().as_bytes(), Format::Langfair);
    assert_eq!(of(&langfair, "", "toxicity_rate").value, Some(0.01));
    assert_eq!(of(&langfair, "stereotype_category=gender", "stereotype_fraction").value, Some(0.2));
    assert_eq!(
        of(&langfair, "counterfactual_pair=male-female", "sentiment_bias").value,
        Some(0.05)
    );

    let audit = "Sex,Race/Ethnicity,# of Applicants,# Selected,Selection Rate,Impact Ratio\r\n\
        Female,Black,\"1,200\",300,25%,0.833\r\nMale,White,1000,300,30%,1.00\r\nTotal,Total,2200,600,27.3%,N/A\r\n";
    let (audit, receipt) = accepted(audit.as_bytes(), Format::Ll144);
    assert_eq!(
        counts(of(&audit, "Race/Ethnicity=Black;Sex=Female", "selection_rate")),
        (Some(300), Some(1200))
    );
    assert_eq!(counts(of(&audit, "", "selection_rate")), (Some(600), Some(2200)));
    assert_eq!(left(&receipt), ["Impact Ratio"].into());
}

#[test]
fn a_bencher_range_without_its_value_is_told_and_does_not_refuse_the_file() {
    let file =
        json!({"latency": {"seconds": {"value": 1.5, "lower_value": 1.6, "upper_value": 2.0}}});
    let (bencher, receipt) = accepted(file.to_string().as_bytes(), Format::Bencher);
    assert_eq!(of(&bencher, "benchmark=latency", "seconds").value, Some(1.5));
    assert_eq!(left(&receipt), ["1.6..2 of seconds"].into());
}

/// Of three classes, as of two, AI Verify divides by the counts of all groups.
#[test]
fn ai_verifys_rates_of_several_classes_are_those_of_a_class_against_the_rest_within_a_group() {
    let group = |code: u8, metric: f64| json!({"group": [code], "metric": metric});
    let class = |hit: f64, missed: f64| {
        json!({"True Positive Rate": [group(0, hit), group(1, 0.3)],
        "False Negative Rate": [group(0, missed), group(1, 0.1)],
        "Equal Selection Parity": [{"group": [0, 1], "metric": 12.0}]})
    };
    let result = json!({"gid": "aiverify.stock.x", "cid": "c", "version": "2.2.1", "startTime": "2026-07-24T09:20:24",
        "testArguments": {}, "output": {"sensitive_feature": ["gender"], "output_classes": ["a", "b", "c"],
        "results": [class(0.1, 0.4), class(0.2, 0.2), class(0.5, 0.0)]}});
    let (document, receipt) = accepted(result.to_string().as_bytes(), Format::AiVerify);
    for (class, rate) in [("a", 0.2), ("b", 0.5), ("c", 1.0)] {
        let key = format!("true_positive_rate[{class}]");
        close(of(&document, "gender=0", &key).value, Some(rate), &key);
        close(of(&document, "gender=1", &key).value, Some(0.75), &key);
    }
    assert!(document.estimates.iter().all(|it| it.metric.contains('[')), "{document:?}");
    assert!(receipt.conventions.iter().any(|it| it.contains("one class against the rest")));
}

#[test]
fn what_stands_beside_langfairs_metrics_is_told() {
    let file = json!({"metrics": {"Toxicity": {"Toxic Fraction": 0.01}}, "data": {"Toxicity": {"response": ["a"]}}});
    let (_, receipt) = accepted(file.to_string().as_bytes(), Format::Langfair);
    assert_eq!(left(&receipt), ["data"].into());
}

#[test]
fn an_audit_table_is_read_by_its_header_and_numbers_it_does_not_know_are_no_category() {
    let text = "Sex,Total Applicants,Applicants Selected,Selection Rate (%),Median Score,Impact Ratio\n\
        Female,1200,300,25,0.41,0.833\nMale,1000,300,30.0,0.5,1.00\n";
    let (audit, receipt) = accepted(text.as_bytes(), Format::Ll144);
    for (slice, whole) in [("Sex=Female", 1200), ("Sex=Male", 1000)] {
        assert_eq!(counts(of(&audit, slice, "selection_rate")), (Some(300), Some(whole)));
    }
    assert_eq!(left(&receipt), ["Impact Ratio", "Median Score"].into());
}

#[test]
fn percentages_in_an_audit_table_are_no_counts_and_its_counts_make_the_rates_that_are_left_out() {
    let text = "Sex,# of Applicants,% of Applicants,% Selected,Impact Ratio\n\
        Female,2000,66.7,25,1.00\nMale,1000,33.3,30,1.2\n";
    let (audit, receipt) = accepted(text.as_bytes(), Format::Ll144);
    let female = of(&audit, "Sex=Female", "selection_rate");
    assert_eq!((female.value, female.n), (Some(0.25), Some(2000)));
    assert_eq!(left(&receipt), ["% of Applicants", "Impact Ratio"].into());
    let gaps =
        "Sex,Applicants,Selected,Selection Rate,Impact Ratio\nFemale,0,0,,\nMale,100,50,,1\n";
    let (audit, _) = accepted(gaps.as_bytes(), Format::Ll144);
    assert_eq!(of(&audit, "Sex=Male", "selection_rate").value, Some(0.5));
    let none = of(&audit, "Sex=Female", "selection_rate");
    assert_eq!(none.undefined.as_deref(), Some("no applicants"));
}

#[test]
fn a_column_of_whole_numbers_may_be_a_category_and_is_asked_about() {
    let text = "Sex,Age code,Applicants,Selected,Selection Rate,Impact Ratio\n\
        F,1,100,50,50%,1\nF,2,100,50,50%,1\n";
    let problems = read(text.as_bytes(), None, &beside()).unwrap_err();
    assert_eq!(problems[0].code, "category_or_count");
}

#[test]
fn a_rate_of_ai_verifys_without_what_completes_it_is_not_taken_for_one_within_the_group() {
    let text = r#"{"gid": "aiverify.stock.x", "cid": "c", "version": "2", "startTime": "2026-07-24T09:20:24",
        "testArguments": {}, "output": {"sensitive_feature": ["gender"], "output_classes": [0, 1],
        "results": [{}, {"True Positive Rate": [{"group": [0], "metric": 0.17}],
            "False Negative Rate": [{"group": [0], "metric": NaN}]}]}}"#;
    let (document, _) = accepted(text.as_bytes(), Format::AiVerify);
    let rate = of(&document, "gender=0", "true_positive_rate");
    assert!(rate.undefined.as_ref().is_some_and(|why| why.contains("share of all groups")));
}

#[test]
fn a_report_that_does_not_tell_two_classes_from_several_keeps_its_own_names() {
    let metric = |kind: &str, value: f64| {
        json!({"id": kind, "metric_name": format!("{kind}()"),
            "config": {"type": format!("evidently:metric_v2:{kind}")}, "value": value})
    };
    let mut metrics =
        vec![metric("Accuracy", 0.7), metric("Precision", 0.66), metric("Recall", 0.65)];
    let file = json!({"metrics": metrics}).to_string();
    let (document, receipt) = accepted(file.as_bytes(), Format::Evidently);
    assert_eq!(of(&document, "", "accuracy").value, Some(0.7));
    assert_eq!(of(&document, "", "evidently_recall").value, Some(0.65));
    assert!(receipt.conventions.iter().any(|it| it.contains("RecallByLabel")), "{receipt:?}");
    metrics.push(metric("TPR", 0.65));
    let (document, _) =
        accepted(json!({"metrics": metrics}).to_string().as_bytes(), Format::Evidently);
    assert_eq!(of(&document, "", "precision").value, Some(0.66), "rates of a positive class");
}

#[test]
fn a_time_that_no_clock_shows_is_refused_in_words() {
    for time in ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"] {
        let file = json!({"version": "0.6.7", "timestamp": time, "metrics": [
            {"metric": "ClassificationQualityMetric", "result": {"current": {"accuracy": 0.75}}}]});
        assert!(read(file.to_string().as_bytes(), None, &beside()).is_err(), "{time}");
    }
}

#[test]
fn a_frames_number_of_rows_is_known_by_many_names_and_what_counts_define_is_not_undefined() {
    // Of 30: TP 8, FP 2, FN 6, TN 14; of 60: 24, 4, 5, 27.
    let frame = |accuracy: &str| {
        let head = "sex,n,accuracy,selection_rate,true_positive_rate";
        let women = format!("F,30,{accuracy},0.3333333333333333,0.5714285714285714");
        let men = "M,60,0.85,0.4666666666666667,0.8275862068965517";
        format!("{head},false_positive_rate\n{women},0.125\n{men},0.12903225806451613\n")
    };
    let (document, _) = accepted(frame("0.7333333333333333").as_bytes(), Format::Fairlearn);
    assert_eq!(counts(of(&document, "sex=F", "accuracy")), (Some(22), Some(30)));
    for undefined in ["inf", ""] {
        let problems = read(frame(undefined).as_bytes(), None, &beside()).unwrap_err();
        assert_eq!(problems[0].code, "value_is_not_its_counts", "{undefined}: {problems:?}");
    }
}

#[test]
fn an_empty_category_below_another_is_asked_about_and_not_guessed() {
    let table = |rows: &str| {
        format!("Race,Sex,Applicants,Selected,Selection Rate,Impact Ratio\n{rows}").into_bytes()
    };
    let merged = table("Black,Female,100,20,20%,1\n,Male,100,20,20%,1\n");
    let problems = read(&merged, None, &beside()).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "line 3, column Race: an empty category may be merged with the one above, or mean all of \
         them (expected the category in each row, or `All`)"
    );
    // All of one kind after another, each alone.
    let apart = table("Black,,100,20,20%,1\nWhite,,100,20,20%,1\n,Female,90,20,22.2%,1\n");
    let (audit, _) = accepted(&apart, Format::Ll144);
    assert_eq!(counts(of(&audit, "Sex=Female", "selection_rate")), (Some(20), Some(90)));
    let named = table("Black,Female,100,20,20%,1\nAll,Male,100,20,20%,1\n");
    assert!(of(&accepted(&named, Format::Ll144).0, "Sex=Male", "count").n.is_some());
}

#[test]
fn results_of_one_dataset_are_told_apart_by_what_they_differ_in() {
    let result = |task: &str, shots: u8, metrics: Value| {
        json!({"task": {"type": task}, "dataset": {"type": "squad", "name": "SQuAD", "args": {"num_few_shot": shots}},
            "metrics": metrics})
    };
    let accuracy = |value: f64| json!([{"type": "accuracy", "value": value}]);
    let card = |results: Vec<Value>| {
        json!({"model-index": [{"name": "m", "results": results}]}).to_string().into_bytes()
    };
    let file = card(vec![
        result("qa", 0, accuracy(0.5)),
        result("qa", 5, accuracy(0.6)),
        result("rewriting", 5, accuracy(0.7)),
    ]);
    let (document, _) = accepted(&file, Format::HuggingFace);
    let mut all: Vec<(String, f64)> = document
        .estimates
        .iter()
        .filter_map(|it| Some((it.slice.to_string(), it.value?)))
        .collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    let names: Vec<&str> = all.iter().map(|(slice, _)| slice.as_str()).collect();
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| !name.contains("dataset=")), "it is one dataset: {names:?}");
    for (name, part) in names.iter().zip(["num_few_shot 0", "num_few_shot 5", "rewriting"]) {
        assert!(name.contains(part), "{names:?}");
    }
    let twice = json!([
        {"type": "wer", "name": "Test WER", "value": 10.0},
        {"type": "wer", "name": "Test WER (+LM)", "value": 8.0},
    ]);
    let (document, _) = accepted(&card(vec![result("asr", 0, twice)]), Format::HuggingFace);
    let metrics: Vec<&str> = document.estimates.iter().map(|it| it.metric.as_str()).collect();
    assert_eq!(metrics, ["wer_test_wer", "wer_test_wer_lm"]);
}

#[test]
fn helms_validation_rows_and_perturbations_of_one_name_are_kept_apart() {
    let stat = |split: &str, perturbation: Value, mean: f64| {
        let mut name = json!({"name": "exact_match", "split": split});
        if !perturbation.is_null() {
            name["perturbation"] = perturbation;
        }
        json!({"name": name, "count": 1, "sum": mean, "sum_squared": mean * mean, "mean": mean})
    };
    let gender = |mode: &str| {
        json!({"name": "gender", "fairness": true, "computed_on": "perturbed", "mode": mode, "prob": 1.0,
            "source_class": "male", "target_class": "female"})
    };
    let file = json!([
        stat("valid", json!(null), 0.5),
        stat("valid", gender("terms"), 0.4),
        stat("valid", gender("pronouns"), 0.3),
        stat("train", json!(null), 0.9),
    ]);
    let (document, receipt) = accepted(file.to_string().as_bytes(), Format::Helm);
    assert_eq!(of(&document, "", "exact_match").value, Some(0.5));
    assert!(receipt.conventions.iter().any(|it| it.contains("of the valid split")));
    assert_eq!(left(&receipt), ["exact_match"].into(), "what it was trained on");
    for (mode, value) in [("terms", 0.4), ("pronouns", 0.3)] {
        let found = document.estimates.iter().find(|it| it.slice.to_string().contains(mode));
        assert_eq!(found.and_then(|it| it.value), Some(value), "{mode}");
    }
}
