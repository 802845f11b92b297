//! Reads uploads in a child process of the same binary, with limits on memory, processor time and
//! open files: a tiny file can ask for two gigabytes, and must not get them from the server.

mod archive;
mod packed;

use crate::error::{Error, Result};
use crate::state::App;
use app::number::counted;
use app::upload::{self, Format};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use metrics::evaluate::{self, About, NoRows};
use metrics::paired::Rows;
use metrics::{DatasetRef, Problem, RunDocument, Spec};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The sub-command that makes the binary a reader.
pub const SUBCOMMAND: &str = "read-upload";

/// Address space of a reader, in bytes.
const MEMORY: u64 = 3 << 29;
/// Processor time of a reader, in seconds.
const PROCESSOR: u64 = 300;
/// A reader that takes longer than this is ended.
const PATIENCE: Duration = Duration::from_mins(5);

/// What a reader is to read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    pub file: PathBuf,
    pub source: Source,
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub evaluated_at: Option<OffsetDateTime>,
    /// Name and version.
    pub dataset: Option<(String, String)>,
    /// Give back the rows of predictions too, with their ids hashed under this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_key: Option<String>,
}

/// Rows of a file with more are not kept: with that many, runs that are taken as independent show
/// small changes too.
pub const MOST_ROWS_KEPT: u64 = 500_000;

/// How a file is to be understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Results that were computed elsewhere; the format by content when none is given.
    Results { format: Option<Format> },
    /// Rows of predictions, rankings or judged responses.
    Predictions { spec: Box<Spec> },
}

/// What was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reading {
    pub document: RunDocument,
    pub format: String,
    pub receipt: Value,
    /// The pruned rows, in base64; see [`metrics::paired::Rows::to_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
}

impl Reading {
    /// The pruned rows as bytes.
    ///
    /// # Errors
    /// When a reader wrote something else.
    pub fn rows(&self) -> Result<Option<Vec<u8>>> {
        let bytes = self.rows.as_ref().map(|rows| STANDARD.decode(rows)).transpose();
        bytes.map_err(|error| Error::Internal(format!("a reader gave broken rows: {error}")))
    }
}

/// Reads a file here and now, in this process.
///
/// # Errors
/// Every problem of the file.
pub fn read(job: &Job) -> Result<Reading, Vec<Problem>> {
    let unreadable = |error: &dyn std::fmt::Display| {
        vec![Problem::new("unreadable", format!("the file cannot be read: {error}"))]
    };
    match &job.source {
        Source::Results { format } => {
            let mut bytes = std::fs::read(&job.file).map_err(|error| unreadable(&error))?;
            let mut format = *format;
            if matches!(format, None | Some(Format::Inspect))
                && let Some(log) = archive::log(&bytes)
            {
                bytes = log.map_err(|problem| vec![problem])?;
                format = Some(Format::Inspect);
            }
            let context = upload::Context {
                received_at: job.received_at,
                dataset: job.dataset.clone(),
                evaluated_at: job.evaluated_at,
                instrument: None,
            };
            let (document, receipt) = upload::read(&bytes, format, &context)?;
            Ok(Reading {
                document,
                format: receipt.format.to_string(),
                receipt: serde_json::to_value(receipt).map_err(|error| unreadable(&error))?,
                rows: None,
            })
        }
        Source::Predictions { spec } => {
            let Some((name, version)) = job.dataset.clone() else {
                return Err(vec![
                    Problem::new("no_dataset", "predictions do not say which dataset they are of")
                        .expected("a dataset as NAME@VERSION"),
                ]);
            };
            let about = About {
                dataset: DatasetRef { name, version, digest: None, rows: None },
                evaluated_at: job.evaluated_at.unwrap_or(job.received_at),
                level: evaluate::LEVEL,
            };
            let (evaluation, rows) = match &job.row_key {
                None => (evaluate::evaluate(&job.file, spec, about)?, None),
                Some(key) => {
                    let (key, most) = (key.as_bytes(), MOST_ROWS_KEPT);
                    let (mut evaluation, rows) =
                        evaluate::evaluate_with_rows(&job.file, spec, about, key, most)?;
                    evaluation.receipt.notes.extend(about_rows(&rows));
                    (evaluation, rows.ok())
                }
            };
            let rows = rows.map(|rows| rows.to_bytes()).transpose();
            Ok(Reading {
                document: evaluation.document,
                format: evaluation.receipt.format.clone(),
                receipt: serde_json::to_value(evaluation.receipt)
                    .map_err(|error| unreadable(&error))?,
                rows: rows.map_err(|error| unreadable(&error))?.map(|bytes| STANDARD.encode(bytes)),
            })
        }
    }
}

/// What a receipt says of the rows that are kept, or why none is.
fn about_rows(rows: &Result<Rows, NoRows>) -> Option<String> {
    match rows {
        Ok(rows) => {
            let kept = counted(rows.len(), "row is", "rows are");
            let left = match rows.unidentified() {
                0 => String::new(),
                n => format!("; {} no id of its own", counted(n, "row has", "rows have")),
            };
            Some(format!("{kept} kept for comparison row by row, ids as keyed hashes{left}"))
        }
        // Whoever names no id asks for nothing.
        Err(NoRows::NoId | NoRows::OtherTask) => None,
        Err(why) => Some(format!("no row is kept for comparison row by row: {why}")),
    }
}

/// Reads a file in a child process; waits for a free place first.
///
/// # Errors
/// [`Error::Input`] with every problem of the file, also when it asked for too much;
/// [`Error::Busy`] when the reader was told to stop.
pub async fn read_in_child(app: &App, job: &Job) -> Result<Reading> {
    let place = app.reading.acquire().await.map_err(|_| Error::Busy)?;
    let answer = ask(&app.config.reader, job, PATIENCE).await?;
    drop(place);
    let too_much = |what: &str| {
        Error::input(vec![
            Problem::new("too_demanding", format!("reading this file {what}"))
                .expected("a well-formed file, or a smaller one: split it or upload results"),
        ])
    };
    match answer {
        Answer::Read(reading) => Ok(*reading),
        Answer::Refused(problems) => Err(Error::input(problems)),
        Answer::Late => Err(too_much("took longer than five minutes")),
        Answer::Silent(status) if was_stopped(status) => Err(Error::Busy),
        Answer::Silent(status) if status.success() => {
            Err(Error::Internal("a reader ended well and gave no answer".to_owned()))
        }
        Answer::Silent(status) => {
            tracing::warn!(%status, "a reader ended without an answer");
            Err(too_much("needed more memory or processor time than one upload may have"))
        }
    }
}

/// What came of asking a reader.
#[derive(Debug)]
pub enum Answer {
    Read(Box<Reading>),
    Refused(Vec<Problem>),
    /// It ended so, with nothing said that could be read.
    Silent(ExitStatus),
    /// It took too long.
    Late,
}

/// Has a program read a file as its child.
///
/// # Errors
/// When it cannot be started or spoken to.
pub async fn ask(program: &Path, job: &Job, patience: Duration) -> Result<Answer> {
    let mut child = Command::new(program)
        .arg(SUBCOMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or_else(|| Error::Internal("no pipe".to_owned()))?;
    let words = serde_json::to_vec(job).map_err(|error| Error::Internal(error.to_string()))?;
    // Of one that ended before it had read this, its status says why.
    if let Err(error) = stdin.write_all(&words).await
        && error.kind() != ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    drop(stdin);
    let output = match tokio::time::timeout(patience, child.wait_with_output()).await {
        Err(_) => return Ok(Answer::Late),
        Ok(output) => output?,
    };
    // Of a large file that takes a while.
    let said = tokio::task::spawn_blocking(move || Said::read(&output.stdout)).await;
    Ok(match said.ok().flatten() {
        Some(Said::Read(reading)) => Answer::Read(reading),
        Some(Said::Refused(problems)) => Answer::Refused(problems),
        None => Answer::Silent(output.status),
    })
}

/// Whether somebody told a reader to stop, as a terminal and a service manager do with all processes
/// of a server at once. The file is not to blame; what asks for too much ends by other signals.
fn was_stopped(status: ExitStatus) -> bool {
    let told = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];
    status.signal().is_some_and(|signal| told.iter().any(|it| it.as_raw() == signal))
}

/// A line of JSON. The estimates of what was read follow it, as [`packed`] writes them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Read(Box<Reading>),
    Refused(Vec<Problem>),
}

impl Said {
    fn write(mut self, mut out: impl Write) -> std::io::Result<()> {
        let estimates = match &mut self {
            Self::Read(reading) => {
                let estimates = std::mem::take(&mut reading.document.estimates);
                let packed = packed::pack(&estimates).map_err(std::io::Error::other)?;
                // The process ends soon, and all of its memory with it.
                std::mem::forget(estimates);
                packed
            }
            Self::Refused(_) => vec![],
        };
        out.write_all(&serde_json::to_vec(&self)?)?;
        out.write_all(b"\n")?;
        out.write_all(&estimates)?;
        out.flush()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (line, estimates) = bytes.split_at(end);
        let mut said: Self = serde_json::from_slice(line).ok()?;
        if let Self::Read(reading) = &mut said {
            reading.document.estimates = packed::unpack(&estimates[1..]).ok()?;
        }
        Some(said)
    }
}

/// The child: limits itself, takes a job from standard input, answers on standard output.
pub fn child() -> std::io::Result<()> {
    for (resource, limit) in [
        (Resource::As, MEMORY),
        (Resource::Cpu, PROCESSOR),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ] {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    let mut words = Vec::new();
    std::io::stdin().read_to_end(&mut words)?;
    let job: Job = serde_json::from_slice(&words)?;
    let said = match read(&job) {
        Ok(reading) => Said::Read(Box::new(reading)),
        Err(problems) => Said::Refused(problems),
    };
    said.write(std::io::stdout())
}

/// The binary that this process runs.
pub fn own_binary() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| Path::new("evenhand").to_owned())
}
