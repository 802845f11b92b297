//! The real binary: how it starts, stops, and survives being killed.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "all of it is tests")]

mod cli;
mod stop;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// The binary, beside this test's own.
fn evenhand() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/test");
    let binary = profile.join("evenhand");
    assert!(
        binary.is_file(),
        "{} is not there: build it first (cargo build --package server)",
        binary.display()
    );
    binary
}

/// A server in a process of its own, on a SQLite file.
struct Server {
    child: Child,
    /// `http://HOST:PORT`
    url: String,
    /// Kept open: what the server prints later must have somewhere to go.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(evenhand())
            .args(["serve", "--listen", "127.0.0.1:0", "--database"])
            .arg(database(folder))
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        stdout.read_line(&mut line).expect("stdout can be read");
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("the first line is `{line}`"))
            .to_owned();
        Self { child, url, _stdout: stdout }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(sent.success(), "the server was still there to be sent {name}");
    }

    /// Waits for the end.
    fn ended(&mut self, within: Duration) -> ExitStatus {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status;
            }
            assert!(Instant::now() < until, "the server did not end within {within:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn database(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("evenhand.db").display())
}

/// Runs a command to its end.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(evenhand())
        .args(arguments)
        .current_dir(folder)
        .env_remove("EVENHAND_DATABASE_URL")
        .output()
        .expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
