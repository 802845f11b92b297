//! CSV: what is taken, and what is said of each line that is not.

use crate::*;
use std::time::{Duration, Instant};

#[test]
fn a_wrong_column_name_is_told_with_the_nearest_one_and_all_of_them_at_once() {
    let problems =
        shown(read("columns.csv", b"lable,score,prediction,gender,race\n1,0.5,1,F,A\n", SPEC));
    assert_eq!(
        problems,
        [
            "line 1, column label: the file has no column `label` (expected `lable`)",
            "line 1, column sex: the file has no column `sex` \
             (expected one of lable, score, prediction, gender, race)",
        ]
    );
}

#[test]
fn a_column_that_stands_twice_is_refused() {
    let problems = shown(read("twice.csv", b"label,score,prediction,sex,race,sex\n", SPEC));
    assert_eq!(
        problems,
        ["line 1, column sex: column `sex` stands twice in the header (expected each column once)"]
    );
}

#[test]
fn bad_cells_are_all_told_with_line_and_column() {
    let problems = refused(
        "cells.csv",
        "1,0.5,1,F,A\n2,0.5,1,F,A\n1,1.7,1,F,A\n1,NaN,1,F,A\n1,inf,1,F,A\n1,0.5,maybe,F,A\n\
         ,0.5,1,F,A\n1,x,0,F,A\n",
    );
    let binary = "(expected 0 or 1, true or false, or a `positive` value in the spec)";
    assert_eq!(
        problems,
        [
            format!("line 3, column label: `label` is `2` {binary}"),
            "line 4, column score: score 1.7 is outside 0..1 (expected a number in 0..1)".into(),
            "line 5, column score: score is NaN (expected a finite number)".into(),
            "line 6, column score: score is inf (expected a finite number)".into(),
            format!("line 7, column prediction: `prediction` is `maybe` {binary}"),
            format!("line 8, column label: `label` is empty {binary}"),
            "line 9, column score: `score` is `x` (expected a finite number)".into(),
        ]
    );
}

#[test]
fn weights_below_zero_and_without_number_are_refused() {
    let spec =
        SPEC.replace("[\"sex\", \"race\"]", "[]").replace("intersections = 2", "weight = \"w\"");
    let problems = shown(read(
        "weights.csv",
        b"label,score,prediction,w\n1,0.5,1,-2\n0,0.5,1,nan\n0,0.5,1,3\n",
        &spec,
    ));
    assert_eq!(
        problems,
        [
            "line 2, column w: weight -2 is negative (expected a number of at least 0)",
            "line 3, column w: weight is NaN (expected a finite number)",
        ]
    );
}

#[test]
fn a_hundred_problems_are_listed_and_the_rest_counted() {
    let problems = refused("many.csv", &"5,0.5,1,F,A\n".repeat(250));
    assert_eq!(problems.len(), 101);
    assert!(problems[99].starts_with("line 101, column label"), "{}", problems[99]);
    assert_eq!(problems[100], "and 150 more problems");
}

#[test]
fn lines_are_counted_right_beyond_the_first_part_and_across_quoted_line_ends() {
    let mut rows = "1,0.5,1,F,\"A\nB\"\n".to_owned();
    rows.push_str(&"1,0.25,1,F,A\n0,0.75,0,M,B\n".repeat(60_000));
    rows.push_str("9,0.5,1,F,A\n");
    let problems = refused("long.csv", &rows);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("line 120004, column label: `label` is `9`"), "{problems:?}");
}

#[test]
fn nothing_and_a_header_alone_are_refused() {
    let empty = shown(read("empty.csv", b"", SPEC));
    assert_eq!(empty, ["the file is empty (expected a header and rows)"]);
    let header = refused("header.csv", "");
    assert_eq!(header, ["the file has a header but no rows (expected at least one row)"]);
    let unended = shown(read("unended.csv", HEADER.trim_end().as_bytes(), SPEC));
    assert_eq!(unended, header);
}

#[test]
fn a_million_columns_are_refused_at_once() {
    let mut header = "c,".repeat(1_000_000);
    header.push('\n');
    let path = file("wide.csv", header.as_bytes());
    let started = Instant::now();
    let problems = shown(read("wide.csv", &std::fs::read(path).unwrap(), SPEC));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(problems[0].ends_with("columns or more (expected at most 10000)"), "{problems:?}");
}

#[test]
fn nul_bytes_open_quotes_and_ragged_lines_name_their_line() {
    let nul = format!("{}1,0.5,1,F\0,A\n", "1,0.5,1,F,A\n".repeat(2_000));
    assert_eq!(refused("nul.csv", &nul), ["line 2002: the line holds a NUL byte (expected text)"]);
    assert_eq!(
        refused("quote.csv", "1,0.5,1,F,A\n1,0.5,1,\"F,A\n1,0.5,1,F,A\n"),
        ["line 3: a quote opens here and is never closed \
          (expected a closing quote; quotes within a cell are doubled)"]
    );
    assert_eq!(
        refused("ragged.csv", "1,0.5,1,F,A\n1,0.5,1,F\n1,0.5,1,F,A,A\n"),
        [
            "line 3: the line has 4 cells (expected 5, as in the header)",
            "line 4: the line has 6 cells (expected 5, as in the header)",
        ]
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_where_it_stands() {
    let mut bytes = HEADER.as_bytes().to_vec();
    bytes.extend("1,0.5,1,F,A\n".repeat(1_000).as_bytes());
    bytes.extend(b"1,0.5,1,F\xe9,A\n");
    assert_eq!(
        shown(read("latin1.csv", &bytes, SPEC)),
        ["line 1002, column sex: the text is not UTF-8 (expected text in UTF-8)"]
    );
}

#[test]
fn byte_order_marks_windows_line_ends_semicolons_and_quotes_change_nothing() {
    let plain = format!("{HEADER}1,0.5,1,F,A\n0,0.25,0,M,B\n");
    let text = |name: &str, bytes: &[u8]| {
        serde_json::to_string(&read(name, bytes, SPEC).unwrap().document).unwrap()
    };
    let known = text("plain.csv", plain.as_bytes());
    for (name, other) in [
        ("bom.csv", format!("\u{feff}{plain}")),
        ("crlf.csv", plain.replace('\n', "\r\n")),
        ("semicolon.csv", plain.replace(',', ";")),
        ("tab.csv", plain.replace(',', "\t")),
        ("quoted.csv", plain.replace('F', "\"F\"").replace("label", "\"label\"")),
        ("unended2.csv", plain.trim_end().to_owned()),
    ] {
        assert_eq!(text(name, other.as_bytes()), known, "{name}");
    }
    assert_eq!(text("zipped.csv", &gzip(plain.as_bytes())), known);
    assert_eq!(text("zstd.csv", &zstd::encode_all(plain.as_bytes(), 1).unwrap()), known);
}
