//! What a receipt tells of a run that may be another one than was meant, and what is the same.

use serde_json::Value;
use server::store::Store;
use tests::{Answer, each_db};

fn notes(answer: &Answer) -> Vec<String> {
    let notes = answer.json()["receipt"]["amended"].as_array().cloned().unwrap_or_default();
    notes.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

each_db!(a_run_of_more_rows_than_its_dataset_is_taken_and_its_receipt_says_so, |server| {
    let model = server.model("income").await;
    let run = |n: u32, rows: &str| {
        format!(
            r#"{{"schema": "evenhand.run/v1", "evaluated_at": "2026-06-01T00:00:00Z",
            "dataset": {{"name": "adult", "version": "1"{rows}}},
            "instrument": {{"name": "x", "version": "1", "definitions": "1"}},
            "estimates": [{{"slice": {{}}, "metric": "accuracy", "value": 0.5, "n": {n}}}]}}"#
        )
    };
    model.results("v1", "", run(900, r#", "rows": 1000"#)).await.assert_status(201);
    let as_many = model.results("v1", "", run(1000, "")).await;
    assert_eq!(notes(as_many.assert_status(201)), Vec::<String>::new());
    let more = model.results("v1", "", run(1200, "")).await;
    let said = notes(more.assert_status(201));
    assert!(said[0].contains("1,200 rows, and adult@1 is known with 1,000"), "{said:?}");
});

each_db!(the_same_bytes_are_the_same_run_for_a_newer_importer_too, |server| {
    const OLDER: &str = "update run set importer = 'an older one'";
    let model = server.model("income").await;
    let table = "metric,value,n,sex\naccuracy,0.5,10,F\naccuracy,0.6,10,M\n";
    let first = model.table("v1", "census@1", "2026-06-02", table).await;
    match &server.app.store {
        Store::Sqlite { write, .. } => sqlx::query(OLDER).execute(write).await.map(drop),
        Store::Postgres(pool) => sqlx::query(OLDER).execute(pool).await.map(drop),
    }
    .unwrap();
    let before = server.rows().await;
    let path = "?dataset=census%401&evaluated_at=2026-06-02";
    let again = model.results("v1", path, table).await.assert_status(200).json();
    assert_eq!(again["id"], first);
    assert_eq!(server.rows().await, before);
});
