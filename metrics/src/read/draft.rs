//! A part of a file, read on its own, so that parts can be read at the same time.

use super::MOST_GROUPS;
use super::asked::Values;
use super::cell::Classes;
use super::problems::Problems;
use crate::Problem;
use crate::slice::{MISSING, normalise_name};
use crate::spec::Missing;
use std::collections::HashMap;

/// The rows of a part, by column.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub cells: Vec<u8>,
    pub scores: Vec<f64>,
    pub weights: Vec<f64>,
    pub ids: Vec<u128>,
    pub groups: Vec<Groups>,
    pub asked: Vec<Values>,
    pub rows_read: u64,
    pub dropped: u64,
    pub problems: Problems,
    pub classes: Classes,
}

/// The groups of an attribute in a part, numbered in the order in which they were met.
#[derive(Debug)]
pub(super) struct Groups {
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
    pub fn look_up(&mut self, text: &[u8]) -> Group {
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
        Group::NotText => ("not_utf8", "the text is not UTF-8".to_owned(), "text in UTF-8"),
        Group::Code(_) | Group::Missing | Group::TooMany => {
            ("missing_group", format!("`{column}` is empty"), "a group, or another `missing` rule")
        }
    };
    Problem::new(code, message).at_cell(Some(line), Some(column)).expected(expected)
}

pub(super) fn too_many_groups(column: &str) -> Problem {
    let message = format!("attribute `{column}` has more than {MOST_GROUPS} groups");
    Problem::new("too_many_groups", message)
        .at_cell(None, Some(column))
        .expected("a column with few values, such as bands in place of numbers")
}
