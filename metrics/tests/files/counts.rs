//! Files of counts give what the rows give that were counted, however these were split.

use crate::{HEADER, parquet, read, shown};
use arrow_array::{ArrayRef, StringArray};
use metrics::auc::Grid;
use metrics::counted::{self, digest};
use metrics::counts::{Cell, Counts};
use metrics::evaluate::Evaluation;
use metrics::scores::Calibration;
use metrics::{Estimate, Spec};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const SPEC: &str = r#"
task = "binary_classification"
label = "label"
score = "score"
prediction = "prediction"
slices = ["race", "sex"]
intersections = 2
"#;

#[derive(Clone, Debug)]
struct Row {
    label: u8,
    score: f64,
    prediction: u8,
    race: usize,
    sex: usize,
    weight: f64,
}

const RACE: [&str; 3] = ["A", "B", "(missing)"];
const SEX: [&str; 2] = ["F", "M"];

fn csv(rows: &[Row]) -> String {
    let row = |row: &Row| {
        let race = RACE[row.race].replace("(missing)", "");
        let (sex, weight) = (SEX[row.sex], row.weight);
        format!("{},{},{},{sex},{race},{weight}\n", row.label, row.score, row.prediction)
    };
    let rows: String = rows.iter().map(row).collect();
    format!("{},weight\n{rows}", HEADER.trim_end())
}

/// Race, sex, bin of the score on the grid, and bin of calibration.
type Key = (String, String, usize, usize);

/// The lines of a file of counts, as an engine writes them: by race and sex alone, or by every
/// slice.
fn lines(rows: &[Row], spec: &Spec, by_slice: bool, bins: usize, exponent: i32) -> Vec<String> {
    let sets: &[[bool; 2]] = if by_slice {
        &[[false, false], [true, false], [false, true], [true, true]]
    } else {
        &[[true, true]]
    };
    let mut sums: BTreeMap<Key, (Counts, Calibration)> = BTreeMap::new();
    for [race, sex] in sets {
        for row in rows {
            let name = |by: bool, name: &str| if by { name.to_owned() } else { String::new() };
            let (bin, calibration_bin) = (Grid::bin(row.score, bins), Grid::bin(row.score, 10));
            let key = (name(*race, RACE[row.race]), name(*sex, SEX[row.sex]), bin, calibration_bin);
            let (counts, calibration) = sums.entry(key).or_default();
            let cell = row.label + 2 * row.prediction;
            let weight =
                if spec.weight.is_some() { row.weight * 2_f64.powi(-exponent) } else { 1.0 };
            counts.add_row(cell);
            counts.add_weight(cell, weight);
            counts.add_score(cell, row.score, weight);
            calibration.add(row.score, row.label == 1, weight);
        }
    }
    let cells = [Cell::TrueNegative, Cell::FalseNegative, Cell::FalsePositive, Cell::TruePositive];
    let line = |(key, (counts, calibration)): (Key, (Counts, Calibration))| -> String {
        let (race, sex, bin, calibration_bin) = key;
        let mut values = vec!["1".to_owned(), digest(spec)];
        values.extend([bins, bin, calibration_bin].map(|number| number.to_string()));
        if spec.weight.is_some() {
            values.push(exponent.to_string());
        }
        values.extend(std::iter::repeat_n("0".to_owned(), 6));
        values.extend(cells.map(|cell| counts.rows(&[cell]).to_string()));
        let (scores, errors) = (counts.scores(), counts.squared_errors());
        values.extend(
            [scores.sum, scores.squares, errors.sum, errors.squares].map(|s| s.units().to_string()),
        );
        let losses = calibration.losses();
        values.extend([losses.sum, losses.squares].map(|s| s.units().to_string()));
        values.push(losses.impossible.to_string());
        if spec.weight.is_some() {
            values.extend(cells.map(|cell| counts.weights(&[cell]).sum.units().to_string()));
            values.extend(cells.map(|cell| counts.weights(&[cell]).squares.units().to_string()));
        }
        format!("{},{race},{sex}\n", values.join(","))
    };
    sums.into_iter().map(line).collect()
}

fn header(spec: &Spec) -> String {
    format!("{},race,sex\n", counted::columns(spec).join(","))
}

fn rows(count: u32) -> Vec<Row> {
    let row = |i: u32| {
        let [a, b, c, d] = i.wrapping_mul(2_654_435_761).to_be_bytes();
        Row {
            label: a & 1,
            score: f64::from(u32::from(c) << 8 | u32::from(d)) / 65_535.0,
            prediction: b & 1,
            race: usize::from(a / 2 % 3),
            sex: usize::from(b / 2 % 2),
            weight: f64::from(c) / 16.0 + 0.1,
        }
    };
    (1..=count).map(row).collect()
}

/// What is taken on the grid.
const AREAS: [&str; 2] = ["roc_auc", "average_precision"];

fn but_areas(evaluation: &Evaluation) -> Vec<Estimate> {
    let estimates = evaluation.document.estimates.iter();
    estimates.filter(|estimate| !AREAS.contains(&estimate.metric.as_str())).cloned().collect()
}

fn areas(evaluation: &Evaluation) -> impl Iterator<Item = &Estimate> {
    evaluation.document.estimates.iter().filter(|e| AREAS.contains(&e.metric.as_str()))
}

#[test]
fn counts_give_what_their_rows_give_and_areas_within_the_bound_of_the_grid() {
    let rows = rows(3_000);
    for (name, text) in
        [("plain", SPEC.to_owned()), ("weighted", format!("{SPEC}weight = \"weight\""))]
    {
        let spec = Spec::parse(&text).unwrap();
        let of_rows = read(&format!("{name}.rows"), csv(&rows).as_bytes(), &text).unwrap();
        for by_slice in [true, false] {
            // The largest weight is 16.0375: above 2^4, below 2^5.
            let lines = lines(&rows, &spec, by_slice, 100, 5);
            let file = format!("{}{}", header(&spec), lines.concat());
            let counted = read(&format!("{name}.counts"), file.as_bytes(), &text).unwrap();
            assert_eq!(counted.receipt.format, "counts, csv");
            assert_eq!((counted.receipt.rows_read, counted.receipt.rows_used), (3_000, 3_000));
            assert_eq!(counted.receipt.attributes, of_rows.receipt.attributes);
            assert_eq!(but_areas(&counted), but_areas(&of_rows));
            for (on_grid, exact) in areas(&counted).zip(areas(&of_rows)) {
                assert_eq!((&on_grid.slice, on_grid.n), (&exact.slice, exact.n));
                let (a, b) = (on_grid.interval.as_ref().unwrap(), exact.interval.as_ref().unwrap());
                let known = exact.value.unwrap();
                assert!((on_grid.value.unwrap() - known).abs() < 0.02);
                assert!(a.low <= known && known <= a.high, "{a:?} holds {known}");
                assert_eq!(a.method, format!("{}_grid", b.method));
                // At its own level the interval comes back, at a higher one it is wider.
                let bounds = on_grid.bounds(0.95).unwrap();
                assert!((bounds.low - a.low).abs() < 1e-12 && (bounds.high - a.high).abs() < 1e-12);
                assert!(on_grid.bounds(0.99).unwrap().low < a.low);
            }
        }
    }
}

#[test]
fn counts_are_read_from_parquet_as_from_csv() {
    let spec = Spec::parse(SPEC).unwrap();
    let lines = lines(&rows(200), &spec, true, 50, 0);
    let header = header(&spec);
    let names: Vec<&str> = header.trim().split(',').collect();
    let columns = names.iter().enumerate().map(|(place, name)| {
        let cells = lines.iter().map(|line| line.trim_end().split(',').nth(place));
        let cells = cells.map(|cell| cell.filter(|cell| !cell.is_empty()));
        (*name, Arc::new(cells.collect::<StringArray>()) as ArrayRef)
    });
    let parquet = read("counts.parquet", &parquet(columns.collect()), SPEC).unwrap();
    let text = format!("{header}{}", lines.concat());
    let csv = read("counts.csv", text.as_bytes(), SPEC).unwrap();
    assert_eq!(parquet.document, csv.document);
    assert_eq!(parquet.receipt.format, "counts, parquet");
}

#[test]
fn counts_that_cannot_be_what_the_spec_asks_for_are_refused_with_every_reason() {
    let spec = Spec::parse(SPEC).unwrap();
    let good = lines(&rows(40), &spec, true, 10, 0);
    let refused = |lines: &[String], text: &str| {
        shown(read("bad.counts", format!("{}{}", header(&spec), lines.concat()).as_bytes(), text))
    };
    let with = |from: &str, to: &str| -> Vec<String> {
        let mut lines = good.clone();
        lines[0] = lines[0].replacen(from, to, 1);
        lines
    };
    let own = digest(&spec);
    assert_eq!(
        refused(&with(&own, "0123456789abcdef"), SPEC),
        [format!(
            "line 2, column spec_digest: the rows were counted by another spec \
             (0123456789abcdef) (expected {own}, as this spec has)"
        )]
    );
    assert_eq!(
        refused(&with("1,", "2,"), SPEC),
        ["line 2, column evenhand_counts: the counts are of version `2` (expected 1)"]
    );
    assert!(refused(&with(",10,0,", ",10,10,"), SPEC)[0].starts_with("line 2, column score_bin"));
    assert_eq!(
        refused(&with(",10,0,", ",11,0,"), SPEC),
        ["the scores were counted in {10, 11} bins (expected one grid)"]
    );
    let negative: Vec<String> =
        good.iter().map(|line| line.replacen(",0,0,0,0,0,0,", ",0,0,0,0,0,-1,", 1)).collect();
    let problems = refused(&negative, SPEC);
    assert!(problems.len() > 1 && problems[1].starts_with("line 3, column refused_groups"));
    // One row of those by race and sex is lost.
    let lost = refused(&good[..good.len() - 1], SPEC);
    assert!(lost[0].contains("are of 40 rows") || lost[0].contains("of 40"), "{lost:?}");
    let unread: Vec<String> = vec![good[1].replacen(",0,0,0,0,0,0,", ",0,3,0,1,0,0,", 1)];
    assert_eq!(
        refused(&unread, &SPEC.replace("intersections = 2", ""))[..2],
        [
            "column label: 3 rows have a label that is neither 0 nor 1 \
             (expected rows that can be read)",
            "column score: 1 rows have a score that is no number in 0..1 \
             (expected rows that can be read)",
        ]
    );
    let overall: Vec<String> = lines(&rows(9), &spec, true, 10, 0)
        .into_iter()
        .filter(|line| line.ends_with(",,\n"))
        .collect();
    assert_eq!(
        refused(&overall, SPEC),
        [
            "nothing is counted by race (expected rows by these attributes, or by more)",
            "nothing is counted by sex (expected rows by these attributes, or by more)",
            "nothing is counted by race × sex (expected rows by these attributes, or by more)",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn parts_in_any_order_are_the_whole_to_the_last_bit(
        rows in prop::collection::vec(
            (0_u8..2, 0.0_f64..=1.0, 0_u8..2, 0_usize..3, 0_usize..2, 0.0_f64..31.0),
            4..60,
        ),
        parts in 1_usize..6,
        weighted in any::<bool>(),
        by_slice in any::<bool>(),
    ) {
        let rows: Vec<Row> = rows
            .into_iter()
            .map(|(label, score, prediction, race, sex, weight)| Row {
                label, score, prediction, race, sex, weight,
            })
            .collect();
        let text = if weighted { format!("{SPEC}weight = \"weight\"") } else { SPEC.to_owned() };
        let spec = Spec::parse(&text).unwrap();
        let lines = |rows: &[Row]| lines(rows, &spec, by_slice, 20, 5);
        let whole = format!("{}{}", header(&spec), lines(&rows).concat());
        let mut shards: Vec<String> =
            rows.chunks(rows.len().div_ceil(parts)).flat_map(lines).collect();
        shards.reverse();
        shards.sort_by_key(|line| line.len() % 7);
        let shards = format!("{}{}", header(&spec), shards.concat());
        let bytes = |name: &str, file: &str| {
            serde_json::to_string(&read(name, file.as_bytes(), &text).unwrap().document).unwrap()
        };
        prop_assert_eq!(bytes("whole.counts", &whole), bytes("shards.counts", &shards));
    }
}
