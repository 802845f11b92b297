//! Policies: what the evidence must show before a version may launch.
//!
//! A policy is written as TOML and read into [`Policy`], in which everything has its default and
//! the rules of the policy that it extends stand first.

mod check;
pub mod difference;
pub mod parse;
pub mod template;

pub use parse::{Draft, parse};

use super::model::{RiskTier, Task};
use super::role::Function;
use super::text_enum::text_enum;
use metrics::Slice;
use metrics::disparity::{Kind, Reference};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The JSON Schema of a policy as its TOML reads, as published at `/api/v1/schemas/policy.v1.json`.
pub const POLICY_SCHEMA: &str = include_str!("policy/policy.v1.schema.json");

text_enum! {
    /// What a rule that does not pass does to a launch.
    Mode {
        Shadow = "shadow" ("shadow"),
        Warn = "warn" ("warn"),
        Block = "block" ("block"),
    }
}

text_enum! {
    /// Who has to show what.
    Burden {
        Safety = "safety" ("safety must be shown"),
        Harm = "harm" ("harm must be shown"),
    }
}

text_enum! {
    /// What kind of number satisfies a rule.
    Evidence {
        Recomputed = "recomputed" ("recomputed from counts"),
        Reported = "reported" ("as reported"),
    }
}

/// One version of a policy, with what it extends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    pub name: String,
    pub applies_to: AppliesTo,
    /// In which functions somebody must sign.
    pub sign_offs: Vec<Function>,
    /// Each rule's id is unique here.
    pub rules: Vec<Rule>,
}

impl Policy {
    /// The slices that its rules look at.
    pub fn reach(&self) -> Reach<'_> {
        let mut reach = Reach::default();
        for rule in &self.rules {
            match &rule.target {
                Target::Slices(slices) => {
                    for slice in slices {
                        reach.arities.insert(slice.arity());
                        reach.attributes.extend(slice.attributes());
                    }
                }
                Target::Groups { attributes, arity } => {
                    reach.arities.insert(*arity);
                    reach.attributes.extend(attributes.iter().map(String::as_str));
                }
            }
        }
        reach
    }
}

/// Slices by what they are made of: overall, and those of so many attributes among which is one of
/// these. Runs have many more, most of them intersections that no rule names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach<'p> {
    pub arities: BTreeSet<usize>,
    /// Canonical names.
    pub attributes: BTreeSet<&'p str>,
}

/// The models that a policy is for; an empty list is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppliesTo {
    pub tasks: Vec<Task>,
    pub risk_tiers: Vec<RiskTier>,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// A slug: what waivers, findings and links name it by.
    pub id: String,
    pub name: String,
    /// A metric's key, with its cut-off where it has one.
    pub metric: String,
    pub target: Target,
    pub subject: Subject,
    pub bound: Bound,
    pub burden: Burden,
    pub mode: Mode,
    /// Confidence level of the intervals, in (0.5, 1).
    pub level: f64,
    /// A true value this far beyond the bound is one that the rule must find (power at bound + δ).
    pub delta: f64,
    pub evidence: Evidence,
    /// Fewer rows in the metric's denominator are not enough evidence; the group is never the
    /// reference.
    pub least_n: u64,
    /// The same for rows with a positive label, where the estimate counts them.
    pub least_positives: u64,
    /// Older runs are stale.
    pub max_age_days: Option<u32>,
    pub dataset: Option<DatasetChoice>,
    pub instrument: Option<InstrumentChoice>,
}

impl Rule {
    /// Where the subject must lie, from and to, as far as the bound says.
    pub fn wanted(&self) -> (f64, f64) {
        let (min, max) = (self.bound.min, self.bound.max);
        match (&self.subject, min, max) {
            (Subject::Disparity { kind: Kind::Difference, .. }, None, Some(max)) => (-max, max),
            _ => (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY)),
        }
    }
}

/// On which slices a rule holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// These slices; the empty one is overall.
    Slices(Vec<Slice>),
    /// Every confirmed group of every combination of `arity` of these attributes.
    Groups { attributes: Vec<String>, arity: usize },
}

/// What is held against the bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The estimate itself.
    Estimate,
    /// How a group differs from the reference.
    Disparity { kind: Kind, reference: Reference },
    /// Estimate minus that of the last launched version, on the same dataset version.
    Change,
}

/// Where the subject must lie. A difference with `max` alone lies within ±max.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bound {
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl Bound {
    /// The bound in words, for a sentence and for what a waiver lifts.
    pub fn text(&self) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("between {min} and {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => "not bounded".to_owned(),
        }
    }
}

/// `name` or `name@version`: without a version, the newest accepted run on any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetChoice {
    pub name: String,
    pub version: Option<String>,
}

/// `name`, with the metric definitions' version where it matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstrumentChoice {
    pub name: String,
    pub definitions: Option<String>,
}
