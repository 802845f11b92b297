use server::App;
use server::audit::check::{self, Report, Witnesses};
use server::audit::checkpoint::Checkpoint;
use server::audit::merkle::{Edge, leaf_hash};
use server::audit::verify::{Breach, StoredEntry};
use server::audit::{By, Entry, hex};
use server::store::Store;
use sqlx::AssertSqlSafe;
use tests::{TestServer, each_db};

/// Entries with a detail, except the first, which has none.
async fn write(server: &TestServer, n: usize) {
    for i in 0..n {
        let mut tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap();
        let entry = Entry::new("test.noted", "test", i);
        tx.note(if i == 0 { entry } else { entry.after(serde_json::json!({ "n": i })) });
        tx.commit().await.unwrap();
    }
}

async fn report(app: &App, kept: &[Checkpoint]) -> Report {
    let witnesses = Witnesses { key: Some(app.key.public()), kept: kept.to_vec() };
    check::database(&mut app.store.snapshot().await.unwrap(), &witnesses).await.unwrap()
}

async fn breach(app: &App) -> Breach {
    report(app, &[]).await.breach.expect("something is wrong")
}

async fn tamper(store: &Store, sql: impl Into<String>) {
    let sql = AssertSqlSafe(sql.into());
    match store {
        Store::Sqlite { write, .. } => {
            sqlx::raw_sql(sql).execute(write).await.unwrap();
        }
        Store::Postgres(pool) => {
            sqlx::raw_sql(sql).execute(pool).await.unwrap();
        }
    }
}

/// What somebody with the database can do, but not the key: rewrites the log from these entries,
/// with positions, hashes, chain and head that fit each other.
async fn rewrite(store: &Store, entries: Vec<StoredEntry>) {
    let (mut edge, mut last) = (Edge::default(), String::new());
    let mut sql = "delete from audit_detail; delete from audit_entry;".to_owned();
    for (position, entry) in entries.iter().enumerate() {
        let mut leaf: serde_json::Value = serde_json::from_str(&entry.leaf).unwrap();
        leaf["position"] = position.to_string().into();
        leaf["prev"] = last.into();
        leaf["action"] = entry.action.clone().into();
        let leaf = leaf.to_string();
        let hash = leaf_hash(leaf.as_bytes());
        edge.push(hash);
        last = hex(&hash);
        let at = server::clock::micros(tests::START);
        sql += &format!(
            "insert into audit_entry (position, at, actor_id, action, object_kind, object_id, leaf, \
             leaf_hash) values ({position}, {at}, null, '{}', '{}', '{}', '{leaf}', '{last}');",
            entry.action, entry.object_kind, entry.object_id
        );
        if let Some((salt, detail)) = &entry.detail {
            sql += &format!("insert into audit_detail values ({position}, '{salt}', '{detail}');");
        }
    }
    sql += &format!(
        "update audit_head set size = {}, edge = '{}', last_hash = '{last}';",
        edge.size(),
        edge.to_text()
    );
    tamper(store, sql).await;
}

async fn entries(app: &App) -> Vec<StoredEntry> {
    app.store.audit_entries(0, 1000).await.unwrap()
}

each_db!(an_untouched_log_verifies_and_says_how_much_is_signed, |server| {
    write(&server, 6).await;
    server.app.checkpoint().await.unwrap();
    write(&server, 3).await;
    let report = report(&server.app, &[]).await;
    let log = report.verified.expect("nothing is wrong");
    assert_eq!((log.entries, log.checkpointed, log.erased, report.checkpoints), (9, 6, 0, 1));
});

each_db!(an_empty_log_verifies, |server| {
    assert!(report(&server.app, &[]).await.ok);
});

each_db!(a_transaction_without_an_entry_changes_nothing, |server| {
    let tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap();
    assert!(matches!(tx.commit().await, Err(server::Error::Unaudited)));
});

each_db!(a_change_in_any_column_of_any_row_is_found_at_its_entry, |server| {
    write(&server, 5).await;
    let flips = [
        ("audit_entry", "at = at + 1"),
        ("audit_entry", "actor_id = '018f0000-0000-7000-8000-000000000000'"),
        ("audit_entry", "action = action || 'x'"),
        ("audit_entry", "object_kind = object_kind || 'x'"),
        ("audit_entry", "object_id = object_id || 'x'"),
        ("audit_entry", "leaf = leaf || ' '"),
        ("audit_entry", "leaf_hash = substr(leaf_hash, 2) || '0'"),
        ("audit_detail", "salt = salt || '0'"),
        ("audit_detail", "detail = detail || ' '"),
        ("audit_detail", "detail = '{}'"),
    ];
    let whole = entries(&server.app).await;
    let sqlite = matches!(server.app.store, Store::Sqlite { .. });
    for position in 0..5 {
        for (table, flip) in flips {
            // Only the later entries have a detail.
            if table == "audit_detail" && position == 0 {
                continue;
            }
            let flip = if sqlite {
                flip.replace("'018f", "x'018f").replace('-', "")
            } else {
                flip.to_owned()
            };
            tamper(
                &server.app.store,
                format!("update {table} set {flip} where position = {position}"),
            )
            .await;
            let breach = breach(&server.app).await;
            assert_eq!(breach.position, position, "{flip} at {position}: {breach}");
            rewrite_as_it_was(&server.app.store, &whole).await;
            assert!(report(&server.app, &[]).await.ok, "{flip} at {position} was taken back");
        }
    }
    tamper(&server.app.store, "insert into audit_detail values (0, 'aa', '{}')").await;
    assert_eq!(breach(&server.app).await.position, 0, "a detail where there was none");
});

/// Rewriting with what was there gives the same bytes.
async fn rewrite_as_it_was(store: &Store, whole: &[StoredEntry]) {
    rewrite(store, whole.to_vec()).await;
}

each_db!(
    an_edited_entry_with_its_own_hash_repaired_is_found_by_its_successor_or_the_head,
    |server| {
        write(&server, 5).await;
        let whole = entries(&server.app).await;
        for position in 0..5u64 {
            let entry = &whole[usize::try_from(position).unwrap()];
            let leaf = entry.leaf.replace("test.noted", "test.nothing");
            let hash = hex(&leaf_hash(leaf.as_bytes()));
            tamper(
                &server.app.store,
                format!(
                    "update audit_entry set leaf = '{leaf}', action = 'test.nothing', \
                 leaf_hash = '{hash}' where position = {position}"
                ),
            )
            .await;
            let breach = breach(&server.app).await;
            assert_eq!(breach.position, position, "{breach}");
            rewrite_as_it_was(&server.app.store, &whole).await;
        }
    }
);

each_db!(a_deleted_entry_is_found_at_its_place_first_middle_and_last, |server| {
    write(&server, 5).await;
    let whole = entries(&server.app).await;
    for position in [0, 2, 4] {
        tamper(
            &server.app.store,
            format!(
                "delete from audit_detail where position = {position}; \
                 delete from audit_entry where position = {position}"
            ),
        )
        .await;
        let breach = breach(&server.app).await;
        assert_eq!(breach.position, position, "{breach}");
        rewrite_as_it_was(&server.app.store, &whole).await;
    }
    // And when the later ones were moved up to close the gap.
    tamper(
        &server.app.store,
        "delete from audit_detail; delete from audit_entry where position = 2; \
         update audit_entry set position = 2 where position = 3; \
         update audit_entry set position = 3 where position = 4; \
         update audit_head set size = 4",
    )
    .await;
    assert_eq!(breach(&server.app).await.position, 2);
});

each_db!(an_inserted_entry_is_found_at_its_place, |server| {
    write(&server, 5).await;
    let whole = entries(&server.app).await;
    // A false entry 2 with a good hash and a good link back; the true ones move down.
    let false_leaf = whole[2].leaf.replace("test.noted", "test.forged");
    let hash = hex(&leaf_hash(false_leaf.as_bytes()));
    let at = server::clock::micros(tests::START);
    tamper(
        &server.app.store,
        format!(
            "delete from audit_detail; \
             update audit_entry set position = 5 where position = 4; \
             update audit_entry set position = 4 where position = 3; \
             update audit_entry set position = 3 where position = 2; \
             insert into audit_entry (position, at, action, object_kind, object_id, leaf, \
             leaf_hash) values (2, {at}, 'test.forged', 'test', '2', '{false_leaf}', '{hash}'); \
             update audit_head set size = 6"
        ),
    )
    .await;
    assert_eq!(breach(&server.app).await.position, 2);

    rewrite_as_it_was(&server.app.store, &whole).await;
    tamper(
        &server.app.store,
        format!(
            "insert into audit_entry (position, at, action, object_kind, object_id, leaf, \
             leaf_hash) values (-1, {at}, 'test.forged', 'test', '2', '{false_leaf}', '{hash}')"
        ),
    )
    .await;
    assert_eq!(breach(&server.app).await.position, 0, "before the first");
});

each_db!(an_entry_added_at_the_end_is_found_by_the_head, |server| {
    write(&server, 3).await;
    let whole = entries(&server.app).await;
    let head = server.app.store.audit_head().await.unwrap();
    write(&server, 1).await;
    tamper(
        &server.app.store,
        format!(
            "update audit_head set size = {}, edge = '{}', last_hash = '{}'",
            head.size, head.edge, head.last_hash
        ),
    )
    .await;
    assert_eq!(whole.len(), 3);
    assert_eq!(breach(&server.app).await.position, 3);
});

each_db!(two_entries_that_changed_places_are_found_at_the_first, |server| {
    write(&server, 5).await;
    tamper(
        &server.app.store,
        "delete from audit_detail; \
         update audit_entry set position = 100 where position = 1; \
         update audit_entry set position = 1 where position = 3; \
         update audit_entry set position = 3 where position = 100",
    )
    .await;
    let breach = breach(&server.app).await;
    assert_eq!(breach.position, 1, "{breach}");
});

each_db!(a_deleted_or_damaged_head_is_found, |server| {
    write(&server, 3).await;
    tamper(&server.app.store, "update audit_head set edge = ''").await;
    assert_eq!(breach(&server.app).await.position, 0);
    tamper(&server.app.store, "update audit_head set size = -1").await;
    assert!(!report(&server.app, &[]).await.ok);
    tamper(&server.app.store, "delete from audit_head").await;
    assert!(!report(&server.app, &[]).await.ok);
});

each_db!(
    a_cut_tail_with_a_repaired_head_shows_only_against_a_checkpoint_kept_elsewhere,
    |server| {
        write(&server, 5).await;
        let note = server.app.checkpoint().await.unwrap();
        let kept = Checkpoint::open(&note, &server.app.key.public()).unwrap();
        let mut whole = entries(&server.app).await;
        whole.truncate(3);
        rewrite(&server.app.store, whole).await;
        assert_eq!(breach(&server.app).await.position, 3, "the stored checkpoint tells");
        tamper(&server.app.store, "delete from audit_checkpoint").await;
        assert!(report(&server.app, &[]).await.ok, "nothing inside the database tells");
        let told = report(&server.app, &[kept]).await.breach.expect("the kept checkpoint tells");
        assert_eq!(told.position, 3, "{told}");
    }
);

each_db!(a_log_written_anew_shows_against_checkpoints_which_say_between_which, |server| {
    write(&server, 2).await;
    let mut kept = vec![];
    for _ in 0..2 {
        let note = server.app.checkpoint().await.unwrap();
        kept.push(Checkpoint::open(&note, &server.app.key.public()).unwrap());
        write(&server, 3).await;
    }
    let mut whole = entries(&server.app).await;
    "test.nothing".clone_into(&mut whole[3].action);
    rewrite(&server.app.store, whole).await;
    let told = breach(&server.app).await;
    assert_eq!((told.position, told.below), (2, Some(5)), "{told}");
    tamper(&server.app.store, "delete from audit_checkpoint").await;
    assert!(report(&server.app, &[]).await.ok, "nothing inside the database tells");
    let told = report(&server.app, &kept).await.breach.expect("the kept checkpoints tell");
    assert_eq!((told.position, told.below), (2, Some(5)), "{told}");
});

each_db!(an_altered_stored_checkpoint_is_found_and_one_by_another_key_is_only_counted, |server| {
    write(&server, 3).await;
    server.app.checkpoint().await.unwrap();
    let other = server::audit::checkpoint::AuditKey::open_or_create(
        &server.folder.path().join("another-key"),
    )
    .unwrap();
    let witnesses = Witnesses { key: Some(other.public()), kept: vec![] };
    let mut snapshot = server.app.store.snapshot().await.unwrap();
    let report = check::database(&mut snapshot, &witnesses).await.unwrap();
    assert_eq!((report.ok, report.checkpoints, report.checkpoints_unused), (true, 0, 1));
    drop(snapshot);
    tamper(&server.app.store, "update audit_checkpoint set note = replace(note, '\n3\n', '\n2\n')")
        .await;
    let told = breach(&server.app).await;
    assert!(told.what.contains("altered"), "{told}");
});

each_db!(an_erased_detail_is_counted_and_breaks_nothing, |server| {
    write(&server, 4).await;
    tamper(&server.app.store, "delete from audit_detail where position = 2").await;
    assert_eq!(report(&server.app, &[]).await.verified.unwrap().erased, 1);
});

each_db!(an_exported_log_verifies_by_itself_and_against_a_kept_checkpoint, |server| {
    write(&server, 5).await;
    let note = server.app.checkpoint().await.unwrap();
    let kept = vec![Checkpoint::open(&note, &server.app.key.public()).unwrap()];
    let lines: Vec<String> = entries(&server.app)
        .await
        .iter()
        .map(|entry| serde_json::to_string(entry).unwrap() + "\n")
        .collect();
    let alone = Witnesses::default();
    let witnesses = Witnesses { key: None, kept };
    let whole = lines.concat();
    let report = check::export(whole.as_bytes(), &witnesses).unwrap();
    assert_eq!(report.verified.expect("nothing is wrong").checkpointed, 5);

    let cut = lines[..3].concat();
    assert!(check::export(cut.as_bytes(), &alone).unwrap().ok);
    assert_eq!(check::export(cut.as_bytes(), &witnesses).unwrap().breach.unwrap().position, 3);

    let edited = whole.replacen("test.noted", "test.nothing", 1);
    assert_eq!(check::export(edited.as_bytes(), &alone).unwrap().breach.unwrap().position, 0);
    assert!(check::export(&b"not an entry\n"[..], &alone).is_err());
});
