//! What is asked of a file: which columns, and as what each is to be read.

use super::Ids;
use super::asked::{Role, asked};
use crate::Spec;
use crate::spec::{Missing, Task};

/// The columns that a reader is to bring.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// They come in this order.
    pub columns: Vec<Wanted>,
    /// Columns that have to be there and are not read.
    pub present: Vec<String>,
    /// The class that counts as positive, where classes are not 0/1 or true/false.
    pub positive: Option<String>,
    /// What becomes of a row with an empty group.
    pub missing: Missing,
    /// How ids are hashed.
    pub ids: Option<&'a Ids>,
}

/// A column that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub name: String,
    pub kind: Kind,
}

/// As what a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A label, 0 or 1.
    Label,
    /// A prediction, 0 or 1: as labels are written, or as 0/1 all the same.
    Prediction,
    /// A finite number.
    Number(Range),
    /// A group of few: a code and its name.
    Group,
    /// What identifies a row, hashed; nothing where it cannot be read.
    Id,
    /// What a task other than binary classification asks for.
    Asked(Role),
    /// Text as it stands, empty where there is none.
    Text,
}

impl Kind {
    /// Whether most rows have a text of their own here.
    pub fn is_of_many(self) -> bool {
        match self {
            Self::Id => true,
            Self::Asked(role) => role.is_of_many(),
            _ => false,
        }
    }
}

/// Which numbers a column may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// Scores: 0..1.
    Unit,
    /// Weights: at least 0.
    NotNegative,
}

impl<'a> Request<'a> {
    /// The columns of a spec: label, score, prediction and weight, as far as it has them, what other
    /// tasks ask for, the id where it is hashed, then the attributes.
    pub fn of(spec: &Spec, ids: Option<&'a Ids>) -> Self {
        let wanted = |name: &str, kind| Wanted { name: name.to_owned(), kind };
        let is_binary = spec.task == Task::BinaryClassification;
        let mut columns: Vec<Wanted> =
            asked(spec).into_iter().map(|(role, name)| wanted(name, Kind::Asked(role))).collect();
        if is_binary {
            columns.push(wanted(&spec.label, Kind::Label));
            columns.extend(spec.prediction.iter().map(|name| wanted(name, Kind::Prediction)));
        }
        columns.extend(spec.score.iter().map(|name| wanted(name, Kind::Number(Range::Unit))));
        columns
            .extend(spec.weight.iter().map(|name| wanted(name, Kind::Number(Range::NotNegative))));
        let id = spec.id.iter().filter(|_| ids.is_some());
        columns.extend(id.map(|name| wanted(name, Kind::Id)));
        columns.extend(spec.slices.iter().map(|name| wanted(name, Kind::Group)));
        let present = spec.id.iter().filter(|_| ids.is_none());
        Self {
            columns,
            present: present.cloned().collect(),
            positive: spec.positive.clone(),
            missing: spec.missing,
            ids,
        }
    }

    /// The names of all columns that it needs, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        let all = self.present.iter().chain(self.columns.iter().map(|wanted| &wanted.name));
        for name in all {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// Whether rows have weights.
    pub fn weighted(&self) -> bool {
        self.columns.iter().any(|wanted| wanted.kind == Kind::Number(Range::NotNegative))
    }

    /// The column whose values the positive class is one of.
    pub fn label(&self) -> Option<&str> {
        self.columns
            .iter()
            .find(|wanted| wanted.kind == Kind::Label)
            .map(|wanted| wanted.name.as_str())
    }
}
