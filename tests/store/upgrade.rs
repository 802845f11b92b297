use server::store::{MIGRATIONS, Store, known_schema};
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use tests::{Database, fresh};

macro_rules! on {
    ($store:expr, $db:ident => $run:expr) => {
        match $store {
            Store::Sqlite { write: $db, .. } => $run,
            Store::Postgres($db) => $run,
        }
    };
}

async fn empty(database: Database) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&fresh(database, folder.path()).await).await.unwrap();
    (folder, store)
}

/// A row for each migration that can hold one by itself, written once it has been applied.
const ROWS: [(i64, &str, &str); 4] = [
    (
        1,
        "insert into setting (name, value) values ('kept', 'first')",
        "select value from setting where name = 'kept'",
    ),
    (
        2,
        "update audit_head set last_hash = 'kept' where id = 1",
        "select last_hash from audit_head",
    ),
    (
        3,
        "update registry_head set version = 7 where id = 1",
        "select cast(version as text) from registry_head",
    ),
    (
        10,
        "insert into request_count (token_id, minute, taken) \
         values ('01890a5d-ac96-774b-bcce-b302099a8057', 1, 300)",
        "select cast(taken as text) from request_count",
    ),
];

async fn step_by_step(database: Database) {
    let (_folder, store) = empty(database).await;
    let all: Vec<Migration> = MIGRATIONS.iter().cloned().collect();
    for n in 1..=all.len() {
        let newest = all[n - 1].version;
        let upto = Migrator::with_migrations(all[..n].to_vec());
        on!(&store, db => upto.run(db).await).unwrap();
        assert_eq!(store.schema().await.unwrap(), Some(newest));
        assert_eq!(store.is_ready().await, newest == known_schema(), "at {newest}");
        for (_, write, _) in ROWS.iter().filter(|(version, ..)| *version == newest) {
            on!(&store, db => sqlx::query(*write).execute(db).await.map(drop)).unwrap();
        }
    }
    store.migrate().await.unwrap();
    for ((_, _, read), expected) in ROWS.iter().zip(["first", "kept", "7", "300"]) {
        let value: String =
            on!(&store, db => sqlx::query_scalar(*read).fetch_one(db).await).unwrap();
        assert_eq!(value, expected, "{read}");
    }
    store.close().await;
}

#[tokio::test]
async fn every_schema_upgrades_to_the_next_and_keeps_its_rows_on_sqlite() {
    step_by_step(Database::Sqlite).await;
}

#[tokio::test]
async fn every_schema_upgrades_to_the_next_and_keeps_its_rows_on_postgres() {
    step_by_step(Database::Postgres).await;
}

async fn broken_off(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let url = fresh(database, folder.path()).await;
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let next = known_schema() + 1;
    let migrator = |sql: &'static str| {
        let mut all: Vec<Migration> = MIGRATIONS.iter().cloned().collect();
        all.push(Migration::new(
            next,
            "next".into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        ));
        Migrator::with_migrations(all)
    };
    let half = migrator("create table next_one (id bigint); insert into no_such_table values (1)");
    on!(&store, db => half.run(db).await).expect_err("it breaks off in the middle");
    assert_eq!(store.schema().await.unwrap(), Some(known_schema()), "nothing was applied");
    assert!(store.is_ready().await);
    // As a server does that could not migrate; its connection takes the migration's lock with it.
    store.close().await;
    let store = Store::open(&url).await.unwrap();
    let whole = migrator("create table next_one (id bigint); insert into next_one values (1)");
    on!(&store, db => whole.run(db).await).expect("it runs again from the beginning");
    assert_eq!(store.schema().await.unwrap(), Some(next));

    let error = store.migrate().await.expect_err("this binary does not know that schema");
    let message = error.to_string();
    assert!(message.contains("a newer evenhand has been here"), "{message}");
    assert!(message.contains(&format!("schema {next}")), "{message}");
    assert!(!store.is_ready().await);
    store.close().await;
}

#[tokio::test]
async fn a_migration_that_broke_off_leaves_nothing_and_a_newer_schema_is_refused_on_sqlite() {
    broken_off(Database::Sqlite).await;
}

#[tokio::test]
async fn a_migration_that_broke_off_leaves_nothing_and_a_newer_schema_is_refused_on_postgres() {
    broken_off(Database::Postgres).await;
}
