//! What files of predictions are taken, and what is said of those that are not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use metrics::evaluate::{About, Evaluation, LEVEL, evaluate};
use metrics::{DatasetRef, Problem, Slice, Spec};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::macros::datetime;

const SPEC: &str = r#"
task = "binary_classification"
label = "label"
score = "score"
prediction = "prediction"
slices = ["sex", "race"]
intersections = 2
"#;

const HEADER: &str = "label,score,prediction,sex,race\n";

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn read(name: &str, bytes: &[u8], spec: &str) -> Result<Evaluation, Vec<Problem>> {
    let dataset =
        DatasetRef { name: "made".to_owned(), version: "1".to_owned(), digest: None, rows: None };
    let about = About { dataset, evaluated_at: datetime!(2026-11-01 00:00 UTC), level: LEVEL };
    evaluate(&file(name, bytes), &Spec::parse(spec).unwrap(), about)
}

/// The problems of a CSV file with the usual header, as text.
fn refused(name: &str, rows: &str) -> Vec<String> {
    shown(read(name, format!("{HEADER}{rows}").as_bytes(), SPEC))
}

fn shown(result: Result<Evaluation, Vec<Problem>>) -> Vec<String> {
    result.unwrap_err().iter().map(ToString::to_string).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn people() -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("label", Arc::new(Int64Array::from(vec![1, 0, 1, 0])) as ArrayRef),
        ("score", Arc::new(Float64Array::from(vec![0.9, 0.2, 0.4, 0.6]))),
        ("prediction", Arc::new(BooleanArray::from(vec![true, false, false, true]))),
        ("sex", Arc::new(StringArray::from(vec!["F", "M", "F", "M"]))),
        ("race", Arc::new(StringArray::from(vec![Some("A"), Some("B"), None, Some("A")]))),
    ]
}

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
fn rubbish_by_any_name_is_called_what_it_is() {
    let rubbish: Vec<u8> =
        (0..5_000_u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    for (bytes, what) in [
        (rubbish.as_slice(), "neither text nor Parquet"),
        (b"PK\x03\x04....", "a ZIP archive (a spreadsheet, perhaps)"),
        (b"\xff\xfel\0a\0b\0", "text in UTF-16; save it as UTF-8"),
        (b"{\"label\": 1}\n", "JSON"),
    ] {
        let problems = shown(read("rubbish.csv", bytes, SPEC));
        assert_eq!(problems, [format!("the file is {what} (expected CSV or Parquet)")]);
    }
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
fn a_real_group_may_not_be_named_like_the_missing_one() {
    assert_eq!(
        refused("missing.csv", "1,0.5,1,F,A\n1,0.5,1,(missing),A\n"),
        ["line 3, column sex: a group is named `(missing)` \
          (expected another name; empty cells become that group)"]
    );
}

#[test]
fn empty_attributes_are_a_group_or_dropped_and_counted_or_refused() {
    let rows = format!("{HEADER}1,0.5,1,F,A\n1,0.5,1,,A\n0,0.5,1,M, \n0,0.1,0,M,A\n");
    let grouped = read("group.csv", rows.as_bytes(), SPEC).unwrap();
    let names: Vec<&str> =
        grouped.receipt.attributes[1].groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["(missing)", "F", "M"]);
    let dropped =
        read("drop.csv", rows.as_bytes(), &format!("{SPEC}missing = \"drop\"")).unwrap().receipt;
    assert_eq!((dropped.rows_read, dropped.rows_used), (4, 2));
    assert_eq!(
        (dropped.dropped[0].rows, dropped.dropped[0].reason.as_str()),
        (2, "an attribute is empty")
    );
    let refused = shown(read("error.csv", rows.as_bytes(), &format!("{SPEC}missing = \"error\"")));
    assert_eq!(refused.len(), 2);
    assert!(refused[0].starts_with("line 3, column sex: `sex` is empty"), "{refused:?}");
    assert!(refused[1].starts_with("line 4, column race: `race` is empty"), "{refused:?}");
}

#[test]
fn an_attribute_with_a_value_per_row_is_refused_by_name() {
    let rows: Vec<String> = (0..5_000).map(|i| format!("1,0.5,1,person {i},A\n")).collect();
    assert_eq!(
        refused("ids.csv", &rows.concat()),
        ["column sex: attribute `sex` has more than 1000 groups \
          (expected a column with few values, such as bands in place of numbers)"]
    );
}

#[test]
fn intersections_that_could_have_too_many_cells_are_refused_by_name() {
    let spec = SPEC.replace("[\"sex\", \"race\"]", "[\"a\", \"b\", \"c\"]").replace("= 2", "= 3");
    let rows: Vec<String> = (0..300).map(|i| format!("1,0.5,1,{i},{i},{i}\n")).collect();
    let text = format!("label,score,prediction,a,b,c\n{}", rows.concat());
    assert_eq!(
        shown(read("cells3.csv", text.as_bytes(), &spec)),
        ["a × b × c has too many combinations (expected at most 1048576)"]
    );
}

#[test]
fn a_positive_label_by_name_is_read_and_a_third_label_or_a_mistyped_one_refused() {
    let spec = format!("{SPEC}positive = \">50K\"");
    let rows = format!("{HEADER}>50K,0.9,1,F,A\n<=50K,0.1,0,M,A\n");
    let evaluation = read("named.csv", rows.as_bytes(), &spec).unwrap();
    let base = evaluation.document.estimates.iter().find(|e| e.metric == "base_rate").unwrap();
    assert_eq!((base.numerator, base.denominator), (Some(1), Some(2)));
    let third = format!("{rows}unknown,0.1,0,M,A\n");
    assert_eq!(
        shown(read("third.csv", third.as_bytes(), &spec)),
        ["column label: besides `>50K` there are the labels `<=50K`, `unknown` \
          (expected one label besides the positive one)"]
    );
    let mistyped = format!("{SPEC}positive = \"50K\"");
    assert_eq!(
        shown(read("mistyped.csv", rows.as_bytes(), &mistyped)),
        [
            "column label: no label is `50K` (expected the positive one of the labels: `>50K`, `<=50K`)"
        ]
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

#[test]
fn gzip_of_the_wrong_thing_says_of_what() {
    assert_eq!(
        shown(read("parquet.gz", &gzip(&parquet(people())), SPEC)),
        ["it is gzip of Parquet (expected the Parquet file itself; it is compressed inside)"]
    );
    assert_eq!(
        shown(read("rubbish.gz", &gzip(&[0, 1, 2, 3, 255]), SPEC)),
        ["it is gzip of neither text nor Parquet (expected CSV or Parquet)"]
    );
    assert_eq!(
        shown(read("twice.gz", &gzip(&gzip(HEADER.as_bytes())), SPEC)),
        ["it is gzip of a compressed file (expected CSV compressed once, or Parquet)"]
    );
    let whole = gzip(format!("{HEADER}{}", "1,0.5,1,F,A\n".repeat(50_000)).as_bytes());
    let cut = shown(read("cut.gz", &whole[..whole.len() / 2], SPEC));
    assert!(cut[0].contains("breaks off") || cut[0].contains("is broken"), "{cut:?}");
}

#[test]
fn parquet_gives_what_csv_gives_with_its_own_types() {
    let csv = format!("{HEADER}1,0.9,1,F,A\n0,0.2,0,M,B\n1,0.4,0,F,\n0,0.6,1,M,A\n");
    let known = read("same.csv", csv.as_bytes(), SPEC).unwrap();
    let evaluation = read("same.parquet", &parquet(people()), SPEC).unwrap();
    assert_eq!(evaluation.document, known.document);
    assert_eq!(evaluation.receipt.format, "parquet");
    let drop = format!("{SPEC}missing = \"drop\"");
    let dropped = read("drop.parquet", &parquet(people()), &drop).unwrap();
    assert_eq!(dropped.document, read("drop2.csv", csv.as_bytes(), &drop).unwrap().document);
    assert_eq!(dropped.receipt.dropped[0].rows, 1);
}

#[test]
fn bad_cells_of_parquet_are_told_with_row_and_column() {
    let mut columns = people();
    columns[0].1 = Arc::new(Int64Array::from(vec![1, 2, 1, 0]));
    columns[1].1 = Arc::new(Float64Array::from(vec![Some(0.9), Some(1.7), None, Some(f64::NAN)]));
    let problems = shown(read("bad.parquet", &parquet(columns), SPEC));
    assert_eq!(
        problems,
        [
            "line 2, column label: `label` is `2` \
             (expected 0 or 1, true or false, or a `positive` value in the spec)",
            "line 2, column score: score 1.7 is outside 0..1 (expected a number in 0..1)",
            "line 3, column score: `score` is empty (expected a finite number)",
            "line 4, column score: score is NaN (expected a finite number)",
        ]
    );
}

#[test]
fn a_truncated_parquet_file_is_said_to_be_cut_off() {
    let whole = parquet(people());
    for cut in [6, whole.len() / 2, whole.len() - 1] {
        let problems = shown(read("cut.parquet", &whole[..cut], SPEC));
        assert_eq!(
            problems,
            ["the Parquet file has no footer; it was cut off (expected the complete file)"]
        );
    }
}

#[test]
fn a_parquet_page_that_claims_2_gib_is_refused_before_anything_is_reserved() {
    let mut bytes = parquet(people());
    // The first page header stands after the magic: its type, then its uncompressed size.
    assert_eq!((bytes[4], bytes[6]), (0x15, 0x15));
    let size_ends = 7 + bytes[7..].iter().position(|byte| *byte < 128).unwrap() + 1;
    bytes.splice(7..size_ends, [0xfe, 0xff, 0xff, 0xff, 0x0f]);
    let problems = shown(read("bomb.parquet", &bytes, SPEC));
    assert_eq!(
        problems,
        ["column label: the Parquet file is broken: a page header claims 2147483647 bytes; \
          at most 67108864 are read (expected a complete and valid file)"]
    );
}

#[test]
fn parquet_with_any_byte_changed_is_refused_or_read_but_never_takes_the_process_down() {
    let whole = parquet(people());
    for at in 4..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        if let Err(problems) = read("changed.parquet", &bytes, SPEC) {
            assert!(!problems.is_empty());
        }
    }
}

#[test]
fn rows_in_any_order_and_the_threshold_give_the_same_bytes() {
    let spec = SPEC.replace("prediction = \"prediction\"", "threshold = 0.5");
    let mut rows: Vec<String> = (0..3_000_u32)
        .map(|i| {
            let score = f64::from(i.wrapping_mul(2_654_435_761) >> 20) / 4096.0;
            format!("{},{score},0,{},{}\n", (i * 7 % 11) & 1, ["F", "M"][(i % 2) as usize], i % 5)
        })
        .collect();
    let text = |name: &str, rows: &[String]| {
        let bytes = format!("{HEADER}{}", rows.concat());
        serde_json::to_string(&read(name, bytes.as_bytes(), &spec).unwrap().document).unwrap()
    };
    let known = text("order.csv", &rows);
    rows.reverse();
    rows.rotate_left(777);
    assert_eq!(text("reordered.csv", &rows), known);
    assert!(known.contains("\"threshold\":0.5"));
}

#[test]
fn many_combinations_are_counted_another_way_with_the_same_result() {
    // 20 × 20 × 20 combinations are more than are counted at once; 20 × 20 are not.
    let rows: Vec<String> = (0..4_000_u32)
        .map(|i| {
            let [a, b, c, d] = i.wrapping_mul(2_654_435_761).to_be_bytes();
            let score = f64::from(d) / 255.0;
            format!("{},{score},{},{},{},{}\n", a & 1, b & 1, a % 20, b % 20, c % 20)
        })
        .collect();
    let text = format!("label,score,prediction,a,b,c\n{}", rows.concat());
    let of = |slices: &str| {
        let spec = SPEC.replace("\"sex\", \"race\"", slices);
        read("combinations.csv", text.as_bytes(), &spec).unwrap().document.estimates
    };
    let (three, two) = (of("\"a\", \"b\", \"c\""), of("\"a\", \"b\""));
    let without_c: Vec<_> = three.into_iter().filter(|e| e.slice.group("c").is_none()).collect();
    assert!(two.len() > 400 && without_c == two);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn groups_of_an_attribute_add_up_to_overall(
        rows in prop::collection::vec((0_u8..2, 0_u8..=100, 0_u8..2, 0_u8..3, 0_u8..3), 1..80),
    ) {
        let text: Vec<String> = rows
            .iter()
            .map(|(y, s, p, a, b)| format!("{y},{},{p},{a},{b}\n", f64::from(*s) / 100.0))
            .collect();
        let evaluation = read("sum.csv", format!("{HEADER}{}", text.concat()).as_bytes(), SPEC).unwrap();
        for metric in ["selection_rate", "true_positive_rate", "precision"] {
            let sum = |pick: &dyn Fn(&Slice) -> bool| -> (u64, u64) {
                evaluation
                    .document
                    .estimates
                    .iter()
                    .filter(|e| e.metric == metric && pick(&e.slice))
                    .fold((0, 0), |(k, n), e| {
                        (k + e.numerator.unwrap(), n + e.denominator.unwrap())
                    })
            };
            let overall = sum(&Slice::is_overall);
            prop_assert_eq!(sum(&|slice| slice.arity() == 1 && slice.group("sex").is_some()), overall);
            prop_assert_eq!(sum(&|slice| slice.arity() == 2), overall);
        }
    }
}
