use crate::{Server, database, run, text};
use server::audit::{By, Entry};
use server::clock::Clock;
use server::store::Store;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// A connection on which a request has begun and not ended: the server is in the middle of it.
fn half_a_request(server: &Server) -> TcpStream {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
        .write_all(
            b"POST /login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
              sec-fetch-site: same-origin\r\ncontent-length: 32\r\n\
              content-type: application/x-www-form-urlencoded\r\n\r\nemail=",
        )
        .unwrap();
    // Long enough for the head to have been read.
    std::thread::sleep(Duration::from_millis(300));
    stream
}

/// That nothing was cut off an answer.
fn assert_whole(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => assert_eq!(length, body.len().to_string(), "{answer}"),
        None => assert!(body.ends_with("0\r\n\r\n"), "{answer}"),
    }
}

#[tokio::test]
async fn sigterm_lets_a_request_under_way_end_and_leaves_one_clean_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let mut stream = half_a_request(&server);
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(server.child.try_wait().unwrap().is_none(), "it waits for the request");
    let address = server.url.trim_start_matches("http://");
    assert!(TcpStream::connect(address).is_err(), "it takes no more connections");

    stream.write_all(b"a%40example.org&password=").ok();
    stream.write_all(b"x").ok();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer comes");
    assert_whole(&answer);

    assert_eq!(server.ended(Duration::from_secs(10)).code(), Some(0));
    assert!(folder.path().join("evenhand.db").is_file());
    for left in ["evenhand.db-wal", "evenhand.db-shm"] {
        assert!(!folder.path().join(left).exists(), "{left} is folded back");
    }
    let store = Store::open(&database(folder.path())).await.unwrap();
    let entries = store.audit_entries(0, 100).await.unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions.first(), Some(&"server.started"));
    assert_eq!(actions.last(), Some(&"server.stopped"));
    store.close().await;
    let verified = run(folder.path(), &["audit", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stderr));
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let _stream = half_a_request(&server);
    server.signal("INT");
    std::thread::sleep(Duration::from_millis(300));
    assert!(server.child.try_wait().unwrap().is_none(), "it waits for the request");
    server.signal("INT");
    assert_eq!(server.ended(Duration::from_secs(2)).code(), Some(130));
}

/// Writers in a process of their own, which is killed: this test's binary, run again.
#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_writer_is_killed() {
    if let Ok(url) = std::env::var("EVENHAND_TEST_WRITE_TO") {
        return write_until_killed(&url).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = database(folder.path());
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let mut acknowledged = 0u64;
    for round in 0..5u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stop::nothing_acknowledged_is_lost_when_the_writer_is_killed"])
            .args(["--nocapture", "--test-threads=1"])
            .env("EVENHAND_TEST_WRITE_TO", &url)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (mut line, mut written) = (String::new(), 0);
        while written < 5 {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "round {round}: the writer ended");
            written += u64::from(line == "written;\n");
        }
        // In the middle of another write, and another middle each time.
        std::thread::sleep(Duration::from_millis(3 + 7 * round));
        child.kill().unwrap();
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        child.wait().unwrap();
        // A line is an acknowledgement once it is whole.
        written += rest.matches("written;\n").count() as u64;
        acknowledged += written;

        let server = Server::start(folder.path());
        drop(server);
        let verified = run(folder.path(), &["audit", "verify", "--json"]);
        assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stderr));
        let report: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
        let entries = report["entries"].as_u64().unwrap();
        let starts = round + 1;
        assert!(
            entries >= acknowledged + starts,
            "round {round}: {entries} entries of {acknowledged} acknowledged and {starts} starts"
        );
        let store = Store::open(&url).await.unwrap();
        assert_eq!(store.damage().await.unwrap(), Vec::<String>::new());
        store.close().await;
    }
}

async fn write_until_killed(url: &str) {
    let store = Store::open(url).await.unwrap();
    println!();
    for n in 0u64.. {
        let mut tx = store.begin(&By::OPERATOR, &Clock::System).await.unwrap();
        tx.note(Entry::new("test.noted", "test", n).after(serde_json::json!({ "n": n })));
        tx.commit().await.unwrap();
        println!("written;");
        std::io::stdout().flush().unwrap();
    }
}
