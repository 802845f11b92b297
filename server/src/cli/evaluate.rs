//! `evenhand evaluate`: the metrics core on a file, here and now, with no server.

mod against;
mod explore;
mod report;

use super::Failure;
use super::output::{MISUSED, REFUSED, clean, print, print_json, refused};
use super::spec::read_spec;
use crate::clock::Clock;
use app::domain::{Label, Slug};
use clap::Args;
use indicatif::{HumanBytes, ProgressBar};
use metrics::evaluate::{About, Evaluation, Explored, LEVEL, evaluate_exploring};
use metrics::{DatasetRef, Problem};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  evenhand evaluate predictions.csv --spec spec.toml
  evenhand evaluate predictions.parquet --spec spec.toml --out run.json --dataset adult-half@1994
  evenhand evaluate new.csv --spec spec.toml --against old.csv
  evenhand evaluate predictions.csv --spec spec.toml --bootstrap 2000 --seed 7
  evenhand evaluate predictions.csv --spec spec.toml --find-slices --metric false_negative_rate
  evenhand evaluate predictions.csv --spec spec.toml --interval clopper_pearson
  evenhand evaluate predictions.csv.gz --json \\
    --spec '{\"task\": \"binary_classification\", \"label\": \"y\", \"score\": \"p\", \"slices\": [\"sex\"]}'

  evenhand evaluate rankings.csv --spec ranking.toml
The spec's task is binary_classification, multiclass_classification, regression, ranking,
text_generation or image_generation; docs/predictions-spec.md has the keys of each.

Exit code: 0 evaluated, 1 the file or the spec cannot be read, 2 wrong usage.")]
pub struct Evaluate {
    /// Predictions: CSV, Parquet or NDJSON, also compressed with gzip or zstd; or a file of counts
    /// (see `evenhand metrics sql`)
    file: PathBuf,
    /// Which column means what: a TOML or JSON file, - for standard input, or JSON itself
    #[arg(long)]
    spec: String,
    /// Write the run document here, to upload it later; needs --dataset
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What it was measured on [default: the name of the file, version `local`]
    #[arg(long, value_name = "NAME@VERSION", value_parser = parse_dataset)]
    dataset: Option<Dataset>,
    /// When, as 2026-11-01T09:00:00Z or 2026-11-01 [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    evaluated_at: Option<OffsetDateTime>,
    /// Compare with these predictions of the same rows, told by the spec's `id`: what moved from
    /// them to FILE
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bootstrap", "find_slices", "interval"])]
    against: Option<PathBuf>,
    #[command(flatten)]
    explore: explore::Explore,
    /// Print the run document; with --bootstrap, --find-slices or --interval an object that holds it
    /// as `run`, with --against both documents and the comparison
    #[arg(long)]
    json: bool,
}

/// An evaluation set as it is written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    pub name: Slug,
    pub version: Label,
}

pub fn parse_dataset(text: &str) -> Result<Dataset, String> {
    let Some((name, version)) = text.split_once('@') else {
        return Err("expected NAME@VERSION, such as adult-half@1994".to_owned());
    };
    Ok(Dataset {
        name: Slug::new(name).map_err(|error| format!("name `{name}`: {error}"))?,
        version: Label::new(version).map_err(|error| format!("version `{version}`: {error}"))?,
    })
}

/// A time as RFC 3339, or a day, which begins at midnight UTC.
pub fn parse_time(text: &str) -> Result<OffsetDateTime, &'static str> {
    let day = format!("{text}T00:00:00Z");
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&day, &Rfc3339))
        .map_err(
            |_| "expected RFC 3339, such as 2026-11-01T09:00:00Z, or a day, such as 2026-11-01",
        )
}

pub fn run(command: Evaluate) -> Result<(), Failure> {
    let now = Clock::System.now();
    command.refuse(now)?;
    let spec = read_spec(&command.spec)?;
    let about = About {
        dataset: dataset_of(&command),
        evaluated_at: command.evaluated_at.unwrap_or(now),
        level: LEVEL,
    };
    let compared = match &command.against {
        Some(against) => Some(against::compare(&command, &spec, &about, against)?),
        None => None,
    };
    let Explored { evaluation, bootstrap, search } = match &compared {
        Some(compared) => {
            let evaluation = compared.evaluation.clone();
            Explored { evaluation, bootstrap: None, search: None }
        }
        None => read(&command.file, command.json, || {
            evaluate_exploring(&command.file, &spec, about, &command.explore.asked())
        })?,
    };
    let explored = command.explore.found(&evaluation.document, bootstrap, search)?;
    if let Some(out) = &command.out {
        write(out, &evaluation)?;
    }
    match compared {
        Some(compared) if command.json => return print_json(&compared.json()),
        Some(compared) => print(&compared.report(&command.file))?,
        None if command.json => return print_json(&explored.json(&evaluation.document)?),
        None => {
            print(&report::report(&command.file, &evaluation))?;
            print(&explored.report())?;
        }
    }
    match &command.out {
        Some(out) => {
            print(&format!("\nThe run document is in {}.\n", clean(&out.to_string_lossy())))
        }
        None => Ok(()),
    }
}

/// Reads a file while a sign of life turns; says every problem of it.
fn read<T>(
    file: &Path,
    json: bool,
    read: impl FnOnce() -> Result<T, Vec<Problem>>,
) -> Result<T, Failure> {
    let waiting = spinner(file);
    let outcome = read();
    waiting.finish_and_clear();
    outcome.or_else(|problems| {
        if json {
            print_json(&json!({ "errors": problems }))?;
        }
        Err(refused(&file.display().to_string(), &problems))
    })
}

impl Evaluate {
    /// What is wrong before the file is read, which may take a while.
    fn refuse(&self, now: OffsetDateTime) -> Result<(), Failure> {
        let misused = |message: &str| Err(Failure { message: message.to_owned(), code: MISUSED });
        if self.out.is_some() && self.dataset.is_none() {
            return misused(
                "--out needs --dataset NAME@VERSION: a run that is uploaded later has to say what \
                 it was measured on",
            );
        }
        if self.evaluated_at.is_some_and(|at| at > now) {
            return misused("--evaluated-at lies in the future");
        }
        let name = clean(&self.file.to_string_lossy());
        let about = std::fs::metadata(&self.file).map_err(|error| format!("{name}: {error}"))?;
        if about.is_dir() {
            return Err(format!("{name} is a directory, not a file of predictions").into());
        }
        let same = |out: &PathBuf| {
            let (out, file) = (out.canonicalize(), self.file.canonicalize());
            out.is_ok_and(|out| file.is_ok_and(|file| file == out))
        };
        if self.out.as_ref().is_some_and(same) {
            return misused("--out is the file of predictions itself");
        }
        Ok(())
    }
}

/// What was asked for, or the name of the file where that can be a name.
fn dataset_of(command: &Evaluate) -> DatasetRef {
    let (name, version) = match &command.dataset {
        Some(dataset) => (dataset.name.to_string(), dataset.version.to_string()),
        None => {
            let name = command.file.file_name().unwrap_or_default().to_string_lossy();
            let stem = name.split('.').next().unwrap_or_default().to_lowercase();
            let name = Slug::new(&stem).map_or_else(|_| "predictions".to_owned(), String::from);
            (name, "local".to_owned())
        }
    };
    DatasetRef { name, version, digest: None, rows: None }
}

/// Written in place, not renamed into place: `--out` may be a device or a pipe.
fn write(out: &Path, evaluation: &Evaluation) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(&evaluation.document)?;
    text.push(b'\n');
    std::fs::write(out, text).map_err(|error| Failure {
        message: format!("{} cannot be written: {error}", clean(&out.to_string_lossy())),
        code: REFUSED,
    })
}

/// On a terminal, a sign of life; elsewhere nothing.
fn spinner(file: &Path) -> ProgressBar {
    let size = std::fs::metadata(file).map_or(0, |about| about.len());
    let spinner = ProgressBar::new_spinner();
    let name = clean(&file.to_string_lossy());
    spinner.set_message(format!("evaluating {name} ({})", HumanBytes(size)));
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}
