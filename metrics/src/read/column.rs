//! A column in a part of a file: checks cells as they come, whatever the format wrote them in.

use super::Ids;
use super::asked;
use super::cell::{self, Classes};
use super::draft::{Group, Groups, group_problem, too_many_groups};
use super::problems::Problems;
use super::request::{Kind, Range, Request, Wanted};
use crate::Problem;
use crate::spec::Missing;
use std::io::Write;

/// The values of a column.
#[derive(Debug)]
pub(crate) enum Values {
    /// 0 or 1.
    Classes(Vec<u8>),
    /// Finite, in the range that was asked for, never -0.
    Numbers(Vec<f64>),
    Groups(Groups),
    /// Hashes, 0 where there is no id.
    Ids(Vec<u128>),
    /// What a task other than binary classification asks for.
    Asked(asked::Values),
    Texts(Texts),
}

/// Text after text, and where each ends.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    /// The text of a row; empty beyond the last.
    pub fn get(&self, row: usize) -> &str {
        let begin = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let range = begin.unwrap_or(0)..self.ends.get(row).copied().unwrap_or(0);
        self.bytes.get(range).unwrap_or_default()
    }

    fn retain(&mut self, keep: &[bool]) {
        let mut kept = Self::default();
        for (row, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
            kept.push(self.get(row));
        }
        *self = kept;
    }
}

/// A column that is being filled. Whatever is wrong with a cell, it takes one place.
#[derive(Debug)]
pub(super) struct Column<'a> {
    pub wanted: &'a Wanted,
    pub values: Values,
    pub problems: Problems,
    pub classes: Classes,
    /// The class that counts as positive, where classes are not 0 and 1 as such.
    pub positive: Option<&'a str>,
    missing: Missing,
    ids: Option<&'a Ids>,
    text: Vec<u8>,
}

/// The code of a row whose group is empty and that is dropped for it.
pub(super) const DROPPED: u16 = u16::MAX;

impl<'a> Column<'a> {
    pub fn new(wanted: &'a Wanted, request: &'a Request<'a>) -> Self {
        let values = match wanted.kind {
            Kind::Label | Kind::Prediction => Values::Classes(Vec::new()),
            Kind::Number(_) => Values::Numbers(Vec::new()),
            Kind::Group => Values::Groups(Groups::new(request.missing)),
            Kind::Id => Values::Ids(Vec::new()),
            Kind::Asked(role) => Values::Asked(role.column()),
            Kind::Text => Values::Texts(Texts::default()),
        };
        Self {
            wanted,
            values,
            problems: Problems::default(),
            classes: Classes::default(),
            positive: request.positive.as_deref(),
            missing: request.missing,
            ids: request.ids,
            text: Vec::new(),
        }
    }

    /// Whether a number is more than its text here.
    pub fn reads_numbers(&self) -> bool {
        matches!(self.values, Values::Numbers(_) | Values::Asked(asked::Values::Numbers(_)))
    }

    /// Adds a cell that is text.
    #[inline]
    pub fn text(&mut self, text: &[u8], line: u64) {
        match &mut self.values {
            Values::Classes(values) => {
                let class = if text.is_empty() {
                    None
                } else if self.wanted.kind == Kind::Label {
                    self.classes.label(text, self.positive)
                } else {
                    self.classes.prediction(text, self.positive)
                };
                values.push(class.unwrap_or(0));
                if class.is_none() {
                    self.problems.push(|| cell::not_binary(text, &self.wanted.name, line));
                }
            }
            Values::Numbers(_) => match cell::number(text) {
                Some(number) => self.number(number, line),
                None => self.not_a_number(&cell::shown(text), line),
            },
            Values::Groups(groups) => {
                let group = groups.look_up(text);
                self.group(group, line);
            }
            Values::Ids(ids) => ids.push(self.ids.map_or(0, |how| how.hash(text))),
            Values::Asked(values) => {
                let Kind::Asked(role) = self.wanted.kind else { return };
                if let Err(wrong) = values.push_text(role, text) {
                    self.problems.push(|| asked::problem(wrong, &self.wanted.name, line));
                }
                if matches!(values, asked::Values::Names(names) if names.too_many(role)) {
                    self.problems.fatal(asked::too_many_classes(&self.wanted.name));
                }
            }
            Values::Texts(texts) => match std::str::from_utf8(text) {
                Ok(text) => texts.push(text),
                Err(_) => {
                    let problem = cell::not_utf8(&self.wanted.name, line);
                    self.wrong(problem);
                }
            },
        }
    }

    /// Adds a cell that is a number.
    #[inline]
    pub fn number(&mut self, number: f64, line: u64) {
        match (&mut self.values, self.wanted.kind) {
            (Values::Numbers(values), Kind::Number(range)) => {
                let checked = match range {
                    Range::Unit => cell::score(number),
                    Range::NotNegative => cell::weight(number),
                };
                match checked {
                    Ok(number) => values.push(number),
                    Err(wrong) => {
                        values.push(0.0);
                        self.problems.push(|| cell::bad_measure(wrong, &self.wanted.name, line));
                    }
                }
            }
            (Values::Asked(values), Kind::Asked(role)) => {
                match values.push_number(role, Some(number)) {
                    None if number.is_nan() => self.empty(line),
                    None => self.written(&number, line),
                    Some(Ok(())) => {}
                    Some(Err(wrong)) => {
                        self.problems.push(|| asked::problem(wrong, &self.wanted.name, line));
                    }
                }
            }
            _ if number.is_nan() => self.empty(line),
            _ => self.written(&number, line),
        }
    }

    /// Adds a cell that is a whole number.
    pub fn whole(&mut self, number: i128, line: u64) {
        if self.reads_numbers() {
            self.number(number as f64, line);
        } else {
            self.written(&number, line);
        }
    }

    /// Adds a cell that is a truth value.
    pub fn truth(&mut self, truth: bool, line: u64) {
        match self.values {
            Values::Numbers(_) => self.not_a_number(if truth { "true" } else { "false" }, line),
            _ => {
                self.text(if truth { b"true" } else { b"false" }, line);
            }
        }
    }

    /// Adds a cell that holds nothing.
    pub fn empty(&mut self, line: u64) {
        self.text(b"", line);
    }

    /// Adds a cell with a number as it is written shortest.
    pub fn written(&mut self, number: &dyn std::fmt::Display, line: u64) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        // Writing to memory cannot fail.
        let _ = write!(text, "{number}");
        self.text(&text, line);
        self.text = text;
    }

    /// Adds a cell whose group is known.
    #[inline]
    pub fn group(&mut self, group: Group, line: u64) {
        let Values::Groups(groups) = &mut self.values else { return };
        let code = match group {
            Group::Code(code) => code,
            Group::Missing if self.missing == Missing::Drop => DROPPED,
            Group::TooMany => {
                self.problems.fatal(too_many_groups(&self.wanted.name));
                0
            }
            other => {
                self.problems.push(|| group_problem(other, &self.wanted.name, line));
                0
            }
        };
        groups.codes.push(code);
    }

    /// Adds a cell that holds something of the wrong kind.
    pub fn wrong(&mut self, problem: Problem) {
        match &mut self.values {
            Values::Classes(values) => values.push(0),
            Values::Numbers(values) => values.push(0.0),
            Values::Groups(groups) => groups.codes.push(0),
            Values::Ids(ids) => ids.push(0),
            Values::Asked(values) => values.push_nothing(),
            Values::Texts(texts) => texts.push(""),
        }
        self.problems.push(|| problem);
    }

    fn not_a_number(&mut self, shown: &str, line: u64) {
        let name = &self.wanted.name;
        let message = if shown.trim().is_empty() {
            format!("`{name}` is empty")
        } else {
            format!("`{name}` is `{shown}`")
        };
        self.wrong(cell::bad_measure(("not_a_number", message), name, line));
    }
}

impl Values {
    /// Leaves only the rows that are to be kept.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        match self {
            Self::Classes(values) => retain(values, keep),
            Self::Numbers(values) => retain(values, keep),
            Self::Groups(groups) => retain(&mut groups.codes, keep),
            Self::Ids(ids) => retain(ids, keep),
            Self::Asked(values) => values.retain(keep),
            Self::Texts(texts) => texts.retain(keep),
        }
    }
}

/// Leaves out the values that are not to be kept.
pub(super) fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    values.retain(|_| keep.next().copied().unwrap_or(true));
}
