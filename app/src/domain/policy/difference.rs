//! What changed from one version of a policy to the next, in sentences.

use super::{Policy, Rule};
use crate::domain::verdict::words::requirement;

/// One sentence for each thing that is different; none where the two ask for the same.
pub fn differences(before: &Policy, after: &Policy) -> Vec<String> {
    let mut said = vec![];
    if before.name != after.name {
        said.push(format!("The name was “{}”.", before.name));
    }
    if before.applies_to != after.applies_to {
        said.push("It applies to other models.".to_owned());
    }
    for function in &after.sign_offs {
        if !before.sign_offs.contains(function) {
            said.push(format!("A sign-off by {function} is new."));
        }
    }
    for function in &before.sign_offs {
        if !after.sign_offs.contains(function) {
            said.push(format!("No sign-off by {function} any more."));
        }
    }
    let find = |rules: &[Rule], id: &str| rules.iter().find(|rule| rule.id == id).cloned();
    for rule in &after.rules {
        match find(&before.rules, &rule.id) {
            None => said.push(format!("New rule {}: {}.", rule.id, requirement(rule))),
            Some(old) if old != *rule => said.push(changed(&old, rule)),
            Some(_) => {}
        }
    }
    for rule in &before.rules {
        if find(&after.rules, &rule.id).is_none() {
            said.push(format!("Rule {} is gone: {}.", rule.id, requirement(rule)));
        }
    }
    said
}

fn changed(old: &Rule, new: &Rule) -> String {
    let mut parts = vec![];
    let mut part = |what: &str, old: String, new: String| {
        if old != new {
            parts.push(format!("{what} {new} (was {old})"));
        }
    };
    part("asks that", requirement(old), requirement(new));
    part("burden:", old.burden.to_string(), new.burden.to_string());
    part("mode:", old.mode.to_string(), new.mode.to_string());
    part("level", old.level.to_string(), new.level.to_string());
    part("δ", old.delta.to_string(), new.delta.to_string());
    part("least n", old.least_n.to_string(), new.least_n.to_string());
    part("least positives", old.least_positives.to_string(), new.least_positives.to_string());
    part("evidence:", old.evidence.to_string(), new.evidence.to_string());
    part("greatest age", age(old), age(new));
    if parts.is_empty() {
        parts.push("reads other runs, or has another name".to_owned());
    }
    format!("Rule {} changed: {}.", new.id, parts.join("; "))
}

fn age(rule: &Rule) -> String {
    rule.max_age_days.map_or_else(|| "any".to_owned(), |days| format!("{days} days"))
}
