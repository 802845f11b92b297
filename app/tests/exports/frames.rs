//! Frames of groups: Fairlearn, Aequitas and AIF360.

use crate::{accepted, basis, beside, counts, export, fixture, left, of, refused};
use app::upload::{Basis, Format, read};
use metrics::{Estimate, RunDocument, State};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn counts_that_follow_from_fairlearns_rates_are_those_that_aequitas_counted_on_the_same_rows() {
    let (aequitas, receipt) = accepted(&export("aequitas/crosstabs.csv"), Format::Aequitas);
    assert_eq!(basis(&receipt, "tpr"), [Basis::Recomputed].into());
    let mut compared = 0;
    for file in ["sex.by_group.csv", "race_x_sex.by_group.csv"] {
        let (fairlearn, receipt) =
            accepted(&export(&format!("fairlearn/{file}")), Format::Fairlearn);
        assert!(basis(&receipt, "true_positive_rate").contains(&Basis::Recomputed));
        for estimate in fairlearn.estimates.iter().filter(|e| e.numerator.is_some()) {
            let same = of(&aequitas, &estimate.slice.to_string(), &estimate.metric);
            assert_eq!(counts(estimate), counts(same), "{} {}", estimate.slice, estimate.metric);
            assert_eq!((estimate.n, estimate.value), (same.n, same.value));
            compared += 1;
        }
    }
    // 14 groups, seven rates each, of which the smallest groups leave some undefined.
    assert!(compared > 85, "{compared}");
}

#[test]
fn where_fairlearn_writes_0_for_nothing_to_divide_by_the_rate_is_undefined() {
    let (document, _) = accepted(&export("fairlearn/race_x_sex.by_group.csv"), Format::Fairlearn);
    let nobody = of(&document, "race=Asian;sex=Female", "precision");
    assert_eq!((nobody.state(), nobody.n), (State::Undefined, Some(0)));
    assert_eq!(nobody.undefined.as_deref(), Some("no predicted positives"));
    assert_eq!(of(&document, "race=Asian;sex=Female", "count").n, Some(2));
}

#[test]
fn a_frame_that_somebody_rounded_gives_no_counts_by_chance() {
    // 748 of 1000 is 0.75 too.
    let rounded =
        "sex,count,accuracy,selection_rate,recall\nF,1000,0.75,0.5,0.5\nM,90,0.5,0.5,0.4\n";
    let (document, _) = accepted(rounded.as_bytes(), Format::Fairlearn);
    assert_eq!(of(&document, "sex=F", "accuracy").state(), State::ReportedWithoutN);
    assert_eq!(of(&document, "sex=F", "count").n, Some(1000));
    // Of 90 rows no other number is 0.50 to two decimals.
    assert_eq!(counts(of(&document, "sex=M", "accuracy")), (Some(45), Some(90)));
}

#[test]
fn fairlearns_numbers_come_in_from_every_orientation_that_keeps_the_labels() {
    let golden: Value =
        serde_json::from_slice(&fixture("golden/fairlearn_adult_v7_eqodds_thropt.json")).unwrap();
    let (csv, _) = accepted(&export("fairlearn/adult_v7.sex.csv"), Format::Fairlearn);
    for group in ["Female", "Male"] {
        for metric in
            ["count", "selection_rate", "accuracy", "true_positive_rate", "precision", "f1"]
        {
            let expected = golden["slices"]["sex"]["by_group"][group][metric].as_f64().unwrap();
            let found = of(&csv, &format!("sex={group}"), metric);
            assert!((found.value.unwrap() - expected).abs() < 1e-12, "{group} {metric}");
            assert_eq!(found.state(), State::Estimated, "{group} {metric}");
        }
    }
    // JSON has ten decimals; a number with its counts is made whole again.
    let numbers = |document: &RunDocument, attribute: &str| -> BTreeSet<String> {
        let group = |e: &Estimate| e.slice.group(attribute).unwrap().to_owned();
        let estimates = document.estimates.iter().filter(|e| e.n.is_some());
        estimates.map(|e| format!("{} {} {:?} {:?}", group(e), e.metric, e.value, e.n)).collect()
    };
    let (table, _) = accepted(&export("fairlearn/adult_v7.sex.table.json"), Format::Fairlearn);
    assert_eq!(numbers(&table, "sex"), numbers(&csv, "sex"));
    for orientation in ["split", "index", "columns"] {
        let file = export(&format!("fairlearn/adult_v7.sex.{orientation}.json"));
        let (document, receipt) = accepted(&file, Format::Fairlearn);
        // Attributes have no names there, and the receipt says which are taken.
        assert_eq!(
            numbers(&document, "sensitive_feature_0"),
            numbers(&csv, "sex"),
            "{orientation}"
        );
        assert!(receipt.amended.iter().any(|note| note.contains("sensitive_feature_0")));
    }
    let (two, _) = accepted(&export("fairlearn/adult_v7.race_x_sex.csv"), Format::Fairlearn);
    for orientation in ["split", "index"] {
        let file = export(&format!("fairlearn/adult_v7.race_x_sex.{orientation}.json"));
        let (document, _) = accepted(&file, Format::Fairlearn);
        assert_eq!(document.estimates.len(), two.estimates.len());
        let slice = "sensitive_feature_0=Black;sensitive_feature_1=Female";
        let (found, same) = (
            of(&document, slice, "selection_rate"),
            of(&two, "race=Black;sex=Female", "selection_rate"),
        );
        assert_eq!(counts(found), counts(same));
    }
    let (records, _) =
        accepted(&export("fairlearn/race_x_sex.by_group.records.json"), Format::Fairlearn);
    let (by_csv, _) = accepted(&export("fairlearn/race_x_sex.by_group.csv"), Format::Fairlearn);
    assert_eq!(numbers(&records, "sex"), numbers(&by_csv, "sex"));
}

#[test]
fn a_frame_that_lost_its_labels_is_refused_with_the_remedy() {
    for (file, code) in [
        ("adult_v7.sex.records.json", "labels_lost"),
        ("adult_v7.sex.values.json", "labels_lost"),
        ("adult_v7.series.json", "metric_lost"),
        ("adult_v7.sex.difference.csv", "overall_or_difference"),
    ] {
        let bytes = export(&format!("fairlearn/{file}"));
        let problems = read(&bytes, Some(Format::Fairlearn), &beside()).unwrap_err();
        assert_eq!(problems[0].code, code, "{file}");
        assert!(problems[0].place.is_some() && problems[0].expected.is_some(), "{file}");
    }
    let (series, _) = accepted(&export("fairlearn/adult_v7.series.csv"), Format::Fairlearn);
    let rate = of(&series, "race=Black;sex=Male", "selection_rate");
    assert_eq!(rate.state(), State::ReportedWithoutN, "there is no count in the file");
}

#[test]
fn fairlearns_overall_is_told_from_a_difference_by_its_whole_counts() {
    for file in ["sex.overall.csv", "sex.overall.json"] {
        let (document, _) = accepted(&export(&format!("fairlearn/{file}")), Format::Fairlearn);
        assert_eq!(of(&document, "", "count").n, Some(6172));
        assert_eq!(counts(of(&document, "", "selection_rate")), (Some(2751), Some(6172)));
    }
    let (scores, receipt) =
        accepted(&export("fairlearn/sex.scores.by_group.csv"), Format::Fairlearn);
    assert_eq!(of(&scores, "sex=Male", "brier_score").state(), State::ReportedWithoutN);
    assert_eq!(basis(&receipt, "brier"), [Basis::ReportedWithoutN].into());
}

#[test]
fn aequitas_is_computed_again_from_its_counts_with_intersections_and_overall() {
    let (document, receipt) = accepted(&export("aequitas/crosstabs.csv"), Format::Aequitas);
    let rate = of(&document, "race=African-American", "true_positive_rate");
    assert_eq!(counts(rate), (Some(1188), Some(1661)));
    let both = of(&document, "race=African-American;sex=Male", "count");
    assert_eq!(both.n, Some(2626));
    assert_eq!(of(&document, "", "selection_rate").n, Some(6172));
    assert_eq!(counts(of(&document, "", "selection_rate")), (Some(2751), Some(6172)));
    assert!(left(&receipt).contains("ppr"), "a share that grows with the group is no rate of it");

    let (with_bias, receipt) = accepted(&export("aequitas/bias_predefined.csv"), Format::Aequitas);
    assert_eq!(with_bias.estimates, document.estimates);
    assert!(left(&receipt).contains("tpr_disparity"));
    let verdicts = refused(&export("aequitas/attribute_fairness.csv"), Some(Format::Aequitas));
    assert!(verdicts.iter().all(|problem| problem.code == "missing_column"));
}

#[test]
fn a_rate_that_its_counts_contradict_is_refused_where_it_stands() {
    let text = String::from_utf8(export("aequitas/crosstabs.csv")).unwrap();
    let wrong = text.replacen("0.7152317880794702", "0.7252317880794702", 1);
    let problems = refused(wrong.as_bytes(), Some(Format::Aequitas));
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, "value_is_not_its_counts");
    assert_eq!(problems[0].place.as_ref().unwrap().to_string(), "line 2, column tpr");
}

#[test]
fn aif360s_comparisons_keep_their_sign_and_its_explanations_give_counts_of_both_groups() {
    let (document, receipt) = accepted(&export("aif360/metrics.json"), Format::Aif360);
    let gap = of(&document, "sex=0", "aif360_statistical_parity_difference");
    assert!(
        (gap.value.unwrap() + 0.133_764_912_248_971_08).abs() < 1e-15,
        "unprivileged − privileged"
    );
    assert_eq!(gap.state(), State::ReportedWithoutN);
    let named = &document.metrics.iter().find(|metric| metric.key == gap.metric).unwrap().name;
    assert!(named.contains("unprivileged − privileged"), "{named}");
    assert!(receipt.conventions.iter().any(|note| note.contains("unprivileged − privileged")));

    // `num_instances` and the rates beside it say how many rows each counts.
    assert_eq!(counts(of(&document, "", "accuracy")), (Some(13_100), Some(16_281)));
    assert_eq!(counts(of(&document, "", "true_positive_rate")), (Some(3276), Some(3921)));
    assert!(receipt.amended.iter().any(|note| note.contains("`num_instances`")));

    let (explained, _) = accepted(&export("aif360/explanations.json"), Format::Aif360);
    let women = of(&explained, "privilege=unprivileged", "true_positive_rate");
    assert_eq!(counts(women), (Some(506), Some(610)));
    let selected = of(&explained, "privilege=unprivileged", "selection_rate");
    assert_eq!(selected.n, Some(5413), "disparate impact of a classifier counts its predictions");
    assert_eq!(
        counts(of(&explained, "privilege=privileged", "false_positive_rate")),
        (Some(1593), Some(7557))
    );
    let (one, _) = accepted(&export("aif360/average_odds_difference.json"), Format::Aif360);
    assert_eq!(counts(of(&one, "privilege=unprivileged", "true_positive_rate")), counts(women));
}
