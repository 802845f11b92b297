//! The shares that groups of items should have.

use super::lists::{Lists, slice_of_group};
use crate::Problem;
use crate::read::{Attribute, Role};
use crate::slice::MISSING;
use crate::spec::{Ranking, Target};
use std::collections::BTreeSet;

/// The target of an item attribute.
pub(in crate::evaluate) struct Aim {
    /// Its place among the attributes.
    pub attribute: usize,
    /// The target share by group; 0 for items without a group.
    pub shares: Vec<f64>,
    /// How many groups a list has to show to show all of them.
    pub groups: usize,
    /// What is said of it in the receipt.
    pub note: String,
}

impl Aim {
    /// The target of each item attribute.
    pub fn all(lists: &Lists, ranking: &Ranking) -> Result<Vec<Self>, Vec<Problem>> {
        let mut problems = Vec::new();
        let aims = ranking
            .item_slices
            .iter()
            .filter_map(|column| {
                let name = crate::slice::normalise_name(column);
                let attributes = &lists.table.attributes;
                let at = attributes.iter().position(|attribute| attribute.name == name)?;
                Self::of(lists, ranking, at, ranking.target(column))
                    .map_err(|problem| problems.push(problem))
                    .ok()
            })
            .collect();
        if problems.is_empty() { Ok(aims) } else { Err(problems) }
    }

    fn of(lists: &Lists, ranking: &Ranking, at: usize, target: &Target) -> Result<Self, Problem> {
        let attribute = &lists.table.attributes[at];
        let known: Vec<bool> = attribute.groups.iter().map(|group| group != MISSING).collect();
        let groups = known.iter().filter(|known| **known).count();
        let name = &attribute.name;
        let (weights, groups, note) = match target {
            Target::Uniform => {
                let weights = known.iter().map(|known| f64::from(u8::from(*known))).collect();
                (
                    weights,
                    groups,
                    format!("the target of `{name}` is the same share for each group"),
                )
            }
            Target::Catalogue => (
                catalogue(lists, attribute),
                groups,
                format!("the target of `{name}` is its shares among the items of the file"),
            ),
            Target::Qualified => (
                qualified(lists, ranking, attribute),
                groups,
                format!("the target of `{name}` is its shares among relevant items"),
            ),
            Target::Given(shares) => {
                let strangers = attribute.groups.iter().zip(&known);
                if let Some((group, _)) = strangers
                    .into_iter()
                    .find(|(group, known)| **known && !shares.contains_key(*group))
                {
                    let slice = slice_of_group(name, group);
                    let message = format!("the target of `{name}` has no share for {slice}");
                    return Err(Problem::new("no_target_share", message)
                        .at_pointer(format!("/target/{name}"))
                        .expected("a share for every group of the file"));
                }
                let of = |group: &String| shares.get(group).copied().unwrap_or(0.0);
                let weights = attribute.groups.iter().map(of).collect();
                (weights, shares.len(), format!("the target of `{name}` is given by the spec"))
            }
        };
        let shares = match target {
            // A given group that the file lacks keeps its share.
            Target::Given(_) => weights,
            _ => normalised(weights, &known),
        };
        Ok(Self { attribute: at, shares, groups, note })
    }
}

fn normalised(mut weights: Vec<f64>, known: &[bool]) -> Vec<f64> {
    for (weight, _) in weights.iter_mut().zip(known).filter(|(_, known)| !**known) {
        *weight = 0.0;
    }
    let sum: f64 = weights.iter().sum();
    if sum > 0.0 {
        for weight in &mut weights {
            *weight /= sum;
        }
    }
    weights
}

/// Items by group, each item once; rows, where no column names the item.
fn catalogue(lists: &Lists, attribute: &Attribute) -> Vec<f64> {
    let mut counts = vec![0.0; attribute.groups.len()];
    match lists.table.names(Role::Item) {
        None => attribute.codes.iter().for_each(|&code| counts[usize::from(code)] += 1.0),
        Some(items) => {
            let mut seen = BTreeSet::new();
            for (item, &code) in items.codes.iter().zip(&attribute.codes) {
                if seen.insert(*item) {
                    counts[usize::from(code)] += 1.0;
                }
            }
        }
    }
    counts
}

fn qualified(lists: &Lists, ranking: &Ranking, attribute: &Attribute) -> Vec<f64> {
    let mut counts = vec![0.0; attribute.groups.len()];
    for (&relevance, &code) in lists.table.numbers(Role::Relevance).iter().zip(&attribute.codes) {
        if ranking.is_relevant(relevance) {
            counts[usize::from(code)] += 1.0;
        }
    }
    counts
}
