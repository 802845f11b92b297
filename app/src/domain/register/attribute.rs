//! An attribute of the registry as it is typed, and once it is checked.

use super::checks::{finish, or_default};
use crate::domain::attribute::Sensitivity;
use crate::domain::name::{Line, NotAName, Prose};
use crate::form::{FieldErrors, FieldText};
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
        let mut groups = Vec::new();
        for line in self.groups.lines().filter(|line| !line.trim().is_empty()) {
            let group = check_group_name(line);
            if let Some(group) = errors.check("groups", group)
                && !groups.contains(&group)
            {
                groups.push(group);
            }
        }
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

/// The name of a group as it is stored.
pub fn check_group_name(text: &str) -> Result<String, NotAName> {
    let name = normalise_name(text);
    if name == MISSING {
        return Err(NotAName("\"(missing)\" stands for rows without a value and is no group"));
    }
    Line::new(&name).map(String::from)
}
