//! What a run that is not there yet would change against the one before it.

use super::attribute::Registry;
use super::moved::{Moved, moved};
use super::{ModelId, RunId};
use metrics::catalogue::Outcome;
use metrics::{Estimate, RunDocument, Slice};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What has to be known to say what an upload to a model would become.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Surroundings {
    pub model: ModelId,
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
    /// The instrument, and the definitions that it was measured by.
    pub instrument: String,
    pub definitions: String,
}

impl Surroundings {
    /// The run that a document follows: the newest on the same dataset, by the same instrument's same
    /// definitions. On another dataset, or measured otherwise, other numbers would mean nothing.
    pub fn before(&self, document: &RunDocument) -> Option<&Earlier> {
        let dataset = (&document.dataset.name, &document.dataset.version);
        self.runs.iter().rev().find(|run| {
            (&run.dataset.0, &run.dataset.1) == dataset
                && run.instrument == document.instrument.name
                && run.definitions == document.instrument.definitions
        })
    }

    /// What a document changes against the estimates of the run that it follows; `named` are its own
    /// under the registry's names.
    pub fn against(
        &self,
        document: &RunDocument,
        named: &[Estimate],
        before: &[Estimate],
    ) -> Against {
        Against::of(before, named, document.positive_outcome.unwrap_or(self.outcome))
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

impl<T: Clone + Ord> Differing<T> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{DatasetRef, Instrument};
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn rate(slice: &str, metric: &str, part: u64, whole: u64) -> Estimate {
        Estimate {
            slice: Slice::parse(slice).unwrap(),
            metric: metric.to_owned(),
            value: Some(part as f64 / whole as f64),
            n: Some(whole),
            numerator: Some(part),
            denominator: Some(whole),
            positives: None,
            n_effective: None,
            stderr: None,
            threshold: None,
            interval: None,
            undefined: None,
        }
    }

    fn document(dataset: &str, definitions: &str, estimates: Vec<Estimate>) -> RunDocument {
        RunDocument {
            schema: metrics::run::SCHEMA.to_owned(),
            evaluated_at: OffsetDateTime::UNIX_EPOCH,
            dataset: DatasetRef {
                name: dataset.to_owned(),
                version: "1".to_owned(),
                digest: None,
                rows: None,
            },
            instrument: Instrument {
                name: "ours".to_owned(),
                version: "1".to_owned(),
                definitions: definitions.to_owned(),
                judge: None,
            },
            positive_outcome: None,
            metrics: vec![],
            estimates,
        }
    }

    fn around() -> Surroundings {
        let run = |id: u128, version: &str, dataset: &str, definitions: &str| Earlier {
            id: RunId(Uuid::from_u128(id)),
            version: version.to_owned(),
            dataset: (dataset.to_owned(), "1".to_owned()),
            instrument: "ours".to_owned(),
            definitions: definitions.to_owned(),
        };
        let mut registry = Registry::new(3, []);
        registry.add_attribute_alias("gender", None, "sex");
        Surroundings {
            model: ModelId(Uuid::from_u128(9)),
            outcome: Outcome::Favourable,
            registry,
            runs: vec![
                run(1, "v1", "adult", "1"),
                run(2, "v2", "adult", "1"),
                run(3, "v2", "adult", "2"),
                run(4, "v3", "compas", "1"),
            ],
        }
    }

    #[test]
    fn a_document_follows_the_newest_run_on_its_dataset_by_its_definitions() {
        let before = |dataset: &str, definitions: &str| {
            let document = document(dataset, definitions, vec![]);
            around().before(&document).map(|run| run.id.0.as_u128())
        };
        assert_eq!(before("adult", "1"), Some(2));
        assert_eq!(before("adult", "2"), Some(3));
        assert_eq!(before("adult", "3"), None);
        assert_eq!(before("german-credit", "1"), None);
        let mut theirs = document("adult", "1", vec![]);
        theirs.instrument.name = "theirs".to_owned();
        assert_eq!(around().before(&theirs), None, "another tool's definition 1 is another");
    }

    #[test]
    fn slices_are_compared_under_the_names_of_the_registry() {
        let old = [rate("sex=Female", "accuracy", 90, 100), rate("sex=Other", "accuracy", 9, 10)];
        let sent = document(
            "adult",
            "1",
            vec![rate("gender=Female", "accuracy", 40, 100), rate("", "precision", 1, 2)],
        );
        let against = Against::of(&old, &around().named(&sent), Outcome::Favourable);
        let labels = |slices: &[Slice]| slices.iter().map(Slice::label).collect::<Vec<_>>();
        assert_eq!(labels(&against.slices.new), ["Overall"]);
        assert_eq!(labels(&against.slices.gone), ["Other"]);
        assert_eq!((against.metrics.new, against.metrics.gone), (vec!["precision".into()], vec![]));
        let moved = &against.moved.lines;
        assert_eq!((moved.len(), moved[0].slice.label().as_str()), (1, "Female"));
        assert_eq!((moved[0].before, moved[0].after), ((0.9, Some(100)), (0.4, Some(100))));
        assert_eq!(moved[0].is_worse, Some(true));
    }

    #[test]
    fn other_models_names_are_not_told() {
        let (own, other) = (ModelId(Uuid::from_u128(9)), ModelId(Uuid::from_u128(10)));
        let mut registry = around().registry;
        registry.add_attribute_alias("gndr", Some(own), "sex");
        registry.add_attribute_alias("secret", Some(other), "sex");
        registry.add_group_alias("sex", "hidden", Some(other), "Female");
        let text = serde_json::to_string(&registry.of_model(own)).unwrap();
        assert!(text.contains("gndr") && text.contains("gender"), "{text}");
        assert!(!text.contains("secret") && !text.contains("hidden"), "{text}");
    }

    #[test]
    fn what_surrounds_an_upload_comes_through_json_as_it_was() {
        let text = serde_json::to_string(&around()).unwrap();
        let back: Surroundings = serde_json::from_str(&text).unwrap();
        assert_eq!((back.registry, back.runs), (around().registry, around().runs));
    }
}
