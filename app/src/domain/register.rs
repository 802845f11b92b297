//! What is typed to register and describe models, versions, datasets and attributes, and the same
//! once it is checked. Forms and the API share it, so that both refuse the same things in the same
//! words, all at once.

use super::attribute::Sensitivity;
use super::dataset::Obtained;
use super::model::{PositiveOutcome, RiskTier, Stage, Task};
use super::name::{Email, Label, Line, NotAName, Prose, Slug};
use crate::form::{FieldErrors, FieldText};
use metrics::slice::{MISSING, normalise_name};
use std::collections::BTreeSet;
use std::str::FromStr;

/// A model as somebody typed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInput {
    pub slug: String,
    pub name: String,
    /// The team's slug.
    pub team: String,
    pub task: String,
    pub risk_tier: String,
    pub stage: String,
    pub positive_outcome: String,
    pub architecture: String,
    pub surface: String,
    pub intended_use: String,
    pub out_of_scope_use: String,
    /// E-mail addresses.
    pub owners: Vec<String>,
    /// Slugs of other models.
    pub depends_on: Vec<String>,
    pub restricted: bool,
}

/// A model that can be registered, as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewModel {
    pub slug: Slug,
    pub name: Line,
    pub team: Slug,
    pub task: Task,
    pub risk_tier: RiskTier,
    pub stage: Stage,
    pub positive_outcome: PositiveOutcome,
    /// One line, or empty.
    pub architecture: String,
    /// One line, or empty.
    pub surface: String,
    pub intended_use: Prose,
    pub out_of_scope_use: Prose,
    pub owners: Vec<Email>,
    pub depends_on: Vec<Slug>,
    pub restricted: bool,
}

const MOST_OWNERS: usize = 50;
const MOST_DEPENDENCIES: usize = 100;

impl ModelInput {
    /// Everything that is wrong with it at once, or the checked model.
    pub fn check(&self) -> Result<NewModel, FieldErrors> {
        let mut errors = FieldErrors::default();
        let slug = errors.check("slug", not_reserved(&self.slug).and_then(Slug::new));
        let name = errors.check("name", Line::new(&self.name));
        let team = errors.check("team", needed(&self.team));
        let task = errors.check("task", needed(&self.task));
        let risk_tier = errors.check("risk_tier", needed(&self.risk_tier));
        let stage = errors.check("stage", or_default(&self.stage, Stage::Development));
        let positive_outcome = errors.check(
            "positive_outcome",
            or_default(&self.positive_outcome, PositiveOutcome::Favourable),
        );
        let architecture = errors.check("architecture", optional_line(&self.architecture));
        let surface = errors.check("surface", optional_line(&self.surface));
        let intended_use = errors.check("intended_use", Prose::new(&self.intended_use));
        let out_of_scope_use = errors.check("out_of_scope_use", Prose::new(&self.out_of_scope_use));
        let owners = check_each(&mut errors, "owners", &self.owners, MOST_OWNERS, Email::new);
        let depends_on =
            check_each(&mut errors, "depends_on", &self.depends_on, MOST_DEPENDENCIES, |slug| {
                if slug.trim() == self.slug.trim() {
                    return Err(NotAName("a model cannot depend on itself"));
                }
                Slug::new(slug)
            });
        let model = (|| {
            Some(NewModel {
                slug: slug?,
                name: name?,
                team: team?,
                task: task?,
                risk_tier: risk_tier?,
                stage: stage?,
                positive_outcome: positive_outcome?,
                architecture: architecture?,
                surface: surface?,
                intended_use: intended_use?,
                out_of_scope_use: out_of_scope_use?,
                owners,
                depends_on,
                restricted: self.restricted,
            })
        })();
        finish(model, errors)
    }

    /// The fields that can be edited, for telling two editors apart.
    pub fn fields(&self) -> Vec<FieldText> {
        let mut fields: Vec<_> = [
            ("name", "Name", &self.name),
            ("team", "Team", &self.team),
            ("task", "Task", &self.task),
            ("risk_tier", "Risk tier", &self.risk_tier),
            ("stage", "Stage", &self.stage),
            ("positive_outcome", "A positive prediction is", &self.positive_outcome),
            ("surface", "Surface", &self.surface),
            ("architecture", "Architecture", &self.architecture),
            ("intended_use", "Intended use", &self.intended_use),
            ("out_of_scope_use", "Out-of-scope use", &self.out_of_scope_use),
        ]
        .into_iter()
        .map(|(name, label, text)| FieldText::new(name, label, text))
        .collect();
        fields.push(FieldText::new("owners", "Owners", &sorted(&self.owners)));
        fields.push(FieldText::new("depends_on", "Depends on", &sorted(&self.depends_on)));
        let restricted = if self.restricted { "yes" } else { "no" };
        fields.push(FieldText::new("restricted", "Restricted", restricted));
        fields
    }

    /// Takes one field of another input in place of this one's.
    pub fn take(&mut self, field: &str, from: &Self) {
        match field {
            "name" => self.name.clone_from(&from.name),
            "team" => self.team.clone_from(&from.team),
            "task" => self.task.clone_from(&from.task),
            "risk_tier" => self.risk_tier.clone_from(&from.risk_tier),
            "stage" => self.stage.clone_from(&from.stage),
            "positive_outcome" => self.positive_outcome.clone_from(&from.positive_outcome),
            "surface" => self.surface.clone_from(&from.surface),
            "architecture" => self.architecture.clone_from(&from.architecture),
            "intended_use" => self.intended_use.clone_from(&from.intended_use),
            "out_of_scope_use" => self.out_of_scope_use.clone_from(&from.out_of_scope_use),
            "owners" => self.owners.clone_from(&from.owners),
            "depends_on" => self.depends_on.clone_from(&from.depends_on),
            "restricted" => self.restricted = from.restricted,
            _ => {}
        }
    }
}

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

/// Splits what was typed into one field: at commas, semicolons and white space.
pub fn split_list(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `/models/new` and `…/versions/new` are forms.
fn not_reserved(text: &str) -> Result<&str, NotAName> {
    if text.trim() == "new" { Err(NotAName("`new` is taken; use another")) } else { Ok(text) }
}

fn needed<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is needed".to_owned());
    }
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn or_default<T: FromStr<Err = String>>(text: &str, default: T) -> Result<T, String> {
    let text = text.trim();
    if text.is_empty() { Ok(default) } else { text.parse() }
}

fn optional_line(text: &str) -> Result<String, NotAName> {
    if text.trim().is_empty() { Ok(String::new()) } else { Line::new(text).map(String::from) }
}

fn optional_digest(text: &str) -> Result<Option<String>, NotAName> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Ok(None);
    }
    let is_digest = text
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    is_digest
        .then_some(Some(text))
        .ok_or(NotAName("use sha256: and 64 hexadecimal digits, as `sha256sum` prints them"))
}

fn optional_count(text: &str) -> Result<Option<i64>, NotAName> {
    let text = text.trim().replace(',', "");
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().ok().filter(|n| *n >= 0).map(Some).ok_or(NotAName("use a whole number of rows"))
}

fn check_each<T: Ord + Clone>(
    errors: &mut FieldErrors,
    field: &str,
    texts: &[String],
    most: usize,
    check: impl Fn(&str) -> Result<T, NotAName>,
) -> Vec<T> {
    if texts.len() > most {
        errors.add(field, format!("use at most {most}"));
        return vec![];
    }
    let mut all = BTreeSet::new();
    for text in texts {
        match check(text) {
            Ok(value) => {
                all.insert(value);
            }
            Err(message) => errors.add(field, format!("`{text}`: {message}")),
        }
    }
    all.into_iter().collect()
}

fn sorted(texts: &[String]) -> String {
    let mut texts = texts.to_vec();
    texts.sort();
    texts.join(", ")
}

fn finish<T>(value: Option<T>, errors: FieldErrors) -> Result<T, FieldErrors> {
    match value {
        Some(value) if errors.is_empty() => Ok(value),
        _ => Err(errors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelInput {
        ModelInput {
            slug: "credit-scorer".to_owned(),
            name: "Credit scorer".to_owned(),
            team: "risk".to_owned(),
            task: "binary_classification".to_owned(),
            risk_tier: "high".to_owned(),
            ..ModelInput::default()
        }
    }

    #[test]
    fn a_model_needs_five_things_and_the_rest_has_defaults() {
        let checked = model().check().unwrap();
        assert_eq!(checked.stage, Stage::Development);
        let errors = ModelInput::default().check().unwrap_err();
        let fields: Vec<_> = errors.iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["name", "risk_tier", "slug", "task", "team"]);
    }

    #[test]
    fn a_model_cannot_depend_on_itself_nor_be_called_new() {
        let errors = ModelInput { depends_on: vec!["credit-scorer".to_owned()], ..model() }.check();
        assert!(!errors.unwrap_err().of("depends_on").is_empty());
        let errors = ModelInput { slug: "new".to_owned(), ..model() }.check();
        assert!(!errors.unwrap_err().of("slug").is_empty());
    }

    #[test]
    fn every_editable_field_of_a_model_can_be_taken_from_another() {
        let other = ModelInput {
            slug: model().slug,
            name: "a".into(),
            team: "b".into(),
            task: "c".into(),
            risk_tier: "d".into(),
            stage: "e".into(),
            positive_outcome: "f".into(),
            architecture: "g".into(),
            surface: "h".into(),
            intended_use: "i".into(),
            out_of_scope_use: "j".into(),
            owners: vec!["k".into()],
            depends_on: vec!["l".into()],
            restricted: true,
        };
        let mut input = model();
        for field in other.fields() {
            input.take(field.name, &other);
        }
        assert_eq!(input, other);
    }

    #[test]
    fn what_was_not_measured_needs_a_reason() {
        let mut input = DatasetInput {
            name: "adult-test".to_owned(),
            label: "1994".to_owned(),
            attributes: vec![ObtainedInput {
                attribute: "disability".to_owned(),
                obtained: "not_measured".to_owned(),
                note: String::new(),
            }],
            ..DatasetInput::default()
        };
        assert!(!input.check().unwrap_err().of("note_0").is_empty());
        "the census did not ask".clone_into(&mut input.attributes[0].note);
        assert_eq!(input.check().unwrap().attributes.len(), 1);
    }

    #[test]
    fn an_artifact_digest_is_sha256_and_64_digits() {
        let version = |digest: &str| VersionInput {
            label: "v1".to_owned(),
            artifact_digest: digest.to_owned(),
            ..VersionInput::default()
        };
        assert!(version(&format!("sha256:{}", "aB".repeat(32))).check().is_ok());
        assert!(version("").check().is_ok());
        assert!(version("sha256:12").check().is_err());
    }

    #[test]
    fn a_group_named_missing_is_refused() {
        assert!(check_group_name(" (missing) ").is_err());
        assert_eq!(check_group_name(" 30.0 ").unwrap(), "30");
    }
}
