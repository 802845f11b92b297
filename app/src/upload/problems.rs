//! The list of problems, bounded so that a hopeless file gets a readable answer.

use metrics::{Place, Problem};

const LISTED: usize = 100;

/// Problems in reading order, the first hundred in words and the others as a number.
#[derive(Default)]
pub(super) struct Problems {
    listed: Vec<Problem>,
    more: u64,
}

impl Problems {
    pub fn add(&mut self, problem: Problem) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.listed.push(problem);
        }
    }

    pub fn add_at(&mut self, place: Place, problem: Problem) {
        self.add(Problem { place: Some(place), ..problem });
    }

    /// Whether anything was found wrong.
    pub fn any(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Whether further problems are only counted, so that no effort for their words is due.
    pub fn is_full(&self) -> bool {
        self.listed.len() >= LISTED
    }

    /// What was read, unless there was a problem.
    pub fn settle<T>(mut self, read: Option<T>) -> Result<T, Vec<Problem>> {
        if self.more > 0 {
            let more = self.more;
            self.listed.push(Problem::new("more_problems", format!("and {more} more")));
        }
        match read {
            Some(read) if self.listed.is_empty() => Ok(read),
            Some(_) => Err(self.listed),
            None => {
                debug_assert!(!self.listed.is_empty(), "a reader gave up without saying why");
                Err(self.listed)
            }
        }
    }
}
