//! The registry as a whole, to be asked what a name means and whether it counts.

use super::{Regrouping, Sensitivity, Standing, nearest};
use crate::domain::{AttributeId, GroupId, ModelId};
use metrics::Slice;
use metrics::slice::MISSING;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use time::OffsetDateTime;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownGroup {
    pub id: GroupId,
    pub name: String,
    pub standing: Standing,
    /// The model whose run brought it.
    pub proposed_by: Option<ModelId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownAttribute {
    pub id: AttributeId,
    pub name: String,
    pub description: String,
    pub sensitivity: Sensitivity,
    pub standing: Standing,
    pub version: i64,
    /// By name.
    pub groups: Vec<KnownGroup>,
}

impl KnownAttribute {
    pub fn group(&self, name: &str) -> Option<&KnownGroup> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The names that a lead has accepted.
    pub fn confirmed_groups(&self) -> impl Iterator<Item = &str> {
        self.groups
            .iter()
            .filter(|group| group.standing == Standing::Confirmed)
            .map(|group| group.name.as_str())
    }
}

/// A group that satisfies no policy rule until a lead accepts it or makes it an alias.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Unconfirmed {
    pub attribute: String,
    pub group: String,
    /// The confirmed name that may have been meant: of a group, or of an attribute where the
    /// attribute itself is not confirmed.
    pub nearest: Option<String>,
    /// The groups that had taken its place when the run was evaluated. Then no lead accepts it: the
    /// evaluation has to be made again with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced_by: Vec<String>,
}

/// The nearest known name is looked for of so many unconfirmed groups.
const MOST_NEAREST: usize = 200;

/// All attributes, groups and aliases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Listed", into = "Listed")]
pub struct Registry {
    /// Raised by each confirmation, alias and edit; pinned in digests.
    pub version: i64,
    attributes: BTreeMap<String, KnownAttribute>,
    /// By alias and model, `None` for all models; the attribute's name.
    attribute_aliases: HashMap<(String, Option<ModelId>), String>,
    /// By attribute, alias and model, `None` for all models; the group's name.
    group_aliases: HashMap<(String, String, Option<ModelId>), String>,
    /// The oldest first.
    regroupings: Vec<Regrouping>,
}

/// A registry as lists, which JSON can hold.
#[derive(Serialize, Deserialize)]
struct Listed {
    version: i64,
    attributes: Vec<KnownAttribute>,
    /// Alias, model and attribute.
    attribute_aliases: Vec<(String, Option<ModelId>, String)>,
    /// Attribute, alias, model and group.
    group_aliases: Vec<(String, String, Option<ModelId>, String)>,
    regroupings: Vec<Regrouping>,
}

impl From<Registry> for Listed {
    fn from(registry: Registry) -> Self {
        let of_attribute = |((alias, model), name)| (alias, model, name);
        let of_group = |((attribute, alias, model), name)| (attribute, alias, model, name);
        Self {
            version: registry.version,
            attributes: registry.attributes.into_values().collect(),
            attribute_aliases: registry.attribute_aliases.into_iter().map(of_attribute).collect(),
            group_aliases: registry.group_aliases.into_iter().map(of_group).collect(),
            regroupings: registry.regroupings,
        }
    }
}

impl From<Listed> for Registry {
    fn from(listed: Listed) -> Self {
        let mut registry = Self::new(listed.version, listed.attributes);
        for (alias, model, name) in listed.attribute_aliases {
            registry.add_attribute_alias(&alias, model, &name);
        }
        for (attribute, alias, model, name) in listed.group_aliases {
            registry.add_group_alias(&attribute, &alias, model, &name);
        }
        listed.regroupings.into_iter().for_each(|it| registry.add_regrouping(it));
        registry
    }
}

/// Whether an alias of one model, or of all, counts for this one.
fn counts_for(model: ModelId, of: Option<ModelId>) -> bool {
    of.is_none_or(|of| of == model)
}

impl Registry {
    pub fn new(version: i64, attributes: impl IntoIterator<Item = KnownAttribute>) -> Self {
        let attributes = attributes.into_iter().map(|known| (known.name.clone(), known)).collect();
        Self { version, attributes, ..Self::default() }
    }

    pub fn add_attribute_alias(&mut self, alias: &str, model: Option<ModelId>, attribute: &str) {
        self.attribute_aliases.insert((alias.to_owned(), model), attribute.to_owned());
    }

    pub fn add_group_alias(
        &mut self,
        attribute: &str,
        alias: &str,
        model: Option<ModelId>,
        group: &str,
    ) {
        let key = (attribute.to_owned(), alias.to_owned(), model);
        self.group_aliases.insert(key, group.to_owned());
    }

    pub fn add_regrouping(&mut self, regrouping: Regrouping) {
        self.regroupings.push(regrouping);
        self.regroupings.sort_by_key(|it| it.since);
    }

    pub fn has_regroupings(&self) -> bool {
        !self.regroupings.is_empty()
    }

    /// How the groups of some attributes were drawn anew, the oldest first.
    pub fn regroupings<'a>(
        &'a self,
        attributes: &'a [String],
    ) -> impl Iterator<Item = &'a Regrouping> {
        self.regroupings.iter().filter(|it| attributes.contains(&it.attribute))
    }

    /// What of it a model is read by: other models' names for things, and what they proposed, may
    /// be nobody's business there.
    #[must_use]
    pub fn of_model(mut self, model: ModelId) -> Self {
        self.attribute_aliases.retain(|(_, of), _| counts_for(model, *of));
        self.group_aliases.retain(|(_, _, of), _| counts_for(model, *of));
        for known in self.attributes.values_mut() {
            for group in &mut known.groups {
                group.proposed_by = group.proposed_by.filter(|of| *of == model);
            }
        }
        self
    }

    /// By name.
    pub fn attributes(&self) -> impl Iterator<Item = &KnownAttribute> {
        self.attributes.values()
    }

    pub fn attribute(&self, name: &str) -> Option<&KnownAttribute> {
        self.attributes.get(name)
    }

    /// Alias, model and attribute, sorted.
    pub fn attribute_aliases(&self) -> Vec<(&str, Option<ModelId>, &str)> {
        let mut all: Vec<_> = self
            .attribute_aliases
            .iter()
            .map(|((alias, model), name)| (alias.as_str(), *model, name.as_str()))
            .collect();
        all.sort_unstable();
        all
    }

    /// Alias, model and group of one attribute, sorted.
    pub fn group_aliases(&self, attribute: &str) -> Vec<(&str, Option<ModelId>, &str)> {
        let mut all: Vec<_> = self
            .group_aliases
            .iter()
            .filter(|((of, ..), _)| of == attribute)
            .map(|((_, alias, model), name)| (alias.as_str(), *model, name.as_str()))
            .collect();
        all.sort_unstable();
        all
    }

    /// The canonical attribute of a name that a model uses; a model's own alias goes before one
    /// for all models.
    pub fn attribute_name<'a>(&'a self, model: ModelId, attribute: &'a str) -> &'a str {
        let alias = |model| self.attribute_aliases.get(&(attribute.to_owned(), model));
        alias(Some(model)).or_else(|| alias(None)).map_or(attribute, String::as_str)
    }

    /// Every name by which a model may know an attribute.
    pub fn names_of<'a>(&'a self, model: ModelId, attribute: &'a str) -> BTreeSet<&'a str> {
        let aliases = self
            .attribute_aliases
            .iter()
            .filter(|((_, of), name)| counts_for(model, *of) && *name == attribute)
            .map(|((alias, _), _)| alias.as_str());
        std::iter::once(attribute).chain(aliases).collect()
    }

    /// The canonical attribute and group of a pair that a model uses.
    pub fn pair<'a>(
        &'a self,
        model: ModelId,
        attribute: &'a str,
        group: &'a str,
    ) -> (&'a str, &'a str) {
        let attribute = self.attribute_name(model, attribute);
        let alias =
            |model| self.group_aliases.get(&(attribute.to_owned(), group.to_owned(), model));
        let group = alias(Some(model)).or_else(|| alias(None)).map_or(group, String::as_str);
        (attribute, group)
    }

    /// The slice in canonical names. A slice that would name an attribute twice stays as it is.
    pub fn resolve(&self, model: ModelId, slice: &Slice) -> Slice {
        Slice::new(slice.pairs().map(|(attribute, group)| self.pair(model, attribute, group)))
            .unwrap_or_else(|_| slice.clone())
    }

    /// Whether attribute and group count, by any of their names; `None` when one is unknown.
    /// Rows without a value stand as their attribute does.
    pub fn standing(&self, model: ModelId, attribute: &str, group: &str) -> Option<Standing> {
        let (attribute, group) = self.pair(model, attribute, group);
        let known = self.attribute(attribute)?;
        if group == MISSING {
            return Some(known.standing);
        }
        let group = known.group(group)?;
        Some(if known.standing == Standing::Confirmed { group.standing } else { known.standing })
    }

    /// What had taken the place of a group when an evaluation was made: its people are told apart
    /// otherwise since, so that no rule is satisfied by its numbers. Of several that name the group,
    /// the last counts.
    pub fn replaced(
        &self,
        model: ModelId,
        attribute: &str,
        group: &str,
        at: OffsetDateTime,
    ) -> Option<&Regrouping> {
        let (attribute, group) = self.pair(model, attribute, group);
        let newest = self.regroupings.iter().rev().find(|regrouping| {
            regrouping.attribute == attribute && regrouping.names(group) && regrouping.holds(at)
        });
        newest.filter(|regrouping| regrouping.ends(group))
    }

    /// Every attribute=group of these slices of an evaluation that is not confirmed, or was replaced
    /// by then, once, sorted.
    pub fn unconfirmed<'a>(
        &self,
        model: ModelId,
        slices: impl IntoIterator<Item = &'a Slice>,
        at: OffsetDateTime,
    ) -> Vec<Unconfirmed> {
        let pairs: BTreeSet<(&str, &str)> = slices.into_iter().flat_map(Slice::pairs).collect();
        let mut found = vec![];
        for (attribute, group) in pairs {
            let replaced = self.replaced(model, attribute, group, at);
            let is_confirmed = self.standing(model, attribute, group) == Some(Standing::Confirmed);
            if is_confirmed && replaced.is_none() {
                continue;
            }
            let nearest = match replaced {
                Some(_) => None,
                // Looking through all names for each of thousands takes minutes.
                None if found.len() >= MOST_NEAREST => None,
                None => self.nearest_to(model, attribute, group).map(str::to_owned),
            };
            found.push(Unconfirmed {
                attribute: attribute.to_owned(),
                group: group.to_owned(),
                nearest,
                replaced_by: replaced.map(|it| it.after.clone()).unwrap_or_default(),
            });
        }
        found
    }

    /// The confirmed name nearest to an unconfirmed group, or to its attribute where that is not
    /// confirmed itself.
    pub fn nearest_to(&self, model: ModelId, attribute: &str, group: &str) -> Option<&str> {
        let name = self.attribute_name(model, attribute);
        match self.attribute(name).filter(|known| known.standing == Standing::Confirmed) {
            Some(known) => nearest(group, known.confirmed_groups()),
            None => nearest(attribute, self.confirmed_attributes()),
        }
    }

    fn confirmed_attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes
            .values()
            .filter(|known| known.standing == Standing::Confirmed)
            .map(|known| known.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-11-01 09:00 UTC);

    const OURS: ModelId = ModelId(Uuid::from_u128(1));
    const OTHER: ModelId = ModelId(Uuid::from_u128(2));

    fn group(name: &str, standing: Standing) -> KnownGroup {
        KnownGroup { id: GroupId(Uuid::nil()), name: name.to_owned(), standing, proposed_by: None }
    }

    fn registry() -> Registry {
        let sex = KnownAttribute {
            id: AttributeId(Uuid::nil()),
            name: "sex".to_owned(),
            description: String::new(),
            sensitivity: Sensitivity::Sensitive,
            standing: Standing::Confirmed,
            version: 1,
            groups: vec![
                group("Female", Standing::Confirmed),
                group("Male", Standing::Confirmed),
                group("X", Standing::Proposed),
            ],
        };
        let mut registry = Registry::new(1, [sex]);
        registry.add_attribute_alias("gender", Some(OURS), "sex");
        registry.add_group_alias("sex", "F", Some(OURS), "Female");
        registry.add_group_alias("sex", "F", None, "Male");
        registry
    }

    #[test]
    fn a_models_own_alias_goes_before_one_for_all() {
        let slice = Slice::parse("gender=F").unwrap();
        assert_eq!(registry().resolve(OURS, &slice).to_string(), "sex=Female");
        assert_eq!(registry().resolve(OTHER, &slice), slice);
        assert_eq!(registry().standing(OTHER, "sex", "F"), Some(Standing::Confirmed));
    }

    #[test]
    fn a_slice_that_would_name_an_attribute_twice_stays_as_it_is() {
        let slice = Slice::parse("gender=F;sex=Male").unwrap();
        assert_eq!(registry().resolve(OURS, &slice), slice);
    }

    #[test]
    fn what_nobody_accepted_is_unconfirmed_with_the_name_that_was_meant() {
        let slices: Vec<_> =
            ["sex=female", "sex=X", "sexx=Male", "sex=Female", "sex=(missing)", ""]
                .iter()
                .map(|text| Slice::parse(text).unwrap())
                .collect();
        let found: Vec<_> = registry()
            .unconfirmed(OURS, &slices, NOW)
            .into_iter()
            .map(|found| (found.attribute, found.group, found.nearest))
            .collect();
        let expected =
            [("sex", "X", None), ("sex", "female", Some("Female")), ("sexx", "Male", Some("sex"))]
                .map(|(a, g, n): (&str, &str, Option<&str>)| {
                    (a.to_owned(), g.to_owned(), n.map(str::to_owned))
                });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_group_that_others_replaced_counts_in_evaluations_before_them_only() {
        let mut registry = registry();
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let mut regroup = |before: &[&str], after: &[&str], since: OffsetDateTime| {
            registry.add_regrouping(Regrouping {
                attribute: "sex".to_owned(),
                before: owned(before),
                after: owned(after),
                reason: "asked anew".to_owned(),
                since: i64::try_from(since.unix_timestamp_nanos() / 1_000).unwrap(),
            });
        };
        regroup(&["Female"], &["Woman", "Girl"], NOW);
        regroup(&["Woman", "Girl"], &["Female"], NOW + time::Duration::DAY);
        let female = Slice::parse("gender=F").unwrap();
        let earlier = NOW - time::Duration::SECOND;
        assert_eq!(registry.unconfirmed(OURS, [&female], earlier), []);
        let found = registry.unconfirmed(OURS, [&female], NOW);
        assert_eq!((found[0].nearest.as_deref(), found.len()), (None, 1));
        assert_eq!(found[0].replaced_by, ["Woman", "Girl"]);
        let back = NOW + time::Duration::DAY;
        assert_eq!(registry.unconfirmed(OURS, [&female], back), [], "it came back");
        assert!(registry.replaced(OURS, "sex", "Woman", back).is_some());
        assert!(registry.replaced(OURS, "sex", "Male", back).is_none());
        assert!(registry.replaced(OURS, "race", "Woman", back).is_none());
    }
}
