//! Two files of predictions of the same rows, compared row by row.

use super::Evaluate;
use crate::cli::Failure;
use crate::cli::output::{Align, MISUSED, REFUSED, Table, clean};
use app::number::{count, counted, level, p_value, signed, signed_interval, value};
use metrics::catalogue::{self, Direction, Outcome};
use metrics::evaluate::{About, Evaluation, LEVEL, evaluate_with_rows};
use metrics::paired::{self, Comparison, PairedChange, Rows};
use metrics::{RunDocument, Spec};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Nothing leaves this machine, so that any key will do.
const KEY: &[u8] = b"local";
/// As many as a file may have.
const MOST: u64 = 1 << 32;

/// What was read of both, and what moved.
pub struct Compared {
    /// Of the newer file.
    pub evaluation: Evaluation,
    against: PathBuf,
    before: RunDocument,
    comparison: Comparison,
}

type Figures = Table<8>;

/// Evaluates both files and compares them.
pub fn compare(
    command: &Evaluate,
    spec: &Spec,
    about: &About,
    against: &Path,
) -> Result<Compared, Failure> {
    if spec.id.is_none() {
        let message = "--against needs `id` in the spec: the column that says which row of one \
                       file is which of the other";
        return Err(Failure { message: message.to_owned(), code: MISUSED });
    }
    let (before, old) = rows(command, spec, about, against)?;
    let (evaluation, new) = rows(command, spec, about, &command.file)?;
    let comparison = paired::compare(&old, &new, LEVEL).map_err(|why| {
        let (new, old) = (command.file.display().to_string(), against.display().to_string());
        let message = format!("{} and {} cannot be compared: {why}", clean(&new), clean(&old));
        Failure { message, code: REFUSED }
    })?;
    let (against, before) = (against.to_owned(), before.document);
    Ok(Compared { evaluation, against, before, comparison })
}

fn rows(
    command: &Evaluate,
    spec: &Spec,
    about: &About,
    file: &Path,
) -> Result<(Evaluation, Rows), Failure> {
    let (evaluation, rows) = super::read(file, command.json, || {
        evaluate_with_rows(file, spec, about.clone(), KEY, MOST)
    })?;
    let rows = rows.map_err(|why| Failure {
        message: format!("{} cannot be compared: {why}", clean(&file.display().to_string())),
        code: REFUSED,
    })?;
    Ok((evaluation, rows))
}

impl Compared {
    /// Both run documents, and every change.
    pub fn json(&self) -> Value {
        json!({
            "before": self.before,
            "after": self.evaluation.document,
            "comparison": self.comparison,
        })
    }

    /// Every metric overall, then what moved beyond chance elsewhere.
    pub fn report(&self, file: &Path) -> String {
        let comparison = &self.comparison;
        let rows = counted(comparison.matched, "row", "rows");
        let (new, old) = (file.display().to_string(), self.against.display().to_string());
        let mut text = format!("{} against {}: paired on {rows}\n", clean(&new), clean(&old));
        for (n, which) in [(comparison.only_before, &old), (comparison.only_after, &new)] {
            if n > 0 {
                let n = counted(n, "row is", "rows are");
                let _ = writeln!(text, "left out  {n} in {} alone", clean(which));
            }
        }
        if comparison.unidentified > 0 {
            let n = counted(comparison.unidentified, "row has", "rows have");
            let _ = writeln!(text, "left out  {n} no id, or one that another row has too");
        }
        for note in &comparison.notes {
            let _ = writeln!(text, "note      {}", clean(note));
        }
        let (overall, slices): (Vec<_>, Vec<_>) =
            comparison.changes.iter().partition(|change| change.slice.is_overall());
        text.push_str("\nOverall\n");
        text.push_str(&self.table(&overall));
        let moved: Vec<&PairedChange> = slices
            .iter()
            .copied()
            .filter(|change| change.change.beyond_chance == Some(true))
            .collect();
        let _ = writeln!(
            text,
            "\nMoved beyond chance: {} of {} in slices",
            count(moved.len() as u64),
            count(slices.len() as u64)
        );
        text.push_str(&self.table(&moved));
        let _ = writeln!(
            text,
            "\nEach interval holds at {} by itself: of many that did not move, one in twenty seems\n\
             to. Lost and gained are the rows that a rate counts no longer, and anew.",
            level(LEVEL)
        );
        text
    }

    fn table(&self, changes: &[&PairedChange]) -> String {
        let (left, right) = (Align::Left, Align::Right);
        let mut table = Figures::new([left, right, right, left, right, right, right, left]);
        let interval = format!("{} interval", level(LEVEL));
        table.row(["  metric", "after", "change", &interval, "p", "n", "lost, gained", ""]);
        let mut slice = None;
        for change in changes {
            if !change.slice.is_overall() && slice != Some(&change.slice) {
                slice = Some(&change.slice);
                table.row([&format!("  {}", change.slice), "", "", "", "", "", "", ""]);
            }
            let indent = if change.slice.is_overall() { "  " } else { "    " };
            self.row(&mut table, indent, change);
        }
        table.to_string()
    }

    fn row(&self, table: &mut Figures, indent: &str, change: &PairedChange) {
        let name = catalogue::find(&change.metric).map_or(change.metric.as_str(), |m| m.name);
        let name = format!("{indent}{name}");
        let n = count(change.n);
        let after = change.after.value.map_or_else(|| "—".to_owned(), value);
        let moved = change.change.value.map_or_else(|| "—".to_owned(), signed);
        let Some(interval) = &change.change.interval else {
            let why = change.change.reason.as_deref().unwrap_or("no interval");
            return table.row([&name, &after, &moved, why, "", &n, "", ""]);
        };
        let ends = signed_interval(interval.low, interval.high);
        let p = change.p.map(p_value).unwrap_or_default();
        let differ = change.discordant;
        let differ = differ.map(|rows| format!("{}, {}", count(rows.lost), count(rows.gained)));
        let differ = differ.unwrap_or_default();
        table.row([&name, &after, &moved, &ends, &p, &n, &differ, self.so(change)]);
    }

    /// Whether a change beyond chance is for the better.
    fn so(&self, change: &PairedChange) -> &'static str {
        let outcome = self.evaluation.document.positive_outcome.unwrap_or(Outcome::Neutral);
        let direction = catalogue::direction(&change.metric, outcome);
        let up = match (change.change.beyond_chance, change.change.value) {
            (Some(true), Some(value)) => value > 0.0,
            _ => return "",
        };
        match (direction, up) {
            (Direction::Neither, _) => "moved",
            (Direction::Higher, true) | (Direction::Lower, false) => "better",
            _ => "worse",
        }
    }
}
