//! Parquet: the same as CSV with types of its own, and files that lie about themselves.

use crate::{HEADER, SPEC, parquet, people, read, shown};
use arrow_array::{Float64Array, Int64Array};
use std::sync::Arc;

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
fn rows_are_numbered_through_row_groups_and_stretches_of_them() {
    let rows = 600_000;
    let mut labels = vec![1_i64; rows];
    labels[599_999] = 7;
    labels[300_000] = 5;
    let columns = vec![
        ("label", Arc::new(Int64Array::from(labels)) as arrow_array::ArrayRef),
        ("prediction", Arc::new(Int64Array::from(vec![0; rows]))),
    ];
    let spec = "task = 'binary_classification'\nlabel = 'label'\nprediction = 'prediction'";
    let expected = "(expected 0 or 1, true or false, or a `positive` value in the spec)";
    assert_eq!(
        shown(read("stretches.parquet", &parquet(columns), spec)),
        [
            format!("line 300001, column label: `label` is `5` {expected}"),
            format!("line 600000, column label: `label` is `7` {expected}"),
        ]
    );
}
