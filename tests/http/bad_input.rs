//! Whatever is sent, the answer is clear, nothing is stored, and the server is as before.

use app::domain::Role;
use app::domain::register::{DatasetInput, ModelInput};
use app::pages::parts::link::encode;
use serde_json::Value;
use server::actions::register_dataset;
use server::auth::Actor;
use tests::{Answer, Model, SPEC, TEAM, TestServer, each_db, fixture, multipart};

const DATASET: &str = "?dataset=census%401";

/// Sends it as it is, and checks that it left nothing behind.
async fn refused(server: &TestServer, model: &Model, query: &str, bytes: Vec<u8>) -> Answer {
    let before = server.rows().await;
    let answer = model.results("v1", query, bytes).await;
    answer.assert_status(422);
    unharmed(server, model, before).await;
    answer
}

/// Predictions that are refused.
async fn refused_rows(
    server: &TestServer,
    model: &Model,
    spec: &str,
    bytes: impl Into<Vec<u8>>,
) -> Answer {
    let before = server.rows().await;
    let path = model.predictions_path("v1", spec, "census@1", "");
    let answer = model.engineer.post_bytes(&path, "application/octet-stream", bytes.into()).await;
    answer.assert_status(422);
    unharmed(server, model, before).await;
    answer
}

async fn unharmed(
    server: &TestServer,
    model: &Model,
    before: std::collections::BTreeMap<&'static str, i64>,
) {
    assert_eq!(server.rows().await, before, "something was stored");
    model.engineer.get("/api/v1/models/income/runs").await.assert_status(200);
}

/// Whether a problem of an answer has this code, and says this somewhere.
#[track_caller]
fn says(answer: &Answer, code: &str, words: &str) {
    let json = answer.json();
    let all = json["errors"].as_array().unwrap_or_else(|| panic!("no errors in {json}"));
    let found =
        all.iter().any(|problem| problem["code"] == code && problem.to_string().contains(words));
    assert!(found, "no `{code}` with `{words}` in {json}");
}

/// Rows of predictions under a header.
fn rows(header: &str, rows: &[&str]) -> String {
    format!("{header}\n{}\n", rows.join("\n"))
}

const HEADER: &str = "label,score,prediction,sex,race";

each_db!(every_broken_file_is_answered_with_each_of_its_problems, |server| {
    let model = server.model("income").await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/uploads/broken");
    let mut tried = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let expected = fixture(&format!("uploads/broken/{name}.txt"));
        let expected = String::from_utf8(expected).unwrap();
        // The list beside `header-alone.csv` counts the dataset that is not named.
        let query = if expected.contains("dataset_needed") { "" } else { DATASET };
        let answer = refused(&server, &model, query, std::fs::read(&path).unwrap()).await;
        let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
        for line in expected.lines().filter(|line| !line.starts_with(' ')) {
            let code = line.split(' ').next().unwrap();
            assert!(
                errors.iter().any(|error| error["code"] == code),
                "{name}: no `{code}` among {errors:?}"
            );
        }
        tried += 1;
    }
    assert!(tried > 15, "{tried}");
});

each_db!(a_wrong_column_is_named_with_the_nearest_right_one, |server| {
    let model = server.model("income").await;
    let answer = refused_rows(
        &server,
        &model,
        SPEC,
        rows("labl,score,prediction,sex,race", &["1,0.5,1,F,A"]),
    )
    .await;
    let text = answer.text();
    assert!(text.contains("`label`") && text.contains("labl"), "{text}");
});

each_db!(labels_scores_and_predictions_that_cannot_be_are_all_listed_with_their_rows, |server| {
    let model = server.model("income").await;
    let bad = rows(
        HEADER,
        &["2,0.5,1,F,A", "1,1.5,1,F,A", "1,-0.1,1,F,A", "1,0.5,maybe,F,A", "1,0.5,1,F,A"],
    );
    let answer = refused_rows(&server, &model, SPEC, bad).await;
    let json = answer.json();
    let errors = json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 4, "{json}");
    let lines: Vec<u64> = errors.iter().filter_map(|error| error["line"].as_u64()).collect();
    assert_eq!(lines, [2, 3, 4, 5], "{json}");
});

each_db!(what_is_no_number_is_refused_in_predictions_and_in_results, |server| {
    let model = server.model("income").await;
    for word in ["NaN", "inf", "-Infinity", "1e999", "0x10", ""] {
        let answer =
            refused_rows(&server, &model, SPEC, rows(HEADER, &[&format!("1,{word},1,F,A")])).await;
        assert_eq!(answer.json()["errors"][0]["line"], 2, "{word}");
        if !word.is_empty() {
            let csv = format!("metric,value,n\naccuracy,{word},100\n");
            refused(&server, &model, DATASET, csv.into_bytes()).await;
        }
    }
    for word in ["NaN", "1e999", "Infinity"] {
        let text = String::from_utf8(fixture("uploads/good/example.run.json")).unwrap();
        let text = text.replace("\"value\": 0.2,", &format!("\"value\": {word},"));
        refused(&server, &model, "", text.into_bytes()).await;
    }
});

each_db!(nothing_and_next_to_nothing_is_refused, |server| {
    let model = server.model("income").await;
    says(&refused(&server, &model, DATASET, vec![]).await, "empty", "empty");
    refused(&server, &model, DATASET, b"\n\n\n".to_vec()).await;
    refused(&server, &model, DATASET, b"metric,value,n\n".to_vec()).await;
    refused(&server, &model, DATASET, b"{}".to_vec()).await;
    refused(&server, &model, DATASET, b"[]".to_vec()).await;
    refused_rows(&server, &model, SPEC, "").await;
    refused_rows(&server, &model, SPEC, format!("{HEADER}\n")).await;
});

each_db!(a_million_columns_are_refused_in_a_moment, |server| {
    let model = server.model("income").await;
    let wide = (0..1_000_000).fold(String::new(), |header, i| header + &format!("c{i},"));
    let started = std::time::Instant::now();
    let csv = format!("{wide}label,score\n");
    refused(&server, &model, DATASET, csv.clone().into_bytes()).await;
    refused_rows(&server, &model, SPEC, csv).await;
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
});

each_db!(binary_rubbish_is_refused_whatever_it_is_called, |server| {
    let model = server.model("income").await;
    let rubbish: Vec<u8> = (0u32..100_000)
        .map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    refused(&server, &model, DATASET, rubbish.clone()).await;
    refused(&server, &model, "?format=long_csv&dataset=census%401", rubbish.clone()).await;
    refused_rows(&server, &model, SPEC, rubbish.clone()).await;

    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    let (kind, body) = multipart(&[
        ("kind", None, b"results"),
        ("dataset", None, b"census@1"),
        ("file", Some("results.csv"), &rubbish),
    ]);
    let before = server.rows().await;
    ann.post_bytes("/models/income/versions/v1/upload", &kind, body).await.assert_status(422);
    assert_eq!(server.rows().await, before);
});

each_db!(a_parquet_file_that_was_cut_off_anywhere_is_refused, |server| {
    let model = server.model("income").await;
    let whole = fixture("predictions/adult_v4_hgb.parquet");
    for keep in [4, 100, whole.len() / 2, whole.len() - 8, whole.len() - 1] {
        refused_rows(&server, &model, SPEC, whole[..keep].to_vec()).await;
    }
    // The end is there, the middle is another file's.
    let mut mixed = whole.clone();
    mixed[1000..whole.len() * 3 / 4].fill(0xff);
    refused_rows(&server, &model, SPEC, mixed).await;
});

each_db!(a_parquet_page_that_claims_two_gibibytes_costs_no_memory, |server| {
    let model = server.model("income").await;
    let mut file = fixture("predictions/adult_v4_hgb.parquet");
    // The first page's header in Thrift's compact protocol: a data page of 2^31 - 1 bytes, of
    // which one is stored.
    let header = [
        0x15, 0x00, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0x02, 0x2c, 0x15, 0x02, 0x15, 0x00,
        0x15, 0x06, 0x15, 0x06, 0x00, 0x00,
    ];
    file[4..4 + header.len()].copy_from_slice(&header);
    let spec = SPEC.replace("\"label\": \"label\"", "\"label\": \"id\"");
    assert_ne!(spec, SPEC);
    let before = resident();
    let answer = refused_rows(&server, &model, &spec, file).await;
    assert!(answer.text().contains("2147483647"), "{}", answer.text());
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "the server grew by {grown} bytes");
});

/// Memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

each_db!(gzip_of_something_else_is_refused, |server| {
    let model = server.model("income").await;
    let gzip = fixture("uploads/broken/gzip.csv");
    refused(&server, &model, DATASET, gzip.clone()).await;
    refused_rows(&server, &model, SPEC, gzip).await;
    // A head of gzip and nothing behind it.
    refused_rows(&server, &model, SPEC, vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]).await;
});

each_db!(duplicate_slices_and_the_reserved_group_are_refused, |server| {
    let model = server.model("income").await;
    let twice = "metric,value,n,sex\naccuracy,0.5,10,F\naccuracy,0.6,10,F\n";
    says(
        &refused(&server, &model, DATASET, twice.as_bytes().to_vec()).await,
        "duplicate_estimate",
        "sex=F",
    );
    let missing = "metric,value,n,sex\naccuracy,0.5,10,(missing)\n";
    let answer = model.results("v1", DATASET, missing).await;
    let in_rows = rows(HEADER, &["1,0.5,1,(missing),A", "0,0.5,1,F,A"]);
    let answer_rows = refused_rows(&server, &model, SPEC, in_rows).await;
    assert!(answer_rows.text().contains("(missing)"), "{}", answer_rows.text());
    // In results the group stands for rows without a value, as this server itself writes it.
    assert!([201, 422].contains(&answer.status.as_u16()), "{}", answer.text());
});

each_db!(counts_and_intervals_that_cannot_be_are_refused, |server| {
    let model = server.model("income").await;
    for row in [
        "accuracy,0.5,-10,,,,",
        "accuracy,0.5,1.5,,,,",
        "accuracy,1.5,100,,,,",
        "accuracy,0.5,100,0.6,0.7,0.95,wilson",
        "accuracy,0.5,100,0.7,0.3,0.95,wilson",
        "accuracy,0.5,100,0.4,0.6,95,wilson",
        "nonsense_metric,0.5,100,,,,",
        "accuracy,0.5,99999999999999999999,,,,",
    ] {
        let csv = format!("metric,value,n,low,high,level,method\n{row}\n");
        let answer = refused(&server, &model, DATASET, csv.into_bytes()).await;
        assert_eq!(answer.json()["errors"][0]["line"], 2, "{row}: {}", answer.text());
    }
    let text = String::from_utf8(fixture("uploads/good/example.run.json")).unwrap();
    for (from, to) in [
        ("\"numerator\": 3256", "\"numerator\": -1"),
        ("\"numerator\": 3256", "\"numerator\": 20000"),
        ("\"low\": 0.194", "\"low\": 0.204"),
    ] {
        assert!(text.contains(from));
        refused(&server, &model, "", text.replace(from, to).into_bytes()).await;
    }
});

each_db!(what_is_said_beside_a_file_is_checked_too, |server| {
    let model = server.model("income").await;
    let csv = || b"metric,value,n\naccuracy,0.5,100\n".to_vec();
    for query in [
        "?dataset=census",
        "?dataset=Census%20Data%401",
        "?dataset=census%40",
        "?dataset=census%401&evaluated_at=yesterday",
        "?dataset=census%401&evaluated_at=2031-01-01",
        "?dataset=census%401&format=nonsense",
    ] {
        refused(&server, &model, query, csv()).await;
    }
    let text = String::from_utf8(fixture("uploads/good/example.run.json")).unwrap();
    for (from, to) in [
        ("\"adult-test\"", "\"Adult Test\""),
        ("\"1994\"", "\"19/94\""),
        ("2026-11-01T00:00:00Z", "2031-11-01T00:00:00Z"),
        ("sha256:e3b0", "sha256:zzzz"),
    ] {
        assert!(text.contains(from), "{from}");
        refused(&server, &model, "", text.replace(from, to).into_bytes()).await;
    }
    let before = server.rows().await;
    model.results("v1", "?nonsense=1", csv()).await.assert_status(400);
    model.results("v1", "?dry_run=perhaps", csv()).await.assert_status(400);
    unharmed(&server, &model, before).await;
    for spec in ["", "{", "{}", r#"{"task": "nonsense"}"#, r#"{"task": "binary_classification"}"#] {
        refused_rows(&server, &model, spec, rows(HEADER, &["1,0.5,1,F,A"])).await;
    }
});

each_db!(a_form_without_a_file_or_spec_is_refused, |server| {
    let model = server.model("income").await;
    let path = "/api/v1/models/income/versions/v1/predictions?dataset=d%401";
    let before = server.rows().await;
    for parts in
        [vec![("spec", None, SPEC.as_bytes())], vec![("file", Some("x.csv"), &b"label\n1\n"[..])]]
    {
        let (kind, body) = multipart(&parts);
        model.engineer.post_bytes(path, &kind, body).await.assert_status(422);
    }
    let two = [
        ("spec", None, SPEC.as_bytes()),
        ("file", Some("x.csv"), &b"label\n1\n"[..]),
        ("file", Some("y.csv"), &b"label\n1\n"[..]),
    ];
    let (kind, body) = multipart(&two);
    model.engineer.post_bytes(path, &kind, body).await.assert_status(400);
    let half = b"--between-two-parts-of-a-test\r\ncontent-disposition: form-data; na".to_vec();
    model.engineer.post_bytes(path, &kind, half).await.assert_status(400);
    model.engineer.post_bytes(path, "multipart/form-data", vec![]).await.assert_status(400);
    unharmed(&server, &model, before).await;
});

each_db!(markup_in_every_name_shows_as_text, |server| {
    const MARKUP: &str = "<script>alert(1)</script>";
    let model = server
        .model_from(ModelInput {
            slug: "income".to_owned(),
            name: format!("Income {MARKUP}"),
            surface: MARKUP.to_owned(),
            intended_use: MARKUP.to_owned(),
            ..ModelInput::default()
        })
        .await;
    let label = "<b>v9</b>".replace('/', "!");
    let dataset = DatasetInput {
        name: "census".to_owned(),
        label: "1".to_owned(),
        origin: MARKUP.to_owned(),
        notes: MARKUP.to_owned(),
        ..DatasetInput::default()
    };
    register_dataset::register(&server.app, &Actor::operator(), &dataset).await.unwrap();
    server.version("income", &label).await;
    let csv = format!("metric,value,n,{MARKUP}\naccuracy,0.5,100,{MARKUP}\naccuracy,0.6,90,<i>\n");
    let path = encode(&label);
    let id = model.table(&path, "census@1", "2026-06-01", &csv).await;
    let twice = model.table("v1", "census@1", "2026-06-02", &csv.replace("0.5", "0.4")).await;

    let lena = server.signed_in_for(Role::Lead, TEAM).await;
    let attribute = encode(MARKUP);
    for page in [
        "/".to_owned(),
        format!("/runs/{id}"),
        format!("/runs/{twice}"),
        format!("/runs/{id}?q={attribute}&attribute={attribute}"),
        format!("/models/income/trend?metric=accuracy&attribute={attribute}"),
        format!("/models/income/trend.svg?metric=accuracy&attribute={attribute}"),
        format!("/models/income/versions/{path}/upload"),
        format!("/{attribute}"),
    ] {
        let text = lena.get(&page).await.text();
        assert!(!text.contains("<script>alert"), "markup at {page}");
        assert!(!text.contains("<b>v9"), "markup at {page}");
        assert!(!text.contains("<i>"), "markup at {page}");
    }
    lena.get(&format!("/runs/{id}")).await.assert_status(200).assert_contains("&lt;script&gt;");
    let hostile: Value = model.engineer.get(&format!("/api/v1/runs/{id}")).await.json();
    assert_eq!(hostile["version"], label);
});
