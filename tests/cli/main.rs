//! The commands that a person or a build script runs, as processes: what they print, where, and
//! how they end.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing should panic there")]

mod evaluate;
mod explore;
mod gate;
mod real;
mod sql;
mod stub;
mod upload;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a command left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the binary with nothing of this process' environment but `env`.
pub fn evenhand(env: &[(&str, &str)], args: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_evenhand"))
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .expect("the binary starts");
    Ended::from(output)
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("commands write UTF-8");
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Ended {
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn assert_out(&self, text: &str) -> &Self {
        assert!(self.out.contains(text), "`{text}` is not in {self:#?}");
        self
    }

    #[track_caller]
    pub fn assert_err(&self, text: &str) -> &Self {
        assert!(self.err.contains(text), "`{text}` is not in {self:#?}");
        self
    }
}

/// A file of real data.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name);
    text(&path.canonicalize().unwrap_or_else(|error| panic!("{name}: {error}")))
}

pub fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// A file with this content, in a folder that must outlive its use.
pub fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, content).expect("the file is written");
    text(&path)
}

#[test]
fn completions_know_the_commands_and_their_flags() {
    let ended = evenhand(&[], &["completions", "bash"]);
    ended.assert_code(0).assert_out("evaluate").assert_out("--model-version");
    assert!(!ended.out.contains("read-upload"), "what the help hides is completed");
    evenhand(&[], &["--help"]).assert_code(0).assert_out("completions");
    evenhand(&[], &["completions", "--help"]).assert_code(0).assert_out("bash-completion");
}

#[test]
fn bash_completes_a_command_a_flag_and_a_word_of_a_few() {
    let script = evenhand(&[], &["completions", "bash"]).out;
    for (words, wanted) in [
        ("evenhand up", "upload"),
        ("evenhand upload --model-v", "--model-version"),
        ("evenhand upload results.json --format fair", "fairlearn"),
        ("evenhand gate --summ", "--summary"),
        ("evenhand evaluate rows.csv --interval jef", "jeffreys"),
        ("evenhand evaluate rows.csv --bootstrap-form b", "bca"),
        ("evenhand metrics sql --dialect duck", "duckdb"),
        ("evenhand admin to", "token"),
    ] {
        let list: Vec<&str> = words.split(' ').collect();
        let [.., before, last] = list.as_slice() else { panic!("{words}") };
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={}\n_evenhand evenhand {last} {before}\n\
             echo \"${{COMPREPLY[@]}}\"",
            list.len() - 1
        );
        let bash = Command::new("bash").args(["--norc", "-c", &ask]).output().expect("bash starts");
        assert_eq!(String::from_utf8_lossy(&bash.stdout).trim(), wanted, "{words}: {bash:?}");
    }
}
