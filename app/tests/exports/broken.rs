//! Other tools' files, broken in every way that files break: none panics, and each refusal says
//! where, and what was expected.

use crate::{beside, fixture};
use app::upload::{Context, Format, read};
use metrics::Problem;
use proptest::prelude::*;
use std::sync::LazyLock;

/// A file of each format and way of writing it: real ones where a tool was at hand.
static FILES: LazyLock<Vec<(Format, Vec<u8>)>> = LazyLock::new(|| {
    let real = [
        (Format::RunJson, "uploads/good/example.run.json"),
        (Format::LongCsv, "uploads/good/adult-slice.csv"),
        (Format::Fairlearn, "exports/fairlearn/race_x_sex.by_group.csv"),
        (Format::Fairlearn, "exports/fairlearn/race_x_sex.by_group.json"),
        (Format::Fairlearn, "exports/fairlearn/adult_v7.race_x_sex.table.json"),
        (Format::Fairlearn, "exports/fairlearn/adult_v7.race_x_sex.split.json"),
        (Format::Aequitas, "exports/aequitas/crosstabs.csv"),
        (Format::Aif360, "exports/aif360/metrics.json"),
        (Format::Aif360, "exports/aif360/explanations.json"),
        (Format::Evidently, "exports/evidently/report.json"),
        (Format::Evidently, "exports/evidently/report_0_6.json"),
        (Format::Evidently, "exports/evidently/report_0_6_classes.json"),
        (Format::Tfma, "exports/tfma/slicing_metrics_classes.json"),
        (Format::Tfma, "exports/tfma/metrics_classes.json"),
        (Format::Mlflow, "exports/mlflow/runs_get.json"),
        (Format::Mlflow, "exports/mlflow/search_runs_dataframe.one.csv"),
        (Format::LmEval, "exports/lm_eval/results.json"),
        (Format::Inspect, "exports/inspect/popularity.json"),
    ];
    let mut files: Vec<_> = real.map(|(format, name)| (format, fixture(name))).into();
    // The others in the words of their documentation.
    files.extend(DOCUMENTED.map(|(format, text)| (format, text.as_bytes().to_vec())));
    files
});

const DOCUMENTED: [(Format, &str); 9] = [
    (
        Format::Tfma,
        r#"[[[["gender", "female"]], {"": {"": {"example_count": {"doubleValue": 100.0}, "fairness_indicators_metrics/positive_rate@0.5": {"boundedValue": {"value": 0.25, "lowerBound": 0.2, "upperBound": 0.3}}}}}]]"#,
    ),
    (
        Format::Clarify,
        r#"{"version": "1.0", "post_training_bias_metrics": {"label": "target", "label_value_or_threshold": "1", "facets": {"sex": [{"value_or_threshold": "0", "metrics": [{"name": "DPPL", "value": 0.13}, {"name": "CDDPL", "value": null, "error": "no group"}]}]}}}"#,
    ),
    (
        Format::Helm,
        r#"[{"name": {"name": "exact_match", "split": "test", "perturbation": {"name": "dialect", "computed_on": "worst"}}, "count": 3, "mean": 0.4}, {"name": {"name": "num_instances", "split": "test"}, "count": 3, "mean": 90.0}]"#,
    ),
    (
        Format::HuggingFace,
        "---\nmodel-index:\n- name: m\n  results:\n  - dataset: {type: imdb, revision: abc1}\n    metrics:\n    - type: accuracy\n      value: 0.91\n---\n# A card\n",
    ),
    (
        Format::HuggingFace,
        r#"[{"dataset": {"id": "cais/hle", "task_id": "default"}, "value": 20.9, "date": "2026-01-15"}]"#,
    ),
    (
        Format::Bencher,
        r#"{"sex=Female": {"accuracy": {"value": 0.5, "lower_value": 0.4, "upper_value": 0.6}}}"#,
    ),
    (
        Format::AiVerify,
        r#"{"gid": "a", "version": "0.9.0", "startTime": "2024-07-24T09:20:24.822881", "testArguments": {}, "output": {"sensitive_feature": ["gender"], "output_classes": [0, 1], "results": [{"True Positive Rate": [{"group": [0], "metric": 0.17}]}]}}"#,
    ),
    (
        Format::Langfair,
        r#"{"metrics": {"Toxicity": {"Toxic Fraction": 0.01}, "Counterfactual": {"male-female": {"Cosine Similarity": 0.9}}}}"#,
    ),
    (
        Format::Ll144,
        "Sex,# of Applicants,# Selected,Selection Rate,Impact Ratio\nFemale,\"1,200\",300,25%,0.833\nMale,1000,300,30%,1.00\n",
    ),
];

/// Reads as the format and by content; the problems of the first where it is refused.
fn problems(format: Format, bytes: &[u8]) -> Vec<Problem> {
    let problems = read(bytes, Some(format), &beside()).err().unwrap_or_default();
    let by_content = read(bytes, None, &beside()).err().unwrap_or_default();
    for problem in problems.iter().chain(&by_content) {
        let is_counted = problem.code == "more_problems";
        // Of bytes that are no text, and of a file that is empty, there is no place to name.
        let is_whole = matches!(problem.code.as_str(), "not_text" | "empty" | "dataset_needed");
        assert!(is_counted || problem.expected.is_some(), "{format}: {problem:?}");
        assert!(is_counted || is_whole || problem.place.is_some(), "{format}: {problem:?}");
    }
    problems
}

fn refused(format: Format, bytes: &[u8], code: &str) {
    let problems = problems(format, bytes);
    assert!(problems.iter().any(|problem| problem.code == code), "{format}: {code}: {problems:?}");
}

fn is_json(bytes: &[u8]) -> bool {
    bytes.starts_with(b"{") || bytes.starts_with(b"[")
}

/// The file with what stands after the first of these texts replaced.
fn with(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8(bytes.to_vec()).unwrap().replacen(from, to, 1).into_bytes()
}

#[test]
fn every_file_is_read_as_it_is_and_recognised() {
    for (format, bytes) in FILES.iter() {
        let alone = Context { dataset: None, ..beside() };
        let context = if *format == Format::RunJson { &alone } else { &beside() };
        assert_eq!(Format::sniff(bytes), Some(*format));
        let read = read(bytes, None, context);
        assert_eq!(read.map(|(_, receipt)| receipt.format), Ok(*format));
    }
}

#[test]
fn a_file_cut_off_at_any_kilobyte_says_where_it_breaks() {
    for (format, bytes) in FILES.iter() {
        let step = (bytes.len() / 40).clamp(1, 1024);
        for end in (1..bytes.len() - 2).step_by(step) {
            let problems = problems(*format, &bytes[..end]);
            assert!(!is_json(bytes) || !problems.is_empty(), "{format} cut at {end} is read");
        }
    }
}

#[test]
fn wrong_types_in_place_of_any_value_are_told() {
    const WRONG: [&str; 7] = ["null", "true", "\"x\"", "[]", "{}", "-1e400", "[[[0]]]"];
    for (format, bytes) in FILES.iter().filter(|(_, bytes)| is_json(bytes)) {
        let text = std::str::from_utf8(bytes).unwrap();
        // After every colon, up to what ends the value.
        let colons: Vec<usize> = text.match_indices(": ").map(|(at, _)| at + 2).collect();
        let colons = if colons.is_empty() {
            text.match_indices(':').map(|(at, _)| at + 1).collect()
        } else {
            colons
        };
        for (i, at) in colons.iter().enumerate().step_by(colons.len() / 60 + 1) {
            let rest = &text[*at..];
            if rest.starts_with(['{', '[', '"']) {
                continue;
            }
            let end = rest.find([',', '}', ']', '\n']).unwrap_or(rest.len());
            let wrong = WRONG[i % WRONG.len()];
            problems(*format, format!("{}{wrong}{}", &text[..*at], &rest[end..]).as_bytes());
        }
    }
}

#[test]
fn a_field_that_stands_twice_is_told_with_its_name() {
    for (format, bytes) in FILES.iter().filter(|(_, bytes)| bytes.starts_with(b"{")) {
        refused(*format, &with(bytes, "{", "{\"twice\": 1, \"twice\": 2, "), "duplicate_field");
    }
}

#[test]
fn bombs_surrogates_marks_and_zero_bytes_are_refused_where_they_stand() {
    for (format, bytes) in FILES.iter().filter(|(_, bytes)| is_json(bytes)) {
        let deep = |n: usize| format!("{{\"deep\": {}{}, ", "[".repeat(n), "]".repeat(n));
        let field = |inserted: &str| with(bytes, "{", inserted);
        refused(*format, &field(&deep(100)), "syntax");
        refused(*format, &field(&deep(50_000)), "syntax");
        refused(*format, &field("{\"half\": \"\\ud800\", "), "lone_surrogate");
        refused(*format, &[b"\xef\xbb\xbf", bytes.as_slice()].concat(), "byte_order_mark");
    }
    for (format, bytes) in FILES.iter() {
        let middle = bytes.len() / 2;
        refused(*format, &[&bytes[..middle], b"\0", &bytes[middle..]].concat(), "nul");
        let utf16: Vec<u8> =
            b"\xff\xfe".iter().copied().chain(bytes.iter().flat_map(|b| [*b, 0])).collect();
        refused(*format, &utf16, "not_text");
    }
}

#[test]
fn huge_fields_and_endless_lists_take_no_more_than_their_length() {
    let huge = "x".repeat(1 << 17);
    for (format, bytes) in FILES.iter() {
        if is_json(bytes) {
            problems(*format, &with(bytes, "{", &format!("{{\"{huge}\": 0.5, ")));
            problems(*format, &with(bytes, "{", &format!("{{\"a\": \"{huge}\", ")));
            refused(*format, &format!("[{}0]", "[],".repeat(60_000)).into_bytes(), "syntax");
        } else if *format != Format::HuggingFace {
            refused(*format, &[bytes.as_slice(), huge.as_bytes()].concat(), "cell_too_long");
            let wide = ["a,".repeat(20_000).as_bytes(), b"\n", bytes].concat();
            refused(*format, &wide, "too_many_columns");
        }
    }
    // A few bytes that would ask for a trillion cells.
    let labels: Vec<String> = (0..40_000).map(|i| format!("\"g{i}\":0")).collect();
    let metrics: Vec<String> = (0..900).map(|i| format!("\"m{i}\":{{\"h{i}\":0}}")).collect();
    let frame = format!("{{\"accuracy\":{{{}}},{}}}", labels.join(","), metrics.join(","));
    refused(Format::Fairlearn, frame.as_bytes(), "too_many_estimates");
}

#[test]
fn line_ends_of_every_kind_are_read_alike_and_formulas_are_names() {
    for (format, bytes) in FILES.iter().filter(|(_, bytes)| !is_json(bytes)) {
        let text = std::str::from_utf8(bytes).unwrap();
        let plain = read(bytes, Some(*format), &beside()).unwrap().0;
        let crlf = text.replace("\r\n", "\n").replace('\n', "\r\n");
        let mut mixed = crlf.clone();
        mixed = mixed.replacen("\r\n", "\n", 1);
        for other in [crlf, mixed] {
            let other = read(other.as_bytes(), Some(*format), &beside()).unwrap().0;
            assert_eq!(other.estimates, plain.estimates, "{format}");
        }
    }
    let formula =
        "sex,count,selection_rate\n\"=HYPERLINK(\"\"http://x\"\")\",4,0.5\n'+Male,4,0.25\n";
    let (document, _) = read(formula.as_bytes(), None, &beside()).unwrap();
    let groups: Vec<_> = document.estimates.iter().filter_map(|e| e.slice.group("sex")).collect();
    assert!(
        groups.contains(&"=HYPERLINK(\"http://x\")") && groups.contains(&"+Male"),
        "{groups:?}"
    );
    let exported = app::upload::export::to_csv(&document);
    assert!(exported.contains("\"'=HYPERLINK") && exported.contains("'+Male"), "{exported}");
    let cell = "sex,count,selection_rate\nFemale,4,=1+1\n";
    refused(Format::Fairlearn, cell.as_bytes(), "not_a_number");
}

#[test]
fn a_file_taken_for_another_tools_is_refused_in_words() {
    for (_, bytes) in FILES.iter() {
        for format in Format::ALL {
            problems(format, bytes);
        }
    }
}

/// What a mutation puts in place of a few bytes.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "null",
        "NaN",
        "-Infinity",
        "1e999",
        "-0.0",
        "18446744073709551616",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\\u0000",
        "\\ud83d",
        "('a', 'b')",
        "(missing)",
        "\r\n",
        "=1+1",
        "- ",
        "&a ",
        "---\n",
        "0.5",
        "-1",
        "true",
        "count",
        "\u{202e}",
    ]);
    prop_oneof![
        3 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_makes_an_adapter_panic_or_answer_without_a_place(
        file in 0..22usize,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, piece()), 1..6),
        other in prop::option::weighted(0.1, 0..Format::ALL.len()),
    ) {
        let (format, bytes) = &FILES[file % FILES.len()];
        // The front of a long file has all that is particular to it.
        let mut bytes = bytes[..bytes.len().min(12_000)].to_vec();
        for (at, length, piece) in cuts {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, piece);
        }
        problems(other.map_or(*format, |other| Format::ALL[other]), &bytes);
    }
}
