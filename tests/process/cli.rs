use crate::{Server, database, run, text};
use std::path::Path;
use std::time::Duration;
use tests::{Database, fresh};

/// A folder with a database that a server has started and stopped on.
fn used() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    server.signal("TERM");
    assert!(server.ended(Duration::from_secs(10)).success());
    folder
}

fn code(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = run(folder, arguments);
    (output.status.code().expect("it was not killed"), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn audit_verify_says_good_broken_or_could_not_look_by_its_exit_code() {
    let folder = used();
    let before = std::fs::read(folder.path().join("evenhand.db")).unwrap();
    let (status, out, err) = code(folder.path(), &["audit", "verify"]);
    assert_eq!(status, 0, "{out}{err}");
    assert!(
        out.contains("good: ") && out.contains("signed: 2 checkpoints agree with the log"),
        "{out}"
    );
    assert_eq!(
        std::fs::read(folder.path().join("evenhand.db")).unwrap(),
        before,
        "looking changes nothing"
    );

    let store = server::store::Store::open(&database(folder.path())).await.unwrap();
    let server::store::Store::Sqlite { write, .. } = &store else { panic!("SQLite") };
    sqlx::query("update audit_entry set action = 'x' where position = 1")
        .execute(write)
        .await
        .unwrap();
    store.close().await;
    let (status, out, err) = code(folder.path(), &["audit", "verify"]);
    assert_eq!(status, 1, "{out}{err}");
    assert!(out.contains("entry 1 was edited"), "{out}");
    let (status, ..) = code(folder.path(), &["admin", "doctor"]);
    assert_eq!(status, 1);

    let (status, _, err) =
        code(folder.path(), &["audit", "verify", "--database", "sqlite://missing.db"]);
    assert_eq!(status, 3, "{err}");
    assert!(err.contains("missing.db"), "{err}");
    assert!(!folder.path().join("missing.db").exists());
    assert!(!folder.path().join("missing.audit-key").exists());
    let (status, _, err) = code(folder.path(), &["audit", "verify", "--key", "nonsense"]);
    assert_eq!(status, 3, "{err}");
    std::fs::write(folder.path().join("rubbish"), "not a checkpoint").unwrap();
    let (status, _, err) = code(folder.path(), &["audit", "verify", "--checkpoint", "rubbish"]);
    assert_eq!(status, 3, "{err}");
}

/// How many audit entries verify.
fn entries(folder: &Path, database: &str) -> u64 {
    let (status, out, err) = code(folder, &["audit", "verify", "--database", database, "--json"]);
    assert_eq!(status, 0, "{out}{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    report["entries"].as_u64().expect("a number of entries")
}

#[test]
fn a_backup_restores_elsewhere_and_says_where_the_key_belongs() {
    let folder = used();
    let entries = entries(folder.path(), "sqlite://evenhand.db");
    let (status, out, err) = code(folder.path(), &["admin", "backup", "copy.db"]);
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("evenhand.audit-key") && out.contains("sessions"), "{out}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("copy.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "a backup is its owner's");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let restore = ["admin", "restore", copy.to_str().unwrap(), "--database", "sqlite://new.db"];
    let (status, out, err) = code(elsewhere.path(), &restore);
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("new.audit-key"), "{out}");
    let (status, _, err) = code(elsewhere.path(), &restore);
    assert_eq!(status, 1, "{err}");
    assert!(err.contains("in use"), "{err}");
    // And the entry that says it was restored.
    assert_eq!(self::entries(elsewhere.path(), "sqlite://new.db"), entries + 1);
}

#[test]
fn the_doctor_finds_nothing_wrong_with_a_fresh_installation() {
    let folder = used();
    let (status, out, err) = code(folder.path(), &["admin", "doctor", "--json"]);
    assert_eq!(status, 0, "{out}{err}");
    let findings: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    for what in [
        "database",
        "schema",
        "soundness",
        "audit log",
        "uploads",
        "decisions",
        "clock",
        "audit key",
        "disk",
        "upload reader",
    ] {
        assert!(findings.iter().any(|finding| finding["what"] == what), "{what} in {out}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = folder.path().join("evenhand.audit-key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (status, out, _) = code(folder.path(), &["admin", "doctor"]);
        assert_eq!(status, 1, "{out}");
        assert!(out.contains("FAIL  audit key"), "{out}");
    }
}

#[tokio::test]
async fn the_doctor_looks_at_postgres_too() {
    let folder = tempfile::tempdir().unwrap();
    let url = fresh(Database::Postgres, folder.path()).await;
    let (status, out, _) = code(folder.path(), &["admin", "doctor", "--database", &url]);
    assert_eq!(status, 1, "it was never started: {out}");
    assert!(out.contains("FAIL  schema"), "{out}");
    let store = server::store::Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let (status, out, err) = code(folder.path(), &["admin", "doctor", "--database", &url]);
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("PostgreSQL"), "{out}");
}

#[tokio::test]
async fn serving_a_database_of_a_newer_evenhand_is_refused_in_words() {
    let folder = used();
    let store = server::store::Store::open(&database(folder.path())).await.unwrap();
    let server::store::Store::Sqlite { write, .. } = &store else { panic!("SQLite") };
    sqlx::query("update _sqlx_migrations set version = 9999 where version = 1")
        .execute(write)
        .await
        .unwrap();
    store.close().await;
    let (status, _, err) = code(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(status, 1, "{err}");
    assert!(err.contains("schema 9999") && err.contains("newer evenhand"), "{err}");
}
