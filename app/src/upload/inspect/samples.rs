//! The samples of a log: how many a group has, and how many of them were right.

use crate::upload::spot::Spot;
use metrics::Slice;
use metrics::slice::normalise_name;
use std::cell::RefCell;
use std::collections::HashMap;

pub(super) struct Samples<'n> {
    list: Vec<Spot<'n>>,
    /// By scorer and attribute the tallies of its groups; of all samples under an empty attribute.
    known: RefCell<HashMap<(String, String), HashMap<String, Tally>>>,
}

#[derive(Clone, Copy)]
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
        Self { list, known: RefCell::default() }
    }

    /// The samples of all or of one group that a scorer scored; `None` where the log has none.
    pub fn tally(&self, scorer: &str, slice: &Slice) -> Option<Tally> {
        let (attribute, group) = slice.pairs().next().unwrap_or_default();
        let key = (scorer.to_owned(), attribute.to_owned());
        let mut known = self.known.borrow_mut();
        let groups = known.entry(key).or_insert_with(|| self.tallies(scorer, attribute));
        groups.get(group).copied()
    }

    fn tallies(&self, scorer: &str, attribute: &str) -> HashMap<String, Tally> {
        let mut groups: HashMap<String, Tally> = HashMap::new();
        for sample in &self.list {
            let group = if attribute.is_empty() {
                Some(String::new())
            } else {
                let value = sample.find(&["metadata", attribute]).and_then(|value| value.name());
                value.map(|value| normalise_name(&value))
            };
            let score = sample.find(&["scores", scorer, "value"]);
            let (Some(group), Some(score)) = (group, score) else { continue };
            let tally = groups.entry(group).or_insert(Tally { n: 0, right: Some(0) });
            tally.n += 1;
            tally.right = tally.right.zip(mark(&score)).map(|(sum, mark)| sum + mark);
        }
        groups
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
