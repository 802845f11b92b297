//! Runs compared row by row: what is kept for it, for how long, and what it finds.

use app::domain::Role;
use app::domain::register::ModelInput;
use app::domain::token::TokenScope;
use axum::http::Method;
use serde_json::json;
use server::clock::micros;
use server::store::Store;
use sqlx::AssertSqlSafe;
use tests::{Client, Model, TEAM, TestServer, each_db, id_of};
use time::Duration;

const SPEC: &str = r#"{"task": "binary_classification", "id": "person", "label": "label",
    "prediction": "prediction", "slices": ["sex"]}"#;
const DAY: &str = "2026-10-20";

/// 600 women and 600 men with a positive label, and 200 of each without; whether each of the
/// positives is found is for the caller to say.
fn people(finds: impl Fn(&str, usize) -> bool) -> String {
    let mut csv = "person,label,prediction,sex\n".to_owned();
    for sex in ["Female", "Male"] {
        for i in 0..800 {
            let (label, found) = (i < 600, i < 600 && finds(sex, i));
            csv.push_str(&format!(
                "{sex}-{i:03}@people.example,{},{},{sex}\n",
                u8::from(label),
                u8::from(found)
            ));
        }
    }
    csv
}

fn before() -> String {
    people(|sex, i| i < if sex == "Female" { 300 } else { 480 })
}

/// Many more women are found; of the men 24 no longer, and 6 anew: three points of 600.
fn after() -> String {
    people(|sex, i| if sex == "Female" { i < 420 } else { (24..486).contains(&i) })
}

async fn upload(model: &Model, version: &str, csv: String, more: &str) -> tests::Answer {
    let path =
        model.predictions_path(version, SPEC, "people@1", &format!("&evaluated_at={DAY}{more}"));
    model.engineer.post_bytes(&path, "text/csv", csv).await
}

/// A model with a run before and one after, and a lead who recorded a mitigation between them.
async fn mitigated(
    server: &TestServer,
    slug: &str,
    days: &str,
) -> (Model, Client, [String; 2], String) {
    let input = ModelInput {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        rows_kept_days: days.to_owned(),
        ..ModelInput::default()
    };
    let model = server.model_from(input).await;
    server.version(slug, "v2").await;
    let runs = [
        id_of(upload(&model, "v1", before(), "").await.assert_status(201)),
        id_of(upload(&model, "v2", after(), "").await.assert_status(201)),
    ];
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    let grant = app::domain::Grant { role: Role::Engineer, team: None };
    let owner = server.somebody(Some(grant)).await.1;
    let form = [
        ("model", slug),
        ("kind", "post_processing"),
        ("title", "Thresholds by group"),
        ("hypothesis", "A threshold of its own for each group."),
        ("metric", "true_positive_rate"),
        ("slice", "sex=Female"),
        ("change", "0.1"),
        ("owner", &owner),
        ("state", "shipped"),
        ("before", &runs[0]),
        ("after", &runs[1]),
    ];
    let page = lead.post("/mitigations/new", &form).await.assert_status(303).location().to_owned();
    (model, lead, runs, page)
}

/// How many chunks of rows the database holds of a run.
async fn chunks(server: &TestServer, run: &str) -> i64 {
    let sql = "select count(*) from run_rows where run_id = $1";
    let run: uuid::Uuid = run.parse().unwrap();
    match &server.app.store {
        Store::Sqlite { read, .. } => sqlx::query_scalar(sql).bind(run).fetch_one(read).await,
        Store::Postgres(pool) => sqlx::query_scalar(sql).bind(run).fetch_one(pool).await,
    }
    .unwrap()
}

/// Every text of the database that holds a word, as `table.column`.
async fn texts_with(server: &TestServer, word: &str) -> Vec<String> {
    const SQLITE: &str = "select m.name, p.name from sqlite_master m \
         join pragma_table_info(m.name) p where m.type = 'table' and upper(p.type) = 'TEXT'";
    const POSTGRES: &str = "select table_name::text, column_name::text \
         from information_schema.columns where table_schema = current_schema() \
         and data_type = 'text'";
    let columns: Vec<(String, String)> = match &server.app.store {
        Store::Sqlite { read, .. } => sqlx::query_as(SQLITE).fetch_all(read).await,
        Store::Postgres(pool) => sqlx::query_as(POSTGRES).fetch_all(pool).await,
    }
    .unwrap();
    assert!(columns.len() > 100, "the whole database is looked through");
    let mut found = vec![];
    for (table, column) in columns {
        let sql = format!("select count(*) from \"{table}\" where \"{column}\" like $1");
        let (sql, like) = (AssertSqlSafe(sql), format!("%{word}%"));
        let n: i64 = match &server.app.store {
            Store::Sqlite { read, .. } => sqlx::query_scalar(sql).bind(like).fetch_one(read).await,
            Store::Postgres(pool) => sqlx::query_scalar(sql).bind(like).fetch_one(pool).await,
        }
        .unwrap();
        if n > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

each_db!(
    a_harm_of_three_points_on_600_people_shows_where_rows_are_kept_and_not_without,
    |server| {
        let (_, lead, _, page) = mitigated(&server, "kept", "").await;
        lead.get(&page)
            .await
            .assert_contains("Paired on 1,600 rows, which both runs have.")
            .assert_contains("It worked: true positive rate of Female changed by +0.200")
            .assert_contains("on the same 600 rows, McNemar p &lt;0.001")
            .assert_contains("6 other series got worse beyond chance, of 23 series looked at.")
            .assert_contains("Newcombe (paired), McNemar p 0.001: 24 lost, 6 gained");

        let (_, lead, _, page) = mitigated(&server, "not-kept", "0").await;
        lead.get(&page)
        .await
        .assert_contains(
            "Not paired, because the rows of the run before are not kept: small harm is missed then.",
        )
        .assert_contains("It worked: true positive rate of Female changed by +0.200")
        .assert_contains("Nobody else got worse beyond chance");
    }
);

each_db!(no_id_is_anywhere_in_the_database_and_the_pages_say_what_is_kept, |server| {
    let (_, lead, [run, _], _) = mitigated(&server, "kept", "30").await;
    assert!(chunks(&server, &run).await > 0);
    assert_eq!(texts_with(&server, "people.example").await, Vec::<String>::new());
    // The search finds what is there.
    assert!(
        texts_with(&server, "Thresholds by group").await.contains(&"mitigation.title".to_owned())
    );
    lead.get("/models/kept").await.assert_contains("kept 30 days where the spec names id");
    lead.get(&format!("/runs/{run}"))
        .await
        .assert_contains("1,600 rows are kept for comparison row by row, ids as keyed hashes")
        .assert_contains("kept until")
        .assert_contains("2026-12-01");
});

each_db!(the_same_bytes_are_one_run_whether_their_rows_are_kept_or_not, |server| {
    let model = server.model("kept").await;
    let dry = upload(&model, "v1", before(), "&dry_run=true").await.assert_status(200).json();
    let first = upload(&model, "v1", before(), "").await.assert_status(201).json();
    assert_eq!(first["digest"], dry["digest"]);
    let run = first["id"].as_str().unwrap();
    let kept = chunks(&server, run).await;
    let again = upload(&model, "v1", before(), "").await.assert_status(200).json();
    assert_eq!(again["id"], first["id"]);
    assert_eq!((chunks(&server, run).await, kept > 0), (kept, true));
});

each_db!(
    rows_go_when_their_time_is_over_when_their_run_is_voided_and_when_a_lead_says_so,
    |server| {
        let (model, lead, [before, after], page) = mitigated(&server, "kept", "").await;
        // The time of the run before is over, though nothing has swept yet.
        let later = server.app.clock.now() + Duration::days(181);
        assert_eq!(
            server.app.store.rows_of(before.parse().unwrap(), micros(later)).await.unwrap(),
            None
        );
        server
            .app
            .store
            .sweep_rows(micros(server.app.clock.now() + Duration::days(179)))
            .await
            .unwrap();
        assert!(chunks(&server, &before).await > 0);

        let form = [("reason", "The labels were of another year.")];
        lead.post(&format!("/runs/{after}/void"), &form).await.assert_status(303);
        assert_eq!(chunks(&server, &after).await, 0);
        lead.get(&page).await.assert_contains("One of its runs was voided");

        let lead_token =
            server.token(Role::Lead, &[TokenScope::Read, TokenScope::ModelsWrite]).await;
        let tag = lead_token.get("/api/v1/models/kept").await;
        let days = |days| json!({ "rows_kept_days": days });
        let shown = tag.json();
        assert_eq!(shown["rows_kept_days"], 180);
        let version = shown["version"].as_i64().unwrap();
        patch(&lead_token, version, &days(json!("soon"))).await.assert_status(422);
        patch(&lead_token, version, &days(json!(10))).await.assert_status(200);
        server
            .app
            .store
            .sweep_rows(micros(server.app.clock.now() + Duration::days(9)))
            .await
            .unwrap();
        assert!(chunks(&server, &before).await > 0);
        server
            .app
            .store
            .sweep_rows(micros(server.app.clock.now() + Duration::days(10)))
            .await
            .unwrap();
        assert_eq!(chunks(&server, &before).await, 0);

        let third =
            id_of(upload(&model, "v2", people(|_, i| i < 100), "").await.assert_status(201));
        assert!(chunks(&server, &third).await > 0);
        patch(&lead_token, version + 1, &days(json!(0))).await.assert_status(200);
        assert_eq!(chunks(&server, &third).await, 0);
    }
);

async fn patch(lead: &Client, version: i64, body: &serde_json::Value) -> tests::Answer {
    let tag = format!("\"{version}\"");
    lead.json(Method::PATCH, "/api/v1/models/kept", &[("if-match", &tag)], body).await
}
