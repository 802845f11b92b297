//! An evaluation as a person reads it on a terminal, within 80 columns where names are short.
//!
//! Nothing is hidden in small groups here: whoever holds the file can count its rows.

use crate::cli::output::{Align, Table, clean};
use app::pages::parts::number::{count, counted, interval, level, signed, signed_interval, value};
use metrics::Estimate;
use metrics::catalogue::{self, Direction, Key, Kind, Outcome};
use metrics::disparity::{self, Comparison, LEAST_N, Summary};
use metrics::evaluate::{Evaluation, LEVEL, Receipt};
use std::fmt::Write;
use std::path::Path;

/// What is shown of each group, whatever the cut-off; the rest is in the run document.
const MAIN: [&str; 22] = [
    "selection_rate",
    "accuracy",
    "true_positive_rate",
    "false_positive_rate",
    "precision",
    "roc_auc",
    "macro_recall",
    "macro_f1",
    "mean_absolute_error",
    "mean_error",
    "r_squared",
    "ndcg",
    "recall",
    "exposure_share",
    "mean_exposure",
    "representation",
    "diversity",
    "refusal_rate",
    "toxicity_rate",
    "unsafe_rate",
    "win_rate",
    "judge_failure_rate",
];

/// More groups than this are cut.
const MOST_GROUPS: usize = 24;

type Figures = Table<5>;

/// What was read, every metric overall, and per attribute its groups with the gap between them.
pub fn report(file: &Path, evaluation: &Evaluation) -> String {
    let document = &evaluation.document;
    let outcome = document.positive_outcome.unwrap_or(Outcome::Neutral);
    let mut text = receipt(file, &evaluation.receipt);
    let _ = writeln!(
        text,
        "dataset   {}@{}",
        clean(&document.dataset.name),
        clean(&document.dataset.version)
    );
    text.push_str("\nOverall\n");
    text.push_str(&overall(&document.estimates));
    for attributes in families(&document.estimates) {
        let names: Vec<&str> = attributes.iter().map(String::as_str).collect();
        let _ = writeln!(text, "\nBy {}", clean(&names.join(" × ")));
        text.push_str(&by_groups(&document.estimates, &names, outcome));
    }
    text.push_str(&explanation(&document.estimates, document.positive_outcome));
    text
}

fn receipt(file: &Path, receipt: &Receipt) -> String {
    let read = counted(receipt.rows_read, "row", "rows");
    let used = if receipt.rows_used == receipt.rows_read {
        "all used".to_owned()
    } else {
        format!("{} used", count(receipt.rows_used))
    };
    let mut text = format!(
        "{}: {}, {read} read, {used}\n",
        clean(&file.display().to_string()),
        clean(&receipt.format)
    );
    for dropped in &receipt.dropped {
        let rows = counted(dropped.rows, "row", "rows");
        let _ = writeln!(text, "left out  {rows}: {}", clean(&dropped.reason));
    }
    let _ = writeln!(text, "columns   {}", clean(&receipt.columns_used.join(", ")));
    if !receipt.columns_ignored.is_empty() {
        let _ = writeln!(text, "not read  {}", clean(&receipt.columns_ignored.join(", ")));
    }
    for note in &receipt.notes {
        let _ = writeln!(text, "note      {}", clean(note));
    }
    text
}

fn figures() -> Figures {
    Table::new([Align::Left, Align::Right, Align::Left, Align::Right, Align::Left])
}

fn head(table: &mut Figures, first: &str) {
    table.row([first, "value", &format!("{} interval", level(LEVEL)), "n", ""]);
}

fn overall(estimates: &[Estimate]) -> String {
    let mut table = figures();
    head(&mut table, "  metric");
    for estimate in estimates.iter().filter(|estimate| estimate.slice.is_overall()) {
        row(&mut table, &format!("  {}", name_of(&estimate.metric)), estimate, "");
    }
    table.to_string()
}

fn name_of(key: &str) -> String {
    catalogue::name(key).unwrap_or_else(|| key.to_owned())
}

/// The keys of the main metrics that were measured, in the order of [`MAIN`]; those of single
/// classes are left out, for there may be hundreds.
fn main_keys(estimates: &[Estimate]) -> Vec<&str> {
    let mut keys: Vec<&str> = Vec::new();
    for base in MAIN {
        for estimate in estimates {
            let key = Key::parse(&estimate.metric);
            if key.base == base && key.of.is_none() && !keys.contains(&estimate.metric.as_str()) {
                keys.push(&estimate.metric);
            }
        }
    }
    keys
}

fn row(table: &mut Figures, name: &str, estimate: &Estimate, remark: &str) {
    let is_count = catalogue::find(&estimate.metric).is_some_and(|m| m.kind == Kind::Count);
    let n = estimate.n.map(count).unwrap_or_default();
    match (estimate.value, &estimate.interval) {
        (None, _) => {
            let why = estimate.undefined.as_deref().unwrap_or("undefined");
            table.row([name, "—", "", &n, why]);
        }
        (Some(_), _) if is_count => table.row([name, &n, "", "", remark]),
        (Some(x), Some(ends)) => {
            table.row([name, &value(x), &interval(ends.low, ends.high), &n, remark]);
        }
        (Some(x), None) => table.row([name, &value(x), "no interval", &n, remark]),
    }
}

/// The attributes and intersections that were measured, single ones first.
fn families(estimates: &[Estimate]) -> Vec<Vec<String>> {
    let mut families: Vec<Vec<String>> = Vec::new();
    for estimate in estimates.iter().filter(|estimate| !estimate.slice.is_overall()) {
        let attributes = || estimate.slice.attributes();
        if !families.iter().any(|family| attributes().eq(family.iter().map(String::as_str))) {
            families.push(attributes().map(str::to_owned).collect());
        }
    }
    families.sort_by_key(|family| (family.len(), family.clone()));
    families
}

/// An attribute with every group; an intersection, which has many, with its extremes alone.
fn by_groups(estimates: &[Estimate], attributes: &[&str], outcome: Outcome) -> String {
    let mut table = figures();
    head(&mut table, if attributes.len() == 1 { "  group" } else { "  extremes" });
    for metric in main_keys(estimates) {
        let groups: Vec<&Estimate> = estimates
            .iter()
            .filter(|estimate| {
                estimate.metric == metric
                    && !estimate.slice.is_overall()
                    && estimate.slice.attributes().eq(attributes.iter().copied())
            })
            .collect();
        if groups.is_empty() {
            continue;
        }
        let comparison =
            Comparison::with_best(metric, attributes, disparity::Kind::Difference, outcome);
        let summary = disparity::summarise(estimates, &comparison);
        let neither = catalogue::find(metric)
            .is_some_and(|metric| metric.direction(outcome) == Direction::Neither);
        table.row([&format!("  {}", name_of(metric)), "", "", "", ""]);
        let shown = |group: &&&Estimate| {
            let extremes = [&summary.worst, &summary.best];
            attributes.len() == 1 || extremes.contains(&&Some(group.slice.clone()))
        };
        for group in groups.iter().filter(shown).take(MOST_GROUPS) {
            let name = format!("    {}", group.slice.label());
            row(&mut table, &name, group, remark(group, &summary, neither));
        }
        let cut = groups.iter().filter(shown).count().saturating_sub(MOST_GROUPS) as u64;
        if cut > 0 {
            let more = counted(cut, "more group", "more groups");
            table.row([&format!("    and {more}: see --json"), "", "", "", ""]);
        }
        gap(&mut table, &summary);
    }
    table.to_string()
}

/// What stands beside a group.
fn remark(group: &Estimate, summary: &Summary, neither: bool) -> &'static str {
    let slice = Some(&group.slice);
    match (summary.worst.as_ref() == slice, summary.best.as_ref() == slice) {
        (true, _) if neither => "lowest",
        (true, _) => "worst",
        (_, true) if neither => "highest",
        (_, true) => "best",
        _ if group.value.is_some() && summary.left_out.contains(&group.slice) => {
            "too few rows to compare"
        }
        _ => "",
    }
}

/// Worst minus best, and whether the data can tell.
fn gap(table: &mut Figures, summary: &Summary) {
    let name = "    gap";
    let Some(gap) = &summary.difference else {
        let why = summary.reason.as_deref().unwrap_or("nothing to compare");
        table.row([name, "—", "", "", why]);
        return;
    };
    let reason = gap.reason.as_deref().unwrap_or("undefined");
    match (gap.value, &gap.interval) {
        (None, _) => table.row([name, "—", "", "", reason]),
        (Some(x), None) => table.row([name, &signed(x), "no interval", "", reason]),
        (Some(x), Some(ends)) => {
            let can_tell = ends.low > 0.0 || ends.high < 0.0;
            let verdict = if can_tell { "the data can tell" } else { "the data cannot tell" };
            let ends = signed_interval(ends.low, ends.high);
            table.row([name, &signed(x), &ends, "", verdict]);
        }
    }
}

fn explanation(estimates: &[Estimate], outcome: Option<Outcome>) -> String {
    if estimates.iter().all(|estimate| estimate.slice.is_overall()) {
        return "\nThe spec names no `slices`, so nothing was compared.\n".to_owned();
    }
    let mut text = format!(
        "\nA gap is the worst group minus the best; its interval holds for all pairs of groups\n\
         at once. Groups with fewer than {LEAST_N} rows are never worst or best.\n"
    );
    let selects = estimates.iter().any(|estimate| estimate.metric == "selection_rate");
    if outcome.is_none() && selects {
        text.push_str(
            "The spec does not say `positive_outcome`, so no selection rate is better than another:\n\
             its gap is the lowest minus the highest.\n",
        );
    }
    text
}
