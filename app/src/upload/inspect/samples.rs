//! The samples of a log: how many a group has, and how many of them were right.

use crate::upload::spot::Spot;
use metrics::Slice;

pub(super) struct Samples<'n> {
    list: Vec<Spot<'n>>,
}

pub(super) struct Tally {
    pub n: u64,
    /// `None` where a score is neither right nor wrong.
    pub right: Option<u64>,
}

impl<'n> Samples<'n> {
    /// The samples of a log, as far as they were each asked once: of several epochs the log's
    /// numbers are of reduced scores.
    pub fn of(root: &Spot<'n>) -> Self {
        let epochs = root.find(&["eval", "config", "epochs"]).and_then(|it| it.count());
        let list = match epochs {
            None | Some(1) => root.get("samples").iter().flat_map(Spot::items).collect(),
            Some(_) => vec![],
        };
        Self { list }
    }

    /// The samples of a slice that a scorer scored; `None` where the log has none.
    pub fn tally(&self, scorer: &str, slice: &Slice) -> Option<Tally> {
        if self.list.is_empty() {
            return None;
        }
        let (mut n, mut right) = (0, Some(0));
        for sample in &self.list {
            let is_inside = slice.pairs().all(|(attribute, group)| {
                let value = sample.find(&["metadata", attribute]).and_then(|value| value.name());
                value.is_some_and(|value| metrics::slice::normalise_name(&value) == group)
            });
            let score = sample.find(&["scores", scorer, "value"]);
            let (true, Some(score)) = (is_inside, score) else { continue };
            n += 1;
            right = right.zip(mark(&score)).map(|(sum, mark)| sum + mark);
        }
        Some(Tally { n, right })
    }
}

/// 1 for right, 0 for wrong; partly right is neither.
fn mark(score: &Spot) -> Option<u64> {
    match score.text() {
        Some("C") => return Some(1),
        Some("I" | "N") => return Some(0),
        _ => {}
    }
    match (score.truth(), score.number()) {
        (Some(truth), _) => Some(u64::from(truth)),
        (None, Some(1.0)) => Some(1),
        (None, Some(0.0)) => Some(0),
        _ => None,
    }
}
