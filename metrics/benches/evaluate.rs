//! How long a whole evaluation takes: 1,000,000 rows × 3 attributes with all pairs, every metric.
//!
//! Method: a file is made once (a linear congruential generator, so always the same), then each
//! measurement is one call of `evaluate`: open, recognise, read, check, count, sort for the area
//! under the curve, intervals. The file is in the page cache, as a file that was just uploaded is.
//! All cores are used; the promise is for two.
//!
//! `cargo bench -p metrics --features read`

use arrow_array::{ArrayRef, Float64Array, Int8Array, Int64Array, RecordBatch, StringArray};
use criterion::{Criterion, criterion_group, criterion_main};
use metrics::evaluate::{About, LEVEL, evaluate};
use metrics::{DatasetRef, Spec};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::macros::datetime;

const ROWS: usize = 1_000_000;
const SPEC: &str = r#"
task = "binary_classification"
id = "id"
label = "label"
score = "score"
prediction = "prediction"
slices = ["sex", "race", "age_band"]
intersections = 2
"#;
/// Without scores no row is kept.
const COUNTED_SPEC: &str = r#"
task = "binary_classification"
label = "label"
prediction = "prediction"
slices = ["sex", "race", "age_band"]
intersections = 2
"#;
const SEX: [&str; 2] = ["Female", "Male"];
const RACE: [&str; 5] = ["Amer-Indian-Eskimo", "Asian-Pac-Islander", "Black", "Other", "White"];
const AGE: [&str; 6] = ["16-24", "25-34", "35-44", "45-54", "55-64", "65+"];

struct Row {
    label: i8,
    score: f64,
    prediction: i8,
    sex: &'static str,
    race: &'static str,
    age: &'static str,
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder below seven fits")]
fn rows() -> Vec<Row> {
    let mut state = 42_u64;
    let mut next = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..ROWS)
        .map(|_| {
            let score = next(1_000_000) as f64 / 1e6;
            Row {
                label: i8::from(next(1_000_000) as f64 / 1e6 < score),
                score,
                prediction: i8::from(score >= 0.5),
                sex: SEX[next(2) as usize],
                race: RACE[next(5) as usize],
                age: AGE[next(6) as usize],
            }
        })
        .collect()
}

fn csv(rows: &[Row], path: &Path) {
    let mut text = "id,label,score,prediction,sex,race,age_band\n".to_owned();
    for (id, row) in rows.iter().enumerate() {
        let Row { label, score, prediction, sex, race, age } = row;
        writeln!(text, "{id},{label},{score},{prediction},{sex},{race},{age}")
            .expect("writing to a string cannot fail");
    }
    std::fs::write(path, text).expect("the target folder can be written");
}

fn ndjson(rows: &[Row], path: &Path) {
    let mut text = String::new();
    for (id, row) in rows.iter().enumerate() {
        let Row { label, score, prediction, sex, race, age } = row;
        writeln!(
            text,
            "{{\"id\": {id}, \"label\": {label}, \"score\": {score}, \"prediction\": {prediction}, \
             \"sex\": \"{sex}\", \"race\": \"{race}\", \"age_band\": \"{age}\"}}"
        )
        .expect("writing to a string cannot fail");
    }
    std::fs::write(path, text).expect("the target folder can be written");
}

fn parquet(rows: &[Row], path: &Path) {
    let text = |of: fn(&Row) -> &str| {
        Arc::new(StringArray::from(rows.iter().map(of).collect::<Vec<_>>())) as ArrayRef
    };
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new((0_i64..).take(rows.len()).collect::<Int64Array>()) as ArrayRef),
        ("label", Arc::new(rows.iter().map(|row| row.label).collect::<Int8Array>())),
        ("score", Arc::new(rows.iter().map(|row| row.score).collect::<Float64Array>())),
        ("prediction", Arc::new(rows.iter().map(|row| row.prediction).collect::<Int8Array>())),
        ("sex", text(|row| row.sex)),
        ("race", text(|row| row.race)),
        ("age_band", text(|row| row.age)),
    ])
    .expect("the columns are equally long");
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let file = std::fs::File::create(path).expect("the target folder can be written");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))
        .expect("the schema can be written");
    writer.write(&batch).expect("the batch can be written");
    writer.close().expect("the footer can be written");
}

fn million_rows(criterion: &mut Criterion) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let rows = rows();
    let files = ["csv", "ndjson", "parquet"].map(|kind| folder.join(format!("million.{kind}")));
    csv(&rows, &files[0]);
    ndjson(&rows, &files[1]);
    parquet(&rows, &files[2]);
    drop(rows);
    let mut group = criterion.benchmark_group("evaluate 1,000,000 rows, 3 attributes with pairs");
    group.sample_size(10);
    for (what, spec) in [("", SPEC), (", without scores", COUNTED_SPEC)] {
        let spec = Spec::parse(spec).expect("the spec is right");
        for path in &files {
            let kind = path.extension().unwrap_or_default().to_string_lossy();
            group.bench_function(format!("{kind}{what}"), |bencher| {
                bencher.iter(|| {
                    let dataset = DatasetRef {
                        name: "bench".to_owned(),
                        version: "1".to_owned(),
                        digest: None,
                        rows: None,
                    };
                    let evaluated_at = datetime!(2026-11-01 00:00 UTC);
                    let evaluation =
                        evaluate(path, &spec, About { dataset, evaluated_at, level: LEVEL })
                            .expect("the file is right");
                    assert_eq!(evaluation.receipt.rows_used, ROWS as u64);
                    evaluation
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, million_rows);
criterion_main!(benches);
