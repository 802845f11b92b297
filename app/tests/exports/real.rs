//! More real files of other tools, each held against numbers that were counted apart.

use crate::{RECEIVED, accepted, close, export, fixture, of};
use app::upload::{Context, Format, read};
use metrics::Slice;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// AI Verify 2 divides by the counts of all groups: of Black women it says a true positive rate of
/// 0.006, which is that of 0.568 times their share of all positives.
#[test]
fn ai_verifys_rates_are_those_within_each_group() {
    let (document, receipt) = accepted(&export("ai_verify/results.json"), Format::AiVerify);
    let counts: BTreeMap<String, BTreeMap<String, f64>> =
        serde_json::from_slice(&fixture("exports/ai_verify/counts.json")).unwrap();
    let mut compared = 0;
    for (group, cells) in &counts {
        let [tn, missed, fp, tp] = ["tn", "fn", "fp", "tp"].map(|cell| cells[cell]);
        let share = |part: f64, rest: f64| (part + rest > 0.0).then(|| part / (part + rest));
        for (metric, wanted) in [
            ("true_positive_rate", share(tp, missed)),
            ("false_negative_rate", share(missed, tp)),
            ("true_negative_rate", share(tn, fp)),
            ("false_positive_rate", share(fp, tn)),
            ("precision", share(tp, fp)),
            ("false_discovery_rate", share(fp, tp)),
            ("negative_predictive_value", share(tn, missed)),
            ("false_omission_rate", share(missed, tn)),
        ] {
            close(of(&document, group, metric).value, wanted, &format!("{metric} of {group}"));
            compared += 1;
        }
    }
    assert_eq!((compared, document.estimates.len()), (80, 80));
    assert!(receipt.conventions.iter().any(|it| it.contains("within the group")), "{receipt:?}");
}

/// Cells of the confusion matrix by group (TN, FN, FP, TP), of the predictions that the files are of.
fn cells(group: impl Fn(&dyn Fn(&str) -> String) -> String) -> BTreeMap<String, [u64; 4]> {
    let text = String::from_utf8(fixture("predictions/adult_v4_hgb.csv")).unwrap();
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut all: BTreeMap<String, [u64; 4]> = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| {
            let place = head.iter().position(|column| *column == name).unwrap();
            cells[place].to_owned()
        };
        let of_row = usize::from(cell("label") == "1") + 2 * usize::from(cell("prediction") == "1");
        all.entry(group(&cell)).or_default()[of_row] += 1;
    }
    all
}

/// Fairness Indicators give no counts, and its rates at a threshold with the number of examples
/// leave one confusion matrix only.
#[test]
fn tfmas_rates_are_those_of_the_counts_that_they_come_from() {
    let by_sex = cells(|cell| format!("sex={}", cell("sex")));
    let by_both = cells(|cell| format!("race={};sex={}", cell("race"), cell("sex")));
    let mut compared = 0;
    for file in ["tfma/slicing_metrics.json", "tfma/metrics.json"] {
        let (document, receipt) = accepted(&export(file), Format::Tfma);
        for (group, &[tn, missed, fp, tp]) in by_sex.iter().chain(&by_both) {
            let slice = Slice::parse(group).unwrap();
            if !document.estimates.iter().any(|estimate| estimate.slice == slice) {
                continue;
            }
            for (metric, part, whole) in [
                ("true_positive_rate", tp, tp + missed),
                ("false_positive_rate", fp, fp + tn),
                ("selection_rate", tp + fp, tn + missed + fp + tp),
                ("precision", tp, tp + fp),
                ("accuracy", tn + tp, tn + missed + fp + tp),
                ("false_omission_rate", missed, missed + tn),
            ] {
                let estimate = of(&document, group, metric);
                let counts = (estimate.numerator, estimate.denominator);
                assert_eq!(counts, (Some(part), Some(whole)), "{metric} of {group} in {file}");
                assert_eq!(estimate.threshold, Some(0.5), "{metric} of {group}");
                assert!(estimate.interval.is_some());
                compared += 1;
            }
            let other = of(&document, group, "tfma_false_positive_rate_0_25");
            assert_eq!((other.n, other.interval.as_ref()), (None, None), "of another threshold");
        }
        assert!(receipt.not_placed.is_empty(), "{:?}", receipt.not_placed);
    }
    assert!(compared >= 40, "{compared}");
    let record = fixture("exports/tfma/metrics.tfrecord");
    let problems = read(&record, None, &Context::at(RECEIVED)).unwrap_err();
    assert!(problems[0].to_string().contains("TFRecord"), "{problems:?}");
    assert!(problems[0].to_string().contains("load_metrics"), "{problems:?}");
}

#[test]
fn clarify_holds_each_group_against_everyone_else_and_a_positive_difference_is_a_disadvantage() {
    let (document, receipt) = accepted(&export("clarify/analysis.json"), Format::Clarify);
    let cells = cells(|cell| cell("sex"));
    let rate = |sex: &str| {
        let [tn, missed, fp, tp] = cells[sex];
        (fp + tp) as f64 / (tn + missed + fp + tp) as f64
    };
    let (women, men) = (rate("Female"), rate("Male"));
    assert!(women < men);
    for (sex, own, other) in [("Female", women, men), ("Male", men, women)] {
        let slice = format!("sex={sex}");
        close(of(&document, &slice, "clarify_dppl").value, Some(other - own), &slice);
        close(of(&document, &slice, "clarify_di").value, Some(own / other), &slice);
        // FlipTest takes numbers only: the tool gave an error in its place.
        assert_eq!(of(&document, &slice, "clarify_ft").value, None);
    }
    assert_eq!((receipt.slices, receipt.estimates), (7, 147));
    assert!(receipt.conventions.iter().any(|it| it.contains("opposite of AIF360")), "{receipt:?}");

    let alone = fixture("exports/clarify/bias_report.json");
    let context = Context::at(RECEIVED);
    let problems = read(&alone, None, &context).unwrap_err();
    assert!(problems[0].to_string().contains("which facet"), "{problems:?}");
}

#[test]
fn helms_instances_are_the_n_of_what_was_not_perturbed() {
    let (document, _) = accepted(&export("helm/stats.json"), Format::Helm);
    let n = |slice: &str| of(&document, slice, "exact_match").n;
    assert_eq!((n(""), n("sub_split=toxic")), (Some(1_000), Some(200)));
    let perturbed = of(&document, "computed_on=worst;perturbation=dialect", "exact_match");
    assert_eq!((perturbed.value, perturbed.n), (Some(0.64), None));
}

#[test]
fn nothing_of_a_model_card_is_lost_for_its_name() {
    let (card, receipt) = accepted(&export("hugging_face/README.md"), Format::HuggingFace);
    let women = "dataset=adult-half/default/test-female";
    for metric in ["accuracy", "hf_precision", "hf_recall"] {
        assert!(of(&card, women, metric).value.is_some_and(|value| value < 1.0), "{metric}");
    }
    assert!(receipt.not_placed.is_empty(), "{:?}", receipt.not_placed);
    let (saved, _) = accepted(&export("hugging_face/result.json"), Format::HuggingFace);
    let of_card = of(&card, "dataset=adult-half/default/test", "hf_recall").value;
    close(of(&saved, "", "hf_recall").value, of_card, "recall");
}

#[test]
fn langfairs_measures_keep_their_own_names() {
    let (document, _) = accepted(&export("langfair/results.json"), Format::Langfair);
    let known: Value = serde_json::from_slice(&fixture("exports/langfair/results.json")).unwrap();
    let known = &known["metrics"]["Stereotype"];
    for (original, key) in [
        ("Stereotype Association", "stereotype_association"),
        ("Cooccurrence Bias", "cooccurrence_bias"),
    ] {
        close(of(&document, "", key).value, known[original].as_f64(), key);
    }
}

/// The confusion matrix of `evidently/report_0_6_classes.json`: rows by label and prediction, of
/// Barbera, Barolo and Grignolino.
const WINES: [[u64; 3]; 3] = [[4, 8, 12], [1, 26, 3], [2, 1, 32]];

/// What of the wines was predicted rightly, of its label, and as it.
fn wine(at: usize) -> [u64; 3] {
    [WINES[at][at], WINES[at].iter().sum(), WINES.iter().map(|row| row[at]).sum()]
}

#[test]
fn evidently_before_0_7_gives_the_counts_of_its_confusion_matrix() {
    let (document, receipt) = accepted(&export("evidently/report_0_6.json"), Format::Evidently);
    let by_sex = cells(|cell| cell("sex"));
    let [tn, missed, fp, tp] = by_sex["Female"];
    for (metric, part, whole) in [
        ("accuracy", tn + tp, tn + missed + fp + tp),
        ("true_positive_rate", tp, tp + missed),
        ("false_positive_rate", fp, fp + tn),
        ("precision", tp, tp + fp),
    ] {
        let estimate = of(&document, "", metric);
        assert_eq!((estimate.numerator, estimate.denominator), (Some(part), Some(whole)));
    }
    let f1 = of(&document, "", "f1");
    close(f1.value, Some((2 * tp) as f64 / (2 * tp + fp + missed) as f64), "F1");
    // Each metric has its values of the reference data, which is another.
    let left: Vec<&str> = receipt.not_placed.iter().map(|it| it.what.as_str()).collect();
    assert!(left.contains(&"ClassificationQualityByClass"), "{left:?}");
    assert!(left.contains(&"DatasetSummaryMetric"), "{left:?}");
    assert!(document.estimates.iter().all(|it| !it.metric.contains('[')), "two classes");
}

#[test]
fn a_report_of_two_classes_names_the_positive_one_where_it_tells() {
    let mut report: Value = serde_json::from_slice(&export("evidently/report_0_6.json")).unwrap();
    let said = |report: &Value| {
        let (_, receipt) = accepted(report.to_string().as_bytes(), Format::Evidently);
        let is_of_it = |note: &&String| note.contains("positive class is") || note.contains("tell");
        receipt.conventions.iter().filter(is_of_it).cloned().collect::<Vec<_>>()
    };
    let named = ["the positive class is `1`, whose rates the report gives"];
    assert_eq!(said(&report), named, "by its confusion matrix");
    let metrics = report["metrics"].as_array_mut().unwrap();
    metrics.retain(|metric| metric["metric"] != "ClassificationConfusionMatrix");
    assert_eq!(said(&report), named, "by the numbers of each class");
    let metrics = report["metrics"].as_array_mut().unwrap();
    metrics.retain(|metric| metric["metric"] != "ClassificationQualityByClass");
    let untold = ["the file does not tell which of the two classes is the positive one"];
    assert_eq!(said(&report), untold);

    // Either class is found as often as the other.
    let alike = json!({"version": "0.6.7", "metrics": [
        {"metric": "ClassificationQualityMetric", "result": {"current": {
            "accuracy": 0.75, "precision": 0.75, "recall": 0.75, "tpr": 0.75, "fpr": 0.25}}},
        {"metric": "ClassificationConfusionMatrix", "result": {"current_matrix": {
            "labels": ["no", "yes"], "values": [[30, 10], [10, 30]]}}}]});
    assert_eq!(said(&alike), untold);
    let (several, receipt) =
        accepted(&export("evidently/report_0_6_classes.json"), Format::Evidently);
    assert!(of(&several, "", "macro_recall").value.is_some());
    assert!(receipt.conventions.iter().all(|note| !note.contains("positive")), "{receipt:?}");
}

#[test]
fn evidentlys_numbers_of_several_classes_are_means_and_classes_against_the_rest() {
    let classes = ["Barbera", "Barolo", "Grignolino"];
    let (old, receipt) = accepted(&export("evidently/report_0_6_classes.json"), Format::Evidently);
    assert!(receipt.not_placed.is_empty(), "{:?}", receipt.not_placed);
    assert_eq!(
        (of(&old, "", "accuracy").numerator, of(&old, "", "accuracy").n),
        (Some(62), Some(89))
    );
    let (new, receipt) = accepted(&export("evidently/report_classes.json"), Format::Evidently);
    assert!(receipt.not_placed.is_empty(), "{:?}", receipt.not_placed);
    let (snapshot, _) = accepted(&export("evidently/snapshot_classes.json"), Format::Evidently);
    for (at, class) in classes.iter().enumerate() {
        let [right, labelled, predicted] = wine(at);
        for (metric, whole) in [("true_positive_rate", labelled), ("precision", predicted)] {
            let key = format!("{metric}[{class}]");
            let estimate = of(&old, "", &key);
            assert_eq!((estimate.numerator, estimate.denominator), (Some(right), Some(whole)));
            let wanted = Some(right as f64 / whole as f64);
            for document in [&new, &snapshot] {
                close(of(document, "", &key).value, wanted, &key);
            }
        }
    }
    let recalls = (0..3).map(|at| wine(at)[0] as f64 / wine(at)[1] as f64);
    let mean = recalls.sum::<f64>() / 3.0;
    for document in [&old, &new, &snapshot] {
        close(of(document, "", "macro_recall").value, Some(mean), "macro recall");
        let is_whole = |metric: &str| document.estimates.iter().any(|it| it.metric == metric);
        assert!(!is_whole("true_positive_rate") && !is_whole("precision") && !is_whole("f1"));
    }
    assert_eq!(of(&old, "", "macro_f1").n, Some(89));
    assert!(of(&old, "", "macro_f1").interval.is_some(), "the matrix tells how well it is known");
}

#[test]
fn tfmas_classes_and_means_are_not_the_models_own_metrics() {
    for file in ["tfma/slicing_metrics_classes.json", "tfma/metrics_classes.json"] {
        let (document, receipt) = accepted(&export(file), Format::Tfma);
        assert!(receipt.not_placed.is_empty(), "{file}: {:?}", receipt.not_placed);
        let value = |metric: &str| of(&document, "", metric).value;
        close(value("tfma_classid_0_precision"), Some(1.0), file);
        close(value("tfma_classid_1_recall"), Some(19.0 / 35.0), file);
        assert_eq!(value("tfma_classid_2_precision"), None, "nothing is above one half");
        close(value("tfma_macro_average_recall"), Some((1.0 / 30.0 + 19.0 / 35.0) / 3.0), file);
        assert_eq!(of(&document, "", "tfma_macro_average_recall").n, Some(89));
        assert_eq!(value("tfma_macro_average_precision"), None);
        close(value("tfma_classid_0_auc"), Some(0.948_022_598_870_056_6), file);
        assert_eq!(of(&document, "", "count").n, Some(89));
        // Keras' own has 32 bits: 0.6966292262077332.
        let accuracy = of(&document, "", "accuracy");
        assert_eq!((accuracy.numerator, accuracy.denominator), (Some(62), Some(89)));
        // Of the predicted class, that of the highest score, the same wines have other rates.
        let (argmax, _) = accepted(&export("evidently/report_classes.json"), Format::Evidently);
        assert_ne!(of(&argmax, "", "macro_recall").value, value("tfma_macro_average_recall"));
        for metric in ["precision", "true_positive_rate", "macro_precision", "macro_recall"] {
            let is_it = |key: &str| metrics::catalogue::Key::parse(key).base == metric;
            assert!(document.estimates.iter().all(|it| !is_it(&it.metric)), "{file}: {metric}");
        }
        let said = "apart from `precision[class]`";
        assert!(receipt.conventions.iter().any(|it| it.contains(said)), "{receipt:?}");
        assert!(of(&document, "colour=deep", "tfma_classid_1_recall").value.is_some());
    }
}
