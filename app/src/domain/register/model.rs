//! A model as it is typed, and once it is checked.

use super::checks::{check_each, finish, needed, not_reserved, optional_line, or_default, sorted};
use crate::domain::model::{PositiveOutcome, RiskTier, Stage, Task};
use crate::domain::name::{Email, Line, NotAName, Prose, Slug};
use crate::form::{FieldErrors, FieldText};

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
    /// Days; empty for the default, 0 for not at all.
    pub rows_kept_days: String,
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
    /// How long the pruned rows of its runs are kept; `None`: they are not.
    pub rows_kept_days: Option<i64>,
}

/// How long a new model's pruned rows are kept unless it says otherwise: two quarters, so that a
/// mitigation meets the run that it started from.
pub const ROWS_KEPT_DAYS: i64 = 180;
const MOST_DAYS: i64 = 3_650;

fn rows_kept_days(text: &str) -> Result<Option<i64>, NotAName> {
    match text.trim() {
        "" => Ok(Some(ROWS_KEPT_DAYS)),
        text => match text.parse() {
            Ok(0) => Ok(None),
            Ok(days @ 1..=MOST_DAYS) => Ok(Some(days)),
            _ => Err(NotAName("use a whole number of days, 3650 at most; 0 keeps none")),
        },
    }
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
        let rows_kept_days = errors.check("rows_kept_days", rows_kept_days(&self.rows_kept_days));
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
                rows_kept_days: rows_kept_days?,
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
            ("rows_kept_days", "Days that rows are kept", &self.rows_kept_days),
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
            "rows_kept_days" => self.rows_kept_days.clone_from(&from.rows_kept_days),
            _ => {}
        }
    }
}
