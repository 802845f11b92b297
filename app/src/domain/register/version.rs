//! A model version as it is typed, and once it is checked.

use super::checks::{finish, not_reserved, optional_digest, optional_line};
use crate::domain::name::{Label, Prose};
use crate::form::{FieldErrors, FieldText};

/// A model version as somebody typed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionInput {
    pub label: String,
    pub commit: String,
    pub artifact_digest: String,
    pub training_data: String,
    pub notes: String,
}

/// A model version that can be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVersion {
    pub label: Label,
    /// One line, or empty.
    pub commit: String,
    /// `sha256:` and 64 hexadecimal digits, or empty.
    pub artifact_digest: String,
    pub training_data: Prose,
    pub notes: Prose,
}

impl VersionInput {
    pub fn check(&self) -> Result<NewVersion, FieldErrors> {
        let mut errors = FieldErrors::default();
        let label = errors.check("label", not_reserved(&self.label).and_then(Label::new));
        let commit = errors.check("commit", optional_line(&self.commit));
        let artifact_digest =
            errors.check("artifact_digest", optional_digest(&self.artifact_digest));
        let training_data = errors.check("training_data", Prose::new(&self.training_data));
        let notes = errors.check("notes", Prose::new(&self.notes));
        let version = (|| {
            Some(NewVersion {
                label: label?,
                commit: commit?,
                artifact_digest: artifact_digest?.unwrap_or_default(),
                training_data: training_data?,
                notes: notes?,
            })
        })();
        finish(version, errors)
    }

    /// What can still be edited once the version is registered.
    pub fn fields(&self) -> Vec<FieldText> {
        vec![
            FieldText::new("training_data", "Training data", &self.training_data),
            FieldText::new("notes", "Notes", &self.notes),
        ]
    }

    /// Takes one field of another input in place of this one's.
    pub fn take(&mut self, field: &str, from: &Self) {
        match field {
            "training_data" => self.training_data.clone_from(&from.training_data),
            "notes" => self.notes.clone_from(&from.notes),
            _ => {}
        }
    }
}
