//! What a run that is not there yet would change against the one before it.

use super::attribute::Registry;
use super::model::Task;
use super::moved::{Moved, moved};
use super::{ModelId, RunId};
use metrics::catalogue::Outcome;
use metrics::{Estimate, RunDocument, Slice};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::hash::Hash;

/// What has to be known to say what an upload to a model would become.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Surroundings {
    pub model: ModelId,
    pub task: Task,
    /// What a positive outcome means for the person, where a run does not say.
    pub outcome: Outcome,
    pub registry: Registry,
    /// The model's runs that count, the newest last.
    pub runs: Vec<Earlier>,
}

/// A run that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    pub id: RunId,
    /// The version that it is of.
    pub version: String,
    /// The name and version of its dataset.
    pub dataset: (String, String),
    /// The definitions that it was measured by.
    pub definitions: String,
}

impl Surroundings {
    /// The run that a document follows: the newest on the same dataset, by the same definitions. On
    /// another dataset, or measured otherwise, other numbers would mean nothing.
    pub fn before(&self, document: &RunDocument) -> Option<&Earlier> {
        let dataset = (&document.dataset.name, &document.dataset.version);
        self.runs.iter().rev().find(|run| {
            (&run.dataset.0, &run.dataset.1) == dataset
                && run.definitions == document.instrument.definitions
        })
    }

    /// The estimates of a document under the registry's names.
    pub fn named(&self, document: &RunDocument) -> Vec<Estimate> {
        let named = |estimate: &Estimate| Estimate {
            slice: self.registry.resolve(self.model, &estimate.slice),
            ..estimate.clone()
        };
        document.estimates.iter().map(named).collect()
    }
}

/// What only one of two runs has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing<T> {
    /// Only the later one.
    pub new: Vec<T>,
    /// Only the earlier one.
    pub gone: Vec<T>,
}

impl<T: Clone + Ord + Hash> Differing<T> {
    fn of<'a>(before: impl Iterator<Item = &'a T>, after: impl Iterator<Item = &'a T>) -> Self
    where
        T: 'a,
    {
        let (before, after): (BTreeSet<&T>, BTreeSet<&T>) = (before.collect(), after.collect());
        let only = |these: &BTreeSet<&T>, those: &BTreeSet<&T>| {
            these.difference(those).map(|&it| it.clone()).collect()
        };
        Self { new: only(&after, &before), gone: only(&before, &after) }
    }
}

/// A run against the one before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Against {
    pub slices: Differing<Slice>,
    pub metrics: Differing<String>,
    /// What moved beyond chance, of the series that both have.
    pub moved: Moved,
}

impl Against {
    /// Estimates that would be new against those that are there, both under the registry's names.
    pub fn of(before: &[Estimate], after: &[Estimate], outcome: Outcome) -> Self {
        Self {
            slices: Differing::of(
                before.iter().map(|estimate| &estimate.slice),
                after.iter().map(|estimate| &estimate.slice),
            ),
            metrics: Differing::of(
                before.iter().map(|estimate| &estimate.metric),
                after.iter().map(|estimate| &estimate.metric),
            ),
            moved: moved(before, after, outcome),
        }
    }
}
