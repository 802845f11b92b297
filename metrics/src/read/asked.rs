//! Columns that tasks other than binary classification ask for, and clusters, each read by its role.

use super::cell;
use super::column::retain;
use crate::slice::normalise_name;
use crate::spec::{Judgement, Spec, Task};
use std::collections::HashMap;

/// More classes than this make no classification.
const MOST_CLASSES: usize = 1_000;
/// The size of numbers, so that the fourth powers of their differences stay finite.
const LARGEST: f64 = 1e60;

/// What a column is to the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The true class.
    Class,
    /// The predicted class.
    PredictedClass,
    /// The score of the class with this place among those that have scores.
    ClassScore(usize),
    /// The true number.
    Number,
    /// The predicted number.
    PredictedNumber,
    /// What a list of items answers.
    Query,
    /// An item of a list.
    Item,
    /// The item's place in the list; not a number where it was not shown.
    Rank,
    /// The item's relevance.
    Relevance,
    /// A judgement, not a number where the judge failed: yes is at least the threshold; a contest
    /// won is 1, tied ½, lost 0.
    Judgement(Judgement),
    /// Rows of the same belong together.
    Cluster,
}

/// A column, by what it holds.
#[derive(Debug)]
pub(crate) enum Values {
    Numbers(Vec<f64>),
    Names(Names),
}

/// Text as numbers, in the order in which each was first met.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub texts: Vec<String>,
    pub codes: Vec<u32>,
    known: HashMap<String, u32>,
}

/// What is wrong with a cell: code, message, and what was expected.
pub(super) type Wrong = (&'static str, String, &'static str);

/// The columns that the spec asks for, by role.
pub(super) fn asked(spec: &Spec) -> Vec<(Role, &str)> {
    let mut asked: Vec<(Role, &str)> = Vec::new();
    match spec.task {
        Task::MulticlassClassification => {
            asked.push((Role::Class, &spec.label));
            asked.extend(spec.prediction.as_deref().map(|name| (Role::PredictedClass, name)));
            let scores = spec.scores.values().enumerate();
            asked.extend(scores.map(|(i, name)| (Role::ClassScore(i), name.as_str())));
        }
        Task::Regression => {
            asked.push((Role::Number, &spec.label));
            asked.extend(spec.prediction.as_deref().map(|name| (Role::PredictedNumber, name)));
        }
        Task::BinaryClassification
        | Task::Ranking
        | Task::TextGeneration
        | Task::ImageGeneration => {}
    }
    if let Some(ranking) = &spec.ranking {
        asked.push((Role::Query, &ranking.query));
        for (role, column) in [
            (Role::Item, &ranking.item),
            (Role::Rank, &ranking.rank),
            (Role::Relevance, &ranking.relevance),
        ] {
            asked.extend(column.as_deref().map(|name| (role, name)));
        }
    }
    if let Some(judged) = &spec.judged {
        let columns = judged.columns.iter();
        asked.extend(columns.map(|(&what, name)| (Role::Judgement(what), name.as_str())));
    }
    asked.extend(spec.cluster.as_deref().map(|name| (Role::Cluster, name)));
    asked
}

impl Role {
    fn is_name(self) -> bool {
        matches!(
            self,
            Self::Class | Self::PredictedClass | Self::Query | Self::Item | Self::Cluster
        )
    }

    /// Whether most rows have a name of their own here.
    pub fn is_of_many(self) -> bool {
        matches!(self, Self::Query | Self::Item | Self::Cluster)
    }

    /// An empty column of this role.
    pub fn column(self) -> Values {
        if self.is_name() { Values::Names(Names::default()) } else { Values::Numbers(Vec::new()) }
    }

    /// The number in a cell; an empty cell or `NaN` is `None`.
    fn number(self, number: Option<f64>) -> Result<f64, Wrong> {
        let Some(number) = number.filter(|number| !number.is_nan()) else {
            return match self {
                Self::Rank | Self::Judgement(_) => Ok(f64::NAN),
                _ => Err(("not_a_number", "it is empty".to_owned(), "a finite number")),
            };
        };
        let (fits, expected) = match self {
            Self::ClassScore(_) => ((0.0..=1.0).contains(&number), "a number in 0..1"),
            Self::Rank => {
                (number >= 1.0 && number.fract() == 0.0 && number <= 1e9, "a whole number from 1")
            }
            Self::Relevance => {
                ((0.0..=LARGEST).contains(&number), "a number of at least 0 and at most 1e60")
            }
            Self::Judgement(Judgement::Sentiment) => (
                (-1.0..=1.0).contains(&number),
                "a number in -1..1, or empty where the judge failed",
            ),
            Self::Judgement(Judgement::Win) => {
                (false, "win, tie or loss, or empty where the judge failed")
            }
            Self::Judgement(_) => (
                (0.0..=1.0).contains(&number),
                "true or false, a score in 0..1, or empty where the judge failed",
            ),
            _ => (number.abs() <= LARGEST, "a number of at most 1e60 in size"),
        };
        // -0 would sort and print as another number.
        if fits {
            Ok(number + 0.0)
        } else {
            Err(("out_of_range", format!("it is {number}"), expected))
        }
    }

    fn text(self, text: &[u8]) -> Result<f64, Wrong> {
        if let Self::Judgement(judgement) = self {
            let word = text.trim_ascii().to_ascii_lowercase();
            if is_failure(&word) {
                return Ok(f64::NAN);
            }
            match (judgement, word.as_slice()) {
                (Judgement::Win, b"win") => return Ok(1.0),
                (Judgement::Win, b"tie") => return Ok(0.5),
                (Judgement::Win, b"loss") => return Ok(0.0),
                _ if judgement.is_flag() => {
                    if let Some(flag) = cell::plain(text) {
                        return Ok(f64::from(flag));
                    }
                }
                _ => {}
            }
        }
        match cell::number(text) {
            Some(number) => self.number(Some(number)),
            None if text.trim_ascii().is_empty() => self.number(None),
            None => {
                let (_, _, expected) = match self.number(Some(f64::INFINITY)) {
                    Err(wrong) => wrong,
                    Ok(_) => ("", String::new(), "a number"),
                };
                Err(("not_a_number", format!("it is `{}`", cell::shown(text)), expected))
            }
        }
    }
}

/// What tools write where a judge gave no answer that could be read.
fn is_failure(word: &[u8]) -> bool {
    let words: [&[u8]; 8] =
        [b"", b"error", b"failed", b"invalid", b"nan", b"none", b"null", b"n/a"];
    words.contains(&word)
}

impl Values {
    /// Adds a cell of which nothing is known.
    pub fn push_nothing(&mut self) {
        match self {
            Self::Numbers(numbers) => numbers.push(0.0),
            Self::Names(names) => names.codes.push(0),
        }
    }

    /// Adds a cell of text.
    pub fn push_text(&mut self, role: Role, text: &[u8]) -> Result<(), Wrong> {
        match self {
            Self::Numbers(numbers) => {
                let number = role.text(text);
                numbers.push(*number.as_ref().unwrap_or(&0.0));
                number.map(drop)
            }
            Self::Names(names) => names.push(role, text),
        }
    }

    /// Adds a cell that holds a number; `None` where this column wants text.
    pub fn push_number(&mut self, role: Role, number: Option<f64>) -> Option<Result<(), Wrong>> {
        let Self::Numbers(numbers) = self else { return None };
        let number = role.number(number);
        numbers.push(*number.as_ref().unwrap_or(&0.0));
        Some(number.map(drop))
    }

    /// Adds the cells of a later part; `false` when there are more classes than may be.
    pub fn append(&mut self, role: Role, later: Self) -> bool {
        match (self, later) {
            (Self::Numbers(numbers), Self::Numbers(later)) => {
                numbers.extend(later);
                true
            }
            (Self::Names(names), Self::Names(later)) => {
                let codes: Vec<u32> =
                    later.texts.into_iter().map(|name| names.code(name)).collect();
                names.codes.extend(later.codes.iter().map(|&code| codes[code as usize]));
                !names.too_many(role)
            }
            _ => false,
        }
    }

    /// Leaves out rows.
    pub fn retain(&mut self, keep: &[bool]) {
        match self {
            Self::Numbers(numbers) => retain(numbers, keep),
            Self::Names(names) => retain(&mut names.codes, keep),
        }
    }
}

impl Names {
    /// The names of some rows.
    pub fn of_rows(names: &Self, rows: &[usize]) -> Self {
        Self {
            texts: names.texts.clone(),
            codes: rows.iter().map(|&row| names.codes[row]).collect(),
            known: HashMap::new(),
        }
    }

    fn push(&mut self, role: Role, text: &[u8]) -> Result<(), Wrong> {
        let Ok(text) = std::str::from_utf8(text) else {
            self.codes.push(0);
            return Err(("not_utf8", "the text is not UTF-8".to_owned(), "text in UTF-8"));
        };
        let text = text.trim();
        if text.is_empty() {
            self.codes.push(0);
            return Err(("empty", "it is empty".to_owned(), "a name or a number"));
        }
        let code = match self.known.get(text) {
            Some(&code) => code,
            None if matches!(role, Role::Class | Role::PredictedClass) => {
                self.code(normalise_name(text))
            }
            None => self.code(text.to_owned()),
        };
        self.codes.push(code);
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "a file has fewer than 2^32 rows")]
    fn code(&mut self, name: String) -> u32 {
        if let Some(&code) = self.known.get(&name) {
            return code;
        }
        let code = self.texts.len() as u32;
        self.texts.push(name.clone());
        self.known.insert(name, code);
        code
    }

    pub fn too_many(&self, role: Role) -> bool {
        matches!(role, Role::Class | Role::PredictedClass) && self.texts.len() > MOST_CLASSES
    }
}

/// What is said of a column with too many classes.
pub(super) fn too_many_classes(column: &str) -> crate::Problem {
    let message = format!("`{column}` has more than {MOST_CLASSES} classes");
    crate::Problem::new("too_many_classes", message)
        .at_cell(None, Some(column))
        .expected("a column of classes; numbers are predicted by task `regression`")
}

/// A cell that cannot be, at its place.
pub(super) fn problem((code, message, expected): Wrong, column: &str, line: u64) -> crate::Problem {
    let message = match message.strip_prefix("it ") {
        Some(rest) => format!("`{column}` {rest}"),
        None => message,
    };
    crate::Problem::new(code, message).at_cell(Some(line), Some(column)).expected(expected)
}
