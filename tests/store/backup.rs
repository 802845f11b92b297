use server::App;
use server::audit::check::Witnesses;
use server::audit::{By, Entry};
use server::backup::{back_up, restore};
use server::clock::{Clock, random};
use server::store::Store;
use sqlx::{AssertSqlSafe, Row as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::{Database, START, TestServer, each_db, fresh};

async fn run(store: &Store, sql: String) {
    match store {
        Store::Sqlite { write, .. } => {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(write).await.unwrap();
        }
        Store::Postgres(pool) => {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
        }
    }
}

/// Rows with every type, nulls, a row that refers to a later one of its own table, and text that
/// would break out of a careless statement.
async fn fill(store: &Store) {
    let id = || {
        let id = uuid::Uuid::from_bytes(random());
        match store {
            Store::Sqlite { .. } => format!("x'{}'", id.simple()),
            Store::Postgres(_) => format!("'{id}'"),
        }
    };
    let (child, parent, ann, model, version) = (id(), id(), id(), id(), id());
    let (dataset, run_id) = (id(), id());
    run(
        store,
        format!(
            "insert into team values ({parent}, 'zz-parent', 'Parent', null, 1, 1);
             insert into team values ({child}, 'aa-child', 'O''Neill; drop table team; -- Ä 😀',
                 {parent}, 9007199254740993, 1);
             insert into person (id, email, name, search_text, created_at, version)
                 values ({ann}, 'ann@example.org', 'Ann', 'ann ann@example.org', 1, 1);
             insert into session values ('hash', {ann}, '{{}}', 1, 1, 9000000000000000);
             insert into one_time_link (hash, person_id, purpose, created_at, expires_at)
                 values ('link', {ann}, 'reset', 1, 2);
             insert into model (id, slug, name, team_id, task, risk_tier, stage, positive_outcome,
                 restricted, sort_name, search_text, created_by, created_at, updated_at, version,
                 architecture, surface) values ({model}, 'm', 'M', {child},
                 'binary_classification', 'high', 'staging', 'favourable', true, 'm', 'm', {ann},
                 1, 1, 1, '', '');
             insert into model_text values ({model}, 'for tests', '');
             insert into model_version (id, model_id, label, commit_ref, artifact_digest,
                 training_data, notes, created_by, created_at, version)
                 values ({version}, {model}, '1', '', '', '', '', null, 1, 1);
             insert into dataset (id, name, label, origin, sampling, collected, notes, created_at,
                 updated_at, version) values ({dataset}, 'd', '1', '', '', '', '', 1, 1, 1);
             insert into run (id, model_id, version_id, dataset_id, digest, source_digest,
                 source_key, importer, format, evaluated_at, received_at, uploader_id,
                 instrument_name, instrument_version, instrument_definitions, custom_metrics,
                 receipt) values ({run_id}, {model}, {version}, {dataset}, 'sha256:1', 's', 'k',
                 '1', 'f', 1, 1, {ann}, 'i', '1', '1', '[]', '{{}}');
             insert into run_rows values ({run_id}, 0, 'cm93cw==', 9000000000000000);"
        ),
    )
    .await;
    // More than one batch; a third has no short decimal form.
    for position in 0..450 {
        let value = if position % 3 == 0 {
            "null".to_owned()
        } else {
            (1.0 / f64::from(position)).to_string()
        };
        run(
            store,
            format!(
                "insert into estimate (run_id, position, slice, arity, metric, value, n)
                     values ({run_id}, {position}, '', 0, 'selection_rate', {value}, {position})"
            ),
        )
        .await;
    }
}

/// Every row of a backup as text, in order; without the log, which a restore adds to.
async fn contents(file: &Path) -> Vec<String> {
    let store = Store::open_file(file).await.unwrap();
    let Store::Sqlite { read, .. } = &store else { panic!("a backup is a SQLite file") };
    let mut lines = vec![];
    for table in store.snapshot().await.unwrap().tables().await.unwrap() {
        if table.name.starts_with("audit_") {
            continue;
        }
        let columns: Vec<String> =
            table.columns.iter().map(|column| format!("quote(\"{}\")", column.name)).collect();
        let sql = format!(
            "select {} as line from {} order by 1",
            columns.join(" || ',' || "),
            table.name
        );
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(read).await.unwrap() {
            lines.push(format!("{}: {}", table.name, row.get::<String, _>("line")));
        }
    }
    store.close().await;
    lines
}

fn witnesses(app: &App) -> Witnesses {
    Witnesses { key: Some(app.key.public()), kept: vec![] }
}

async fn write_entries(app: App, stop: Arc<AtomicBool>) -> i64 {
    let mut written = 0;
    while !stop.load(Ordering::SeqCst) {
        let mut tx = app.store.begin(&By::OPERATOR, &app.clock).await.unwrap();
        tx.note(
            Entry::new("test.noted", "test", written).after(serde_json::json!({ "n": written })),
        );
        tx.commit().await.unwrap();
        written += 1;
    }
    written
}

each_db!(a_backup_taken_under_load_restores_into_either_database_and_verifies, |server| {
    fill(&server.app.store).await;
    server.app.checkpoint().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..3).map(|_| tokio::spawn(write_entries(server.app.clone(), stop.clone()))).collect();
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    let file = server.folder.path().join("first.backup");
    let made = back_up(&server.app.store, &file, &witnesses(&server.app)).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    stop.store(true, Ordering::SeqCst);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    assert!(made.is_sound(), "{made:?}");
    let entries = made.audit.verified.as_ref().unwrap().entries;
    assert!(entries > 0 && entries < u64::try_from(written).unwrap(), "{entries} of {written}");

    let before = contents(&file).await;
    assert!(before.iter().any(|line| line.contains("O''Neill; drop table")), "{before:?}");
    assert_eq!(before.iter().filter(|line| line.starts_with("estimate")).count(), 450);
    assert!(
        !before.iter().any(|line| line.starts_with("session") || line.starts_with("one_time_link")),
        "what opens doors is left out"
    );

    for (kind, name) in [(Database::Sqlite, "a"), (Database::Postgres, "b")] {
        let folder = tempfile::tempdir().unwrap();
        let url = fresh(kind, folder.path()).await;
        let target = Store::open(&url).await.unwrap();
        let clock = Clock::fixed(START);
        let restored = restore(&file, &target, &clock, &witnesses(&server.app)).await.unwrap();
        assert_eq!((restored.rows, &restored.audit), (made.rows, &made.audit), "into {kind:?}");
        assert!(target.is_ready().await);

        let again = server.folder.path().join(name);
        let second = back_up(&target, &again, &witnesses(&server.app)).await.unwrap();
        assert!(second.is_sound(), "{second:?}");
        assert_eq!(second.audit.verified.unwrap().entries, entries + 1, "the restore is noted");
        assert_eq!(contents(&again).await, before, "into {kind:?} and back");

        let refused = restore(&file, &target, &clock, &witnesses(&server.app)).await.unwrap_err();
        assert!(refused.to_string().contains("in use"), "{refused}");
        target.close().await;
    }
});

each_db!(a_backup_never_overwrites_a_file, |server| {
    let file = server.folder.path().join("there");
    std::fs::write(&file, "precious").unwrap();
    let error = back_up(&server.app.store, &file, &witnesses(&server.app)).await.unwrap_err();
    assert!(error.to_string().contains("there already"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
});

each_db!(a_tampered_a_foreign_and_a_newer_backup_are_refused, |server| {
    write_entries_once(&server, 3).await;
    let folder = tempfile::tempdir().unwrap();
    let target = Store::open(&fresh(Database::Sqlite, folder.path()).await).await.unwrap();
    let clock = Clock::fixed(START);
    for (name, sql, expected) in [
        ("tampered", "update audit_entry set action = 'x' where position = 1", "entry 1"),
        ("newer", "update _sqlx_migrations set version = 9999 where version = 1", "schema 9999"),
        ("foreign", "drop table _sqlx_migrations", "no backup of Evenhand"),
    ] {
        let file = server.folder.path().join(name);
        back_up(&server.app.store, &file, &witnesses(&server.app)).await.unwrap();
        let archive = Store::open_file(&file).await.unwrap();
        run(&archive, sql.to_owned()).await;
        archive.close().await;
        let error =
            restore(&file, &target, &clock, &witnesses(&server.app)).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(!target.is_used().await.unwrap(), "{name} left something behind");
    }
    let rubbish = server.folder.path().join("rubbish");
    std::fs::write(&rubbish, [7u8; 5000]).unwrap();
    assert!(restore(&rubbish, &target, &clock, &witnesses(&server.app)).await.is_err());
    let nothing = server.folder.path().join("nothing");
    assert!(restore(&nothing, &target, &clock, &witnesses(&server.app)).await.is_err());
    assert!(!nothing.exists());
});

async fn write_entries_once(server: &TestServer, n: usize) {
    for i in 0..n {
        let mut tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap();
        tx.note(Entry::new("test.noted", "test", i).after(serde_json::json!({ "n": i })));
        tx.commit().await.unwrap();
    }
}

each_db!(what_only_reads_cannot_write, |server| {
    let url = server.app.config.database.clone();
    let store = Store::open_read_only(&url).await.unwrap();
    assert!(store.setting("installation").await.unwrap().is_some());
    assert!(store.setting_or("x", "y").await.is_err());
});

#[tokio::test]
async fn looking_at_a_missing_file_is_an_error_and_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing.db");
    let url = format!("sqlite://{}", file.display());
    assert!(Store::open_read_only(&url).await.is_err());
    assert!(Store::open_existing(&url).await.is_err());
    assert!(!file.exists());
}
