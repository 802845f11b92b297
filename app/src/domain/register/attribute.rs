//! An attribute of the registry as it is typed, and once it is checked.

use super::checks::{finish, needed, or_default};
use crate::domain::attribute::{KnownAttribute, Registry, Regrouping, Sensitivity};
use crate::domain::name::{Line, NotAName, Prose};
use crate::form::{FieldErrors, FieldText};
use crate::upload::parse_time;
use metrics::slice::{MISSING, normalise_name};

/// An attribute of the registry as somebody typed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeInput {
    pub name: String,
    pub description: String,
    pub sensitivity: String,
    /// Names of groups to add, one a line.
    pub groups: String,
}

/// An attribute that can be added to the registry, or what is to be changed of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttribute {
    pub name: Line,
    pub description: Prose,
    pub sensitivity: Sensitivity,
    pub groups: Vec<String>,
}

impl AttributeInput {
    pub fn check(&self) -> Result<NewAttribute, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", Line::new(&normalise_name(&self.name)));
        let description = errors.check("description", Prose::new(&self.description));
        let sensitivity =
            errors.check("sensitivity", or_default(&self.sensitivity, Sensitivity::Ordinary));
        let groups = group_names("groups", &self.groups, &mut errors);
        let attribute = (|| {
            Some(NewAttribute {
                name: name?,
                description: description?,
                sensitivity: sensitivity?,
                groups,
            })
        })();
        finish(attribute, errors)
    }

    /// What can be edited, for telling two editors apart.
    pub fn fields(&self) -> Vec<FieldText> {
        vec![
            FieldText::new("description", "Description", &self.description),
            FieldText::new("sensitivity", "Sensitivity", &self.sensitivity),
        ]
    }
}

/// Groups that take the place of others, as somebody typed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegroupingInput {
    /// Names of groups, one a line.
    pub before: String,
    pub after: String,
    /// A day, or a time.
    pub since: String,
    pub reason: String,
}

impl RegroupingInput {
    /// What takes whose place in an attribute.
    pub fn check(
        &self,
        registry: &Registry,
        known: &KnownAttribute,
    ) -> Result<Regrouping, FieldErrors> {
        let mut errors = FieldErrors::default();
        let before = group_names("before", &self.before, &mut errors);
        let after = group_names("after", &self.after, &mut errors);
        for unknown in before.iter().filter(|name| known.group(name).is_none()) {
            errors.add("before", format!("there is no group `{unknown}`"));
        }
        // By such a name nobody would ever reach the new group.
        for (alias, _, group) in registry.group_aliases(&known.name) {
            if after.iter().any(|name| name == alias) {
                errors.add("after", format!("`{alias}` is another name of `{group}`"));
            }
        }
        for (field, names) in [("before", &before), ("after", &after)] {
            if names.is_empty() && errors.of(field).is_empty() {
                errors.add(field, "name at least one group, one a line");
            }
        }
        for both in after.iter().filter(|name| before.contains(name)) {
            let message = format!(
                "`{both}` stands on both sides: a group of other people needs another name, and one \
                 that stays as it is need not be named"
            );
            errors.add("after", message);
        }
        let since = errors.check("since", parse_time(&self.since));
        let reason = errors.check("reason", needed::<Line>(&self.reason));
        let regrouping = since.zip(reason).map(|(since, reason)| Regrouping {
            attribute: known.name.clone(),
            before,
            after,
            reason: reason.into(),
            since: i64::try_from(since.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX),
        });
        finish(regrouping, errors)
    }
}

/// The groups of a field, one a line, each once.
fn group_names(field: &'static str, text: &str, errors: &mut FieldErrors) -> Vec<String> {
    let mut groups = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(group) = errors.check(field, check_group_name(line))
            && !groups.contains(&group)
        {
            groups.push(group);
        }
    }
    groups
}

/// The name of a group as it is stored.
pub fn check_group_name(text: &str) -> Result<String, NotAName> {
    let name = normalise_name(text);
    if name == MISSING {
        return Err(NotAName("\"(missing)\" stands for rows without a value and is no group"));
    }
    Line::new(&name).map(String::from)
}
