//! NDJSON: what a line may be, and what is said of lines that are not.

use crate::{HEADER, SPEC, read, shown};

/// The rows of a simple CSV file, as JSON: numbers as such, empty cells left out.
pub fn of_csv(csv: &str) -> String {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells = header.iter().zip(line.split(',')).filter(|(_, cell)| !cell.is_empty());
        let cells = cells.map(|(name, cell)| {
            let number = cell.parse::<f64>().is_ok();
            let quote = if number { "" } else { "\"" };
            format!("\"{name}\":{quote}{cell}{quote}")
        });
        format!("{{{}}}\n", cells.collect::<Vec<_>>().join(","))
    };
    lines.map(row).collect()
}

fn refused(name: &str, lines: &[&str]) -> Vec<String> {
    shown(read(name, lines.join("\n").as_bytes(), SPEC))
}

const RIGHT: &str = r#"{"label": 1, "score": 0.5, "prediction": 1, "sex": "F", "race": "A"}"#;
const OBJECT: &str = "(expected a JSON object on each line)";

#[test]
fn ndjson_gives_what_csv_gives_with_keys_in_any_order_and_lines_left_empty() {
    let csv = format!("{HEADER}1,0.9,1,F,A\n0,0.2,0,M,B\n1,0.4,0,F,\n0,0.6,1,M,A\n");
    let known = read("known.csv", csv.as_bytes(), SPEC).unwrap();
    let lines = concat!(
        "\u{feff}{\"race\":\"A\",\"label\":true,\"score\":9e-1,\"prediction\":\"1\",\"sex\":\"\\u0046\"}\r\n",
        "\r\n",
        "{\"label\":0,\"score\":\"0.2\",\"prediction\":0,\"sex\":\"M\",\"race\":\"B\",\"note\":{\"deep\":[1]}}\n",
        "{\"label\":1.0,\"score\":0.4,\"prediction\":false,\"sex\":\"F\",\"race\":null}\n",
        "{\"label\":0,\"score\":0.6,\"prediction\":1,\"sex\":\"M\",\"race\":\"A\",\"extra\":1e400000}",
    );
    let evaluation = read("known.ndjson", lines.as_bytes(), SPEC).unwrap();
    assert_eq!(evaluation.document, known.document);
    assert_eq!(evaluation.receipt.format, "ndjson");
    assert_eq!(evaluation.receipt.columns_ignored, ["extra", "note"]);
}

#[test]
fn a_key_that_no_row_has_is_told_once_with_the_nearest() {
    let line = RIGHT.replace("label", "lable").replace("race", "tribe");
    assert_eq!(
        refused("keys.ndjson", &[&line, &line]),
        [
            "the file has no column `label` (expected `lable`)",
            "the file has no column `race` \
             (expected one of lable, prediction, score, sex, tribe)",
        ]
    );
}

#[test]
fn bad_cells_are_all_told_with_line_and_key() {
    let binary = "(expected 0 or 1, true or false, or a `positive` value in the spec)";
    let plain = "(expected text, a number, true, false or null)";
    assert_eq!(
        refused(
            "cells.ndjson",
            &[
                RIGHT,
                &RIGHT.replace("\"label\": 1", "\"label\": 2"),
                &RIGHT.replace("0.5", "1.7"),
                &RIGHT.replace("0.5", "true"),
                &RIGHT.replace("\"label\": 1, ", ""),
                &RIGHT.replace("0.5", "[0.5]"),
                &RIGHT.replace("\"F\"", "{\"is\": \"F\"}"),
            ]
        ),
        [
            format!("line 2, column label: `label` is `2` {binary}"),
            "line 3, column score: score 1.7 is outside 0..1 (expected a number in 0..1)".into(),
            "line 4, column score: `score` is `true` (expected a finite number)".into(),
            format!("line 5, column label: `label` is empty {binary}"),
            format!("line 6, column score: `score` is a list {plain}"),
            format!("line 7, column sex: `sex` is an object {plain}"),
        ]
    );
}

#[test]
fn the_numbers_that_json_lacks_are_named() {
    for word in ["NaN", "Infinity", "-Infinity", "nan", "inf"] {
        assert_eq!(
            refused("dialect.ndjson", &[RIGHT, &RIGHT.replace("0.5", word)]),
            [format!(
                "line 2: `{word}` is not JSON (expected a number, or null where there is none)"
            )]
        );
    }
}

#[test]
fn lines_that_are_no_objects_name_their_line() {
    assert_eq!(
        refused(
            "lines.ndjson",
            &[RIGHT, "[1]", "label,score", &RIGHT[..30], &format!("{RIGHT}}}")]
        ),
        [
            format!("line 2: the line is `[1]` {OBJECT}"),
            format!("line 3: the line is `label,score` {OBJECT}"),
            "line 4: the JSON object does not end on its line \
             (expected a whole JSON object on each line)"
                .to_owned(),
            format!("line 5: trailing characters at character {} {OBJECT}", RIGHT.len() + 1),
        ]
    );
    assert_eq!(
        refused("pretty.ndjson", &["{", "\"label\": 1", "}"])[0],
        "line 1: the JSON object does not end on its line \
         (expected a whole JSON object on each line)"
    );
}

#[test]
fn a_key_that_stands_twice_is_refused_where_it_matters() {
    let twice = RIGHT.replace('}', ", \"label\": 0}");
    assert_eq!(
        refused("twice.ndjson", &[RIGHT, &twice]),
        ["line 2, column label: key `label` stands twice (expected each key once)"]
    );
}

#[test]
fn deep_nesting_nul_bytes_latin_1_and_endless_lines_are_refused_without_harm() {
    let deep = RIGHT.replace("0.5", &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    assert_eq!(
        refused("deep.ndjson", &[RIGHT, &deep]),
        ["line 2, column score: `score` is a list (expected text, a number, true, false or null)"]
    );
    let huge = RIGHT.replace("0.5", "1e400");
    let problems = refused("huge.ndjson", &[RIGHT, &huge]);
    assert!(problems[0].starts_with("line 2: number out of range at character"), "{problems:?}");
    // Nobody looks into what is not asked for.
    let beside =
        RIGHT.replace('}', &format!(", \"x\": {}{}}}", "[".repeat(99_999), "]".repeat(99_999)));
    read("beside.ndjson", format!("{beside}\n").as_bytes(), SPEC).unwrap();
    let mut nul = format!("{RIGHT}\n").repeat(1_000);
    nul.push_str(&RIGHT.replace('F', "\0"));
    assert_eq!(
        shown(read("nul.ndjson", nul.as_bytes(), SPEC)),
        ["line 1001: the line holds a NUL byte (expected text)"]
    );
    let mut latin = format!("{RIGHT}\n").into_bytes();
    latin.extend(RIGHT.bytes().map(|byte| if byte == b'F' { 0xe9 } else { byte }));
    // What is asked for is decoded; the head of the file must be text in any case.
    let problems = shown(read("latin.ndjson", &latin, SPEC));
    assert!(problems[0].contains("neither text nor Parquet"), "{problems:?}");
    let mut later = format!("{RIGHT}\n").repeat(1_000).into_bytes();
    later.extend(latin);
    assert_eq!(
        shown(read("later.ndjson", &later, SPEC)),
        ["line 1002: the text is not UTF-8 (expected text in UTF-8)"]
    );
    let endless = format!("{RIGHT}\n{{\"label\": \"{}", "x".repeat(9 << 20));
    assert_eq!(
        shown(read("endless.ndjson", endless.as_bytes(), SPEC)),
        ["line 2: the line does not end (expected lines of at most 4194304 bytes)"]
    );
}

#[test]
fn a_file_of_empty_lines_has_no_rows() {
    assert_eq!(
        shown(read("keyless.ndjson", b"{}\n{}\n", SPEC)).len(),
        6,
        "two rows, each without label, score and prediction"
    );
}
