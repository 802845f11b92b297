//! A dataset's card as it is typed, and once it is checked.

use super::checks::{finish, needed, optional_count, optional_digest, optional_line};
use crate::domain::dataset::Obtained;
use crate::domain::name::{Label, Line, Prose, Slug};
use crate::form::{FieldErrors, FieldText};
use metrics::slice::normalise_name;
use std::collections::BTreeSet;

/// How the labels of one attribute came to be, as somebody typed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObtainedInput {
    pub attribute: String,
    pub obtained: String,
    pub note: String,
}

/// A dataset's card as somebody typed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetInput {
    pub name: String,
    pub label: String,
    pub digest: String,
    pub rows: String,
    pub origin: String,
    pub sampling: String,
    pub collected: String,
    pub notes: String,
    pub attributes: Vec<ObtainedInput>,
}

/// How the labels of one attribute came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeLabels {
    pub attribute: String,
    pub obtained: Obtained,
    /// The reason where it was not measured; error rates where it was inferred.
    pub note: String,
}

/// A dataset that can be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDataset {
    pub name: Slug,
    pub label: Label,
    pub digest: Option<String>,
    pub rows: Option<i64>,
    pub origin: Prose,
    pub sampling: Prose,
    /// One line, or empty: a day, or from when to when.
    pub collected: String,
    pub notes: Prose,
    pub attributes: Vec<AttributeLabels>,
}

impl DatasetInput {
    pub fn check(&self) -> Result<NewDataset, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", Slug::new(&self.name));
        let label = errors.check("label", Label::new(&self.label));
        let digest = errors.check("digest", optional_digest(&self.digest));
        let rows = errors.check("rows", optional_count(&self.rows));
        let origin = errors.check("origin", Prose::new(&self.origin));
        let sampling = errors.check("sampling", Prose::new(&self.sampling));
        let collected = errors.check("collected", optional_line(&self.collected));
        let notes = errors.check("notes", Prose::new(&self.notes));
        let mut seen = BTreeSet::new();
        let mut attributes = Vec::new();
        for (i, typed) in self.attributes.iter().enumerate() {
            let field = |part: &str| format!("{part}_{i}");
            let attribute = normalise_name(&typed.attribute);
            let note = typed.note.trim();
            if attribute.is_empty() && typed.obtained.is_empty() && note.is_empty() {
                continue;
            }
            let obtained: Option<Obtained> =
                errors.check(&field("obtained"), needed(&typed.obtained));
            let note = errors.check(&field("note"), Prose::new(note).map(String::from));
            let named = errors.check(&field("attribute"), Line::new(&attribute)).map(String::from);
            let (Some(attribute), Some(obtained), Some(note)) = (named, obtained, note) else {
                continue;
            };
            if obtained == Obtained::NotMeasured && note.is_empty() {
                errors.add(&field("note"), "say why it was not measured");
            }
            if !seen.insert(attribute.clone()) {
                errors.add(&field("attribute"), "this attribute stands here twice");
            }
            attributes.push(AttributeLabels { attribute, obtained, note });
        }
        let dataset = (|| {
            Some(NewDataset {
                name: name?,
                label: label?,
                digest: digest?,
                rows: rows?,
                origin: origin?,
                sampling: sampling?,
                collected: collected?,
                notes: notes?,
                attributes,
            })
        })();
        finish(dataset, errors)
    }

    /// What can be edited, for telling two editors apart.
    pub fn fields(&self) -> Vec<FieldText> {
        let mut lines: Vec<String> = self
            .attributes
            .iter()
            .filter(|typed| !typed.attribute.trim().is_empty())
            .map(|typed| {
                let words = typed.obtained.parse::<Obtained>().map_or("", Obtained::label);
                let note = typed.note.trim();
                let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
                format!("{}: {words}{note}", normalise_name(&typed.attribute))
            })
            .collect();
        lines.sort();
        vec![
            FieldText::new("origin", "Origin", &self.origin),
            FieldText::new("sampling", "Sampling", &self.sampling),
            FieldText::new("collected", "Collected", &self.collected),
            FieldText::new("notes", "Notes", &self.notes),
            FieldText::new("attributes", "How group labels were obtained", &lines.join("\n")),
        ]
    }

    /// Takes one field of another input in place of this one's.
    pub fn take(&mut self, field: &str, from: &Self) {
        match field {
            "origin" => self.origin.clone_from(&from.origin),
            "sampling" => self.sampling.clone_from(&from.sampling),
            "collected" => self.collected.clone_from(&from.collected),
            "notes" => self.notes.clone_from(&from.notes),
            "attributes" => self.attributes.clone_from(&from.attributes),
            _ => {}
        }
    }
}
