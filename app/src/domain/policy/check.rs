//! Rules that make no sense: bounds that no model can meet, or that none can miss.

use super::{Burden, Rule, Subject};
use metrics::disparity::Kind;
use metrics::{Problem, catalogue};

/// A problem, and the key that it is about.
pub(super) struct AtKey {
    pub key: &'static str,
    pub problem: Problem,
}

fn at(key: &'static str, code: &str, message: impl Into<String>, expected: &str) -> AtKey {
    AtKey { key, problem: Problem::new(code, message).expected(expected) }
}

/// Everything about a rule that cannot be meant.
pub(super) fn rule(rule: &Rule) -> Vec<AtKey> {
    let mut problems = vec![];
    if !(rule.level > 0.5 && rule.level < 1.0) {
        let message = format!("a level of {}", rule.level);
        problems.push(at("level", "level", message, "between 0.5 and 1, such as 0.95"));
    }
    if rule.delta <= 0.0 || rule.delta.is_nan() {
        let message = format!("a delta of {}", rule.delta);
        problems.push(at("delta", "delta", message, "more than 0"));
    }
    bound(rule, &mut problems);
    problems
}

fn bound(rule: &Rule, problems: &mut Vec<AtKey>) {
    let key = if rule.bound.max.is_some() { "max" } else { "min" };
    let (min, max) = (rule.bound.min, rule.bound.max);
    if min.is_none() && max.is_none() {
        problems.push(at("id", "no_bound", "the rule has no bound", "`min`, `max` or both"));
        return;
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let message = format!("nothing is at least {min} and at most {max}");
        problems.push(at("min", "impossible_bound", message, "a min below the max"));
        return;
    }
    let range = catalogue::find(&rule.metric).and_then(|metric| metric.range);
    // What the subject can be at all.
    let possible = match (&rule.subject, range) {
        (Subject::Estimate, range) => range,
        (Subject::Disparity { kind: Kind::Ratio, .. }, _) => Some([0.0, f64::INFINITY]),
        (Subject::Disparity { kind: Kind::Difference, .. } | Subject::Change, range) => {
            range.map(|[low, high]| [low - high, high - low])
        }
    };
    let wanted = rule.wanted();
    let safety = rule.burden == Burden::Safety;
    if let Some([low, high]) = possible {
        if wanted.1 < low || wanted.0 > high {
            let message = format!("no model can be {}", rule.bound.text());
            let expected = format!("within {low} to {high}");
            problems.push(at(key, "unmeetable", message, &expected));
        } else if wanted.0 <= low && wanted.1 >= high {
            let message = format!("every model is {}", rule.bound.text());
            problems.push(at(key, "always_met", message, "a bound that something can miss"));
        }
    }
    if let Subject::Disparity { kind, .. } = &rule.subject {
        let equal = if *kind == Kind::Ratio { 1.0 } else { 0.0 };
        if wanted.0 > equal || wanted.1 < equal {
            let message = "groups that are equal would not meet it";
            let expected = format!("a bound that holds {equal}");
            problems.push(at(key, "unmeetable", message, &expected));
        } else if safety && (wanted.1 - wanted.0).abs() < f64::EPSILON {
            let message = "no sample can show that groups are exactly equal";
            problems.push(at(key, "unmeetable", message, "a bound with room round it"));
        }
    }
}
