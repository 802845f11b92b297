//! More real files of other tools, each held against numbers that were counted apart.

#![expect(clippy::unwrap_used, reason = "in a test's helpers a panic is the failure")]

use app::upload::{Context, Format, Receipt, read};
use metrics::{Estimate, RunDocument, Slice};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use time::macros::datetime;

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    fs::read(folder.join(name)).unwrap()
}

fn accepted(file: &str, format: Format) -> (RunDocument, Receipt) {
    let bytes = fixture(&format!("exports/{file}"));
    assert_eq!(Format::sniff(&bytes), Some(format), "{file}");
    let context = Context {
        dataset: Some(("adult-half".into(), "1994".into())),
        ..Context::at(datetime!(2026-12-01 12:00 UTC))
    };
    read(&bytes, None, &context).unwrap_or_else(|problems| panic!("{file}: {problems:?}"))
}

fn of<'d>(document: &'d RunDocument, slice: &str, metric: &str) -> &'d Estimate {
    let slice = Slice::parse(slice).unwrap();
    let found = document.estimates.iter().find(|e| e.slice == slice && e.metric == metric);
    found.unwrap_or_else(|| panic!("no {metric} of `{slice}`"))
}

fn close(got: Option<f64>, wanted: Option<f64>, what: &str) {
    match (got, wanted) {
        (Some(got), Some(wanted)) => {
            assert!((got - wanted).abs() < 1e-9, "{what}: {got} is not {wanted}");
        }
        _ => assert_eq!(got, wanted, "{what}"),
    }
}

/// AI Verify 2 divides by the counts of all groups: of Black women it says a true positive rate of
/// 0.006, which is that of 0.568 times their share of all positives.
#[test]
fn ai_verifys_rates_are_those_within_each_group() {
    let (document, receipt) = accepted("ai_verify/results.json", Format::AiVerify);
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
        let (document, receipt) = accepted(file, Format::Tfma);
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
    let problems = read(&record, None, &Context::at(datetime!(2026-12-01 12:00 UTC))).unwrap_err();
    assert!(problems[0].to_string().contains("TFRecord"), "{problems:?}");
    assert!(problems[0].to_string().contains("load_metrics"), "{problems:?}");
}

#[test]
fn clarify_holds_each_group_against_everyone_else_and_a_positive_difference_is_a_disadvantage() {
    let (document, receipt) = accepted("clarify/analysis.json", Format::Clarify);
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
    let context = Context::at(datetime!(2026-12-01 12:00 UTC));
    let problems = read(&alone, None, &context).unwrap_err();
    assert!(problems[0].to_string().contains("which facet"), "{problems:?}");
}

#[test]
fn helms_instances_are_the_n_of_what_was_not_perturbed() {
    let (document, _) = accepted("helm/stats.json", Format::Helm);
    let n = |slice: &str| of(&document, slice, "exact_match").n;
    assert_eq!((n(""), n("sub_split=toxic")), (Some(1_000), Some(200)));
    let perturbed = of(&document, "computed_on=worst;perturbation=dialect", "exact_match");
    assert_eq!((perturbed.value, perturbed.n), (Some(0.64), None));
}

#[test]
fn nothing_of_a_model_card_is_lost_for_its_name() {
    let (card, receipt) = accepted("hugging_face/README.md", Format::HuggingFace);
    let women = "dataset=adult-half/default/test-female";
    for metric in ["accuracy", "hf_precision", "hf_recall"] {
        assert!(of(&card, women, metric).value.is_some_and(|value| value < 1.0), "{metric}");
    }
    assert!(receipt.not_placed.is_empty(), "{:?}", receipt.not_placed);
    let (saved, _) = accepted("hugging_face/result.json", Format::HuggingFace);
    let of_card = of(&card, "dataset=adult-half/default/test", "hf_recall").value;
    close(of(&saved, "", "hf_recall").value, of_card, "recall");
}

#[test]
fn langfairs_measures_keep_their_own_names() {
    let (document, _) = accepted("langfair/results.json", Format::Langfair);
    let known: Value = serde_json::from_slice(&fixture("exports/langfair/results.json")).unwrap();
    let known = &known["metrics"]["Stereotype"];
    for (original, key) in [
        ("Stereotype Association", "stereotype_association"),
        ("Cooccurrence Bias", "cooccurrence_bias"),
    ] {
        close(of(&document, "", key).value, known[original].as_f64(), key);
    }
}
