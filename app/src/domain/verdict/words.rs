//! Verdicts in words: one plain sentence each, with the numbers that decided.

use super::{Part, Readiness, RowsNeeded, RuleOutcome, Verdict};
use crate::domain::policy::{Mode, Rule, Subject};
use crate::number;
use metrics::catalogue;
use metrics::disparity::Kind;

/// What a rule asks for: `the gap in true positive rate by sex is at most 0.05`.
pub fn requirement(rule: &Rule) -> String {
    use crate::domain::policy::Target;
    let metric = metric_name(&rule.metric);
    let of = match &rule.target {
        Target::Groups { attributes, arity } if *arity > 1 => {
            format!("where {} meet", attributes.join(" and "))
        }
        Target::Groups { attributes, .. } => format!("by {}", attributes.join(", ")),
        Target::Slices(slices) if slices.iter().all(metrics::Slice::is_overall) => {
            "overall".to_owned()
        }
        Target::Slices(slices) => {
            let labels: Vec<String> = slices.iter().map(metrics::Slice::label).collect();
            format!("for {}", labels.join(", "))
        }
    };
    let what = match &rule.subject {
        Subject::Estimate => format!("{metric} {of}"),
        Subject::Disparity { kind: Kind::Difference, reference } => {
            format!("the gap in {metric} {of} to {}", reference_words(reference))
        }
        Subject::Disparity { kind: Kind::Ratio, reference } => {
            format!("the ratio of {metric} {of} to {}", reference_words(reference))
        }
        Subject::Change => format!("the change of {metric} {of} since the last launch"),
    };
    format!("{what} is {}", rule.bound.text())
}

fn reference_words(reference: &metrics::disparity::Reference) -> String {
    use metrics::disparity::Reference;
    match reference {
        Reference::Best => "the best group".to_owned(),
        Reference::Overall => "all".to_owned(),
        Reference::Rest => "the rest".to_owned(),
        Reference::Group(name) => name.clone(),
    }
}

/// What a metric is called in a sentence: `nDCG at 10`.
pub fn metric_name(key: &str) -> String {
    catalogue::name(key).unwrap_or_else(|| key.to_owned())
}

pub(super) fn no_run(rule: &Rule, none_at_all: bool) -> String {
    if none_at_all {
        return "the version has no run".to_owned();
    }
    let dataset = rule.dataset.as_ref().map(|dataset| match &dataset.version {
        Some(version) => format!(" on {}@{version}", dataset.name),
        None => format!(" on {}", dataset.name),
    });
    let instrument = rule.instrument.as_ref().map(|i| format!(" by {}", i.name));
    format!("no run{}{}", dataset.unwrap_or_default(), instrument.unwrap_or_default())
}

/// What a metric counts: positives for a true positive rate, rows for most others.
pub(super) fn counted_as(metric: &str) -> (&'static str, &'static str) {
    match catalogue::Key::parse(metric).base {
        "true_positive_rate" | "false_negative_rate" => ("positive", "positives"),
        "false_positive_rate" | "true_negative_rate" => ("negative", "negatives"),
        "precision" | "false_discovery_rate" => ("positive prediction", "positive predictions"),
        "negative_predictive_value" | "false_omission_rate" => {
            ("negative prediction", "negative predictions")
        }
        _ => ("row", "rows"),
    }
}

pub(super) fn too_few(label: &str, n: u64, least: u64, metric: &str) -> String {
    let (one, many) = counted_as(metric);
    format!(
        "{label} has {}, the rule wants {}",
        number::counted(n, one, many),
        number::count(least)
    )
}

pub(super) fn too_few_positives(label: &str, positives: u64, least: u64) -> String {
    let has = number::counted(positives, "positive", "positives");
    format!("{label} has {has}, the rule wants {}", number::count(least))
}

/// The value of a part, with its interval, as its kind is written.
pub fn measured(rule: &Rule, part: &Part) -> Option<String> {
    let value = part.value?;
    let ratio = matches!(rule.subject, Subject::Disparity { kind: Kind::Ratio, .. });
    let signed = !ratio && !matches!(rule.subject, Subject::Estimate);
    let (value, interval): (String, fn(f64, f64) -> String) = if ratio {
        (number::ratio(value), number::ratio_interval)
    } else if signed {
        (number::signed(value), number::signed_interval)
    } else {
        (number::value(value), number::interval)
    };
    Some(match &part.interval {
        Some(ends) => format!("{value} {}", interval(ends.low, ends.high)),
        None => value,
    })
}

pub(super) fn part(rule: &Rule, part: &Part) -> String {
    let label = part.slice.label();
    let measured = measured(rule, part).unwrap_or_default();
    let against = part.reference.as_ref().map(|r| format!(" against {}", r.label()));
    let against = against.unwrap_or_default();
    let verdict = match part.verdict {
        Verdict::Pass if part.interval.as_ref().is_some_and(|i| is_inside(rule, i)) => "is",
        Verdict::Pass => "may be",
        Verdict::Fail => "is not",
        Verdict::NotEnoughEvidence => "may or may not be",
    };
    format!("{label}{against}: {measured} {verdict} {}", limit(rule))
}

fn is_inside(rule: &Rule, interval: &metrics::Interval) -> bool {
    let (low, high) = rule.wanted();
    interval.low >= low && interval.high <= high
}

fn limit(rule: &Rule) -> String {
    match (&rule.subject, rule.bound.min, rule.bound.max) {
        (Subject::Disparity { kind: Kind::Difference, .. }, None, Some(max)) => {
            format!("within ±{max}")
        }
        _ => rule.bound.text(),
    }
}

/// What would decide it, in words.
pub fn needed(rule: &Rule, needed: &RowsNeeded) -> String {
    match needed {
        RowsNeeded::MoreRowsWillNotDecide => {
            "more rows will not decide this: it lies too near the bound".to_owned()
        }
        RowsNeeded::More { denominator, rows } => {
            let (one, many) = counted_as(&rule.metric);
            let more = number::counted(rounded(*denominator), one, many);
            if rows == denominator {
                format!("about {more} more would decide")
            } else {
                format!(
                    "about {more} more ({}) would decide",
                    number::counted(rounded(*rows), "row", "rows")
                )
            }
        }
    }
}

/// Two digits are all that a plan is good for.
fn rounded(n: u64) -> u64 {
    let step = 10u64.pow(n.checked_ilog10().unwrap_or_default().saturating_sub(1));
    n.div_ceil(step) * step
}

pub(super) fn rule(rule: &Rule, verdict: Verdict, waived: bool, parts: &[Part]) -> String {
    let Some(worst) = parts.first() else {
        return "there is nothing to judge".to_owned();
    };
    let others = parts.iter().filter(|part| part.verdict == verdict).count() - 1;
    let more = match others {
        0 => String::new(),
        n if verdict == Verdict::Pass => format!("; {n} more pass"),
        n => format!("; {n} more like it"),
    };
    let plan = worst.needed.as_ref().map(|plan| format!("; {}", needed(rule, plan)));
    let head = match (verdict, waived) {
        (Verdict::Pass, _) => "passes",
        (_, true) => "waived",
        (Verdict::Fail, _) => "fails",
        (Verdict::NotEnoughEvidence, _) => "cannot tell",
    };
    format!("{head}: {}{}{more}", worst.sentence, plan.unwrap_or_default())
}

/// The whole in one sentence.
pub(super) fn whole(rules: &[RuleOutcome], verdict: Verdict) -> String {
    let blocking: Vec<&RuleOutcome> =
        rules.iter().filter(|o| o.applies && o.rule.mode == Mode::Block).collect();
    let count = |wanted: Verdict| {
        blocking.iter().filter(|o| !o.waived && o.verdict == wanted).count() as u64
    };
    let waived = blocking.iter().filter(|o| o.waived).count() as u64;
    let warns = rules
        .iter()
        .filter(|o| o.applies && o.rule.mode == Mode::Warn && o.verdict != Verdict::Pass)
        .count() as u64;
    let mut said = vec![];
    let mut say = |n: u64, one: &str, many: &str| {
        if n > 0 {
            said.push(number::counted(n, one, many));
        }
    };
    say(count(Verdict::Fail), "rule fails", "rules fail");
    say(count(Verdict::NotEnoughEvidence), "rule lacks evidence", "rules lack evidence");
    say(count(Verdict::Pass), "rule passes", "rules pass");
    say(waived, "rule is waived", "rules are waived");
    say(warns, "warning", "warnings");
    let head = if verdict == Verdict::Pass { "May launch" } else { "Blocked" };
    format!("{head}: {}.", said.join(", "))
}

impl Readiness {
    /// Rules whose mode is `warn` that do not pass.
    pub fn warnings(&self) -> impl Iterator<Item = &RuleOutcome> {
        self.rules
            .iter()
            .filter(|o| o.applies && o.rule.mode == Mode::Warn && o.verdict != Verdict::Pass)
    }

    /// Rules that hold a launch back.
    pub fn blockers(&self) -> impl Iterator<Item = &RuleOutcome> {
        self.rules.iter().filter(|o| {
            o.applies && o.rule.mode == Mode::Block && !o.waived && o.verdict != Verdict::Pass
        })
    }
}
