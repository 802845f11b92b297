//! The query that `evenhand metrics sql` prints, run by PostgreSQL on real data: its counts give the
//! estimates that the rows give.

use crate::{evenhand, file, fixture};
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};
use std::path::Path;
use tests::{Database, fresh};

const SPEC: &str = r#"
task = "binary_classification"
label = "label"
score = "score"
prediction = "prediction"
weight = "weight"
slices = ["sex", "race", "age_band"]
intersections = 2
"#;

/// A database that holds a table of text columns, filled from a CSV file with that header.
async fn filled(folder: &Path, table: &str, columns: &str, csv: &[u8]) -> PgConnection {
    let url = fresh(Database::Postgres, folder).await;
    let mut database = PgConnection::connect(&url).await.unwrap();
    let sql = format!("create table {table} ({columns})");
    database.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    let sql = format!("copy {table} from stdin with (format csv, header)");
    let mut copy = database.copy_in_raw(&sql).await.unwrap();
    copy.send(csv).await.unwrap();
    copy.finish().await.unwrap();
    database
}

/// What PostgreSQL answers to the query for a spec, as CSV.
async fn counts(database: &mut PgConnection, spec: &str, more: &[&str]) -> Vec<u8> {
    let mut args = vec!["metrics", "sql", "--spec", spec, "--dialect", "postgres"];
    args.extend(more);
    let printed = evenhand(&[], &args);
    printed.assert_code(0);
    let sql = format!("copy ({}) to stdout with (format csv, header)", printed.out);
    let mut answer = database.copy_out_raw(&sql).await.unwrap();
    let mut csv = Vec::new();
    while let Some(bytes) = futures::StreamExt::next(&mut answer).await {
        csv.extend_from_slice(&bytes.unwrap());
    }
    tests::assert_counts(&csv);
    csv
}

/// The estimates of a file: those of areas under the curve, and all others.
fn estimates(path: &str, spec: &str) -> (Vec<Value>, Vec<Value>) {
    let ended = evenhand(&[], &["evaluate", path, "--spec", spec, "--json"]);
    ended.assert_code(0);
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    let all = document["estimates"].as_array().unwrap().clone();
    let on_grid = |estimate: &Value| {
        estimate["metric"] == "roc_auc" || estimate["metric"] == "average_precision"
    };
    all.into_iter().partition(on_grid)
}

fn assert_same(counted: &str, rows: &str, spec: &str) {
    let (areas, others) = estimates(counted, spec);
    let (exact, known) = estimates(rows, spec);
    assert!(others.len() > 40 && others.len() == known.len());
    for (other, known) in others.iter().zip(&known) {
        if known["metric"] == "log_loss" && !known["value"].is_null() {
            // Logarithms are the engine's own.
            let value = |of: &Value| of["value"].as_f64().unwrap();
            let apart = (value(other) - value(known)).abs();
            assert!(apart <= 1e-12 * value(known).abs(), "{other} {known}");
        } else {
            assert_eq!(other, known);
        }
    }
    assert_eq!(areas.len(), exact.len());
    for (area, exact) in areas.iter().zip(&exact) {
        assert_eq!(area["slice"], exact["slice"]);
        if exact["value"].is_null() {
            assert_eq!(area["undefined"], exact["undefined"]);
            continue;
        }
        let number = |of: &Value, key: &str| of["interval"][key].as_f64().unwrap();
        let (value, known) = (area["value"].as_f64().unwrap(), exact["value"].as_f64().unwrap());
        assert!(number(area, "low") <= known && known <= number(area, "high"), "{area} {exact}");
        if exact["slice"] == serde_json::json!({}) && exact["metric"] == "roc_auc" {
            assert!((value - known).abs() < 0.003, "{area} {exact}");
        }
    }
}

#[tokio::test]
async fn postgresql_counts_real_predictions_to_the_estimates_of_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let rows = fixture("predictions/adult_v4_hgb.csv");
    let spec = file(folder.path(), "spec.toml", SPEC);
    let mut database = filled(
        folder.path(),
        "predictions",
        "id bigint, label smallint, score double precision, prediction smallint, \
         weight double precision, sex text, race text, age_band text",
        &std::fs::read(&rows).unwrap(),
    )
    .await;
    let whole = counts(&mut database, &spec, &[]).await;
    assert_same(&file(folder.path(), "counts.csv", &whole), &rows, &spec);

    // Two shards, counted apart with one exponent and put together, are the whole.
    let (mut parts, mut header) = (Vec::new(), Vec::new());
    for (name, when) in [("even", "id % 2 = 0"), ("odd", "id % 2 <> 0")] {
        let sql = format!("create view {name} as select * from predictions where {when}");
        database.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        let csv = counts(&mut database, &spec, &["--table", name, "--weight-exponent", "21"]).await;
        let end = csv.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        header = csv[..end].to_vec();
        parts.extend_from_slice(&csv[end..]);
    }
    header.extend(parts);
    assert_same(&file(folder.path(), "shards.csv", header), &rows, &spec);
}

#[tokio::test]
async fn hostile_names_empty_cells_and_labels_by_name_are_counted_as_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "x\"; drop table predictions; --";
    let column = hostile.replace('"', "\"\"");
    let csv = format!(
        "größe,score,\"{column}\",b\n{}",
        "> ½'\\,0.9,\"a'; --\",\n no,0.2,,x\n no,0.7,b,x\n> ½'\\,0.4,\"\",\u{a0}\n> ½'\\,1,  b\t,y\n"
            .repeat(11)
    );
    let rows = file(folder.path(), "rows.csv", &csv);
    let mut database = filled(
        folder.path(),
        "predictions",
        &format!("größe text, score text, \"{column}\" text, b text"),
        csv.as_bytes(),
    )
    .await;
    for missing in ["group", "drop"] {
        let spec = serde_json::json!({
            "task": "binary_classification", "label": "größe", "positive": "> ½'\\",
            "score": "score", "slices": [hostile, "b"], "intersections": 2, "missing": missing,
        })
        .to_string();
        let csv = counts(&mut database, &spec, &["--bins", "1000"]).await;
        assert_same(&file(folder.path(), "counts.csv", csv), &rows, &spec);
    }
    let spec = r#"{"task": "binary_classification", "label": "größe", "score": "score"}"#;
    let csv = counts(&mut database, spec, &[]).await;
    let path = file(folder.path(), "refused.csv", csv);
    evenhand(&[], &["evaluate", &path, "--spec", spec])
        .assert_code(1)
        .assert_err("55 rows have a label that is neither 0 nor 1");
    let (count,): (i64,) =
        sqlx::query_as("select count(*) from predictions").fetch_one(&mut database).await.unwrap();
    assert_eq!(count, 55);
}
