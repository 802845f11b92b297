//! A list of problems that does not grow with the file.

use crate::{Place, Problem};

/// How many are listed; the rest are counted.
const LISTED: usize = 100;

/// Problems in the order of the file, the first hundred of them in full.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    more: u64,
    fatal: bool,
}

impl Problems {
    /// Adds a problem, which is only made if there is room for it.
    pub fn push(&mut self, problem: impl FnOnce() -> Problem) {
        if self.list.len() < LISTED {
            self.list.push(problem());
        } else {
            self.more += 1;
        }
    }

    /// Adds a problem after which reading on is of no use. Told once, however often it is met.
    pub fn fatal(&mut self, problem: Problem) {
        self.fatal = true;
        if !self.list.contains(&problem) {
            self.list.truncate(LISTED - 1);
            self.list.push(problem);
        }
    }

    /// Whether reading on is of no use.
    pub fn is_fatal(&self) -> bool {
        self.fatal
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds those of a later part, which has `lines` lines before it.
    pub fn append(&mut self, later: Self, lines: u64) {
        self.fatal |= later.fatal;
        self.more += later.more;
        for mut problem in later.list {
            if let Some(Place::Cell { line: Some(line), .. }) = &mut problem.place {
                *line += lines;
            }
            if later.fatal && self.list.contains(&problem) {
                continue;
            }
            self.push(|| problem);
        }
    }

    /// Puts them in the order of the file.
    pub fn sort(&mut self) {
        self.list.sort_by(|a, b| a.place.cmp(&b.place));
    }

    /// All of them, and a last one that counts those that are not listed.
    pub fn into_list(mut self) -> Vec<Problem> {
        if self.more > 0 {
            let message = format!("and {} more problems", self.more);
            self.list.push(Problem::new("more_problems", message));
        }
        self.list
    }
}
