use server::audit::verify::{Breach, Verifier};
use server::audit::{By, Entry};
use server::store::Store;
use tests::{TestServer, each_db};

async fn write(server: &TestServer, n: usize) {
    for i in 0..n {
        let mut tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap();
        tx.note(Entry::new("test.noted", "test", i).after(serde_json::json!({ "n": i })));
        tx.commit().await.unwrap();
    }
}

async fn verify(store: &Store) -> Result<u64, Breach> {
    let mut verifier = Verifier::new(vec![]);
    for entry in store.audit_entries(0, 1000).await.unwrap() {
        verifier.push(&entry)?;
    }
    let head = store.audit_head().await.unwrap();
    verifier.finish(Some((head.size, &head.edge, &head.last_hash))).map(|log| log.entries)
}

async fn tamper(store: &Store, sql: &'static str) {
    match store {
        Store::Sqlite { write, .. } => {
            sqlx::raw_sql(sql).execute(write).await.unwrap();
        }
        Store::Postgres(pool) => {
            sqlx::raw_sql(sql).execute(pool).await.unwrap();
        }
    }
}

each_db!(an_untouched_log_verifies, |server| {
    write(&server, 9).await;
    assert_eq!(verify(&server.app.store).await, Ok(9));
});

each_db!(a_transaction_without_an_entry_changes_nothing, |server| {
    let tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap();
    assert!(matches!(tx.commit().await, Err(server::Error::Unaudited)));
});

each_db!(an_edited_column_is_found_at_its_entry, |server| {
    write(&server, 6).await;
    for (sql, back) in [
        (
            "update audit_entry set at = at + 1 where position = 3",
            "update audit_entry set at = at - 1 where position = 3",
        ),
        (
            "update audit_entry set action = 'x' where position = 3",
            "update audit_entry set action = 'test.noted' where position = 3",
        ),
        (
            "update audit_entry set object_id = 'x' where position = 3",
            "update audit_entry set object_id = '3' where position = 3",
        ),
        (
            "update audit_entry set leaf = leaf || ' ' where position = 3",
            "update audit_entry set leaf = rtrim(leaf) where position = 3",
        ),
        (
            "update audit_detail set detail = '{\"before\":null,\"after\":{\"n\":7}}' where position = 3",
            "update audit_detail set detail = '{\"after\":{\"n\":3},\"before\":null}' where position = 3",
        ),
    ] {
        tamper(&server.app.store, sql).await;
        let breach = verify(&server.app.store).await.expect_err(sql);
        assert_eq!(breach.position, 3, "{sql}: {breach}");
        tamper(&server.app.store, back).await;
        assert_eq!(verify(&server.app.store).await, Ok(6), "{back}");
    }
});

each_db!(a_deleted_entry_is_found_at_its_place, |server| {
    write(&server, 6).await;
    tamper(
        &server.app.store,
        "delete from audit_detail where position = 2; delete from audit_entry where position = 2",
    )
    .await;
    assert_eq!(verify(&server.app.store).await.unwrap_err().position, 2);
});

each_db!(a_cut_tail_shows_against_the_head_and_against_a_checkpoint, |server| {
    write(&server, 5).await;
    let note = server.app.checkpoint().await.unwrap();
    tamper(
        &server.app.store,
        "delete from audit_detail where position = 4; delete from audit_entry where position = 4",
    )
    .await;
    assert_eq!(verify(&server.app.store).await.unwrap_err().position, 4);

    let checkpoint =
        server::audit::checkpoint::Checkpoint::open(&note, &server.app.key.public()).unwrap();
    let mut verifier = Verifier::new(vec![checkpoint]);
    for entry in server.app.store.audit_entries(0, 1000).await.unwrap() {
        verifier.push(&entry).unwrap();
    }
    assert_eq!(verifier.finish(None).unwrap_err().position, 4);
});
