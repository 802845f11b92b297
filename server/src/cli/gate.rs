//! `evenhand gate`: whether a version may launch, for a build script to stop on.

mod markdown;

use super::client::{Server, read};
use super::output::{Align, COULD_NOT_ASK, REFUSED, Table, clean, print};
use super::sending::check_name;
use super::settling::{Waited, all_settled};
use super::{Failure, block_on};
use app::domain::policy::Mode;
use app::domain::verdict::Verdict;
use app::number::{count, counted};
use clap::Args;
use metrics::Slice;
use serde::Deserialize;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

/// Exit code: neither yes nor no.
const NOT_ENOUGH_EVIDENCE: u8 = 2;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  evenhand gate --model income --model-version 4.0
  evenhand gate --model income --model-version 4.0 --summary \"$GITHUB_STEP_SUMMARY\"

The answer is that of the newest policy on the evidence of now, the same as on the version's page.
Numbers of groups with few rows are shown as far as the token's person may see them: where the
summary is read by others, use a token of somebody who may not.

Exit code: 0 pass, 1 fail, 2 not enough evidence, 3 could not ask.")]
pub struct Gate {
    /// Name of the model, as in its address
    #[arg(long)]
    model: String,
    /// Version of the model
    #[arg(long, value_name = "VERSION")]
    model_version: String,
    /// Wait until the server has read all uploads to this version; people are never waited for
    #[arg(long)]
    wait: bool,
    /// Append a summary in Markdown, for a comment or a job's summary
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// What the server says of a version; fields that it may add later are ignored.
#[derive(Debug, Deserialize)]
struct Readiness {
    verdict: Verdict,
    sentence: String,
    valid_until: Option<String>,
    #[serde(default)]
    runs: Vec<String>,
    #[serde(default)]
    runs_looked_at: u64,
    policy: Option<Policy>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Policy {
    policy: String,
    version: i64,
}

#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(rename = "rule")]
    id: String,
    name: String,
    requirement: String,
    mode: Mode,
    bound: Bound,
    applies: bool,
    verdict: Verdict,
    waived: bool,
    reason: String,
    /// The worst first.
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Bound {
    words: String,
}

#[derive(Debug, Deserialize)]
struct Part {
    slice: Slice,
    measured: Option<String>,
    n: Option<u64>,
    rows_needed: Option<Rows>,
    would_decide: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Rows {
    rows: u64,
}

pub fn run(command: Gate) -> Result<(), Failure> {
    // Whatever goes wrong on the way: 1 and 2 are answers here.
    let verdict = command.ask().map_err(|failure| Failure { code: COULD_NOT_ASK, ..failure })?;
    let code = match verdict {
        Verdict::Pass => return Ok(()),
        Verdict::Fail => REFUSED,
        Verdict::NotEnoughEvidence => NOT_ENOUGH_EVIDENCE,
    };
    let (model, version) = (clean(&command.model), clean(&command.model_version));
    Err(Failure { message: format!("{model} {version} may not launch: {verdict}"), code })
}

impl Gate {
    fn ask(&self) -> Result<Verdict, Failure> {
        check_name("--model", &self.model)?;
        check_name("--model-version", &self.model_version)?;
        let client = self.server.connect()?;
        let (model, version) = (self.model.trim(), self.model_version.trim());
        let waiting = || block_on(all_settled(&client, model, version));
        let waited = self.wait.then(waiting).transpose()?.transpose()?;
        let url = client.url(["api", "v1", "models", model, "versions", version, "readiness"]);
        let answer = block_on(client.get(&url))??;
        let readiness: Readiness = match read(&client, &answer)? {
            Ok(readiness) => readiness,
            Err(no) => {
                if self.json {
                    print(&format!("{}\n", answer.body.trim_end()))?;
                }
                let advice = match answer.status.as_u16() {
                    404 => "\nCheck --model and --model-version.",
                    _ => "",
                };
                return Err(Failure {
                    message: format!("{}{advice}", no.said),
                    code: COULD_NOT_ASK,
                });
            }
        };
        let page = client.url(["models", model, "versions", version]);
        if self.json {
            print(&format!("{}\n", answer.body.trim_end()))?;
        } else {
            print(&self.text(page.as_str(), &readiness, waited)?)?;
        }
        if let Some(file) = &self.summary {
            let text = markdown::summary(model, version, page.as_str(), &readiness);
            append(file, &text)
                .map_err(|error| format!("{}: {error}", clean(&file.to_string_lossy())))?;
        }
        Ok(readiness.verdict)
    }

    fn text(
        &self,
        page: &str,
        readiness: &Readiness,
        waited: Option<Waited>,
    ) -> Result<String, std::fmt::Error> {
        let mut facts = Table::new([Align::Left, Align::Left]);
        if let Some(policy) = &readiness.policy {
            facts.row(["  policy".to_owned(), format!("{}@{}", policy.policy, policy.version)]);
        }
        let runs = counted(readiness.runs_looked_at, "run", "runs");
        let taken = count(readiness.runs.len() as u64);
        facts.row(["  evidence".to_owned(), format!("{taken} taken of {runs}")]);
        if let Some(until) = &readiness.valid_until {
            facts.row(["  holds until", until]);
        }
        facts.row(["  page", page]);
        if let Some(waited) = waited {
            let uploads = counted(waited.uploads as u64, "upload", "uploads");
            facts.row(["  waited for".to_owned(), uploads]);
            for page in waited.without_run {
                facts.row(["  became no run".to_owned(), page]);
            }
        }
        let mut rules = Table::new([Align::Left, Align::Left, Align::Right, Align::Left]);
        if !readiness.rules.is_empty() {
            rules.row(["verdict", "rule", "rows needed", "asks, and what the evidence says"]);
        }
        for rule in &readiness.rules {
            let needed = rule.parts.first().and_then(|part| part.rows_needed.as_ref());
            let needed = needed.map(|needed| count(needed.rows)).unwrap_or_default();
            let said = rule.said();
            rules.row([said.as_str(), &rule.id, &needed, &rule.requirement]);
            rules.row(["", "", "", &rule.reason]);
        }
        let (model, version) = (clean(&self.model), clean(&self.model_version));
        let mut text = String::new();
        writeln!(text, "{model} {version}: {}", readiness.verdict)?;
        writeln!(text, "{}", clean(&readiness.sentence))?;
        write!(text, "{facts}")?;
        if !readiness.rules.is_empty() {
            write!(text, "\n{rules}")?;
        }
        Ok(text)
    }
}

impl Rule {
    /// Its verdict, and whether that holds anything back.
    fn said(&self) -> String {
        match (self.applies, self.waived, self.mode) {
            (false, ..) => "does not apply".to_owned(),
            (true, true, _) => format!("{}, waived", self.verdict),
            (true, false, Mode::Block) => self.verdict.to_string(),
            (true, false, Mode::Warn) => format!("{} (warns only)", self.verdict),
            (true, false, Mode::Shadow) => format!("{} (shadow)", self.verdict),
        }
    }
}

/// Puts a text at the end of a file, which may be there already.
fn append(file: &PathBuf, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    let before = if file.metadata()?.len() > 0 { "\n" } else { "" };
    file.write_all(format!("{before}{text}").as_bytes())
}
