//! The published JSON Schemas and the readers refuse the same documents, as far as a schema can say.

use app::domain::policy::parse::parse;
use app::domain::policy::template::TEMPLATES;
use app::upload::{Context, Format, read};
use jsonschema::Validator;
use metrics::counted;
use metrics::{Place, Spec};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use tests::{Database, TestServer, fixture};
use time::macros::datetime;

async fn published(name: &str) -> Validator {
    let server = TestServer::on(Database::Sqlite).await;
    let answer = server.visitor().get(&format!("/api/v1/schemas/{name}.v1.json")).await;
    answer.assert_status(200);
    assert_eq!(answer.headers["content-type"], "application/schema+json");
    let schema = answer.json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&schema), "{name} is a schema itself");
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refused(validator: &Validator, value: &Value) -> BTreeSet<String> {
    validator.iter_errors(value).map(|error| error.instance_path().to_string()).collect()
}

/// What the reader of run documents refuses: code and pointer of each problem.
fn read_run(bytes: &[u8]) -> Result<(), Vec<(String, String)>> {
    let context = Context::at(datetime!(2026-11-01 12:00 UTC));
    let Err(problems) = read(bytes, Some(Format::RunJson), &context) else { return Ok(()) };
    let of = |place: Option<Place>| match place {
        Some(Place::Pointer { pointer }) => pointer,
        _ => String::new(),
    };
    Err(problems.into_iter().map(|problem| (problem.code, of(problem.place))).collect())
}

/// Every document that differs from this one in one value: left out, or of another kind.
fn spoiled(whole: &Value) -> Vec<(String, Value)> {
    fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    all.push(at.clone());
                    pointers(value, &at, all);
                }
            }
            // All estimates and rules are alike.
            Value::Array(items) => {
                for (i, value) in items.iter().take(2).enumerate() {
                    all.push(format!("{at}/{i}"));
                    pointers(value, &format!("{at}/{i}"), all);
                }
            }
            _ => {}
        }
    }
    let mut all = vec![];
    pointers(whole, "", &mut all);
    let mut spoiled = vec![];
    for pointer in all {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut without = whole.clone();
        if let Some(Value::Object(fields)) = without.pointer_mut(parent) {
            fields.remove(key);
            spoiled.push((format!("without {pointer}"), without));
        }
        let mut beside = whole.clone();
        if let Some(Value::Object(fields)) = beside.pointer_mut(&pointer)
            && !pointer.ends_with("/slice")
        {
            fields.insert("nobody_knows_it".to_owned(), json!(1));
            spoiled.push((format!("with more in {pointer}"), beside));
        }
        for other in
            [json!(null), json!(true), json!(-1), json!(0.5), json!(""), json!([]), json!({})]
        {
            let mut with = whole.clone();
            *with.pointer_mut(&pointer).unwrap() = other.clone();
            spoiled.push((format!("with {other} at {pointer}"), with));
        }
    }
    spoiled
}

#[tokio::test]
async fn real_run_documents_are_valid() {
    let schema = published("run").await;
    for name in ["adult", "example", "generative"] {
        let bytes = fixture(&format!("uploads/good/{name}.run.json"));
        read_run(&bytes).unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(refused(&schema, &value), BTreeSet::new(), "{name}");
    }
}

#[tokio::test]
async fn broken_run_documents_fail_the_schema_where_they_fail_the_reader() {
    let schema = published("run").await;
    for name in ["many-problems", "next-schema", "no-estimates"] {
        let bytes = fixture(&format!("uploads/broken/{name}.run.json"));
        let read = read_run(&bytes).unwrap_err();
        // A number that is too large for a double is none to a schema.
        let text = String::from_utf8(bytes).unwrap().replace("1e999", "1e300");
        let value: Value = serde_json::from_str(&text).unwrap();
        let places = refused(&schema, &value);
        assert!(!places.is_empty(), "{name}");
        for place in places.iter().filter(|place| !place.is_empty()) {
            let near = |at: &String| at.starts_with(place.as_str()) || place.starts_with(at);
            assert!(read.iter().any(|(_, at)| near(at)), "{name}: {place} of {read:?}");
        }
    }
}

/// What a reader checks that a schema cannot say.
const BEYOND_A_SCHEMA: [&str; 21] = [
    "bad_cut_off",
    "bad_n_effective",
    "bad_range",
    "count_too_large",
    "duplicate_estimate",
    "evaluated_after_receipt",
    "evaluated_too_early",
    "interval_of_nothing",
    "interval_reversed",
    "interval_without_value",
    "known_metric",
    "needs_cut_off",
    "no_cut_off",
    "no_denominator",
    "not_a_rate",
    "out_of_range",
    "reserved_group",
    "unknown_metric",
    "value_is_not_its_counts",
    "value_of_no_rows",
    "weighted_rate",
];

#[tokio::test]
async fn a_run_document_that_the_schema_refuses_is_refused_by_the_reader_too() {
    let schema = published("run").await;
    let whole = json!({
        "schema": "evenhand.run/v1",
        "evaluated_at": "2026-11-01T00:00:00Z",
        "dataset": { "name": "adult-test", "version": "1994", "rows": 100,
            "digest": format!("sha256:{}", "0".repeat(64)) },
        "instrument": { "name": "mine", "version": "1", "definitions": "1", "judge": "j" },
        "positive_outcome": "adverse",
        "metrics": [{ "key": "mine", "name": "Mine", "unit": "1", "direction": "higher",
            "range": [0.0, 1.0] }],
        "estimates": [
            { "slice": { "sex": "F" }, "metric": "mine", "value": 0.5, "n": 60, "threshold": 0.5,
              "stderr": 0.1, "n_effective": 50.0, "positives": 20,
              "interval": { "low": 0.25, "high": 0.75, "level": 0.95, "method": "t" } },
            { "slice": {}, "metric": "accuracy", "value": null, "n": 0, "undefined": "no rows" },
        ],
    });
    read_run(whole.to_string().as_bytes()).unwrap();
    assert_eq!(refused(&schema, &whole), BTreeSet::new());
    let (mut both, mut neither, mut wrong) = (0, 0, vec![]);
    for (what, value) in spoiled(&whole) {
        let by_schema = refused(&schema, &value);
        match (by_schema.is_empty(), read_run(value.to_string().as_bytes())) {
            (true, Ok(())) => neither += 1,
            (false, Err(_)) => both += 1,
            (false, Ok(())) => wrong.push(format!("{what}: the schema alone, at {by_schema:?}")),
            (true, Err(problems)) => {
                let beyond = |code: &str| BEYOND_A_SCHEMA.contains(&code);
                if !problems.iter().all(|(code, _)| beyond(code)) {
                    wrong.push(format!("{what}: the reader alone, {problems:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(both > 150 && neither > 10, "{both} refused by both, {neither} by neither");
}

fn as_json(toml: &str) -> Value {
    toml::from_str(toml).unwrap()
}

#[tokio::test]
async fn the_policies_that_evenhand_brings_are_valid_and_spoiled_ones_fail_as_they_fail_the_reader()
{
    let schema = published("policy").await;
    let (mut both, mut wrong) = (0, vec![]);
    for template in TEMPLATES {
        let whole = as_json(template.source);
        parse(template.source).unwrap();
        assert_eq!(refused(&schema, &whole), BTreeSet::new(), "{}", template.name);
        for (what, value) in spoiled(&whole) {
            // TOML has no null.
            let Ok(text) = toml::to_string(&value) else { continue };
            let by_schema = refused(&schema, &value);
            match (by_schema.is_empty(), parse(&text)) {
                (true, Ok(_)) => {}
                (false, Err(_)) => both += 1,
                (false, Ok(_)) => {
                    wrong.push(format!("{what}: the schema alone, at {by_schema:?}\n{text}"));
                }
                (true, Err(problems)) => {
                    let beyond = |code: &str| {
                        [
                            "always_met",
                            "arity",
                            "attributes",
                            "both",
                            "impossible_bound",
                            "not_a_slice",
                            "unknown_metric",
                            "unmeetable",
                        ]
                        .contains(&code)
                    };
                    if !problems.iter().all(|problem| beyond(&problem.code)) {
                        wrong.push(format!("{what}: the reader alone, {problems:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(both > 300, "{both} refused by both");
}

fn counts_spec() -> Spec {
    Spec::parse(
        r#"{"task": "binary_classification", "label": "label", "score": "score", "weight": "w",
        "prediction": "prediction", "positive": "yes", "slices": ["sex"]}"#,
    )
    .unwrap()
}

/// A row of counts, as CSV has it.
fn row() -> Map<String, Value> {
    let spec = counts_spec();
    let digest = counted::digest(&spec);
    let mut row: Map<String, Value> = counted::columns(&spec)
        .into_iter()
        .map(|column| {
            let cell = match column {
                "evenhand_counts" => "1",
                "spec_digest" => &digest,
                "score_bins" => "10",
                "true_positives" => "7",
                name if name.contains("_other_") => "no",
                name if name.ends_with("_sum") || name.starts_with("true_positive_weight") => {
                    "4611686018427387904"
                }
                _ => "0",
            };
            (column.to_owned(), json!(cell))
        })
        .collect();
    row.insert("sex".to_owned(), json!("Female"));
    row
}

/// The same as a file, read by its spec.
fn read_counts(row: &Map<String, Value>) -> Result<(), Vec<metrics::Problem>> {
    let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let names: Vec<&str> = row.keys().map(String::as_str).collect();
    let cells: Vec<String> = row.values().map(cell).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.csv");
    std::fs::write(&path, format!("{}\n{}\n", names.join(","), cells.join(","))).unwrap();
    let about = metrics::evaluate::About {
        dataset: metrics::DatasetRef {
            name: "d".to_owned(),
            version: "1".to_owned(),
            digest: None,
            rows: None,
        },
        evaluated_at: datetime!(2026-11-01 00:00 UTC),
        level: 0.95,
    };
    metrics::evaluate::evaluate(&path, &counts_spec(), about).map(drop)
}

#[tokio::test]
async fn a_row_of_counts_is_valid_and_spoiled_ones_fail_as_they_fail_the_reader() {
    let schema = published("counts").await;
    let whole = row();
    read_counts(&whole).unwrap();
    assert_eq!(refused(&schema, &json!(whole)), BTreeSet::new());
    let mut tried = 0;
    for column in counted::columns(&counts_spec()) {
        let mut without = whole.clone();
        without.remove(column);
        assert!(read_counts(&without).is_err(), "without {column}");
        // Which of the columns of scores and weights there are, a spec says and no schema.
        let named = ["score_bin", "weight_exponent", "first_other_label"].contains(&column);
        assert!(named || !schema.is_valid(&json!(without)), "without {column}");
        for cell in ["many", "-1", "1.5"] {
            let mut with = whole.clone();
            with.insert(column.to_owned(), json!(cell));
            let by_reader = read_counts(&with).is_err();
            let by_schema = !schema.is_valid(&json!(with));
            tried += usize::from(by_schema);
            assert!(by_reader || !by_schema, "{column}: {cell}");
            // That there is a bin -1 less than none, and that rows hang together, is the reader's.
            assert!(by_schema || !by_reader || column.contains("other"), "{column}: {cell}");
        }
    }
    assert!(tried > 80, "{tried}");
}
