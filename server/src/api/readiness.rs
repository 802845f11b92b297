//! How a readiness is written in JSON: the same for a version, a launch and a dry run.

use crate::actions::readiness::Report;
use crate::audit::timestamp;
use app::domain::verdict::words::{measured, needed, requirement};
use app::domain::verdict::{Part, Readiness, RowsNeeded, RuleOutcome};
use serde_json::{Value, json};

pub fn shown(model: &str, version: &str, report: &Report) -> Value {
    let mut value = of(&report.readiness);
    value["model"] = json!(model);
    value["version"] = json!(version);
    value["policy"] = json!(report.policy.as_ref().map(|policy| json!({
        "policy": policy.slug, "version": policy.number, "digest": policy.digest,
    })));
    value
}

pub fn of(readiness: &Readiness) -> Value {
    json!({
        "verdict": readiness.verdict,
        "sentence": readiness.sentence,
        "valid_until": readiness.valid_until.map(timestamp),
        "runs": readiness.runs,
        "runs_looked_at": readiness.runs_looked_at,
        "rules": readiness.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn rule(outcome: &RuleOutcome) -> Value {
    let rule = &outcome.rule;
    json!({
        "rule": rule.id,
        "name": rule.name,
        "metric": rule.metric,
        "requirement": requirement(rule),
        "mode": rule.mode,
        "burden": rule.burden,
        "bound": {"min": rule.bound.min, "max": rule.bound.max, "words": rule.bound.text()},
        "applies": outcome.applies,
        "verdict": outcome.verdict,
        "waived": outcome.waived,
        "reason": outcome.sentence,
        "run": outcome.run,
        "parts": outcome.parts.iter().map(|it| part(outcome, it)).collect::<Vec<_>>(),
    })
}

fn part(outcome: &RuleOutcome, part: &Part) -> Value {
    let rows = match part.needed {
        Some(RowsNeeded::More { denominator, rows }) => {
            json!({"denominator": denominator, "rows": rows})
        }
        _ => Value::Null,
    };
    json!({
        "slice": part.slice,
        "verdict": part.verdict,
        "value": part.value,
        "interval": part.interval,
        "measured": measured(&outcome.rule, part),
        "n": part.n,
        "positives": part.positives,
        "reference": part.reference,
        "reason": part.sentence,
        "rows_needed": rows,
        "would_decide": part.needed.as_ref().map(|plan| needed(&outcome.rule, plan)),
        "waiver": part.waiver,
    })
}
