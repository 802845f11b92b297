//! A part of a file, read on its own, so that parts can be read at the same time.

use super::MOST_GROUPS;
use super::cell::{self, Classes};
use super::column::{Column, DROPPED, Values};
use super::problems::Problems;
use crate::Problem;
use crate::slice::{MISSING, normalise_name};
use crate::spec::Missing;
use std::collections::HashMap;

/// The rows of a part, by column.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// In the order in which they were asked for, all of one length.
    pub columns: Vec<Values>,
    /// How many rows they have.
    pub rows: usize,
    pub(super) rows_read: u64,
    pub(super) dropped: u64,
    pub(super) problems: Problems,
    pub(super) classes: Classes,
    /// Whether nothing is wrong with any row.
    pub(super) right: bool,
}

impl Draft {
    /// Puts columns of `rows` rows together, after other problems of the part.
    pub(super) fn of(columns: Vec<Column>, rows: usize, problems: Problems) -> Self {
        let mut draft = Self { rows, rows_read: rows as u64, problems, ..Self::default() };
        for column in columns {
            draft.problems.append(column.problems, 0);
            draft.classes.merge(column.classes);
            draft.columns.push(column.values);
        }
        draft.problems.sort();
        draft.right = draft.problems.is_empty();
        if draft.right {
            draft.drop_empty();
        }
        draft
    }

    /// Leaves out rows with an empty group, where that is what becomes of them.
    fn drop_empty(&mut self) {
        let mut keep = Vec::new();
        for column in &self.columns {
            let Values::Groups(groups) = column else { continue };
            if groups.missing != Missing::Drop || !groups.codes.contains(&DROPPED) {
                continue;
            }
            keep.resize(self.rows, true);
            for (keep, code) in keep.iter_mut().zip(&groups.codes) {
                *keep &= *code != DROPPED;
            }
        }
        if keep.is_empty() {
            return;
        }
        for column in &mut self.columns {
            column.retain(&keep);
        }
        self.rows = keep.iter().filter(|keep| **keep).count();
        self.dropped = self.rows_read - self.rows as u64;
    }
}

/// The groups of an attribute in a part, numbered in the order in which they were met.
#[derive(Debug)]
pub(crate) struct Groups {
    pub names: Vec<String>,
    pub codes: Vec<u16>,
    missing: Missing,
    /// Each spelling that was met; the first few are looked through, the others hashed.
    first: Vec<(Box<[u8]>, Group)>,
    others: HashMap<Box<[u8]>, Group>,
}

/// What a cell of an attribute says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// A group, by its number.
    Code(u16),
    /// Nothing, and that is not a group here.
    Missing,
    /// The name that is kept for empty cells.
    Reserved,
    /// Bytes that are not UTF-8.
    NotText,
    /// One group more than an attribute may have.
    TooMany,
}

impl Groups {
    pub fn new(missing: Missing) -> Self {
        Self {
            names: Vec::new(),
            codes: Vec::new(),
            missing,
            first: Vec::new(),
            others: HashMap::new(),
        }
    }

    /// The group of a cell's text.
    #[inline]
    pub(super) fn look_up(&mut self, text: &[u8]) -> Group {
        for (known, group) in &self.first {
            if **known == *text {
                return *group;
            }
        }
        self.look_further(text)
    }

    fn look_further(&mut self, text: &[u8]) -> Group {
        const FIRST: usize = 12;
        if let Some(group) = self.others.get(text) {
            return *group;
        }
        let group = self.learn(text);
        if self.first.len() < FIRST {
            self.first.push((text.into(), group));
        } else if self.others.len() < 4 * MOST_GROUPS {
            self.others.insert(text.into(), group);
        }
        group
    }

    fn learn(&mut self, text: &[u8]) -> Group {
        let Ok(text) = std::str::from_utf8(text) else { return Group::NotText };
        let name = normalise_name(text);
        match name.as_str() {
            "" if self.missing == Missing::Group => self.number(MISSING.to_owned()),
            "" => Group::Missing,
            MISSING => Group::Reserved,
            _ => self.number(name),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "there are at most `MOST_GROUPS`")]
    fn number(&mut self, name: String) -> Group {
        match self.names.iter().position(|known| *known == name) {
            Some(place) => Group::Code(place as u16),
            None if self.names.len() >= MOST_GROUPS => Group::TooMany,
            None => {
                self.names.push(name);
                Group::Code((self.names.len() - 1) as u16)
            }
        }
    }
}

/// What is wrong with a group, for the column and line where it stands.
pub(super) fn group_problem(group: Group, column: &str, line: u64) -> Problem {
    let (code, message, expected) = match group {
        Group::Reserved => (
            "reserved_group",
            format!("a group is named `{MISSING}`"),
            "another name; empty cells become that group",
        ),
        Group::NotText => return cell::not_utf8(column, line),
        Group::Code(_) | Group::Missing | Group::TooMany => {
            ("missing_group", format!("`{column}` is empty"), "a group, or another `missing` rule")
        }
    };
    Problem::new(code, message).at_cell(Some(line), Some(column)).expected(expected)
}

pub(crate) fn too_many_groups(column: &str) -> Problem {
    let message = format!("attribute `{column}` has more than {MOST_GROUPS} groups");
    Problem::new("too_many_groups", message)
        .at_cell(None, Some(column))
        .expected("a column with few values, such as bands in place of numbers")
}
