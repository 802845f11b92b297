//! Files whose numbers contradict each other: refused where they do, unless rows may be weighted.

use crate::{accepted, counts, export, left, of, refused};
use app::upload::Format;
use metrics::{Problem, State};
use serde_json::json;

/// A file with a text replaced where it stands first.
fn altered(name: &str, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(export(name)).unwrap();
    assert!(text.contains(from), "{name}: {from}");
    text.replacen(from, to, 1).into_bytes()
}

fn contradiction(problems: &[Problem]) -> String {
    let [problem] = problems else { panic!("one problem: {problems:?}") };
    assert_eq!(problem.code, "value_is_not_its_counts");
    problem.to_string()
}

#[test]
fn a_rate_of_aequitas_that_its_counts_contradict_is_refused_where_it_stands() {
    let wrong = altered("aequitas/crosstabs.csv", "0.7152317880794702", "0.7252317880794702");
    let said = contradiction(&refused(&wrong, Some(Format::Aequitas)));
    assert!(said.starts_with("line 2, column tpr: "), "{said}");
}

#[test]
fn a_frames_rate_that_the_counts_beside_it_contradict_is_refused_in_its_cell() {
    let sex = "fairlearn/sex.by_group.csv";
    // The women's true positive rate: of the other columns it follows that it is 246 of 413.
    let wrong = altered(sex, "0.5956416464891041", "0.5856416464891041");
    let said = contradiction(&refused(&wrong, Some(Format::Fairlearn)));
    assert!(said.starts_with("line 2, column true_positive_rate: "), "{said}");
    assert!(said.contains("expected 0.5956416464891041"), "{said}");
    let json = "fairlearn/adult_v7.sex.table.json";
    let (right, _) = accepted(&export(json), Format::Fairlearn);
    let precision = of(&right, "sex=Male", "precision").value.unwrap().to_string();
    let wrong = altered(json, "0.634884254", "0.512345678");
    let said = contradiction(&refused(&wrong, Some(Format::Fairlearn)));
    assert!(said.contains("/precision: ") && said.contains(&precision), "{said}");

    // Of the men, 51 of 60 are right, 28 selected, and 24 of the 29 positives found.
    let few = |selected: &str, found: &str| {
        format!(
            "sex,count,accuracy,selection_rate,recall\n\
             F,30,0.7333333333333333,0.3333333333333333,0.5714285714285714\n\
             M,60,0.85,{selected},{found}\n"
        )
    };
    let (selected, found) = ("0.4666666666666667", "0.8275862068965517");
    let (document, _) = accepted(few(selected, found).as_bytes(), Format::Fairlearn);
    assert_eq!(counts(of(&document, "sex=M", "true_positive_rate")), (Some(24), Some(29)));
    for (file, column) in
        [(few("0.4766666666666667", found), "selection_rate"), (few(selected, "0.81"), "recall")]
    {
        let said = contradiction(&refused(file.as_bytes(), Some(Format::Fairlearn)));
        assert!(said.starts_with(&format!("line 3, column {column}: ")), "{said}");
    }
    // Of few rows, weighted ones have such rates by chance.
    let nobody = "sex,count,accuracy,selection_rate,recall\n\
        F,30,0.7333333333333333,0.3333333333333333,0.5714285714285714\nM,6,0.5,0.31,0.5\n";
    let (document, receipt) = accepted(nobody.as_bytes(), Format::Fairlearn);
    assert_eq!(of(&document, "sex=M", "selection_rate").state(), State::ReportedWithoutN);
    assert!(receipt.amended.iter().any(|note| note.contains("`selection_rate` of `sex=M`;")));
    // One that was rounded alone is none.
    let rounded = altered(sex, "0.6621276595744681", "0.6621");
    let (document, _) = accepted(&rounded, Format::Fairlearn);
    assert_eq!(counts(of(&document, "sex=Female", "accuracy")), (Some(778), Some(1175)));
}

#[test]
fn a_frames_rates_of_weighted_rows_or_other_averages_stay_and_are_named() {
    let said = |notes: &[String], start: &str| {
        let start = format!("reported as they stand, without n: {start}; ");
        assert!(notes.iter().any(|note| note.starts_with(&start)), "{start} {notes:?}");
    };
    // Somebody's `f1` is the mean over both classes.
    let text = String::from_utf8(export("fairlearn/sex.by_group.csv")).unwrap();
    let averaged = text.replace("0.5534308211473565", "0.64").replace("0.6366944979661743", "0.66");
    let (document, receipt) = accepted(averaged.as_bytes(), Format::Fairlearn);
    assert_eq!(of(&document, "sex=Male", "f1").state(), State::ReportedWithoutN);
    assert_eq!(counts(of(&document, "sex=Female", "accuracy")), (Some(778), Some(1175)));
    assert_eq!(of(&document, "sex=Female", "precision").state(), State::Estimated);
    said(&receipt.amended, "`f1` of `sex=Female`, `sex=Male`");

    let weighted = "sex,count,accuracy,selection_rate,precision\n\
        F,30,0.7312345678901,0.3312345678901,0.7512345678901\n\
        M,60,0.8612345678901,0.4712345678901,0.8212345678901\n";
    let (document, receipt) = accepted(weighted.as_bytes(), Format::Fairlearn);
    assert_eq!(of(&document, "sex=F", "accuracy").state(), State::ReportedWithoutN);
    said(&receipt.amended, "`accuracy`, `selection_rate` of `sex=F`, `sex=M`");
    said(&receipt.amended, "`precision` of `sex=F`, `sex=M`");

    // Of one group all rows weigh the same.
    let alike = "sex,count,accuracy,selection_rate,recall\n\
        F,30,0.7333333333333333,0.3333333333333333,0.5714285714285714\n\
        M,60,0.85,0.4712345678901,0.8212345678901\nX,40,0.75,0.4312345678901,0.7212345678901\n";
    let (_, receipt) = accepted(alike.as_bytes(), Format::Fairlearn);
    said(&receipt.amended, "`selection_rate` of `sex=M`, `sex=X`");
}

#[test]
fn a_rate_of_aif360s_that_the_counts_beside_it_contradict_is_refused_where_it_stands() {
    let wrong = altered("aif360/metrics.json", "0.8355011476664116", "0.8455011476664116");
    let said = contradiction(&refused(&wrong, Some(Format::Aif360)));
    assert!(said.starts_with("/true_positive_rate: "), "{said}");
    assert!(said.contains("expected 0.8355011476664116"), "{said}");
    let explained = "aif360/explanations.json";
    let wrong = altered(explained, "(ACC): 0.8046188809041214", "(ACC): 0.9046188809041214");
    let said = contradiction(&refused(&wrong, Some(Format::Aif360)));
    assert!(said.starts_with("/4/message: ") && said.contains("0.8046188809041214"), "{said}");

    let weighted = json!({"num_instances": 100, "accuracy": 0.712_345_678_9, "base_rate": 0.312_345_678_9,
        "selection_rate": 0.412_345_678_9, "unprivileged_groups": [{"sex": 0}]});
    let (document, receipt) = accepted(weighted.to_string().as_bytes(), Format::Aif360);
    assert_eq!(of(&document, "", "accuracy").state(), State::ReportedWithoutN);
    let named = "`accuracy`, `base_rate`, `selection_rate` of `overall`";
    assert!(receipt.amended.iter().any(|note| note.contains(named)), "{:?}", receipt.amended);
}

#[test]
fn an_explanation_of_one_group_is_that_groups_and_its_weighted_rate_stays() {
    let of_group = |side: &str, [tp, p]: [f64; 2]| {
        json!({"metric": "True Positive Rate", "ideal": "The ideal value of this metric is 1.0",
            "message": format!("True positive rate on {side} instances: {}", tp / p),
            "numTruePositives": tp, "numPositives": p})
    };
    let file = json!([of_group("unprivileged", [3.0, 4.0]), of_group("privileged", [2.5, 4.0])]);
    let (document, receipt) = accepted(file.to_string().as_bytes(), Format::Aif360);
    let rate = |side: &str| of(&document, &format!("privilege={side}"), "true_positive_rate");
    assert_eq!(counts(rate("unprivileged")), (Some(3), Some(4)));
    assert_eq!((rate("privileged").value, rate("privileged").n), (Some(0.625), None));
    assert!(left(&receipt).contains("numTruePositives"), "rows were weighted");

    // AIF360 writes the privileged group's false positives under another name.
    let difference = json!([{"metric": "False Positive Rate Difference", "ideal": "0",
        "message": "False positive rate difference (…): 0.25",
        "numFalsePositivesUnprivileged": 2.0, "numNegativesUnprivileged": 4.0,
        "numPositivesPrivileged": 1.0, "numNegativesPrivileged": 4.0}]);
    let (document, _) = accepted(difference.to_string().as_bytes(), Format::Aif360);
    let rate = of(&document, "privilege=privileged", "false_positive_rate");
    assert_eq!(counts(rate), (Some(1), Some(4)));
    assert!(document.estimates.iter().all(|it| it.metric != "base_rate"));
}
