//! `evenhand admin doctor`: one line per thing that should be in order.

use super::database::Database;
use super::{Failure, block_on};
use crate::actions::replay::replay_all;
use crate::audit::check;
use crate::audit::checkpoint::AuditKey;
use crate::clock::{Clock, from_micros, micros};
use crate::config::uploads_beside;
use crate::error::Result;
use crate::reader::{self, Answer, Job, Source};
use crate::store::snapshot::sqlite_file;
use crate::store::{LEAST_SQLITE, Store, known_schema, parse_version};
use app::number::counted;
use app::upload::Format;
use clap::Args;
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use time::Duration;

/// The oldest PostgreSQL that is tested and still gets fixes.
const LEAST_POSTGRES: u32 = 14;
/// Below this the next large upload may not fit.
const LEAST_FREE: u64 = 1 << 30;

#[derive(Args, Clone, Debug)]
pub struct Doctor {
    #[command(flatten)]
    pub database: Database,
    /// The result as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub what: &'static str,
    pub standing: Standing,
    pub detail: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: &'static str, standing: Standing, detail: impl Into<String>) {
        self.0.push(Finding { what, standing, detail: detail.into() });
    }

    /// `detail` when it holds, else `otherwise`.
    fn hold(
        &mut self,
        what: &'static str,
        holds: bool,
        otherwise: Standing,
        detail: impl Into<String>,
    ) {
        self.add(what, if holds { Standing::Ok } else { otherwise }, detail);
    }
}

pub fn run(command: Doctor) -> Result<(), Failure> {
    let findings = block_on(examine(&command.database, &Clock::System))?;
    let mut out = std::io::stdout().lock();
    if command.json {
        serde_json::to_writer_pretty(&mut out, &findings)?;
        writeln!(out)?;
    } else {
        for Finding { what, standing, detail } in &findings {
            let standing = match standing {
                Standing::Ok => "ok  ",
                Standing::Warn => "warn",
                Standing::Fail => "FAIL",
            };
            writeln!(out, "{standing}  {what}: {detail}")?;
        }
    }
    out.flush()?;
    let failed = findings.iter().filter(|finding| finding.standing == Standing::Fail).count();
    match failed {
        0 => Ok(()),
        1 => Err(Failure { message: "one thing is not in order".to_owned(), code: 1 }),
        n => Err(Failure { message: format!("{n} things are not in order"), code: 1 }),
    }
}

/// Looks at everything; changes nothing.
pub async fn examine(database: &Database, clock: &Clock) -> Vec<Finding> {
    let mut findings = Findings::default();
    match Store::open_read_only(&database.url()).await {
        Ok(store) => {
            if let Err(error) = look_inside(&mut findings, &store, database, clock).await {
                findings.add("database", Standing::Fail, error.to_string());
            }
            store.close().await;
        }
        Err(error) => findings.add("database", Standing::Fail, error.to_string()),
    }
    look_at_key(&mut findings, &database.key_file());
    look_at_disk(&mut findings, database);
    look_at_reader(&mut findings, clock).await;
    findings.0
}

async fn look_inside(
    findings: &mut Findings,
    store: &Store,
    database: &Database,
    clock: &Clock,
) -> Result<()> {
    let version = store.version().await?;
    let number = version.rsplit(' ').next().unwrap_or_default();
    let is_new_enough = match store {
        Store::Sqlite { .. } => parse_version(number) >= Some(LEAST_SQLITE),
        Store::Postgres(_) => number
            .split('.')
            .next()
            .and_then(|major| major.parse().ok())
            .is_some_and(|major: u32| major >= LEAST_POSTGRES),
    };
    findings.hold("database", is_new_enough, Standing::Fail, format!("{version} answers"));

    let schema = store.schema().await?;
    let known = known_schema();
    let (standing, detail) = match schema {
        None => (Standing::Fail, "this is no database of Evenhand, or it was never started".into()),
        Some(schema) if schema > known => {
            (Standing::Fail, format!("{schema}, newer than the {known} of this evenhand"))
        }
        Some(schema) if schema < known => {
            (Standing::Warn, format!("{schema}; the next start brings it to {known}"))
        }
        Some(schema) => (Standing::Ok, format!("{schema}, the newest")),
    };
    findings.add("schema", standing, detail);
    if schema.is_none() {
        return Ok(());
    }

    let damage = store.damage().await?;
    match damage.first() {
        None => findings.add("soundness", Standing::Ok, "no damaged page, no loose reference"),
        Some(first) => findings.add(
            "soundness",
            Standing::Fail,
            format!("{first} ({} problems in all)", damage.len()),
        ),
    }

    let mut snapshot = store.snapshot().await?;
    match database.witnesses(None, &[]) {
        Ok(witnesses) => {
            let report = check::database(&mut snapshot, &witnesses).await?;
            match (&report.verified, &report.breach) {
                (Some(log), _) => {
                    let unsigned = log.entries - log.checkpointed;
                    let standing = if report.checkpoints == 0 && log.entries > 0 {
                        Standing::Warn
                    } else {
                        Standing::Ok
                    };
                    findings.add(
                        "audit log",
                        standing,
                        format!(
                            "{} entries verify, {unsigned} after the newest checkpoint",
                            log.entries
                        ),
                    );
                }
                (None, breach) => findings.add(
                    "audit log",
                    Standing::Fail,
                    breach.as_ref().map(ToString::to_string).unwrap_or_default(),
                ),
            }
        }
        Err(failure) => findings.add("audit log", Standing::Fail, failure.message),
    }

    if schema == Some(known) {
        look_at_uploads(findings, store, &uploads_beside(&database.key_file())).await?;
        let tally = replay_all(store).await?;
        let count =
            |n: usize, why: &str| if n == 0 { String::new() } else { format!("; {n} {why}") };
        let may_differ = [
            count(tally.other_names, "differ, as the attribute registry has been changed since"),
            count(tally.other_engine, "were judged by an earlier version's definitions"),
        ]
        .concat();
        findings.hold(
            "decisions",
            tally.differ.is_empty(),
            // A model whose outcome was described anew is judged otherwise, too.
            Standing::Warn,
            match tally.differ.as_slice() {
                [] => {
                    format!("{} revisions of launches replay to what was signed", tally.same)
                        + &may_differ
                }
                differ => {
                    format!("what these rest on was changed since: {}", differ.join(", "))
                }
            },
        );
    }

    if let Some(newest) = store.newest_audit_time().await? {
        let ahead = from_micros(newest) - clock.now();
        findings.hold(
            "clock",
            ahead <= Duration::seconds(5),
            Standing::Fail,
            if ahead > Duration::ZERO {
                format!("behind the newest audit entry by {} s", ahead.whole_seconds())
            } else {
                format!(
                    "{} UTC, after the newest audit entry",
                    crate::audit::timestamp(clock.now())
                )
            },
        );
    }

    let mut counts = Vec::new();
    for table in snapshot.tables().await? {
        if ["person", "team", "model", "dataset", "run"].contains(&table.name.as_str()) {
            counts.push(format!("{} {}", snapshot.count(&table).await?, table.name));
        }
    }
    findings.add("contents", Standing::Ok, counts.join(", "));
    Ok(())
}

/// Uploads that were acknowledged and are not read yet: each needs its file, which lies beside the
/// key of the server that took it.
async fn look_at_uploads(findings: &mut Findings, store: &Store, folder: &Path) -> Result<()> {
    let waiting = store.uploads_waiting_since(i64::MAX).await?;
    let gone = waiting.iter().filter(|it| !folder.join(it.id.to_string()).exists()).count();
    let of_all = match waiting.len() {
        0 => "none waits".to_owned(),
        n => counted(n as u64, "upload waits", "uploads wait"),
    };
    findings.hold(
        "uploads",
        gone == 0,
        Standing::Warn,
        if gone == 0 {
            format!("{of_all} to be read")
        } else {
            format!(
                "{of_all} to be read, and the files of {gone} are not in {}: another server has \
                 them, or they have to be sent again",
                folder.display()
            )
        },
    );
    Ok(())
}

fn look_at_key(findings: &mut Findings, file: &Path) {
    let (standing, detail) = match AuditKey::open(file) {
        Err(error) => (Standing::Fail, error.to_string()),
        Ok(None) => (
            Standing::Warn,
            format!("{} is not there; the next start makes a new key", file.display()),
        ),
        Ok(Some(_)) if is_readable_by_others(file) => {
            (Standing::Fail, format!("others can read {}: chmod 600 it", file.display()))
        }
        Ok(Some(_)) => (Standing::Ok, file.display().to_string()),
    };
    findings.add("audit key", standing, detail);
}

#[cfg(unix)]
fn is_readable_by_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

/// Room where the database lies and where uploads are kept while they are read.
fn look_at_disk(findings: &mut Findings, database: &Database) {
    let folder_of = |file: &Path| {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).to_owned()
    };
    let mut folders: Vec<PathBuf> =
        sqlite_file(&database.url()).iter().map(|file| folder_of(file)).collect();
    // Large uploads are kept beside the key.
    for folder in [folder_of(&database.key_file()), std::env::temp_dir()] {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    for folder in folders {
        match rustix::fs::statvfs(&folder) {
            Ok(disk) => {
                let free = disk.f_bavail.saturating_mul(disk.f_frsize);
                findings.hold(
                    "disk",
                    free >= LEAST_FREE,
                    Standing::Warn,
                    format!("{} MiB free at {}", free >> 20, folder.display()),
                );
            }
            Err(error) => {
                findings.add("disk", Standing::Fail, format!("{}: {error}", folder.display()));
            }
        }
    }
}

/// Has a child process read a small file, as the server does with every upload.
async fn look_at_reader(findings: &mut Findings, clock: &Clock) {
    match try_reader(clock).await {
        Ok(()) => findings.add("upload reader", Standing::Ok, "a child process read a small table"),
        Err(error) => findings.add("upload reader", Standing::Fail, error.to_string()),
    }
}

async fn try_reader(clock: &Clock) -> Result<()> {
    let failed = |what: String| crate::Error::Internal(what);
    let mut table = tempfile::NamedTempFile::new()?;
    table.write_all(b"metric,value,n,sex\nselection_rate,0.5,10,Female\n")?;
    table.flush()?;
    let job = Job {
        file: table.path().to_owned(),
        source: Source::Results { format: Some(Format::LongCsv) },
        received_at: from_micros(micros(clock.now())),
        evaluated_at: None,
        dataset: Some(("doctor".to_owned(), "1".to_owned())),
        row_key: None,
    };
    match reader::ask(&reader::own_binary(), &job, std::time::Duration::from_secs(30)).await? {
        Answer::Read(_) => Ok(()),
        Answer::Refused(problems) => {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            Err(failed(format!("it refused a good table: {}", problems.join("; "))))
        }
        Answer::Silent(status) => Err(failed(format!("it ended with {status} and no answer"))),
        Answer::Late => Err(failed("it did not answer within 30 s".to_owned())),
    }
}
