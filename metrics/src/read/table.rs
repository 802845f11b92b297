//! The rows of a file, kept by column.

use super::MOST_GROUPS;
use super::asked::{self, Names, Role};
use super::column::Values;
use super::draft::{Draft, Groups, too_many_groups};
use super::request::{Kind, Range, Request};
use crate::{Problem, Spec};

/// The rows of a file of classified cases, by column.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Label + 2 × prediction, per row; 0 in tasks other than binary classification.
    pub cells: Vec<u8>,
    /// Scores in 0..1, never -0; empty when there are none.
    pub scores: Vec<f64>,
    /// Weights, finite and not negative; empty when there are none.
    pub weights: Vec<f64>,
    /// Hashes of ids, 0 where there is none; empty when they are not wanted, cannot be read or are
    /// too many.
    pub ids: Vec<u128>,
    pub attributes: Vec<Attribute>,
    /// What tasks other than binary classification ask for.
    pub asked: Vec<(Role, asked::Values)>,
}

/// An attribute, with the group of each row.
#[derive(Debug, Default)]
pub(crate) struct Attribute {
    pub name: String,
    pub groups: Vec<String>,
    pub codes: Vec<u16>,
}

/// Rows as they were asked for by [`Request::of`], their cells of the confusion matrix worked out.
#[derive(Debug, Default)]
pub(crate) struct Cases {
    pub cells: Vec<u8>,
    pub scores: Vec<f64>,
    pub weights: Vec<f64>,
    pub ids: Vec<u128>,
    pub groups: Vec<Groups>,
    pub asked: Vec<asked::Values>,
}

impl Cases {
    /// The columns of a draft, by what they are.
    pub fn of(draft: Draft, request: &Request, threshold: Option<f64>) -> Self {
        let mut cases = Self { cells: vec![0; draft.rows], ..Self::default() };
        let mut predictions = None;
        for (values, wanted) in draft.columns.into_iter().zip(&request.columns) {
            match (values, wanted.kind) {
                (Values::Classes(values), Kind::Label) => cases.cells = values,
                (Values::Classes(values), _) => predictions = Some(values),
                (Values::Numbers(values), Kind::Number(Range::Unit)) => cases.scores = values,
                (Values::Numbers(values), _) => cases.weights = values,
                (Values::Groups(groups), _) => cases.groups.push(groups),
                (Values::Asked(values), _) => cases.asked.push(values),
                (Values::Ids(ids), _) => cases.ids = ids,
                // `Request::of` asks for none.
                (Values::Texts(_), _) => {}
            }
        }
        let is_binary = request.label().is_some();
        match predictions {
            Some(predictions) => {
                for (cell, prediction) in cases.cells.iter_mut().zip(predictions) {
                    *cell |= prediction << 1;
                }
            }
            None if is_binary => {
                let threshold = threshold.unwrap_or(0.5);
                for (cell, score) in cases.cells.iter_mut().zip(&cases.scores) {
                    *cell |= u8::from(*score >= threshold) << 1;
                }
            }
            None => {}
        }
        cases
    }
}

impl Table {
    /// A table without rows.
    pub fn new(spec: &Spec) -> Self {
        let attribute = |name: &String| Attribute {
            name: crate::slice::normalise_name(name),
            ..Attribute::default()
        };
        Self {
            attributes: spec.slices.iter().map(attribute).collect(),
            asked: asked::asked(spec).into_iter().map(|(role, _)| (role, role.column())).collect(),
            ..Self::default()
        }
    }

    /// The numbers of a role; empty when no column has it.
    pub fn numbers(&self, role: Role) -> &[f64] {
        match self.asked.iter().find(|(known, _)| *known == role) {
            Some((_, asked::Values::Numbers(numbers))) => numbers,
            _ => &[],
        }
    }

    /// The names of a role, where a column has it.
    pub fn names(&self, role: Role) -> Option<&Names> {
        match self.asked.iter().find(|(known, _)| *known == role) {
            Some((_, asked::Values::Names(names))) => Some(names),
            _ => None,
        }
    }

    /// Makes room for so many rows at once.
    pub fn reserve(&mut self, rows: u64, spec: &Spec) {
        let rows = usize::try_from(rows).unwrap_or(0);
        self.cells.reserve(rows);
        self.scores.reserve(if spec.score.is_some() { rows } else { 0 });
        self.weights.reserve(if spec.weight.is_some() { rows } else { 0 });
        for attribute in &mut self.attributes {
            attribute.codes.reserve(rows);
        }
    }

    pub fn rows(&self) -> u64 {
        self.cells.len() as u64
    }

    /// Adds rows below those that are there.
    ///
    /// # Errors
    /// When there are too many rows, or too many groups.
    pub fn extend(&mut self, cases: Cases, request: &Request) -> Result<(), Problem> {
        if self.rows() + cases.cells.len() as u64 > u64::from(u32::MAX) {
            let problem = Problem::new("too_many_rows", "the file has too many rows");
            return Err(problem.expected(format!("at most {}", u32::MAX)));
        }
        self.cells.extend(cases.cells);
        self.scores.extend(cases.scores);
        self.weights.extend(cases.weights);
        self.ids.extend(cases.ids);
        let wanted = request.columns.iter().filter(|wanted| matches!(wanted.kind, Kind::Asked(_)));
        for (((role, column), later), wanted) in self.asked.iter_mut().zip(cases.asked).zip(wanted)
        {
            if !column.append(*role, later) {
                return Err(asked::too_many_classes(&wanted.name));
            }
        }
        for (attribute, groups) in self.attributes.iter_mut().zip(cases.groups) {
            let codes: Vec<u16> =
                groups.names.into_iter().map(|name| attribute.code(name)).collect();
            attribute.codes.extend(groups.codes.iter().map(|&code| codes[usize::from(code)]));
            if attribute.groups.len() > MOST_GROUPS {
                return Err(too_many_groups(&attribute.name));
            }
        }
        Ok(())
    }
}

impl Attribute {
    #[expect(clippy::cast_possible_truncation, reason = "reading stops above `MOST_GROUPS`")]
    fn code(&mut self, name: String) -> u16 {
        let place = self.groups.iter().position(|group| *group == name).unwrap_or_else(|| {
            self.groups.push(name);
            self.groups.len() - 1
        });
        place as u16
    }
}
