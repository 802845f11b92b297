//! What is wrong with an input, where, and what was expected instead.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where in the input a [`Problem`] stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Place {
    /// A JSON pointer (RFC 6901), such as `/estimates/3/value`; the empty string is the document.
    Pointer {
        /// The pointer.
        pointer: String,
    },
    /// A cell or a line of a table. Lines count from 1 and include the header.
    Cell {
        /// The line, from 1; `None` when the whole column is meant.
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<u64>,
        /// The column's name, or its position from 1 where it has none.
        #[serde(skip_serializing_if = "Option::is_none")]
        column: Option<String>,
    },
}

/// One thing that is wrong with an input.
///
/// A reader collects every problem it can see before it gives up, so that one reading mends the
/// file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "InputProblem")]
pub struct Problem {
    /// Where it stands; `None` when the input as a whole is meant.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// A stable, machine-readable name in `snake_case`, such as `unknown_column`.
    pub code: String,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// What was expected instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

impl Problem {
    /// A problem with the input as a whole.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { place: None, code: code.to_owned(), message: message.into(), expected: None }
    }

    /// The same problem at a JSON pointer.
    #[must_use]
    pub fn at_pointer(self, pointer: impl Into<String>) -> Self {
        Self { place: Some(Place::Pointer { pointer: pointer.into() }), ..self }
    }

    /// The same problem at a line and a column of a table.
    #[must_use]
    pub fn at_cell(self, line: Option<u64>, column: Option<&str>) -> Self {
        Self { place: Some(Place::Cell { line, column: column.map(str::to_owned) }), ..self }
    }

    /// The same problem, saying what was expected.
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer { pointer } if pointer.is_empty() => f.write_str("document"),
            Self::Pointer { pointer } => f.write_str(pointer),
            Self::Cell { line: Some(line), column: Some(column) } => {
                write!(f, "line {line}, column {column}")
            }
            Self::Cell { line: Some(line), column: None } => write!(f, "line {line}"),
            Self::Cell { line: None, column: Some(column) } => write!(f, "column {column}"),
            Self::Cell { line: None, column: None } => f.write_str("table"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, " (expected {expected})")?;
        }
        Ok(())
    }
}
